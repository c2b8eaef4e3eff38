//! Values in PostgreSQL's text format, as its output functions write them.

use super::calendar::{self, MICROS_PER_SECOND};
use super::column::{Column, Unit, Values};
use super::settings::{ByteaOutput, Settings};
use super::{ValueError, array, declared, float, interval, json, number, numeric};
use bytes::BytesMut;

/// The offsets of DuckDB's TIMETZ are stored as the distance from this one, so that its values sort.
const MAX_TIMETZ_OFFSET: i32 = 16 * 3600 - 1;

/// Appends the text of a value that is not NULL.
#[inline]
pub(crate) fn put(out: &mut BytesMut, column: &Column<'_>, row: usize, settings: &Settings) -> Result<(), ValueError> {
    match &column.values {
        Values::Int64(values) => number::put_i64(out, values[row]),
        Values::Int32(values) => number::put_i64(out, i64::from(values[row])),
        Values::Decimal128(values, scale) => {
            let (value, scale) = declared::trimmed(values[row], *scale);
            number::put_decimal(out, value, scale);
        }
        Values::Text(values) | Values::JsonText(values) => put_bytes(out, values.get(row)),
        Values::Date(values) => put_date(out, values[row], settings),
        Values::Float64(values) => float::put_f64(out, values[row], settings.extra_float_digits),
        Values::Timestamp(values, unit) => return put_timestamp(out, values[row], *unit, settings),
        values => return put_rarer(out, values, row, settings),
    }
    Ok(())
}

/// Appends bytes; short ones, the most usual, without a call.
#[inline]
fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.extend_from_slice(bytes);
}

fn put_rarer(out: &mut BytesMut, values: &Values<'_>, row: usize, settings: &Settings) -> Result<(), ValueError> {
    match values {
        Values::Bool(values) => out.extend_from_slice(if values.value(row) { b"t" } else { b"f" }),
        Values::Bool8(values) => out.extend_from_slice(if values[row] != 0 { b"t" } else { b"f" }),
        Values::Int8(values) => number::put_i64(out, i64::from(values[row])),
        Values::Int16(values) => number::put_i64(out, i64::from(values[row])),
        Values::UInt8(values) => number::put_u64(out, u64::from(values[row])),
        Values::UInt16(values) => number::put_u64(out, u64::from(values[row])),
        Values::UInt32(values) => number::put_u64(out, u64::from(values[row])),
        Values::UInt64(values) => number::put_u64(out, values[row]),
        Values::Float32(values) => float::put_f32(out, values[row], settings.extra_float_digits),
        Values::Decimal32(values, scale) => number::put_decimal(out, i128::from(values[row]), *scale),
        Values::Decimal64(values, scale) => number::put_decimal(out, i128::from(values[row]), *scale),
        Values::Hugeint(values) => number::put_decimal(out, i128::from_le_bytes(fixed(values.value(row))), 0),
        Values::Uhugeint(values) => number::put_u128(out, u128::from_le_bytes(fixed(values.value(row)))),
        Values::Bignum(values) => put_bignum(out, values.get(row)),
        Values::Bytes(values) => put_bytea(out, values.get(row), settings.bytea_output),
        Values::FixedBytes(values) => put_bytea(out, values.value(row), settings.bytea_output),
        Values::Bit(values) => put_bits(out, values.get(row)),
        Values::Uuid(values) => put_uuid(out, fixed(values.value(row))),
        Values::Time(values, unit) => calendar::put_time(out, unit.micros(values[row]).ok_or(ValueError::Time)?),
        Values::Time32(values, unit) => {
            calendar::put_time(out, unit.micros(i64::from(values[row])).ok_or(ValueError::Time)?);
        }
        Values::TimeTz(values) => {
            let (micros, offset) = timetz(values.value(row));
            calendar::put_time(out, micros);
            calendar::put_offset(out, offset);
        }
        Values::TimestampTz(values, unit) => match moment(values[row], *unit)? {
            Moment::At(micros) => calendar::put_timestamptz(out, micros, settings),
            infinite => out.extend_from_slice(infinite.name()),
        },
        Values::Interval(values) => {
            let value = values[row];
            let micros = value.nanoseconds / 1000;
            interval::put_interval(out, value.months, value.days, micros, settings.interval_style);
        }
        Values::Dictionary(keys, values) => return put(out, values, keys.get(row), settings),
        Values::List(list) => return array::put_text(out, list, row, settings),
        Values::Quotient(values, scale) => {
            let (value, scale) = declared::quotient(values[row], *scale);
            number::put_decimal(out, value, scale);
        }
        Values::As(column, to) => return declared::put_text(out, column, *to, row, settings),
        Values::Json(column) => return json::put(out, column, row, settings),
        Values::Struct(_) | Values::Map(..) | Values::Union(..) => return json::put_nested(out, values, row, settings),
        Values::Oid(values) => number::put_i64(out, values[row]),
        Values::ObjectName(values) => put_bytes(out, values.get(row)),
        Values::Null => {}
        // The usual ones are in `put`.
        Values::Int64(_)
        | Values::Int32(_)
        | Values::Decimal128(..)
        | Values::Text(_)
        | Values::JsonText(_)
        | Values::Date(_)
        | Values::Float64(_)
        | Values::Timestamp(..) => {}
    }
    Ok(())
}

