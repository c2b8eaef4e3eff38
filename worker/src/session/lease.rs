//! The right to use one connection alone, for one statement.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::backend::Backend;
use super::changes::{Change, Changed};
use super::pinned::{PinnedSession, PinnedState};
use super::pool::Pool;

/// A leased connection; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Option<Held>,
}

#[derive(Debug)]
enum Held {
    Pooled { backend: Box<Backend>, pool: Arc<Pool> },
    Pinned { state: OwnedMutexGuard<PinnedState>, session: Arc<PinnedSession> },
}

impl Lease {
    pub(crate) fn pooled(backend: Backend, pool: Arc<Pool>) -> Self {
        Self { held: Some(Held::Pooled { backend: Box::new(backend), pool }) }
    }

    pub(super) fn pinned(state: OwnedMutexGuard<PinnedState>, session: Arc<PinnedSession>) -> Self {
        Self { held: Some(Held::Pinned { state, session }) }
    }

    /// Whether a transaction of the client's is open on it.
    pub(crate) fn in_transaction(&self) -> bool {
        self.session().is_some_and(|session| session.in_transaction())
    }

    /// Begins to change the instance; a transaction that is open does so again when it ends.
    pub(crate) fn change(&mut self, changed: Changed) -> Change {
        if let Some(session) = self.session() {
            session.transaction_changes();
        }
        let in_transaction = self.in_transaction();
        self.deref_mut().change(changed, in_transaction)
    }

    /// The pinned session it belongs to, if it does.
    pub(crate) fn session(&self) -> Option<&Arc<PinnedSession>> {
        match &self.held {
            Some(Held::Pinned { session, .. }) => Some(session),
            _ => None,
        }
    }
}

impl Deref for Lease {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        match &self.held {
            Some(Held::Pooled { backend, .. }) => backend,
            Some(Held::Pinned { state, .. }) => &state.backend,
            None => unreachable!("a lease holds its connection until it is dropped"),
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Backend {
        match &mut self.held {
            Some(Held::Pooled { backend, .. }) => backend,
            Some(Held::Pinned { state, .. }) => &mut state.backend,
            None => unreachable!("a lease holds its connection until it is dropped"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.held.take() {
            // After a panic nobody knows what the connection holds.
            Some(Held::Pooled { backend, pool }) if !std::thread::panicking() => pool.give_back(*backend),
            Some(Held::Pinned { session, .. }) => session.touch(),
            Some(Held::Pooled { .. }) | None => {}
        }
    }
}
