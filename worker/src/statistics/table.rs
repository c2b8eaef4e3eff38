//! What DuckDB knows of its own tables.
//!
//! Rows are told by the catalog, bounds and distinct values by the statistics that DuckDB keeps of each column, bytes by the blocks that
//! hold the table's segments ([`segments`]). Widths come from a sample of rows.

use arrow::array::Array as _;
use arrow::datatypes::{DataType, Schema};
use tavana_wire::Failure;
use tavana_wire::statistics::{ColumnStatistics, RelationStatistics};

use super::resolve::Entry;
use super::rows::Rows;
use super::segments;
use crate::engine::{Connection, quoted};

/// Rows that are read for widths.
const SAMPLE_ROWS: usize = 2048;
/// Columns whose statistics are read.
const COLUMNS: usize = 1000;

/// Fills in what is known of a table.
///
/// # Errors
/// What DuckDB says.
pub(super) fn look(
    connection: &Connection,
    entry: &Entry,
    schema: &Schema,
    found: &mut RelationStatistics,
) -> Result<(), Failure> {
    let table = full_name(entry);
    found.rows = entry.rows;
    found.indexes = entry.indexes;
    found.because.push(
        "rows are as the catalog has them: those just deleted may count, those of the open transaction do not"
            .to_owned(),
    );
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).take(COLUMNS).collect();
    let calls: Vec<String> = names.iter().map(|name| format!("system.main.stats({})", quoted(name))).collect();
    let told = Rows::read(connection, &format!("SELECT {} FROM {table} LIMIT 1", calls.join(", ")), &[])?;
    let sample = Rows::read(connection, &format!("SELECT * FROM {table} LIMIT {SAMPLE_ROWS}"), &[])?;
    let (widths, nulls) = (widths(&sample), null_parts(&sample));
    for (index, name) in names.iter().enumerate() {
        let text = told.texts(index)?.into_iter().flatten().next().unwrap_or_default();
        let mut column = column(name, &text, entry.rows);
        column.average_bytes = widths.get(index).copied();
        if let (Some(&part), Some(rows), None) = (nulls.get(index), entry.rows, column.null_count) {
            column.null_count = Some((part * rows as f64) as u64);
            let rate = sample_rate(schema.field(index).data_type());
            column.distinct_count = column.distinct_count.map(|told| distinct_values(told, part, rows, rate));
        }
        found.columns.push(column);
    }
    segments::look(connection, &table, schema, entry.rows, found)?;
    if found.stored_bytes.is_none() {
        let width: f64 = widths.iter().sum();
        found.stored_bytes = entry.rows.map(|rows| (rows as f64 * width) as u64);
        found.because.push("bytes are estimated by the widths of the first rows".to_owned());
    }
    Ok(())
}

/// Catalog, schema and name as SQL.
pub(super) fn full_name(entry: &Entry) -> String {
    [&entry.database, &entry.schema, &entry.name].map(|part| quoted(part)).join(".")
}

/// Bytes that a value takes in Arrow, column by column.
pub(super) fn widths(rows: &Rows) -> Vec<f64> {
    let Some(batch) = rows.batch().filter(|batch| batch.num_rows() > 0) else { return Vec::new() };
    let bytes = |column: &arrow::array::ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default();
    batch.columns().iter().map(|column| bytes(column) as f64 / batch.num_rows() as f64).collect()
}

/// The part of each column that is null.
fn null_parts(rows: &Rows) -> Vec<f64> {
    let Some(batch) = rows.batch().filter(|batch| batch.num_rows() > 0) else { return Vec::new() };
    let part = |column: &arrow::array::ArrayRef| column.logical_null_count() as f64 / batch.num_rows() as f64;
    batch.columns().iter().map(part).collect()
}

/// The part of the rows in which DuckDB counts different values.
fn sample_rate(kind: &DataType) -> f64 {
    if kind.is_integer() { 0.3 } else { 0.1 }
}

