//! A result that streams, and its chunks.
//!
//! DuckDB gives null for the end of a result and for an error alike; after every null the
//! result's error is asked for, so that a broken stream can never pass for a whole one.

use std::ffi::CString;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, StructArray};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ffi::{FFI_ArrowArray, from_ffi_and_data_type};
use libduckdb_sys as duckdb;

use super::connection::RawConnection;
use super::error::EngineError;
use super::schema::{ArrowOptions, LogicalType, arrow_schema, check, unsupported};
use super::text;

/// What a statement gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// Rows of a result.
    Rows,
    /// The number of rows it changed.
    ChangedRows,
    /// Nothing.
    Nothing,
}

/// The rows of a statement that runs, chunk by chunk.
#[derive(Debug)]
pub struct ResultStream {
    raw: duckdb::duckdb_result,
    options: ArrowOptions,
    schema: SchemaRef,
    layouts: Option<Vec<Layout>>,
    rows_changed: Option<u64>,
    // Dropped after the result, which refers to it.
    _connection: Arc<RawConnection>,
}

// SAFETY: used by one thread at a time, as its `&mut self` methods demand.
unsafe impl Send for ResultStream {}

impl Drop for ResultStream {
    fn drop(&mut self) {
        // SAFETY: the result is ours and not used again.
        unsafe { duckdb::duckdb_destroy_result(&mut self.raw) };
    }
}

impl ResultStream {
    /// Takes over a result that DuckDB just made.
    ///
    /// # Safety
    /// `raw` and `state` are what an executing call on `connection` gave.
    pub(super) unsafe fn from_raw(
        mut raw: duckdb::duckdb_result,
        state: duckdb::duckdb_state,
        connection: Arc<RawConnection>,
    ) -> Result<Self, EngineError> {
        if state != duckdb::DuckDBSuccess {
            // SAFETY: the result holds the error until it is destroyed here.
            let message = unsafe {
                let message = text(duckdb::duckdb_result_error(&mut raw));
                duckdb::duckdb_destroy_result(&mut raw);
                message
            };
            return Err(EngineError::from_message(message));
        }
        // SAFETY: the result is alive; its options are owned by us.
        let options = ArrowOptions(unsafe { duckdb::duckdb_result_get_arrow_options(&mut raw) });
        let mut stream = Self {
            raw,
            options,
            schema: Arc::new(arrow::datatypes::Schema::empty()),
            layouts: None,
            rows_changed: None,
            _connection: connection,
        };
        stream.read_schema()?;
        Ok(stream)
    }

    fn read_schema(&mut self) -> Result<(), EngineError> {
        let mut types = Vec::new();
        let mut names = Vec::new();
        // SAFETY: the result is alive and the indexes are below its column count; names are copied at once.
        unsafe {
            for column in 0..duckdb::duckdb_column_count(&mut self.raw) {
                let logical = LogicalType::from_raw(duckdb::duckdb_column_logical_type(&mut self.raw, column));
                types.push(logical.unwrap_or_else(LogicalType::sql_null));
                let name = duckdb::duckdb_column_name(&mut self.raw, column);
                names.push(if name.is_null() { CString::default() } else { std::ffi::CStr::from_ptr(name).to_owned() });
            }
        }
        self.schema = arrow_schema(&self.options, &types, &names)?;
        let fields = self.schema.fields().iter();
        self.layouts =
            types.iter().zip(fields).map(|(logical, field)| Layout::of(logical, field.data_type())).collect();
        Ok(())
    }

    /// The Arrow schema of the rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How each column lies in memory, when every column is of a layout that can be read without DuckDB's export.
    pub fn layouts(&self) -> Option<&[Layout]> {
        self.layouts.as_deref()
    }

    /// What the statement gives back.
    pub fn returns(&self) -> Returns {
        // SAFETY: the result is alive.
        match unsafe { duckdb::duckdb_result_return_type(self.raw) } {
            duckdb::duckdb_result_type_DUCKDB_RESULT_TYPE_CHANGED_ROWS => Returns::ChangedRows,
            duckdb::duckdb_result_type_DUCKDB_RESULT_TYPE_NOTHING => Returns::Nothing,
            _ => Returns::Rows,
        }
    }

    /// How many rows the statement changed, if it is of the kind that does; known once all chunks are read.
    pub fn rows_changed(&self) -> Option<u64> {
        match self.returns() {
            Returns::ChangedRows => Some(self.rows_changed.unwrap_or(0)),
            Returns::Nothing | Returns::Rows => self.rows_changed,
        }
    }