/// A point in time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Past,
    At(i64),
    Future,
}

impl Moment {
    pub(crate) fn name(self) -> &'static [u8] {
        match self {
            Self::Past => b"-infinity",
            Self::At(_) => b"",
            Self::Future => b"infinity",
        }
    }
}

/// The moment of a timestamp in microseconds; DuckDB's infinities are the outermost values of every unit.
#[inline]
pub(crate) fn moment(value: i64, unit: Unit) -> Result<Moment, ValueError> {
    match value {
        i64::MAX => Ok(Moment::Future),
        _ if value <= -i64::MAX => Ok(Moment::Past),
        _ => unit.micros(value).map(Moment::At).ok_or(ValueError::Timestamp),
    }
}

#[inline]
fn put_timestamp(out: &mut BytesMut, value: i64, unit: Unit, settings: &Settings) -> Result<(), ValueError> {
    match moment(value, unit)? {
        Moment::At(micros) => calendar::put_timestamp(out, micros, settings),
        infinite => out.extend_from_slice(infinite.name()),
    }
    Ok(())
}

#[inline]
fn put_date(out: &mut BytesMut, days: i32, settings: &Settings) {
    match days {
        i32::MAX => out.extend_from_slice(Moment::Future.name()),
        _ if days <= -i32::MAX => out.extend_from_slice(Moment::Past.name()),
        _ => calendar::put_date(out, i64::from(days), settings),
    }
}

/// The bytes of a value of fixed size; the array's type was checked.
pub(crate) fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}

/// Microseconds of the day and seconds east of UTC of a DuckDB TIMETZ.
pub(crate) fn timetz(bytes: &[u8]) -> (i64, i32) {
    let bits = u64::from_le_bytes(fixed(bytes));
    ((bits >> 24) as i64, MAX_TIMETZ_OFFSET - (bits & 0xff_ffff) as i32)
}

/// The bits of a DuckDB TIMETZ.
pub(crate) fn timetz_bits(micros: i64, offset: i32) -> u64 {
    ((micros as u64) << 24) | (MAX_TIMETZ_OFFSET - offset) as u64
}

fn put_bytea(out: &mut BytesMut, bytes: &[u8], form: ByteaOutput) {
    match form {
        ByteaOutput::Hex => {
            out.extend_from_slice(b"\\x");
            put_hex(out, bytes);
        }
        ByteaOutput::Escape => {
            for byte in bytes {
                match byte {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    0x20..=0x7e => out.extend_from_slice(&[*byte]),
                    _ => {
                        out.extend_from_slice(&[b'\\', b'0' + (byte >> 6), b'0' + ((byte >> 3) & 7), b'0' + (byte & 7)])
                    }
                }
            }
        }
    }
}

/// Appends two digits for each byte.
pub(crate) fn put_hex(out: &mut BytesMut, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn put_uuid(out: &mut BytesMut, bytes: [u8; 16]) {
    for (from, to) in [(0, 4), (4, 6), (6, 8), (8, 10), (10, 16)] {
        if from > 0 {
            out.extend_from_slice(b"-");
        }
        put_hex(out, &bytes[from..to]);
    }
}

/// The bits of a DuckDB BIT: the first byte counts the padding bits in front of the others.
pub(crate) fn bits(bytes: &[u8]) -> impl ExactSizeIterator<Item = bool> {
    let (padding, bytes) = bytes.split_first().map_or((0, bytes), |(first, rest)| (usize::from(*first), rest));
    let length = (8 * bytes.len()).saturating_sub(padding);
    (0..length).map(move |bit| (bytes[(bit + padding) / 8] >> (7 - (bit + padding) % 8)) & 1 == 1)
}

fn put_bits(out: &mut BytesMut, bytes: &[u8]) {
    for bit in bits(bytes) {
        out.extend_from_slice(if bit { b"1" } else { b"0" });
    }
}

fn put_bignum(out: &mut BytesMut, bytes: &[u8]) {
    let (groups, negative) = numeric::bignum_groups(bytes);
    if negative && !groups.is_empty() {
        out.extend_from_slice(b"-");
    }
    let mut groups = groups.iter().rev();
    number::put_u64(out, u64::from(groups.next().copied().unwrap_or(0)));
    for group in groups {
        number::put_padded(out, u64::from(*group), 4);
    }
}

/// Writes each byte that `pair` has two for as those two, in what stands behind `start`. Counting first means that
/// nothing moves where nothing is to be done.
pub(crate) fn escape(out: &mut BytesMut, start: usize, pair: impl Fn(u8) -> Option<[u8; 2]>) {
    let extra = out[start..].iter().filter(|byte| pair(**byte).is_some()).count();
    let mut from = out.len();
    out.resize(from + extra, 0);
    let mut to = from + extra;
    while to > from {
        from -= 1;
        match pair(out[from]) {
            Some(two) => {
                to -= 2;
                out[to..to + 2].copy_from_slice(&two);
            }
            None => {
                to -= 1;
                out[to] = out[from];
            }
        }
    }
}

/// Whole seconds and microseconds of a moment.
pub(crate) fn seconds_and_micros(micros: i64) -> (i64, i64) {
    (micros.div_euclid(MICROS_PER_SECOND), micros.rem_euclid(MICROS_PER_SECOND))
}
