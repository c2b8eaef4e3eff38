//! Dates, times and timestamps in text.
//!
//! PostgreSQL reads almost any way people write dates. The usual one, `2020-01-31 12:34:56.789+01`, has a short way; the
//! rest is cut into fields (`datetime/fields.rs`) and put together here: what the numbers mean depends on their length, on
//! a month's name and on the order in `DateStyle`.

mod fields;

use super::DecodeError;
use super::scalar::trim;
use crate::encode::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND, days_of};
use crate::encode::text::timetz_bits;
use crate::encode::{DateOrder, Settings, Zone};
use std::time::{SystemTime, UNIX_EPOCH};

/// 4714-11-24 BC, the first day of the Julian calendar, in days since 1970.
const FIRST_DAY: i64 = -2_440_588;
/// The first days behind what `date` and `timestamp` hold.
const DATE_END: i64 = 2_145_042_906;
const TIMESTAMP_END: i64 = 106_762_940;

/// What a text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Time => "time",
            Self::TimeTz => "time with time zone",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamp with time zone",
        }
    }

    const fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::TimeTz)
    }
}

/// What went wrong; the text is added where the message is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Syntax,
    Field,
    Range,
    Displacement,
    Zone(String),
}

impl Problem {
    fn into_error(self, target: Target, text: &str) -> DecodeError {
        match self {
            Self::Syntax => DecodeError::DateTimeSyntax(target.name(), text.into()),
            Self::Field => DecodeError::FieldRange(text.into()),
            Self::Range if target == Target::Date => DecodeError::DateTimeRange("date", text.into()),
            Self::Range => DecodeError::DateTimeRange("timestamp", text.into()),
            Self::Displacement => DecodeError::ZoneDisplacement(text.into()),
            Self::Zone(name) => DecodeError::UnknownZone(name),
        }
    }
}

/// Where a clock stands.
#[derive(Clone, Debug)]
pub(crate) enum Shift {
    /// Seconds east of UTC.
    Offset(i32),
    Named(Box<Zone>),
}

/// A date and time as a text tells them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parsed {
    /// Days since 1970.
    pub(crate) days: Option<i64>,
    /// Microseconds of the day.
    pub(crate) micros: Option<i64>,
    pub(crate) shift: Option<Shift>,
    pub(crate) special: Option<Special>,
}

/// Words that stand for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    Future,
    Past,
    Epoch,
    Now,
    /// Days from today, at midnight.
    Today(i64),
}

/// Days since 1970.
#[inline]
pub(crate) fn date(text: &str, settings: &Settings) -> Result<i32, DecodeError> {
    if let Some(days) = iso_date(text.as_bytes()) {
        return Ok(days as i32);
    }
    let problem = |problem: Problem| problem.into_error(Target::Date, text);
    let parsed = fields::parse(trim(text), Target::Date, settings).map_err(problem)?;
    let days = match parsed.special {
        Some(Special::Future) => return Ok(i32::MAX),
        Some(Special::Past) => return Ok(-i32::MAX),
        Some(Special::Epoch) => 0,
        Some(now) => local_now(now, settings).0,
        None => parsed.days.ok_or(problem(Problem::Syntax))?,
    };
    match (FIRST_DAY..DATE_END).contains(&days) {
        true => Ok(days as i32),
        false => Err(problem(Problem::Range)),
    }
}

/// Microseconds of the day.
pub(crate) fn time(text: &str, settings: &Settings) -> Result<i64, DecodeError> {
    let problem = |problem: Problem| problem.into_error(Target::Time, text);
    let parsed = fields::parse(trim(text), Target::Time, settings).map_err(problem)?;
    match parsed.special {
        Some(Special::Now) => Ok(local_now(Special::Now, settings).1),
        Some(_) => Err(problem(Problem::Syntax)),
        None => parsed.micros.ok_or(problem(Problem::Syntax)),
    }
}

/// The bits of a DuckDB TIMETZ.
pub(crate) fn timetz(text: &str, settings: &Settings) -> Result<u64, DecodeError> {
    let problem = |problem: Problem| problem.into_error(Target::TimeTz, text);
    let parsed = fields::parse(trim(text), Target::TimeTz, settings).map_err(problem)?;
    let today = now_micros();
    let micros = match parsed.special {
        Some(Special::Now) => local_now(Special::Now, settings).1,
        Some(_) => return Err(problem(Problem::Syntax)),
        None => parsed.micros.ok_or(problem(Problem::Syntax))?,
    };
    let second = match parsed.days {
        Some(days) => days * 86_400 + micros / MICROS_PER_SECOND,
        None => today / MICROS_PER_SECOND,
    };
    let offset = match parsed.shift {
        Some(Shift::Offset(offset)) => offset,
        Some(Shift::Named(_)) if parsed.days.is_none() => return Err(problem(Problem::Syntax)),
        Some(Shift::Named(zone)) => zone.offset_of_local(second),
        None => settings.time_zone.offset_of_local(second),
    };
    Ok(timetz_bits(micros, offset))
}

