//! Dates and times of day as text.
//!
//! Days are turned into year, month and day with integers only (Neri and Schneider's method, moved by whole 400-year
//! cycles so that every `i32` of days is covered). Years are astronomical: 0 is 1 BC.

use super::number::{pair, put_padded, put_u64};
use super::settings::{DateOrder, DateStyle, Settings};
use bytes::BytesMut;

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's first day.
pub(crate) const POSTGRES_EPOCH_DAYS: i64 = 10_957;

const CYCLES: u64 = 3_000_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
}

/// The calendar day of a number of days since 1970-01-01.
#[inline]
pub(crate) fn day_of(days: i64) -> Day {
    // Days since 0000-03-01, moved to be positive.
    let days = (days + 719_468 + 146_097 * CYCLES as i64) as u64;
    let quarters = 4 * days + 3;
    let century = quarters / 146_097;
    let quarters = (quarters % 146_097) / 4 * 4 + 3;
    let product = 2_939_745 * quarters;
    let year_of_century = product >> 32;
    let day_of_year = ((product & 0xffff_ffff) / 2_939_745 / 4) as u32;
    let months = 2141 * day_of_year + 197_913;
    let (month, day) = (months >> 16, (months & 0xffff) / 2141 + 1);
    // The year began in March.
    let next = day_of_year >= 306;
    let year = (100 * century + year_of_century) as i64 - 400 * CYCLES as i64 + i64::from(next);
    Day { year, month: if next { month - 12 } else { month }, day }
}

/// Days since 1970-01-01 of a calendar day.
pub(crate) fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Appends a date as the session wants it.
#[inline]
pub(crate) fn put_date(out: &mut BytesMut, days: i64, settings: &Settings) {
    let day = day_of(days);
    put_day(out, day, settings);
    put_era(out, day);
}

#[inline]
fn put_day(out: &mut BytesMut, day: Day, settings: &Settings) {
    match settings.date_style {
        DateStyle::Iso => put_iso_day(out, day),
        DateStyle::German => put_numbers(out, [day.day, day.month], b'.', day),
        style => {
            let separator = if style == DateStyle::Sql { b'/' } else { b'-' };
            let first = match settings.date_order {
                DateOrder::Dmy => [day.day, day.month],
                DateOrder::Mdy | DateOrder::Ymd => [day.month, day.day],
            };
            put_numbers(out, first, separator, day);
        }
    }
}

/// Appends `YYYY-MM-DD` without an era.
#[inline]
pub(crate) fn put_iso_day(out: &mut BytesMut, day: Day) {
    let year = shown_year(day);
    if year < 10_000 {
        let ([a, b], [c, d]) = (pair((year / 100) as u32), pair((year % 100) as u32));
        let ([e, f], [g, h]) = (pair(day.month), pair(day.day));
        out.extend_from_slice(&[a, b, c, d, b'-', e, f, b'-', g, h]);
    } else {
        put_u64(out, year);
        let ([e, f], [g, h]) = (pair(day.month), pair(day.day));
        out.extend_from_slice(&[b'-', e, f, b'-', g, h]);
    }
}

fn put_numbers(out: &mut BytesMut, [first, second]: [u32; 2], separator: u8, day: Day) {
    let ([a, b], [c, d]) = (pair(first), pair(second));
    out.extend_from_slice(&[a, b, separator, c, d, separator]);
    put_padded(out, shown_year(day), 4);
}

fn shown_year(day: Day) -> u64 {
    if day.year > 0 { day.year as u64 } else { (1 - day.year) as u64 }
}

