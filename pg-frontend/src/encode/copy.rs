//! The lines of `COPY TO STDOUT` in text, CSV and binary.
//!
//! PostgreSQL sends a message a line, and drivers rely on it. Whether a text needs escapes is asked for a block of rows at
//! once: a scan of a column's bytes runs at memory speed and mostly says that none does. What needs them is escaped in
//! place. Numbers, dates and the like need none unless the delimiter or the null string is made of their characters.

use super::column::{Column, Values};
use super::pg_type::PgType;
use super::row::{resolve, types};
use super::settings::Settings;
use super::{EncodeError, ValueError, array, patch_length, text};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use bytes::{BufMut, BytesMut};
use std::ops::Range;

/// Rows that are scanned for special bytes at once.
const BLOCK_ROWS: usize = 256;
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Options of COPY's text format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextOptions {
    pub delimiter: u8,
    pub null: String,
    pub header: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { delimiter: b'\t', null: "\\N".into(), header: false }
    }
}

/// Options of COPY's CSV format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    pub delimiter: u8,
    pub null: String,
    pub header: bool,
    pub quote: u8,
    pub escape: u8,
    pub force_quote: ForceQuote,
}

impl Default for CsvOptions {
    fn default() -> Self {
        let force_quote = ForceQuote::None;
        Self { delimiter: b',', null: String::new(), header: false, quote: b'"', escape: b'"', force_quote }
    }
}

/// `FORCE_QUOTE`: columns that are quoted even where they need not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ForceQuote {
    #[default]
    None,
    All,
    /// By position, from 0.
    Columns(Vec<usize>),
}

impl ForceQuote {
    fn has(&self, column: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Columns(columns) => columns.contains(&column),
        }
    }
}

/// The format of a `COPY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    Text(TextOptions),
    Csv(CsvOptions),
    Binary,
}

/// Writes the rows of one `COPY TO STDOUT`.
#[derive(Debug)]
pub struct CopyEncoder {
    schema: SchemaRef,
    types: Vec<PgType>,
    format: CopyFormat,
    settings: Settings,
    /// Whether the header was written.
    started: bool,
}

impl CopyEncoder {
    /// An encoder for a schema.
    pub fn new(schema: SchemaRef, format: CopyFormat, settings: Settings) -> Self {
        let types = types(&schema);
        Self { schema, types, format, settings, started: false }
    }

    /// Appends rows as `CopyData` messages until all are written or `out` holds `soft_limit` bytes, and returns the row to
    /// go on with. The header, if there is one, comes before the first row. After an error `out` ends with a whole row.
    pub fn encode(
        &mut self,
        batch: &RecordBatch,
        rows: Range<usize>,
        out: &mut BytesMut,
        soft_limit: usize,
    ) -> Result<usize, EncodeError> {
        let columns = resolve(&self.schema, batch)?;
        let end = rows.end.min(batch.num_rows());
        let mut row = rows.start;
        while row < end {
            let block = row..end.min(row + BLOCK_ROWS);
            let lines = Lines::new(&self.format, &self.types, &columns, block.clone());
            for next in block {
                let start = out.len();
                let written = match &lines {
                    Some(lines) if self.started => lines.put(out, next, &self.settings),
                    Some(lines) => {
                        put_header(out, &self.format, &self.schema).and_then(|()| lines.put(out, next, &self.settings))
                    }
                    None => put_binary(out, &columns, next, &self.settings, !self.started),
                };
                if let Err(error) = written {
                    out.truncate(start);
                    return Err(error.into());
                }
                self.started = true;
                if out.len() >= soft_limit {
                    return Ok(next + 1);
                }
            }
            row = end.min(row + BLOCK_ROWS);
        }
        Ok(rows.end)
    }

    /// Appends what ends the data: the header where there was no row, the trailer of the binary format. `CopyDone` is the
    /// caller's.
    pub fn finish(&mut self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let first = !std::mem::replace(&mut self.started, true);
        if self.format != CopyFormat::Binary {
            if first {
                put_header(out, &self.format, &self.schema)?;
            }
            return Ok(());
        }
        let start = begin(out);
        if first {
            out.extend_from_slice(SIGNATURE);
        }
        out.put_i16(-1);
        patch_length(out, start, start)?;
        Ok(())
    }
}

/// Begins a `CopyData` message and returns where its length is to be written.
#[inline]
fn begin(out: &mut BytesMut) -> usize {
    out.extend_from_slice(&[b'd', 0, 0, 0, 0]);
    out.len() - 4
}

/// Appends the message with the names of the columns, if they are wanted.
fn put_header(out: &mut BytesMut, format: &CopyFormat, schema: &Schema) -> Result<(), ValueError> {
    let start = begin(out);
    let delimiter = match format {
        CopyFormat::Text(TextOptions { delimiter, header: true, .. })
        | CopyFormat::Csv(CsvOptions { delimiter, header: true, .. }) => *delimiter,
        CopyFormat::Text(_) | CopyFormat::Csv(_) | CopyFormat::Binary => {
            out.truncate(start - 1);
            return Ok(());
        }
    };
    for (position, field) in schema.fields().iter().enumerate() {
        if position > 0 {
            out.put_u8(delimiter);
        }
        let at = out.len();
        out.extend_from_slice(field.name().as_bytes());
        match format {
            CopyFormat::Text(options) => escape_text(out, at, options.delimiter),
            CopyFormat::Csv(options) => quote(out, at, options, false, schema.fields().len() == 1),
            CopyFormat::Binary => {}
        }
    }
    out.put_u8(b'\n');
    patch_length(out, start, start)
}

