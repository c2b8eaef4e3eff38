//! `DataRow` messages.

use super::column::Column;
use super::pg_type::PgType;
use super::settings::Settings;
use super::{EncodeError, ValueError, array, patch_length, text};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use bytes::{BufMut, BytesMut};
use std::ops::Range;

/// The format of a value on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Binary,
}

impl Format {
    /// The format of a code in `Bind`; `None` for one that does not exist.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Text),
            1 => Some(Self::Binary),
            _ => None,
        }
    }

    /// The code in `RowDescription` and `CopyOutResponse`.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The formats of `count` values as `Bind` tells them: none is text, one is for all. `None` where the numbers differ.
    pub fn spread(formats: &[Self], count: usize) -> Option<Vec<Self>> {
        match formats {
            [] => Some(vec![Self::Text; count]),
            [one] => Some(vec![*one; count]),
            all => (all.len() == count).then(|| all.to_vec()),
        }
    }
}

/// Writes the rows of one result.
#[derive(Debug)]
pub struct RowEncoder {
    schema: SchemaRef,
    formats: Vec<Format>,
    settings: Settings,
}

impl RowEncoder {
    /// An encoder for a schema, with one format a column (see [`Format::spread`]); columns without one are text.
    pub fn new(schema: SchemaRef, mut formats: Vec<Format>, settings: Settings) -> Self {
        formats.resize(schema.fields().len(), Format::Text);
        Self { schema, formats, settings }
    }

    /// Appends rows as `DataRow` messages until all are written or `out` holds `soft_limit` bytes, and returns the row to go
    /// on with. At least one row is written if there is one. After an error `out` ends with the last whole row.
    pub fn encode(
        &mut self,
        batch: &RecordBatch,
        rows: Range<usize>,
        out: &mut BytesMut,
        soft_limit: usize,
    ) -> Result<usize, EncodeError> {
        let columns = resolve(&self.schema, batch)?;
        for row in rows.start..rows.end.min(batch.num_rows()) {
            let start = out.len();
            if let Err(error) = self.put_row(out, &columns, row) {
                out.truncate(start);
                return Err(error.into());
            }
            if out.len() >= soft_limit {
                return Ok(row + 1);
            }
        }
        Ok(rows.end)
    }

    #[inline]
    fn put_row(&self, out: &mut BytesMut, columns: &[Column<'_>], row: usize) -> Result<(), ValueError> {
        let start = out.len();
        let [high, low] = (columns.len() as u16).to_be_bytes();
        out.extend_from_slice(&[b'D', 0, 0, 0, 0, high, low]);
        for (column, format) in columns.iter().zip(&self.formats) {
            if column.is_null(row) {
                out.put_i32(-1);
                continue;
            }
            match format {
                Format::Binary => array::put_field(out, column, row, &self.settings)?,
                Format::Text => {
                    let at = out.len();
                    out.extend_from_slice(&[0; 4]);
                    text::put(out, column, row, &self.settings)?;
                    patch_length(out, at, at + 4)?;
                }
            }
        }
        patch_length(out, start + 1, start + 1)
    }
}

/// The PostgreSQL types of a schema's columns.
pub(super) fn types(schema: &Schema) -> Vec<PgType> {
    schema.fields().iter().map(|field| PgType::from_field(field)).collect()
}

/// The columns of a batch, of which the schema was promised.
pub(super) fn resolve<'a>(schema: &'a Schema, batch: &'a RecordBatch) -> Result<Vec<Column<'a>>, EncodeError> {
    if schema.fields().len() != batch.num_columns() {
        let (expected, found) = (schema.fields().clone(), batch.schema().fields().clone());
        return Err(EncodeError::Schema {
            column: "*".into(),
            expected: arrow::datatypes::DataType::Struct(expected),
            found: arrow::datatypes::DataType::Struct(found),
        });
    }
    schema.fields().iter().zip(batch.columns()).map(|(field, array)| Column::resolve(field, array)).collect()
}
