//! Intervals in text: `1 year -2 days 03:04:05`, `1-2 3 4:05:06`, `P1Y2M3DT4H5M6S`, `@ 1 year 2 mons ago`.
//!
//! A number is told by the unit behind it; without one it is days before a time of day, seconds at the end. Fractions of
//! large units spill into smaller ones: half a month is 15 days.

use super::DecodeError;
use super::column::arrow_interval;
use super::scalar::{is_space, trim};
use crate::encode::IntervalStyle;
use arrow::datatypes::IntervalMonthDayNano;

const DAY: f64 = 86_400_000_000.0;

/// What went wrong; the text is added where the message is made.
enum Problem {
    Syntax,
    Range,
}

/// Reads an interval.
pub(crate) fn parse(text: &str, style: IntervalStyle) -> Result<IntervalMonthDayNano, DecodeError> {
    let trimmed = trim(text);
    let sums = match trimmed.strip_prefix('P') {
        Some(iso) => iso_8601(iso),
        None => words(trimmed, style),
    };
    sums.and_then(|sums| sums.finish()).map_err(|problem| match problem {
        Problem::Syntax => DecodeError::DateTimeSyntax("interval", text.into()),
        Problem::Range => DecodeError::IntervalRange(text.into()),
    })
}

#[derive(Clone, Copy, Default)]
struct Sums {
    months: i128,
    days: i128,
    micros: i128,
}

/// A unit, by what one of it is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Months(i128),
    Days(i128),
    Micros(i128),
}

const UNITS: &[(&[&str], Unit)] = &[
    (&["us", "usec", "usecs", "usecond", "useconds", "microsecon"], Unit::Micros(1)),
    (&["ms", "msec", "msecs", "mseconds", "millisecon"], Unit::Micros(1_000)),
    (&["s", "sec", "secs", "second", "seconds"], Unit::Micros(1_000_000)),
    (&["m", "min", "mins", "minute", "minutes"], Unit::Micros(60_000_000)),
    (&["h", "hr", "hrs", "hour", "hours"], Unit::Micros(3_600_000_000)),
    (&["d", "day", "days"], Unit::Days(1)),
    (&["w", "week", "weeks"], Unit::Days(7)),
    (&["mon", "mons", "month", "months"], Unit::Months(1)),
    (&["qtr", "quarter"], Unit::Months(3)),
    (&["y", "yr", "yrs", "year", "years"], Unit::Months(12)),
    (&["dec", "decs", "decade", "decades"], Unit::Months(120)),
    (&["c", "cent", "century", "centuries"], Unit::Months(1200)),
    (&["mil", "mils", "millennia", "millennium"], Unit::Months(12_000)),
];

/// The unit of a word; PostgreSQL compares its first ten letters.
fn unit(word: &str) -> Option<Unit> {
    let word = word.to_ascii_lowercase();
    let word = word.get(..10).unwrap_or(&word);
    UNITS.iter().find(|(names, _)| names.contains(&word)).map(|(_, unit)| *unit)
}

/// A number as it was written: whole part and fraction, both with its sign.
#[derive(Clone, Copy)]
struct Amount {
    whole: i128,
    fraction: f64,
}

fn amount(text: &str) -> Result<Amount, Problem> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(Problem::Syntax);
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().map_err(|_| Problem::Range)?.into() };
    let fraction =
        if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().map_err(|_| Problem::Syntax)? };
    Ok(if negative { Amount { whole: -whole, fraction: -fraction } } else { Amount { whole, fraction } })
}

impl Sums {
    fn add(&mut self, amount: Amount, unit: Unit) -> Result<(), Problem> {
        let times = |worth: i128| amount.whole.checked_mul(worth).ok_or(Problem::Range);
        match unit {
            Unit::Micros(worth) => {
                self.micros += times(worth)? + (amount.fraction * worth as f64).round_ties_even() as i128;
            }
            Unit::Days(worth) => {
                self.days += times(worth)?;
                self.add_days(amount.fraction * worth as f64);
            }
            Unit::Months(1) => {
                self.months += amount.whole;
                self.add_days(amount.fraction * 30.0);
            }
            Unit::Months(worth) => {
                self.months += times(worth)? + (amount.fraction * worth as f64).round_ties_even() as i128;
            }
        }
        Ok(())
    }

    fn add_days(&mut self, days: f64) {
        self.days += days.trunc() as i128;
        self.micros += (days.fract() * DAY).round_ties_even() as i128;
    }

    fn negated(self) -> Self {
        Self { months: -self.months, days: -self.days, micros: -self.micros }
    }

    fn finish(self) -> Result<IntervalMonthDayNano, Problem> {
        let narrow = |value: i128| i32::try_from(value).map_err(|_| Problem::Range);
        let micros = i64::try_from(self.micros).map_err(|_| Problem::Range)?;
        arrow_interval(narrow(self.months)?, narrow(self.days)?, micros).ok_or(Problem::Range)
    }
}

/// `[-]H:MM[:SS[.ffffff]]` or `M:SS.f`, in microseconds.
fn clock(text: &str) -> Result<i128, Problem> {
    let (negative, text) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [minutes, seconds] if seconds.contains('.') => ("0", minutes, seconds),
        [hours, minutes] => (hours, minutes, "0"),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return Err(Problem::Syntax),
    };
    let (hours, minutes, seconds) =
        (amount(hours)?, amount(minutes)?, amount(if seconds.is_empty() { "0" } else { seconds })?);
    if hours.fraction != 0.0 || minutes.fraction != 0.0 {
        return Err(Problem::Syntax);
    }
    if minutes.whole > 59 || seconds.whole > 60 {
        return Err(Problem::Range);
    }
    let micros = (hours.whole * 3600 + minutes.whole * 60 + seconds.whole) * 1_000_000
        + (seconds.fraction * 1e6).round_ties_even() as i128;
    Ok(if negative { -micros } else { micros })
}