/// Appends a row of the binary format. The signature is in the message of the first one, where clients look for it.
#[inline]
fn put_binary(
    out: &mut BytesMut,
    columns: &[Column<'_>],
    row: usize,
    settings: &Settings,
    first: bool,
) -> Result<(), ValueError> {
    let start = begin(out);
    if first {
        out.extend_from_slice(SIGNATURE);
    }
    out.put_u16(columns.len() as u16);
    for column in columns {
        match column.is_null(row) {
            true => out.put_i32(-1),
            false => array::put_field(out, column, row, settings)?,
        }
    }
    patch_length(out, start, start)
}

/// A block of rows of a text format, and which columns need a look at each value.
struct Lines<'a> {
    format: &'a CopyFormat,
    delimiter: u8,
    null: &'a [u8],
    columns: Vec<(&'a Column<'a>, Care)>,
}

/// What a value of a column may need after it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    Nothing,
    Check,
    /// Quotes in any case.
    Force,
}

impl<'a> Lines<'a> {
    fn new(format: &'a CopyFormat, types: &'a [PgType], columns: &'a [Column<'a>], rows: Range<usize>) -> Option<Self> {
        let (delimiter, null) = match format {
            CopyFormat::Text(options) => (options.delimiter, &options.null),
            CopyFormat::Csv(options) => (options.delimiter, &options.null),
            CopyFormat::Binary => return None,
        };
        let columns = columns.iter().zip(types).enumerate();
        let columns =
            columns.map(|(position, (column, pg_type))| (column, care(format, position, *pg_type, column, &rows)));
        Some(Self { format, delimiter, null: null.as_bytes(), columns: columns.collect() })
    }

    #[inline]
    fn put(&self, out: &mut BytesMut, row: usize, settings: &Settings) -> Result<(), ValueError> {
        let start = begin(out);
        for (column, care) in &self.columns {
            if column.is_null(row) {
                out.extend_from_slice(self.null);
            } else {
                let at = out.len();
                text::put(out, column, row, settings)?;
                if *care != Care::Nothing {
                    match self.format {
                        CopyFormat::Text(options) => escape_text(out, at, options.delimiter),
                        CopyFormat::Csv(options) => {
                            quote(out, at, options, *care == Care::Force, self.columns.len() == 1);
                        }
                        CopyFormat::Binary => {}
                    }
                }
            }
            out.extend_from_slice(&[self.delimiter]);
        }
        // The last delimiter, if there is a column, becomes the end of the line.
        match out.len() > start + 4 {
            true => {
                let last = out.len() - 1;
                out[last] = b'\n';
            }
            false => out.extend_from_slice(b"\n"),
        }
        patch_length(out, start, start)
    }
}

fn care(format: &CopyFormat, position: usize, pg_type: PgType, column: &Column<'_>, rows: &Range<usize>) -> Care {
    let plain = pg_type.dimensions == 0
        && (pg_type.scalar.is_plain() || matches!(column.values, Values::Date(_) | Values::Timestamp(..)));
    // Bytes that no number, date or word of ours contains.
    let apart = |byte: u8| byte < b' ' || b"\"#$%&'()*;<=>?@[]^_`{|}~!,".contains(&byte);
    match format {
        CopyFormat::Text(options) => {
            let special = |byte: u8| byte < b' ' || byte == b'\\' || byte == options.delimiter;
            match bytes_of(column, rows) {
                Some(bytes) if !contains(bytes, special) => Care::Nothing,
                None if plain && apart(options.delimiter) => Care::Nothing,
                _ => Care::Check,
            }
        }
        CopyFormat::Csv(options) if options.force_quote.has(position) => Care::Force,
        CopyFormat::Csv(options) => {
            let plain = plain && options.null.is_empty() && apart(options.delimiter) && apart(options.quote);
            if plain { Care::Nothing } else { Care::Check }
        }
        CopyFormat::Binary => Care::Nothing,
    }
}

/// All bytes that the texts of some rows consist of.
fn bytes_of<'a>(column: &Column<'a>, rows: &Range<usize>) -> Option<&'a [u8]> {
    match &column.values {
        Values::Text(strings) | Values::JsonText(strings) => strings.between(rows),
        _ => None,
    }
}

/// Whether a byte is among others. In pieces without a way out, so that the compiler uses vectors.
#[inline]
fn contains(bytes: &[u8], special: impl Fn(u8) -> bool) -> bool {
    bytes.chunks(1024).any(|piece| piece.iter().fold(false, |found, byte| found | special(*byte)))
}

fn escape_text(out: &mut BytesMut, start: usize, delimiter: u8) {
    if !contains(&out[start..], |byte| byte < b' ' || byte == b'\\' || byte == delimiter) {
        return;
    }
    text::escape(out, start, |byte| {
        let letter = match byte {
            8 => b'b',
            9 => b't',
            10 => b'n',
            11 => b'v',
            12 => b'f',
            13 => b'r',
            b'\\' => b'\\',
            _ if byte == delimiter => byte,
            _ => return None,
        };
        Some([b'\\', letter])
    });
}

/// Puts quotes around what stands behind `start` if it needs them.
fn quote(out: &mut BytesMut, start: usize, options: &CsvOptions, force: bool, single: bool) {
    let value = &out[start..];
    let special = |byte: u8| byte == options.delimiter || byte == options.quote || byte == b'\n' || byte == b'\r';
    // A line that is only `\.` would end the data.
    let needed = force || value == options.null.as_bytes() || (single && value == b"\\.") || contains(value, special);
    if !needed {
        return;
    }
    text::escape(out, start, |byte| {
        (byte == options.quote || byte == options.escape).then_some([options.escape, byte])
    });
    out.extend_from_slice(&[options.quote; 2]);
    let end = out.len();
    out.copy_within(start..end - 2, start + 1);
    out[start] = options.quote;
}