/// How many different values there are, by what DuckDB says.
///
/// It counts them in a part of the rows, and takes it that few of those it met there are unique if few of all rows had a new one. But it
/// counts nulls as rows, so that of a column with nulls it says far too little. Its formula is `n·(r·x + (1-r)·x³)` for `n` rows, of which
/// it looked at the part `r` and met a new value in the part `x` of these: so `x` can be found, and put right.
fn distinct_values(told: u64, null_part: f64, rows: u64, rate: f64) -> u64 {
    let (all, values) = (rows as f64, rows as f64 * (1.0 - null_part));
    let count = |met: f64| rate * met + (1.0 - rate) * met.powi(3);
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if all * count(middle) > told as f64 { high = middle } else { low = middle }
    }
    let met = (low / (1.0 - null_part).max(f64::MIN_POSITIVE)).min(1.0);
    ((values * count(met)).max(told as f64).min(values)) as u64
}

/// What the text says that `stats()` gives: `[Min: 0, Max: 9][Has Null: false, Has No Null: true][Approx Unique: 10]`.
pub(super) fn column(name: &str, text: &str, rows: Option<u64>) -> ColumnStatistics {
    let after = |mark: &str| text.rsplit_once(mark).map(|(_, rest)| rest);
    let says = |mark: &str| after(mark).and_then(|rest| rest.split([']', ',']).next());
    let has_values = says("Has No Null: ") == Some("true");
    let null_count = match (says("Has Null: "), has_values) {
        (Some("false"), _) => Some(0),
        (Some("true"), false) => rows,
        _ => None,
    };
    // Of strings only the beginnings are kept, and nested columns have several bounds.
    let bounds = text.strip_prefix("[Min: ").filter(|_| has_values && !text.contains("Has Unicode: "));
    let bounds = bounds.and_then(|rest| rest.split_once(']')?.0.split_once(", Max: "));
    ColumnStatistics {
        name: name.to_owned(),
        min: bounds.map(|(min, _)| min.to_owned()),
        max: bounds.map(|(_, max)| max.to_owned()),
        null_count,
        distinct_count: says("[Approx Unique: ").and_then(|count| count.parse().ok()),
        ..ColumnStatistics::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_values_are_counted_among_those_that_are_there() {
        let check = |told: u64, null_part: f64, rate: f64, at_least: u64, at_most: u64| {
            let found = distinct_values(told, null_part, 1_000_000, rate);
            assert!((at_least..=at_most).contains(&found), "{told} {null_part}: {found}");
        };
        // All differ, of which three in ten are there: DuckDB says 0.1 · 0.3 + 0.9 · 0.3³.
        check(54_300, 0.7, 0.1, 290_000, 300_000);
        check(1_000_000, 0.0, 0.1, 999_000, 1_000_000);
        check(100, 0.5, 0.3, 100, 110);
        check(10, 1.0, 0.1, 0, 0);
        check(u64::MAX, 0.5, 0.1, 499_999, 500_000);
    }

    #[test]
    fn what_duckdb_tells_of_a_column_is_read() {
        let check = |text: &str, bounds: Option<(&str, &str)>, nulls: Option<u64>, distinct: Option<u64>| {
            let column = column("c", text, Some(9));
            assert_eq!(column.min.as_deref().zip(column.max.as_deref()), bounds, "{text}");
            assert_eq!((column.null_count, column.distinct_count), (nulls, distinct), "{text}");
        };
        let integers = "[Min: 0, Max: 9][Has Null: false, Has No Null: true][Approx Unique: 10]";
        check(integers, Some(("0", "9")), Some(0), Some(10));
        let strings = "[Min: a], Max: , Max: b, Has Unicode: false, Max String Length: 1][Has Null: true, Has No Null: true][Approx Unique: 3]";
        check(strings, None, None, Some(3));
        check("[Min: 2147483647, Max: -2147483648][Has Null: true, Has No Null: false]", None, Some(9), None);
        let nested = "[[Min: 0, Max: 2][Has Null: false, Has No Null: true]][Has Null: true, Has No Null: true]";
        check(nested, None, None, None);
        check("", None, None, None);
    }
}
