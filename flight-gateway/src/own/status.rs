//! How a statement is, for whoever waits for it.

use std::time::Duration;

use tavana_wire::status::{QueryRow, QueryState, QueryStatus, VERSION};
use tavana_wire::{QueryId, SessionState};

use crate::gateway::Parts;

/// The status of a statement that `asker` may know of; [`QueryState::Unknown`] of all others.
pub(crate) fn status(gateway: &Parts, query: QueryId, asker: &SessionState) -> QueryStatus {
    let unknown = QueryStatus { version: VERSION, ..QueryStatus::default() };
    let Some(row) = gateway.statements.find(query, asker) else { return unknown };
    let told = QueryStatus {
        state: row.state,
        waited_ms: row.waited_us / 1000,
        running_ms: running_ms(&row),
        relayed_bytes: row.relayed_bytes,
        estimate: row.estimate,
        ..unknown
    };
    // Between its arrival in the gateway and in the queue it is sized, for an instant.
    match gateway.admission.status(query).filter(|_| told.state() == QueryState::Queued) {
        Some(standing) => QueryStatus {
            ahead: standing.ahead,
            expected_wait_ms: standing.expected_wait.map(millis),
            because: standing.because.to_string(),
            ..told
        },
        None => told,
    }
}

fn running_ms(row: &QueryRow) -> u64 {
    let Some(started_us) = row.started_us else { return 0 };
    let until_us = row.ended_us.unwrap_or_else(crate::statements::now_us);
    u64::try_from(until_us.saturating_sub(started_us) / 1000).unwrap_or(0)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
