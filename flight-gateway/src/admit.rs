//! From a statement to its permit: how big it is, and when and where there is room for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use tavana_daemon::users::UserLimits;
use tavana_wire::estimate::{Estimate, EstimateSource};
use tavana_wire::statistics::{STATISTICS, StatisticsAnswer, StatisticsRequest};
use tavana_wire::status::{EXPLAIN, ExplainAnswer, ExplainRequest};
use tavana_wire::{Failure, QueryId, SessionState, status};

use crate::ask;
use crate::error::GatewayError;
use crate::estimate::{Class, Knowledge, classify, fingerprint};
use crate::fleet::Fleet;
use crate::flight_sql::command::Statement;
use crate::gateway::Parts;
use crate::own::Part;
use crate::queue::{Entry, Permit, Where};
use crate::relay::Terms;
use crate::route::Target;

/// A worker that plans for an estimate is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Memory that loading rows takes: what is under way, and the row groups that are not written yet.
const INGEST_BYTES: u64 = 256 << 20;

/// What needs room at all needs this much.
const LEAST_BYTES: u64 = 1 << 20;

/// A statement, and how big it is.
pub(crate) struct Sized {
    pub(crate) statement: Statement,
    pub(crate) class: Class,
    /// Absent for what needs no room.
    pub(crate) estimate: Option<Estimate>,
    /// How long it may run, by how long the like of it did.
    expected_run: Option<Duration>,
    /// A key of what it reads.
    files: Option<u64>,
    /// The statement that it ends.
    pub(crate) kills: Option<QueryId>,
    /// It may read the tables about statements.
    pub(crate) shows_rows: bool,
}

/// Asks the worker that is to run a statement what it knows, on behalf of the statement's session.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) target: Target,
    /// Of a call to a worker, for this session.
    pub(crate) headers: HeaderMap,
}

impl Asker {
    async fn ask<A: prost::Message + Default>(&self, action: &str, body: &impl prost::Message) -> Result<A, Failure> {
        let place = self.fleet.place(self.target, None).map_err(GatewayError::from)?;
        ask::once(place.service(), self.headers.clone(), action, body, PATIENCE).await
    }
}

impl Knowledge for Asker {
    async fn statistics(&self, request: StatisticsRequest) -> Result<StatisticsAnswer, Failure> {
        self.ask(STATISTICS, &request).await
    }

    async fn explain(&self, sql: &str) -> Result<String, Failure> {
        let request = ExplainRequest { version: status::VERSION, sql: sql.to_owned() };
        self.ask::<ExplainAnswer>(EXPLAIN, &request).await.map(|answer| answer.plan)
    }
}

/// How long a statement waits for a worker while there is none: what one worker alone holds is lost with it.
pub(crate) fn patience(target: Target, gateway: &Parts) -> Duration {
    match target {
        Target::Pinned(..) => Duration::ZERO,
        Target::Anywhere | Target::Preferred(_) => gateway.no_worker_wait,
    }
}

impl Sized {
    /// Finds out how big a statement is. Takes no longer than the budget of estimates.
    pub(crate) async fn of(statement: Statement, session: &SessionState, gateway: &Parts, asker: &Asker) -> Self {
        if statement.is_ingest {
            let estimate = Estimate {
                peak_memory_bytes: INGEST_BYTES,
                source: EstimateSource::Default.into(),
                because: vec!["rows are loaded; how many is not known".to_owned()],
                ..Estimate::default()
            };
            return Self::new(statement, Class::Write, Some(estimate));
        }
        let part = Part::of(&statement.sql);
        let class = match part {
            Some(Part::Kill(_) | Part::Estimate(_)) => Class::Trivial,
            _ => classify(&statement.sql),
        };
        let sized = match &part {
            Some(Part::Estimate(inner)) => Some(*inner),
            _ => (class != Class::Trivial).then_some(statement.sql.as_str()),
        };
        let kills = match &part {
            Some(Part::Kill(query)) => Some(*query),
            _ => None,
        };
        let shows_rows = part == Some(Part::Rows);
        let Some(sql) = sized else { return Self { kills, shows_rows, ..Self::new(statement, class, None) } };
        let expected = gateway.statements.history().expect(&fingerprint(sql, session));
        let expected_run = expected.and_then(|expected| expected.run_us).map(Duration::from_micros);
        let estimate = match &statement.estimate {
            Some(estimate) => estimate.clone(),
            None => {
                let begun = Instant::now();
                let estimate = gateway.estimator.estimate(sql, session, expected.as_ref(), asker).await;
                gateway.metrics.estimated(&estimate, begun.elapsed());
                estimate
            }
        };
        let files = gateway.estimator.files(sql, session);
        Self { expected_run, files, shows_rows, ..Self::new(statement, class, Some(estimate)) }
    }

    /// A statement that is planned for later.
    pub(crate) fn unknown(statement: Statement) -> Self {
        let class = classify(&statement.sql);
        Self::new(statement, class, None)
    }

    fn new(statement: Statement, class: Class, estimate: Option<Estimate>) -> Self {
        Self { statement, class, estimate, expected_run: None, files: None, kills: None, shows_rows: false }
    }

    /// Memory at its peak.
    pub(crate) fn need_bytes(&self) -> u64 {
        self.estimate.as_ref().map_or(0, |estimate| estimate.peak_memory_bytes).max(LEAST_BYTES)
    }

    /// Waits for room.
    ///
    /// # Errors
    /// When the call is cut meanwhile, or its worker is gone.
    pub(crate) async fn admit(
        &self,
        gateway: &Parts,
        query: QueryId,
        session: &SessionState,
        target: Target,
        terms: &Terms,
    ) -> Result<Permit, GatewayError> {
        let principal: Arc<str> = session.principal.as_str().into();
        let UserLimits { max_running, max_memory_bytes, .. } = gateway.login.limits(&principal);
        let has_own = max_running.is_some() || max_memory_bytes.is_some();
        let session = session.id().ok();
        let entry = Entry {
            query,
            principal: Arc::clone(&principal),
            caps: has_own.then(|| gateway.queue.caps(max_running, max_memory_bytes)),
            session,
            need_bytes: self.need_bytes(),
            place: match target {
                Target::Anywhere => Where::Anywhere,
                Target::Preferred(worker) => Where::Preferred(worker),
                Target::Pinned(worker, _) => Where::Only(worker),
            },
            files: self.files,
            expected_run: self.expected_run,
        };
        let wait = async {
            let accepted = gateway.admission.accept(&principal, session, self.statement.sql.len() as u64).await;
            gateway.admission.admit(accepted, entry).await
        };
        tokio::select! {
            permit = wait => Ok(permit?),
            cut = terms.cut() => Err(cut.into()),
            reason = gateway.fleet.deserted(target, patience(target, gateway)) => Err(reason.into()),
        }
    }
}
