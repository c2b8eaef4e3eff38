//! Relations as the planner sees them: their columns with widths, bounds and numbers of different values.
//!
//! Workers tell values as texts and leave out what they do not know, and what files say of themselves need not be true. Here values become
//! comparable, and what is missing is guessed from the rest: the different values of a column from its bounds, or from how small its
//! encoding is.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use arrow::ipc::convert::try_schema_from_ipc_buffer;
use datafusion_common::ScalarValue;
use tavana_wire::statistics::{ColumnStatistics, RelationKind, RelationStatistics};

/// More rows than that are a lie.
const MAX_ROWS: f64 = 1e15;
/// What a value of unknown size takes.
const TEXT_BYTES: f64 = 16.0;
/// Rows of a relation of which nothing is known.
const UNKNOWN_ROWS: f64 = 1_000_000.0;

/// A value that others of its column can be compared with.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Value {
    /// Numbers, and dates and times as microseconds.
    Number(f64),
    Text(String),
}

/// What is known of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// Bytes that a value takes in memory.
    pub(super) width: f64,
    /// How many different values there are.
    pub(super) distinct: Option<f64>,
    /// How many there were before conditions left some out: what another table's column is joined by.
    pub(super) domain: Option<f64>,
    pub(super) min: Option<Value>,
    pub(super) max: Option<Value>,
    /// The relation it comes from, by a number, and how many rows that has.
    pub(super) owner: Option<(usize, f64)>,
    /// The part of the rows in which it is null.
    pub(super) null_part: f64,
}

/// A relation that a statement reads.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kind: RelationKind,
    pub(super) schema: SchemaRef,
    pub(super) rows: f64,
    pub(super) columns: Vec<Column>,
    /// What the worker told.
    pub(super) told: Arc<RelationStatistics>,
}

impl Table {
    /// A relation as a worker told of it; `None` when its columns are not known.
    pub(super) fn new(told: Arc<RelationStatistics>) -> Option<Self> {
        // It panics at a type that it does not know, which a newer worker may send.
        let read = || try_schema_from_ipc_buffer(&told.schema);
        let schema = Arc::new(std::panic::catch_unwind(read).ok()?.ok()?);
        let rows = rows(&told);
        let known = |name: &str| told.columns.iter().find(|column| column.name == name);
        let column = |field: &Arc<Field>| match known(field.name()) {
            Some(statistics) => {
                let mut column = column(statistics, field.data_type(), rows);
                if statistics.distinct_count.is_none() {
                    column.distinct = by_row_group(&told, field, &column, rows).or(column.distinct);
                    column.domain = column.distinct;
                }
                column
            }
            None => Column { width: width(field.data_type(), None), ..Column::default() },
        };
        let columns = schema.fields().iter().map(column).collect();
        Some(Self { kind: told.kind(), schema, rows, columns, told })
    }
}

fn rows(told: &RelationStatistics) -> f64 {
    let by_bytes = told.stored_bytes.map(|bytes| bytes as f64 / TEXT_BYTES);
    told.rows.map(|rows| rows as f64).or(by_bytes).unwrap_or(UNKNOWN_ROWS).clamp(0.0, MAX_ROWS)
}

/// How many different values a column has, by one row group in the middle: each has a dictionary of its own. Where most rows of it differ
/// more rows bring more values; where few do they bring none.
fn by_row_group(told: &RelationStatistics, field: &Field, whole: &Column, rows: f64) -> Option<f64> {
    let file = told.files.get(told.files.len() / 2)?;
    let group = file.row_groups.get(file.row_groups.len() / 2)?;
    let here = group.columns.iter().find(|column| column.name == *field.name())?;
    let here = ColumnStatistics { average_bytes: here.average_bytes.or(average(told, field)), ..here.clone() };
    let values = group.rows as f64 * (1.0 - whole.null_part);
    let distinct = column(&here, field.data_type(), group.rows as f64).distinct?;
    let all = (rows * (1.0 - whole.null_part)).max(1.0);
    let grown = distinct * (all / values.max(1.0)).max(1.0).powf((distinct / values.max(1.0)).min(1.0));
    // Bounds of the whole tell the most there can be.
    let most = whole.min.as_ref().zip(whole.max.as_ref()).and_then(|(min, max)| span(min, max, field.data_type()));
    Some(grown.min(most.unwrap_or(f64::MAX)).clamp(1.0, all))
}

fn average(told: &RelationStatistics, field: &Field) -> Option<f64> {
    told.columns.iter().find(|column| column.name == *field.name())?.average_bytes
}

