//! Chunks in, frames out: how large messages are, and which way a column takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{concat, concat_batches};
use arrow::datatypes::{ArrowDictionaryKeyType, DataType, SchemaRef, UInt8Type, UInt16Type, UInt32Type};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use tavana_wire::{Failure, FailureKind};

use super::columns::ColumnBatch;
use super::frame::Frame;
use crate::engine::{Chunk, EngineError, ResultStream};

/// A message is sent once it has this many bytes of body. Smaller ones cost Arrow C++ clients more page faults a byte.
const TARGET_BYTES: usize = 3 * 1024 * 1024;
/// No message is larger, but for single rows that are: many clients take 4 MiB.
const MAX_BYTES: usize = 3 * 1024 * 1024 + 768 * 1024;
/// A message is sent once it has this many rows, so that narrow results do not wait for bytes.
const TARGET_ROWS: usize = 64 * 1024;
/// A message is sent after this time with whatever it has: slow queries show their first rows soon.
const MAX_DELAY: Duration = Duration::from_millis(200);

/// Why a result could not be encoded or read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// DuckDB failed in the middle.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Arrow could not encode a batch.
    #[error("a result could not be encoded: {0}")]
    Encode(#[from] ArrowError),
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Engine(error) => error.into(),
            StreamError::Encode(_) => Failure::new(FailureKind::Internal, error.to_string()),
        }
    }
}

/// Encodes record batches of one schema as IPC messages; the schema comes first.
pub(crate) struct BatchEncoder {
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
}

impl BatchEncoder {
    /// An encoder, and the frame of its schema.
    pub(crate) fn new(schema: &SchemaRef) -> (Self, Frame) {
        let mut encoder = Self {
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(false),
            options: IpcWriteOptions::default(),
        };
        let message = encoder.generator.schema_to_bytes_with_dictionary_tracker(
            schema,
            &mut encoder.dictionaries,
            &encoder.options,
        );
        (encoder, Frame::flight_data(&message.ipc_message, Vec::new()))
    }

    /// The frames of a batch: new dictionaries first; cut so that no message grows too large.
    pub(crate) fn encode(&mut self, batch: &RecordBatch, frames: &mut Vec<Frame>) -> Result<(), ArrowError> {
        // Nothing is compressed, so the context of compression is empty each time.
        let (dictionaries, data) =
            self.generator.encode(batch, &mut self.dictionaries, &self.options, &mut Default::default())?;
        for dictionary in dictionaries {
            frames.push(Frame::flight_data(&dictionary.ipc_message, vec![dictionary.arrow_data.into()]));
        }
        if data.arrow_data.len() > MAX_BYTES && batch.num_rows() > 1 {
            let half = batch.num_rows() / 2;
            self.encode(&batch.slice(0, half), frames)?;
            return self.encode(&batch.slice(half, batch.num_rows() - half), frames);
        }
        frames.push(Frame::flight_data(&data.ipc_message, vec![data.arrow_data.into()]));
        Ok(())
    }
}

/// The frames of a running result, one after the other.
pub(crate) struct FrameSource {
    result: Option<ResultStream>,
    schema: SchemaRef,
    encoder: BatchEncoder,
    gathered: Gathered,
    ready: std::collections::VecDeque<Frame>,
    /// Rows that came from DuckDB.
    rows: u64,
    finished: bool,
}

/// Rows that wait to fill a message.
enum Gathered {
    /// All columns have a direct layout.
    Direct(ColumnBatch),
    /// DuckDB's own export, to be joined.
    Exported { batches: Vec<RecordBatch>, bytes: usize, rows: usize },
}

impl FrameSource {
    /// Frames of `result`, the schema's first.
    pub(crate) fn new(result: ResultStream) -> Self {
        let (encoder, schema) = BatchEncoder::new(result.schema());
        let gathered = match result.layouts() {
            Some(layouts) => Gathered::Direct(ColumnBatch::new(layouts)),
            None => Gathered::Exported { batches: Vec::new(), bytes: 0, rows: 0 },
        };
        let schema_frame = schema;
        let schema = Arc::clone(result.schema());
        Self { result: Some(result), schema, encoder, gathered, ready: [schema_frame].into(), rows: 0, finished: false }
    }

    /// The same, through DuckDB's own export whatever the layout: what the direct way is compared with.
    #[cfg(test)]
    pub(crate) fn exported(result: ResultStream) -> Self {
        let mut source = Self::new(result);
        source.gathered = Gathered::Exported { batches: Vec::new(), bytes: 0, rows: 0 };
        source
    }

    /// Lets go of the result, which has been read to its end.
    pub(crate) fn release_result(&mut self) {
        self.result = None;
    }

    /// Goes on with another result of the same schema.
    pub(crate) fn continue_with(&mut self, result: ResultStream) {
        self.result = Some(result);
        self.finished = false;
    }

