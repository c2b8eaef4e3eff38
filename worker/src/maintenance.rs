//! Keeping a DuckLake small and quick.
//!
//! A lake that is written to grows: small files, files of which most rows are deleted, snapshots that nobody reads, files that only such
//! snapshots name, and files of writers that died. Maintenance is a fixed sequence of DuckLake's own functions: rows that are kept in the
//! metadata become files, small files are merged, heavily deleted ones rewritten, snapshots expire, and what no snapshot names is
//! deleted. DuckLake's commits keep it and the writers apart, so that it may run at any time; but never two at once ([`lease`]), and
//! files are deleted only at the age that the settings name.
//!
//! A worker runs it on a schedule ([`task`]); `tavana maintain` runs it once.

pub(crate) mod lease;
mod settings;
pub(crate) mod task;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use tavana_wire::FailureKind;

use lease::Lease;
pub(crate) use settings::MaintenanceSettings;

use crate::engine::{Connection, EngineError, Files, literal, quoted};

/// A table that had more than this part of a file's rows deleted gets the file rewritten.
const REWRITE_THRESHOLD: f64 = 0.3;
/// How often a step runs again that writers got in the way of.
const CONFLICT_RETRIES: u32 = 3;

/// What maintenance did, or in a dry run would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were kept in the metadata and are in files now; not told by a dry run.
    pub rows_flushed: u64,
    /// Files that were merged or rewritten; not told by a dry run.
    pub files_compacted: u64,
    /// Files that came in their place; not told by a dry run.
    pub files_made: u64,
    /// Snapshots that are gone.
    pub snapshots_expired: u64,
    /// Files deleted that only expired snapshots named.
    pub files_deleted: u64,
    /// Files deleted that no snapshot ever named, such as of writers that died.
    pub orphans_deleted: u64,
    /// Bytes of the deleted files.
    pub bytes_freed: u64,
    /// What did not work.
    pub failures: Vec<Failed>,
}

/// A step that did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {reason}")]
pub struct Failed {
    /// Which.
    pub step: String,
    /// Why.
    pub reason: String,
}

/// The maintenance of one catalog.
#[derive(Clone, Debug)]
pub(crate) struct Maintenance {
    pub(crate) catalog: String,
    pub(crate) settings: MaintenanceSettings,
    pub(crate) metadata_is_sqlite: bool,
}

/// One step.
#[derive(Clone, Debug)]
enum Step {
    Flush { schema: String, table: String },
    Merge { schema: String, table: String },
    Rewrite { schema: String, table: String },
    Expire,
    DeleteOld,
    DeleteOrphans,
}

/// What surrounds a run.
pub(crate) struct Surroundings<'a> {
    /// Called ahead of each step, with what it is and the part of the steps that is done; gives whether to go on.
    pub(crate) goes_on: &'a dyn Fn(&str, f64) -> bool,
    /// The claim of the run; a dry run needs none.
    pub(crate) lease: Option<&'a Lease>,
    /// Nothing is changed.
    pub(crate) dry_run: bool,
}

impl Maintenance {
    /// Runs all steps; a step that fails does not keep the others from running. Blocks.
    ///
    /// # Errors
    /// When the tables cannot be listed.
    pub(crate) fn run(&self, connection: &Connection, surroundings: &Surroundings<'_>) -> Result<Report, EngineError> {
        let mut report = Report::default();
        let steps = self.steps(connection, surroundings.dry_run)?;
        let count = f64::from(u32::try_from(steps.len()).unwrap_or(u32::MAX));
        for (done, step) in (0_u32..).zip(steps) {
            if !(surroundings.goes_on)(&step.to_string(), f64::from(done) / count) {
                break;
            }
            if let Some(lost) = surroundings.lease.and_then(|lease| lost_claim(lease, connection)) {
                report.failures.push(Failed { step: step.to_string(), reason: lost });
                break;
            }
            if let Err(error) = self.settled(connection, &step, surroundings.dry_run, &mut report) {
                report.failures.push(Failed { step: step.to_string(), reason: error.to_string() });
            }
        }
        Ok(report)
    }