/// What is known of a column of this type, where `rows` of it are looked at.
pub(super) fn column(told: &ColumnStatistics, kind: &DataType, rows: f64) -> Column {
    let min = told.min.as_deref().and_then(|text| value(text, kind));
    let max = told.max.as_deref().and_then(|text| value(text, kind));
    let text_length = |bound: &Option<Value>| match bound {
        Some(Value::Text(text)) => Some(text.len() as f64),
        _ => None,
    };
    // Where no rows were looked at, the bounds tell how long texts are.
    let by_bounds = text_length(&min).zip(text_length(&max)).map(|(min, max)| (min + max) / 2.0 + OFFSET);
    let average = told.average_bytes.or(by_bounds);
    let width = width(kind, average);
    let null_part = told.null_count.map_or(0.0, |nulls| (nulls as f64 / rows.max(1.0)).clamp(0.0, 1.0));
    let values = rows * (1.0 - null_part);
    // Nulls take nothing but the offset, which each value has.
    let looked_at = if told.average_bytes.is_some() { (1.0 - null_part).max(0.01) } else { 1.0 };
    let text_bytes = average.map(|bytes| (bytes - OFFSET).max(0.0) / looked_at + OFFSET);
    let distinct = told
        .distinct_count
        .map(|count| count as f64)
        .or_else(|| span(min.as_ref()?, max.as_ref()?, kind))
        .map_or_else(
            || by_encoding(told, kind, values, text_bytes),
            |known| {
                // Bounds tell the most there can be; the encoding may tell of fewer.
                let encoded =
                    if told.distinct_count.is_none() { by_encoding(told, kind, values, text_bytes) } else { None };
                Some(encoded.map_or(known, |encoded| encoded.min(known)))
            },
        )
        .map(|distinct| distinct.clamp(1.0, values.max(1.0)));
    Column { width, distinct, domain: distinct, min, max, owner: None, null_part }
}

/// How many values lie between bounds, where they are whole numbers.
fn span(min: &Value, max: &Value, kind: &DataType) -> Option<f64> {
    let (Value::Number(min), Value::Number(max)) = (min, max) else { return None };
    let step = match kind {
        DataType::Date32 | DataType::Date64 => DAY_US,
        kind if kind.is_integer() || *kind == DataType::Boolean => 1.0,
        _ => return None,
    };
    Some(((max - min) / step + 1.0).max(1.0))
}

/// How many different values an encoding has room for.
///
/// In a dictionary `d` values of `w` bytes cost `d·w`, and each of `n` rows costs `log2(d)` bits. Where there is none, because it would save
/// nothing, most values differ.
fn by_encoding(told: &ColumnStatistics, kind: &DataType, values: f64, text_bytes: Option<f64>) -> Option<f64> {
    let bytes = told.uncompressed_bytes? as f64;
    // Parquet has four bytes of length with each text, as Arrow has of offset; nulls take nothing.
    let width = match kind.primitive_width() {
        Some(width) => width as f64,
        None => text_bytes?,
    };
    if values < 1.0 || bytes >= 0.8 * values * width {
        return (values >= 1.0 && !kind.is_primitive()).then_some(values * 0.8);
    }
    let cost = |distinct: f64| distinct * width + values * distinct.log2().max(1.0) / 8.0;
    let (mut low, mut high) = (1.0_f64, values);
    for _ in 0..40 {
        let middle = (low * high).sqrt();
        if cost(middle) > bytes { high = middle } else { low = middle }
    }
    Some(low)
}

/// Bytes that Arrow and Parquet have with each text, for where it ends.
const OFFSET: f64 = 4.0;

const DAY_US: f64 = 86_400e6;

/// A value of a worker's text.
pub(super) fn value(text: &str, kind: &DataType) -> Option<Value> {
    let temporal = |as_kind: &DataType| ScalarValue::try_from_string(text.to_owned(), as_kind).ok();
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Value::Text(text.to_owned())),
        DataType::Boolean => Some(Value::Number(f64::from(u8::from(text.eq_ignore_ascii_case("true"))))),
        DataType::Date32 | DataType::Time64(_) => of_scalar(&temporal(kind)?),
        DataType::Timestamp(unit, _) => {
            let text = text.trim_end_matches("+00");
            let scalar = ScalarValue::try_from_string(text.to_owned(), &DataType::Timestamp(*unit, None)).ok()?;
            of_scalar(&scalar)
        }
        kind if kind.is_numeric() => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number),
        _ => None,
    }
}

/// A value of a literal.
pub(super) fn of_scalar(scalar: &ScalarValue) -> Option<Value> {
    use ScalarValue as S;
    let per_second = |unit: TimeUnit| match unit {
        TimeUnit::Second => 1e6,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1.0,
        TimeUnit::Nanosecond => 1e-3,
    };
    let number = match scalar {
        S::Utf8(Some(text)) | S::LargeUtf8(Some(text)) | S::Utf8View(Some(text)) => {
            return Some(Value::Text(text.clone()));
        }
        S::Boolean(Some(value)) => f64::from(u8::from(*value)),
        S::Date32(Some(days)) => f64::from(*days) * DAY_US,
        S::Date64(Some(millis)) => *millis as f64 * 1e3,
        S::TimestampSecond(Some(time), _) => *time as f64 * per_second(TimeUnit::Second),
        S::TimestampMillisecond(Some(time), _) => *time as f64 * per_second(TimeUnit::Millisecond),
        S::TimestampMicrosecond(Some(time), _) | S::Time64Microsecond(Some(time)) => *time as f64,
        S::TimestampNanosecond(Some(time), _) | S::Time64Nanosecond(Some(time)) => {
            *time as f64 * per_second(TimeUnit::Nanosecond)
        }
        S::Decimal128(Some(digits), _, scale) => *digits as f64 / 10f64.powi(i32::from(*scale)),
        S::Int8(Some(value)) => f64::from(*value),
        S::Int16(Some(value)) => f64::from(*value),
        S::Int32(Some(value)) => f64::from(*value),
        S::Int64(Some(value)) => *value as f64,
        S::UInt8(Some(value)) => f64::from(*value),
        S::UInt16(Some(value)) => f64::from(*value),
        S::UInt32(Some(value)) => f64::from(*value),
        S::UInt64(Some(value)) => *value as f64,
        S::Float32(Some(value)) => f64::from(*value),
        S::Float64(Some(value)) => *value,
        _ => return None,
    };
    number.is_finite().then_some(Value::Number(number))
}

