//! Values for parameters: one cell of an Arrow array as DuckDB takes it.
//!
//! Values are bound, never spliced into text.

use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::datatypes::*;
use libduckdb_sys as duckdb;
use tavana_wire::FailureKind;

use super::error::EngineError;
use super::schema::LogicalType;

/// A value of DuckDB's that we own.
#[derive(Debug)]
pub(super) struct Value(duckdb::duckdb_value);

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: the value is ours and not used again.
        unsafe { duckdb::duckdb_destroy_value(&mut self.0) };
    }
}

impl Value {
    pub(super) fn raw(&self) -> duckdb::duckdb_value {
        self.0
    }

    pub(super) fn text(text: &str) -> Self {
        // SAFETY: the length is that of the text, which DuckDB copies.
        Self(unsafe { duckdb::duckdb_create_varchar_length(text.as_ptr().cast(), text.len() as u64) })
    }

    fn blob(bytes: &[u8]) -> Self {
        // SAFETY: the length is that of the bytes, which DuckDB copies.
        Self(unsafe { duckdb::duckdb_create_blob(bytes.as_ptr(), bytes.len() as u64) })
    }

    fn null() -> Self {
        // SAFETY: makes a new value.
        Self(unsafe { duckdb::duckdb_create_null_value() })
    }

    /// The type of a simple value.
    fn logical_type(&self) -> Option<LogicalType> {
        // SAFETY: the value is alive, and so is the type it lends, which must not be destroyed here.
        let id = unsafe {
            let lent = duckdb::duckdb_get_value_type(self.0);
            (!lent.is_null()).then(|| duckdb::duckdb_get_type_id(lent))
        };
        id.map(LogicalType::of)
    }
}

/// Makes values of simple types; each argument is a constructor of DuckDB's that copies its input.
macro_rules! simple {
    ($constructor:ident, $value:expr) => {
        // SAFETY: makes a new value from a plain one.
        Value(unsafe { duckdb::$constructor($value) })
    };
}

