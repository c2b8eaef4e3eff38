//! Intervals in the four styles of `IntervalStyle`.
//!
//! The styles differ in how they tell a sign. `postgres` writes a `+` only behind a negative part, `postgres_verbose` counts
//! from the sign of the first part and ends in `ago`, `sql_standard` has one sign for all where it can, `iso_8601` gives
//! each part its own.

use super::calendar::put_fraction;
use super::number::{put_i64, put_padded, put_u64};
use super::settings::IntervalStyle;
use bytes::BytesMut;

/// An interval in its parts; each may have its own sign, those of the time share one.
#[derive(Clone, Copy)]
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

/// Appends an interval of months, days and microseconds.
pub(crate) fn put_interval(out: &mut BytesMut, months: i32, days: i32, micros: i64, style: IntervalStyle) {
    let parts = Parts {
        years: i64::from(months / 12),
        months: i64::from(months % 12),
        days: i64::from(days),
        hours: micros / 3_600_000_000,
        minutes: micros / 60_000_000 % 60,
        seconds: micros / 1_000_000 % 60,
        micros: micros % 1_000_000,
    };
    match style {
        IntervalStyle::Postgres => put_postgres(out, parts, micros),
        IntervalStyle::PostgresVerbose => put_verbose(out, parts),
        IntervalStyle::SqlStandard => put_sql_standard(out, parts, micros),
        IntervalStyle::Iso8601 => put_iso_8601(out, parts, micros),
    }
}

fn put_postgres(out: &mut BytesMut, parts: Parts, time: i64) {
    let start = out.len();
    let mut negative_before = false;
    for (value, unit) in [(parts.years, "year"), (parts.months, "mon"), (parts.days, "day")] {
        if value == 0 {
            continue;
        }
        if out.len() > start {
            out.extend_from_slice(b" ");
        }
        if negative_before && value > 0 {
            out.extend_from_slice(b"+");
        }
        put_i64(out, value);
        out.extend_from_slice(b" ");
        out.extend_from_slice(unit.as_bytes());
        if value != 1 {
            out.extend_from_slice(b"s");
        }
        negative_before = value < 0;
    }
    if time == 0 && out.len() > start {
        return;
    }
    if out.len() > start {
        out.extend_from_slice(b" ");
    }
    if time < 0 {
        out.extend_from_slice(b"-");
    } else if negative_before {
        out.extend_from_slice(b"+");
    }
    put_clock(out, parts, 2);
}

/// Appends hours, minutes and seconds without their sign.
fn put_clock(out: &mut BytesMut, parts: Parts, hour_digits: usize) {
    put_padded(out, parts.hours.unsigned_abs(), hour_digits);
    out.extend_from_slice(b":");
    put_padded(out, parts.minutes.unsigned_abs(), 2);
    out.extend_from_slice(b":");
    put_padded(out, parts.seconds.unsigned_abs(), 2);
    put_fraction(out, parts.micros.unsigned_abs() as u32);
}

fn put_verbose(out: &mut BytesMut, parts: Parts) {
    out.extend_from_slice(b"@");
    let start = out.len();
    let mut ago = false;
    let units = [
        (parts.years, "year"),
        (parts.months, "mon"),
        (parts.days, "day"),
        (parts.hours, "hour"),
        (parts.minutes, "min"),
    ];
    for (value, unit) in units {
        if value == 0 {
            continue;
        }
        // The first part decides what direction the others are told in.
        ago = if out.len() == start { value < 0 } else { ago };
        let shown = if ago { -value } else { value };
        out.extend_from_slice(b" ");
        put_i64(out, shown);
        out.extend_from_slice(b" ");
        out.extend_from_slice(unit.as_bytes());
        if shown != 1 {
            out.extend_from_slice(b"s");
        }
    }
    if parts.seconds != 0 || parts.micros != 0 {
        let negative = parts.seconds < 0 || parts.micros < 0;
        ago = if out.len() == start { negative } else { ago };
        out.extend_from_slice(b" ");
        if negative != ago {
            out.extend_from_slice(b"-");
        }
        put_u64(out, parts.seconds.unsigned_abs());
        put_fraction(out, parts.micros.unsigned_abs() as u32);
        out.extend_from_slice(if parts.seconds.abs() != 1 || parts.micros != 0 { b" secs" } else { b" sec" });
    }
    if out.len() == start {
        out.extend_from_slice(b" 0");
    }
    if ago {
        out.extend_from_slice(b" ago");
    }
}

fn put_sql_standard(out: &mut BytesMut, parts: Parts, time: i64) {
    let signs = [parts.years, parts.months, parts.days, time].map(i64::signum);
    let (negative, positive) = (signs.contains(&-1), signs.contains(&1));
    let (has_months, has_time) = (signs[0] != 0 || signs[1] != 0, signs[2] != 0 || signs[3] != 0);
    if !negative && !positive {
        return out.extend_from_slice(b"0");
    }
    if (negative && positive) || (has_months && has_time) {
        out.extend_from_slice(if signs[0] < 0 || signs[1] < 0 { b"-" } else { b"+" });
        put_months(out, parts);
        out.extend_from_slice(if signs[2] < 0 { b" -" } else { b" +" });
        put_u64(out, parts.days.unsigned_abs());
        out.extend_from_slice(if signs[3] < 0 { b" -" } else { b" +" });
        return put_clock(out, parts, 1);
    }
    if negative {
        out.extend_from_slice(b"-");
    }
    if has_months {
        return put_months(out, parts);
    }
    if signs[2] != 0 {
        put_u64(out, parts.days.unsigned_abs());
        out.extend_from_slice(b" ");
    }
    put_clock(out, parts, 1);
}

fn put_months(out: &mut BytesMut, parts: Parts) {
    put_u64(out, parts.years.unsigned_abs());
    out.extend_from_slice(b"-");
    put_u64(out, parts.months.unsigned_abs());
}

fn put_iso_8601(out: &mut BytesMut, parts: Parts, time: i64) {
    let put_part = |out: &mut BytesMut, value: i64, unit: u8| {
        if value != 0 {
            put_i64(out, value);
            out.extend_from_slice(&[unit]);
        }
    };
    out.extend_from_slice(b"P");
    let start = out.len();
    put_part(out, parts.years, b'Y');
    put_part(out, parts.months, b'M');
    put_part(out, parts.days, b'D');
    if time != 0 {
        out.extend_from_slice(b"T");
    } else if out.len() == start {
        out.extend_from_slice(b"T0S");
    }
    put_part(out, parts.hours, b'H');
    put_part(out, parts.minutes, b'M');
    if parts.seconds != 0 || parts.micros != 0 {
        if parts.seconds < 0 || parts.micros < 0 {
            out.extend_from_slice(b"-");
        }
        put_u64(out, parts.seconds.unsigned_abs());
        put_fraction(out, parts.micros.unsigned_abs() as u32);
        out.extend_from_slice(b"S");
    }
}
