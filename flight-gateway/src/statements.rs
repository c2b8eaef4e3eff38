//! The statements that this gateway has on their way, from their arrival to the last byte.
//!
//! Each is noted once, by the call that runs it, and followed until that call ends, however it ends: then it goes to [`History`]. Who
//! waits asks here how it is, the tables about statements show them, and `KILL` ends them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tavana_wire::estimate::{Actual, Estimate};
use tavana_wire::status::{QueryRow, QueryState};
use tavana_wire::{QueryId, Role, SessionState};
use tokio_util::sync::CancellationToken;

use crate::history::{self, History};
use crate::queue::Grant;

/// The outcome of a statement whose client left before its end.
const CLIENT_GONE: &str = "cancelled";

/// All of them. Clones share it.
#[derive(Clone)]
pub(crate) struct Statements(Arc<Shared>);

struct Shared {
    on_way: Mutex<OnWay>,
    history: History,
}

#[derive(Default)]
struct OnWay {
    next: u64,
    statements: HashMap<u64, Arc<Statement>>,
}

struct Statement {
    query: QueryId,
    principal: String,
    arrived: Instant,
    row: Mutex<Row>,
    relayed: AtomicU64,
    killed: CancellationToken,
    /// It is planned and not run: that is noted only when it fails.
    only_planned: bool,
}

/// What changes on the way.
struct Row {
    row: QueryRow,
    started: Option<Instant>,
}

/// One statement on its way; dropping it ends it.
pub(crate) struct Followed {
    statements: Statements,
    key: u64,
    statement: Arc<Statement>,
}

/// What is known of a statement when it arrives.
pub(crate) struct Arrival<'a> {
    pub(crate) query: QueryId,
    pub(crate) session: &'a SessionState,
    pub(crate) protocol: &'static str,
    pub(crate) class: &'static str,
    pub(crate) sql: &'a str,
    /// It is planned and not run.
    pub(crate) only_planned: bool,
}

impl Statements {
    pub(crate) fn new(history: History) -> Self {
        Self(Arc::new(Shared { on_way: Mutex::default(), history }))
    }

    pub(crate) fn history(&self) -> &History {
        &self.0.history
    }

    /// Follows a statement from now on.
    pub(crate) fn follow(&self, arrival: &Arrival<'_>) -> Followed {
        let row = QueryRow {
            query_id: arrival.query.to_vec(),
            principal: arrival.session.principal.clone(),
            session_id: arrival.session.session_id.clone(),
            protocol: arrival.protocol.to_owned(),
            sql: history::shown(arrival.sql, self.0.history.text_bytes()),
            class: arrival.class.to_owned(),
            state: QueryState::Queued.into(),
            arrived_us: now_us(),
            ..QueryRow::default()
        };
        let statement = Arc::new(Statement {
            query: arrival.query,
            principal: arrival.session.principal.clone(),
            arrived: Instant::now(),
            row: Mutex::new(Row { row, started: None }),
            relayed: AtomicU64::new(0),
            killed: CancellationToken::new(),
            only_planned: arrival.only_planned,
        });
        let mut on_way = self.lock();
        let key = on_way.next;
        on_way.next += 1;
        on_way.statements.insert(key, Arc::clone(&statement));
        drop(on_way);
        Followed { statements: self.clone(), key, statement }
    }

    /// How a statement is, if its principal or an administrator asks.
    pub(crate) fn find(&self, query: QueryId, asker: &SessionState) -> Option<QueryRow> {
        let found = self.all(query).into_iter().find(|statement| may_see(&statement.principal, asker))?;
        Some(found.row())
    }

    /// The statements that `asker` may see, the oldest first.
    pub(crate) fn visible(&self, asker: &SessionState) -> Vec<QueryRow> {
        let mut statements: Vec<(u64, Arc<Statement>)> =
            self.lock().statements.iter().map(|(key, statement)| (*key, Arc::clone(statement))).collect();
        statements.retain(|(_, statement)| may_see(&statement.principal, asker));
        statements.sort_unstable_by_key(|(key, _)| *key);
        statements.iter().map(|(_, statement)| statement.row()).collect()
    }

    /// Ends a statement, if its principal or an administrator says so; says whether it was on its way here.
    pub(crate) fn kill(&self, query: QueryId, asker: &SessionState) -> bool {
        let mut own = self.all(query);
        own.retain(|statement| may_see(&statement.principal, asker));
        own.iter().for_each(|statement| statement.killed.cancel());
        !own.is_empty()
    }

    /// A ticket may be fetched several times at once.
    fn all(&self, query: QueryId) -> Vec<Arc<Statement>> {
        self.lock().statements.values().filter(|statement| statement.query == query).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, OnWay> {
        self.0.on_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Followed {
    /// Resolves when somebody kills it.
    pub(crate) fn killed(&self) -> CancellationToken {
        self.statement.killed.clone()
    }

    /// How big it is thought to be.
    pub(crate) fn estimated(&self, estimate: &Estimate) {
        self.statement.lock().row.estimate = Some(estimate.clone());
    }

    /// It has room, and goes to a worker.
    pub(crate) fn started(&self, grant: &Grant) {
        let mut row = self.statement.lock();
        row.started = Some(Instant::now());
        row.row.state = QueryState::Running.into();
        row.row.started_us = Some(now_us());
        row.row.waited_us = micros(self.statement.arrived);
        row.row.grant_bytes = Some(grant.bytes);
        grant.kind.label().clone_into(&mut row.row.permit);
        row.row.worker = grant.worker.to_string();
        if let Some(estimate) = row.row.estimate.as_mut().filter(|_| grant.clamped) {
            let given = grant.bytes.div_ceil(1 << 20);
            estimate
                .because
                .push(format!("more than any worker has: it ran with {given} MiB, and on disk beyond that"));
        }
    }

    /// So many more bytes of its result went to the client.
    pub(crate) fn relayed(&self, bytes: u64) {
        self.statement.relayed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How big its worker says it was; gives back how big it was thought to be.
    pub(crate) fn measured(&self, actual: Actual) -> Option<Estimate> {
        let mut held = self.statement.lock();
        held.row.actual = Some(actual);
        held.row.estimate.clone()
    }

    /// How it ended: `None` without a failure, else the failure's label. Only the first word counts.
    pub(crate) fn ended(&self, failure: Option<&str>) {
        let mut row = self.statement.lock();
        if row.row.outcome.is_empty() {
            row.row.outcome = failure.unwrap_or(history::OK).to_owned();
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.statements.lock().statements.remove(&self.key);
        let failed = !matches!(self.statement.lock().row.outcome.as_str(), "" | history::OK);
        if self.statement.only_planned && !failed {
            return;
        }
        self.ended(Some(CLIENT_GONE));
        let mut row = self.statement.row();
        row.ended_us = Some(now_us());
        let state = if row.outcome == history::OK { QueryState::Finished } else { QueryState::Failed };
        row.state = state.into();
        self.statements.0.history.record(row);
    }
}

impl Statement {
    fn lock(&self) -> MutexGuard<'_, Row> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self) -> QueryRow {
        let held = self.lock();
        let mut row = held.row.clone();
        if held.started.is_none() {
            row.waited_us = micros(self.arrived);
        }
        drop(held);
        row.relayed_bytes = self.relayed.load(Ordering::Relaxed);
        row
    }
}

/// Whether somebody may see and end the statements of a principal.
fn may_see(principal: &str, asker: &SessionState) -> bool {
    asker.principal == principal || asker.role() == Role::Admin
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}