/// Cuts a text into signed numbers with `:`, `-` and `.` inside, and words. A sign may stand apart from its number.
fn fields(text: &str) -> Result<Vec<String>, Problem> {
    let mut fields: Vec<String> = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(first) = letters.next() {
        if matches!(first, ' ' | '\t'..='\r' | ',' | '@') {
            continue;
        }
        let mut field = String::from(first);
        if matches!(first, '+' | '-') {
            while letters.next_if(|letter| letter.is_ascii() && is_space(*letter as u8)).is_some() {}
        } else if first.is_ascii_alphabetic() {
            while let Some(letter) = letters.next_if(char::is_ascii_alphabetic) {
                field.push(letter);
            }
            fields.push(field);
            continue;
        } else if !first.is_ascii_digit() && first != '.' {
            return Err(Problem::Syntax);
        }
        while let Some(letter) = letters.next_if(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ':' | '-'))
        {
            field.push(letter);
        }
        fields.push(field);
    }
    Ok(fields)
}

fn words(text: &str, style: IntervalStyle) -> Result<Sums, Problem> {
    let fields = fields(text)?;
    // The standard lets one sign in front count for all fields.
    let signs = fields.iter().filter(|field| field.starts_with(['+', '-'])).count();
    let all_negative = style == IntervalStyle::SqlStandard && signs == 1 && fields[0].starts_with('-');
    let mut sums = Sums::default();
    let mut seen: Vec<Unit> = Vec::new();
    let mut add = |sums: &mut Sums, amount: Amount, unit: Unit| {
        if seen.contains(&unit) {
            return Err(Problem::Syntax);
        }
        seen.push(unit);
        sums.add(amount, unit)
    };
    let mut ago = false;
    let mut rest = fields.iter().enumerate().peekable();
    while let Some((position, field)) = rest.next() {
        let negate = all_negative && position > 0;
        let signed = |value: i128| if negate { -value } else { value };
        if field.eq_ignore_ascii_case("ago") && position > 0 && rest.peek().is_none() {
            ago = true;
        } else if field.contains(':') {
            let micros = signed(clock(field)?);
            add(&mut sums, Amount { whole: micros, fraction: 0.0 }, Unit::Micros(1))?;
        } else if let Some(dash) = field[1..].find('-') {
            let (years, months) = (amount(&field[..=dash])?, amount(&field[dash + 2..])?);
            if months.whole > 11 {
                return Err(Problem::Range);
            }
            let months = if field.starts_with('-') { -months.whole } else { months.whole };
            add(&mut sums, Amount { whole: signed(years.whole * 12 + months), fraction: 0.0 }, Unit::Months(1))?;
        } else {
            let Amount { whole, fraction } = amount(field)?;
            let amount = Amount { whole: signed(whole), fraction: if negate { -fraction } else { fraction } };
            let found = match rest.peek() {
                Some((_, next)) if next.contains(':') => Unit::Days(1),
                Some((_, next)) if next.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
                    let found = unit(next).ok_or(Problem::Syntax)?;
                    rest.next();
                    found
                }
                None => Unit::Micros(1_000_000),
                Some(_) => return Err(Problem::Syntax),
            };
            add(&mut sums, amount, found)?;
        }
    }
    if seen.is_empty() {
        return Err(Problem::Syntax);
    }
    Ok(if ago { sums.negated() } else { sums })
}

/// What follows the `P`: units by letter, or `YYYY-MM-DDThh:mm:ss`.
fn iso_8601(text: &str) -> Result<Sums, Problem> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if text.is_empty() {
        return Err(Problem::Syntax);
    }
    let mut sums = Sums::default();
    let by_parts = |text: &str| text.contains(|letter: char| letter.is_ascii_alphabetic()) || text.is_empty();
    if by_parts(date) {
        designated(&mut sums, date, |letter| match letter {
            'Y' => Some(Unit::Months(12)),
            'M' => Some(Unit::Months(1)),
            'W' => Some(Unit::Days(7)),
            'D' => Some(Unit::Days(1)),
            _ => None,
        })?;
    } else {
        let mut parts = date.split('-').map(amount);
        for unit in [Unit::Months(12), Unit::Months(1), Unit::Days(1)] {
            if let Some(part) = parts.next() {
                sums.add(part?, unit)?;
            }
        }
        if parts.next().is_some() {
            return Err(Problem::Syntax);
        }
    }
    match time {
        None => {}
        Some(time) if by_parts(time) => designated(&mut sums, time, |letter| match letter {
            'H' => Some(Unit::Micros(3_600_000_000)),
            'M' => Some(Unit::Micros(60_000_000)),
            'S' => Some(Unit::Micros(1_000_000)),
            _ => None,
        })?,
        Some(time) => sums.micros += clock(time)?,
    }
    Ok(sums)
}

fn designated(sums: &mut Sums, text: &str, unit: impl Fn(char) -> Option<Unit>) -> Result<(), Problem> {
    let mut start = 0;
    for (at, letter) in text.char_indices().filter(|(_, letter)| !matches!(letter, '0'..='9' | '+' | '-' | '.')) {
        sums.add(amount(&text[start..at])?, unit(letter).ok_or(Problem::Syntax)?)?;
        start = at + letter.len_utf8();
    }
    if start == text.len() { Ok(()) } else { Err(Problem::Syntax) }
}