    /// How many rows came from DuckDB.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether all frames were given out.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished && self.ready.is_empty()
    }

    /// The next frame; `None` at the true end of the result. Blocks while DuckDB computes.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, StreamError> {
        let started = Instant::now();
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            let Some(result) = self.result.as_mut().filter(|_| !self.finished) else { return Ok(None) };
            match result.next_chunk()? {
                Some(chunk) => {
                    self.rows += chunk.rows() as u64;
                    self.gather(&chunk)?;
                    if started.elapsed() >= MAX_DELAY {
                        self.flush()?;
                    }
                }
                None => {
                    self.finished = true;
                    self.flush()?;
                }
            }
        }
    }

    fn gather(&mut self, chunk: &Chunk) -> Result<(), StreamError> {
        match &mut self.gathered {
            Gathered::Direct(batch) => {
                let all = 0..chunk.rows();
                if batch.bytes() + batch.bytes_of(chunk, &all) <= MAX_BYTES {
                    batch.append(chunk, all);
                } else {
                    self.ready.extend(append_cut(batch, chunk));
                }
                if batch.bytes() >= TARGET_BYTES || batch.rows() >= TARGET_ROWS {
                    self.ready.push_back(batch.take_frame());
                }
            }
            Gathered::Exported { batches, bytes, rows } => {
                let Some(result) = &self.result else { return Ok(()) };
                let batch = result.to_arrow(chunk)?;
                *bytes += batch.get_array_memory_size();
                *rows += batch.num_rows();
                batches.push(batch);
                if *bytes >= TARGET_BYTES || *rows >= TARGET_ROWS {
                    self.flush()?;
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        match &mut self.gathered {
            Gathered::Direct(batch) if batch.rows() > 0 => self.ready.push_back(batch.take_frame()),
            Gathered::Exported { batches, bytes, rows } if *rows > 0 => {
                let joined = join(&self.schema, batches)?;
                batches.clear();
                (*bytes, *rows) = (0, 0);
                let mut frames = Vec::new();
                self.encoder.encode(&joined, &mut frames)?;
                self.ready.extend(frames);
            }
            Gathered::Direct(_) | Gathered::Exported { .. } => {}
        }
        Ok(())
    }
}

/// Appends a chunk that is too large for the message under way; gives the messages that it filled.
fn append_cut(batch: &mut ColumnBatch, chunk: &Chunk) -> Vec<Frame> {
    let mut frames = Vec::new();
    let (mut start, mut bytes) = (0, batch.bytes());
    for row in 0..chunk.rows() {
        let row_bytes = batch.bytes_of(chunk, &(row..row + 1));
        if bytes + row_bytes > MAX_BYTES && bytes > 0 {
            batch.append(chunk, start..row);
            frames.push(batch.take_frame());
            (start, bytes) = (row, 0);
        }
        bytes += row_bytes;
    }
    batch.append(chunk, start..chunk.rows());
    frames
}

/// Joins batches; dictionaries of DuckDB's enums are the same in each and are kept once.
fn join(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    if !schema.fields().iter().any(|field| matches!(field.data_type(), DataType::Dictionary(..))) {
        return concat_batches(schema, batches);
    }
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(index).as_ref()).collect();
        match field.data_type() {
            DataType::Dictionary(key, _) => match key.as_ref() {
                DataType::UInt8 => join_dictionary::<UInt8Type>(&parts),
                DataType::UInt16 => join_dictionary::<UInt16Type>(&parts),
                DataType::UInt32 => join_dictionary::<UInt32Type>(&parts),
                _ => concat(&parts),
            },
            data_type if parts.is_empty() => Ok(new_null_array(data_type, 0)),
            _ => concat(&parts),
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

fn join_dictionary<K: ArrowDictionaryKeyType>(parts: &[&dyn Array]) -> Result<ArrayRef, ArrowError> {
    let parts: Vec<&DictionaryArray<K>> = parts.iter().map(|part| part.as_dictionary::<K>()).collect();
    let values = parts[0].values();
    if parts.iter().any(|part| part.values().as_ref() != values.as_ref()) {
        let parts: Vec<&dyn Array> = parts.iter().map(|part| *part as &dyn Array).collect();
        return concat(&parts);
    }
    let keys: Vec<&dyn Array> = parts.iter().map(|part| part.keys() as &dyn Array).collect();
    let keys = concat(&keys)?.as_primitive::<K>().clone();
    Ok(Arc::new(DictionaryArray::<K>::try_new(keys, Arc::clone(values))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Instance, InstanceConfig};
    use arrow_flight::FlightData;
    use arrow_flight::decode::FlightRecordBatchStream;
    use futures::TryStreamExt as _;
    use proptest::prelude::*;
    use prost::Message as _;

    fn instance() -> Instance {
        Instance::open(&InstanceConfig::default()).unwrap()
    }

    fn collect(mut source: FrameSource) -> RecordBatch {
        let mut messages = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            assert!(frame.len() < 4 << 20, "a message of {} bytes", frame.len());
            messages.push(Ok(FlightData::decode(&frame.segments().concat()[5..]).unwrap()));
        }
        let batches = FlightRecordBatchStream::new_from_flight_data(futures::stream::iter(messages));
        let batches: Vec<RecordBatch> = futures::executor::block_on(batches.try_collect()).unwrap();
        concat_batches(&source.schema, &batches).unwrap()
    }

    /// Both ways give the same rows, and the direct way was really taken.
    fn check(sql: &str) {
        let instance = instance();
        let connection = instance.connect().unwrap();
        let run = || connection.prepare(sql).unwrap().execute().unwrap();
        let direct = FrameSource::new(run());
        assert!(matches!(direct.gathered, Gathered::Direct(_)), "{sql} has no direct layout");
        let direct = collect(direct);
        let exported = collect(FrameSource::exported(run()));
        assert_eq!(direct, exported, "{sql}");
    }

    /// A column of each type with a direct layout, of the row number `i`.
    const DIRECT: &str = "
        i % 2 = 0 AS bool, i::TINYINT AS i8, i::UTINYINT AS u8, i::SMALLINT AS i16, i::USMALLINT AS u16,
        i::INTEGER AS i32, i::UINTEGER AS u32, i::BIGINT AS i64, i::UBIGINT AS u64, i::HUGEINT AS i128,
        i::FLOAT AS f32, i::DOUBLE AS f64, i::DECIMAL(4,1) AS d2, i::DECIMAL(9,2) AS d4, i::DECIMAL(18,3) AS d8,
        i::DECIMAL(38,4) AS d16, -(i::DECIMAL(4,1)) AS n2, DATE '2000-01-01' + i::INTEGER AS date,
        TIME '00:00:00' + INTERVAL (i) SECOND AS time, make_timestamp(i * 1000) AS ts,
        make_timestamp(i * 1000)::TIMESTAMP_S AS ts_s, make_timestamp(i * 1000)::TIMESTAMP_MS AS ts_ms,
        make_timestamp(i * 1000)::TIMESTAMP_NS AS ts_ns, make_timestamp(i * 1000)::TIMESTAMPTZ AS ts_tz,
        repeat('x', (i % 30)::INTEGER) || 'ü' AS text, repeat('b', (i % 30)::INTEGER)::BLOB AS blob";

    fn nullable(sql: &str, every: u32) -> String {
        let columns: Vec<String> = sql
            .split(" AS ")
            .skip(1)
            .map(|rest| rest.split(',').next().unwrap().trim().to_owned())
            .map(|name| format!("CASE WHEN hash(i, '{name}') % {every} = 0 THEN NULL ELSE {name} END AS {name}"))
            .collect();
        columns.join(", ")
    }

    #[test]
    fn every_direct_type_is_as_duckdb_exports_it() {
        check(&format!("SELECT {DIRECT} FROM range(100) t(i)"));
        check(&format!("SELECT {DIRECT} FROM range(0) t(i)"));
        check(&format!("SELECT {} FROM (SELECT i, {DIRECT} FROM range(100) t(i))", nullable(DIRECT, 3)));
    }

    #[test]
    fn long_texts_are_cut_into_messages_that_clients_take() {
        check("SELECT i, repeat('long', 5000) AS text FROM range(3000) t(i)");
        // A few long ones in a row, among many short ones.
        check(
            "SELECT i, repeat('x', CASE WHEN i BETWEEN 1000 AND 1020 THEN 900000 ELSE 3 END) AS text FROM range(3000) t(i)",
        );
    }

    #[test]
    fn types_without_a_direct_layout_go_through_duckdbs_export() {
        let instance = instance();
        let connection = instance.connect().unwrap();
        let sql = "SELECT [i] AS list, {'a': i} AS struct, (CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END)::ENUM('even', 'odd') AS e FROM range(10000) t(i)";
        let batch = collect(FrameSource::new(connection.prepare(sql).unwrap().execute().unwrap()));
        assert_eq!(batch.num_rows(), 10_000);
        assert_eq!(batch.column(2).as_dictionary::<UInt8Type>().values().len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn direct_and_exported_agree(rows in 0u32..9000, every in 1u32..9, keep in 1u32..5) {
            // A filter makes chunks of any size, so that bitmaps do not begin at whole bytes.
            let inner = format!("SELECT i, {DIRECT} FROM (SELECT i % 100 AS i, i AS k FROM range({rows}) t(i)) WHERE hash(k) % {keep} = 0");
            check(&format!("SELECT {} FROM ({inner})", nullable(DIRECT, every)));
        }
    }
}
