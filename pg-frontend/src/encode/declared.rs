//! Columns that are told as another type than DuckDB's own.
//!
//! The text of a statement may fix PostgreSQL's type of a column (`translate/results.rs`): `length(x)` is an int4 though DuckDB
//! says BIGINT. The type is written into the metadata of the schema's field, where everything that asks for a field's type
//! finds it, and values are converted while they are written. Only conversions that lose nothing are declared; a type that
//! DuckDB's values could not be written as is not told.

use super::ValueError;
use super::column::{Column, Values};
use super::jsonb;
use super::pg_type::{PgType, Scalar, UNCONSTRAINED_SCALE};
use super::settings::Settings;
use super::{numeric, text};
use crate::decode::numeric as decimal;
use crate::translate::{Known, Results};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::{BufMut, BytesMut};
use std::sync::Arc;

const KEY: &str = "tavana.type";
/// The least scale in which macros compute quotients.
const QUOTIENT_SCALE: i8 = 16;
/// A modifier that only this file knows; clients are told that there is none.
const QUOTIENT: i32 = -2;

/// The schema with the types that the text of its statement tells.
pub fn declare(schema: &SchemaRef, results: &Results) -> SchemaRef {
    if results.is_empty() {
        return Arc::clone(schema);
    }
    let count = schema.fields().len();
    let found = schema.fields().iter().enumerate().map(|(index, field)| declared_type(field, results.of(index, count)));
    let found: Vec<Option<PgType>> = found.collect();
    if found.iter().all(Option::is_none) {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().zip(found).map(|(field, found)| match found {
        Some(declared) => Arc::new(mark(field, declared)),
        None => Arc::clone(field),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

fn mark(field: &Field, declared: PgType) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(KEY.to_owned(), format!("{} {} {}", declared.scalar.oid(), declared.dimensions, declared.typmod));
    field.clone().with_metadata(metadata)
}

/// The type that was declared for a field.
pub(super) fn of(field: &Field) -> Option<PgType> {
    let mut parts = field.metadata().get(KEY)?.split(' ');
    let oid = parts.next()?.parse().ok()?;
    let dimensions = parts.next()?.parse().ok()?;
    let typmod = parts.next()?.parse().ok()?;
    Some(PgType { dimensions, typmod: i32::max(typmod, -1), ..PgType::from_oid(oid, -1)? })
}

/// Whether a field holds quotients.
pub(super) fn is_quotient(field: &Field) -> bool {
    field.metadata().get(KEY).is_some_and(|declared| declared.ends_with(" -2"))
}

/// A quotient with as many digits behind the point as PostgreSQL gives it: sixteen significant ones at least, by groups of four.
pub(super) fn quotient(value: i128, scale: usize) -> (i128, usize) {
    let one = 10_i128.pow(scale as u32);
    let (mut size, mut shown) = (value.abs(), 16_usize);
    if size <= one {
        shown = 20;
    }
    while size >= one.saturating_mul(10_000) {
        (size, shown) = (size / 10_000, shown.saturating_sub(4));
    }
    let shown = shown.min(scale);
    let cut = 10_i128.pow((scale - shown) as u32);
    let rounded = (value.abs() + cut / 2) / cut;
    (if value < 0 { -rounded } else { rounded }, shown)
}

/// The type to tell, where it is not DuckDB's own.
fn declared_type(field: &Field, known: Known) -> Option<PgType> {
    let native = PgType::native(field);
    let wanted = match known {
        Known::Column => return None,
        Known::Expression => PgType { typmod: -1, ..native },
        Known::Quotient if matches!(field.data_type(), DataType::Decimal128(38, QUOTIENT_SCALE..)) => {
            return Some(PgType { typmod: QUOTIENT, ..native });
        }
        Known::Quotient => PgType { typmod: -1, ..native },
        Known::Type(wanted) => wanted,
    };
    let fits = match (native.dimensions, wanted.dimensions) {
        (0, 0) => field.data_type() == &DataType::Null || can_be(native.scalar, wanted.scalar),
        // Elements are not converted one by one, except that texts are texts.
        (1, 1) => native.scalar == wanted.scalar || is_text(native.scalar) && is_text(wanted.scalar),
        _ => false,
    };
    let wanted =
        if fits { PgType { dimensions: native.dimensions, ..wanted } } else { PgType { typmod: -1, ..native } };
    (wanted != native).then_some(wanted)
}

const fn is_text(scalar: Scalar) -> bool {
    matches!(scalar, Scalar::Text | Scalar::Varchar | Scalar::Bpchar | Scalar::Name)
}

/// Whether every value of the one type can be written as the other.
fn can_be(native: Scalar, wanted: Scalar) -> bool {
    use Scalar::{Bit, Float4, Float8, Int2, Int4, Int8, Json, Jsonb, Numeric, Oid, Text, Varbit};
    match (native, wanted) {
        _ if native == wanted => true,
        (Int2 | Int4 | Int8 | Numeric, Int2 | Int4 | Int8 | Oid | Float8 | Numeric) => true,
        (Float4 | Float8, Float8 | Numeric) | (Json, Jsonb) | (Varbit, Bit) => true,
        // What DuckDB makes of a bare NULL.
        (Int4, Text) => true,
        _ => is_text(native) && is_text(wanted),
    }
}

/// The type that values must be converted to, where they are not written as they are.
pub(super) fn conversion(field: &Field) -> Option<Scalar> {
    let declared = of(field).filter(|declared| declared.dimensions == 0)?;
    let native = PgType::native(field).scalar;
    let same = is_text(native) && is_text(declared.scalar) || matches!(declared.scalar, Scalar::Bit);
    (native != declared.scalar && !same).then_some(declared.scalar)
}

/// Appends the text of a value as another type.
pub(super) fn put_text(
    out: &mut BytesMut,
    column: &Column<'_>,
    to: Scalar,
    row: usize,
    settings: &Settings,
) -> Result<(), ValueError> {
    let start = out.len();
    text::put(out, column, row, settings)?;
    match to {
        Scalar::Jsonb => {
            if let Some(normal) = jsonb::normal(&out[start..]) {
                out.truncate(start);
                out.extend_from_slice(normal.as_bytes());
            }
        }
        Scalar::Numeric if matches!(column.values, Values::Float32(_) | Values::Float64(_)) => {
            if let Some(plain) = as_text(&out[start..]).and_then(|text| decimal::parse(text).ok()) {
                out.truncate(start);
                out.extend_from_slice(plain.text().as_bytes());
            }
        }
        _ => {}
    }
    Ok(())
}

/// Appends the binary form of a value as another type.
pub(super) fn put_binary(
    out: &mut BytesMut,
    column: &Column<'_>,
    to: Scalar,
    row: usize,
    settings: &Settings,
) -> Result<(), ValueError> {
    if let (Values::Int64(values), Scalar::Int4) = (&column.values, to) {
        out.put_i32(i32::try_from(values[row]).map_err(|_| ValueError::Number)?);
        return Ok(());
    }
    let mut written = BytesMut::new();
    put_text(&mut written, column, to, row, settings)?;
    let value = as_text(&written).ok_or(ValueError::Number)?;
    let whole = || value.parse::<i128>().map_err(|_| ValueError::Number);
    let range = |_| ValueError::Number;
    match to {
        Scalar::Int2 => out.put_i16(i16::try_from(whole()?).map_err(range)?),
        Scalar::Int4 => out.put_i32(i32::try_from(whole()?).map_err(range)?),
        Scalar::Int8 => out.put_i64(i64::try_from(whole()?).map_err(range)?),
        Scalar::Oid => out.put_u32(u32::try_from(whole()?).map_err(range)?),
        Scalar::Float8 => out.put_f64(value.parse().map_err(|_| ValueError::Number)?),
        Scalar::Numeric => put_numeric(out, value)?,
        Scalar::Jsonb => {
            out.put_u8(1);
            out.extend_from_slice(&written);
        }
        _ => out.extend_from_slice(&written),
    }
    Ok(())
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn put_numeric(out: &mut BytesMut, text: &str) -> Result<(), ValueError> {
    let special = match text {
        "NaN" => 0xc000,
        "Infinity" => 0xd000,
        "-Infinity" => 0xf000_u16,
        _ => {
            let number = decimal::parse(text).map_err(|_| ValueError::Number)?;
            let scale = number.shown_scale();
            numeric::put_numeric(out, number.scaled(scale).ok_or(ValueError::Number)?, scale);
            return Ok(());
        }
    };
    // Infinity is sent with a scale, whatever that means.
    let scale = if special == 0xc000 { 0 } else { 32 };
    for word in [0, 0, special, scale] {
        out.put_u16(word);
    }
    Ok(())
}

/// A decimal without the zeros at its end, where it stands for a `numeric` without precision.
#[inline]
pub(super) fn trimmed(value: i128, scale: usize) -> (i128, usize) {
    if scale < UNCONSTRAINED_SCALE as usize {
        return (value, scale);
    }
    let (mut value, mut scale) = (value, scale);
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    (value, scale)
}