/// Bytes that a value takes in a row of DuckDB's: strings have 16 of their own, and what is longer than 12 lies beside them.
pub(super) fn width(kind: &DataType, average: Option<f64>) -> f64 {
    let average = average.filter(|bytes| bytes.is_finite() && *bytes >= 0.0).map(|bytes| bytes.min(1e9));
    match kind {
        DataType::Boolean => 1.0,
        DataType::Decimal128(digits, _) => match digits {
            0..=4 => 2.0,
            5..=9 => 4.0,
            10..=18 => 8.0,
            _ => 16.0,
        },
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary | DataType::LargeBinary => {
            // Arrow has four bytes of offset with each.
            let text = average.map_or(TEXT_BYTES, |bytes| (bytes - OFFSET).max(0.0));
            16.0 + if text > 12.0 { text } else { 0.0 }
        }
        kind => kind.primitive_width().map(|bytes| bytes as f64).or(average).unwrap_or(2.0 * TEXT_BYTES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values() {
        fn check(text: &str, kind: DataType, expected: Option<Value>) {
            assert_eq!(value(text, &kind), expected, "{text}");
        }
        check("12", DataType::Int32, Some(Value::Number(12.0)));
        check("-0.05", DataType::Decimal128(9, 2), Some(Value::Number(-0.05)));
        check("1970-01-02", DataType::Date32, Some(Value::Number(DAY_US)));
        let stamp = DataType::Timestamp(TimeUnit::Microsecond, None);
        check("1970-01-02 00:00:00", stamp.clone(), Some(Value::Number(DAY_US)));
        check(
            "1970-01-02 00:00:00+00",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Some(Value::Number(DAY_US)),
        );
        check("true", DataType::Boolean, Some(Value::Number(1.0)));
        check("abc", DataType::Utf8, Some(Value::Text("abc".to_owned())));
        check("no number", DataType::Int64, None);
        check("NaN", DataType::Float64, None);
    }

    #[test]
    fn different_values_are_guessed_from_what_is_known() {
        fn check(told: ColumnStatistics, kind: DataType, at_least: f64, at_most: f64) {
            let distinct = column(&told, &kind, 1000.0).distinct.unwrap_or(-1.0);
            assert!((at_least..=at_most).contains(&distinct), "{told:?}: {distinct}");
        }
        let bounds = |min: &str, max: &str| ColumnStatistics {
            min: Some(min.to_owned()),
            max: Some(max.to_owned()),
            ..ColumnStatistics::default()
        };
        check(bounds("1", "7"), DataType::Int32, 7.0, 7.0);
        check(bounds("1", "70000"), DataType::Int32, 1000.0, 1000.0);
        check(bounds("2020-01-01", "2020-01-31"), DataType::Date32, 31.0, 31.0);
        check(bounds("9", "1"), DataType::Int32, 1.0, 1.0);
        check(bounds("a", "b"), DataType::Utf8, -1.0, -1.0);
        let encoded = |bytes: u64| ColumnStatistics {
            uncompressed_bytes: Some(bytes),
            average_bytes: Some(24.0),
            ..ColumnStatistics::default()
        };
        check(encoded(700), DataType::Utf8, 8.0, 40.0);
        check(encoded(23_000), DataType::Utf8, 800.0, 1000.0);
        let counted = ColumnStatistics { distinct_count: Some(u64::MAX), ..ColumnStatistics::default() };
        check(counted, DataType::Utf8, 1000.0, 1000.0);
    }

    #[test]
    fn nonsense_is_bounded() {
        let schema = arrow::datatypes::Schema::empty();
        let mut told = RelationStatistics { rows: Some(u64::MAX), ..RelationStatistics::default() };
        assert!(Table::new(Arc::new(told.clone())).is_none());
        let options = arrow::ipc::writer::IpcWriteOptions::default();
        let generator = arrow::ipc::writer::IpcDataGenerator::default();
        let mut tracker = arrow::ipc::writer::DictionaryTracker::new(false);
        let encoded = generator.schema_to_bytes_with_dictionary_tracker(&schema, &mut tracker, &options);
        let mut bytes = Vec::new();
        arrow::ipc::writer::write_message(&mut bytes, encoded, &options).unwrap();
        told.schema = bytes;
        assert_eq!(Table::new(Arc::new(told)).unwrap().rows, MAX_ROWS);
    }
}