    /// Whether its rows are numbers of changed rows. DuckDB says of `CREATE TABLE … AS` that it returns nothing, and
    /// gives the number all the same.
    fn counts(&self) -> bool {
        match self.returns() {
            Returns::ChangedRows => true,
            Returns::Nothing => self.schema.fields().first().is_some_and(|field| *field.data_type() == DataType::Int64),
            Returns::Rows => false,
        }
    }

    /// The next chunk of at most 2048 rows; `None` at the true end.
    ///
    /// # Errors
    /// What DuckDB says went wrong while running, an interrupt among it.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        loop {
            // SAFETY: the result is alive; the chunk is owned by us.
            let raw = unsafe { duckdb::duckdb_fetch_chunk(self.raw) };
            if raw.is_null() {
                // SAFETY: the result is alive; its error is copied.
                let message = unsafe { text(duckdb::duckdb_result_error(&mut self.raw)) };
                return if message.is_empty() { Ok(None) } else { Err(EngineError::from_message(message)) };
            }
            let chunk = Chunk { raw };
            if chunk.rows() == 0 {
                continue;
            }
            if self.counts() {
                let rows = chunk.column(0).values::<i64>().iter().map(|&rows| rows.unsigned_abs()).sum::<u64>();
                self.rows_changed = Some(self.rows_changed.unwrap_or(0) + rows);
            }
            return Ok(Some(chunk));
        }
    }

    /// The chunk as DuckDB itself exports it to Arrow.
    ///
    /// # Errors
    /// When a value has no form in Arrow.
    pub fn to_arrow(&self, chunk: &Chunk) -> Result<RecordBatch, EngineError> {
        let mut exported = FFI_ArrowArray::empty();
        // SAFETY: options and chunk are alive; the two array structs are one C layout.
        check(unsafe { duckdb::duckdb_data_chunk_to_arrow(self.options.0, chunk.raw, (&raw mut exported).cast()) })?;
        let data_type = DataType::Struct(self.schema.fields().clone());
        // SAFETY: DuckDB exported the array with the schema it gave for the same result.
        let data = unsafe { from_ffi_and_data_type(exported, data_type) }.map_err(unsupported)?;
        let columns = StructArray::from(data).into_parts().1;
        let options = RecordBatchOptions::new().with_row_count(Some(chunk.rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(unsupported)
    }
}

/// How a column lies in DuckDB's memory, where Arrow's form follows from it directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A byte a row; Arrow wants a bit.
    Bool,
    /// As many bytes a row as Arrow has, in the same form.
    Fixed(usize),
    /// A whole number of so many bytes; Arrow wants 16.
    Decimal(usize),
    /// Texts or blobs; Arrow wants 32-bit offsets and the bytes.
    Bytes,
}

impl Layout {
    fn of(logical: &LogicalType, arrow: &DataType) -> Option<Self> {
        use arrow::datatypes::TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        use duckdb as d;
        Some(match (logical.id(), arrow) {
            (d::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN, DataType::Boolean) => Self::Bool,
            (d::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT, DataType::Int8)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT, DataType::UInt8) => Self::Fixed(1),
            (d::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT, DataType::Int16)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT, DataType::UInt16) => Self::Fixed(2),
            (d::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER, DataType::Int32)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER, DataType::UInt32)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT, DataType::Float32)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_DATE, DataType::Date32) => Self::Fixed(4),
            (d::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT, DataType::Int64)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT, DataType::UInt64)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE, DataType::Float64)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_TIME, DataType::Time64(Microsecond))
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP, DataType::Timestamp(Microsecond, None))
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S, DataType::Timestamp(Second, None))
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS, DataType::Timestamp(Millisecond, None))
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS, DataType::Timestamp(Nanosecond, None))
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ, DataType::Timestamp(Microsecond, Some(_))) => Self::Fixed(8),
            (d::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT, DataType::Decimal128(..)) => Self::Fixed(16),
            (d::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL, DataType::Decimal128(..)) => Self::Decimal(logical.decimal_bytes()?),
            (d::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR, DataType::Utf8)
            | (d::DUCKDB_TYPE_DUCKDB_TYPE_BLOB, DataType::Binary) => Self::Bytes,
            _ => return None,
        })
    }
}

/// At most 2048 rows of a result; every column is flat.
#[derive(Debug)]
pub struct Chunk {
    raw: duckdb::duckdb_data_chunk,
}

// SAFETY: owned data of DuckDB's without ties to a thread.
unsafe impl Send for Chunk {}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: the chunk is ours and not used again.
        unsafe { duckdb::duckdb_destroy_data_chunk(&mut self.raw) };
    }
}

