//! Decimals: text and binary `numeric` as integers with a scale.
//!
//! DuckDB's decimals have up to 38 digits. A value that has more behind the point than its column is rounded half away from
//! zero, as PostgreSQL does; one with too many before it overflows.

use super::DecodeError;
use super::scalar::trim;

const MAX_DIGITS: usize = 38;

/// A decimal of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) negative: bool,
    /// Decimal digits as values 0 to 9, the first one first, zeros in front allowed.
    digits: Vec<u8>,
    /// How many of the digits stand behind the point; below zero, how many zeros follow.
    scale: i32,
}

/// Reads text that is usually a short plain number.
pub(crate) fn short(text: &[u8]) -> Option<(i64, u32)> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let (mut value, mut point) = (0_i64, None);
    for (position, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && digits.len() > 1 => point = Some(position),
            _ => return None,
        }
    }
    let scale = point.map_or(0, |point| digits.len() - 1 - point);
    Some((if negative { -value } else { value }, scale as u32))
}

/// Reads any text that PostgreSQL takes for a `numeric`.
pub(crate) fn parse(text: &str) -> Result<Number, DecodeError> {
    let syntax = || DecodeError::Syntax("numeric", text.into());
    let trimmed = trim(text);
    let (negative, rest) = match trimmed.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if rest.eq_ignore_ascii_case(b"nan") {
        return Err(DecodeError::NumericSpecial("NaN"));
    }
    if rest.eq_ignore_ascii_case(b"infinity") || rest.eq_ignore_ascii_case(b"inf") {
        return Err(DecodeError::NumericSpecial("infinity"));
    }
    let exponent_at = rest.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        Some(at) => {
            let text = std::str::from_utf8(&rest[at + 1..]).map_err(|_| syntax())?;
            (&rest[..at], text.parse::<i32>().map_err(|_| syntax())?)
        }
        None => (rest, 0),
    };
    let (mut digits, mut scale, mut behind_point) = (Vec::with_capacity(mantissa.len()), 0, false);
    for byte in mantissa {
        match byte {
            b'0'..=b'9' => {
                digits.push(byte - b'0');
                scale += i32::from(behind_point);
            }
            b'.' if !behind_point => behind_point = true,
            _ => return Err(syntax()),
        }
    }
    if digits.is_empty() {
        return Err(syntax());
    }
    if exponent.unsigned_abs() > 100_000 {
        return Err(DecodeError::NumericOverflow);
    }
    Ok(Number { negative, digits, scale: scale - exponent })
}

/// Reads the binary form.
pub(crate) fn from_binary(bytes: &[u8]) -> Result<Number, DecodeError> {
    let word = |at: usize| bytes.get(2 * at..2 * at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (Some(count), Some(weight), Some(sign), Some(scale)) = (word(0), word(1), word(2), word(3)) else {
        return Err(DecodeError::Short);
    };
    if bytes.len() < 8 + 2 * usize::from(count) {
        return Err(DecodeError::Short);
    }
    if bytes.len() != 8 + 2 * usize::from(count) || scale > 0x3fff {
        return Err(DecodeError::Binary);
    }
    let negative = match sign {
        0 => false,
        0x4000 => true,
        0xc000 => return Err(DecodeError::NumericSpecial("NaN")),
        0xd000 | 0xf000 => return Err(DecodeError::NumericSpecial("infinity")),
        _ => return Err(DecodeError::Binary),
    };
    let mut digits = Vec::with_capacity(4 * usize::from(count) + 1);
    for group in (4..4 + usize::from(count)).filter_map(word) {
        if group > 9999 {
            return Err(DecodeError::Binary);
        }
        digits.extend([group / 1000, group / 100 % 10, group / 10 % 10, group % 10].map(|digit| digit as u8));
    }
    if digits.is_empty() {
        digits.push(0);
    }
    let behind_point = 4 * (i32::from(count) - 1 - i32::from(weight as i16));
    let mut number = Number { negative, digits, scale: if count == 0 { 0 } else { behind_point } };
    number.show(i32::from(scale));
    Ok(number)
}

impl Number {
    /// Digits behind the point that the value asks to be shown with.
    pub(crate) fn shown_scale(&self) -> usize {
        self.scale.max(0) as usize
    }

    /// Cuts or adds zeros behind the point.
    fn show(&mut self, scale: i32) {
        while self.scale > scale && self.digits.len() > 1 {
            self.digits.pop();
            self.scale -= 1;
        }
        while self.scale < scale && self.digits.len() < 40_000 {
            self.digits.push(0);
            self.scale += 1;
        }
    }

    /// The value times 10^`scale`, rounded; `None` if it has more than 38 digits.
    pub(crate) fn scaled(&self, scale: usize) -> Option<i128> {
        let kept = self.digits.len() as i64 + scale as i64 - i64::from(self.scale);
        let significant = self.digits.iter().position(|digit| *digit != 0).unwrap_or(self.digits.len());
        if significant == self.digits.len() || kept < 0 {
            return Some(0);
        }
        if kept - significant as i64 > MAX_DIGITS as i64 {
            return None;
        }
        let digit = |at: usize| i128::from(self.digits.get(at).copied().unwrap_or(0));
        let size = (significant..kept as usize).fold(0_i128, |value, at| value * 10 + digit(at));
        let size = size + i128::from(digit(kept as usize) >= 5);
        Some(if self.negative { -size } else { size }).filter(|value| fits(*value, MAX_DIGITS))
    }

    /// The plain text: no exponent, no zeros in front.
    pub(crate) fn text(&self) -> String {
        let mut number = self.clone();
        number.show(self.scale.max(0));
        let point = number.digits.len() as i64 - i64::from(number.scale);
        let first = number.digits.iter().position(|digit| *digit != 0).unwrap_or(number.digits.len()) as i64;
        let mut text = String::from(if self.negative { "-" } else { "" });
        for at in first.min(point - 1)..number.digits.len() as i64 {
            if at == point {
                text.push('.');
            }
            let digit = usize::try_from(at).ok().and_then(|at| number.digits.get(at)).copied().unwrap_or(0);
            text.push(char::from(b'0' + digit));
        }
        text
    }
}

/// Whether a value has at most this many digits.
pub(crate) fn fits(value: i128, digits: usize) -> bool {
    value.unsigned_abs() < 10_u128.pow(digits.min(MAX_DIGITS) as u32)
}

/// Brings a value to another scale, rounding half away from zero.
pub(crate) fn rescale(value: i128, from: u32, to: u32) -> Option<i128> {
    if from <= to {
        return value.checked_mul(10_i128.checked_pow(to - from)?);
    }
    let power = 10_i128.checked_pow(from - to)?;
    let rest = (value % power).abs() >= power - power / 2;
    Some(value / power + if rest { value.signum() } else { 0 })
}
