//! Ending a statement by its id.

use std::time::{Duration, SystemTime};

use arrow_flight::{CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightEndpoint, FlightInfo, Ticket};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::HeaderMap;
use tavana_wire::handle::{StatementTicket, Work};
use tavana_wire::{Handle, QueryId, SessionState, seal};

use crate::ask;
use crate::gateway::Parts;

/// A worker that does not answer in this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The action of Flight that ends a statement.
const CANCEL: &str = "CancelFlightInfo";

/// Ends a statement for its principal or an administrator, whether it is on its way here or came to a worker through another gateway; says
/// whether it was found. `headers` are those of a call to a worker for `asker`.
pub(crate) async fn kill(gateway: &Parts, query: QueryId, asker: &SessionState, headers: &HeaderMap) -> bool {
    if gateway.statements.kill(query, asker) {
        return true;
    }
    let ticket = StatementTicket { query_id: query.to_vec(), ..StatementTicket::default() };
    let handle = Handle {
        session: Some(asker.clone()),
        expires_unix_ms: seal::expiry(SystemTime::now(), 2 * PATIENCE),
        work: Some(Work::Statement(ticket)),
    };
    let ticket = Ticket { ticket: gateway.sealer.seal(&handle) };
    let endpoint = vec![FlightEndpoint { ticket: Some(ticket), ..FlightEndpoint::default() }];
    let request = CancelFlightInfoRequest { info: Some(FlightInfo { endpoint, ..FlightInfo::default() }) };
    let places = gateway.fleet.everywhere();
    let ask = |place: &crate::fleet::Place| {
        let (worker, headers, request) = (place.service(), headers.clone(), request.clone());
        async move { ask::once::<CancelFlightInfoResult>(worker, headers, CANCEL, &request, PATIENCE).await }
    };
    let mut answers: FuturesUnordered<_> = places.iter().map(ask).collect();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) if matches!(answer.status(), CancelStatus::Cancelled | CancelStatus::Cancelling) => return true,
            Ok(_) => {}
            Err(failure) => {
                tracing::debug!(failure = failure.message, "a worker did not say whether it has a statement")
            }
        }
    }
    false
}
