//! Values in PostgreSQL's binary format, as its send functions write them: big-endian, dates and times counted from 2000.

use super::calendar::{MICROS_PER_DAY, POSTGRES_EPOCH_DAYS};
use super::column::{Column, Unit, Values};
use super::pg_type::PgType;
use super::settings::Settings;
use super::text::{self, Moment, bits, fixed, moment, timetz};
use super::{ValueError, array, declared, json, numeric};
use bytes::{BufMut, BytesMut};

/// Appends the binary form of a value that is not NULL.
#[inline]
pub(crate) fn put(out: &mut BytesMut, column: &Column<'_>, row: usize, settings: &Settings) -> Result<(), ValueError> {
    match &column.values {
        Values::Null => {}
        Values::Bool(values) => out.put_u8(u8::from(values.value(row))),
        Values::Bool8(values) => out.put_u8(u8::from(values[row] != 0)),
        Values::Int8(values) => out.put_i16(i16::from(values[row])),
        Values::UInt8(values) => out.put_i16(i16::from(values[row])),
        Values::Int16(values) => out.put_i16(values[row]),
        Values::UInt16(values) => out.put_i32(i32::from(values[row])),
        Values::Int32(values) => out.put_i32(values[row]),
        Values::UInt32(values) => out.put_i64(i64::from(values[row])),
        Values::Int64(values) => out.put_i64(values[row]),
        Values::Oid(values) => out.put_u32(u32::try_from(values[row]).unwrap_or(0)),
        Values::Float32(values) => out.put_f32(values[row]),
        Values::Float64(values) => out.put_f64(values[row]),
        Values::UInt64(values) => numeric::put_numeric(out, i128::from(values[row]), 0),
        Values::Decimal32(values, scale) => numeric::put_numeric(out, i128::from(values[row]), *scale),
        Values::Decimal64(values, scale) => numeric::put_numeric(out, i128::from(values[row]), *scale),
        Values::Decimal128(values, scale) => {
            let (value, scale) = declared::trimmed(values[row], *scale);
            numeric::put_numeric(out, value, scale);
        }
        Values::Hugeint(values) => numeric::put_numeric(out, i128::from_le_bytes(fixed(values.value(row))), 0),
        Values::Uhugeint(values) => {
            numeric::put_magnitude(out, u128::from_le_bytes(fixed(values.value(row))), false, 0);
        }
        Values::Bignum(values) => {
            let (groups, negative) = numeric::bignum_groups(values.get(row));
            numeric::put_groups(out, &groups, negative, 0);
        }
        Values::Text(values) | Values::Bytes(values) | Values::JsonText(values) => {
            out.extend_from_slice(values.get(row))
        }
        Values::ObjectName(values) => out.put_u32(object_number(values.get(row)).ok_or(ValueError::ObjectName)?),
        Values::FixedBytes(values) | Values::Uuid(values) => out.extend_from_slice(values.value(row)),
        Values::Bit(values) => put_bits(out, values.get(row)),
        Values::Date(values) => out.put_i32(date(values[row])?),
        Values::Time(values, unit) => out.put_i64(unit.micros(values[row]).ok_or(ValueError::Time)?),
        Values::Time32(values, unit) => out.put_i64(unit.micros(i64::from(values[row])).ok_or(ValueError::Time)?),
        Values::TimeTz(values) => {
            let (micros, offset) = timetz(values.value(row));
            out.put_i64(micros);
            out.put_i32(-offset);
        }
        Values::Timestamp(values, unit) | Values::TimestampTz(values, unit) => {
            out.put_i64(timestamp(values[row], *unit)?)
        }
        Values::Interval(values) => {
            let value = values[row];
            out.put_i64(value.nanoseconds / 1000);
            out.put_i32(value.days);
            out.put_i32(value.months);
        }
        Values::Dictionary(keys, values) => return put(out, values, keys.get(row), settings),
        Values::List(list) => return array::put_binary(out, list, row, settings),
        Values::Quotient(values, scale) => {
            let (value, scale) = declared::quotient(values[row], *scale);
            numeric::put_numeric(out, value, scale);
        }
        Values::As(column, to) => return declared::put_binary(out, column, *to, row, settings),
        Values::Json(column) => return json::put(out, column, row, settings),
        Values::Struct(_) | Values::Map(..) | Values::Union(..) => return text::put(out, column, row, settings),
    }
    Ok(())
}

/// The OID behind the text of an object: a number that has no name, none at all, or a type that is built in.
fn object_number(text: &[u8]) -> Option<u32> {
    match std::str::from_utf8(text).ok()? {
        "-" => Some(0),
        text => text.parse().ok().or_else(|| PgType::oid_of_name(text)),
    }
}

/// Days since 2000, the outermost values for infinity.
fn date(days: i32) -> Result<i32, ValueError> {
    match days {
        i32::MAX => Ok(i32::MAX),
        _ if days <= -i32::MAX => Ok(i32::MIN),
        _ => i32::try_from(i64::from(days) - POSTGRES_EPOCH_DAYS)
            .ok()
            .filter(|days| *days > i32::MIN)
            .ok_or(ValueError::Date),
    }
}

/// Microseconds since 2000, the outermost values for infinity.
fn timestamp(value: i64, unit: Unit) -> Result<i64, ValueError> {
    match moment(value, unit)? {
        Moment::Past => Ok(i64::MIN),
        Moment::Future => Ok(i64::MAX),
        Moment::At(micros) => micros
            .checked_sub(POSTGRES_EPOCH_DAYS * MICROS_PER_DAY)
            .filter(|micros| *micros > i64::MIN)
            .ok_or(ValueError::Timestamp),
    }
}

fn put_bits(out: &mut BytesMut, bytes: &[u8]) {
    let bits = bits(bytes);
    out.put_i32(bits.len() as i32);
    let start = out.len();
    out.resize(start + bits.len().div_ceil(8), 0);
    for (position, bit) in bits.enumerate() {
        out[start + position / 8] |= u8::from(bit) << (7 - position % 8);
    }
}
