//! A prepared statement: its kind, its columns, its parameters, and running it.

use std::ffi::CString;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use libduckdb_sys as duckdb;
use tavana_wire::FailureKind;

use super::connection::RawConnection;
use super::error::EngineError;
use super::result::ResultStream;
use super::schema::{LogicalType, arrow_schema, connection_arrow_options};
use super::{text, value};
use crate::statement::StatementKind;

/// A prepared statement of one connection.
#[derive(Debug)]
pub struct Prepared {
    raw: duckdb::duckdb_prepared_statement,
    connection: Arc<RawConnection>,
}

// SAFETY: used by one thread at a time, as its `&mut self` methods demand.
unsafe impl Send for Prepared {}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { duckdb::duckdb_destroy_prepare(&mut self.raw) };
    }
}

impl Prepared {
    /// Takes over a prepared statement that DuckDB just made.
    ///
    /// # Safety
    /// `raw` and `state` are what a preparing call on `connection` gave.
    pub(super) unsafe fn from_raw(
        raw: duckdb::duckdb_prepared_statement,
        state: duckdb::duckdb_state,
        connection: Arc<RawConnection>,
    ) -> Result<Self, EngineError> {
        let prepared = Self { raw, connection };
        if state == duckdb::DuckDBSuccess {
            return Ok(prepared);
        }
        // SAFETY: DuckDB takes a null handle and gives a null text for it.
        let message = unsafe { text(duckdb::duckdb_prepare_error(prepared.raw)) };
        Err(EngineError::from_message(message))
    }

    /// What sort of statement it is.
    pub fn kind(&self) -> StatementKind {
        // SAFETY: the handle is alive.
        StatementKind::from(unsafe { duckdb::duckdb_prepared_statement_type(self.raw) })
    }

    /// The Arrow schema of its result; `None` while the type of a column hangs on an unknown parameter.
    ///
    /// # Errors
    /// When a type has no form in Arrow.
    pub fn schema(&self) -> Result<Option<SchemaRef>, EngineError> {
        // SAFETY: the handle is alive; names are freed below by their owner type.
        let columns = unsafe { duckdb::duckdb_prepared_statement_column_count(self.raw) };
        let mut types = Vec::new();
        let mut names = Vec::new();
        for column in 0..columns {
            // SAFETY: the index is below the count; the type is owned by us.
            let logical = unsafe {
                LogicalType::from_raw(duckdb::duckdb_prepared_statement_column_logical_type(self.raw, column))
            };
            let Some(logical) = logical.filter(LogicalType::is_known) else { return Ok(None) };
            types.push(logical);
            // SAFETY: the index is below the count; DuckDB hands the text over to us.
            let name = unsafe { owned_text(duckdb::duckdb_prepared_statement_column_name(self.raw, column)) };
            names.push(name);
        }
        arrow_schema(&connection_arrow_options(&self.connection), &types, &names).map(Some)
    }

    /// How many parameters it has.
    pub fn parameter_count(&self) -> usize {
        // SAFETY: the handle is alive.
        usize::try_from(unsafe { duckdb::duckdb_nparams(self.raw) }).unwrap_or(usize::MAX)
    }

    /// The Arrow schema of its parameters, in order; a type DuckDB could not resolve is Arrow's null.
    ///
    /// # Errors
    /// When a type has no form in Arrow.
    pub fn parameter_schema(&self) -> Result<SchemaRef, EngineError> {
        let mut types = Vec::new();
        let mut names = Vec::new();
        for index in 1..=self.parameter_count() as u64 {
            // SAFETY: the index is in range; the type and the text are owned by us.
            let (logical, name) = unsafe {
                let logical = LogicalType::from_raw(duckdb::duckdb_param_logical_type(self.raw, index));
                (logical, owned_text(duckdb::duckdb_parameter_name(self.raw, index)))
            };
            types.push(logical.filter(LogicalType::is_known).unwrap_or_else(LogicalType::sql_null));
            names.push(CString::new(format!("parameter_{}", name.to_string_lossy())).unwrap_or(name));
        }
        arrow_schema(&connection_arrow_options(&self.connection), &types, &names)
    }

    /// Binds row `row` of `columns`, one column a parameter, in the order of the parameters.
    ///
    /// # Errors
    /// `Binding` when the number of columns is not that of the parameters, or a type cannot be bound.
    pub fn bind_row(&mut self, columns: &[ArrayRef], row: usize) -> Result<(), EngineError> {
        if columns.len() != self.parameter_count() {
            let (given, wanted) = (columns.len(), self.parameter_count());
            let message = format!("the statement has {wanted} parameters, {given} were bound");
            return Err(EngineError::new(FailureKind::Binding, message));
        }
        for (index, column) in columns.iter().enumerate() {
            let bound = value::from_arrow(column.as_ref() as &dyn Array, row)?;
            self.bind(index, bound)?;
        }
        Ok(())
    }

