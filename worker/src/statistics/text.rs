//! How many rows files of text have, by their bytes and the width of the first rows.

use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tavana_wire::Failure;
use tavana_wire::statistics::{ColumnStatistics, RelationKind, RelationStatistics};

use super::rows::Rows;
use super::scan::Scan;
use super::table::widths;
use crate::engine::Connection;

/// Rows that are read; DuckDB reads no more of the files than the buffers of its threads hold ([`super::scan`] keeps those small).
const SAMPLE_ROWS: usize = 2000;
/// How many times smaller compressed text is taken to be.
const COMPRESSION: f64 = 4.0;

/// Estimates rows and widths of CSV and JSON files from their first rows.
///
/// # Errors
/// What DuckDB says of the files.
pub(super) fn look(connection: &Connection, scan: &Scan, found: &mut RelationStatistics) -> Result<(), Failure> {
    let rows = Rows::read(connection, &format!("SELECT * FROM {} LIMIT {SAMPLE_ROWS}", scan.sql), &[])?;
    let widths = widths(&rows);
    if let Some(batch) = rows.batch() {
        let columns = batch.schema();
        found.columns = columns
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| ColumnStatistics {
                name: field.name().clone(),
                average_bytes: widths.get(index).copied(),
                ..ColumnStatistics::default()
            })
            .collect();
    }
    if rows.len() < SAMPLE_ROWS {
        found.rows = Some(rows.len() as u64);
        found.has_exact_rows = true;
        return Ok(());
    }
    let mut width = text_width(&rows, scan.kind);
    if scan.is_compressed {
        width /= COMPRESSION;
        found.because.push(format!("the text is taken to be compressed to a part of {COMPRESSION}"));
    }
    found.rows = found.stored_bytes.map(|bytes| (bytes as f64 / width.max(1.0)) as u64);
    found.because.push(format!("rows are estimated by the width of the first {SAMPLE_ROWS}"));
    Ok(())
}

/// Bytes of a row as the file has it, about: values, and what stands around them.
fn text_width(rows: &Rows, kind: RelationKind) -> f64 {
    let Some(batch) = rows.batch() else { return 0.0 };
    let options = FormatOptions::default();
    let mut bytes = 0;
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        let Ok(values) = ArrayFormatter::try_new(column, &options) else { continue };
        bytes += (0..column.len()).map(|row| values.value(row).to_string().len()).sum::<usize>();
        bytes += column.len()
            * match kind {
                RelationKind::Json => field.name().len() + around(field.data_type()),
                // The delimiter, or the end of the line.
                _ => 1,
            };
    }
    bytes as f64 / batch.num_rows().max(1) as f64
}

/// Bytes around a value in JSON: the quotes of its name, colon and comma, and quotes of its own.
fn around(data_type: &DataType) -> usize {
    if data_type.is_numeric() || matches!(data_type, DataType::Boolean) { 4 } else { 6 }
}
