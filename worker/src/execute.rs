//! Running statements: what happens when, and on which connection.
//!
//! Reads are planned at `GetFlightInfo` and run when their ticket is fetched. Everything else runs once, at
//! `GetFlightInfo` or at the update call, and what it returns waits in a [`crate::spool`]. [`script`] is the
//! blocking part that walks the statements of one text, [`run`] runs one of them; [`Executor`] finds the connection for it, ties state to
//! sessions and turns outcomes into tickets.

pub(crate) mod again;
pub(crate) mod blocking;
pub(crate) mod cursor;
pub(crate) mod definition;
pub(crate) mod deliver;
mod describe;
mod estimate;
mod explain;
pub(crate) mod now;
pub(crate) mod parameters;
pub(crate) mod plan;
mod run;
pub(crate) mod script;
pub(crate) mod transaction;

use std::sync::Arc;
use std::time::Duration;

use tavana_wire::{Failure, FailureKind, Sealer, WorkerId};

use crate::caller::Call;
use crate::overview::Overviews;
use crate::running::Running;
use crate::session::private::PrivateInstances;
use crate::session::{Lease, PinnedSession, PinnedSessions, Pool};
use crate::spool::{SpoolSpace, StoredResults};
use crate::statement::Policy;

/// Limits of single statements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatementLimits {
    /// Bytes of one SQL text.
    pub(crate) sql_bytes: usize,
    /// Bytes of SQL and parameters that a ticket carries.
    pub(crate) ticket_bytes: usize,
    /// How long tickets, prepared statements and kept results live.
    pub(crate) ticket_life: Duration,
}

/// All that running statements takes.
pub(crate) struct Executor {
    pub(crate) id: WorkerId,
    pub(crate) pool: Arc<Pool>,
    pub(crate) pinned: PinnedSessions,
    pub(crate) private: Arc<PrivateInstances>,
    pub(crate) running: Running,
    pub(crate) results: StoredResults,
    pub(crate) space: SpoolSpace,
    pub(crate) policy: Policy,
    pub(crate) limits: StatementLimits,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) overviews: Overviews,
}

impl Executor {
    /// A connection for a statement of this call, with the session's settings.
    ///
    /// # Errors
    /// `State` when the session's home is another worker; what DuckDB says of the settings.
    pub(crate) async fn lease(&self, call: &Call, sql: Option<&str>) -> Result<Lease, Failure> {
        if let Some(session) = self.pinned_session(call)? {
            return Ok(self.show(call, session.lease().await));
        }
        let mut backend = self.pool.take(sql)?;
        backend.apply(&call.session.settings)?;
        Ok(self.show(call, Lease::pooled(backend, Arc::clone(&self.pool))))
    }

    /// Shows the rows that came for the statement of this call to the connection that it has leased.
    fn show(&self, call: &Call, mut lease: Lease) -> Lease {
        if let Some(tables) = self.overviews.find(call) {
            lease.show(tables);
        }
        lease
    }

    /// The session's connection here, if it has one.
    ///
    /// # Errors
    /// `SessionGone` when the token says that the state is, or was, elsewhere.
    pub(crate) fn pinned_session(&self, call: &Call) -> Result<Option<Arc<PinnedSession>>, Failure> {
        if let Some(session) = self.pinned.find(&call.session) {
            return Ok(Some(session));
        }
        match call.session.home() {
            None => Ok(None),
            Some(_) => {
                let message = "the temporary tables and the transaction of this session are gone: its worker was restarted, or it idled too long; connect again";
                Err(Failure::new(FailureKind::SessionGone, message))
            }
        }
    }

    /// The session's connection, made now if it has none yet.
    ///
    /// # Errors
    /// `State` when the client does not keep its session, `LimitExceeded` when there are too many.
    pub(crate) fn pin(&self, call: &mut Call, reason: &str) -> Result<Arc<PinnedSession>, Failure> {
        if let Some(session) = self.pinned_session(call)? {
            return Ok(session);
        }
        if !call.kept {
            let message = format!(
                "{reason}, and this client keeps no session: send back the authorization header or the cookie of the first reply"
            );
            return Err(Failure::new(FailureKind::State, message));
        }
        let backend = self.pool.open(&call.session.settings)?;
        let mut state = call.session.clone();
        state.home = self.id.to_vec();
        state.version += 1;
        let session = self.pinned.pin(state.clone(), backend)?;
        call.change_session(state);
        Ok(session)
    }
}
