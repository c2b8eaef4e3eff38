//! Bulk append of Arrow batches to a table.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::Schema;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use libduckdb_sys as duckdb;
use tavana_wire::FailureKind;

use super::c_string;
use super::connection::{Connection, RawConnection};
use super::error::EngineError;
use super::schema::{check, unsupported};

/// DuckDB's vectors hold this many rows; larger chunks cannot be appended.
const CHUNK_ROWS: usize = 2048;

/// Appends batches to one table, inside the connection's transaction.
#[derive(Debug)]
pub struct Appender {
    raw: duckdb::duckdb_appender,
    converted: duckdb::duckdb_arrow_converted_schema,
    connection: Arc<RawConnection>,
}

// SAFETY: used by one thread at a time, as its `&mut self` methods demand.
unsafe impl Send for Appender {}

impl Drop for Appender {
    fn drop(&mut self) {
        // SAFETY: both are ours and not used again; clearing keeps an unfinished append from being flushed.
        unsafe {
            duckdb::duckdb_appender_clear(self.raw);
            duckdb::duckdb_appender_destroy(&mut self.raw);
            duckdb::duckdb_destroy_arrow_converted_schema(&mut self.converted);
        }
    }
}

impl Appender {
    /// Opens an appender for batches of `schema`, whose columns are matched to the table's by name.
    ///
    /// # Errors
    /// When there is no such table or column, or an Arrow type has no DuckDB type.
    pub fn open(
        connection: &Connection,
        catalog: Option<&str>,
        schema: Option<&str>,
        table: &str,
        columns: &Schema,
    ) -> Result<Self, EngineError> {
        let exported = FFI_ArrowSchema::try_from(columns).map_err(unsupported)?;
        let catalog = catalog.map(c_string).transpose()?;
        let schema = schema.map(c_string).transpose()?;
        let table = c_string(table)?;
        let raw_connection = Arc::clone(connection.raw());
        let mut appender =
            Self { raw: std::ptr::null_mut(), converted: std::ptr::null_mut(), connection: raw_connection };
        // SAFETY: the connection is alive; the two schema structs are one C layout.
        check(unsafe {
            duckdb::duckdb_schema_from_arrow(
                appender.connection.connection,
                (&raw const exported).cast_mut().cast(),
                &mut appender.converted,
            )
        })?;
        // SAFETY: all texts live during the call; null means the default.
        let state = unsafe {
            duckdb::duckdb_appender_create_ext(
                appender.connection.connection,
                catalog.as_ref().map_or(std::ptr::null(), |name| name.as_ptr()),
                schema.as_ref().map_or(std::ptr::null(), |name| name.as_ptr()),
                table.as_ptr(),
                &mut appender.raw,
            )
        };
        appender.check_state(state)?;
        for field in columns.fields() {
            let name = c_string(field.name())?;
            // SAFETY: the appender and the name are alive.
            let state = unsafe { duckdb::duckdb_appender_add_column(appender.raw, name.as_ptr()) };
            appender.check_state(state)?;
        }
        Ok(appender)
    }

    /// Appends the rows of a batch, which must have the schema the appender was opened with.
    ///
    /// # Errors
    /// When a value does not fit its column, or the table refuses it.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        for start in (0..batch.num_rows()).step_by(CHUNK_ROWS) {
            let rows = batch.slice(start, CHUNK_ROWS.min(batch.num_rows() - start));
            self.append_chunk(&rows)?;
        }
        Ok(())
    }

    fn append_chunk(&mut self, rows: &RecordBatch) -> Result<(), EngineError> {
        // DuckDB's chunk points into the batch's buffers, which `rows` keeps alive until it is appended.
        let array = StructArray::from(rows.clone());
        let mut exported = FFI_ArrowArray::new(&array.to_data());
        let mut chunk = std::ptr::null_mut();
        // SAFETY: connection and schema are alive; the two array structs are one C layout.
        check(unsafe {
            duckdb::duckdb_data_chunk_from_arrow(
                self.connection.connection,
                (&raw mut exported).cast(),
                self.converted,
                &mut chunk,
            )
        })?;
        // SAFETY: appender and chunk are alive; the chunk is ours and destroyed once, after DuckDB copied it.
        let state = unsafe {
            let state = duckdb::duckdb_append_data_chunk(self.raw, chunk);
            duckdb::duckdb_destroy_data_chunk(&mut chunk);
            state
        };
        self.check_state(state)
    }

    /// Flushes all rows to the table.
    ///
    /// # Errors
    /// When the table refuses them; none of them is kept then once the transaction ends.
    pub fn finish(self) -> Result<(), EngineError> {
        // SAFETY: the appender is alive; dropping destroys it afterwards.
        let state = unsafe { duckdb::duckdb_appender_close(self.raw) };
        self.check_state(state)
    }

    fn check_state(&self, state: duckdb::duckdb_state) -> Result<(), EngineError> {
        if state == duckdb::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: the appender is alive; the error object is owned and destroyed by `check`.
        check(unsafe { duckdb::duckdb_appender_error_data(self.raw) })?;
        Err(EngineError::new(FailureKind::Internal, "the appender failed without a reason"))
    }
}
