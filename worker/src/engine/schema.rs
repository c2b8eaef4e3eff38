//! Types: DuckDB's to Arrow as DuckDB itself maps them, and Arrow's to SQL names.

use std::ffi::CString;
use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, Schema, SchemaRef, TimeUnit};
use arrow::ffi::FFI_ArrowSchema;
use libduckdb_sys as duckdb;
use tavana_wire::FailureKind;

use super::connection::RawConnection;
use super::error::EngineError;
use super::text;

/// A logical type of DuckDB's that we own.
#[derive(Debug)]
pub(super) struct LogicalType(duckdb::duckdb_logical_type);

impl LogicalType {
    /// Takes over a type; `None` for a null pointer.
    ///
    /// # Safety
    /// `raw` is null or a type that the caller must destroy.
    pub(super) unsafe fn from_raw(raw: duckdb::duckdb_logical_type) -> Option<Self> {
        (!raw.is_null()).then_some(Self(raw))
    }

    pub(super) fn of(id: duckdb::duckdb_type) -> Self {
        // SAFETY: makes a new type; simple types only.
        Self(unsafe { duckdb::duckdb_create_logical_type(id) })
    }

    pub(super) fn decimal(width: u8, scale: u8) -> Self {
        // SAFETY: makes a new type.
        Self(unsafe { duckdb::duckdb_create_decimal_type(width, scale) })
    }

    pub(super) fn sql_null() -> Self {
        Self::of(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL)
    }

    pub(super) fn raw(&self) -> duckdb::duckdb_logical_type {
        self.0
    }

    pub(super) fn id(&self) -> duckdb::duckdb_type {
        // SAFETY: the type is alive.
        unsafe { duckdb::duckdb_get_type_id(self.0) }
    }

    /// The bytes of each number of a decimal column.
    pub(super) fn decimal_bytes(&self) -> Option<usize> {
        // SAFETY: the type is alive; DuckDB answers "invalid" for any but decimals.
        Some(match unsafe { duckdb::duckdb_decimal_internal_type(self.0) } {
            duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => 2,
            duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => 4,
            duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => 8,
            duckdb::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => 16,
            _ => return None,
        })
    }

    /// Whether binding resolved it.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self.id(), duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INVALID | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ANY)
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: the type is ours and not used again.
        unsafe { duckdb::duckdb_destroy_logical_type(&mut self.0) };
    }
}

/// How a connection or a result exports to Arrow.
#[derive(Debug)]
pub(super) struct ArrowOptions(pub(super) duckdb::duckdb_arrow_options);

impl Drop for ArrowOptions {
    fn drop(&mut self) {
        // SAFETY: the options are ours and not used again.
        unsafe { duckdb::duckdb_destroy_arrow_options(&mut self.0) };
    }
}

pub(super) fn connection_arrow_options(connection: &RawConnection) -> ArrowOptions {
    let mut options = std::ptr::null_mut();
    // SAFETY: the connection is alive, the out pointer valid.
    unsafe { duckdb::duckdb_connection_get_arrow_options(connection.connection, &mut options) };
    ArrowOptions(options)
}

/// The Arrow schema that DuckDB itself gives these columns.
pub(super) fn arrow_schema(
    options: &ArrowOptions,
    types: &[LogicalType],
    names: &[CString],
) -> Result<SchemaRef, EngineError> {
    let mut raw_types: Vec<_> = types.iter().map(LogicalType::raw).collect();
    let mut raw_names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let mut exported = FFI_ArrowSchema::empty();
    // SAFETY: both lists have `types.len()` live entries; the two schema structs are one C layout.
    let error = unsafe {
        duckdb::duckdb_to_arrow_schema(
            options.0,
            raw_types.as_mut_ptr(),
            raw_names.as_mut_ptr(),
            types.len() as u64,
            (&raw mut exported).cast(),
        )
    };
    check(error)?;
    let schema = Schema::try_from(&exported).map_err(unsupported)?;
    Ok(Arc::new(schema))
}

/// Turns the error object of DuckDB's newer calls into a result.
pub(super) fn check(mut error: duckdb::duckdb_error_data) -> Result<(), EngineError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the error object is alive until it is destroyed here.
    let (failed, message) = unsafe {
        let failed = duckdb::duckdb_error_data_has_error(error);
        let message = text(duckdb::duckdb_error_data_message(error));
        duckdb::duckdb_destroy_error_data(&mut error);
        (failed, message)
    };
    if failed { Err(EngineError::from_message(message)) } else { Ok(()) }
}

pub(super) fn unsupported(error: arrow::error::ArrowError) -> EngineError {
    EngineError::new(FailureKind::Unsupported, format!("the type has no form in Arrow: {error}"))
}

/// The SQL name of the DuckDB type that an Arrow type becomes on its way in.
///
/// # Errors
/// `Unsupported` for Arrow types that DuckDB has no type for.
pub fn sql_type(data_type: &DataType) -> Result<String, EngineError> {
    let simple = match data_type {
        DataType::Null => "INTEGER",
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float16 | DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "BLOB",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time64(TimeUnit::Nanosecond) => "TIME_NS",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMPTZ",
        DataType::Timestamp(TimeUnit::Second, None) => "TIMESTAMP_S",
        DataType::Timestamp(TimeUnit::Millisecond, None) => "TIMESTAMP_MS",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP",
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "TIMESTAMP_NS",
        DataType::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime | IntervalUnit::MonthDayNano)
        | DataType::Duration(_) => "INTERVAL",
        _ => return nested_sql_type(data_type),
    };
    Ok(simple.to_owned())
}

fn nested_sql_type(data_type: &DataType) -> Result<String, EngineError> {
    Ok(match data_type {
        DataType::Decimal32(width, scale) | DataType::Decimal64(width, scale) | DataType::Decimal128(width, scale)
            if *scale >= 0 && *width <= 38 =>
        {
            format!("DECIMAL({width},{scale})")
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            format!("{}[]", sql_type(item.data_type())?)
        }
        DataType::FixedSizeList(item, length) => format!("{}[{length}]", sql_type(item.data_type())?),
        DataType::Struct(fields) => {
            let fields: Result<Vec<_>, EngineError> = fields
                .iter()
                .map(|field| Ok(format!("{} {}", quoted(field.name()), sql_type(field.data_type())?)))
                .collect();
            format!("STRUCT({})", fields?.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                format!("MAP({}, {})", sql_type(pair[0].data_type())?, sql_type(pair[1].data_type())?)
            }
            _ => return Err(no_type(data_type)),
        },
        DataType::Dictionary(_, values) => sql_type(values)?,
        DataType::RunEndEncoded(_, values) => sql_type(values.data_type())?,
        _ => return Err(no_type(data_type)),
    })
}

fn no_type(data_type: &DataType) -> EngineError {
    EngineError::new(FailureKind::Unsupported, format!("DuckDB has no type for Arrow's {data_type}"))
}

/// An identifier in double quotes, as SQL reads it whole.
pub fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Text in single quotes, as SQL reads it whole.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
