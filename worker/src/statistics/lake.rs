//! What the metadata of a DuckLake tells: everything that footers do, without reading one.
//!
//! Its tables are read as they are at the snapshot that the session sees, what is inlined in the metadata included in the
//! rows. Names of files are those that the metadata has, below the table's folder.

use std::collections::HashMap;

use arrow::datatypes::Schema;
use tavana_wire::Failure;
use tavana_wire::statistics::{ColumnStatistics, FileStatistics, PartitionValue, RelationStatistics};

use super::columns::joined;
use super::resolve::Entry;
use super::rows::Rows;
use crate::engine::{Connection, literal, quoted};

/// Files whose metadata is read.
const FILES: usize = 10_000;
/// Columns of files whose metadata is read.
const CHUNKS: usize = 200_000;

/// The metadata of one table at one snapshot.
struct Metadata<'a> {
    connection: &'a Connection,
    /// The database of the metadata, as SQL names it.
    database: String,
    snapshot: u64,
    table: u64,
}

/// Fills in what is known of a table of a DuckLake.
///
/// # Errors
/// What DuckDB says of the metadata.
pub(super) fn look(
    connection: &Connection,
    entry: &Entry,
    schema: &Schema,
    found: &mut RelationStatistics,
) -> Result<(), Failure> {
    found.rows = entry.rows;
    let Some(metadata) = Metadata::of(connection, entry)? else {
        found.because.push("the table is not committed yet".to_owned());
        return Ok(());
    };
    let names = metadata.columns()?;
    let places = metadata.files(found)?;
    metadata.partitions(&names, &places, found)?;
    if found.files.len() * schema.fields().len() <= CHUNKS {
        metadata.file_columns(&names, &places, found)?;
    } else {
        found.because.push("the columns of single files are left out: there are too many".to_owned());
    }
    found.columns = joined(schema, found.files.iter().map(|file| file.columns.as_slice()));
    if found.is_sampled {
        found.columns.clear();
    }
    metadata.table_columns(&names, found)?;
    let deleted = metadata.deleted()?;
    found.rows = found.rows.map(|rows| rows.saturating_sub(deleted));
    found.because.push("rows are as the metadata has them: deletes that it holds inlined do not count".to_owned());
    Ok(())
}

impl<'a> Metadata<'a> {
    fn of(connection: &'a Connection, entry: &Entry) -> Result<Option<Self>, Failure> {
        let snapshot = "SELECT id FROM system.main.ducklake_current_snapshot($1)";
        let snapshot = Rows::read(connection, snapshot, &[&entry.database])?.counts(0)?;
        let Some(snapshot) = snapshot.into_iter().flatten().next() else { return Ok(None) };
        let database = quoted(&format!("__ducklake_metadata_{}", entry.database));
        let mut metadata = Self { connection, database, snapshot, table: 0 };
        let sql = format!(
            "SELECT t.table_id FROM {0}.ducklake_table t JOIN {0}.ducklake_schema s ON t.schema_id = s.schema_id
            WHERE t.table_name = {1} AND s.schema_name = {2} AND {3} AND {4}",
            metadata.database,
            literal(&entry.name),
            literal(&entry.schema),
            metadata.is_current("t"),
            metadata.is_current("s"),
        );
        let table = Rows::read(connection, &sql, &[])?.counts(0)?.into_iter().flatten().next();
        metadata.table = table.unwrap_or_default();
        Ok(table.map(|_| metadata))
    }

    /// Whether a row of the metadata is of this snapshot.
    fn is_current(&self, alias: &str) -> String {
        let snapshot = self.snapshot;
        format!(
            "{alias}.begin_snapshot <= {snapshot} AND ({alias}.end_snapshot IS NULL OR {alias}.end_snapshot > {snapshot})"
        )
    }

    /// Rows of a table of the metadata, aliased `m`, that are of our table.
    fn read(&self, columns: &str, table: &str, condition: &str) -> Result<Rows, Failure> {
        let (database, id) = (&self.database, self.table);
        let sql = format!("SELECT {columns} FROM {database}.{table} m WHERE m.table_id = {id} {condition}");
        Rows::read(self.connection, &sql, &[])
    }

    /// The names of the columns by their ids.
    fn columns(&self) -> Result<HashMap<u64, String>, Failure> {
        let condition = format!("AND m.parent_column IS NULL AND {}", self.is_current("m"));
        let rows = self.read("m.column_id, m.column_name", "ducklake_column", &condition)?;
        let names = rows.counts(0)?.into_iter().zip(rows.texts(1)?);
        Ok(names.filter_map(|(id, name)| Some((id?, name?))).collect())
    }

