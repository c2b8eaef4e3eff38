//! Digits of integers and decimals.
//!
//! Numbers are half of most results, so digits are written two at a time from a table, in place, behind a first guess of
//! enough room that is cut afterwards: appending a constant number of bytes is a few moves, appending a variable number is
//! a call.

use bytes::BytesMut;

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut i = 0;
    while i < 100 {
        pairs[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    pairs
};

pub(crate) const POWERS: [u64; 20] = {
    let mut powers = [1_u64; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The two digits of a number below 100.
#[inline]
pub(crate) fn pair(value: u32) -> [u8; 2] {
    PAIRS[value as usize % 100]
}

/// Decimal digits of a number; one for zero.
#[inline]
pub(crate) fn digits(value: u64) -> usize {
    // 1233 / 4096 is log10(2), a little too large: the table corrects the guess.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    let guess = (bits * 1233) >> 12;
    guess + usize::from((value | 1) >= POWERS[guess.min(19)])
}

/// Fills a slot of `'0'`s from its end.
#[inline]
fn fill(slot: &mut [u8], mut value: u64) {
    let mut at = slot.len();
    while value >= 100 && at >= 2 {
        at -= 2;
        slot[at..at + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if value >= 10 && at >= 2 {
        slot[at - 2..at].copy_from_slice(&PAIRS[(value % 100) as usize]);
    } else if at >= 1 {
        slot[at - 1] = b'0' + (value % 10) as u8;
    }
}

/// Appends a number.
#[inline]
pub(crate) fn put_u64(out: &mut BytesMut, value: u64) {
    put_padded(out, value, 1);
}

/// Appends a number with at least `width` (up to 20) digits.
#[inline]
pub(crate) fn put_padded(out: &mut BytesMut, value: u64, width: usize) {
    let start = out.len();
    let end = start + digits(value).max(width.min(20));
    out.extend_from_slice(&[b'0'; 20]);
    fill(&mut out[start..end], value);
    out.truncate(end);
}

/// Appends a signed number.
#[inline]
pub(crate) fn put_i64(out: &mut BytesMut, value: i64) {
    if value < 0 {
        out.extend_from_slice(b"-");
    }
    put_u64(out, value.unsigned_abs());
}

/// Appends a number of up to 39 digits.
pub(crate) fn put_u128(out: &mut BytesMut, value: u128) {
    const LIMB: u128 = 1_000_000_000_000_000_000;
    match u64::try_from(value) {
        Ok(small) => put_u64(out, small),
        Err(_) => {
            put_u128(out, value / LIMB);
            put_padded(out, (value % LIMB) as u64, 18);
        }
    }
}

/// Appends `value / 10^scale` with all its digits.
#[inline]
pub(crate) fn put_decimal(out: &mut BytesMut, value: i128, scale: usize) {
    if value < 0 {
        out.extend_from_slice(b"-");
    }
    let magnitude = value.unsigned_abs();
    match u64::try_from(magnitude) {
        Ok(small) if scale < 20 => put_small_decimal(out, small, scale),
        _ => put_large_decimal(out, magnitude, scale),
    }
}

#[inline]
fn put_small_decimal(out: &mut BytesMut, value: u64, scale: usize) {
    if scale == 0 {
        return put_u64(out, value);
    }
    let (whole, fraction) = match scale {
        2 => (value / 100, value % 100),
        _ => (value / POWERS[scale], value % POWERS[scale]),
    };
    let start = out.len();
    let dot = start + digits(whole);
    let end = dot + 1 + scale;
    out.extend_from_slice(&[b'0'; 40]);
    fill(&mut out[start..dot], whole);
    out[dot] = b'.';
    if scale == 2 {
        out[dot + 1..end].copy_from_slice(&PAIRS[fraction as usize]);
    } else {
        fill(&mut out[dot + 1..end], fraction);
    }
    out.truncate(end);
}

fn put_large_decimal(out: &mut BytesMut, value: u128, scale: usize) {
    let start = out.len();
    put_u128(out, value);
    let missing = (scale + 1).saturating_sub(out.len() - start);
    if missing > 0 {
        let written = out.len() - start;
        out.resize(out.len() + missing, b'0');
        out.copy_within(start..start + written, start + missing);
        out[start..start + missing].fill(b'0');
    }
    if scale > 0 {
        let dot = out.len() - scale;
        out.extend_from_slice(b"0");
        let end = out.len();
        out.copy_within(dot..end - 1, dot + 1);
        out[dot] = b'.';
    }
}
