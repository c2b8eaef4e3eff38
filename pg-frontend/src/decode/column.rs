//! Columns under construction: values in either format become Arrow arrays as DuckDB takes them.

use super::DecodeError;
use super::array::{self, Elements};
use super::{binary, datetime, interval, json, numeric, scalar};
use crate::encode::pg_type::Extension;
use crate::encode::{PgType, Scalar, Settings};
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, FixedSizeBinaryBuilder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, ListArray,
    NullBufferBuilder, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, IntervalMonthDayNano, TimeUnit};
use std::sync::Arc;

/// A column that grows.
pub(crate) struct Builder {
    pg_type: PgType,
    values: Store,
    /// One for each dimension, the outermost first.
    lists: Vec<Lists>,
    /// Bytes taken so far, to cut batches by.
    bytes: usize,
}

struct Lists {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

enum Store {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    /// Decimals whose scale is that of the values.
    AnyDecimal(Vec<Option<numeric::Number>>),
    /// Decimals for a column of unknown width, as text for DuckDB to cast.
    DecimalText(StringBuilder),
    Text(StringBuilder),
    Json(StringBuilder),
    Bytes(BinaryBuilder),
    Bits(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    TimeTz(FixedSizeBinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampTz(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    Uuid(FixedSizeBinaryBuilder),
}

/// Calls a method of whichever builder there is.
macro_rules! each {
    ($store:expr, $builder:ident => $body:expr, $rest:pat => $other:expr) => {
        match $store {
            Store::Bool($builder) => $body,
            Store::Int2($builder) => $body,
            Store::Int4($builder) => $body,
            Store::Int8($builder) => $body,
            Store::Float4($builder) => $body,
            Store::Float8($builder) => $body,
            Store::Decimal($builder, ..) => $body,
            Store::DecimalText($builder) | Store::Text($builder) | Store::Json($builder) => $body,
            Store::Bytes($builder) | Store::Bits($builder) => $body,
            Store::Date($builder) => $body,
            Store::Time($builder) => $body,
            Store::TimeTz($builder) | Store::Uuid($builder) => $body,
            Store::Timestamp($builder) | Store::TimestampTz($builder) => $body,
            Store::Interval($builder) => $body,
            $rest => $other,
        }
    };
}

impl Builder {
    /// A column for one parameter: a `numeric` without a modifier gets the width of its value.
    pub(crate) fn for_parameter(pg_type: PgType) -> Self {
        let mut builder = Self::for_column(pg_type);
        if pg_type.scalar == Scalar::Numeric && pg_type.precision_scale().is_none() {
            builder.values = Store::AnyDecimal(Vec::new());
        }
        builder
    }

    /// A column of a table.
    pub(crate) fn for_column(pg_type: PgType) -> Self {
        let values = match pg_type.scalar {
            Scalar::Bool => Store::Bool(BooleanBuilder::new()),
            Scalar::Int2 => Store::Int2(Int16Builder::new()),
            Scalar::Int4 => Store::Int4(Int32Builder::new()),
            Scalar::Int8 | Scalar::Oid => Store::Int8(Int64Builder::new()),
            Scalar::Float4 => Store::Float4(Float32Builder::new()),
            Scalar::Float8 => Store::Float8(Float64Builder::new()),
            Scalar::Numeric => match pg_type.precision_scale() {
                Some((precision, scale)) => Store::Decimal(
                    Decimal128Builder::new().with_data_type(DataType::Decimal128(precision, scale)),
                    precision,
                    scale,
                ),
                None => Store::DecimalText(StringBuilder::new()),
            },
            Scalar::Text | Scalar::Varchar | Scalar::Bpchar | Scalar::Name | Scalar::Catalog(_) => {
                Store::Text(StringBuilder::new())
            }
            Scalar::Json | Scalar::Jsonb => Store::Json(StringBuilder::new()),
            Scalar::Bytea => Store::Bytes(BinaryBuilder::new()),
            Scalar::Bit | Scalar::Varbit => Store::Bits(BinaryBuilder::new()),
            Scalar::Date => Store::Date(Date32Builder::new()),
            Scalar::Time => Store::Time(Time64MicrosecondBuilder::new()),
            Scalar::TimeTz => Store::TimeTz(FixedSizeBinaryBuilder::new(8)),
            Scalar::Timestamp => Store::Timestamp(TimestampMicrosecondBuilder::new()),
            Scalar::TimestampTz => Store::TimestampTz(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Scalar::Interval => Store::Interval(IntervalMonthDayNanoBuilder::new()),
            Scalar::Uuid => Store::Uuid(FixedSizeBinaryBuilder::new(16)),
        };
        let lists = (0..pg_type.dimensions).map(|_| Lists { offsets: vec![0], nulls: NullBufferBuilder::new(1024) });
        Self { pg_type, values, lists: lists.collect(), bytes: 0 }
    }

    /// Bytes of text and binary taken so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends NULL.
    pub(crate) fn push_null(&mut self) {
        self.bytes += 1;
        match self.lists.first_mut() {
            Some(list) => {
                list.offsets.push(list.offsets.last().copied().unwrap_or(0));
                list.nulls.append_null();
            }
            None => self.values.push_null(),
        }
    }

    /// Appends a value in text.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str, settings: &Settings) -> Result<(), DecodeError> {
        if self.lists.is_empty() {
            self.bytes += text.len() + 1;
            return self.values.push_text(self.pg_type.scalar, text, settings);
        }
        self.push_array(&array::parse(text)?, settings)
    }

    /// Appends a value in binary.
    pub(crate) fn push_binary(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if self.lists.is_empty() {
            self.bytes += bytes.len() + 1;
            return self.values.push_binary(self.pg_type.scalar, bytes);
        }
        self.push_array(&binary::array(bytes)?, &Settings::default())
    }

    /// Appends an array. An empty one fits any number of dimensions.
    pub(crate) fn push_array(&mut self, array: &Elements, settings: &Settings) -> Result<(), DecodeError> {
        if !array.dimensions.is_empty() && array.dimensions.len() != self.lists.len() {
            return Err(DecodeError::Dimensions(array.dimensions.len(), self.lists.len()));
        }
        for value in &array.values {
            self.bytes += value.as_ref().map_or(1, Vec::len);
            match value {
                None => self.values.push_null(),
                Some(bytes) if array.is_binary => self.values.push_binary(self.pg_type.scalar, bytes)?,
                Some(bytes) => self.values.push_text(self.pg_type.scalar, scalar::utf8(bytes)?, settings)?,
            }
        }
        // Each level has as many lists as all levels outside of it have items.
        let mut count = 1;
        for (level, list) in self.lists.iter_mut().enumerate() {
            let length = array.dimensions.get(level).copied().unwrap_or(0);
            for _ in 0..count {
                let last = list.offsets.last().copied().unwrap_or(0);
                list.offsets.push(last.saturating_add(length as i32));
                list.nulls.append_non_null();
            }
            count *= length;
        }
        Ok(())
    }

    /// The finished column and its field; the builder is empty again.
    pub(crate) fn finish(mut self, name: &str) -> (Field, ArrayRef) {
        self.take(name)
    }

    /// What was appended so far.
    pub(crate) fn take(&mut self, name: &str) -> (Field, ArrayRef) {
        self.bytes = 0;
        let (mut field, mut array) = self.values.take(if self.lists.is_empty() { name } else { "l" });
        for (level, list) in self.lists.iter_mut().enumerate().rev() {
            let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut list.offsets, vec![0])));
            let item = Arc::new(field);
            field = Field::new(if level == 0 { name } else { "l" }, DataType::List(item.clone()), true);
            array = Arc::new(ListArray::new(item, offsets, array, list.nulls.finish()));
        }
        (field, array)
    }
}

impl Store {
    fn push_null(&mut self) {
        each!(self, builder => builder.append_null(), Store::AnyDecimal(values) => values.push(None));
    }

