//! What DuckDB knows of its own tables.
//!
//! Rows are told by the catalog, bounds and distinct values by the statistics that DuckDB keeps of each column, bytes by the blocks that
//! hold the table's segments. Widths come from a sample of rows.

use std::collections::HashSet;

use arrow::array::AsArray as _;
use arrow::datatypes::{Int64Type, Schema};
use tavana_wire::Failure;
use tavana_wire::statistics::{ColumnStatistics, RelationStatistics};

use super::resolve::Entry;
use super::rows::Rows;
use crate::engine::{Connection, literal, quoted};

/// Rows that are read for widths.
const SAMPLE_ROWS: usize = 2048;
/// Columns whose statistics are read.
const COLUMNS: usize = 1000;
/// Segments that are looked through for their blocks; a table of 100 columns has as many at 100 million rows.
const SEGMENTS: u64 = 200_000;
/// Rows in a row group of DuckDB's.
const ROW_GROUP: u64 = 122_880;
/// Bytes of a block, where DuckDB was not told otherwise.
const BLOCK_BYTES: u64 = 256 * 1024;

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
    found.because.push(
        "rows are as the catalog has them: those just deleted may count, those of the open transaction do not"
            .to_owned(),
    );
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).take(COLUMNS).collect();
    let calls: Vec<String> = names.iter().map(|name| format!("system.main.stats({})", quoted(name))).collect();
    let told = Rows::read(connection, &format!("SELECT {} FROM {table} LIMIT 1", calls.join(", ")), &[])?;
    let widths = widths(&Rows::read(connection, &format!("SELECT * FROM {table} LIMIT {SAMPLE_ROWS}"), &[])?);
    for (index, name) in names.iter().enumerate() {
        let text = told.texts(index)?.into_iter().flatten().next().unwrap_or_default();
        let mut column = column(name, &text, entry.rows);
        column.average_bytes = widths.get(index).copied();
        found.columns.push(column);
    }
    found.stored_bytes = stored_bytes(connection, &table, schema.fields().len(), entry.rows)?;
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

/// What the text says that `stats()` gives: `[Min: 0, Max: 9][Has Null: false, Has No Null: true][Approx Unique: 10]`.
fn column(name: &str, text: &str, rows: Option<u64>) -> ColumnStatistics {
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

/// Bytes of the blocks that hold a table; `None` when it is in memory, or so large that looking would take long.
fn stored_bytes(
    connection: &Connection,
    table: &str,
    columns: usize,
    rows: Option<u64>,
) -> Result<Option<u64>, Failure> {
    // Values and the nulls among them.
    let segments = (rows.unwrap_or_default() / ROW_GROUP + 1) * columns as u64 * 2;
    if segments > SEGMENTS {
        return Ok(None);
    }
    let sql = format!(
        "SELECT block_id, additional_block_ids, persistent FROM system.main.pragma_storage_info({})",
        literal(table)
    );
    let rows = Rows::read(connection, &sql, &[])?;
    if rows.texts(2)?.iter().any(|persistent| persistent.as_deref() != Some("true")) {
        return Ok(None);
    }
    let mut blocks: HashSet<i64> = rows.numbers(0)?.into_iter().flatten().filter(|&block| block >= 0).collect();
    if let Some(more) = rows.batch().and_then(|batch| batch.column(1).as_list_opt::<i32>()) {
        blocks.extend(
            more.iter().flatten().flat_map(|ids| {
                ids.as_primitive_opt::<Int64Type>().map(|ids| ids.values().to_vec()).unwrap_or_default()
            }),
        );
    }
    Ok(Some(blocks.len() as u64 * BLOCK_BYTES).filter(|&bytes| bytes > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

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
