//! The fields of a line.
//!
//! Most fields have no escapes and are a piece of the line; the others are put together in a buffer that is used again.

use super::super::DecodeError;
use super::super::scalar::utf8;
use super::{CopyInput, CopyProblem};
use std::ops::Range;

/// The line that is being cut.
#[derive(Default)]
pub(super) struct Fields {
    line: String,
    /// Where the next field begins; behind the end there is none.
    at: usize,
    unescaped: Vec<u8>,
}

/// A field that was cut.
pub(super) struct Field {
    /// The bytes as they stand in the line.
    raw: Range<usize>,
    /// Whether the value is in the buffer.
    is_unescaped: bool,
    is_quoted: bool,
}

/// The null string of a format.
pub(super) fn null_of(input: &CopyInput) -> &str {
    match input {
        CopyInput::Text { null, .. } | CopyInput::Csv { null, .. } => null,
        CopyInput::Binary => "",
    }
}

impl Fields {
    /// Begins a line.
    pub(super) fn begin(&mut self, line: &str) {
        self.line.clear();
        self.line.push_str(line);
        self.at = 0;
    }

    /// Whether all fields were cut.
    pub(super) fn is_at_end(&self) -> bool {
        self.at > self.line.len()
    }

    /// Cuts the next field.
    pub(super) fn next(&mut self, input: &CopyInput) -> Result<Option<Field>, CopyProblem> {
        if self.is_at_end() {
            return Ok(None);
        }
        match input {
            CopyInput::Csv { delimiter, quote, escape, .. } => self.next_csv(*delimiter, *quote, *escape).map(Some),
            CopyInput::Text { delimiter, .. } => Ok(Some(self.next_text(*delimiter))),
            CopyInput::Binary => Ok(None),
        }
    }

    /// The value of a field, `None` for NULL.
    pub(super) fn value(&self, field: Field, column: usize, input: &CopyInput) -> Result<Option<&str>, DecodeError> {
        let value = match field.is_unescaped {
            false => &self.line[field.raw.clone()],
            true => utf8(&self.unescaped)?,
        };
        match input {
            CopyInput::Csv { null, force, .. } => {
                let force = force.get(column).copied().unwrap_or_default();
                let may_be_null = if field.is_quoted { force.null } else { !force.not_null };
                let is_null = may_be_null && value == null;
                Ok((!is_null).then_some(value))
            }
            // In text it is the bytes before unescaping that are compared.
            _ => Ok((&self.line[field.raw] != null_of(input)).then_some(value)),
        }
    }

    fn next_text(&mut self, delimiter: u8) -> Field {
        let start = self.at;
        let bytes = self.line.as_bytes();
        let mut end = start;
        let mut is_unescaped = false;
        while let Some(byte) = bytes.get(end) {
            if *byte == delimiter {
                break;
            }
            // An escaped delimiter is no delimiter.
            let skipped = if *byte == b'\\' { 2 } else { 1 };
            is_unescaped |= *byte == b'\\';
            end = (end + skipped).min(bytes.len());
        }
        self.at = end + 1;
        if is_unescaped {
            unescape(&bytes[start..end], &mut self.unescaped);
        }
        Field { raw: start..end, is_unescaped, is_quoted: false }
    }

    fn next_csv(&mut self, delimiter: u8, quote: u8, escape: u8) -> Result<Field, CopyProblem> {
        let start = self.at;
        let bytes = self.line.as_bytes();
        let mut end = start;
        while bytes.get(end).is_some_and(|byte| *byte != delimiter && *byte != quote) {
            end += 1;
        }
        if bytes.get(end) != Some(&quote) {
            self.at = end + 1;
            return Ok(Field { raw: start..end, is_unescaped: false, is_quoted: false });
        }
        self.unescaped.clear();
        self.unescaped.extend_from_slice(&bytes[start..end]);
        let mut inside = false;
        loop {
            let next = bytes.get(end + 1).copied();
            match bytes.get(end).copied() {
                None if inside => return Err(CopyProblem::Unterminated),
                None => break,
                Some(byte) if !inside && byte == delimiter => break,
                Some(byte) if inside && byte == escape && next.is_some_and(|next| next == escape || next == quote) => {
                    self.unescaped.extend(next);
                    end += 1;
                }
                Some(byte) if byte == quote => inside = !inside,
                Some(byte) => self.unescaped.push(byte),
            }
            end += 1;
        }
        self.at = end + 1;
        Ok(Field { raw: start..end, is_unescaped: true, is_quoted: true })
    }
}

/// Resolves the escapes of the text format.
fn unescape(mut raw: &[u8], value: &mut Vec<u8>) {
    value.clear();
    while let Some((byte, rest)) = raw.split_first() {
        raw = rest;
        if *byte != b'\\' {
            value.push(*byte);
            continue;
        }
        let Some((letter, rest)) = raw.split_first() else {
            // A lone backslash at the end stands for itself.
            value.push(b'\\');
            return;
        };
        raw = rest;
        let resolved = match letter {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'0'..=b'7' => number(u32::from(letter - b'0'), &mut raw, 8, 2),
            b'x' if raw.first().is_some_and(u8::is_ascii_hexdigit) => number(0, &mut raw, 16, 2),
            other => *other,
        };
        value.push(resolved);
    }
}

/// Reads up to `most` more digits of a number.
fn number(mut value: u32, raw: &mut &[u8], base: u32, most: usize) -> u8 {
    for _ in 0..most {
        let Some(digit) = raw.first().and_then(|byte| char::from(*byte).to_digit(base)) else { break };
        value = value * base + digit;
        *raw = &raw[1..];
    }
    value as u8
}
