//! Bulk append of Arrow batches, through an `INSERT` of ours.

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::SchemaRef;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use libduckdb_sys as duckdb;
use tavana_wire::FailureKind;

use super::c_string;
use super::connection::{Connection, RawConnection};
use super::error::EngineError;
use super::schema::{LogicalType, check, unsupported};

/// DuckDB's vectors hold this many rows; larger chunks cannot be appended.
const CHUNK_ROWS: usize = 2048;

/// An Arrow schema as DuckDB takes it.
#[derive(Debug)]
pub(super) struct ConvertedSchema(duckdb::duckdb_arrow_converted_schema);

impl ConvertedSchema {
    /// # Errors
    /// When an Arrow type has no DuckDB type.
    pub(super) fn of(connection: &RawConnection, exported: &FFI_ArrowSchema) -> Result<Self, EngineError> {
        let mut converted = ptr::null_mut();
        // SAFETY: the connection is alive; the two schema structs are one C layout, and DuckDB only reads.
        check(unsafe {
            let exported = ptr::from_ref(exported).cast_mut();
            duckdb::duckdb_schema_from_arrow(connection.connection, exported.cast(), &mut converted)
        })?;
        Ok(Self(converted))
    }
}

impl Drop for ConvertedSchema {
    fn drop(&mut self) {
        // SAFETY: the schema is ours and not used again.
        unsafe { duckdb::duckdb_destroy_arrow_converted_schema(&mut self.0) };
    }
}

/// Feeds batches to an `INSERT`, inside the connection's transaction. It takes every type and every catalog, but runs
/// the `INSERT` on one thread; [`super::BatchView`] is faster.
#[derive(Debug)]
pub struct Appender {
    raw: duckdb::duckdb_appender,
    converted: ConvertedSchema,
    connection: Arc<RawConnection>,
}

// SAFETY: used by one thread at a time, as its `&mut self` methods demand.
unsafe impl Send for Appender {}

impl Drop for Appender {
    fn drop(&mut self) {
        if self.raw.is_null() {
            return;
        }
        // SAFETY: the appender is ours and not used again; clearing keeps an unfinished append from being flushed.
        unsafe {
            duckdb::duckdb_appender_clear(self.raw);
            duckdb::duckdb_appender_destroy(&mut self.raw);
        }
    }
}

impl Appender {
    /// Opens an appender that runs `insert`, which reads the appended rows from a table named `source`, for batches of
    /// this schema. DuckDB casts and checks as in any `INSERT`.
    ///
    /// # Errors
    /// When an Arrow type has no DuckDB type; what is wrong with `insert` is told when rows are flushed.
    pub fn open(connection: &Connection, insert: &str, source: &str, columns: &SchemaRef) -> Result<Self, EngineError> {
        let exported = FFI_ArrowSchema::try_from(columns.as_ref()).map_err(unsupported)?;
        let insert = c_string(insert)?;
        let source = c_string(source)?;
        let names: Vec<CString> =
            columns.fields().iter().map(|field| c_string(field.name())).collect::<Result<_, _>>()?;
        let mut appender = Self {
            raw: ptr::null_mut(),
            converted: ConvertedSchema::of(connection.raw(), &exported)?,
            connection: Arc::clone(connection.raw()),
        };
        let types = appender.column_types(columns)?;
        let mut raw_types: Vec<_> = types.iter().map(LogicalType::raw).collect();
        let mut raw_names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: texts, types and names live during the call, and both lists have as many entries as columns.
        let state = unsafe {
            duckdb::duckdb_appender_create_query(
                appender.connection.connection,
                insert.as_ptr(),
                types.len() as u64,
                raw_types.as_mut_ptr(),
                source.as_ptr(),
                raw_names.as_mut_ptr(),
                &mut appender.raw,
            )
        };
        appender.check_state(state)?;
        Ok(appender)
    }

    /// The types that DuckDB gives the columns, as an empty chunk of them has them.
    fn column_types(&self, columns: &SchemaRef) -> Result<Vec<LogicalType>, EngineError> {
        let mut chunk = self.chunk(&RecordBatch::new_empty(Arc::clone(columns)))?;
        let types = (0..columns.fields().len() as u64)
            .map(|column| {
                // SAFETY: the chunk is alive and has this column; the type is owned by us.
                unsafe {
                    let vector = duckdb::duckdb_data_chunk_get_vector(chunk, column);
                    LogicalType::from_raw(duckdb::duckdb_vector_get_column_type(vector))
                }
                .unwrap_or_else(LogicalType::sql_null)
            })
            .collect();
        // SAFETY: the chunk is ours and not used again.
        unsafe { duckdb::duckdb_destroy_data_chunk(&mut chunk) };
        Ok(types)
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
        let mut chunk = self.chunk(rows)?;
        // SAFETY: appender and chunk are alive; the chunk is ours and destroyed once, after DuckDB copied it.
        let state = unsafe {
            let state = duckdb::duckdb_append_data_chunk(self.raw, chunk);
            duckdb::duckdb_destroy_data_chunk(&mut chunk);
            state
        };
        self.check_state(state)
    }

    /// The rows as DuckDB's chunk, which points into their buffers: it must be used and destroyed while they live.
    fn chunk(&self, rows: &RecordBatch) -> Result<duckdb::duckdb_data_chunk, EngineError> {
        let array = StructArray::from(rows.clone());
        let mut exported = FFI_ArrowArray::new(&array.to_data());
        let mut chunk = ptr::null_mut();
        // SAFETY: connection and schema are alive; the two array structs are one C layout.
        check(unsafe {
            duckdb::duckdb_data_chunk_from_arrow(
                self.connection.connection,
                (&raw mut exported).cast(),
                self.converted.0,
                &mut chunk,
            )
        })?;
        Ok(chunk)
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
        check(unsafe { duckdb::duckdb_appender_error_data(self.raw) }).map_err(EngineError::of_append)?;
        Err(EngineError::new(FailureKind::Internal, "the appender failed without a reason"))
    }
}
