//! The options of `COPY`: whether they go together, and the formats they come to.
//!
//! The parser has read each option by itself. What one may be beside another is checked here in PostgreSQL's order, so
//! that a statement with two mistakes is told the same one.

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};

use crate::decode::{CopyInput, ForceNull, HeaderLine};
use crate::encode::{self, CsvOptions, ForceQuote, TextOptions};
use crate::error::PgError;
use crate::translate::{Columns, Copy, CopyFormat, CopyHeader};

/// What stands between, in place of, and around values.
pub(super) struct Marks {
    delimiter: u8,
    null: String,
    quote: u8,
    escape: u8,
}

impl Marks {
    /// The marks of a statement whose options go together.
    ///
    /// # Errors
    /// As PostgreSQL refuses what does not.
    pub(super) fn new(copy: &Copy) -> Result<Self, PgError> {
        let csv = copy.format == CopyFormat::Csv;
        if copy.header == CopyHeader::Match && !copy.is_from {
            return Err(unsupported("cannot use \"match\" with HEADER in COPY TO"));
        }
        check_encoding(copy)?;
        if copy.format == CopyFormat::Binary {
            for (option, name) in [(&copy.delimiter, "DELIMITER"), (&copy.null, "NULL")] {
                if option.is_some() {
                    return Err(PgError::new("42601", format!("cannot specify {name} in BINARY mode")));
                }
            }
        }
        let delimiter = one_byte(copy.delimiter.as_ref(), if csv { b',' } else { b'\t' }, "delimiter")?;
        let null = copy.null.clone().unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() });
        check_plain(delimiter, &null, csv)?;
        if copy.header != CopyHeader::No && copy.format == CopyFormat::Binary {
            return Err(unsupported("cannot specify HEADER in BINARY mode"));
        }
        let quote = csv_byte(csv, copy.quote.as_ref(), b'"', "quote")?;
        if csv && delimiter == quote {
            return Err(PgError::new("22023", "COPY delimiter and quote must be different"));
        }
        let escape = csv_byte(csv, copy.escape.as_ref(), quote, "escape")?;
        check_force(copy, csv)?;
        if null.as_bytes().contains(&delimiter) {
            return Err(unsupported("COPY delimiter must not appear in the NULL specification"));
        }
        if csv && null.as_bytes().contains(&quote) {
            return Err(unsupported("CSV quote character must not appear in the NULL specification"));
        }
        Ok(Self { delimiter, null, quote, escape })
    }

    /// The format of rows that go out.
    ///
    /// # Errors
    /// When FORCE_QUOTE names a column that does not go out.
    pub(super) fn out(self, copy: &Copy, names: &[&str]) -> Result<encode::CopyFormat, PgError> {
        let header = copy.header != CopyHeader::No;
        Ok(match copy.format {
            CopyFormat::Binary => encode::CopyFormat::Binary,
            CopyFormat::Text => {
                encode::CopyFormat::Text(TextOptions { delimiter: self.delimiter, null: self.null, header })
            }
            CopyFormat::Csv => encode::CopyFormat::Csv(CsvOptions {
                delimiter: self.delimiter,
                null: self.null,
                header,
                quote: self.quote,
                escape: self.escape,
                force_quote: match &copy.force_quote {
                    Columns::None => ForceQuote::None,
                    Columns::All => ForceQuote::All,
                    Columns::Some(columns) => {
                        let places = columns.iter().map(|column| place(names, column, "FORCE_QUOTE"));
                        ForceQuote::Columns(places.collect::<Result<_, _>>()?)
                    }
                },
            }),
        })
    }

    /// The format of rows that come in, for columns of `schema`.
    ///
    /// # Errors
    /// When FORCE_NULL or FORCE_NOT_NULL name a column that does not come in.
    pub(super) fn input(self, copy: &Copy, schema: &SchemaRef) -> Result<CopyInput, PgError> {
        let header = match copy.header {
            CopyHeader::No => HeaderLine::None,
            CopyHeader::Yes => HeaderLine::Skip,
            CopyHeader::Match => HeaderLine::Match,
        };
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        for (columns, option) in [(&copy.force_not_null, "FORCE_NOT_NULL"), (&copy.force_null, "FORCE_NULL")] {
            if let Columns::Some(columns) = columns {
                columns.iter().try_for_each(|column| place(&names, column, option).map(|_| ()))?;
            }
        }
        let has = |columns: &Columns, name: &str| match columns {
            Columns::None => false,
            Columns::All => true,
            Columns::Some(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        };
        let force = |field: &Arc<Field>| ForceNull {
            null: has(&copy.force_null, field.name()),
            not_null: has(&copy.force_not_null, field.name()),
        };
        Ok(match copy.format {
            CopyFormat::Binary => CopyInput::Binary,
            CopyFormat::Text => CopyInput::Text { delimiter: self.delimiter, null: self.null, header },
            CopyFormat::Csv => CopyInput::Csv {
                delimiter: self.delimiter,
                null: self.null,
                header,
                quote: self.quote,
                escape: self.escape,
                force: schema.fields().iter().map(force).collect(),
            },
        })
    }
}

