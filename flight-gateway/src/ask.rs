//! Asking a worker something on the gateway's own account: actions with one message each way.

use std::time::Duration;

use arrow_flight::Action;
use arrow_flight::flight_service_client::FlightServiceClient;
use http::HeaderMap;
use prost::Message;
use tavana_daemon::peer::PeerService;
use tavana_wire::{Failure, FailureKind};
use tonic::metadata::MetadataMap;
use tonic::{Request, Streaming};

/// The largest answer that is taken.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Does an action and gives its one result.
///
/// # Errors
/// What the worker says; `DeadlineExceeded` when it does not answer in time.
pub(crate) async fn once<A: Message + Default>(
    worker: PeerService,
    headers: HeaderMap,
    action: &str,
    body: &impl Message,
    time: Duration,
) -> Result<A, Failure> {
    let answer = async {
        let mut results = stream(worker, headers, action, body).await?;
        let result = results.message().await.map_err(|status| Failure::from(&status))?;
        A::decode(result.ok_or_else(|| unreadable(action))?.body).map_err(|_| unreadable(action))
    };
    tokio::time::timeout(time, answer).await.unwrap_or_else(|_| Err(late(action)))
}

/// Does an action that has no result.
///
/// # Errors
/// Like [`once`].
pub(crate) async fn tell(
    worker: PeerService,
    headers: HeaderMap,
    action: &str,
    body: &impl Message,
    time: Duration,
) -> Result<(), Failure> {
    let told = async {
        let mut results = stream(worker, headers, action, body).await?;
        while results.message().await.map_err(|status| Failure::from(&status))?.is_some() {}
        Ok(())
    };
    tokio::time::timeout(time, told).await.unwrap_or_else(|_| Err(late(action)))
}

/// Does an action and gives its results as they come.
///
/// # Errors
/// What the worker says.
pub(crate) async fn stream(
    worker: PeerService,
    headers: HeaderMap,
    action: &str,
    body: &impl Message,
) -> Result<Streaming<arrow_flight::Result>, Failure> {
    let mut request = Request::new(Action { r#type: action.to_owned(), body: body.encode_to_vec().into() });
    *request.metadata_mut() = MetadataMap::from_headers(headers);
    let mut client = FlightServiceClient::new(worker).max_decoding_message_size(MAX_ANSWER_BYTES);
    Ok(client.do_action(request).await.map_err(|status| Failure::from(&status))?.into_inner())
}

fn late(action: &str) -> Failure {
    Failure::new(FailureKind::DeadlineExceeded, format!("the worker did not answer {action} in time"))
}

pub(crate) fn unreadable(action: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("the worker's answer to {action} cannot be read; are both of one version?"),
    )
}
