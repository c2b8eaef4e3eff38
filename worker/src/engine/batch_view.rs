//! Arrow batches as rows that a statement can select from, in order and on all threads.
//!
//! DuckDB's appender runs its `INSERT` over rows without a batch index, and then only one thread can insert them in order.
//! `arrow_scan` has such an index, but SQL cannot name its arguments, which are pointers: only `duckdb_arrow_scan` can,
//! and it makes a view. So the view lives inside one transaction, under a random name, and goes before the
//! transaction ends; nobody else ever sees it.
//!
//! `duckdb_arrow_scan` is deprecated and has no successor in DuckDB 1.5.5; where it does not work the
//! [`super::Appender`] does.

use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::{Array as _, RecordBatch, StructArray};
use arrow::datatypes::Schema;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::ffi_stream::FFI_ArrowArrayStream;
use libduckdb_sys as duckdb;

use super::append::ConvertedSchema;
use super::c_string;
use super::connection::Connection;
use super::error::EngineError;
use super::schema::{quoted, unsupported};

/// Rows that one of DuckDB's threads takes at a time: a row group of its tables, so that threads write whole ones.
const SLICE_ROWS: usize = 122_880;

/// What `get_next` gives for a fault; errno's EIO.
const FAULT: c_int = 5;

/// Batches in memory, as a view of one connection. It must be withdrawn inside the transaction it was made in, or be
/// rolled back with it: a view that stays would point to memory that is gone.
#[derive(Debug)]
pub struct BatchView {
    path: String,
    /// Where the view's SQL points to.
    _stream: Box<FFI_ArrowArrayStream>,
    source: Box<Source>,
}

/// What the callbacks work on.
#[derive(Debug)]
struct Source {
    schema: FFI_ArrowSchema,
    waiting: Mutex<VecDeque<RecordBatch>>,
}

impl Source {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<RecordBatch>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BatchView {
    /// Makes a view named `name` in the current catalog and schema, in the connection's open transaction; `None` when
    /// DuckDB makes none there, for it does not say why.
    ///
    /// # Errors
    /// When an Arrow type has no DuckDB type.
    pub fn create(
        connection: &Connection,
        catalog: &str,
        schema: &str,
        name: &str,
        columns: &Schema,
    ) -> Result<Option<Self>, EngineError> {
        let exported = FFI_ArrowSchema::try_from(columns).map_err(unsupported)?;
        // Found out by the view it would abort the transaction, without a reason.
        ConvertedSchema::of(connection.raw(), &exported)?;
        let source = Box::new(Source { schema: exported, waiting: Mutex::default() });
        let mut stream = Box::new(FFI_ArrowArrayStream {
            get_schema: Some(get_schema),
            get_next: Some(get_next),
            get_last_error: Some(get_last_error),
            release: Some(release),
            private_data: ptr::from_ref(source.as_ref()).cast_mut().cast(),
        });
        let c_name = c_string(name)?;
        // SAFETY: connection and name are alive; the stream and what it points to stay where they are as long as the view
        // is there, by this type's contract. The two stream structs are one C layout.
        let state = unsafe {
            duckdb::duckdb_arrow_scan(
                connection.raw().connection,
                c_name.as_ptr(),
                ptr::from_mut(stream.as_mut()).cast(),
            )
        };
        let path = format!("{}.{}.{}", quoted(catalog), quoted(schema), quoted(name));
        Ok((state == duckdb::DuckDBSuccess).then_some(Self { path, _stream: stream, source }))
    }

    /// The view, as SQL names it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Gives the next statement that reads the view these rows; they must have the schema it was made with.
    pub fn offer(&self, batches: &[RecordBatch]) {
        let mut waiting = self.source.waiting();
        for batch in batches {
            for start in (0..batch.num_rows()).step_by(SLICE_ROWS) {
                waiting.push_back(batch.slice(start, SLICE_ROWS.min(batch.num_rows() - start)));
            }
        }
    }

    /// Drops the view.
    ///
    /// # Errors
    /// What DuckDB says, for example that the transaction is aborted.
    pub fn withdraw(&self, connection: &Connection) -> Result<(), EngineError> {
        connection.execute(&format!("DROP VIEW {}", self.path)).map(|_| ())
    }
}

/// The next batch, or an array that is released already, which means the end. It never waits: DuckDB's own threads ask,
/// and every other statement needs them.
unsafe extern "C" fn get_next(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowArray) -> c_int {
    // SAFETY: DuckDB passes a copy of the stream made above, whose source is alive as long as the view.
    let source = unsafe { &*(*stream).private_data.cast::<Source>() };
    let next = catch_unwind(AssertUnwindSafe(|| {
        let batch = source.waiting().pop_front();
        batch.map_or_else(FFI_ArrowArray::empty, |batch| FFI_ArrowArray::new(&StructArray::from(batch).to_data()))
    }));
    let Ok(next) = next else { return FAULT };
    // SAFETY: `out` is DuckDB's to fill, and holds nothing yet.
    unsafe { ptr::write(out, next) };
    0
}

/// A copy that borrows from the source's schema: DuckDB never releases the schema that `duckdb_arrow_scan` and the
/// view's binding ask for.
unsafe extern "C" fn get_schema(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowSchema) -> c_int {
    // SAFETY: as in `get_next`; the copy is forgotten, not dropped.
    unsafe {
        let source = &*(*stream).private_data.cast::<Source>();
        ptr::copy_nonoverlapping(&raw const source.schema, out, 1);
    }
    0
}

/// DuckDB asks only after a fault, and makes a C++ string of the answer.
unsafe extern "C" fn get_last_error(_stream: *mut FFI_ArrowArrayStream) -> *const c_char {
    c"a batch could not be handed to DuckDB".as_ptr()
}

/// Marks a stream as released; what it points to belongs to the [`BatchView`].
unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // SAFETY: called with a live stream.
    let stream = unsafe { &mut *stream };
    stream.private_data = ptr::null_mut::<c_void>();
    stream.release = None;
}