#[inline]
pub(crate) fn put_era(out: &mut BytesMut, day: Day) {
    if day.year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

/// Appends `HH:MM:SS[.ffffff]` for microseconds of a day.
#[inline]
pub(crate) fn put_time(out: &mut BytesMut, micros: i64) {
    let (seconds, fraction) = ((micros / MICROS_PER_SECOND) as u32, (micros % MICROS_PER_SECOND) as u32);
    let ([a, b], [c, d], [e, f]) = (pair(seconds / 3600), pair(seconds / 60 % 60), pair(seconds % 60));
    out.extend_from_slice(&[a, b, b':', c, d, b':', e, f]);
    put_fraction(out, fraction);
}

/// Appends a fraction of a second in microseconds, without trailing zeros.
#[inline]
pub(crate) fn put_fraction(out: &mut BytesMut, micros: u32) {
    if micros == 0 {
        return;
    }
    let ([a, b], [c, d], [e, f]) = (pair(micros / 10_000), pair(micros / 100 % 100), pair(micros % 100));
    let text = [b'.', a, b, c, d, e, f];
    let zeros = text.iter().rev().take_while(|byte| **byte == b'0').count();
    out.extend_from_slice(&text[..7 - zeros]);
}

/// Appends an offset from UTC in seconds, east positive: `+01`, `+05:30`, `-00:01:15`.
pub(crate) fn put_offset(out: &mut BytesMut, seconds: i32) {
    let size = seconds.unsigned_abs();
    out.extend_from_slice(if seconds < 0 { b"-" } else { b"+" });
    put_padded(out, u64::from(size / 3600), 2);
    if !size.is_multiple_of(3600) {
        let [a, b] = pair(size / 60 % 60);
        out.extend_from_slice(&[b':', a, b]);
    }
    if !size.is_multiple_of(60) {
        let [a, b] = pair(size % 60);
        out.extend_from_slice(&[b':', a, b]);
    }
}

/// Appends a timestamp without a time zone.
#[inline]
pub(crate) fn put_timestamp(out: &mut BytesMut, micros: i64, settings: &Settings) {
    let (days, time) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
    let day = put_day_and_time(out, days, time, settings);
    put_era(out, day);
}

/// Appends a timestamp as the clock of the session's time zone shows it.
pub(crate) fn put_timestamptz(out: &mut BytesMut, micros: i64, settings: &Settings) {
    let offset = settings.time_zone.offset_at(micros.div_euclid(MICROS_PER_SECOND));
    let local = i128::from(micros) + i128::from(offset) * i128::from(MICROS_PER_SECOND);
    let day_length = i128::from(MICROS_PER_DAY);
    let (days, time) = (local.div_euclid(day_length) as i64, local.rem_euclid(day_length) as i64);
    let day = put_day_and_time(out, days, time, settings);
    if settings.date_style == DateStyle::Iso {
        put_offset(out, offset);
    } else {
        let known = settings.time_zone.with_abbreviation_at(micros.div_euclid(MICROS_PER_SECOND), |name| {
            out.extend_from_slice(b" ");
            out.extend_from_slice(name.as_bytes());
        });
        if !known {
            if settings.date_style == DateStyle::Postgres {
                out.extend_from_slice(b" ");
            }
            put_offset(out, offset);
        }
    }
    put_era(out, day);
}

#[inline]
fn put_day_and_time(out: &mut BytesMut, days: i64, time: i64, settings: &Settings) -> Day {
    let day = day_of(days);
    if settings.date_style != DateStyle::Postgres {
        put_day(out, day, settings);
        out.extend_from_slice(b" ");
        put_time(out, time);
        return day;
    }
    let month = MONTHS[day.month as usize - 1].as_bytes();
    out.extend_from_slice(WEEKDAYS[days.rem_euclid(7) as usize].as_bytes());
    out.extend_from_slice(b" ");
    if settings.date_order == DateOrder::Dmy {
        out.extend_from_slice(&pair(day.day));
        out.extend_from_slice(b" ");
        out.extend_from_slice(month);
    } else {
        out.extend_from_slice(month);
        out.extend_from_slice(b" ");
        out.extend_from_slice(&pair(day.day));
    }
    out.extend_from_slice(b" ");
    put_time(out, time);
    out.extend_from_slice(b" ");
    put_padded(out, shown_year(day), 4);
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_back() {
        for days in
            (-3_000_000..3_000_000).step_by(7).chain([i64::from(i32::MIN), i64::from(i32::MAX), -719_529, -719_528])
        {
            let day = day_of(days);
            assert_eq!(days_of(day.year, day.month, day.day), days);
            assert!((1..=12).contains(&day.month) && (1..=31).contains(&day.day), "{days} {day:?}");
        }
        assert_eq!(day_of(0), Day { year: 1970, month: 1, day: 1 });
        assert_eq!(day_of(11_016), Day { year: 2000, month: 2, day: 29 });
    }
}