/// The cell `row` of `array` as a value.
///
/// # Errors
/// `Unsupported` for types that cannot be bound.
pub(super) fn from_arrow(array: &dyn Array, row: usize) -> Result<Value, EngineError> {
    if array.is_null(row) {
        return Ok(Value::null());
    }
    Ok(match array.data_type() {
        DataType::Null => Value::null(),
        DataType::Boolean => simple!(duckdb_create_bool, array.as_boolean().value(row)),
        DataType::Int8 => simple!(duckdb_create_int8, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => simple!(duckdb_create_int16, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => simple!(duckdb_create_int32, array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => simple!(duckdb_create_int64, array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => simple!(duckdb_create_uint8, array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => simple!(duckdb_create_uint16, array.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => simple!(duckdb_create_uint32, array.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => simple!(duckdb_create_uint64, array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float16 => {
            simple!(duckdb_create_float, array.as_primitive::<Float16Type>().value(row).to_f32())
        }
        DataType::Float32 => simple!(duckdb_create_float, array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => simple!(duckdb_create_double, array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Value::text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Value::text(array.as_string_view().value(row)),
        DataType::Binary => Value::blob(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Value::blob(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Value::blob(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Value::blob(array.as_fixed_size_binary().value(row)),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => decimal(array, row)?,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => date_or_time(array, row)?,
        DataType::Timestamp(unit, zone) => timestamp(array, row, *unit, zone.is_some())?,
        DataType::Interval(_) | DataType::Duration(_) => interval(array, row)?,
        DataType::Dictionary(..) => {
            let keys = array.as_any_dictionary();
            from_arrow(keys.values().as_ref(), keys.normalized_keys()[row])?
        }
        DataType::List(_) => list(&array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row))?,
        other => return Err(cannot_bind(other)),
    })
}

fn cannot_bind(data_type: &DataType) -> EngineError {
    let message = format!("a parameter of Arrow type {data_type} cannot be bound; cast it in the client first");
    EngineError::new(FailureKind::Unsupported, message)
}

fn decimal(array: &dyn Array, row: usize) -> Result<Value, EngineError> {
    let (value, width, scale) = match array.data_type() {
        DataType::Decimal32(width, scale) => {
            (i128::from(array.as_primitive::<Decimal32Type>().value(row)), *width, *scale)
        }
        DataType::Decimal64(width, scale) => {
            (i128::from(array.as_primitive::<Decimal64Type>().value(row)), *width, *scale)
        }
        DataType::Decimal128(width, scale) => (array.as_primitive::<Decimal128Type>().value(row), *width, *scale),
        other => return Err(cannot_bind(other)),
    };
    let Ok(scale) = u8::try_from(scale) else { return Err(cannot_bind(array.data_type())) };
    // The two halves of the number, as DuckDB's hugeint holds them.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let value = duckdb::duckdb_hugeint { lower: value as u64, upper: (value >> 64) as i64 };
    Ok(simple!(duckdb_create_decimal, duckdb::duckdb_decimal { width, scale, value }))
}

fn date_or_time(array: &dyn Array, row: usize) -> Result<Value, EngineError> {
    let micros = match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            return Ok(simple!(duckdb_create_date, duckdb::duckdb_date { days }));
        }
        DataType::Date64 => {
            let days = array.as_primitive::<Date64Type>().value(row).div_euclid(86_400_000);
            let Ok(days) = i32::try_from(days) else { return Err(out_of_range("date")) };
            return Ok(simple!(duckdb_create_date, duckdb::duckdb_date { days }));
        }
        DataType::Time32(TimeUnit::Second) => {
            i64::from(array.as_primitive::<Time32SecondType>().value(row)) * 1_000_000
        }
        DataType::Time32(_) => i64::from(array.as_primitive::<Time32MillisecondType>().value(row)) * 1000,
        DataType::Time64(TimeUnit::Nanosecond) => {
            let nanos = array.as_primitive::<Time64NanosecondType>().value(row);
            return Ok(simple!(duckdb_create_time_ns, duckdb::duckdb_time_ns { nanos }));
        }
        DataType::Time64(_) => array.as_primitive::<Time64MicrosecondType>().value(row),
        other => return Err(cannot_bind(other)),
    };
    Ok(simple!(duckdb_create_time, duckdb::duckdb_time { micros }))
}

fn timestamp(array: &dyn Array, row: usize, unit: TimeUnit, zoned: bool) -> Result<Value, EngineError> {
    let (count, micros) = match unit {
        TimeUnit::Second => {
            let seconds = array.as_primitive::<TimestampSecondType>().value(row);
            (seconds, seconds.checked_mul(1_000_000))
        }
        TimeUnit::Millisecond => {
            let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
            (millis, millis.checked_mul(1000))
        }
        TimeUnit::Microsecond => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            (micros, Some(micros))
        }
        TimeUnit::Nanosecond => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
            (nanos, Some(nanos.div_euclid(1000)))
        }
    };
    if zoned {
        let Some(micros) = micros else { return Err(out_of_range("timestamp")) };
        return Ok(simple!(duckdb_create_timestamp_tz, duckdb::duckdb_timestamp { micros }));
    }
    Ok(match unit {
        TimeUnit::Second => simple!(duckdb_create_timestamp_s, duckdb::duckdb_timestamp_s { seconds: count }),
        TimeUnit::Millisecond => simple!(duckdb_create_timestamp_ms, duckdb::duckdb_timestamp_ms { millis: count }),
        TimeUnit::Microsecond => simple!(duckdb_create_timestamp, duckdb::duckdb_timestamp { micros: count }),
        TimeUnit::Nanosecond => simple!(duckdb_create_timestamp_ns, duckdb::duckdb_timestamp_ns { nanos: count }),
    })
}

fn interval(array: &dyn Array, row: usize) -> Result<Value, EngineError> {
    let (months, days, micros) = match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => (array.as_primitive::<IntervalYearMonthType>().value(row), 0, 0),
        DataType::Interval(IntervalUnit::DayTime) => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(row);
            (0, value.days, i64::from(value.milliseconds) * 1000)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            (value.months, value.days, value.nanoseconds / 1000)
        }
        DataType::Duration(unit) => {
            let micros = match unit {
                TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row).checked_mul(1_000_000),
                TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row).checked_mul(1000),
                TimeUnit::Microsecond => Some(array.as_primitive::<DurationMicrosecondType>().value(row)),
                TimeUnit::Nanosecond => Some(array.as_primitive::<DurationNanosecondType>().value(row) / 1000),
            };
            (0, 0, micros.ok_or_else(|| out_of_range("duration"))?)
        }
        other => return Err(cannot_bind(other)),
    };
    Ok(simple!(duckdb_create_interval, duckdb::duckdb_interval { months, days, micros }))
}

/// A list of simple values; DuckDB's C API wants the type of its elements.
fn list(items: &ArrayRef) -> Result<Value, EngineError> {
    // Slicing gave the elements of one row; rebuilding makes their offsets start at zero.
    let items = make_array(items.to_data());
    let values: Vec<Value> = (0..items.len()).map(|row| from_arrow(items.as_ref(), row)).collect::<Result<_, _>>()?;
    let first = values.iter().enumerate().find(|(row, _)| items.is_valid(*row)).map(|(_, value)| value);
    let element = match first {
        Some(value) if !items.data_type().is_nested() => match decimal_type(items.data_type()) {
            Some(decimal) => Some(decimal),
            None => value.logical_type(),
        },
        Some(_) => return Err(cannot_bind(items.data_type())),
        None => Some(LogicalType::sql_null()),
    };
    let Some(element) = element else { return Err(cannot_bind(items.data_type())) };
    let mut raw: Vec<_> = values.iter().map(Value::raw).collect();
    // SAFETY: the type and all values are alive; DuckDB copies them.
    let list = unsafe { duckdb::duckdb_create_list_value(element.raw(), raw.as_mut_ptr(), raw.len() as u64) };
    if list.is_null() { Err(cannot_bind(items.data_type())) } else { Ok(Value(list)) }
}

/// DuckDB's type of a decimal of Arrow's.
fn decimal_type(data_type: &DataType) -> Option<LogicalType> {
    let (DataType::Decimal32(width, scale) | DataType::Decimal64(width, scale) | DataType::Decimal128(width, scale)) =
        data_type
    else {
        return None;
    };
    Some(LogicalType::decimal(*width, u8::try_from(*scale).ok()?))
}

fn out_of_range(what: &str) -> EngineError {
    EngineError::new(FailureKind::Data, format!("the {what} is out of DuckDB's range"))
}
