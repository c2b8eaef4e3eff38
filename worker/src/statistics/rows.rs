//! Rows of queries of ours, column by column, as the few types that statistics need.

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use tavana_wire::statistics::PartitionValue;
use tavana_wire::{Failure, FailureKind};

use crate::engine::Connection;

/// All rows of a query whose size is bounded.
pub(super) struct Rows(Option<RecordBatch>);

impl Rows {
    /// Runs a query that was prepared just for this: DuckDB's functions over footers do not survive a second run.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(super) fn read(connection: &Connection, sql: &str, parameters: &[&str]) -> Result<Self, Failure> {
        let batches = connection.query(sql, parameters)?;
        let joined = batches.first().map(|first| concat_batches(&first.schema(), &batches));
        Ok(Self(joined.transpose().map_err(internal)?))
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, RecordBatch::num_rows)
    }

    /// The rows as Arrow has them.
    pub(super) fn batch(&self) -> Option<&RecordBatch> {
        self.0.as_ref()
    }

    /// A column as text.
    ///
    /// # Errors
    /// `Internal` for a type that has no text.
    pub(super) fn texts(&self, column: usize) -> Result<Vec<Option<String>>, Failure> {
        let Some(column) = self.column(column, &DataType::Utf8)? else { return Ok(Vec::new()) };
        Ok(column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
    }

    /// A column as whole numbers; times are microseconds since 1970.
    ///
    /// # Errors
    /// `Internal` for a type that is no number.
    pub(super) fn numbers(&self, column: usize) -> Result<Vec<Option<i64>>, Failure> {
        let Some(column) = self.column(column, &DataType::Int64)? else { return Ok(Vec::new()) };
        Ok(column.as_primitive::<Int64Type>().iter().collect())
    }

    /// A column as counts; what is negative is unknown.
    ///
    /// # Errors
    /// As [`Self::numbers`].
    pub(super) fn counts(&self, column: usize) -> Result<Vec<Option<u64>>, Failure> {
        let numbers = self.numbers(column)?;
        Ok(numbers.into_iter().map(|number| number.and_then(|number| u64::try_from(number).ok())).collect())
    }

    /// A column of maps from columns to their values.
    ///
    /// # Errors
    /// `Internal` for a column of another type.
    pub(super) fn partitions(&self, column: usize) -> Result<Vec<Vec<PartitionValue>>, Failure> {
        let Some(batch) = &self.0 else { return Ok(Vec::new()) };
        let Some(maps) = batch.column(column).as_map_opt() else { return Err(no_map()) };
        let pairs = |row: usize| {
            if maps.is_null(row) {
                return Ok(Vec::new());
            }
            let entries = maps.value(row);
            let texts = |column: usize| cast(entries.column(column), &DataType::Utf8).map_err(internal);
            let (keys, values) = (texts(0)?, texts(1)?);
            let pairs = keys.as_string::<i32>().iter().zip(values.as_string::<i32>());
            let pair = |(key, value): (Option<&str>, Option<&str>)| PartitionValue {
                column: key.unwrap_or_default().to_owned(),
                value: value.map(str::to_owned),
            };
            Ok(pairs.map(pair).collect())
        };
        (0..maps.len()).map(pairs).collect()
    }

    fn column(&self, column: usize, data_type: &DataType) -> Result<Option<ArrayRef>, Failure> {
        let Some(batch) = &self.0 else { return Ok(None) };
        cast(batch.column(column), data_type).map(Some).map_err(internal)
    }
}

fn internal(error: arrow::error::ArrowError) -> Failure {
    Failure::new(FailureKind::Internal, format!("statistics could not be read: {error}"))
}

fn no_map() -> Failure {
    Failure::new(FailureKind::Internal, "statistics could not be read: a column of maps is none")
}
