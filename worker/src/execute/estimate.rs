//! `EXPLAIN ESTIMATE`: how big the gateway thinks a statement is, as rows.
//!
//! The statement is judged and bound as an `EXPLAIN` of it would be, so that what is wrong with it is told. Nothing runs: the rows are
//! those of the estimate that came with the call, and wait as any rows of a statement that has run.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tavana_wire::estimate::Estimate;
use tavana_wire::{Failure, FailureKind};

use super::script::{Script, ScriptOutcome, numbered};
use crate::engine::EngineError;
use crate::session::Lease;
use crate::statement::{Statement, StatementKind};
use crate::stream::encoder::BatchEncoder;

impl Script {
    /// The rows of an `EXPLAIN ESTIMATE`.
    pub(super) fn explain_estimate(
        &self,
        lease: &mut Lease,
        statement: &Statement<'_>,
    ) -> Result<ScriptOutcome, Failure> {
        bind(lease, statement)?;
        self.policy.check(statement, StatementKind::Explain, self.role)?;
        let Some(estimate) = &self.estimate else {
            let message = "EXPLAIN ESTIMATE is answered by a gateway, which estimates, and this worker was asked without one; \
                connect to a gateway, or use EXPLAIN";
            return Err(Failure::new(FailureKind::Unsupported, message));
        };
        let batch = rows(estimate)?;
        let (mut encoder, head) = BatchEncoder::new(&batch.schema());
        let mut frames = vec![head];
        encoder.encode(&batch, &mut frames).map_err(not_encoded)?;
        let mut spool = self.space.spool();
        for frame in frames {
            spool.push(frame)?;
        }
        Ok(ScriptOutcome::Stored { schema: batch.schema(), spool })
    }
}

/// Has DuckDB bind what is estimated.
///
/// # Errors
/// What DuckDB says of it.
pub(super) fn bind(lease: &mut Lease, statement: &Statement<'_>) -> Result<(), EngineError> {
    let explain = statement.without_estimate();
    let mut extracted = lease.extract(&numbered(&Statement::read(&explain)))?;
    // DuckDB expands a PIVOT into several, which are bound one after the other as they run.
    if extracted.count() == 1 { extracted.prepare(0).map(|_| ()) } else { Ok(()) }
}

/// The columns of the rows.
pub(super) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![text("item"), text("value")]))
}

/// An item a row; what is not known is null.
fn rows(estimate: &Estimate) -> Result<RecordBatch, Failure> {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let mut rows = vec![
        ("scan_bytes", number(estimate.scan_bytes)),
        ("rows", number(estimate.rows)),
        ("output_bytes", number(estimate.output_bytes)),
        ("peak_memory_bytes", number(Some(estimate.peak_memory_bytes))),
        ("confidence", Some(format!("{:.2}", estimate.confidence))),
        ("source", Some(estimate.source().label().to_owned())),
    ];
    rows.extend(estimate.because.iter().map(|because| ("because", Some(because.clone()))));
    let items: StringArray = rows.iter().map(|(item, _)| Some(*item)).collect();
    let values: StringArray = rows.iter().map(|(_, value)| value.as_deref()).collect();
    RecordBatch::try_new(schema(), vec![Arc::new(items), Arc::new(values)]).map_err(not_encoded)
}

fn not_encoded(error: arrow::error::ArrowError) -> Failure {
    Failure::new(FailureKind::Internal, format!("an estimate could not be encoded: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray as _;

    #[test]
    fn an_estimate_is_told_item_by_item() {
        let estimate = Estimate {
            scan_bytes: Some(7),
            peak_memory_bytes: 100,
            confidence: 0.5,
            source: tavana_wire::estimate::EstimateSource::Planned.into(),
            because: vec!["a".to_owned(), "b".to_owned()],
            ..Estimate::default()
        };
        let batch = rows(&estimate).unwrap();
        let column = |index: usize| batch.column(index).as_string::<i32>().iter().collect::<Vec<_>>();
        let items: Vec<_> = column(0).into_iter().zip(column(1)).collect();
        assert_eq!(
            items,
            [
                (Some("scan_bytes"), Some("7")),
                (Some("rows"), None),
                (Some("output_bytes"), None),
                (Some("peak_memory_bytes"), Some("100")),
                (Some("confidence"), Some("0.50")),
                (Some("source"), Some("planned")),
                (Some("because"), Some("a")),
                (Some("because"), Some("b")),
            ]
        );
    }
}
