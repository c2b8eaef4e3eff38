//! Connections for stateless sessions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::backend::Backend;
use super::changes::Changes;
use crate::engine::{EngineError, Instance};
use crate::execute::again::Retries;
use crate::pg_catalog::snapshot::Snapshot;

/// Idle connections that are kept open.
const MAX_IDLE: usize = 64;

/// Idle connections, the last used last.
#[derive(Debug)]
pub(crate) struct Pool {
    instance: Instance,
    /// The database that sessions begin in, as SQL names it; DuckDB's first one when it is not given.
    home: Option<String>,
    retries: Retries,
    changes: Changes,
    snapshot: Snapshot,
    idle: Mutex<Vec<Backend>>,
}

impl Pool {
    pub(crate) fn new(
        instance: Instance,
        home: Option<String>,
        retries: Retries,
        changes: Changes,
        snapshot: Snapshot,
    ) -> Arc<Self> {
        Arc::new(Self { instance, home, retries, changes, snapshot, idle: Mutex::default() })
    }

    /// Takes a connection: one that has `sql` prepared if there is one, else the last used, else a new one.
    /// Its settings still have to be applied.
    pub(crate) fn take(&self, sql: Option<&str>) -> Result<Backend, EngineError> {
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let prepared = sql.and_then(|sql| idle.iter().rposition(|backend| backend.has_prepared(sql)));
            match prepared {
                Some(index) => Some(idle.remove(index)),
                None => idle.pop(),
            }
        };
        idle.map_or_else(|| self.backend(), Ok)
    }

    /// Takes a connection of its own for a session that is to be pinned.
    pub(crate) fn open(&self, settings: &BTreeMap<String, String>) -> Result<Backend, EngineError> {
        let mut backend = self.backend()?;
        backend.apply(settings)?;
        Ok(backend)
    }

    fn backend(&self) -> Result<Backend, EngineError> {
        Backend::open(&self.instance, self.home.clone(), self.retries, self.changes.clone(), self.snapshot.clone())
    }

    /// Takes a connection back; one that holds somebody's state is closed.
    pub(super) fn give_back(&self, backend: Backend) {
        if backend.is_tainted() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(backend);
        }
    }
}