/// The place of a column among those that are copied. Names are compared as DuckDB does, whatever their case.
fn place(names: &[&str], column: &str, option: &str) -> Result<usize, PgError> {
    let place = names.iter().position(|name| name.eq_ignore_ascii_case(column));
    place.ok_or_else(|| PgError::new("42P10", format!("{option} column \"{column}\" not referenced by COPY")))
}

/// Delimiter and null string that could be mistaken for something else.
fn check_plain(delimiter: u8, null: &str, csv: bool) -> Result<(), PgError> {
    let line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if line_end(&delimiter) {
        return Err(PgError::new("22023", "COPY delimiter cannot be newline or carriage return"));
    }
    if null.as_bytes().iter().any(line_end) {
        return Err(PgError::new("22023", "COPY null representation cannot use newline or carriage return"));
    }
    if !csv && matches!(delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9') {
        return Err(PgError::new("22023", format!("COPY delimiter cannot be \"{}\"", char::from(delimiter))));
    }
    Ok(())
}

/// Options that force something only do so in CSV, and in one direction.
fn check_force(copy: &Copy, csv: bool) -> Result<(), PgError> {
    let forced = [
        (&copy.force_quote, "force quote", false),
        (&copy.force_not_null, "force not null", true),
        (&copy.force_null, "force null", true),
    ];
    for (columns, name, when_from) in forced {
        if *columns == Columns::None {
            continue;
        }
        if !csv {
            return Err(unsupported(format!("COPY {name} available only in CSV mode")));
        }
        if copy.is_from != when_from {
            let way = if when_from { "FROM" } else { "TO" };
            return Err(unsupported(format!("COPY {name} only available using COPY {way}")));
        }
    }
    Ok(())
}

fn check_encoding(copy: &Copy) -> Result<(), PgError> {
    let Some(encoding) = &copy.encoding else { return Ok(()) };
    let plain: String =
        encoding.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let starts = |names: &[&str]| names.iter().any(|name| plain.starts_with(name));
    if matches!(plain.as_str(), "utf8" | "unicode" | "sqlascii") {
        return Ok(());
    }
    if starts(&["latin", "iso8859", "win", "euc", "koi8", "sjis", "shift", "big5", "gb", "uhc", "johab", "mule"]) {
        let error = unsupported(format!("COPY in the encoding {encoding} is not supported"));
        return Err(error.with_hint("Convert the data to UTF8 on the client."));
    }
    Err(PgError::new("22023", "argument to option \"encoding\" must be a valid encoding name"))
}

/// One byte of an option that only CSV has.
fn csv_byte(csv: bool, option: Option<&String>, default: u8, what: &str) -> Result<u8, PgError> {
    if !csv && option.is_some() {
        return Err(unsupported(format!("COPY {what} available only in CSV mode")));
    }
    one_byte(option, default, what)
}

/// One byte of an option, or its default.
fn one_byte(option: Option<&String>, default: u8, what: &str) -> Result<u8, PgError> {
    match option.map(|text| text.as_bytes()) {
        None => Ok(default),
        Some(&[byte]) => Ok(byte),
        Some(_) => Err(unsupported(format!("COPY {what} must be a single one-byte character"))),
    }
}

fn unsupported(message: impl Into<String>) -> PgError {
    PgError::new("0A000", message)
}
