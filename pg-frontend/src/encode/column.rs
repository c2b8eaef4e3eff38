//! A column of a batch, ready to be written.
//!
//! What a value looks like depends on its Arrow type, its extension and the unit of its time. All of that is decided once a
//! batch: a [`Column`] holds the raw slices, so that writing a value is one jump and no lookup.

use super::EncodeError;
use super::pg_type::{Extension, PgType, Scalar, is_told_oid};
use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, StringViewArray, UnionArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Field, FieldRef,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use std::ops::Range;

/// The values of one column and which of them are NULL.
pub(crate) struct Column<'a> {
    pub(crate) nulls: Option<&'a NullBuffer>,
    pub(crate) values: Values<'a>,
}

/// Raw values by the way they are written.
pub(crate) enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    Bool8(&'a [i8]),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    /// Numbers of objects, which are four bytes to clients.
    Oid(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal32(&'a [i32], usize),
    Decimal64(&'a [i64], usize),
    Decimal128(&'a [i128], usize),
    Hugeint(&'a FixedSizeBinaryArray),
    Uhugeint(&'a FixedSizeBinaryArray),
    Bignum(Strings<'a>),
    Text(Strings<'a>),
    /// Names of objects, which are numbers in the binary format.
    ObjectName(Strings<'a>),
    Bytes(Strings<'a>),
    FixedBytes(&'a FixedSizeBinaryArray),
    JsonText(Strings<'a>),
    Bit(Strings<'a>),
    Uuid(&'a FixedSizeBinaryArray),
    Date(&'a [i32]),
    Time(&'a [i64], Unit),
    Time32(&'a [i32], Unit),
    TimeTz(&'a FixedSizeBinaryArray),
    Timestamp(&'a [i64], Unit),
    TimestampTz(&'a [i64], Unit),
    Interval(&'a [IntervalMonthDayNano]),
    Dictionary(Keys<'a>, Box<Column<'a>>),
    List(List<'a>),
    Struct(Vec<(&'a str, Column<'a>)>),
    Map(&'a [i32], Box<(Column<'a>, Column<'a>)>),
    Union(&'a UnionArray, Vec<(i8, &'a str, Column<'a>)>),
    /// Quotients of decimals.
    Quotient(&'a [i128], usize),
    /// Values that are told as another type.
    As(Box<Column<'a>>, Scalar),
    /// Nested values of a column that is JSON for the client.
    Json(Box<Column<'a>>),
}

/// Values of variable length.
pub(crate) enum Strings<'a> {
    Small(&'a [i32], &'a [u8]),
    Large(&'a [i64], &'a [u8]),
    TextView(&'a StringViewArray),
    BinaryView(&'a BinaryViewArray),
}

impl<'a> Strings<'a> {
    /// The bytes of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> &'a [u8] {
        match *self {
            Self::Small(offsets, bytes) => &bytes[offsets[row] as usize..offsets[row + 1] as usize],
            Self::Large(offsets, bytes) => &bytes[offsets[row] as usize..offsets[row + 1] as usize],
            Self::TextView(array) => array.value(row).as_bytes(),
            Self::BinaryView(array) => array.value(row),
        }
    }

    /// The bytes of some rows, if they lie together.
    pub(crate) fn between(&self, rows: &Range<usize>) -> Option<&'a [u8]> {
        match *self {
            Self::Small(offsets, bytes) => bytes.get(offsets[rows.start] as usize..offsets[rows.end] as usize),
            Self::Large(offsets, bytes) => bytes.get(offsets[rows.start] as usize..offsets[rows.end] as usize),
            Self::TextView(_) | Self::BinaryView(_) => None,
        }
    }
}

/// Keys of a dictionary.
pub(crate) enum Keys<'a> {
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    Int32(&'a [i32]),
}

impl Keys<'_> {
    #[inline]
    pub(crate) fn get(&self, row: usize) -> usize {
        match *self {
            Self::UInt8(keys) => usize::from(keys[row]),
            Self::UInt16(keys) => usize::from(keys[row]),
            Self::UInt32(keys) => keys[row] as usize,
            Self::Int32(keys) => keys[row] as usize,
        }
    }
}

/// A list or a fixed-size list.
pub(crate) struct List<'a> {
    /// `Err` is the size of every list.
    pub(crate) bounds: Result<&'a [i32], usize>,
    pub(crate) items: Box<Column<'a>>,
    /// The OID of the innermost elements.
    pub(crate) element_oid: u32,
    /// Whether text elements may need quotes.
    pub(crate) quoted: bool,
    /// Whether it is an `int2vector` or `oidvector`: counted from 0, and without braces in text.
    pub(crate) vector: bool,
}

impl List<'_> {
    /// The items of a row.
    pub(crate) fn range(&self, row: usize) -> Range<usize> {
        match self.bounds {
            Ok(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Err(size) => row * size..(row + 1) * size,
        }
    }
}

/// The unit of a time or timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Milli,
    Micro,
    Nano,
}

impl Unit {
    /// Microseconds, or `None` where they do not fit.
    #[inline]
    pub(crate) fn micros(self, value: i64) -> Option<i64> {
        match self {
            Self::Micro => Some(value),
            Self::Nano => Some(value.div_euclid(1000)),
            Self::Milli => value.checked_mul(1000),
            Self::Second => value.checked_mul(1_000_000),
        }
    }
}

impl<'a> Column<'a> {
    /// The column of a field; nested types that PostgreSQL has no array for become JSON.
    pub(crate) fn resolve(field: &'a Field, array: &'a ArrayRef) -> Result<Self, EncodeError> {
        let nested = matches!(
            field.data_type(),
            DataType::List(_)
                | DataType::FixedSizeList(..)
                | DataType::Struct(_)
                | DataType::Map(..)
                | DataType::Union(..)
        );
        let pg_type = PgType::from_field(field);
        if nested && pg_type.dimensions == 0 && !pg_type.is_vector() {
            let column = Self::resolve_raw(field, array, true)?;
            return Ok(Self { nulls: column.nulls, values: Values::Json(Box::new(column)) });
        }
        let column = Self::resolve_raw(field, array, false)?;
        if let (Values::Decimal128(values, scale), true) = (&column.values, super::declared::is_quotient(field)) {
            return Ok(Self { nulls: column.nulls, values: Values::Quotient(values, *scale) });
        }
        Ok(match super::declared::conversion(field) {
            Some(to) => Self { nulls: column.nulls, values: Values::As(Box::new(column), to) },
            None => column,
        })
    }

    fn resolve_raw(field: &'a Field, array: &'a ArrayRef, in_json: bool) -> Result<Self, EncodeError> {
        if !fits(field.data_type(), array.data_type()) {
            let column = field.name().clone();
            return Err(EncodeError::Schema {
                column,
                expected: field.data_type().clone(),
                found: array.data_type().clone(),
            });
        }
        let values = match Extension::of(field) {
            Extension::None => plain_values(field, array, in_json)?,
            extension => extension_values(extension, array).map_or_else(|| plain_values(field, array, in_json), Ok)?,
        };
        Ok(Self { nulls: array.nulls().filter(|nulls| nulls.null_count() > 0), values })
    }

    /// Whether the value of a row is NULL.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return true;
        }
        match &self.values {
            Values::Null => true,
            Values::As(column, _) => column.is_null(row),
            Values::Dictionary(keys, values) => values.is_null(keys.get(row)),
            _ => false,
        }
    }
}

/// Whether an array can be read as the type of a field. Names and nullability of nested fields do not matter, and their
/// types are compared when they are resolved.
fn fits(expected: &DataType, found: &DataType) -> bool {
    match (expected, found) {
        (DataType::List(_), DataType::List(_)) | (DataType::Map(..), DataType::Map(..)) => true,
        (DataType::FixedSizeList(_, one), DataType::FixedSizeList(_, other)) => one == other,
        (DataType::Struct(one), DataType::Struct(other)) => one.len() == other.len(),
        (DataType::Union(one, _), DataType::Union(other, _)) => {
            one.iter().map(|(id, _)| id).eq(other.iter().map(|(id, _)| id))
        }
        (DataType::Timestamp(one, zone), DataType::Timestamp(other, found)) => {
            one == other && zone.is_some() == found.is_some()
        }
        _ => expected == found,
    }
}

fn extension_values(extension: Extension, array: &ArrayRef) -> Option<Values<'_>> {
    Some(match extension {
        Extension::None => return None,
        Extension::Bool8 => Values::Bool8(array.as_primitive_opt::<Int8Type>()?.values()),
        Extension::Uuid => Values::Uuid(array.as_fixed_size_binary_opt()?),
        Extension::Json => Values::JsonText(strings(array)?),
        Extension::Hugeint => Values::Hugeint(array.as_fixed_size_binary_opt()?),
        Extension::Uhugeint => Values::Uhugeint(array.as_fixed_size_binary_opt()?),
        Extension::Bignum => Values::Bignum(strings(array)?),
        Extension::Bit => Values::Bit(strings(array)?),
        Extension::TimeTz => Values::TimeTz(array.as_fixed_size_binary_opt()?),
    })
}

fn strings(array: &ArrayRef) -> Option<Strings<'_>> {
    Some(match array.data_type() {
        DataType::Utf8 => {
            Strings::Small(array.as_string::<i32>().value_offsets(), array.as_string::<i32>().value_data())
        }
        DataType::LargeUtf8 => {
            Strings::Large(array.as_string::<i64>().value_offsets(), array.as_string::<i64>().value_data())
        }
        DataType::Binary => {
            Strings::Small(array.as_binary::<i32>().value_offsets(), array.as_binary::<i32>().value_data())
        }
        DataType::LargeBinary => {
            Strings::Large(array.as_binary::<i64>().value_offsets(), array.as_binary::<i64>().value_data())
        }
        DataType::Utf8View => Strings::TextView(array.as_string_view()),
        DataType::BinaryView => Strings::BinaryView(array.as_binary_view()),
        _ => return None,
    })
}

fn plain_values<'a>(field: &'a Field, array: &'a ArrayRef, in_json: bool) -> Result<Values<'a>, EncodeError> {
    let unsupported =
        || EncodeError::Unsupported { column: field.name().clone(), data_type: field.data_type().clone() };
    Ok(match field.data_type() {
        DataType::Null => Values::Null,
        DataType::Boolean => Values::Bool(array.as_boolean()),
        DataType::Int8 => Values::Int8(array.as_primitive::<Int8Type>().values()),
        DataType::Int16 => Values::Int16(array.as_primitive::<Int16Type>().values()),
        DataType::Int32 => Values::Int32(array.as_primitive::<Int32Type>().values()),
        DataType::Int64 if is_told_oid(field) => Values::Oid(array.as_primitive::<Int64Type>().values()),
        DataType::Int64 => Values::Int64(array.as_primitive::<Int64Type>().values()),
        DataType::UInt8 => Values::UInt8(array.as_primitive::<UInt8Type>().values()),
        DataType::UInt16 => Values::UInt16(array.as_primitive::<UInt16Type>().values()),
        DataType::UInt32 => Values::UInt32(array.as_primitive::<UInt32Type>().values()),
        DataType::UInt64 => Values::UInt64(array.as_primitive::<UInt64Type>().values()),
        DataType::Float32 => Values::Float32(array.as_primitive::<Float32Type>().values()),
        DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>().values()),
        DataType::Decimal32(_, scale @ 0..) => {
            Values::Decimal32(array.as_primitive::<Decimal32Type>().values(), *scale as usize)
        }
        DataType::Decimal64(_, scale @ 0..) => {
            Values::Decimal64(array.as_primitive::<Decimal64Type>().values(), *scale as usize)
        }
        DataType::Decimal128(_, scale @ 0..) => {
            Values::Decimal128(array.as_primitive::<Decimal128Type>().values(), *scale as usize)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_told_oid(field) => {
            Values::ObjectName(strings(array).ok_or_else(unsupported)?)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Values::Text(strings(array).ok_or_else(unsupported)?)
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            Values::Bytes(strings(array).ok_or_else(unsupported)?)
        }
        DataType::FixedSizeBinary(_) => Values::FixedBytes(array.as_fixed_size_binary()),
        DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().values()),
        DataType::Time32(_) | DataType::Time64(_) => time_values(array).ok_or_else(unsupported)?,
        DataType::Timestamp(unit, zone) => timestamp_values(array, *unit, zone.is_some()),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Values::Interval(array.as_primitive::<IntervalMonthDayNanoType>().values())
        }
        DataType::Dictionary(key, _) => dictionary_values(field, key, array)?,
        _ => nested_values(field, array, in_json)?,
    })
}

fn time_values(array: &ArrayRef) -> Option<Values<'_>> {
    Some(match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            Values::Time32(array.as_primitive::<Time32SecondType>().values(), Unit::Second)
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            Values::Time32(array.as_primitive::<Time32MillisecondType>().values(), Unit::Milli)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            Values::Time(array.as_primitive::<Time64MicrosecondType>().values(), Unit::Micro)
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            Values::Time(array.as_primitive::<Time64NanosecondType>().values(), Unit::Nano)
        }
        _ => return None,
    })
}

fn timestamp_values(array: &ArrayRef, unit: TimeUnit, has_zone: bool) -> Values<'_> {
    let (values, unit): (&[i64], Unit) = match unit {
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().values(), Unit::Second),
        TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().values(), Unit::Milli),
        TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().values(), Unit::Micro),
        TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().values(), Unit::Nano),
    };
    if has_zone { Values::TimestampTz(values, unit) } else { Values::Timestamp(values, unit) }
}

fn dictionary_values<'a>(field: &'a Field, key: &DataType, array: &'a ArrayRef) -> Result<Values<'a>, EncodeError> {
    let unsupported =
        || EncodeError::Unsupported { column: field.name().clone(), data_type: field.data_type().clone() };
    fn parts<K: ArrowDictionaryKeyType>(array: &ArrayRef) -> Option<(&[K::Native], &ArrayRef)> {
        array.as_dictionary_opt::<K>().map(|found| (&found.keys().values()[..], found.values()))
    }
    let (keys, values) = match key {
        DataType::UInt8 => parts::<UInt8Type>(array).map(|(keys, values)| (Keys::UInt8(keys), values)),
        DataType::UInt16 => parts::<UInt16Type>(array).map(|(keys, values)| (Keys::UInt16(keys), values)),
        DataType::UInt32 => parts::<UInt32Type>(array).map(|(keys, values)| (Keys::UInt32(keys), values)),
        DataType::Int32 => parts::<Int32Type>(array).map(|(keys, values)| (Keys::Int32(keys), values)),
        _ => None,
    }
    .ok_or_else(unsupported)?;
    let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
    let values = strings(values).map(Values::Text).ok_or_else(unsupported)?;
    Ok(Values::Dictionary(keys, Box::new(Column { nulls, values })))
}

fn nested_values<'a>(field: &'a Field, array: &'a ArrayRef, in_json: bool) -> Result<Values<'a>, EncodeError> {
    let child = |field: &'a FieldRef, array: &'a ArrayRef| match in_json {
        true => Column::resolve_raw(field, array, true),
        false => Column::resolve(field, array),
    };
    let pg_type = PgType::from_field(field);
    let list = |bounds, items| {
        let quoted = !pg_type.scalar.is_plain();
        let vector = pg_type.is_vector();
        let element_oid = match pg_type.oid() {
            22 => 21,
            30 => 26,
            _ => pg_type.scalar.oid(),
        };
        Values::List(List { bounds, items: Box::new(items), element_oid, quoted, vector })
    };
    Ok(match field.data_type() {
        DataType::List(item) => {
            let array = array.as_list::<i32>();
            list(Ok(array.value_offsets()), child(item, array.values())?)
        }
        DataType::FixedSizeList(item, size) => {
            list(Err(*size as usize), child(item, array.as_fixed_size_list().values())?)
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            Values::Struct(
                columns
                    .map(|(field, array)| Ok((field.name().as_str(), child(field, array)?)))
                    .collect::<Result<_, EncodeError>>()?,
            )
        }
        DataType::Map(entries, _) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else {
                return Err(EncodeError::Unsupported {
                    column: field.name().clone(),
                    data_type: field.data_type().clone(),
                });
            };
            let (keys, values) = (child(&fields[0], map.keys())?, child(&fields[1], map.values())?);
            Values::Map(map.value_offsets(), Box::new((keys, values)))
        }
        DataType::Union(fields, _) => {
            let union = array.as_union();
            let members =
                fields.iter().map(|(id, field)| Ok((id, field.name().as_str(), child(field, union.child(id))?)));
            Values::Union(union, members.collect::<Result<_, EncodeError>>()?)
        }
        data_type => {
            return Err(EncodeError::Unsupported { column: field.name().clone(), data_type: data_type.clone() });
        }
    })
}
