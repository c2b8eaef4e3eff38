//! Statements that are their own ticket: planned, run and fetched in one call.

use std::sync::Arc;

use arrow::datatypes::Schema;
use tavana_wire::handle::StatementTicket;
use tavana_wire::{Failure, RunStatement};

use super::Executor;
use super::deliver::whole_body;
use super::parameters::Parameters;
use super::script::{Mode, ScriptOutcome};
use crate::caller::Call;
use crate::stream::body::FlightBody;
use crate::stream::encoder::BatchEncoder;

/// What a statement came to.
pub(crate) struct Ran {
    /// Its rows.
    pub(crate) body: FlightBody,
    /// How many rows it changed, where it has no rows to give; -1 when it is not of the kind that changes any.
    pub(crate) rows_changed: Option<i64>,
}

impl Executor {
    /// Runs a text of one or several statements, once and in order; gives what the last one returns.
    ///
    /// # Errors
    /// What DuckDB or the policy says before the first row; what fails later is in the body's trailers.
    pub(crate) async fn run_now(self: &Arc<Self>, call: &mut Call, run: RunStatement) -> Result<Ran, Failure> {
        let bound = Parameters::decode(&run.parameters)?;
        match self.run_script(call, &run.sql, bound, Mode::Now).await? {
            ScriptOutcome::Read { sql, .. } => {
                let ticket = StatementTicket {
                    query_id: call.query_id.to_vec(),
                    sql,
                    parameters: run.parameters,
                    // Nothing was announced.
                    schema_digest: Vec::new(),
                };
                Ok(Ran { body: self.fetch_statement(call, ticket).await?, rows_changed: None })
            }
            ScriptOutcome::Stored { spool, .. } => Ok(Ran { body: FlightBody::of_spool(spool), rows_changed: None }),
            ScriptOutcome::Changed(rows) => {
                let (_, schema) = BatchEncoder::new(&Arc::new(Schema::empty()));
                Ok(Ran { body: whole_body(vec![schema]), rows_changed: Some(rows) })
            }
        }
    }
}
