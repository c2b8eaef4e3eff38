//! What DuckDB has in use, by its own count.
//!
//! DuckDB counts by tag what its buffers are for. What is kept only because it may be wanted again, and what tables in memory hold,
//! is no statement's own: it is left out of what operators have in use.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::engine::{Connection, EngineError, Prepared};

/// Neither names nor aggregates, which would cost more than the scan itself.
const SQL: &str = "SELECT tag, memory_usage_bytes, temporary_storage_bytes FROM system.main.duckdb_memory()";
/// What outlives the statement that brought it.
const LASTING: [&str; 6] =
    ["BASE_TABLE", "METADATA", "IN_MEMORY_TABLE", "ART_INDEX", "EXTERNAL_FILE_CACHE", "OBJECT_CACHE"];

/// Bytes in use at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// All that counts against DuckDB's limit.
    pub(crate) used_bytes: u64,
    /// The part of it that operators of running statements hold.
    pub(crate) operators_bytes: u64,
    /// On disk, for what did not fit.
    pub(crate) spilled_bytes: u64,
}

/// Reads it again and again, on a connection of its own.
#[derive(Debug)]
pub(super) struct UsageReader {
    // Goes before its connection.
    prepared: Prepared,
    _connection: Connection,
}

impl UsageReader {
    /// # Errors
    /// What DuckDB says.
    pub(super) fn new(connection: Connection) -> Result<Self, EngineError> {
        Ok(Self { prepared: connection.prepare(SQL)?, _connection: connection })
    }

    /// # Errors
    /// What DuckDB says; only an instance that was given up fails here.
    pub(super) fn read(&mut self) -> Result<Usage, EngineError> {
        let mut usage = Usage::default();
        for batch in self.prepared.collect()? {
            usage.add(&batch);
        }
        Ok(usage)
    }
}

impl Usage {
    fn add(&mut self, batch: &RecordBatch) {
        let tags = batch.column(0).as_string::<i32>();
        let (used, spilled) =
            (batch.column(1).as_primitive::<Int64Type>(), batch.column(2).as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            let bytes = u64::try_from(used.value(row)).unwrap_or(0);
            self.used_bytes += bytes;
            if !LASTING.contains(&tags.value(row)) {
                self.operators_bytes += bytes;
            }
            self.spilled_bytes += u64::try_from(spilled.value(row)).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Instance, InstanceConfig};

    #[test]
    fn tables_are_not_operators() {
        let instance = Instance::open(&InstanceConfig::default()).unwrap();
        let connection = instance.connect().unwrap();
        let mut reader = UsageReader::new(instance.connect().unwrap()).unwrap();
        let before = reader.read().unwrap();
        connection.execute("CREATE TABLE t AS SELECT hash(i) AS h FROM range(1000000) t(i)").unwrap();
        let after = reader.read().unwrap();
        assert!(after.used_bytes > before.used_bytes + (4 << 20), "{before:?} {after:?}");
        assert!(after.operators_bytes < before.operators_bytes + (1 << 20), "{before:?} {after:?}");
    }

    #[test]
    fn every_tag_is_known() {
        let instance = Instance::open(&InstanceConfig::default()).unwrap();
        let batches = instance.connect().unwrap().query(SQL, &[]).unwrap();
        let tags: Vec<_> =
            batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
        // A tag that a newer DuckDB adds has to be judged: does it outlive its statement?
        assert_eq!(tags.len(), 16, "{tags:?}");
        assert!(LASTING.iter().all(|tag| tags.contains(tag)), "{tags:?}");
    }
}