    #[inline]
    fn push_text(&mut self, scalar: Scalar, text: &str, settings: &Settings) -> Result<(), DecodeError> {
        match self {
            Self::Text(builder) => builder.append_value(text),
            Self::Int8(builder) if scalar == Scalar::Oid => {
                builder.append_value(
                    scalar::integer(text, scalar, i64::from(i32::MIN), i64::from(u32::MAX))? & 0xffff_ffff,
                );
            }
            Self::Int8(builder) => builder.append_value(match numeric::short(text.as_bytes()) {
                Some((value, 0)) if !text.ends_with('.') => value,
                _ => scalar::integer(text, scalar, i64::MIN, i64::MAX)?,
            }),
            Self::Int4(builder) => {
                let value = scalar::integer(text, scalar, i64::from(i32::MIN), i64::from(i32::MAX))?;
                builder.append_value(value as i32);
            }
            Self::Int2(builder) => {
                let value = scalar::integer(text, scalar, i64::from(i16::MIN), i64::from(i16::MAX))?;
                builder.append_value(value as i16);
            }
            Self::Decimal(builder, precision, scale) => {
                builder.append_value(decimal(text, *precision, *scale)?);
            }
            Self::Bool(builder) => builder.append_value(scalar::boolean(text)?),
            Self::Float4(builder) => {
                builder.append_value(scalar::float(text, scalar, f32::is_finite, |value| value == 0.0)?);
            }
            Self::Float8(builder) => {
                builder.append_value(scalar::float(text, scalar, f64::is_finite, |value| value == 0.0)?);
            }
            Self::AnyDecimal(values) => values.push(Some(numeric::parse(text)?)),
            Self::DecimalText(builder) => builder.append_value(numeric::parse(text)?.text()),
            Self::Json(builder) if json::is_valid(text.as_bytes()) => builder.append_value(text),
            Self::Json(_) => return Err(DecodeError::SyntaxOnly("json")),
            Self::Bytes(builder) => builder.append_value(scalar::bytea(text)?),
            Self::Bits(builder) => builder.append_value(scalar::bits(text)?),
            Self::Date(builder) => builder.append_value(datetime::date(text, settings)?),
            Self::Time(builder) => builder.append_value(datetime::time(text, settings)?),
            Self::TimeTz(builder) => {
                // The sizes of the value and the builder are the same.
                let _ = builder.append_value(datetime::timetz(text, settings)?.to_le_bytes());
            }
            Self::Timestamp(builder) => builder.append_value(datetime::timestamp(text, settings)?),
            Self::TimestampTz(builder) => builder.append_value(datetime::timestamptz(text, settings)?),
            Self::Interval(builder) => builder.append_value(interval::parse(text, settings.interval_style)?),
            Self::Uuid(builder) => {
                let _ = builder.append_value(scalar::uuid(text)?);
            }
        }
        Ok(())
    }

