//! A date and time cut into fields, and what each of them means.

use super::{Parsed, Problem, Shift, Special, Target, checked_days, ordered};
use crate::encode::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::encode::{DateOrder, Settings, Zone};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Short names of time zones, in hours east of UTC, as PostgreSQL's default set has them.
const ABBREVIATIONS: &[(&str, f32)] = &[
    ("utc", 0.0),
    ("gmt", 0.0),
    ("z", 0.0),
    ("zulu", 0.0),
    ("wet", 0.0),
    ("west", 1.0),
    ("bst", 1.0),
    ("cet", 1.0),
    ("cest", 2.0),
    ("met", 1.0),
    ("mest", 2.0),
    ("eet", 2.0),
    ("eest", 3.0),
    ("msk", 3.0),
    ("ist", 2.0),
    ("jst", 9.0),
    ("kst", 9.0),
    ("sgt", 8.0),
    ("hkt", 8.0),
    ("awst", 8.0),
    ("acst", 9.5),
    ("acdt", 10.5),
    ("aest", 10.0),
    ("aedt", 11.0),
    ("nzst", 12.0),
    ("nzdt", 13.0),
    ("ast", -4.0),
    ("adt", -3.0),
    ("nst", -3.5),
    ("ndt", -2.5),
    ("est", -5.0),
    ("edt", -4.0),
    ("cst", -6.0),
    ("cdt", -5.0),
    ("mst", -7.0),
    ("mdt", -6.0),
    ("pst", -8.0),
    ("pdt", -7.0),
    ("akst", -9.0),
    ("akdt", -8.0),
    ("hst", -10.0),
];

/// What was read so far.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    target: Target,
    order: DateOrder,
    parsed: Parsed,
    /// Numbers that need their neighbours to be understood, with their number of digits.
    numbers: Vec<(i64, usize)>,
    month: Option<u32>,
    before_christ: bool,
    /// Year, month and day as written.
    date: Option<(i64, usize, u32, u32)>,
    /// `Some(true)` for PM.
    afternoon: Option<bool>,
    time_follows: bool,
}

/// Reads a text without space around it.
pub(crate) fn parse(text: &str, target: Target, settings: &Settings) -> Result<Parsed, Problem> {
    let mut reader = Reader {
        text: text.as_bytes(),
        at: 0,
        target,
        order: settings.date_order,
        parsed: Parsed::default(),
        numbers: Vec::new(),
        month: None,
        before_christ: false,
        date: None,
        afternoon: None,
        time_follows: false,
    };
    while let Some(byte) = reader.peek() {
        match byte {
            b' ' | 9..=13 | b',' => reader.at += 1,
            b'0'..=b'9' => reader.number()?,
            b'+' | b'-' => reader.sign()?,
            b'a'..=b'z' | b'A'..=b'Z' => reader.word()?,
            _ => return Err(Problem::Syntax),
        }
    }
    reader.finish()
}

