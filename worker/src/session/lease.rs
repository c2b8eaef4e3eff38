//! The right to use one connection alone, for one statement.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tavana_wire::{Failure, FailureKind};
use tokio::sync::OwnedMutexGuard;

use super::backend::Backend;
use super::changes::{Change, Changed};
use super::pinned::{PinnedSession, PinnedState};
use super::pool::Pool;
use super::private::Private;
use crate::engine::{Connection, Shown, Tables};

/// A leased connection; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Option<Held>,
    /// Rows that its connection is shown for now.
    shown: Option<Shown>,
}

#[derive(Debug)]
enum Held {
    Pooled { backend: Box<Backend>, pool: Arc<Pool> },
    Pinned { state: OwnedMutexGuard<PinnedState>, session: Arc<PinnedSession> },
}

impl Lease {
    pub(crate) fn pooled(backend: Backend, pool: Arc<Pool>) -> Self {
        Self { held: Some(Held::Pooled { backend: Box::new(backend), pool }), shown: None }
    }

    pub(super) fn pinned(state: OwnedMutexGuard<PinnedState>, session: Arc<PinnedSession>) -> Self {
        Self { held: Some(Held::Pinned { state, session }), shown: None }
    }

    /// Shows rows to what runs under this lease.
    pub(crate) fn show(&mut self, tables: Arc<Tables>) {
        let shown = self.connection().show(tables);
        self.shown = Some(shown);
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

    /// Notes that the session makes what lives on this connection only.
    pub(crate) fn made_state(&mut self) {
        if let Some(Held::Pinned { state, .. }) = &mut self.held {
            state.has_state = true;
        }
    }

    /// The instance of the session's own, and the connection to it.
    pub(crate) fn private(&mut self) -> Option<(&mut Private, &Connection)> {
        match &mut self.held {
            Some(Held::Pinned { state, .. }) => {
                let state = &mut **state;
                state.private.as_mut().map(|private| (private, state.backend.connection()))
            }
            _ => None,
        }
    }

    /// Whether its session has an instance of its own.
    pub(crate) fn is_private(&self) -> bool {
        matches!(&self.held, Some(Held::Pinned { state, .. }) if state.private.is_some())
    }

    /// Moves the session to an instance of its own, which `open` opens; one that has one stays there.
    ///
    /// # Errors
    /// `State` when the session would miss something there; what opening says.
    pub(crate) fn make_private(
        &mut self,
        open: impl FnOnce() -> Result<(Backend, Private), Failure>,
    ) -> Result<(), Failure> {
        if self.is_private() {
            return Ok(());
        }
        let in_transaction = self.in_transaction();
        let state = match &mut self.held {
            Some(Held::Pinned { state, .. }) if !in_transaction && !state.has_state => Some(state),
            _ => None,
        };
        let Some(state) = state else {
            let message = "set storage credentials first: the session has a transaction, temporary objects, variables or prepared statements, which would stay behind; do so in a new session";
            return Err(Failure::new(FailureKind::State, message));
        };
        let (backend, private) = open()?;
        (state.backend, state.private) = (backend, Some(private));
        Ok(())
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
        // Before anybody else can have the connection.
        self.shown = None;
        match self.held.take() {
            // After a panic nobody knows what the connection holds.
            Some(Held::Pooled { backend, pool }) if !std::thread::panicking() => pool.give_back(*backend),
            Some(Held::Pinned { session, .. }) => session.touch(),
            Some(Held::Pooled { .. }) | None => {}
        }
    }
}
