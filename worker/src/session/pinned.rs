//! Sessions that own a connection on this worker.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tavana_wire::{Failure, FailureKind, SessionId, SessionState};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::Instant;

use super::backend::Backend;
use super::lease::Lease;
use super::private::Private;

/// How many pinned sessions there may be, and how long they may idle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PinnedLimits {
    pub(crate) sessions: usize,
    pub(crate) idle: Duration,
    pub(crate) idle_in_transaction: Duration,
}

/// The sessions that own a connection here.
#[derive(Debug)]
pub(crate) struct PinnedSessions {
    sessions: Mutex<HashMap<SessionId, Arc<PinnedSession>>>,
    limits: PinnedLimits,
}

/// A session with a connection of its own.
#[derive(Debug)]
pub(crate) struct PinnedSession {
    id: SessionId,
    principal: String,
    state: Arc<AsyncMutex<PinnedState>>,
    settings: Mutex<SessionState>,
    in_transaction: AtomicBool,
    /// The open transaction did more than read.
    has_changed: AtomicBool,
    /// Tells transactions of the session apart.
    transaction: AtomicU64,
    used: Mutex<Instant>,
    /// Asks the open result of the session to make way for the next statement.
    make_way: Notify,
}

/// What a lease of a pinned session guards.
#[derive(Debug)]
pub(crate) struct PinnedState {
    pub(super) backend: Backend,
    /// The instance that the backend is a connection of, where that is the session's own; it goes after the backend.
    pub(super) private: Option<Private>,
    /// The session made what lives on this connection only.
    pub(super) has_state: bool,
}

impl PinnedSessions {
    pub(crate) fn new(limits: PinnedLimits) -> Self {
        Self { sessions: Mutex::default(), limits }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<PinnedSession>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pinned session of this id and principal.
    pub(crate) fn find(&self, session: &SessionState) -> Option<Arc<PinnedSession>> {
        let id = session.id().ok()?;
        let found = self.lock().get(&id).cloned()?;
        (found.principal == session.principal).then_some(found)
    }

    /// Pins a session to a connection of its own; one that is pinned already stays as it is.
    ///
    /// # Errors
    /// `LimitExceeded` when this worker holds as many as it may.
    pub(crate) fn pin(&self, session: SessionState, backend: Backend) -> Result<Arc<PinnedSession>, Failure> {
        let id = session.id()?;
        let mut sessions = self.lock();
        if let Some(found) = sessions.get(&id) {
            return Ok(Arc::clone(found));
        }
        if sessions.len() >= self.limits.sessions {
            let limit = self.limits.sessions;
            let message = format!(
                "the worker holds {limit} sessions with temporary tables or transactions, its limit; close some or raise --max-pinned-sessions"
            );
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        let pinned = Arc::new(PinnedSession {
            id,
            principal: session.principal.clone(),
            state: Arc::new(AsyncMutex::new(PinnedState { backend, private: None, has_state: false })),
            settings: Mutex::new(session),
            in_transaction: AtomicBool::new(false),
            has_changed: AtomicBool::new(false),
            transaction: AtomicU64::new(0),
            used: Mutex::new(Instant::now()),
            make_way: Notify::new(),
        });
        sessions.insert(id, Arc::clone(&pinned));
        Ok(pinned)
    }

    /// Ends a session: its temporary tables go, an open transaction is rolled back. Says whether there was one.
    pub(crate) fn close(&self, session: &SessionState) -> bool {
        let Some(found) = self.find(session) else { return false };
        found.make_way.notify_waiters();
        self.lock().remove(&found.id).is_some()
    }

    /// Ends the sessions that idled too long; says how many.
    pub(crate) fn sweep(&self) -> usize {
        let now = Instant::now();
        let mut sessions = self.lock();
        let ended = sessions.extract_if(|_, session| {
            let limit = if session.in_transaction() { self.limits.idle_in_transaction } else { self.limits.idle };
            !session.is_busy() && now.duration_since(session.used()) >= limit
        });
        let ended: Vec<_> = ended.collect();
        // What a session holds may take a while to go; nobody waits for that.
        drop(sessions);
        ended.len()
    }

    /// How many sessions are pinned here.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }
}

impl PinnedSession {
    /// Leases the session's connection; waits for the statement that has it, whose open result makes way.
    pub(crate) async fn lease(self: &Arc<Self>) -> Lease {
        let mut state = match Arc::clone(&self.state).try_lock_owned() {
            Ok(state) => state,
            Err(_) => {
                // Kept for whoever holds the lease now, even if it does not listen yet.
                self.make_way.notify_one();
                Arc::clone(&self.state).lock_owned().await
            }
        };
        self.touch();
        state.backend.clean();
        Lease::pinned(state, Arc::clone(self))
    }

    /// Resolves when another statement of the session waits for the connection.
    pub(crate) async fn asked_to_make_way(&self) {
        self.make_way.notified().await;
    }

    /// The session as its token tells it.
    pub(crate) fn session_state(&self) -> SessionState {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_session_state(&self, state: SessionState) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction.load(Ordering::Acquire)
    }

    /// Notes that a transaction began; gives its number.
    pub(crate) fn transaction_began(&self) -> u64 {
        self.has_changed.store(false, Ordering::Release);
        self.in_transaction.store(true, Ordering::Release);
        self.transaction.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Notes that the transaction ended.
    pub(crate) fn transaction_ended(&self) {
        self.in_transaction.store(false, Ordering::Release);
    }

    /// Notes that the open transaction does more than read.
    pub(crate) fn transaction_changes(&self) {
        self.has_changed.store(true, Ordering::Release);
    }

    /// Whether the open transaction did more than read.
    pub(crate) fn has_changed(&self) -> bool {
        self.has_changed.load(Ordering::Acquire)
    }

    /// The number of the open transaction, or of the last one.
    pub(crate) fn transaction_number(&self) -> u64 {
        self.transaction.load(Ordering::Acquire)
    }

    fn is_busy(&self) -> bool {
        self.state.try_lock().is_err()
    }

    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
