//! `PollFlightInfo`: the statement runs ahead of its fetch, and its progress can be asked for.
//!
//! The first poll starts a job that reads the whole result into a spool. Each poll waits a little for its end;
//! until then it answers with the progress and a descriptor to ask again with, afterwards with the ticket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use tavana_wire::handle::{StoredTicket, Work};
use tavana_wire::{Failure, FailureKind, QueryId};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use super::info::{command, statement_info};
use crate::caller::Call;
use crate::execute::plan::Planned;
use crate::metadata;

/// How long a poll waits before it answers "not yet".
const WAIT: Duration = Duration::from_millis(500);
/// Jobs of a worker at a time.
const MAX_JOBS: usize = 1024;
/// How long an ended job waits to be asked for.
const LIFE: Duration = Duration::from_secs(600);

type Outcome = Option<Result<FlightInfo, Failure>>;

/// The statements that run ahead.
pub(crate) struct Jobs(Mutex<HashMap<QueryId, Job>>);

struct Job {
    principal: String,
    outcome: watch::Receiver<Outcome>,
    started: Instant,
}

impl Jobs {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    fn start(&self, id: QueryId, principal: &str, outcome: watch::Receiver<Outcome>) -> Result<(), Failure> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|_, job| job.outcome.borrow().is_none() || job.started.elapsed() < LIFE);
        if jobs.len() >= MAX_JOBS {
            let message = format!("the worker runs {MAX_JOBS} polled statements, its limit; fetch or cancel some");
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        jobs.insert(id, Job { principal: principal.to_owned(), outcome, started: Instant::now() });
        Ok(())
    }

    fn find(&self, id: QueryId, principal: &str) -> Result<watch::Receiver<Outcome>, Failure> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let job = jobs.get(&id).filter(|job| job.principal == principal);
        job.map(|job| job.outcome.clone())
            .ok_or_else(|| Failure::new(FailureKind::NotFound, "there is no such statement to ask for any more"))
    }

    fn forget(&self, id: QueryId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Shared {
    /// Starts a statement, or asks how far it is.
    pub(super) async fn poll_info(
        self: Arc<Self>,
        call: &mut Call,
        descriptor: FlightDescriptor,
    ) -> Result<PollInfo, Failure> {
        if let Ok(handle) = self.executor.sealer.open(&descriptor.cmd, std::time::SystemTime::now()) {
            call.join(&handle)?;
            let Some(id) = handle.query_id() else {
                return Err(Failure::new(FailureKind::InvalidRequest, "this is not a descriptor to poll with"));
            };
            return self.poll_job(call, id, descriptor).await;
        }
        let command = command(&descriptor)?;
        if metadata::is_metadata(&command) {
            let info = self.flight_info(call, descriptor).await?;
            return Ok(done(info));
        }
        let planned = self.plan(call, command).await?;
        let Planned::Rows { schema, ticket } = planned else {
            return Ok(done(statement_info(call, descriptor, planned)));
        };
        let id = call.query_id;
        let stored = StoredTicket { query_id: id.to_vec(), worker_id: self.executor.id.to_vec() };
        let stored = self.executor.seal(call, Work::Stored(stored));
        let info = statement_info(call, descriptor, Planned::Rows { schema, ticket: stored.clone() });
        let (sender, receiver) = watch::channel(None);
        self.jobs.start(id, &call.session.principal, receiver)?;
        let (shared, mut job_call) = (Arc::clone(&self), call.clone());
        tokio::spawn(async move {
            let outcome = shared.executor.run_ahead(&mut job_call, &ticket).await;
            // Nobody asks any more when the job was forgotten.
            let _ = sender.send(Some(outcome.map(|()| info)));
        });
        self.poll_job(call, id, FlightDescriptor::new_cmd(stored)).await
    }

    async fn poll_job(&self, call: &Call, id: QueryId, again: FlightDescriptor) -> Result<PollInfo, Failure> {
        let mut outcome = self.jobs.find(id, &call.session.principal)?;
        let ended = tokio::time::timeout(WAIT, outcome.wait_for(Option::is_some)).await;
        match ended {
            Ok(Ok(outcome)) => {
                let outcome = outcome.clone();
                self.jobs.forget(id);
                outcome.map_or_else(|| Err(lost()), |outcome| outcome.map(done))
            }
            Ok(Err(_)) => Err(lost()),
            Err(_) => Ok(PollInfo {
                info: Some(FlightInfo { total_records: -1, total_bytes: -1, ..FlightInfo::default() }),
                flight_descriptor: Some(again),
                progress: self.executor.running.progress(id),
                expiration_time: None,
            }),
        }
    }
}

fn lost() -> Failure {
    Failure::new(FailureKind::Internal, "the statement ended without telling its outcome")
}

fn done(info: FlightInfo) -> PollInfo {
    PollInfo { info: Some(info), flight_descriptor: None, progress: Some(1.0), expiration_time: None }
}
