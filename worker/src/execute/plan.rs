//! What a statement turns into: a ticket to fetch, or a count.

use std::time::SystemTime;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use bytes::Bytes;
use tavana_wire::handle::{StatementTicket, StoredTicket, Work};
use tavana_wire::{Failure, FailureKind, Handle, QueryId, seal};

use super::Executor;
use super::again::until_settled;
use super::parameters::Parameters;
use super::script::{Mode, ScriptOutcome};
use crate::caller::Call;
use crate::statement;

/// What `GetFlightInfo` tells of a statement.
#[derive(Debug)]
pub(crate) enum Planned {
    /// Rows to fetch with this ticket.
    Rows { schema: SchemaRef, ticket: Bytes },
    /// It ran, and changed so many rows; there is nothing to fetch.
    Done { rows_changed: i64 },
}

impl Executor {
    /// Plans a text of one or several statements: all but the last run now, in order; the last one too unless it only reads.
    ///
    /// # Errors
    /// What DuckDB or the policy says; nothing is lost silently.
    pub(crate) async fn plan(&self, call: &mut Call, sql: &str, bound: Option<Parameters>) -> Result<Planned, Failure> {
        let values = bound.as_ref().map(Parameters::encode).transpose()?.unwrap_or_default();
        match self.run_script(call, sql, bound, Mode::Plan).await? {
            ScriptOutcome::Read { sql, schema } => {
                let ticket = self.statement_ticket(call, sql, values, &schema)?;
                Ok(Planned::Rows { schema, ticket })
            }
            ScriptOutcome::Stored { schema, spool } => {
                self.results.keep(call.query_id, &call.session.principal, spool);
                let stored = StoredTicket { query_id: call.query_id.to_vec(), worker_id: self.id.to_vec() };
                Ok(Planned::Rows { schema, ticket: self.seal(call, Work::Stored(stored)) })
            }
            ScriptOutcome::Changed(rows_changed) => Ok(Planned::Done { rows_changed }),
        }
    }

    /// Runs a text of one or several statements to its end and says how many rows the last one changed; -1 when it is not of the kind that does.
    ///
    /// # Errors
    /// What DuckDB or the policy says.
    pub(crate) async fn update(&self, call: &mut Call, sql: &str, bound: Option<Parameters>) -> Result<i64, Failure> {
        match self.run_script(call, sql, bound, Mode::Update).await? {
            ScriptOutcome::Changed(rows) => Ok(rows),
            ScriptOutcome::Read { .. } | ScriptOutcome::Stored { .. } => Ok(-1),
        }
    }

    /// The schema of the last statement's result, without running any; `None` while it hangs on parameters.
    ///
    /// # Errors
    /// What DuckDB or the policy says.
    pub(crate) async fn describe(&self, call: &mut Call, sql: &str) -> Result<super::describe::Description, Failure> {
        self.check_length(sql)?;
        let pieces: Vec<String> = statement::split(sql).into_iter().map(str::to_owned).collect();
        let Some(last) = pieces.last() else { return Err(no_statement()) };
        let query = self.running.start_text(call.query_id, &call.session.principal, sql);
        let lease = self.lease(call, Some(last)).await?;
        let (policy, role) = (self.policy.clone(), call.role());
        let work = move |lease: &mut crate::session::Lease| {
            until_settled(lease, |lease| super::describe::describe(lease, &pieces, &policy, role))
        };
        Ok(super::blocking::blocking(&query, lease, work).await?.1)
    }

    pub(super) fn check_length(&self, sql: &str) -> Result<(), Failure> {
        let limit = self.limits.sql_bytes;
        if sql.len() <= limit {
            return Ok(());
        }
        let message = format!(
            "the SQL text has {} bytes, the limit is {limit}; load data by ingest or COPY, or raise --max-sql-bytes",
            sql.len()
        );
        Err(Failure::new(FailureKind::LimitExceeded, message))
    }

    fn statement_ticket(&self, call: &Call, sql: String, bound: Bytes, schema: &SchemaRef) -> Result<Bytes, Failure> {
        let (bytes, limit) = (sql.len() + bound.len(), self.limits.ticket_bytes);
        if bytes > limit {
            let message = format!(
                "a query and its parameters travel in its ticket, which holds {limit} bytes, and these have {bytes}; put the values into a table first"
            );
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        let ticket = StatementTicket {
            query_id: call.query_id.to_vec(),
            sql,
            parameters: bound,
            schema_digest: schema_digest(schema),
        };
        Ok(self.seal(call, Work::Statement(ticket)))
    }

    /// Seals a handle of this call's session.
    pub(crate) fn seal(&self, call: &Call, work: Work) -> Bytes {
        let handle = Handle {
            session: Some(call.session.clone()),
            expires_unix_ms: seal::expiry(SystemTime::now(), self.limits.ticket_life),
            work: Some(work),
        };
        self.sealer.seal(&handle)
    }

    /// Opens a handle and makes the call part of its session.
    ///
    /// # Errors
    /// When it is not ours, was changed, has expired, or belongs to another principal.
    pub(crate) fn open(&self, call: &mut Call, sealed: &[u8]) -> Result<Handle, Failure> {
        let handle = self.sealer.open(sealed, SystemTime::now())?;
        call.join(&handle)?;
        Ok(handle)
    }

    /// Cancels the statement of a ticket; says whether it ran or waited.
    pub(crate) fn cancel(&self, call: &Call, query: QueryId) -> bool {
        let ran = self.running.cancel(query, &call.session.principal, call.is_admin());
        let stored = self.results.find(query, &call.session.principal).is_ok() && self.results.forget(query);
        ran || stored
    }
}

/// A text of white space and comments only.
pub(super) fn no_statement() -> Failure {
    Failure::new(FailureKind::Syntax, "there is no statement in this text")
}

/// The IPC message of a schema, as `FlightInfo.schema` and prepared statements carry it: prefixed by its length.
pub(crate) fn schema_bytes(schema: &SchemaRef) -> Bytes {
    let message = schema_message(schema);
    let mut bytes = Vec::with_capacity(message.len() + 8);
    bytes.extend_from_slice(&[0xFF; 4]);
    // An IPC schema message is padded to 8 bytes and far below 2 GiB.
    bytes.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&message);
    bytes.into()
}

/// A digest that tells schemas apart.
pub(crate) fn schema_digest(schema: &SchemaRef) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, &schema_message(schema)).as_ref()[..16].to_vec()
}

fn schema_message(schema: &SchemaRef) -> Vec<u8> {
    let options = IpcWriteOptions::default();
    let mut dictionaries = DictionaryTracker::new(false);
    IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(schema, &mut dictionaries, &options).ipc_message
}
