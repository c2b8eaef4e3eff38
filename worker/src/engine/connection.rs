//! One connection of an instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use libduckdb_sys as duckdb;

use super::error::EngineError;
use super::prepared::Prepared;
use super::{c_string, text};

/// A connection: one statement at a time; even preparing ends the open result.
///
/// [`Prepared`] and [`super::ResultStream`] keep the connection alive, so its owner decides who uses it when.
#[derive(Debug)]
pub struct Connection {
    raw: Arc<RawConnection>,
}

/// The C handle; closed when its last user goes.
#[derive(Debug)]
pub(super) struct RawConnection {
    pub(super) connection: duckdb::duckdb_connection,
    /// Whether the work that runs now was interrupted by us. DuckDB interrupts queries, too.
    interrupted: AtomicBool,
    // Closed after its connections.
    pub(super) database: Arc<super::instance::Database>,
}

// SAFETY: DuckDB's client context takes its own lock in every call, and `duckdb_interrupt` and
// `duckdb_query_progress` are made to be called from other threads.
unsafe impl Send for RawConnection {}
// SAFETY: as above.
unsafe impl Sync for RawConnection {}

impl Drop for RawConnection {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { duckdb::duckdb_disconnect(&mut self.connection) };
    }
}

impl Connection {
    pub(super) fn open(database: Arc<super::instance::Database>) -> Result<Self, EngineError> {
        let mut connection = std::ptr::null_mut();
        // SAFETY: the database is open; the out pointer is valid.
        let state = unsafe { duckdb::duckdb_connect(database.raw, &mut connection) };
        if state != duckdb::DuckDBSuccess {
            return Err(EngineError::from_message("INTERNAL Error: DuckDB opened no connection".to_owned()));
        }
        Ok(Self { raw: Arc::new(RawConnection { connection, interrupted: AtomicBool::new(false), database }) })
    }

    /// Another connection of the same instance.
    pub(super) fn another(&self) -> Result<Self, EngineError> {
        Self::open(Arc::clone(&self.raw.database))
    }

    pub(super) fn raw(&self) -> &Arc<RawConnection> {
        &self.raw
    }

    /// Parses `sql` with DuckDB's parser, without running anything.
    ///
    /// One piece of text can stand for several statements: DuckDB expands `PIVOT` and some pragmas.
    ///
    /// # Errors
    /// `Syntax` with DuckDB's message.
    pub fn extract(&self, sql: &str) -> Result<Extracted, EngineError> {
        let sql = c_string(sql)?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: connection and text live during the call; the out pointer is valid.
        let count = unsafe { duckdb::duckdb_extract_statements(self.raw.connection, sql.as_ptr(), &mut raw) };
        let extracted = Extracted { raw, count, connection: Arc::clone(&self.raw) };
        // SAFETY: `raw` was just made, even where parsing failed.
        let message = unsafe { text(duckdb::duckdb_extract_statements_error(raw)) };
        if message.is_empty() { Ok(extracted) } else { Err(EngineError::from_message(message)) }
    }

    /// Prepares one statement; several in one text are refused by DuckDB, not run.
    ///
    /// # Errors
    /// What DuckDB says of the statement.
    pub fn prepare(&self, sql: &str) -> Result<Prepared, EngineError> {
        let mut extracted = self.extract(sql)?;
        if extracted.count() != 1 {
            return Err(EngineError::from_message("Parser Error: exactly one statement is expected here".to_owned()));
        }
        extracted.prepare(0)
    }

    /// Runs one statement to its end and gives the number of changed rows.
    ///
    /// # Errors
    /// What DuckDB says of the statement.
    pub fn execute(&self, sql: &str) -> Result<u64, EngineError> {
        let mut prepared = self.prepare(sql)?;
        let mut result = prepared.execute()?;
        while result.next_chunk()?.is_some() {}
        Ok(result.rows_changed().unwrap_or(0))
    }

    /// Runs one query and collects its rows; for metadata, whose size is bounded by the catalog's.
    ///
    /// # Errors
    /// What DuckDB says of the query.
    pub fn query(&self, sql: &str, parameters: &[&str]) -> Result<Vec<RecordBatch>, EngineError> {
        let mut prepared = self.prepare(sql)?;
        for (index, parameter) in parameters.iter().enumerate() {
            prepared.bind_text(index, parameter)?;
        }
        prepared.collect()
    }

    /// The text that a function such as `current_schema()` gives.
    ///
    /// # Errors
    /// What DuckDB says; `Internal` when it gives nothing.
    pub fn current(&self, function: &str) -> Result<String, EngineError> {
        use arrow::array::AsArray as _;
        let batches = self.query(&format!("SELECT {function}"), &[])?;
        let text = batches
            .first()
            .and_then(|batch| batch.column(0).as_string_opt::<i32>().map(|column| column.value(0).to_owned()));
        text.ok_or_else(|| EngineError::new(tavana_wire::FailureKind::Internal, format!("DuckDB told no {function}")))
    }

    /// A handle that interrupts the work that begins now on this connection.
    pub fn interrupt(&self) -> Interrupt {
        self.raw.interrupted.store(false, Ordering::Release);
        Interrupt { connection: Arc::clone(&self.raw) }
    }

    /// Whether somebody interrupted the work that runs now.
    pub fn was_interrupted(&self) -> bool {
        self.raw.interrupted.load(Ordering::Acquire)
    }
}

/// Interrupts what runs on a connection; asks how far it is.
#[derive(Clone, Debug)]
pub struct Interrupt {
    connection: Arc<RawConnection>,
}

impl Interrupt {
    /// Interrupts the statement that runs now; does nothing when none does.
    pub fn interrupt(&self) {
        self.connection.interrupted.store(true, Ordering::Release);
        // SAFETY: the connection is kept alive by the handle.
        unsafe { duckdb::duckdb_interrupt(self.connection.connection) };
    }

    /// How much of the running statement is done, from 0 to 1; `None` when DuckDB cannot tell.
    pub fn progress(&self) -> Option<f64> {
        // SAFETY: the connection is kept alive by the handle.
        let progress = unsafe { duckdb::duckdb_query_progress(self.connection.connection) };
        (progress.percentage >= 0.0).then(|| (progress.percentage / 100.0).min(1.0))
    }
}

/// The statements of one text, parsed and not yet prepared.
#[derive(Debug)]
pub struct Extracted {
    raw: duckdb::duckdb_extracted_statements,
    count: u64,
    connection: Arc<RawConnection>,
}

// SAFETY: owned data of DuckDB's without ties to a thread.
unsafe impl Send for Extracted {}

impl Extracted {
    /// How many statements there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Prepares the statement at `index`; each can be prepared once.
    ///
    /// # Errors
    /// What DuckDB says of the statement.
    pub fn prepare(&mut self, index: u64) -> Result<Prepared, EngineError> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: all handles are alive; DuckDB checks the index.
        let state = unsafe {
            duckdb::duckdb_prepare_extracted_statement(self.connection.connection, self.raw, index, &mut raw)
        };
        // SAFETY: the prepared statement was just made and its error is read before anything else.
        unsafe { Prepared::from_raw(raw, state, Arc::clone(&self.connection)) }
    }
}

impl Drop for Extracted {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { duckdb::duckdb_destroy_extracted(&mut self.raw) };
    }
}
