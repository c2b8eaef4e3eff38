//! Statements that are their own ticket: planned, run and fetched in one call.

use std::sync::Arc;

use arrow::datatypes::Schema;
use tavana_wire::{Failure, RunStatement};

use super::Executor;
use super::blocking::{OnLease as _, blocking};
use super::cursor::Cursor;
use super::deliver::{first_frames, whole_body};
use super::parameters::Parameters;
use super::script::{Begun, Mode, ScriptOutcome};
use crate::caller::Call;
use crate::spool::Spool;
use crate::stream::body::FlightBody;
use crate::stream::encoder::BatchEncoder;
use crate::stream::frame::Frame;

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
        let Begun { script, pieces, lease, query } =
            self.begin_script(call, &run.sql, bound.clone(), Mode::Now).await?;
        let (before, pinned) = (script.session.clone(), script.pinned.clone());
        // One trip to DuckDB for the walk and the first rows: a small result is whole after it.
        let work = move |cursor: &mut Cursor| {
            let (outcome, session) = script.walk(cursor.lease(), &pieces);
            let outcome = outcome.and_then(|outcome| match outcome {
                ScriptOutcome::Read { sql, .. } => {
                    cursor.read(sql, bound);
                    Ok(Came::Rows(first_frames(cursor)?))
                }
                ScriptOutcome::Stored { spool, .. } => Ok(Came::Spooled(spool)),
                ScriptOutcome::Changed(rows) => Ok(Came::Changed(rows)),
            });
            Ok((outcome, session))
        };
        let (cursor, (outcome, session)) = blocking(&query, Cursor::idle(lease, query.run().clone()), work).await?;
        if session != before {
            self.session_changed(call, session);
        }
        match outcome.map_err(|failure| query.failed(failure))? {
            Came::Rows(frames) => Ok(Ran { body: self.deliver(query, cursor, frames, pinned), rows_changed: None }),
            Came::Spooled(spool) => Ok(Ran { body: FlightBody::of_spool(spool), rows_changed: None }),
            Came::Changed(rows) => {
                let (_, schema) = BatchEncoder::new(&Arc::new(Schema::empty()));
                Ok(Ran { body: whole_body(vec![schema]), rows_changed: Some(rows) })
            }
        }
    }
}

/// What the last statement came to.
enum Came {
    /// A read that has begun with these frames.
    Rows(Vec<Frame>),
    /// Rows that wait.
    Spooled(Spool),
    /// Changed rows, or -1.
    Changed(i64),
}
