//! Values in binary, as PostgreSQL's receive functions read them.

use super::DecodeError;
use super::array::Elements;
use super::{column, scalar};
use crate::encode::Scalar;
use crate::encode::calendar::{MICROS_PER_DAY, POSTGRES_EPOCH_DAYS};
use crate::encode::text::timetz_bits;
use arrow::datatypes::IntervalMonthDayNano;
use std::cmp::Ordering;

/// Bytes of exactly one size.
pub(crate) fn exact<const N: usize>(bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| if bytes.len() < N { DecodeError::Short } else { DecodeError::Binary })
}

pub(crate) fn integer(bytes: &[u8]) -> Result<i64, DecodeError> {
    exact(bytes).map(i64::from_be_bytes)
}

/// The text of a `json`, or of a `jsonb` behind its version.
pub(crate) fn json(scalar: Scalar, bytes: &[u8]) -> Result<&str, DecodeError> {
    match (scalar, bytes) {
        (Scalar::Jsonb, [1, text @ ..]) => scalar::utf8(text),
        (Scalar::Jsonb, _) => Err(DecodeError::Binary),
        _ => scalar::utf8(bytes),
    }
}

/// Bits in DuckDB's form.
pub(crate) fn bits(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (length, bytes) = bytes.split_first_chunk().ok_or(DecodeError::Short)?;
    let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| DecodeError::Binary)?;
    match bytes.len().cmp(&length.div_ceil(8)) {
        Ordering::Less => return Err(DecodeError::Short),
        Ordering::Greater => return Err(DecodeError::Binary),
        Ordering::Equal => {}
    }
    Ok(scalar::pack_bits(length, (0..length).map(|bit| bytes[bit / 8] >> (7 - bit % 8) & 1 == 1)))
}

/// Days since 1970; the outermost values are DuckDB's infinities.
pub(crate) fn date(bytes: &[u8]) -> Result<i32, DecodeError> {
    match i32::from_be_bytes(exact(bytes)?) {
        i32::MAX => Ok(i32::MAX),
        i32::MIN => Ok(-i32::MAX),
        days => i32::try_from(i64::from(days) + POSTGRES_EPOCH_DAYS)
            .ok()
            .filter(|days| days.unsigned_abs() < i32::MAX as u32)
            .ok_or(DecodeError::Binary),
    }
}

/// Microseconds since 1970; the outermost values are DuckDB's infinities.
pub(crate) fn timestamp(bytes: &[u8]) -> Result<i64, DecodeError> {
    match integer(bytes)? {
        i64::MAX => Ok(i64::MAX),
        i64::MIN => Ok(-i64::MAX),
        micros => micros
            .checked_add(POSTGRES_EPOCH_DAYS * MICROS_PER_DAY)
            .filter(|micros| micros.unsigned_abs() < i64::MAX as u64)
            .ok_or(DecodeError::Binary),
    }
}

/// Microseconds of a day.
pub(crate) fn time(bytes: &[u8]) -> Result<i64, DecodeError> {
    let micros = integer(bytes)?;
    (0..=MICROS_PER_DAY).contains(&micros).then_some(micros).ok_or(DecodeError::Binary)
}

/// The bits of a DuckDB TIMETZ.
pub(crate) fn timetz(bytes: &[u8]) -> Result<u64, DecodeError> {
    let bytes: [u8; 12] = exact(bytes)?;
    let micros = time(&bytes[..8])?;
    let west = i32::from_be_bytes(exact(&bytes[8..])?);
    if west.unsigned_abs() >= 16 * 3600 {
        return Err(DecodeError::Binary);
    }
    Ok(timetz_bits(micros, -west))
}

pub(crate) fn interval(bytes: &[u8]) -> Result<IntervalMonthDayNano, DecodeError> {
    let bytes: [u8; 16] = exact(bytes)?;
    let micros = integer(&bytes[..8])?;
    let days = i32::from_be_bytes(exact(&bytes[8..12])?);
    let months = i32::from_be_bytes(exact(&bytes[12..])?);
    column::arrow_interval(months, days, micros).ok_or(DecodeError::IntervalRange(format!("{micros} microseconds")))
}

/// The elements of an array. Bounds are forgotten, and so is the element type: a client told the array's.
pub(crate) fn array(mut bytes: &[u8]) -> Result<Elements, DecodeError> {
    let mut word = || {
        let (word, rest) = bytes.split_first_chunk().ok_or(DecodeError::Short)?;
        bytes = rest;
        Ok::<_, DecodeError>(i32::from_be_bytes(*word))
    };
    let (count, _flags, _element) = (word()?, word()?, word()?);
    if !(0..=6).contains(&count) {
        return Err(DecodeError::Binary);
    }
    let mut elements = Elements { is_binary: true, ..Elements::default() };
    let mut total: usize = usize::from(count > 0);
    for _ in 0..count {
        let (length, _bound) = (word()?, word()?);
        let length = usize::try_from(length).map_err(|_| DecodeError::Binary)?;
        total = total.checked_mul(length).ok_or(DecodeError::Binary)?;
        elements.dimensions.push(length);
    }
    // Each element has at least its length.
    if total > bytes.len() / 4 {
        return Err(DecodeError::Short);
    }
    for _ in 0..total {
        let (length, rest) = bytes.split_first_chunk().ok_or(DecodeError::Short)?;
        bytes = rest;
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            elements.values.push(None);
            continue;
        }
        let length = usize::try_from(length).map_err(|_| DecodeError::Binary)?;
        let (value, rest) = bytes.split_at_checked(length).ok_or(DecodeError::Short)?;
        bytes = rest;
        elements.values.push(Some(value.to_vec()));
    }
    if total == 0 {
        elements.dimensions.clear();
    }
    bytes.is_empty().then_some(elements).ok_or(DecodeError::Binary)
}