    /// Lists the files; gives their places by their ids.
    fn files(&self, found: &mut RelationStatistics) -> Result<HashMap<u64, usize>, Failure> {
        let condition = self.is_current("m");
        let columns = "m.data_file_id, m.path, m.record_count, m.file_size_bytes";
        let condition = format!("AND {condition} ORDER BY m.data_file_id LIMIT {}", FILES + 1);
        let rows = self.read(columns, "ducklake_data_file", &condition)?;
        let (ids, paths, counts, sizes) = (rows.counts(0)?, rows.texts(1)?, rows.counts(2)?, rows.counts(3)?);
        let mut places = HashMap::new();
        for row in 0..rows.len().min(FILES) {
            places.extend(ids[row].map(|id| (id, row)));
            found.files.push(FileStatistics {
                name: paths[row].clone().unwrap_or_default(),
                rows: counts[row],
                bytes: sizes[row],
                ..FileStatistics::default()
            });
        }
        found.file_count = rows.len() as u64;
        found.stored_bytes = Some(found.files.iter().filter_map(|file| file.bytes).sum());
        if rows.len() > FILES {
            let whole = self.read("m.file_size_bytes", "ducklake_table_stats", "")?;
            found.stored_bytes = whole.counts(0)?.into_iter().flatten().next();
            found.is_sampled = true;
            found.because.push(format!("there are more than {FILES} files; the first were looked at"));
        }
        Ok(places)
    }

    fn partitions(
        &self,
        names: &HashMap<u64, String>,
        places: &HashMap<u64, usize>,
        found: &mut RelationStatistics,
    ) -> Result<(), Failure> {
        let keys = self.read(
            "m.partition_key_index, m.column_id",
            "ducklake_partition_column",
            // A part of a date tells no value of the column.
            "AND m.transform = 'identity'",
        )?;
        let keys = keys.counts(0)?.into_iter().zip(keys.counts(1)?);
        let keys: HashMap<u64, &String> = keys.filter_map(|(key, id)| Some((key?, names.get(&id?)?))).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let columns = "m.data_file_id, m.partition_key_index, m.partition_value";
        let rows = self.read(columns, "ducklake_file_partition_value", "")?;
        let (files, indexes, values) = (rows.counts(0)?, rows.counts(1)?, rows.texts(2)?);
        for row in 0..rows.len() {
            let place = files[row].and_then(|id| places.get(&id));
            let column = indexes[row].and_then(|index| keys.get(&index));
            if let (Some(&place), Some(column)) = (place, column) {
                let value = PartitionValue { column: (*column).clone(), value: values[row].clone() };
                found.files[place].partitions.push(value);
            }
        }
        Ok(())
    }

    fn file_columns(
        &self,
        names: &HashMap<u64, String>,
        places: &HashMap<u64, usize>,
        found: &mut RelationStatistics,
    ) -> Result<(), Failure> {
        let columns = "m.data_file_id, m.column_id, m.min_value, m.max_value, m.null_count, m.column_size_bytes";
        let rows = self.read(columns, "ducklake_file_column_stats", "")?;
        let (files, ids, mins, maxes) = (rows.counts(0)?, rows.counts(1)?, rows.texts(2)?, rows.texts(3)?);
        let (nulls, sizes) = (rows.counts(4)?, rows.counts(5)?);
        for row in 0..rows.len() {
            let place = files[row].and_then(|id| places.get(&id));
            let name = ids[row].and_then(|id| names.get(&id));
            if let (Some(&place), Some(name)) = (place, name) {
                found.files[place].columns.push(ColumnStatistics {
                    name: name.clone(),
                    min: mins[row].clone(),
                    max: maxes[row].clone(),
                    null_count: nulls[row],
                    compressed_bytes: sizes[row],
                    ..ColumnStatistics::default()
                });
            }
        }
        Ok(())
    }

    /// Bounds of whole columns, which the metadata keeps, too: they hold for what is inlined as well.
    fn table_columns(&self, names: &HashMap<u64, String>, found: &mut RelationStatistics) -> Result<(), Failure> {
        let columns = "m.column_id, m.min_value, m.max_value, m.contains_null";
        let rows = self.read(columns, "ducklake_table_column_stats", "")?;
        let (ids, mins, maxes, nulls) = (rows.counts(0)?, rows.texts(1)?, rows.texts(2)?, rows.texts(3)?);
        for row in 0..rows.len() {
            let Some(name) = ids[row].and_then(|id| names.get(&id)) else { continue };
            let at = found.columns.iter().position(|column| column.name == *name).unwrap_or_else(|| {
                found.columns.push(ColumnStatistics { name: name.clone(), ..ColumnStatistics::default() });
                found.columns.len() - 1
            });
            let column = &mut found.columns[at];
            (column.min, column.max) = (mins[row].clone(), maxes[row].clone());
            if nulls[row].as_deref().is_some_and(|has| has == "0" || has == "false") {
                column.null_count = Some(0);
            }
        }
        Ok(())
    }

    /// Rows that files with deletes take away.
    fn deleted(&self) -> Result<u64, Failure> {
        let condition = format!("AND {}", self.is_current("m"));
        let counts = self.read("m.delete_count", "ducklake_delete_file", &condition)?.counts(0)?;
        Ok(counts.into_iter().flatten().sum())
    }
}
