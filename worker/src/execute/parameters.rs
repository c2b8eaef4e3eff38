//! Values of parameters, as clients send them and as tickets carry them.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use tavana_wire::{Failure, FailureKind};

use crate::engine::sql_type;

/// Rows of values, one column a parameter.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

impl Parameters {
    /// How many times the statement runs.
    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The SQL types of the columns, to make clear what a parameter is where the statement does not.
    ///
    /// # Errors
    /// `Unsupported` for Arrow types without a DuckDB type.
    pub(crate) fn sql_types(&self) -> Result<Vec<String>, Failure> {
        self.schema.fields().iter().map(|field| Ok(sql_type(field.data_type())?)).collect()
    }

    /// As one Arrow IPC stream.
    ///
    /// # Errors
    /// `InvalidRequest` when Arrow cannot write them.
    pub(crate) fn encode(&self) -> Result<Bytes, Failure> {
        let mut bytes = Vec::new();
        let write = |bytes: &mut Vec<u8>| {
            let mut writer = StreamWriter::try_new(bytes, &self.schema)?;
            self.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()
        };
        write(&mut bytes).map_err(malformed)?;
        Ok(bytes.into())
    }

    /// From an Arrow IPC stream; `None` when it is empty.
    ///
    /// # Errors
    /// `InvalidRequest` when it is none.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Option<Self>, Failure> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let reader = StreamReader::try_new(bytes.as_ref(), None).map_err(malformed)?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<_, _>>().map_err(malformed)?;
        Ok(Some(Self { schema, batches }))
    }
}

fn malformed(error: arrow::error::ArrowError) -> Failure {
    Failure::new(FailureKind::InvalidRequest, format!("the parameters are not a valid Arrow stream: {error}"))
}