    /// Binds text to the parameter at `index`, from 0.
    ///
    /// # Errors
    /// When there is no such parameter.
    pub fn bind_text(&mut self, index: usize, text: &str) -> Result<(), EngineError> {
        self.bind(index, value::Value::text(text))
    }

    fn bind(&mut self, index: usize, bound: value::Value) -> Result<(), EngineError> {
        // SAFETY: statement and value are alive; DuckDB copies the value and checks the index.
        let state = unsafe { duckdb::duckdb_bind_value(self.raw, index as u64 + 1, bound.raw()) };
        if state == duckdb::DuckDBSuccess {
            return Ok(());
        }
        let message = format!("parameter {} could not be bound", index + 1);
        Err(EngineError::new(FailureKind::Binding, message))
    }

    /// Begins to run it: what it will see is settled, no row is computed.
    ///
    /// # Errors
    /// What DuckDB says of the statement.
    pub fn start(&mut self) -> Result<Pending, EngineError> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the statement is alive, the out pointer valid.
        let state = unsafe { duckdb::duckdb_pending_prepared_streaming(self.raw, &mut raw) };
        let pending = Pending { raw, connection: Arc::clone(&self.connection) };
        if state == duckdb::DuckDBSuccess {
            return Ok(pending);
        }
        // SAFETY: the handle holds the error until it is dropped.
        let message = unsafe { text(duckdb::duckdb_pending_error(pending.raw)) };
        Err(EngineError::from_message(message))
    }

    /// Runs it and collects its rows; for results whose size is bounded.
    ///
    /// # Errors
    /// What DuckDB says.
    pub fn collect(&mut self) -> Result<Vec<RecordBatch>, EngineError> {
        let mut result = self.execute()?;
        let mut batches = Vec::new();
        while let Some(chunk) = result.next_chunk()? {
            batches.push(result.to_arrow(&chunk)?);
        }
        Ok(batches)
    }

    /// Starts running it; rows come as they are asked for.
    ///
    /// # Errors
    /// What DuckDB says before the first row.
    pub fn execute(&mut self) -> Result<ResultStream, EngineError> {
        // SAFETY: a zeroed result is DuckDB's own way to start one.
        let mut result: duckdb::duckdb_result = unsafe { std::mem::zeroed() };
        // SAFETY: the statement is alive, the out pointer valid.
        let state = unsafe { duckdb::duckdb_execute_prepared_streaming(self.raw, &mut result) };
        // SAFETY: the result was just made by the call above on this connection.
        unsafe { ResultStream::from_raw(result, state, Arc::clone(&self.connection)) }
    }
}

/// A statement that has begun to run.
#[derive(Debug)]
pub struct Pending {
    raw: duckdb::duckdb_pending_result,
    connection: Arc<RawConnection>,
}

// SAFETY: used by one thread at a time, and consumed by its only method.
unsafe impl Send for Pending {}

impl Drop for Pending {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { duckdb::duckdb_destroy_pending(&mut self.raw) };
    }
}

impl Pending {
    /// Runs on to the first row; further rows come as they are asked for.
    ///
    /// # Errors
    /// What DuckDB says before the first row.
    pub fn execute(self) -> Result<ResultStream, EngineError> {
        // SAFETY: a zeroed result is DuckDB's own way to start one.
        let mut result: duckdb::duckdb_result = unsafe { std::mem::zeroed() };
        // SAFETY: the pending statement is alive, the out pointer valid.
        let state = unsafe { duckdb::duckdb_execute_pending(self.raw, &mut result) };
        // SAFETY: the result was just made by the call above on this connection.
        unsafe { ResultStream::from_raw(result, state, Arc::clone(&self.connection)) }
    }
}

/// Takes over a text that DuckDB allocated.
///
/// # Safety
/// `pointer` is null or a C string that the caller must free with `duckdb_free`.
unsafe fn owned_text(pointer: *const std::ffi::c_char) -> CString {
    if pointer.is_null() {
        return CString::default();
    }
    // SAFETY: not null, and a C string by this function's contract; freed once, after its copy.
    unsafe {
        let owned = std::ffi::CStr::from_ptr(pointer).to_owned();
        duckdb::duckdb_free(pointer.cast_mut().cast());
        owned
    }
}
