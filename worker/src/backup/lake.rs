//! The metadata of a lake as rows: read whole from one database, written whole to another.
//!
//! Its database is attached by itself, without the lake, since a lake cannot be read as a database. Its tables are copied as they
//! are, those with rows of small inserts included, whose columns differ between SQLite and PostgreSQL in type but not in
//! what DuckLake reads from them. DuckDB keeps nested types there that the others cannot hold.

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;

use super::{BackupError, doing};
use crate::catalogs::{Lake, MetadataKind};
use crate::engine::{Connection, EngineError, literal, quoted};

/// The database with the lake's own metadata, while it is attached by itself.
pub(super) const METADATA: &str = "tavana_metadata";
/// The database with the rows of a backup.
pub(super) const ROWS: &str = "tavana_rows";

/// Where the files of the tables are, and the name that one from elsewhere gets, from the rows.
const FILES: &str = "
WITH schemas AS (
    SELECT schema_id, max_by(path, begin_snapshot) AS path, bool_and(path_is_relative::BOOLEAN) AS is_relative
    FROM ducklake_schema GROUP BY schema_id
), tables AS (
    SELECT table_id, concat(any_value(schemas.path), max_by(ducklake_table.path, begin_snapshot)) AS path,
        bool_and(path_is_relative::BOOLEAN AND schemas.is_relative) AS is_relative
    FROM ducklake_table JOIN schemas USING (schema_id) GROUP BY table_id
), files AS (
    SELECT table_id, path, path_is_relative::BOOLEAN AS is_relative, file_size_bytes,
        concat('outside-data-', data_file_id) AS name_outside
    FROM ducklake_data_file
    UNION ALL
    SELECT table_id, path, path_is_relative::BOOLEAN, file_size_bytes, concat('outside-delete-', delete_file_id)
    FROM ducklake_delete_file
)";

/// A data file that the metadata names.
#[derive(Clone, Debug)]
pub(super) struct DataFile {
    /// Where it is, below the lake's data path or by itself.
    pub(super) source: String,
    pub(super) is_outside: bool,
    /// Where it goes below a data path.
    pub(super) path: String,
    pub(super) bytes: u64,
}

/// Reads the rows of a lake's metadata into the database [`ROWS`], which is attached and empty; gives the newest snapshot.
pub(super) fn read(connection: &Connection, lake: &Lake) -> Result<i64, BackupError> {
    lake.attach_metadata(connection, METADATA, true)?;
    let read = || {
        connection.execute("BEGIN TRANSACTION")?;
        for table in tables(connection, METADATA)? {
            connection
                .execute(&format!("CREATE TABLE {ROWS}.{name} AS FROM {METADATA}.{name}", name = quoted(&table)))?;
        }
        // Files that are only waiting to be deleted are not in the backup.
        connection.execute(&format!("DELETE FROM {ROWS}.ducklake_files_scheduled_for_deletion"))?;
        connection.execute("COMMIT")?;
        number(connection, &format!("SELECT max(snapshot_id) FROM {ROWS}.ducklake_snapshot"))
    };
    let snapshot = read().map_err(doing("the metadata of the lake cannot be read"))?;
    lake.detach_metadata(connection, METADATA)?;
    Ok(snapshot)
}

/// The files that the rows name, each once; names those that lie elsewhere as if they lay with the others.
pub(super) fn files(connection: &Connection) -> Result<Vec<DataFile>, BackupError> {
    let list = || {
        connection.execute(&format!("USE {ROWS}"))?;
        let sql = format!(
            "{FILES} SELECT tables.is_relative, files.is_relative, concat(tables.path, files.path), files.path, \
             concat(tables.path, name_outside, '.parquet'), files.file_size_bytes \
             FROM files LEFT JOIN tables USING (table_id) ORDER BY files.path"
        );
        let rows = connection.query(&sql, &[])?;
        for kind in ["data", "delete"] {
            connection.execute(&format!(
                "UPDATE ducklake_{kind}_file SET path = concat('outside-{kind}-', {kind}_file_id, '.parquet'), \
                 path_is_relative = true WHERE NOT path_is_relative::BOOLEAN"
            ))?;
        }
        connection.execute("USE memory")?;
        Ok::<_, EngineError>(rows)
    };
    let mut found = Vec::new();
    for batch in list().map_err(doing("the files of the lake cannot be listed"))? {
        let text = |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
        for row in 0..batch.num_rows() {
            if !batch.column(0).as_boolean().value(row) {
                let reason = "a table of the lake has a folder outside of its data-path, which a backup cannot take up";
                return Err(BackupError::Refused(reason.to_owned()));
            }
            let is_outside = !batch.column(1).as_boolean().value(row);
            let bytes = batch.column(5).as_primitive::<Int64Type>().value(row);
            found.push(DataFile {
                source: text(if is_outside { 3 } else { 2 }, row),
                is_outside,
                path: text(if is_outside { 4 } else { 2 }, row),
                bytes: u64::try_from(bytes).unwrap_or(0),
            });
        }
    }
    found.dedup_by(|one, other| one.path == other.path);
    Ok(found)
}

/// Whether a lake has ever had a table or a view; one that was never made has none.
pub(super) fn is_empty(connection: &Connection, lake: &Lake) -> Result<bool, BackupError> {
    if lake.has_no_file() {
        return Ok(true);
    }
    lake.attach_metadata(connection, METADATA, true)?;
    let count = || {
        if !tables(connection, METADATA)?.iter().any(|table| table == "ducklake_table") {
            return Ok(0);
        }
        let count = |table| format!("(SELECT count(*) FROM {METADATA}.{table})");
        number(connection, &format!("SELECT {} + {}", count("ducklake_table"), count("ducklake_view")))
    };
    let count = count().map_err(doing("the metadata of the lake cannot be read"))?;
    lake.detach_metadata(connection, METADATA)?;
    Ok(count == 0)
}

