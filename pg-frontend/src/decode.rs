//! Values of clients as Arrow arrays: the parameters of `Bind`, and the rows of `COPY FROM STDIN`.
//!
//! DuckDB's own casts from text differ from PostgreSQL's in many places (dates, intervals, `t`, arrays, bytea), and its
//! errors in all. So text is read here by PostgreSQL's rules into typed columns (`column.rs`), with its messages and
//! SQLSTATEs, and DuckDB is only given values. Both formats end in the same builders, so that they cannot disagree.

mod array;
mod binary;
mod column;
mod copy;
pub(crate) mod datetime;
pub(crate) mod interval;
mod json;
pub(crate) mod numeric;
mod scalar;
#[cfg(test)]
mod tests;

pub use copy::{CopyColumn, CopyDecoder, CopyError, CopyInput, ForceNull, HeaderLine};

use crate::encode::{DateOrder, Format, PgType, Settings};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use bytes::Bytes;
use column::Builder;
use std::sync::Arc;

/// A value of a client that cannot be read. Messages are PostgreSQL's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("invalid input syntax for type {0}: \"{1}\"")]
    Syntax(&'static str, String),
    #[error("invalid input syntax for type {0}")]
    SyntaxOnly(&'static str),
    #[error("invalid input syntax for type {0}: \"{1}\"")]
    DateTimeSyntax(&'static str, String),
    #[error("value \"{1}\" is out of range for type {0}")]
    IntegerRange(&'static str, String),
    #[error("\"{1}\" is out of range for type {0}")]
    FloatRange(&'static str, String),
    #[error("numeric field overflow")]
    NumericOverflow,
    #[error("DuckDB has no {0} in decimal columns. Cast the value to double precision")]
    NumericSpecial(&'static str),
    #[error("date/time field value out of range: \"{0}\"")]
    FieldRange(String),
    #[error("{0} out of range: \"{1}\"")]
    DateTimeRange(&'static str, String),
    #[error("interval field value out of range: \"{0}\"")]
    IntervalRange(String),
    #[error("time zone displacement out of range: \"{0}\"")]
    ZoneDisplacement(String),
    #[error("time zone \"{0}\" not recognized")]
    UnknownZone(String),
    #[error("invalid hexadecimal digit: \"{0}\"")]
    HexDigit(char),
    #[error("invalid hexadecimal data: odd number of digits")]
    OddHex,
    #[error("\"{0}\" is not a valid {1} digit")]
    BitDigit(char, &'static str),
    #[error("malformed array literal: \"{0}\"")]
    Array(String),
    #[error("number of array dimensions ({0}) does not fit the column's ({1})")]
    Dimensions(usize, usize),
    #[error("invalid byte sequence for encoding \"UTF8\": {0}")]
    Encoding(String),
    #[error("incorrect binary data format in bind parameter {0}")]
    BinaryParameter(usize),
    #[error("incorrect binary data format")]
    Binary,
    #[error("insufficient data left in message")]
    Short,
    #[error("bind message has {0} parameter formats but {1} parameters")]
    Formats(usize, usize),
    #[error("there are {0} parameter types but {1} parameters")]
    Types(usize, usize),
    #[error("no binary input function available for type with OID {0}. Send the value as text")]
    NoBinary(u32),
}

impl DecodeError {
    /// The SQLSTATE that PostgreSQL gives for the same.
    pub const fn sqlstate(&self) -> &'static str {
        match self {
            Self::Syntax(..) | Self::SyntaxOnly(_) | Self::BitDigit(..) | Self::Array(_) => "22P02",
            Self::DateTimeSyntax(..) => "22007",
            Self::IntegerRange(..) | Self::FloatRange(..) | Self::NumericOverflow => "22003",
            Self::FieldRange(_) | Self::DateTimeRange(..) => "22008",
            Self::IntervalRange(_) => "22015",
            Self::ZoneDisplacement(_) => "22009",
            Self::UnknownZone(_) | Self::HexDigit(_) | Self::OddHex => "22023",
            Self::Dimensions(..) => "2202E",
            Self::Encoding(_) => "22021",
            Self::Binary | Self::BinaryParameter(_) => "22P03",
            Self::Short | Self::Formats(..) | Self::Types(..) => "08P01",
            Self::NumericSpecial(_) | Self::NoBinary(_) => "0A000",
        }
    }
}

/// The parameters of a `Bind` as a batch of one row with the columns `$1`, `$2` …
///
/// `types` are OIDs; 0, `unknown` and types that we have no values of are taken as text. `formats` are as in `Bind`: none
/// is text, one is for all. A `numeric` gets the precision and scale its value needs.
pub fn parameters(
    types: &[u32],
    formats: &[Format],
    values: &[Option<Bytes>],
    settings: &Settings,
) -> Result<RecordBatch, DecodeError> {
    if types.len() != values.len() {
        return Err(DecodeError::Types(types.len(), values.len()));
    }
    let formats = Format::spread(formats, values.len()).ok_or(DecodeError::Formats(formats.len(), values.len()))?;
    let mut fields = Vec::with_capacity(values.len());
    let mut columns = Vec::with_capacity(values.len());
    for (position, ((oid, format), value)) in types.iter().zip(formats).zip(values).enumerate() {
        let pg_type = match (PgType::from_oid(*oid, -1), format) {
            (Some(pg_type), _) => pg_type,
            (None, Format::Text) => PgType::scalar(crate::encode::Scalar::Text),
            (None, Format::Binary) => return Err(DecodeError::NoBinary(*oid)),
        };
        let builder = parameter(pg_type, format, value.as_deref(), settings).map_err(|error| match error {
            DecodeError::Binary => DecodeError::BinaryParameter(position + 1),
            other => other,
        })?;
        let (field, column) = builder.finish(&format!("${}", position + 1));
        fields.push(field);
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    // Every builder holds one value, and the fields are the builders' own.
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(|_| DecodeError::Binary)
}

/// Whether a text is a value of a type.
pub(crate) fn check(pg_type: PgType, text: &str, date_order: DateOrder) -> Result<(), DecodeError> {
    let settings = Settings { date_order, ..Settings::default() };
    parameter(pg_type, Format::Text, Some(text.as_bytes()), &settings).map(drop)
}

fn parameter(
    pg_type: PgType,
    format: Format,
    value: Option<&[u8]>,
    settings: &Settings,
) -> Result<Builder, DecodeError> {
    let Some(value) = value else {
        let mut builder = Builder::for_parameter(pg_type);
        builder.push_null();
        return Ok(builder);
    };
    if pg_type.dimensions > 0 {
        let array = match format {
            Format::Text => array::parse(scalar::utf8(value)?)?,
            Format::Binary => binary::array(value)?,
        };
        // A client does not tell dimensions before it sends them.
        let mut builder = Builder::for_parameter(PgType { dimensions: array.dimensions.len().max(1) as u8, ..pg_type });
        builder.push_array(&array, settings)?;
        return Ok(builder);
    }
    let mut builder = Builder::for_parameter(pg_type);
    match format {
        Format::Text => builder.push_text(scalar::utf8(value)?, settings)?,
        Format::Binary => builder.push_binary(value)?,
    }
    Ok(builder)
}