    fn steps(&self, connection: &Connection, dry_run: bool) -> Result<Vec<Step>, EngineError> {
        let mut steps = Vec::new();
        if self.settings.compaction && !dry_run {
            let sql = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL";
            let tables: Vec<(String, String)> = connection
                .query(sql, &[&self.catalog])?
                .iter()
                .flat_map(|batch| texts(batch, 0).into_iter().zip(texts(batch, 1)))
                .collect();
            let of_tables: [fn(String, String) -> Step; 3] = [
                |schema, table| Step::Flush { schema, table },
                |schema, table| Step::Merge { schema, table },
                |schema, table| Step::Rewrite { schema, table },
            ];
            for step in of_tables {
                steps.extend(tables.iter().map(|(schema, table)| step(schema.clone(), table.clone())));
            }
        }
        steps.extend([Step::Expire, Step::DeleteOld, Step::DeleteOrphans]);
        Ok(steps)
    }

    /// Runs a step, and again when a writer got in its way.
    fn settled(
        &self,
        connection: &Connection,
        step: &Step,
        dry_run: bool,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        for _ in 0..CONFLICT_RETRIES {
            match self.step(connection, step, dry_run, report) {
                Err(error) if has_passed(&error) && !connection.was_interrupted() => {}
                outcome => return outcome,
            }
        }
        self.step(connection, step, dry_run, report)
    }

    fn step(
        &self,
        connection: &Connection,
        step: &Step,
        dry_run: bool,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let catalog = literal(&self.catalog);
        match step {
            Step::Flush { schema, table } => {
                let (schema, table) = (literal(schema), literal(table));
                let arguments = format!("{catalog}, schema_name => {schema}, table_name => {table}");
                let rows = whole(connection, &format!("FROM ducklake_flush_inlined_data({arguments})"))?;
                report.rows_flushed += sum(&rows, "rows_flushed");
            }
            Step::Merge { schema, table } => {
                let arguments = format!("{catalog}, {}, schema => {}", literal(table), literal(schema));
                let rows = whole(connection, &format!("FROM ducklake_merge_adjacent_files({arguments})"))?;
                report.compacted(&rows);
            }
            Step::Rewrite { schema, table } => {
                let (schema, table) = (literal(schema), literal(table));
                let threshold = format!("delete_threshold => {REWRITE_THRESHOLD}");
                let call = format!("ducklake_rewrite_data_files({catalog}, {table}, schema => {schema}, {threshold})");
                let rows = whole(connection, &format!("FROM {call}"))?;
                report.compacted(&rows);
            }
            Step::Expire => report.snapshots_expired += self.expire(connection, dry_run)?,
            Step::DeleteOld => {
                if self.metadata_is_sqlite && !dry_run {
                    self.make_times_comparable(connection)?;
                }
                let (files, bytes) = self.delete(connection, "ducklake_cleanup_old_files", dry_run)?;
                report.files_deleted += files;
                report.bytes_freed += bytes;
            }
            Step::DeleteOrphans => {
                let (files, bytes) = self.delete(connection, "ducklake_delete_orphaned_files", dry_run)?;
                report.orphans_deleted += files;
                report.bytes_freed += bytes;
            }
        }
        Ok(())
    }

    /// Expires snapshots by their numbers: with SQLite, DuckLake takes all of a day for older than a time of that day.
    fn expire(&self, connection: &Connection, dry_run: bool) -> Result<u64, EngineError> {
        let older = format!(
            "SELECT snapshot_id::VARCHAR FROM {metadata}.ducklake_snapshot WHERE snapshot_time::TIMESTAMPTZ < {age} \
             AND snapshot_id <> (SELECT max(snapshot_id) FROM {metadata}.ducklake_snapshot)",
            metadata = self.metadata(),
            age = before(self.settings.keep_snapshots_days),
        );
        let versions: Vec<String> = connection.query(&older, &[])?.iter().flat_map(|batch| texts(batch, 0)).collect();
        if !versions.is_empty() && !dry_run {
            let call = format!(
                "FROM ducklake_expire_snapshots({}, versions => [{}])",
                literal(&self.catalog),
                versions.join(", ")
            );
            whole(connection, &call)?;
        }
        Ok(versions.len() as u64)
    }

    /// SQLite keeps times as texts, and DuckLake compares them as such with one that has a T between day and time: without one in
    /// both, every file of a day would be older than any time of that day.
    fn make_times_comparable(&self, connection: &Connection) -> Result<(), EngineError> {
        let sql = format!(
            "UPDATE {}.ducklake_files_scheduled_for_deletion SET schedule_start = \
             strftime(schedule_start::TIMESTAMPTZ AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f+00') \
             WHERE schedule_start NOT LIKE '%T%'",
            self.metadata()
        );
        connection.execute(&sql).map(|_| ())
    }

