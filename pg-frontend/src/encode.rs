//! Rows of Arrow batches as PostgreSQL messages.
//!
//! Every value a client sees goes through here, most of the time of a large result is spent here, and every mistake here is
//! a silent wrong answer. So types are resolved once a batch (`column.rs`), a value is one jump and a few moves (`text.rs`,
//! `binary.rs`), messages are written in place with their lengths patched back, and what PostgreSQL itself prints is
//! checked in as data (`oracle.rs`). [`RowEncoder`] writes `DataRow`s, [`CopyEncoder`] the lines of `COPY TO STDOUT`.

mod array;
mod binary;
pub(crate) mod calendar;
mod column;
mod copy;
mod declared;
mod float;
mod interval;
mod json;
mod jsonb;
pub(crate) mod number;
mod numeric;
#[cfg(test)]
pub(crate) mod oracle;
pub(crate) mod pg_type;
mod row;
pub(crate) mod settings;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod zone;

pub use copy::{CopyEncoder, CopyFormat, CsvOptions, ForceQuote, TextOptions};
pub use declared::declare;
pub(crate) use pg_type::tell_type;
pub use pg_type::{PgType, Scalar};
pub use row::{Format, RowEncoder};
pub use settings::{ByteaOutput, DateOrder, IntervalStyle, Settings};
pub use zone::Zone;

use arrow::datatypes::DataType;
use bytes::BytesMut;

/// A value cannot be told to a client.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// DuckDB holds a moment that PostgreSQL's format cannot.
    #[error("{0}")]
    Value(#[from] ValueError),
    /// The column has a type that is no PostgreSQL type.
    #[error("column \"{column}\" has the type {data_type}, which has no PostgreSQL type. Cast it to text")]
    Unsupported { column: String, data_type: DataType },
    /// A batch is not what its result's schema promised.
    #[error("column \"{column}\" was announced as {expected} and came as {found}")]
    Schema { column: String, expected: DataType, found: DataType },
}

/// What is wrong with a single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("date out of range")]
    Date,
    #[error("time out of range")]
    Time,
    #[error("timestamp out of range")]
    Timestamp,
    #[error("value out of range for its type")]
    Number,
    #[error("the number of this object is not known here; ask for the text format, or cast the value to oid or text")]
    ObjectName,
    #[error("the value or row is larger than 1 GB, the most that a PostgreSQL message can hold")]
    TooLarge,
}

impl EncodeError {
    /// The SQLSTATE that PostgreSQL gives for the same.
    pub const fn sqlstate(&self) -> &'static str {
        match self {
            Self::Value(ValueError::Date | ValueError::Time | ValueError::Timestamp) => "22008",
            Self::Value(ValueError::Number) => "22003",
            Self::Value(ValueError::TooLarge) => "54000",
            Self::Unsupported { .. } | Self::Value(ValueError::ObjectName) => "0A000",
            Self::Schema { .. } => "XX000",
        }
    }
}

/// PostgreSQL's own limit on a message, 1 GB less a byte.
const MAX_LENGTH: usize = 0x3fff_ffff;

/// Writes at `at` how many bytes follow `from`.
#[inline]
fn patch_length(out: &mut BytesMut, at: usize, from: usize) -> Result<(), ValueError> {
    let length = out.len() - from;
    if length > MAX_LENGTH {
        return Err(ValueError::TooLarge);
    }
    out[at..at + 4].copy_from_slice(&(length as u32).to_be_bytes());
    Ok(())
}
