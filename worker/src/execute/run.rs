//! Running one statement to its end: once, or for every row of parameters.

use std::sync::Arc;

use tavana_wire::{Failure, FailureKind};

use super::parameters::Parameters;
use super::script::{Mode, Script, ScriptOutcome};
use crate::engine::{Prepared, ResultStream, Returns};
use crate::session::Lease;
use crate::stream::encoder::FrameSource;

impl Script {
    /// Runs one statement now, for each row of parameters if it is the last.
    pub(super) fn run(
        &self,
        lease: &mut Lease,
        prepared: &mut Prepared,
        is_last: bool,
    ) -> Result<ScriptOutcome, Failure> {
        let Some(parameters) = self.parameters.as_ref().filter(|_| is_last) else {
            if prepared.parameter_count() > 0 {
                let message = "the statement has parameters, and no values were bound to them";
                return Err(Failure::new(FailureKind::Binding, message));
            }
            return self.finish(prepared.execute()?, is_last);
        };
        match parameters.rows() {
            0 if prepared.parameter_count() > 0 => Ok(ScriptOutcome::Changed(0)),
            0 | 1 => {
                if let Some(batch) = parameters.batches.iter().find(|batch| batch.num_rows() > 0) {
                    prepared.bind_row(batch.columns(), 0)?;
                }
                self.finish(prepared.execute()?, is_last)
            }
            _ => self.run_many(lease, prepared, parameters),
        }
    }

    /// Runs a statement for many rows of parameters, all or none.
    fn run_many(
        &self,
        lease: &mut Lease,
        prepared: &mut Prepared,
        parameters: &Parameters,
    ) -> Result<ScriptOutcome, Failure> {
        let own_transaction = !self.pinned.as_ref().is_some_and(|session| session.in_transaction());
        if own_transaction {
            lease.begin()?;
        }
        let outcome = self.run_rows(prepared, parameters);
        if own_transaction {
            lease.end(outcome.is_ok())?;
        }
        outcome
    }

    fn run_rows(&self, prepared: &mut Prepared, parameters: &Parameters) -> Result<ScriptOutcome, Failure> {
        let mut changed = 0i64;
        for batch in &parameters.batches {
            for row in 0..batch.num_rows() {
                prepared.bind_row(batch.columns(), row)?;
                match self.finish(prepared.execute()?, false)? {
                    ScriptOutcome::Changed(rows) if rows >= 0 => changed += rows,
                    _ => {}
                }
            }
        }
        self.run.gave(changed.unsigned_abs(), 0);
        Ok(ScriptOutcome::Changed(changed))
    }

    /// Reads a result to its end; keeps the rows if somebody will fetch them.
    fn finish(&self, mut result: ResultStream, is_last: bool) -> Result<ScriptOutcome, Failure> {
        match result.returns() {
            Returns::Rows if is_last && self.mode != Mode::Update => {
                let schema = Arc::clone(result.schema());
                let mut spool = self.space.spool();
                let mut source = FrameSource::new(result);
                while let Some(frame) = source.next_frame()? {
                    spool.push(frame)?;
                }
                self.run.gave(source.rows(), spool.bytes());
                Ok(ScriptOutcome::Stored { schema, spool })
            }
            _ => {
                while result.next_chunk()?.is_some() {}
                let changed = result.rows_changed().map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
                self.run.gave(result.rows_changed().unwrap_or(0), 0);
                Ok(ScriptOutcome::Changed(changed.unwrap_or(-1)))
            }
        }
    }
}