/// A number, or nothing if it is not one.
fn value(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::Field)
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The bytes from here on that fit.
    fn run(&mut self, fits: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&fits) {
            self.at += 1;
        }
        // The runs are of ASCII bytes.
        std::str::from_utf8(&self.text[start..self.at]).unwrap_or("")
    }

    /// Up to three runs of digits or of letters between separators; a `T` behind the last one is left alone.
    fn parts(&mut self, separator: u8) -> Vec<&'a str> {
        let mut parts = Vec::with_capacity(3);
        loop {
            parts.push(match self.peek() {
                Some(b'0'..=b'9') => self.run(|byte| byte.is_ascii_digit()),
                _ => self.run(|byte| byte.is_ascii_alphabetic()),
            });
            if self.peek() != Some(separator) || parts.len() == 3 {
                return parts;
            }
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let digits = self.run(|byte| byte.is_ascii_digit());
        match self.peek() {
            Some(b':') => {
                self.at = start;
                let clock = self.run(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
                self.set_time(parse_clock(clock)?)
            }
            Some(b'-' | b'/') if self.takes_plain_time(digits.len()) => self.plain_number(digits, ""),
            Some(separator @ (b'-' | b'/')) => {
                self.at = start;
                let parts = self.parts(separator);
                self.date_of(&parts)
            }
            Some(b'.') => {
                self.at = start;
                let parts = self.parts(b'.');
                match parts[..] {
                    [year, day] if year.len() >= 4 && day.len() == 3 && !self.time_follows && self.date.is_none() => {
                        self.day_of_year(value(year)?, value(day)?)
                    }
                    [digits, fraction] => self.plain_number(digits, fraction),
                    _ => self.date_of(&parts),
                }
            }
            _ => self.plain_number(digits, ""),
        }
    }

    /// Whether `HHMM` or `HHMMSS` can stand here.
    fn takes_plain_time(&self, digits: usize) -> bool {
        let expected = self.target.is_time() || self.time_follows || self.date.is_some();
        expected && self.parsed.micros.is_none() && matches!(digits, 4 | 6) && (self.time_follows || digits == 6)
    }

    fn plain_number(&mut self, digits: &str, fraction: &str) -> Result<(), Problem> {
        let two = |at: usize| digits[at..at + 2].parse::<u32>().map_err(|_| Problem::Syntax);
        match digits.len() {
            length @ (4 | 6) if self.takes_plain_time(length) => {
                let seconds = if length == 6 { two(4)? } else { 0 };
                let clock = format!("{:02}:{:02}:{seconds:02}.{fraction}", two(0)?, two(2)?);
                self.time_follows = false;
                self.set_time(parse_clock(clock.trim_end_matches('.'))?)
            }
            _ if !fraction.is_empty() => Err(Problem::Syntax),
            8 if self.date.is_none() => self.set_date((value(&digits[..4])?, 4), two(4)?, two(6)?),
            6 if self.date.is_none() => self.set_date((value(&digits[..2])?, 2), two(2)?, two(4)?),
            length if self.date.is_none() && !self.target.is_time() => {
                self.numbers.push((value(digits)?, length));
                Ok(())
            }
            _ => Err(Problem::Syntax),
        }
    }

    /// A date of parts between separators, of which one may be a month's name.
    fn date_of(&mut self, parts: &[&str]) -> Result<(), Problem> {
        let &[a, b, c] = parts else { return Err(Problem::Syntax) };
        let months: Vec<Option<u32>> = [a, b, c].iter().map(|part| month(part)).collect();
        let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            true => Ok((value(part)?, part.len())),
            false => Err(Problem::Syntax),
        };
        let (year, month, day) = match months[..] {
            [Some(month), ..] => self.around_month(month, number(b)?, number(c)?),
            [_, Some(month), _] => self.around_month(month, number(a)?, number(c)?),
            [.., Some(month)] => self.around_month(month, number(a)?, number(b)?),
            _ => {
                let [year, month, day] = ordered([number(a)?, number(b)?, number(c)?], self.order);
                (year, small(month.0)?, small(day.0)?)
            }
        };
        self.set_date(year, month, day)
    }

    fn around_month(&self, month: u32, a: (i64, usize), b: (i64, usize)) -> ((i64, usize), u32, u32) {
        let year_first = a.1 > 2 || (self.order == DateOrder::Ymd && b.1 <= 2);
        let (year, day) = if year_first { (a, b) } else { (b, a) };
        (year, month, day.0.clamp(0, 99) as u32)
    }

    fn day_of_year(&mut self, year: i64, day: i64) -> Result<(), Problem> {
        let first = checked_days(year, 1, 1).ok_or(Problem::Field)?;
        if !(1..=366).contains(&day) {
            return Err(Problem::Field);
        }
        self.parsed.days = Some(first + day - 1);
        Ok(())
    }

    fn set_date(&mut self, year: (i64, usize), month: u32, day: u32) -> Result<(), Problem> {
        match self.date.replace((year.0, year.1, month, day)) {
            Some(_) => Err(Problem::Syntax),
            None => Ok(()),
        }
    }

    fn set_time(&mut self, micros: i64) -> Result<(), Problem> {
        match self.parsed.micros.replace(micros) {
            Some(_) => Err(Problem::Syntax),
            None => Ok(()),
        }
    }

    fn sign(&mut self) -> Result<(), Problem> {
        let negative = self.text[self.at] == b'-';
        self.at += 1;
        if self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            let word = self.run(|byte| byte.is_ascii_alphabetic());
            return match word.eq_ignore_ascii_case("infinity") {
                true => self.set_special(if negative { Special::Past } else { Special::Future }),
                false => Err(Problem::Syntax),
            };
        }
        if self.parsed.micros.is_none() && self.date.is_none() {
            return Err(Problem::Syntax);
        }
        let size = offset(self.run(|byte| byte.is_ascii_digit() || byte == b':'))?;
        self.set_shift(Shift::Offset(if negative { -size } else { size }))
    }

    fn set_shift(&mut self, shift: Shift) -> Result<(), Problem> {
        match self.parsed.shift.replace(shift) {
            Some(_) => Err(Problem::Syntax),
            None => Ok(()),
        }
    }

    fn set_special(&mut self, special: Special) -> Result<(), Problem> {
        match self.parsed.special.replace(special) {
            Some(_) => Err(Problem::Syntax),
            None => Ok(()),
        }
    }

    fn word(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let word = self.run(|byte| byte.is_ascii_alphabetic()).to_ascii_lowercase();
        let next = self.peek();
        let digit_next = next.is_some_and(|byte| byte.is_ascii_digit());
        match (word.as_str(), next) {
            ("t", _) if digit_next => self.time_follows = true,
            ("j" | "jd" | "julian", _) if digit_next => {
                let digits = self.run(|byte| byte.is_ascii_digit());
                self.parsed.days = Some(value(digits)? - 2_440_588);
            }
            (_, Some(separator @ (b'-' | b'/'))) if month(&word).is_some() => {
                self.at = start;
                let parts = self.parts(separator);
                return self.date_of(&parts);
            }
            (_, Some(b'/' | b'_')) => {
                self.at = start;
                let name = self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+'));
                let zone = Zone::named(name).map_err(|_| Problem::Zone(name.to_ascii_lowercase()))?;
                return self.set_shift(Shift::Named(Box::new(zone)));
            }
            _ => return self.plain_word(&word),
        }
        Ok(())
    }

    fn plain_word(&mut self, word: &str) -> Result<(), Problem> {
        if let Some((_, hours)) = ABBREVIATIONS.iter().find(|(name, _)| *name == word) {
            return self.set_shift(Shift::Offset((hours * 3600.0) as i32));
        }
        if let Some(month) = month(word) {
            return match self.month.replace(month) {
                Some(_) => Err(Problem::Syntax),
                None => Ok(()),
            };
        }
        match word {
            "bc" => self.before_christ = true,
            "ad" => {}
            "am" => self.afternoon = Some(false),
            "pm" => self.afternoon = Some(true),
            "infinity" => return self.set_special(Special::Future),
            "epoch" => return self.set_special(Special::Epoch),
            "now" => return self.set_special(Special::Now),
            "today" => return self.set_special(Special::Today(0)),
            "tomorrow" => return self.set_special(Special::Today(1)),
            "yesterday" => return self.set_special(Special::Today(-1)),
            "allballs" => {
                self.set_time(0)?;
                return self.set_shift(Shift::Offset(0));
            }
            _ if word.len() >= 3 && WEEKDAYS.iter().any(|day| day.starts_with(word)) => {}
            _ => return Err(Problem::Syntax),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, Problem> {
        let has_date =
            self.date.is_some() || self.parsed.days.is_some() || !self.numbers.is_empty() || self.month.is_some();
        if self.parsed.special.is_some() {
            return if has_date || self.parsed.micros.is_some() { Err(Problem::Syntax) } else { Ok(self.parsed) };
        }
        match (self.month, self.numbers.as_slice()) {
            (None, []) => {}
            (Some(month), &[a, b]) => {
                let (year, month, day) = self.around_month(month, a, b);
                self.set_date(year, month, day)?;
            }
            (None, &[a, b, c]) => {
                let [year, month, day] = ordered([a, b, c], self.order);
                self.set_date(year, small(month.0)?, small(day.0)?)?;
            }
            _ => return Err(Problem::Syntax),
        }
        if let Some((year, digits, month, day)) = self.date {
            let year = match (self.before_christ, digits) {
                (_, _) if year == 0 && digits > 2 => return Err(Problem::Field),
                (true, _) => 1 - year,
                (false, 1..=2) => year + if year < 70 { 2000 } else { 1900 },
                (false, _) => year,
            };
            // Year 0 is 1 BC here, and exists.
            let days = match year {
                0 => checked_days(400, month, day).map(|days| days - 146_097),
                _ => checked_days(year, month, day),
            };
            self.parsed.days = Some(days.ok_or(Problem::Field)?);
        } else if self.before_christ {
            return Err(Problem::Syntax);
        }
        self.turn_clock()?;
        Ok(self.parsed)
    }

    /// Applies AM and PM, and carries 24:00 into the next day.
    fn turn_clock(&mut self) -> Result<(), Problem> {
        const HALF: i64 = MICROS_PER_DAY / 2;
        const HOUR: i64 = MICROS_PER_DAY / 24;
        if let (Some(afternoon), Some(micros)) = (self.afternoon, self.parsed.micros) {
            if micros >= HALF + HOUR {
                return Err(Problem::Field);
            }
            self.parsed.micros = Some(micros % HALF + if afternoon { HALF } else { 0 });
        }
        if !self.target.is_time() && self.parsed.micros == Some(MICROS_PER_DAY) && self.target != Target::Date {
            self.parsed.micros = Some(0);
            self.parsed.days = self.parsed.days.map(|days| days + 1);
        }
        Ok(())
    }
}

fn small(value: i64) -> Result<u32, Problem> {
    u32::try_from(value).map_err(|_| Problem::Field)
}

/// The month of a name, in full or its first three letters.
fn month(word: &str) -> Option<u32> {
    let word = word.to_ascii_lowercase();
    let found = MONTHS
        .iter()
        .position(|month| *month == word || month[..3] == word || (word == "sept" && *month == "september"));
    found.map(|position| position as u32 + 1)
}

/// Microseconds of `H:MM[:SS[.f]]`. A leap second and 24:00 exactly are the start of the next day.
fn parse_clock(text: &str) -> Result<i64, Problem> {
    let mut parts = text.split(':');
    let whole = |text: Option<&str>| match text {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => value(text),
        _ => Err(Problem::Syntax),
    };
    let (hours, minutes) = (whole(parts.next())?, whole(parts.next())?);
    let (seconds, fraction) = match parts.next() {
        None => (0, 0.0),
        Some(seconds) => {
            let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let fraction = if fraction.is_empty() { "0" } else { fraction };
            (whole(Some(seconds))?, format!("0.{fraction}").parse::<f64>().map_err(|_| Problem::Syntax)?)
        }
    };
    if parts.next().is_some() {
        return Err(Problem::Syntax);
    }
    let fraction = (fraction * 1e6).round_ties_even() as i64;
    if hours > 24 || minutes > 59 || seconds > 60 {
        return Err(Problem::Field);
    }
    let micros = ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + fraction;
    if micros > MICROS_PER_DAY { Err(Problem::Field) } else { Ok(micros) }
}

/// Seconds of `HH`, `HHMM`, `HH:MM` or `HH:MM:SS`.
fn offset(text: &str) -> Result<i32, Problem> {
    let parts: Vec<&str> = match text.contains(':') {
        true => text.split(':').collect(),
        false if text.len() == 6 => vec![&text[..2], &text[2..4], &text[4..]],
        false if text.len() > 2 => vec![&text[..text.len() - 2], &text[text.len() - 2..]],
        false => vec![text],
    };
    let mut seconds = [0_i32; 3];
    if parts.len() > 3 {
        return Err(Problem::Syntax);
    }
    for (slot, part) in seconds.iter_mut().zip(parts) {
        *slot = part.parse().map_err(|_| Problem::Syntax)?;
    }
    let [hours, minutes, seconds] = seconds;
    if hours > 15 || minutes > 59 || seconds > 59 {
        return Err(Problem::Displacement);
    }
    Ok(hours * 3600 + minutes * 60 + seconds)
}
