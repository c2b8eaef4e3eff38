//! Watching what a worker has room for.
//!
//! The worker tells its capacity as a stream, at least every second. When the stream ends or stays silent, nothing is known any
//! more; what was known is forgotten, and it is watched anew.

use std::time::Duration;

use http::HeaderMap;
use prost::Message as _;
use tavana_daemon::peer::PeerService;
use tavana_daemon::service_token::ServiceToken;
use tavana_wire::capacity::{Capacity, CapacityRequest, VERSION, WATCH_CAPACITY};
use tavana_wire::{Failure, FailureKind, GatewayId, headers};

use crate::ask;
use crate::queue::{Opening, Room};

/// A worker that says nothing for so long is not believed any more; it tells its capacity every second.
const SILENCE: Duration = Duration::from_secs(5);

/// When it is watched again after its stream ended.
pub(super) const AGAIN: Duration = Duration::from_millis(250);

/// The room that a capacity tells of.
pub(super) fn room(told: &Capacity) -> Room {
    Room {
        memory_bytes: told.memory_bytes,
        slots: told.slots,
        others_bytes: told.granted_to_others_bytes,
        others: told.grants_of_others,
        opening: if told.draining { Opening::Draining } else { Opening::Open },
    }
}

/// Hands every capacity that the worker tells to `told`, until the stream ends.
///
/// # Errors
/// Why it ended.
pub(super) async fn watch(
    worker: PeerService,
    token: &ServiceToken,
    gateway: GatewayId,
    mut told: impl FnMut(Capacity),
) -> Result<(), Failure> {
    let mut own = HeaderMap::new();
    own.insert(headers::SERVICE, token.header());
    let request = CapacityRequest { version: VERSION, gateway_id: gateway.to_vec() };
    let silent = |_| Failure::new(FailureKind::DeadlineExceeded, "the worker tells its capacity no more");
    let opening = ask::stream(worker, own, WATCH_CAPACITY, &request);
    let mut results = tokio::time::timeout(SILENCE, opening).await.map_err(silent)??;
    loop {
        let result = tokio::time::timeout(SILENCE, results.message()).await.map_err(silent)?;
        let Some(result) = result.map_err(|status| Failure::from(&status))? else { return Ok(()) };
        told(Capacity::decode(result.body).map_err(|_| ask::unreadable(WATCH_CAPACITY))?);
    }
}