    /// Deletes the files that a function of DuckLake's names; gives their number and bytes.
    fn delete(&self, connection: &Connection, function: &str, dry_run: bool) -> Result<(u64, u64), EngineError> {
        let age = before(self.settings.delete_files_after_days);
        let call = |dry_run| {
            let sql = format!("FROM {function}({}, dry_run => {dry_run}, older_than => {age})", literal(&self.catalog));
            let rows = whole(connection, &sql)?;
            Ok::<_, EngineError>(rows.iter().flat_map(|batch| texts(batch, 0)).collect::<Vec<_>>())
        };
        let files = Files::of(connection)?;
        // One that is not there any more, of a run that was cut, has no bytes.
        let bytes = |path: &String| files.read(path).and_then(|file| file.size()).unwrap_or(0);
        let sizes: std::collections::HashMap<String, u64> =
            call(true)?.into_iter().map(|path| (path.clone(), bytes(&path))).collect();
        let gone = if dry_run || sizes.is_empty() { sizes.keys().cloned().collect() } else { call(false)? };
        let freed = gone.iter().filter_map(|path| sizes.get(path)).sum();
        Ok((gone.len() as u64, freed))
    }

    /// The database of the catalog's metadata, as SQL names it.
    fn metadata(&self) -> String {
        metadata_of(&self.catalog)
    }
}

/// Why a run cannot go on under its claim, if it cannot.
fn lost_claim(lease: &Lease, connection: &Connection) -> Option<String> {
    match lease.renew(connection) {
        Ok(true) => None,
        Ok(false) => Some("another maintenance of this catalog took over".to_owned()),
        Err(error) => Some(format!("the claim on the catalog could not be renewed: {error}")),
    }
}

/// Whether what stood in the way of a step is gone by now: another writer, or a file that one took back after it was listed.
fn has_passed(error: &EngineError) -> bool {
    let message = error.to_string();
    let vanished = ["No such file or directory", "HTTP 404", "(404)"].iter().any(|says| message.contains(says));
    error.kind() == FailureKind::Conflict || vanished
}

/// The database in which DuckLake keeps the metadata of a catalog that is attached.
pub(crate) fn metadata_of(catalog: &str) -> String {
    quoted(&format!("__ducklake_metadata_{catalog}"))
}

impl Report {
    fn compacted(&mut self, rows: &[RecordBatch]) {
        self.files_compacted += sum(rows, "files_processed");
        self.files_made += sum(rows, "files_created");
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flush { schema, table } => write!(formatter, "rows in the metadata of {schema}.{table}"),
            Self::Merge { schema, table } => write!(formatter, "small files of {schema}.{table}"),
            Self::Rewrite { schema, table } => write!(formatter, "deleted rows of {schema}.{table}"),
            Self::Expire => formatter.write_str("old snapshots"),
            Self::DeleteOld => formatter.write_str("files of old snapshots"),
            Self::DeleteOrphans => formatter.write_str("files that no snapshot names"),
        }
    }
}

/// Runs a call of DuckLake's in one transaction: it looks for its work when it is prepared, and does it when it is run.
fn whole(connection: &Connection, sql: &str) -> Result<Vec<RecordBatch>, EngineError> {
    connection.execute("BEGIN TRANSACTION")?;
    let outcome = connection.query(sql, &[]).and_then(|rows| connection.execute("COMMIT").map(|_| rows));
    if outcome.is_err() {
        // A commit that failed has ended its transaction.
        let _ = connection.execute("ROLLBACK");
    }
    outcome
}

/// A point in time, as SQL.
fn before(days: f64) -> String {
    format!("now() - to_microseconds({:.0})", days * 86_400e6)
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<String> {
    let column = batch.column(column).as_string_opt::<i32>();
    column.map_or_else(Vec::new, |column| column.iter().flatten().map(str::to_owned).collect())
}

/// The sum of a column of whole numbers, whichever type DuckLake gives it.
fn sum(rows: &[RecordBatch], column: &str) -> u64 {
    let of_batch = |batch: &RecordBatch| -> u64 {
        let Some(values) = batch.column_by_name(column) else { return 0 };
        let whole = values.as_primitive_opt::<Int64Type>().map(|values| values.iter().flatten().sum::<i64>());
        #[allow(clippy::cast_possible_truncation)]
        let whole = whole.or_else(|| {
            values.as_primitive_opt::<Float64Type>().map(|values| values.iter().flatten().sum::<f64>() as i64)
        });
        u64::try_from(whole.unwrap_or(0)).unwrap_or(0)
    };
    rows.iter().map(of_batch).sum()
}

#[cfg(test)]
mod tests;
