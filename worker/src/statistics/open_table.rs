//! What the logs of Delta and Iceberg tables tell: their files, and how many rows each has.

use tavana_wire::statistics::{RelationKind, RelationStatistics};
use tavana_wire::{Failure, FailureKind};

use super::files;
use super::rows::Rows;
use super::scan::Scan;
use crate::engine::{Connection, literal};

/// Files that are listed.
const FILES: usize = 10_000;

/// Lists the files of a table, with their rows, sizes and partitions.
///
/// # Errors
/// What DuckDB says of the table.
pub(super) fn look(connection: &Connection, scan: &Scan, found: &mut RelationStatistics) -> Result<(), Failure> {
    let [place] = scan.patterns.as_slice() else {
        return Err(Failure::new(FailureKind::InvalidRequest, "a table lies in one place; name one"));
    };
    let is_delta = scan.kind == RelationKind::Delta;
    let from = if is_delta {
        format!("data_file, cardinality, partitions FROM system.main.delta_list_files({})", literal(place))
    } else {
        format!(
            "file_path, record_count FROM system.main.iceberg_metadata({})
            WHERE system.main.lower(status) <> 'deleted' AND system.main.lower(content) IN ('data', 'existing')",
            literal(place)
        )
    };
    let rows = Rows::read(connection, &format!("SELECT {from} LIMIT {}", FILES + 1), &[])?;
    let names: Vec<String> = rows.texts(0)?.into_iter().map(Option::unwrap_or_default).collect();
    let counts = rows.counts(1)?;
    let count = names.len();
    files::add(connection, names, None, count, found)?;
    let partitions = if is_delta { rows.partitions(2)? } else { Vec::new() };
    for (index, file) in found.files.iter_mut().enumerate() {
        file.rows = counts[index];
        file.partitions = partitions.get(index).cloned().unwrap_or_default();
    }
    found.rows = counts.into_iter().sum();
    found.because.push("rows are as the log of the table has them: rows in files of deletes count".to_owned());
    if count > FILES {
        found.is_sampled = true;
        found.because.push(format!("there are more than {FILES} files; the first were looked at"));
    }
    Ok(())
}