    fn push_binary(&mut self, scalar: Scalar, bytes: &[u8]) -> Result<(), DecodeError> {
        use binary::{exact, integer};
        match self {
            Self::Bool(builder) => builder.append_value(exact::<1>(bytes)? != [0]),
            Self::Int2(builder) => builder.append_value(i16::from_be_bytes(exact(bytes)?)),
            Self::Int4(builder) => builder.append_value(i32::from_be_bytes(exact(bytes)?)),
            Self::Int8(builder) if scalar == Scalar::Oid => {
                builder.append_value(i64::from(u32::from_be_bytes(exact(bytes)?)));
            }
            Self::Int8(builder) => builder.append_value(integer(bytes)?),
            Self::Float4(builder) => builder.append_value(f32::from_be_bytes(exact(bytes)?)),
            Self::Float8(builder) => builder.append_value(f64::from_be_bytes(exact(bytes)?)),
            Self::Decimal(builder, precision, scale) => {
                let value = numeric::from_binary(bytes)?.scaled(*scale as usize);
                let fits = |value: &i128| numeric::fits(*value, usize::from(*precision));
                builder.append_value(value.filter(fits).ok_or(DecodeError::NumericOverflow)?);
            }
            Self::AnyDecimal(values) => values.push(Some(numeric::from_binary(bytes)?)),
            Self::DecimalText(builder) => builder.append_value(numeric::from_binary(bytes)?.text()),
            Self::Text(builder) => builder.append_value(scalar::utf8(bytes)?),
            Self::Json(builder) => {
                let text = binary::json(scalar, bytes)?;
                if !json::is_valid(text.as_bytes()) {
                    return Err(DecodeError::SyntaxOnly("json"));
                }
                builder.append_value(text);
            }
            Self::Bytes(builder) => builder.append_value(bytes),
            Self::Bits(builder) => builder.append_value(binary::bits(bytes)?),
            Self::Date(builder) => builder.append_value(binary::date(bytes)?),
            Self::Time(builder) => builder.append_value(binary::time(bytes)?),
            Self::TimeTz(builder) => {
                let _ = builder.append_value(binary::timetz(bytes)?.to_le_bytes());
            }
            Self::Timestamp(builder) | Self::TimestampTz(builder) => builder.append_value(binary::timestamp(bytes)?),
            Self::Interval(builder) => builder.append_value(binary::interval(bytes)?),
            Self::Uuid(builder) => {
                let _ = builder.append_value(exact::<16>(bytes)?);
            }
        }
        Ok(())
    }

