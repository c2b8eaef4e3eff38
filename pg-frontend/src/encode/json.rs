//! STRUCT, MAP, UNION and lists of lists as JSON, in the form of PostgreSQL's `to_json`.
//!
//! Numbers and booleans stay what they are, JSON is put in as it is, everything else is a string: dates and times in ISO
//! form with a `T` whatever the session's `DateStyle`. A UNION is an object of its one member.

use super::ValueError;
use super::calendar::{self, MICROS_PER_DAY};
use super::column::{Column, Values};
use super::settings::Settings;
use super::text::{self, Moment, moment, put_hex};
use bytes::BytesMut;

/// Appends a value, `null` for NULL.
pub(crate) fn put(out: &mut BytesMut, column: &Column<'_>, row: usize, settings: &Settings) -> Result<(), ValueError> {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match &column.values {
        Values::Struct(_) | Values::Map(..) | Values::Union(..) | Values::List(_) => {
            put_nested(out, &column.values, row, settings)
        }
        Values::Json(column) => put(out, column, row, settings),
        Values::Dictionary(keys, values) => put(out, values, keys.get(row), settings),
        values => put_scalar(out, column, values, row, settings),
    }
}

/// Appends a STRUCT, MAP, UNION or list that is not NULL.
pub(crate) fn put_nested(
    out: &mut BytesMut,
    values: &Values<'_>,
    row: usize,
    settings: &Settings,
) -> Result<(), ValueError> {
    match values {
        Values::Struct(fields) => {
            out.extend_from_slice(b"{");
            for (position, (name, column)) in fields.iter().enumerate() {
                put_name(out, position, name);
                put(out, column, row, settings)?;
            }
            out.extend_from_slice(b"}");
        }
        Values::Map(offsets, entries) => {
            out.extend_from_slice(b"{");
            for (position, item) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
                if position > 0 {
                    out.extend_from_slice(b",");
                }
                put_key(out, &entries.0, item, settings)?;
                out.extend_from_slice(b":");
                put(out, &entries.1, item, settings)?;
            }
            out.extend_from_slice(b"}");
        }
        Values::Union(union, members) => {
            let id = union.type_id(row);
            match members.iter().find(|(member, ..)| *member == id) {
                Some((_, name, column)) => {
                    out.extend_from_slice(b"{");
                    put_name(out, 0, name);
                    put(out, column, union.value_offset(row), settings)?;
                    out.extend_from_slice(b"}");
                }
                None => out.extend_from_slice(b"null"),
            }
        }
        Values::List(list) => {
            out.extend_from_slice(b"[");
            for (position, item) in list.range(row).enumerate() {
                if position > 0 {
                    out.extend_from_slice(b",");
                }
                put(out, &list.items, item, settings)?;
            }
            out.extend_from_slice(b"]");
        }
        _ => out.extend_from_slice(b"null"),
    }
    Ok(())
}

fn put_name(out: &mut BytesMut, position: usize, name: &str) {
    if position > 0 {
        out.extend_from_slice(b",");
    }
    put_string(out, name.as_bytes());
    out.extend_from_slice(b":");
}

/// Appends a key of a MAP: a string, whatever its type.
fn put_key(out: &mut BytesMut, column: &Column<'_>, row: usize, settings: &Settings) -> Result<(), ValueError> {
    let start = out.len();
    put(out, column, row, settings)?;
    if out.get(start) == Some(&b'"') {
        return Ok(());
    }
    let key = out.split_off(start);
    put_string(out, &key);
    Ok(())
}

fn put_scalar(
    out: &mut BytesMut,
    column: &Column<'_>,
    values: &Values<'_>,
    row: usize,
    settings: &Settings,
) -> Result<(), ValueError> {
    match values {
        Values::Bool(values) => out.extend_from_slice(if values.value(row) { b"true" } else { b"false" }),
        Values::Bool8(values) => out.extend_from_slice(if values[row] != 0 { b"true" } else { b"false" }),
        Values::Text(strings) | Values::ObjectName(strings) => put_string(out, strings.get(row)),
        Values::JsonText(strings) => out.extend_from_slice(strings.get(row)),
        Values::Bytes(strings) => put_bytes(out, strings.get(row)),
        Values::FixedBytes(values) => put_bytes(out, values.value(row)),
        Values::Float32(values) if !values[row].is_finite() => put_quoted(out, column, row, settings)?,
        Values::Float64(values) if !values[row].is_finite() => put_quoted(out, column, row, settings)?,
        Values::Date(values) => put_date(out, values[row]),
        Values::Timestamp(values, unit) => put_timestamp(out, moment(values[row], *unit)?, None),
        Values::TimestampTz(values, unit) => put_timestamp(out, moment(values[row], *unit)?, Some(settings)),
        Values::Bit(_)
        | Values::Uuid(_)
        | Values::Time(..)
        | Values::Time32(..)
        | Values::TimeTz(_)
        | Values::Interval(_) => put_quoted(out, column, row, settings)?,
        _ => text::put(out, column, row, settings)?,
    }
    Ok(())
}

/// Appends a value whose text needs no escapes.
fn put_quoted(out: &mut BytesMut, column: &Column<'_>, row: usize, settings: &Settings) -> Result<(), ValueError> {
    out.extend_from_slice(b"\"");
    text::put(out, column, row, settings)?;
    out.extend_from_slice(b"\"");
    Ok(())
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.extend_from_slice(b"\"\\\\x");
    put_hex(out, bytes);
    out.extend_from_slice(b"\"");
}

fn put_date(out: &mut BytesMut, days: i32) {
    out.extend_from_slice(b"\"");
    match days {
        i32::MAX => out.extend_from_slice(Moment::Future.name()),
        _ if days <= -i32::MAX => out.extend_from_slice(Moment::Past.name()),
        _ => {
            let day = calendar::day_of(i64::from(days));
            calendar::put_iso_day(out, day);
            calendar::put_era(out, day);
        }
    }
    out.extend_from_slice(b"\"");
}

/// Appends a timestamp, with an offset if there is a session to have one.
fn put_timestamp(out: &mut BytesMut, moment: Moment, zone: Option<&Settings>) {
    out.extend_from_slice(b"\"");
    match moment {
        Moment::At(micros) => {
            let (second, _) = text::seconds_and_micros(micros);
            let offset = zone.map(|settings| settings.time_zone.offset_at(second));
            let local = micros.saturating_add(i64::from(offset.unwrap_or(0)) * calendar::MICROS_PER_SECOND);
            let day = calendar::day_of(local.div_euclid(MICROS_PER_DAY));
            calendar::put_iso_day(out, day);
            out.extend_from_slice(b"T");
            calendar::put_time(out, local.rem_euclid(MICROS_PER_DAY));
            if let Some(offset) = offset {
                let start = out.len();
                calendar::put_offset(out, offset);
                // XML Schema's form has always minutes.
                if out.len() == start + 3 {
                    out.extend_from_slice(b":00");
                }
            }
            calendar::put_era(out, day);
        }
        infinite => out.extend_from_slice(infinite.name()),
    }
    out.extend_from_slice(b"\"");
}

/// Appends a JSON string.
pub(crate) fn put_string(out: &mut BytesMut, bytes: &[u8]) {
    out.extend_from_slice(b"\"");
    let mut plain = 0;
    for (position, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && !matches!(byte, b'"' | b'\\') {
            continue;
        }
        out.extend_from_slice(&bytes[plain..position]);
        plain = position + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            _ => {
                out.extend_from_slice(b"\\u00");
                put_hex(out, &[*byte]);
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.extend_from_slice(b"\"");
}