impl Chunk {
    /// How many rows it holds.
    pub fn rows(&self) -> usize {
        // SAFETY: the chunk is alive.
        usize::try_from(unsafe { duckdb::duckdb_data_chunk_get_size(self.raw) }).unwrap_or(0)
    }

    /// The column at `index`, which must exist.
    pub fn column(&self, index: usize) -> Column<'_> {
        // SAFETY: the chunk is alive and outlives the column.
        let vector = unsafe { duckdb::duckdb_data_chunk_get_vector(self.raw, index as u64) };
        // SAFETY: the vector belongs to the chunk.
        let (data, validity) =
            unsafe { (duckdb::duckdb_vector_get_data(vector), duckdb::duckdb_vector_get_validity(vector)) };
        Column { data: data.cast(), validity, rows: self.rows(), _chunk: PhantomData }
    }
}

/// Texts of at most this many bytes lie inside DuckDB's vector.
const INLINE_BYTES: usize = 12;

/// A column of a chunk, as it lies in memory.
#[derive(Debug)]
pub struct Column<'a> {
    data: *const u8,
    validity: *const u64,
    rows: usize,
    _chunk: PhantomData<&'a Chunk>,
}

/// Types that fixed-width columns hold, without padding and with every bit pattern valid.
pub trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
impl Plain for i32 {}
impl Plain for i64 {}
impl Plain for i128 {}

impl<'a> Column<'a> {
    /// A bit for each row, set where it is not null, lowest first; `None` when no row is null.
    pub fn validity(&self) -> Option<&'a [u64]> {
        if self.validity.is_null() {
            return None;
        }
        // SAFETY: DuckDB's mask has a bit for each row of the vector's capacity.
        Some(unsafe { std::slice::from_raw_parts(self.validity, self.rows.div_ceil(64)) })
    }

    /// The values of a fixed-width column; those of null rows mean nothing.
    pub fn values<T: Plain>(&self) -> &'a [T] {
        if self.rows == 0 {
            return &[];
        }
        // SAFETY: the caller names the width of the column's physical type; DuckDB allocates vectors
        // whole and aligned, and every bit pattern is a valid `T`.
        unsafe { std::slice::from_raw_parts(self.data.cast(), self.rows) }
    }

    /// The bytes of row `row` of a text or blob column, which must not be null.
    pub fn bytes(&self, row: usize) -> &'a [u8] {
        debug_assert!(row < self.rows);
        // SAFETY: the column holds `duckdb_string_t`, whose `length` both forms share; up to 12 bytes lie
        // inline, longer ones behind the pointer, alive as long as the chunk.
        unsafe {
            let string = &*self.data.cast::<duckdb::duckdb_string_t>().add(row);
            let length = string.value.inlined.length as usize;
            let start: *const u8 = if length <= INLINE_BYTES {
                string.value.inlined.inlined.as_ptr().cast()
            } else {
                string.value.pointer.ptr.cast_const().cast()
            };
            std::slice::from_raw_parts(start, length)
        }
    }

    /// Appends the bytes of some rows, none of which is null, and where each ends.
    pub fn append_all_bytes(&self, rows: Range<usize>, data: &mut Vec<u8>, ends: &mut Vec<i32>) {
        // SAFETY: the column holds `duckdb_string_t`s, 16 bytes each.
        let strings = unsafe { std::slice::from_raw_parts(self.data.cast::<duckdb::duckdb_string_t>(), self.rows) };
        let strings = &strings[rows];
        let mut end = data.len();
        data.reserve(strings.len() * INLINE_BYTES);
        for (index, string) in strings.iter().enumerate() {
            // Short texts are copied as their 12 bytes whatever their length; the last may write past its end.
            let room = (strings.len() - index) * INLINE_BYTES;
            // SAFETY: both forms share `length`; texts longer than what fits inline lie behind the pointer. What is written stays
            // within what is reserved, and all bytes up to `end` were written before.
            unsafe {
                let length = string.value.inlined.length as usize;
                if length <= INLINE_BYTES {
                    let inline: *const u8 = string.value.inlined.inlined.as_ptr().cast();
                    std::ptr::copy_nonoverlapping(inline, data.as_mut_ptr().add(end), INLINE_BYTES);
                } else {
                    let text: *const u8 = string.value.pointer.ptr.cast_const().cast();
                    data.set_len(end);
                    data.reserve(length + room);
                    std::ptr::copy_nonoverlapping(text, data.as_mut_ptr().add(end), length);
                }
                end += length;
            }
            ends.push(i32::try_from(end).unwrap_or(i32::MAX));
        }
        // SAFETY: all bytes up to `end` were written above.
        unsafe { data.set_len(end) };
    }
}
