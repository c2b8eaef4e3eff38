//! The statements that run now, so that they can be cancelled, counted and asked how far they are.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use prometheus::IntGauge;
use tavana_wire::{Failure, FailureKind, NOT_HERE, QueryId, may_hold_credentials};
use tokio_util::sync::CancellationToken;

use crate::caller::Call;
use crate::engine::Interrupt;
use crate::memory::meter::Run;
use crate::memory::room::Room;
use crate::statement::credentials::without_credentials;

/// Cancelled statements that are remembered, so that a ticket fetched after its cancel does not run.
const CANCELLED_REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// What runs on this worker.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    inner: Arc<Mutex<Inner>>,
    gauge: IntGauge,
    broken: CancellationToken,
    /// Folders of this machine, and what users read in their place.
    hidden: Arc<Vec<(String, &'static str)>>,
}

#[derive(Debug)]
struct Inner {
    queries: HashMap<QueryId, Entry>,
    cancelled: LruCache<QueryId, ()>,
}

#[derive(Debug)]
struct Entry {
    principal: String,
    cancel: CancellationToken,
    interrupt: Option<Interrupt>,
}

/// One statement from its start to its end; dropping it ends it.
#[derive(Debug)]
pub(crate) struct RunningQuery {
    running: Running,
    id: QueryId,
    cancel: CancellationToken,
    /// Its text, where that may hold credentials: no part of it may be seen.
    text: Option<String>,
    /// It runs on an instance of its session's own.
    is_private: AtomicBool,
    /// What it may use, held until it ends.
    room: Room,
    run: Run,
}

impl Running {
    pub(crate) fn new(gauge: IntGauge, hidden: Vec<(String, &'static str)>) -> Self {
        let inner = Inner { queries: HashMap::new(), cancelled: LruCache::new(CANCELLED_REMEMBERED) };
        Self { inner: Arc::new(Mutex::new(inner)), gauge, broken: CancellationToken::new(), hidden: Arc::new(hidden) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a statement of this text starts, of which no failure shows a credential.
    pub(crate) fn start_text(&self, call: &Call, sql: &str) -> RunningQuery {
        let text = may_hold_credentials(sql).then(|| sql.to_owned());
        let mut query = self.start(call.query_id, call);
        query.text = text;
        query
    }

    /// Whether no statement runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().queries.is_empty()
    }

    /// Notes that a statement of a call starts.
    pub(crate) fn start(&self, id: QueryId, call: &Call) -> RunningQuery {
        let cancel = CancellationToken::new();
        let mut inner = self.lock();
        if inner.cancelled.contains(&id) {
            cancel.cancel();
        }
        let entry = Entry { principal: call.session.principal.clone(), cancel: cancel.clone(), interrupt: None };
        inner.queries.insert(id, entry);
        self.gauge.inc();
        let (room, run, is_private) = (call.room.clone(), call.run.clone(), AtomicBool::new(false));
        RunningQuery { running: self.clone(), id, cancel, text: None, is_private, room, run }
    }

    /// Cancels a statement of this principal, or of anybody for an admin; says whether it ran.
    pub(crate) fn cancel(&self, id: QueryId, principal: &str, is_admin: bool) -> bool {
        let mut inner = self.lock();
        match inner.queries.get(&id) {
            Some(entry) if is_admin || entry.principal == principal => {
                entry.cancel.cancel();
                true
            }
            Some(_) => false,
            None => {
                inner.cancelled.put(id, ());
                false
            }
        }
    }

    /// How much of a statement is done, from 0 to 1, where DuckDB can tell.
    pub(crate) fn progress(&self, id: QueryId) -> Option<f64> {
        let interrupt = self.lock().queries.get(&id).and_then(|entry| entry.interrupt.clone());
        interrupt.and_then(|interrupt| interrupt.progress())
    }

    /// Resolves when a statement found DuckDB's instance given up.
    pub(crate) async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// How many statements run.
    pub(crate) fn len(&self) -> usize {
        self.lock().queries.len()
    }
}

impl RunningQuery {
    pub(crate) fn id(&self) -> QueryId {
        self.id
    }

    /// What the statement may use.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Measures the statement.
    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    /// Resolves when the statement is to end.
    pub(crate) fn cancel_token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Notes how it ended, in case that says something about the whole instance, and gives the failure as users may see
    /// it: without folders of the worker's.
    pub(crate) fn failed(&self, mut failure: Failure) -> Failure {
        let is_private = self.is_private.load(Ordering::Acquire);
        if is_fatal(&failure) && !is_private {
            self.running.broken.cancel();
        }
        // Messages of our own say all they have to, and repeat nothing.
        let is_duckdbs = failure.message.contains(" Error: ");
        if is_duckdbs && failure.kind == FailureKind::NotFound && is_private && !failure.message.contains(NOT_HERE) {
            // The line with the caret stays the last.
            let end = failure.message.find("\n\nLINE ").unwrap_or(failure.message.len());
            failure.message.insert_str(end, NOT_HERE);
        }
        if let Some(text) = self.text.as_ref().filter(|_| is_duckdbs) {
            failure.message = without_credentials(&failure.message, text);
        }
        for (folder, name) in self.running.hidden.iter() {
            failure.message = failure.message.replace(folder, name);
        }
        failure
    }

    /// Notes on which connection it runs, and whether that is one to an instance of its session's own.
    pub(crate) fn runs_on(&self, interrupt: Interrupt, is_private: bool) {
        self.is_private.store(is_private, Ordering::Release);
        if let Some(entry) = self.running.lock().queries.get_mut(&self.id) {
            entry.interrupt = Some(interrupt);
        }
    }
}

/// Whether DuckDB gave up its instance: after a fault of its own it refuses every statement until a restart.
fn is_fatal(failure: &Failure) -> bool {
    failure.kind == FailureKind::Internal
        && (failure.message.starts_with("FATAL Error") || failure.message.contains("database has been invalidated"))
}

impl Drop for RunningQuery {
    fn drop(&mut self) {
        self.run.end();
        self.running.lock().queries.remove(&self.id);
        self.running.gauge.dec();
    }
}