/// Microseconds since 1970 of a timestamp without a time zone; one in the text is passed over.
#[inline]
pub(crate) fn timestamp(text: &str, settings: &Settings) -> Result<i64, DecodeError> {
    if let Some((days, micros)) = iso_timestamp(text.as_bytes()) {
        return Ok(days * MICROS_PER_DAY + micros);
    }
    let problem = |problem: Problem| problem.into_error(Target::Timestamp, text);
    let parsed = fields::parse(trim(text), Target::Timestamp, settings).map_err(problem)?;
    let (days, micros) = match parsed.special {
        Some(Special::Future) => return Ok(i64::MAX),
        Some(Special::Past) => return Ok(-i64::MAX),
        Some(Special::Epoch) => (0, 0),
        Some(now) => local_now(now, settings),
        None => (parsed.days.ok_or(problem(Problem::Syntax))?, parsed.micros.unwrap_or(0)),
    };
    in_range(days, micros).ok_or(problem(Problem::Range))
}

/// Microseconds since 1970 UTC.
pub(crate) fn timestamptz(text: &str, settings: &Settings) -> Result<i64, DecodeError> {
    let problem = |problem: Problem| problem.into_error(Target::TimestampTz, text);
    let parsed = fields::parse(trim(text), Target::TimestampTz, settings).map_err(problem)?;
    let (days, micros) = match parsed.special {
        Some(Special::Future) => return Ok(i64::MAX),
        Some(Special::Past) => return Ok(-i64::MAX),
        Some(Special::Epoch) => return Ok(0),
        Some(Special::Now) => return Ok(now_micros()),
        Some(today) => local_now(today, settings),
        None => (parsed.days.ok_or(problem(Problem::Syntax))?, parsed.micros.unwrap_or(0)),
    };
    if !(FIRST_DAY..TIMESTAMP_END).contains(&days) {
        return Err(problem(Problem::Range));
    }
    let local_second = days * 86_400 + micros / MICROS_PER_SECOND;
    let offset = match parsed.shift {
        Some(Shift::Offset(offset)) => offset,
        Some(Shift::Named(zone)) => zone.offset_of_local(local_second),
        None => settings.time_zone.offset_of_local(local_second),
    };
    in_range(days, micros - i64::from(offset) * MICROS_PER_SECOND).ok_or(problem(Problem::Range))
}

fn in_range(days: i64, micros: i64) -> Option<i64> {
    let micros = days.checked_mul(MICROS_PER_DAY)?.checked_add(micros)?;
    (FIRST_DAY..TIMESTAMP_END).contains(&micros.div_euclid(MICROS_PER_DAY)).then_some(micros)
}

fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// The session's day and microseconds of the day at a moment that is told from now.
fn local_now(special: Special, settings: &Settings) -> (i64, i64) {
    let now = now_micros();
    let local = now + i64::from(settings.time_zone.offset_at(now / MICROS_PER_SECOND)) * MICROS_PER_SECOND;
    let (days, micros) = (local.div_euclid(MICROS_PER_DAY), local.rem_euclid(MICROS_PER_DAY));
    match special {
        Special::Today(distance) => (days + distance, 0),
        _ => (days, micros),
    }
}

/// `YYYY-MM-DD` and nothing else.
#[inline]
fn iso_date(text: &[u8]) -> Option<i64> {
    let [a, b, c, d, b'-', e, f, b'-', g, h] = *text else { return None };
    let digits = [a, b, c, d, e, f, g, h].map(|byte| byte.wrapping_sub(b'0'));
    if digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = digits.map(i64::from);
    checked_days(1000 * a + 100 * b + 10 * c + d, (10 * e + f) as u32, (10 * g + h) as u32)
}

/// `YYYY-MM-DD HH:MM:SS[.f…]` and nothing else.
#[inline]
fn iso_timestamp(text: &[u8]) -> Option<(i64, i64)> {
    let (date, rest) = text.split_at_checked(10)?;
    let [b' ' | b'T', a, b, b':', c, d, b':', e, f, fraction @ ..] = rest else { return None };
    let days = iso_date(date)?;
    let digits = [a, b, c, d, e, f].map(|byte| byte.wrapping_sub(b'0'));
    if digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    let [a, b, c, d, e, f] = digits.map(i64::from);
    let (hours, minutes, seconds) = (10 * a + b, 10 * c + d, 10 * e + f);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            value * 10_i64.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    Some((days, ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + micros))
}

/// Years further away than this have no date in any type.
const MAX_YEAR: u64 = 10_000_000;

/// Days of a date that exists, in an astronomical year. Year 0 is left to the slow way, where it is refused.
pub(crate) fn checked_days(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (day >= 1 && day <= length && year != 0 && year.unsigned_abs() <= MAX_YEAR).then(|| days_of(year, month, day))
}

/// Three numbers in the session's order as year, month and day, each with the number of its digits.
pub(crate) fn ordered(parts: [(i64, usize); 3], order: DateOrder) -> [(i64, usize); 3] {
    let [a, b, c] = parts;
    match order {
        _ if a.1 > 2 => [a, b, c],
        DateOrder::Ymd => [a, b, c],
        DateOrder::Mdy => [c, a, b],
        DateOrder::Dmy => [c, b, a],
    }
}
