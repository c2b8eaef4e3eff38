//! `COPY FROM STDIN`: chunks of bytes, cut anywhere, as batches of a table's rows.
//!
//! Chunks are gathered until a whole line (text, CSV: `copy/lines.rs`) or row (binary: `copy/tuples.rs`) is there; what was
//! searched for an end once is not searched again. A line is checked to be UTF-8, cut into fields (`copy/fields.rs`) and
//! read into typed columns, which become a batch at 65,536 rows or 8 MiB. Errors tell the line and column as PostgreSQL's.

mod fields;
mod lines;
mod tuples;

use super::DecodeError;
use super::column::Builder;
use super::scalar::utf8;
use crate::encode::{PgType, Settings};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use fields::Fields;
use lines::Lines;
use std::sync::Arc;

const BATCH_ROWS: usize = 65_536;
const BATCH_BYTES: usize = 8 << 20;
/// PostgreSQL's own limit on a line.
const MAX_ROW_BYTES: usize = 0x3fff_ffff;
/// PostgreSQL shows this much of a line or value in a context.
const SHOWN_BYTES: usize = 100;

/// A column that rows are read into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyColumn {
    pub name: String,
    pub pg_type: PgType,
}

/// What is done with the first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderLine {
    #[default]
    None,
    /// It is passed over.
    Skip,
    /// It must hold the columns' names.
    Match,
}

/// `FORCE_NULL` and `FORCE_NOT_NULL` of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForceNull {
    /// A quoted null string is NULL too.
    pub null: bool,
    /// No null string is NULL.
    pub not_null: bool,
}

/// The format of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyInput {
    Text {
        delimiter: u8,
        null: String,
        header: HeaderLine,
    },
    /// `force` has an entry for each column, or none at all.
    Csv {
        delimiter: u8,
        null: String,
        header: HeaderLine,
        quote: u8,
        escape: u8,
        force: Vec<ForceNull>,
    },
    Binary,
}

#[cfg(test)]
impl CopyInput {
    /// PostgreSQL's defaults for text.
    pub fn text() -> Self {
        Self::Text { delimiter: b'\t', null: "\\N".into(), header: HeaderLine::None }
    }

    /// PostgreSQL's defaults for CSV.
    pub fn csv() -> Self {
        let (header, force) = (HeaderLine::None, Vec::new());
        Self::Csv { delimiter: b',', null: String::new(), header, quote: b'"', escape: b'"', force }
    }
}

/// Data of a `COPY` that cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct CopyError {
    pub problem: CopyProblem,
    /// PostgreSQL's context: `COPY t, line 3, column b: "x"`.
    pub context: String,
}

/// What is wrong with the data of a `COPY`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyProblem {
    #[error("{0}")]
    Value(#[from] DecodeError),
    #[error("extra data after last expected column")]
    Extra,
    #[error("missing data for column \"{0}\"")]
    Missing(String),
    #[error("unterminated CSV quoted field")]
    Unterminated,
    #[error("{0} {1} found in data")]
    LineEnd(&'static str, &'static str),
    #[error("end-of-copy marker corrupt")]
    Marker,
    #[error("wrong number of fields in header line: got {0}, expected {1}")]
    HeaderFields(usize, usize),
    #[error("column name mismatch in header line field {0}: got \"{1}\", expected \"{2}\"")]
    HeaderName(usize, String, String),
    #[error("column name mismatch in header line field {0}: got null value (\"{1}\"), expected \"{2}\"")]
    HeaderNull(usize, String, String),
    #[error("COPY file signature not recognized")]
    Signature,
    #[error("invalid COPY file header (WITH OIDS)")]
    Oids,
    #[error("unrecognized critical flags in COPY file header")]
    Flags,
    #[error("invalid COPY file header (wrong length)")]
    HeaderLength,
    #[error("row field count is {0}, expected {1}")]
    FieldCount(i16, usize),
    #[error("invalid field size")]
    FieldSize,
    #[error("received copy data after EOF marker")]
    AfterEnd,
    #[error("unexpected EOF in COPY data")]
    UnexpectedEnd,
    #[error("a row is larger than 1 GB, the most that COPY takes")]
    TooLong,
}