/// Writes the rows of [`ROWS`] in place of those of a lake, which exists and is not attached; all or nothing.
pub(super) fn write(connection: &Connection, lake: &Lake) -> Result<(), BackupError> {
    lake.attach_metadata(connection, METADATA, false)?;
    let engine = doing("the metadata of the lake cannot be written");
    let written = || {
        let (theirs, ours) = (tables(connection, METADATA)?, tables(connection, ROWS)?);
        let mut statements = vec!["BEGIN TRANSACTION".to_owned()];
        let data_path = text(connection, &value_of("data_path"))?;
        for table in &theirs {
            let name = format!("{METADATA}.{}", quoted(table));
            let drops = is_of_one_table(table);
            statements.push(if drops { format!("DROP TABLE {name}") } else { format!("DELETE FROM {name}") });
        }
        for table in &ours {
            let (to, from) = (format!("{METADATA}.{}", quoted(table)), format!("{ROWS}.{}", quoted(table)));
            statements.push(if is_of_one_table(table) {
                format!("CREATE TABLE {to} AS FROM {from}")
            } else {
                format!("INSERT INTO {to} BY NAME FROM {from}")
            });
        }
        statements.push(format!(
            "UPDATE {METADATA}.ducklake_metadata SET value = {} WHERE key = 'data_path'",
            literal(&data_path)
        ));
        statements.push("COMMIT".to_owned());
        statements.iter().try_for_each(|sql| connection.execute(sql).map(|_| ()))
    };
    let outcome = written().map_err(engine);
    if outcome.is_err() {
        let _ = connection.execute("ROLLBACK");
    }
    outcome?;
    Ok(lake.detach_metadata(connection, METADATA)?)
}

/// Refuses rows that this lake cannot hold.
pub(super) fn fits(from: MetadataKind, to: MetadataKind) -> Result<(), BackupError> {
    let is_file_of_duckdb = |kind| kind == MetadataKind::Duckdb;
    if is_file_of_duckdb(from) == is_file_of_duckdb(to) {
        return Ok(());
    }
    Err(BackupError::Refused(
        "metadata in a DuckDB file cannot be restored to SQLite or PostgreSQL, nor the other way round; \
         name a catalog whose metadata is of the kind that was backed up"
            .to_owned(),
    ))
}

/// Refuses rows in another form than DuckLake's now; the lake exists and is not attached.
pub(super) fn is_of_this_form(connection: &Connection, lake: &Lake) -> Result<(), BackupError> {
    lake.attach_metadata(connection, METADATA, true)?;
    let forms = || {
        let ours = text(connection, &value_of("version"))?;
        let theirs = format!("SELECT value FROM {ROWS}.ducklake_metadata WHERE key = 'version' AND scope IS NULL");
        Ok((text(connection, &theirs)?, ours))
    };
    let (theirs, ours) = forms().map_err(doing("the form of the lake cannot be read"))?;
    lake.detach_metadata(connection, METADATA)?;
    if theirs == ours {
        return Ok(());
    }
    Err(BackupError::Refused(format!(
        "the backup has DuckLake's form {theirs}, and the lake {ours}; restore it with the version that made it"
    )))
}

fn value_of(key: &str) -> String {
    format!("SELECT value FROM {METADATA}.ducklake_metadata WHERE key = {} AND scope IS NULL", literal(key))
}

/// Whether a table holds what was inserted into, or deleted from, one table of the lake, and is made with that.
fn is_of_one_table(table: &str) -> bool {
    let rest = table.strip_prefix("ducklake_inlined_data_").or_else(|| table.strip_prefix("ducklake_inlined_delete_"));
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

fn tables(connection: &Connection, database: &str) -> Result<Vec<String>, EngineError> {
    let sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND table_name LIKE 'ducklake\\_%' \
        ESCAPE '\\' AND schema_name IN ('main', 'public') ORDER BY ALL";
    let rows = connection.query(sql, &[database])?;
    let names = |batch: &arrow::array::RecordBatch| -> Vec<String> {
        batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    };
    Ok(rows.iter().flat_map(names).collect())
}

fn text(connection: &Connection, sql: &str) -> Result<String, EngineError> {
    connection.current(&format!("({sql} LIMIT 1)"))
}

fn number(connection: &Connection, sql: &str) -> Result<i64, EngineError> {
    let rows = connection.query(&format!("SELECT ({sql})::BIGINT"), &[])?;
    let value = rows.first().map(|batch| batch.column(0)).filter(|column| column.is_valid(0));
    Ok(value.map_or(0, |column| column.as_primitive::<Int64Type>().value(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_come_with_a_table_are_told_from_the_others() {
        for (table, expected) in [
            ("ducklake_inlined_data_1_1", true),
            ("ducklake_inlined_delete_7", true),
            ("ducklake_inlined_data_tables", false),
            ("ducklake_table", false),
        ] {
            assert_eq!(is_of_one_table(table), expected, "{table}");
        }
    }

    #[test]
    fn a_file_of_duckdb_keeps_what_others_cannot() {
        use MetadataKind::{Duckdb, Postgres, Sqlite};
        assert!(fits(Sqlite, Postgres).is_ok() && fits(Duckdb, Duckdb).is_ok());
        assert!(fits(Duckdb, Sqlite).is_err() && fits(Postgres, Duckdb).is_err());
    }
}