    fn take(&mut self, name: &str) -> (Field, ArrayRef) {
        let (data_type, extension) = match self {
            Self::Bool(_) => (DataType::Boolean, Extension::None),
            Self::Int2(_) => (DataType::Int16, Extension::None),
            Self::Int4(_) => (DataType::Int32, Extension::None),
            Self::Int8(_) => (DataType::Int64, Extension::None),
            Self::Float4(_) => (DataType::Float32, Extension::None),
            Self::Float8(_) => (DataType::Float64, Extension::None),
            Self::Decimal(_, precision, scale) => (DataType::Decimal128(*precision, *scale), Extension::None),
            Self::AnyDecimal(values) => {
                let array = widen(std::mem::take(values));
                return (Field::new(name, array.data_type().clone(), true), array);
            }
            Self::DecimalText(_) | Self::Text(_) => (DataType::Utf8, Extension::None),
            Self::Json(_) => (DataType::Utf8, Extension::Json),
            Self::Bytes(_) => (DataType::Binary, Extension::None),
            Self::Bits(_) => (DataType::Binary, Extension::Bit),
            Self::Date(_) => (DataType::Date32, Extension::None),
            Self::Time(_) => (DataType::Time64(TimeUnit::Microsecond), Extension::None),
            Self::TimeTz(_) => (DataType::FixedSizeBinary(8), Extension::TimeTz),
            Self::Timestamp(_) => (DataType::Timestamp(TimeUnit::Microsecond, None), Extension::None),
            Self::TimestampTz(_) => (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), Extension::None),
            Self::Interval(_) => (DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano), Extension::None),
            Self::Uuid(_) => (DataType::FixedSizeBinary(16), Extension::Uuid),
        };
        let array: ArrayRef =
            each!(self, builder => Arc::new(builder.finish()), Store::AnyDecimal(_) => widen(Vec::new()));
        (extension.mark(Field::new(name, data_type, true)), array)
    }
}

/// A decimal for a column of a known width.
fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, DecodeError> {
    let value = match numeric::short(text.as_bytes()) {
        Some((value, shown)) => numeric::rescale(i128::from(value), shown, scale as u32),
        None => numeric::parse(text)?.scaled(scale as usize),
    };
    value.filter(|value| numeric::fits(*value, usize::from(precision))).ok_or(DecodeError::NumericOverflow)
}

/// Decimals of the smallest width that all of them fit into; those that need more than 38 digits lose some of the last.
fn widen(values: Vec<Option<numeric::Number>>) -> ArrayRef {
    let scale = values.iter().flatten().map(numeric::Number::shown_scale).max().unwrap_or(0).min(38);
    let most = (0..=scale).rev().find_map(|scale| {
        let scaled: Option<Vec<Option<i128>>> = values
            .iter()
            .map(|value| value.as_ref().map_or(Some(None), |value| value.scaled(scale).map(Some)))
            .collect();
        scaled.map(|scaled| (scaled, scale))
    });
    let Some((scaled, scale)) = most else {
        return Arc::new(
            values.iter().map(|value| value.as_ref().map(numeric::Number::text)).collect::<arrow::array::StringArray>(),
        );
    };
    let size = scaled.iter().flatten().map(|value| value.unsigned_abs()).max().unwrap_or(0);
    let precision = (size.checked_ilog10().unwrap_or(0) as usize + 1).max(scale).max(1) as u8;
    let mut builder = Decimal128Builder::new().with_data_type(DataType::Decimal128(precision, scale as i8));
    for value in scaled {
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

/// An interval as Arrow holds it, or `None` where the nanoseconds do not fit.
pub(crate) fn arrow_interval(months: i32, days: i32, micros: i64) -> Option<IntervalMonthDayNano> {
    Some(IntervalMonthDayNano::new(months, days, micros.checked_mul(1000)?))
}