impl CopyError {
    /// The SQLSTATE that PostgreSQL gives for the same.
    pub const fn sqlstate(&self) -> &'static str {
        match &self.problem {
            CopyProblem::Value(error) => error.sqlstate(),
            CopyProblem::TooLong => "54000",
            _ => "22P04",
        }
    }
}

/// Reads the data of one `COPY FROM STDIN`.
pub struct CopyDecoder {
    table: String,
    columns: Vec<CopyColumn>,
    settings: Settings,
    input: CopyInput,
    builders: Vec<Builder>,
    rows: usize,
    /// Bytes that came and are not read yet; before `start` all is read.
    pending: Vec<u8>,
    start: usize,
    lines: Lines,
    fields: Fields,
    /// Lines or rows so far.
    line: u64,
    header: HeaderLine,
    tuples: tuples::State,
    done: bool,
}

impl CopyDecoder {
    /// A decoder for rows of these columns. `table` is for messages.
    pub fn new(table: &str, columns: Vec<CopyColumn>, input: CopyInput, settings: Settings) -> Self {
        let header = match &input {
            CopyInput::Text { header, .. } | CopyInput::Csv { header, .. } => *header,
            CopyInput::Binary => HeaderLine::None,
        };
        Self {
            table: table.into(),
            builders: columns.iter().map(|column| Builder::for_column(column.pg_type)).collect(),
            columns,
            settings,
            lines: Lines::new(&input),
            input,
            rows: 0,
            pending: Vec::new(),
            start: 0,
            fields: Fields::default(),
            line: 0,
            header,
            tuples: tuples::State::default(),
            done: false,
        }
    }

