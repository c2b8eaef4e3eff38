//! The tables about statements, whose rows a gateway sends ahead of a statement that reads them.
//!
//! The rows of `tavana.queries`, `tavana.queue` and `tavana.workers` are those that one principal may see. They wait here for the one
//! statement they came for, by its id and its principal both, and are shown to the connection that runs it for as long as it is leased
//! for that. Everybody else reads empty tables.

mod tables;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tavana_wire::QueryId;
use tavana_wire::status::{MAX_OVERVIEW_BYTES, OVERVIEW_SECONDS, Overview};

use crate::caller::Call;
use crate::engine::{Connection, EngineError, Tables};
pub(crate) use tables::VIEWS;

/// Bytes of overviews, as they came, that wait at a time; the oldest go.
const MAX_WAITING_BYTES: usize = 8 * MAX_OVERVIEW_BYTES;

/// The overviews that wait for their statements, or are read by them.
#[derive(Debug, Default)]
pub(crate) struct Overviews {
    waiting: Mutex<HashMap<(QueryId, String), Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    tables: Arc<Tables>,
    bytes: usize,
    came: Instant,
}

impl Overviews {
    /// Keeps the rows for the statement of this call, in the place of those that it had.
    pub(crate) fn put(&self, call: &Call, overview: &Overview, bytes: usize) {
        let waiting = Waiting { tables: Arc::new(tables::rows(overview)), bytes, came: Instant::now() };
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((call.query_id, call.session.principal.clone()), waiting);
        all.retain(|_, waiting| !waiting.is_over());
        let mut total: usize = all.values().map(|waiting| waiting.bytes).sum();
        while total > MAX_WAITING_BYTES {
            let oldest = all.iter().min_by_key(|(_, waiting)| waiting.came).map(|(key, _)| key.clone());
            let Some(oldest) = oldest.and_then(|key| all.remove(&key)) else { break };
            total -= oldest.bytes;
        }
    }

    /// The rows that came for the statement of this call.
    pub(crate) fn find(&self, call: &Call) -> Option<Arc<Tables>> {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        all.retain(|_, waiting| !waiting.is_over());
        all.get(&(call.query_id, call.session.principal.clone())).map(|waiting| Arc::clone(&waiting.tables))
    }

    /// Forgets what was not read in time.
    pub(crate) fn sweep(&self) {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| !waiting.is_over());
    }
}

impl Waiting {
    fn is_over(&self) -> bool {
        self.came.elapsed() >= Duration::from_secs(OVERVIEW_SECONDS)
    }
}

/// Registers the functions behind the tables.
///
/// # Errors
/// What DuckDB says.
pub(crate) fn register(connection: &Connection) -> Result<(), EngineError> {
    tables::register(connection)
}

#[cfg(test)]
mod tests;
