//! Floats as PostgreSQL prints them.
//!
//! The shortest digits that lie *strictly* between a value's neighbours (so 1e23 is 9.999999999999999e+22, where most
//! printers say 1e23), and an exponent only from 1e15 (1e6 for `real`) upwards and below 1e-4. `ryu` finds the digits; the
//! borders it allows itself are found afterwards. With `extra_float_digits` of 0 or less the form is C's `%.15g`.

use super::number::{POWERS, digits, put_u64};
use bytes::BytesMut;
use std::fmt::Write;

/// Appends a `double precision`.
pub(crate) fn put_f64(out: &mut BytesMut, value: f64, extra_float_digits: i32) {
    if put_special(out, value) {
        return;
    }
    if extra_float_digits <= 0 {
        return put_rounded(out, value, (15 + extra_float_digits).max(1) as usize);
    }
    let size = value.abs();
    let mut found = Digits::parse(ryu::Buffer::new().format_finite(size));
    if found.is_border(53, value.to_bits().trailing_zeros() >= 52) {
        found = found.inside(|precision| format!("{size:.precision$e}"), |text| text.parse() == Ok(size));
    }
    found.put(out, value.is_sign_negative(), 15);
}

/// Appends a `real`.
pub(crate) fn put_f32(out: &mut BytesMut, value: f32, extra_float_digits: i32) {
    if put_special(out, f64::from(value)) {
        return;
    }
    if extra_float_digits <= 0 {
        return put_rounded(out, f64::from(value), (6 + extra_float_digits).max(1) as usize);
    }
    let size = value.abs();
    let mut found = Digits::parse(ryu::Buffer::new().format_finite(size));
    if found.is_border(24, value.to_bits().trailing_zeros() >= 23) {
        found = found.inside(|precision| format!("{size:.precision$e}"), |text| text.parse() == Ok(size));
    }
    found.put(out, value.is_sign_negative(), 6);
}

fn put_special(out: &mut BytesMut, value: f64) -> bool {
    let text: &[u8] = match value {
        _ if value.is_nan() => b"NaN",
        f64::INFINITY => b"Infinity",
        f64::NEG_INFINITY => b"-Infinity",
        0.0 if value.is_sign_negative() => b"-0",
        0.0 => b"0",
        _ => return false,
    };
    out.extend_from_slice(text);
    true
}

/// `%.{precision}g` of C.
fn put_rounded(out: &mut BytesMut, value: f64, precision: usize) {
    let mut printed = Printed { bytes: [0; 40], len: 0 };
    // 17 digits and an exponent always fit.
    let _ = write!(printed, "{:.*e}", precision - 1, value.abs());
    Digits::parse(printed.as_str()).put(out, value.is_sign_negative(), precision as i32);
}

/// A short text without an allocation.
struct Printed {
    bytes: [u8; 40],
    len: usize,
}

impl Printed {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or("0")
    }
}

impl Write for Printed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let slot = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(std::fmt::Error)?;
        slot.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

/// `value` × 10^`exponent`, without trailing zeros.
#[derive(Clone, Copy)]
struct Digits {
    value: u64,
    exponent: i32,
}

impl Digits {
    /// Reads what a float printer wrote, at most 19 digits, with or without a dot and an exponent.
    fn parse(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (mut value, mut exponent): (u64, i32) = (0, exponent.parse().unwrap_or(0));
        let mut behind_dot = 0;
        for byte in mantissa.bytes() {
            if byte == b'.' {
                behind_dot = 1;
            } else {
                value = value.wrapping_mul(10).wrapping_add(u64::from(byte & 15));
                exponent -= behind_dot;
            }
        }
        while value != 0 && value % 10 == 0 {
            value /= 10;
            exponent += 1;
        }
        Self { value, exponent }
    }

    /// Whether the digits lie exactly in the middle between two floats of `precision` bits. Only large numbers can: below,
    /// the middle has more digits than either neighbour. The distance downwards is halved at a power of two.
    fn is_border(self, precision: u32, power_of_two: bool) -> bool {
        if !(1..=23).contains(&self.exponent) {
            return false;
        }
        let odd = u128::from(self.value >> self.value.trailing_zeros()) * 5_u128.pow(self.exponent as u32);
        let bits = 128 - odd.leading_zeros();
        bits == precision + 1 || (power_of_two && bits == precision + 2)
    }

    /// The shortest digits off the border. Rare enough (one value in millions) to be slow.
    fn inside(self, print: impl Fn(usize) -> String, is_same: impl Fn(&str) -> bool) -> Self {
        (digits(self.value) - 1..17)
            .map(print)
            .find(|text| is_same(text) && Self::parse(text).value != self.value)
            .map_or(self, |text| Self::parse(&text))
    }

    /// Appends the digits, with an exponent from 10^`limit` upwards.
    fn put(self, out: &mut BytesMut, negative: bool, limit: i32) {
        if negative {
            out.extend_from_slice(b"-");
        }
        let count = digits(self.value) as i32;
        let power = self.exponent + count - 1;
        let start = out.len();
        if power < -4 || power >= limit {
            put_u64(out, self.value);
            if count > 1 {
                insert(out, start + 1, b".");
            }
            out.extend_from_slice(if power < 0 { b"e-" } else { b"e+" });
            super::number::put_padded(out, u64::from(power.unsigned_abs()), 2);
        } else if self.exponent >= 0 {
            put_u64(out, self.value * POWERS[self.exponent as usize]);
        } else if power >= 0 {
            put_u64(out, self.value);
            insert(out, start + power as usize + 1, b".");
        } else {
            out.extend_from_slice(&b"0.000"[..(1 - power) as usize]);
            put_u64(out, self.value);
        }
    }
}

/// Puts bytes between those that are there.
fn insert(out: &mut BytesMut, at: usize, bytes: &[u8; 1]) {
    let end = out.len();
    out.extend_from_slice(bytes);
    out.copy_within(at..end, at + 1);
    out[at..=at].copy_from_slice(bytes);
}