    /// Takes the bytes of a `CopyData` and returns the batches that are full. After an error the decoder is of no use.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<RecordBatch>, CopyError> {
        let mut batches = Vec::new();
        if self.done && self.input != CopyInput::Binary {
            return Ok(batches);
        }
        self.pending.extend_from_slice(chunk);
        self.read(false, &mut batches)?;
        self.pending.drain(..self.start);
        self.lines.forget(self.start);
        self.start = 0;
        if self.pending.len() > MAX_ROW_BYTES {
            return Err(self.error(CopyProblem::TooLong, format!(", line {}", self.line + 1)));
        }
        Ok(batches)
    }

    /// Takes the end of the data and returns the last rows, an empty batch if there are none.
    pub fn finish(mut self) -> Result<Vec<RecordBatch>, CopyError> {
        let mut batches = Vec::new();
        self.read(true, &mut batches)?;
        if self.rows > 0 || batches.is_empty() {
            batches.push(self.batch());
        }
        Ok(batches)
    }

    fn read(&mut self, at_end: bool, batches: &mut Vec<RecordBatch>) -> Result<(), CopyError> {
        // The bytes are borrowed apart from the rest while rows are read from them.
        let pending = std::mem::take(&mut self.pending);
        let result = loop {
            let read = match self.input {
                CopyInput::Binary => self.read_tuple(&pending, at_end),
                CopyInput::Text { .. } | CopyInput::Csv { .. } => self.read_line(&pending, at_end),
            };
            match read {
                Ok(true) => {}
                other => break other,
            }
            let bytes: usize = self.builders.iter().map(Builder::bytes).sum();
            if self.rows >= BATCH_ROWS || bytes >= BATCH_BYTES {
                batches.push(self.batch());
            }
        };
        self.pending = pending;
        result.map(|_| ())
    }

    fn batch(&mut self) -> RecordBatch {
        let taken = self.builders.iter_mut().zip(&self.columns).map(|(builder, column)| builder.take(&column.name));
        let (fields, arrays): (Vec<_>, Vec<_>) = taken.unzip();
        let schema = Arc::new(Schema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        // Each builder took the same number of values, and the fields are the builders' own.
        RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
            .unwrap_or_else(|_| RecordBatch::new_empty(schema))
    }

    fn error(&self, problem: CopyProblem, place: String) -> CopyError {
        CopyError { problem, context: format!("COPY {}{place}", self.table) }
    }

    /// Reads a line if a whole one is there. `false` says that there is no more for now.
    fn read_line(&mut self, pending: &[u8], at_end: bool) -> Result<bool, CopyError> {
        if self.done {
            return Ok(false);
        }
        let found = match self.lines.find(pending, self.start, at_end) {
            Ok(found) => found,
            Err(problem) => return Err(self.error(problem, format!(", line {}", self.line + 1))),
        };
        let Some(found) = found else { return Ok(false) };
        let bytes = &pending[found.content.clone()];
        self.start = found.next;
        self.line += 1;
        if bytes.starts_with(b"\\.") && (bytes.len() == 2 || matches!(self.input, CopyInput::Text { .. })) {
            self.done = true;
            return match bytes.len() {
                2 => Ok(false),
                _ => Err(self.error(CopyProblem::Marker, format!(", line {}", self.line))),
            };
        }
        self.line += found.inner_lines;
        let line = match utf8(bytes) {
            Ok(line) => line,
            Err(error) => return Err(self.error(error.into(), format!(", line {}", self.line))),
        };
        let mut fields = std::mem::take(&mut self.fields);
        let result = match self.header {
            HeaderLine::None => self.read_fields(line, &mut fields),
            HeaderLine::Skip => Ok(()),
            HeaderLine::Match => self.match_header(line, &mut fields),
        };
        self.header = HeaderLine::None;
        self.fields = fields;
        result.map(|()| true)
    }

    fn line_error(&self, problem: CopyProblem, line: &str) -> CopyError {
        self.error(problem, format!(", line {}: \"{}\"", self.line, shown(line)))
    }

    fn read_fields(&mut self, line: &str, fields: &mut Fields) -> Result<(), CopyError> {
        // A table without columns takes empty lines.
        if self.columns.is_empty() && line.is_empty() {
            self.rows += 1;
            return Ok(());
        }
        fields.begin(line);
        for position in 0..self.builders.len() {
            let read = match fields.next(&self.input) {
                Ok(Some(read)) => read,
                Ok(None) => {
                    let name = self.columns[position].name.clone();
                    return Err(self.line_error(CopyProblem::Missing(name), line));
                }
                Err(problem) => return Err(self.line_error(problem, line)),
            };
            let value = fields.value(read, position, &self.input);
            let result = match &value {
                Ok(None) => {
                    self.builders[position].push_null();
                    Ok(())
                }
                Ok(Some(text)) => self.builders[position].push_text(text, &self.settings),
                Err(error) => Err(error.clone()),
            };
            if let Err(error) = result {
                let text = value.ok().flatten().map_or_else(|| line.to_owned(), str::to_owned);
                let name = &self.columns[position].name;
                let place = format!(", line {}, column {name}: \"{}\"", self.line, shown(&text));
                return Err(self.error(error.into(), place));
            }
        }
        if !fields.is_at_end() {
            return Err(self.line_error(CopyProblem::Extra, line));
        }
        self.rows += 1;
        Ok(())
    }

    fn match_header(&self, line: &str, fields: &mut Fields) -> Result<(), CopyError> {
        let mut names = Vec::new();
        fields.begin(line);
        while let Some(read) = fields.next(&self.input).map_err(|problem| self.line_error(problem, line))? {
            let name =
                fields.value(read, usize::MAX, &self.input).map_err(|error| self.line_error(error.into(), line))?;
            names.push(name.map(str::to_owned));
        }
        if names.len() != self.columns.len() {
            return Err(self.line_error(CopyProblem::HeaderFields(names.len(), self.columns.len()), line));
        }
        for (position, (name, column)) in names.into_iter().zip(&self.columns).enumerate() {
            let expected = column.name.clone();
            let problem = match name {
                Some(name) if name == expected => continue,
                Some(name) => CopyProblem::HeaderName(position + 1, name, expected),
                None => CopyProblem::HeaderNull(position + 1, fields::null_of(&self.input).into(), expected),
            };
            return Err(self.line_error(problem, line));
        }
        Ok(())
    }
}

/// The beginning of a text, as much as PostgreSQL shows.
fn shown(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.into();
    }
    let end = (0..=SHOWN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}
