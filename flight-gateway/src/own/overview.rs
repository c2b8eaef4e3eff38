//! The rows of the tables about statements, as one principal may see them.

use std::collections::HashMap;

use prost::Message as _;
use tavana_wire::status::{MAX_OVERVIEW_BYTES, Overview, QueryRow, QueueRow, VERSION};
use tavana_wire::{QueryId, Role, SessionState};

use super::status::millis;
use crate::gateway::Parts;
use crate::history::HistoryError;
use crate::queue::WaitsFor;

/// Statements that are over and are read from the history at most; the bytes of the overview bound them further.
const MAX_PAST: usize = 50_000;
/// Statements that wait and are shown at most.
const MAX_WAITING: usize = 10_000;
/// What a row takes in the overview beside itself.
const ROW_FRAME_BYTES: usize = 8;

/// What `asker` may see: their own statements, or everybody's for an administrator, and all workers.
///
/// # Errors
/// When the history cannot be read.
pub(crate) async fn overview(gateway: &Parts, asker: &SessionState) -> Result<Overview, HistoryError> {
    let is_admin = asker.role() == Role::Admin;
    let on_way = gateway.statements.visible(asker);
    let mut overview = Overview {
        version: VERSION,
        queue: queue(gateway, &on_way),
        workers: gateway.fleet.rows(is_admin),
        queries: Vec::new(),
    };
    let mut left = MAX_OVERVIEW_BYTES.saturating_sub(overview.encoded_len());
    let owner = (!is_admin).then_some(asker.principal.as_str());
    let past = gateway.statements.history().recent(owner, MAX_PAST).await?;
    for row in on_way.into_iter().chain(past) {
        let bytes = row.encoded_len() + ROW_FRAME_BYTES;
        let Some(rest) = left.checked_sub(bytes) else { break };
        left = rest;
        overview.queries.push(row);
    }
    Ok(overview)
}

/// What waits, in its order; places are counted among all that wait.
fn queue(gateway: &Parts, on_way: &[QueryRow]) -> Vec<QueueRow> {
    let rows: HashMap<&[u8], &QueryRow> = on_way.iter().map(|row| (row.query_id.as_slice(), row)).collect();
    let waiting = (1..).zip(gateway.admission.first_waiting(MAX_WAITING));
    let mut bytes = MAX_OVERVIEW_BYTES / 2;
    waiting
        .filter_map(|(position, query)| queue_row(gateway, position, query, rows.get(query.as_bytes().as_slice())?))
        .take_while(|row| {
            let fits = bytes.checked_sub(row.encoded_len() + ROW_FRAME_BYTES);
            bytes = fits.unwrap_or(0);
            fits.is_some()
        })
        .collect()
}

fn queue_row(gateway: &Parts, position: u64, query: QueryId, row: &QueryRow) -> Option<QueueRow> {
    let standing = gateway.admission.status(query)?;
    let is_next = matches!(standing.because, WaitsFor::Room { .. });
    Some(QueueRow {
        position,
        query_id: row.query_id.clone(),
        principal: row.principal.clone(),
        state: if is_next { "reserving" } else { "waiting" }.to_owned(),
        waited_us: u64::try_from(standing.waited.as_micros()).unwrap_or(u64::MAX),
        expected_wait_ms: standing.expected_wait.map(millis),
        need_bytes: row.estimate.as_ref().map_or(0, |estimate| estimate.peak_memory_bytes),
        because: standing.because.to_string(),
        sql: row.sql.clone(),
    })
}
