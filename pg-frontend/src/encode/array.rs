//! Arrays in text (`{1,NULL,"a b"}`) and binary.
//!
//! A list of DuckDB is an array of one dimension; a list of `ARRAY`s has more. DuckDB knows NULL for an inner array where
//! PostgreSQL knows only NULL elements: such an array is written as one of NULLs, which keeps the value rectangular.

use super::column::{Column, List, Values};
use super::pg_type::Scalar;
use super::settings::Settings;
use super::{ValueError, binary, text};
use bytes::{BufMut, BytesMut};

impl Scalar {
    /// Whether the text of a value never needs quotes or escapes, neither in an array nor in COPY.
    pub(crate) const fn is_plain(self) -> bool {
        matches!(
            self,
            Self::Bool
                | Self::Int2
                | Self::Int4
                | Self::Int8
                | Self::Float4
                | Self::Float8
                | Self::Numeric
                | Self::Oid
                | Self::Uuid
                | Self::Bit
                | Self::Varbit
        )
    }
}

/// Appends the text of an array.
pub(crate) fn put_text(out: &mut BytesMut, list: &List<'_>, row: usize, settings: &Settings) -> Result<(), ValueError> {
    if list.vector {
        for (position, item) in list.range(row).enumerate() {
            out.extend_from_slice(if position > 0 { b" " } else { b"" });
            text::put(out, &list.items, item, settings)?;
        }
        return Ok(());
    }
    out.extend_from_slice(b"{");
    if !list.is_empty(row) {
        put_items(out, list, list.range(row).map(Some), settings)?;
    }
    out.extend_from_slice(b"}");
    Ok(())
}

/// Appends items between commas; `None` is an item of an inner array that is NULL itself.
fn put_items(
    out: &mut BytesMut,
    list: &List<'_>,
    items: impl Iterator<Item = Option<usize>>,
    settings: &Settings,
) -> Result<(), ValueError> {
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.extend_from_slice(b",");
        }
        let value = item.filter(|item| !list.items.is_null(*item));
        match (&list.items.values, value) {
            (Values::List(inner), Some(item)) => put_text(out, inner, item, settings)?,
            (Values::List(inner), None) => {
                out.extend_from_slice(b"{");
                put_items(out, inner, std::iter::repeat_n(None, inner.range(0).len()), settings)?;
                out.extend_from_slice(b"}");
            }
            (_, Some(item)) => put_element(out, list, item, settings)?,
            (_, None) => out.extend_from_slice(b"NULL"),
        }
    }
    Ok(())
}

fn put_element(out: &mut BytesMut, list: &List<'_>, item: usize, settings: &Settings) -> Result<(), ValueError> {
    let start = out.len();
    text::put(out, &list.items, item, settings)?;
    if list.quoted && needs_quotes(&out[start..]) {
        text::escape(out, start, |byte| matches!(byte, b'"' | b'\\').then_some([b'\\', byte]));
        out.extend_from_slice(b"\"\"");
        let end = out.len();
        out.copy_within(start..end - 2, start + 1);
        out[start] = b'"';
    }
    Ok(())
}

fn needs_quotes(element: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | 9..=13);
    element.is_empty() || element.eq_ignore_ascii_case(b"NULL") || element.iter().any(special)
}

impl List<'_> {
    /// Whether a value has no element: PostgreSQL has no dimensions without length.
    fn is_empty(&self, row: usize) -> bool {
        self.range(row).is_empty() || self.has_empty_inside()
    }

    fn has_empty_inside(&self) -> bool {
        matches!(&self.items.values, Values::List(inner) if inner.bounds == Err(0) || inner.has_empty_inside())
    }
}

/// Appends the binary form of an array: its dimensions, then each element with its length.
pub(crate) fn put_binary(
    out: &mut BytesMut,
    list: &List<'_>,
    row: usize,
    settings: &Settings,
) -> Result<(), ValueError> {
    let start = out.len();
    out.put_i32(0);
    out.put_i32(0);
    out.put_u32(list.element_oid);
    if list.is_empty(row) {
        return Ok(());
    }
    let mut dimensions = 0;
    let (mut level, mut length) = (list, list.range(row).len());
    loop {
        dimensions += 1;
        out.put_i32(length as i32);
        out.put_i32(i32::from(!list.vector));
        let Values::List(inner) = &level.items.values else { break };
        (level, length) = (inner, inner.range(0).len());
    }
    let mut has_null = false;
    put_elements(out, list, list.range(row).map(Some), &mut has_null, settings)?;
    out[start..start + 4].copy_from_slice(&i32::to_be_bytes(dimensions));
    out[start + 7] = u8::from(has_null);
    Ok(())
}

fn put_elements(
    out: &mut BytesMut,
    list: &List<'_>,
    items: impl Iterator<Item = Option<usize>>,
    has_null: &mut bool,
    settings: &Settings,
) -> Result<(), ValueError> {
    for item in items {
        let value = item.filter(|item| !list.items.is_null(*item));
        match (&list.items.values, value) {
            (Values::List(inner), Some(item)) => {
                put_elements(out, inner, inner.range(item).map(Some), has_null, settings)?;
            }
            (Values::List(inner), None) => {
                put_elements(out, inner, std::iter::repeat_n(None, inner.range(0).len()), has_null, settings)?;
            }
            (_, Some(item)) => put_field(out, &list.items, item, settings)?,
            (_, None) => {
                *has_null = true;
                out.put_i32(-1);
            }
        }
    }
    Ok(())
}

/// Appends a binary value behind its length.
#[inline]
pub(crate) fn put_field(
    out: &mut BytesMut,
    column: &Column<'_>,
    row: usize,
    settings: &Settings,
) -> Result<(), ValueError> {
    let start = out.len();
    out.put_i32(0);
    binary::put(out, column, row, settings)?;
    super::patch_length(out, start, start + 4)
}
