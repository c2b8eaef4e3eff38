//! Scalars in text: booleans, integers, floats, bytes, bits and UUIDs.

use super::DecodeError;
use crate::encode::Scalar;

/// What C's `isspace` takes for white space.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_ascii() && is_space(letter as u8))
}

/// Text that PostgreSQL would store: UTF-8 without NUL.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    let bad = match std::str::from_utf8(bytes) {
        Ok(text) => match bytes.contains(&0) {
            false => return Ok(text),
            true => bytes.iter().position(|byte| *byte == 0).unwrap_or(0),
        },
        Err(error) => match bytes[..error.valid_up_to()].iter().position(|byte| *byte == 0) {
            Some(nul) => nul,
            None => error.valid_up_to(),
        },
    };
    let length = match bytes[bad] {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => 1,
    };
    let shown: Vec<String> = bytes[bad..].iter().take(length).map(|byte| format!("0x{byte:02x}")).collect();
    Err(DecodeError::Encoding(shown.join(" ")))
}

pub(crate) fn boolean(text: &str) -> Result<bool, DecodeError> {
    let word = trim(text).to_ascii_lowercase();
    let begins = |whole: &str, least: usize| word.len() >= least && whole.starts_with(&word);
    match word.as_str() {
        "1" => Ok(true),
        "0" => Ok(false),
        _ if begins("true", 1) || begins("yes", 1) || word == "on" => Ok(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) => Ok(false),
        _ => Err(DecodeError::Syntax("boolean", text.into())),
    }
}

/// An integer between bounds, of the type in question.
pub(crate) fn integer(text: &str, scalar: Scalar, least: i64, most: i64) -> Result<i64, DecodeError> {
    let digits = trim(text);
    let (negative, digits) = match digits.as_bytes() {
        [b'-', ..] => (true, &digits[1..]),
        [b'+', ..] => (false, &digits[1..]),
        _ => (false, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecodeError::Syntax(scalar.name(), text.into()));
    }
    let size = digits
        .bytes()
        .try_fold(0_i128, |value, byte| (value < i128::from(u64::MAX)).then_some(value * 10 + i128::from(byte - b'0')));
    size.map(|size| if negative { -size } else { size })
        .and_then(|value| i64::try_from(value).ok())
        .filter(|value| (least..=most).contains(value))
        .ok_or_else(|| DecodeError::IntegerRange(scalar.name(), text.into()))
}

/// A float; the caller narrows it. Rust reads the same decimal forms as C, and the words once they are lowered.
pub(crate) fn float<F>(
    text: &str,
    scalar: Scalar,
    is_finite: fn(F) -> bool,
    is_zero: fn(F) -> bool,
) -> Result<F, DecodeError>
where
    F: std::str::FromStr + Copy,
{
    let trimmed = trim(text);
    let syntax = || DecodeError::Syntax(scalar.name(), text.into());
    let word = trimmed.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let is_word = matches!(word.as_str(), "nan" | "infinity" | "inf");
    if !is_word && word.bytes().any(|byte| byte.is_ascii_alphabetic() && byte != b'e') {
        return Err(syntax());
    }
    let value: F = trimmed.parse().map_err(|_| syntax())?;
    let has_digit =
        word.split('e').next().is_some_and(|mantissa| mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')));
    if !is_word && (!is_finite(value) || (is_zero(value) && has_digit)) {
        return Err(DecodeError::FloatRange(scalar.name(), trimmed.into()));
    }
    Ok(value)
}

const fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Bytes in hexadecimal (`\xdead`) or escape form.
pub(crate) fn bytea(text: &str) -> Result<Vec<u8>, DecodeError> {
    match text.strip_prefix("\\x") {
        Some(digits) => hex(digits),
        None => escaped(text.as_bytes()).ok_or(DecodeError::SyntaxOnly("bytea")),
    }
}

fn hex(digits: &str) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut letters = digits.chars();
    while let Some(high) = letters.next() {
        if high.is_ascii() && is_space(high as u8) {
            continue;
        }
        let digit = |letter: char| u8::try_from(letter).ok().and_then(nibble).ok_or(DecodeError::HexDigit(letter));
        let high = digit(high)?;
        let low = digit(letters.next().ok_or(DecodeError::OddHex)?)?;
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

fn escaped(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    loop {
        match text {
            [] => return Some(bytes),
            [b'\\', b'\\', rest @ ..] => {
                bytes.push(b'\\');
                text = rest;
            }
            [b'\\', high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', rest @ ..] => {
                bytes.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
                text = rest;
            }
            [b'\\', ..] => return None,
            [byte, rest @ ..] => {
                bytes.push(*byte);
                text = rest;
            }
        }
    }
}

pub(crate) fn uuid(text: &str) -> Result<[u8; 16], DecodeError> {
    read_uuid(text.as_bytes()).ok_or_else(|| DecodeError::Syntax("uuid", text.into()))
}

/// Digits, a hyphen allowed behind every two bytes, braces around.
fn read_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut text = match text {
        [b'{', inner @ .., b'}'] => inner,
        [b'{', ..] => return None,
        _ => text,
    };
    let mut bytes = [0; 16];
    for (position, byte) in bytes.iter_mut().enumerate() {
        let [high, low, rest @ ..] = text else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
        text = match rest {
            [b'-', rest @ ..] if position % 2 == 1 && position < 15 => rest,
            _ => rest,
        };
    }
    text.is_empty().then_some(bytes)
}

/// Bits in DuckDB's form: the number of padding bits, then the bits behind that many ones.
pub(crate) fn bits(text: &str) -> Result<Vec<u8>, DecodeError> {
    let (hexadecimal, digits) = match text.as_bytes().first() {
        Some(b'b' | b'B') => (false, &text[1..]),
        Some(b'x' | b'X') => (true, &text[1..]),
        _ => (false, text),
    };
    let mut bits = Vec::with_capacity(digits.len() * 4);
    for letter in digits.chars() {
        let digit = u8::try_from(letter).ok().and_then(nibble);
        match digit {
            Some(digit) if hexadecimal => bits.extend((0..4).rev().map(|bit| digit >> bit & 1 == 1)),
            Some(digit @ 0..=1) => bits.push(digit == 1),
            _ => return Err(DecodeError::BitDigit(letter, if hexadecimal { "hexadecimal" } else { "binary" })),
        }
    }
    Ok(pack_bits(bits.len(), bits.into_iter()))
}

/// DuckDB's form of some bits.
pub(crate) fn pack_bits(length: usize, bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let padding = (8 - length % 8) % 8;
    let mut bytes = vec![0; 1 + (length + padding) / 8];
    bytes[0] = padding as u8;
    let padded = std::iter::repeat_n(true, padding).chain(bits);
    for (position, bit) in padded.take(length + padding).enumerate() {
        bytes[1 + position / 8] |= u8::from(bit) << (7 - position % 8);
    }
    bytes
}
