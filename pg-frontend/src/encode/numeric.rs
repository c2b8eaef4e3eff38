//! `numeric` in binary: digits to the base of 10000, a weight, a sign and the scale to show.

use super::number::POWERS;
use bytes::BytesMut;

/// Digits to the base of 10000 in 39 decimal digits and a scale that is no multiple of 4.
const MAX_GROUPS: usize = 12;
const NEGATIVE: u16 = 0x4000;

/// Appends `value / 10^scale`.
#[inline]
pub(crate) fn put_numeric(out: &mut BytesMut, value: i128, scale: usize) {
    put_magnitude(out, value.unsigned_abs(), value < 0, scale);
}

/// Appends `value / 10^scale` with a sign of its own, for integers beyond 127 bits.
pub(crate) fn put_magnitude(out: &mut BytesMut, value: u128, negative: bool, scale: usize) {
    // Groups from the last one backwards.
    let mut groups = [0_u16; MAX_GROUPS];
    let count = match u64::try_from(value) {
        Ok(small) => split_small(small, scale, &mut groups),
        Err(_) => split_large(value, scale, &mut groups),
    };
    put_groups(out, &groups[..count], negative, scale);
}

/// Appends groups, the last one first, of which `scale` decimal digits stand behind the point.
pub(crate) fn put_groups(out: &mut BytesMut, groups: &[u16], negative: bool, scale: usize) {
    let behind_point = scale.div_ceil(4) as i16;
    let leading = groups.iter().rposition(|group| *group != 0).map_or(0, |last| last + 1);
    let trailing = groups.iter().position(|group| *group != 0).unwrap_or(0);
    let used = &groups[trailing.min(leading)..leading];
    let weight = if used.is_empty() { 0 } else { leading as i16 - behind_point - 1 };
    let sign = if negative && !used.is_empty() { NEGATIVE } else { 0 };
    let mut header = [0; 8];
    header[..2].copy_from_slice(&(used.len() as u16).to_be_bytes());
    header[2..4].copy_from_slice(&weight.to_be_bytes());
    header[4..6].copy_from_slice(&sign.to_be_bytes());
    header[6..].copy_from_slice(&(scale as u16).to_be_bytes());
    out.extend_from_slice(&header);
    for group in used.iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

fn split_small(mut value: u64, scale: usize, groups: &mut [u16; MAX_GROUPS]) -> usize {
    let mut count = 0;
    let odd = scale % 4;
    if odd != 0 {
        groups[0] = (value % POWERS[odd] * POWERS[4 - odd]) as u16;
        value /= POWERS[odd];
        count = 1;
    }
    while value > 0 && count < MAX_GROUPS {
        groups[count] = (value % 10_000) as u16;
        value /= 10_000;
        count += 1;
    }
    count
}

fn split_large(mut value: u128, scale: usize, groups: &mut [u16; MAX_GROUPS]) -> usize {
    let mut count = 0;
    let odd = scale % 4;
    if odd != 0 {
        let power = u128::from(POWERS[odd]);
        groups[0] = (value % power) as u16 * POWERS[4 - odd] as u16;
        value /= power;
        count = 1;
    }
    while value > 0 && count < MAX_GROUPS {
        groups[count] = (value % 10_000) as u16;
        value /= 10_000;
        count += 1;
    }
    count
}

/// The groups (last first) and the sign of a DuckDB `BIGNUM`: three bytes of sign and length, then the bytes of the
/// magnitude, the most significant first; a negative one has all its bits turned.
pub(crate) fn bignum_groups(bytes: &[u8]) -> (Vec<u16>, bool) {
    let negative = bytes.first().is_some_and(|first| first & 0x80 == 0);
    let turn = if negative { 0xff } else { 0 };
    let mut magnitude: Vec<u8> = bytes.iter().skip(3).map(|byte| byte ^ turn).collect();
    let mut groups = Vec::with_capacity(magnitude.len());
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u32;
        for byte in &mut magnitude {
            let value = (rest << 8) | u32::from(*byte);
            *byte = (value / 10_000) as u8;
            rest = value % 10_000;
        }
        groups.push(rest as u16);
    }
    (groups, negative)
}
