//! What we send.

use bytes::{BufMut as _, BytesMut};

use crate::encode::{Format, PgType};
use crate::error::PgError;

/// The state of the transaction, as `ReadyForQuery` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Outside a transaction.
    #[default]
    Idle,
    /// Inside one.
    Transaction,
    /// Inside one that failed.
    Failed,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its label.
    pub name: String,
    /// Its type.
    pub pg_type: PgType,
    /// The format its values come in.
    pub format: Format,
}

/// Messages, written one behind the other.
#[derive(Debug, Default)]
pub struct Reply {
    /// What waits to be sent.
    pub buffer: BytesMut,
}

impl Reply {
    fn message(&mut self, kind: u8, body: impl FnOnce(&mut BytesMut)) {
        self.buffer.put_u8(kind);
        let at = self.buffer.len();
        self.buffer.put_u32(0);
        body(&mut self.buffer);
        // Nothing written here comes near 2 GiB: rows are bounded by the encoder.
        let length = u32::try_from(self.buffer.len() - at).unwrap_or(u32::MAX);
        self.buffer[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// An authentication message with its code.
    pub fn authentication(&mut self, code: u32, data: &[u8]) {
        self.message(b'R', |buffer| {
            buffer.put_u32(code);
            buffer.put_slice(data);
        });
    }

    /// The value of a setting that clients follow.
    pub fn parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |buffer| {
            put_text(buffer, name);
            put_text(buffer, value);
        });
    }

    /// What a cancel request must show.
    pub fn backend_key(&mut self, process: u32, secret: &[u8]) {
        self.message(b'K', |buffer| {
            buffer.put_u32(process);
            buffer.put_slice(secret);
        });
    }

    /// Which protocol is spoken instead of the one asked for, and which options are unknown.
    pub fn negotiate(&mut self, minor: u32, unknown: &[String]) {
        self.message(b'v', |buffer| {
            buffer.put_u32(3 << 16 | minor);
            buffer.put_u32(u32::try_from(unknown.len()).unwrap_or(0));
            unknown.iter().for_each(|option| put_text(buffer, option));
        });
    }

    /// The end of a turn.
    pub fn ready(&mut self, status: Status) {
        self.message(b'Z', |buffer| {
            buffer.put_u8(match status {
                Status::Idle => b'I',
                Status::Transaction => b'T',
                Status::Failed => b'E',
            });
        });
    }

    /// The columns of a result.
    pub fn row_description(&mut self, columns: &[Column]) {
        self.message(b'T', |buffer| {
            buffer.put_u16(u16::try_from(columns.len()).unwrap_or(u16::MAX));
            for column in columns {
                put_text(buffer, &column.name);
                // No table and no place in one: results come as Arrow, which does not tell.
                buffer.put_u32(0);
                buffer.put_u16(0);
                buffer.put_u32(column.pg_type.oid());
                buffer.put_i16(column.pg_type.size());
                buffer.put_i32(column.pg_type.typmod);
                buffer.put_i16(column.format.code());
            }
        });
    }

    /// The types of a statement's parameters.
    pub fn parameter_description(&mut self, types: &[u32]) {
        self.message(b't', |buffer| {
            buffer.put_u16(u16::try_from(types.len()).unwrap_or(u16::MAX));
            types.iter().for_each(|&oid| buffer.put_u32(oid));
        });
    }

    /// A message without a body: `1` parse complete, `2` bind complete, `3` close complete, `n` no data, `s` portal suspended,
    /// `I` empty query, `c` copy done.
    pub fn bare(&mut self, kind: u8) {
        self.message(kind, |_| {});
    }

    /// A statement is done.
    pub fn complete(&mut self, tag: &str) {
        self.message(b'C', |buffer| put_text(buffer, tag));
    }

    /// The start of a copy: `G` in, `H` out.
    pub fn copy(&mut self, kind: u8, format: Format, columns: usize) {
        self.message(kind, |buffer| {
            buffer.put_u8(u8::from(format == Format::Binary));
            buffer.put_u16(u16::try_from(columns).unwrap_or(u16::MAX));
            (0..columns).for_each(|_| buffer.put_i16(format.code()));
        });
    }

    /// One row of text values, for answers of our own.
    pub fn text_row(&mut self, values: &[Option<&str>]) {
        self.message(b'D', |buffer| {
            buffer.put_u16(u16::try_from(values.len()).unwrap_or(u16::MAX));
            for value in values {
                match value {
                    Some(value) => {
                        buffer.put_u32(u32::try_from(value.len()).unwrap_or(0));
                        buffer.put_slice(value.as_bytes());
                    }
                    None => buffer.put_i32(-1),
                }
            }
        });
    }

    /// An error, or with another severity a notice.
    pub fn error(&mut self, error: &PgError) {
        let kind = if error.severity.is_notice() { b'N' } else { b'E' };
        self.message(kind, |buffer| {
            let mut field = |code: u8, text: &str| {
                buffer.put_u8(code);
                put_text(buffer, text);
            };
            field(b'S', error.severity.name());
            field(b'V', error.severity.name());
            field(b'C', error.sqlstate);
            field(b'M', &error.message);
            if let Some(detail) = &error.detail {
                field(b'D', detail);
            }
            if let Some(hint) = &error.hint {
                field(b'H', hint);
            }
            if let Some(position) = error.position {
                field(b'P', &position.to_string());
            }
            if let Some(context) = &error.context {
                field(b'W', context);
            }
            buffer.put_u8(0);
        });
    }
}

/// A text and its zero byte; a zero inside would end it early, so it ends there.
fn put_text(buffer: &mut BytesMut, text: &str) {
    let text = text.split('\0').next().unwrap_or_default();
    buffer.put_slice(text.as_bytes());
    buffer.put_u8(0);
}
