//! Passing a call on to a worker and its answer back, byte for byte.
//!
//! Nothing is decoded, copied or buffered: frames of the worker's body are handed to the client as the client
//! takes them, so a slow client slows its worker and nobody else. What the relay adds is the
//! truth about the end. A body that breaks, or ends without a gRPC status, ends for the client with a
//! status that says so; a client that leaves, or a deadline, drops the worker's call, which
//! cancels it.

pub(crate) mod download;
pub(crate) mod upload;

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header};
use tavana_daemon::peer::CallError;
use tavana_wire::{FailureKind, headers};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::body::Body;
use tower::{BoxError, ServiceExt as _};

use crate::deadline::Deadline;
use crate::fleet::Place;
use crate::flight_sql::Purpose;
use crate::metrics::Record;
use download::Download;
use upload::UploadEnd;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Why a call did not come back from its worker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    /// It never left the gateway.
    #[error("the worker could not be reached, and nothing was done; try again")]
    NotSent(#[source] CallError),
    /// The worker had it, or may have had it.
    #[error("{}", lost_message(*.purpose))]
    Lost {
        /// What the call was for.
        purpose: Purpose,
        /// What happened to the connection.
        #[source]
        source: BoxError,
    },
    /// The worker had no room for it, and did nothing.
    #[error("the worker had no room for the statement, and nothing was done; try again")]
    NoRoom,
    /// Somebody ended it.
    #[error("the statement was ended by KILL")]
    Killed,
    /// Its time ran out.
    #[error("the time limit of {} s ran out and the call was cancelled", .0.as_secs_f64())]
    Deadline(Duration),
}

impl RelayError {
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::NotSent(_) | Self::NoRoom => FailureKind::Unavailable,
            Self::Killed => FailureKind::Cancelled,
            Self::Lost { purpose, .. } => match purpose {
                Purpose::Look | Purpose::Release | Purpose::CloseSession | Purpose::Cancel => FailureKind::Unavailable,
                Purpose::Fetch => FailureKind::ResultLost,
                Purpose::Run => FailureKind::OutcomeUnknown,
            },
            Self::Deadline(_) => FailureKind::DeadlineExceeded,
        }
    }
}

fn lost_message(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Look | Purpose::Release | Purpose::CloseSession | Purpose::Cancel => {
            "the connection to the worker was lost before it answered; try again"
        }
        Purpose::Fetch => {
            "the worker was lost while it delivered the result; what arrived is not complete, run the statement again"
        }
        Purpose::Run => {
            "the worker was lost while the statement ran; if the statement writes, it may or may not have \
             happened: check before running it again"
        }
    }
}

/// A call's terms, apart from where it goes.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) purpose: Purpose,
    pub(crate) deadline: Option<Deadline>,
    /// Resolves when somebody ends the statement.
    pub(crate) killed: Option<CancellationToken>,
}

impl Terms {
    /// Resolves when the call must end before it is over, with why.
    pub(crate) async fn cut(&self) -> RelayError {
        let deadline = async {
            match self.deadline {
                Some(deadline) => {
                    tokio::time::sleep_until(deadline.at).await;
                    RelayError::Deadline(deadline.given)
                }
                None => std::future::pending().await,
            }
        };
        let killed = async {
            match &self.killed {
                Some(killed) => killed.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = deadline => error,
            () = killed => RelayError::Killed,
        }
    }

    fn can_be_cut(&self) -> bool {
        self.deadline.is_some() || self.killed.is_some()
    }
}

/// Sends a request to the worker of `place` and gives the response back as it comes. `end` belongs to the
/// request's body: it is held until the call is over.
///
/// # Errors
/// [`RelayError`] when no response came.
pub(crate) async fn send(
    place: Place,
    request: http::Request<Body>,
    end: UploadEnd,
    terms: Terms,
    record: &Record,
) -> Result<http::Response<Body>, (RelayError, Place)> {
    let answer = tokio::select! {
        answer = place.service().oneshot(request) => answer,
        cut = terms.cut() => return Err((cut, place)),
    };
    match answer {
        Ok(response) if has_no_room(response.headers()) => Err((RelayError::NoRoom, place)),
        Ok(response) if response.status() == StatusCode::OK => Ok(pass_on(response, place, end, terms, record)),
        Ok(response) => {
            let source = format!("the worker answered with HTTP {}", response.status()).into();
            Err((RelayError::Lost { purpose: terms.purpose, source }, place))
        }
        Err(error) if was_not_sent(&error) => Err((RelayError::NotSent(error), place)),
        Err(error) => Err((RelayError::Lost { purpose: terms.purpose, source: error.into() }, place)),
    }
}

fn pass_on(
    response: http::Response<Body>,
    place: Place,
    end: UploadEnd,
    terms: Terms,
    record: &Record,
) -> http::Response<Body> {
    let (mut parts, body) = response.into_parts();
    let said = grpc_status(&parts.headers);
    // What the gateway may have to add at the end would not fit an announced length.
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(code) = said {
        // All there is to say was said in the headers.
        record.end_with(code, &mut parts.headers);
        return http::Response::from_parts(parts, Body::empty());
    }
    let download = Download::new(body, place, end, terms, record.clone());
    http::Response::from_parts(parts, Body::new(download))
}

fn has_no_room(headers: &HeaderMap) -> bool {
    headers.get(headers::FAILURE).is_some_and(|label| label == FailureKind::NoRoom.label())
}

/// The gRPC status in headers or trailers.
pub(crate) fn grpc_status(headers: &HeaderMap) -> Option<Code> {
    headers.get(GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

/// The errors under an error, itself first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn source<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    }
    std::iter::successors(Some(error), source)
}

/// The innermost error, which says what really happened.
pub(crate) fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

/// Whether a failed request surely never reached the worker's service: there was no connection, the
/// connection was gone before the request was written, or the worker refused the stream unseen.
fn was_not_sent(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| {
        error.is::<tonic::ConnectError>()
            || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
            || error.downcast_ref::<h2::Error>().is_some_and(|error| error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::WorkerEndpoint;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    async fn call(port: u16) -> CallError {
        let endpoint = WorkerEndpoint::remote(&format!("grpc://127.0.0.1:{port}"), None).unwrap();
        let request = http::Request::post("/arrow.flight.protocol.FlightService/DoGet").body(Body::empty()).unwrap();
        endpoint.lane(0).oneshot(request).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_refused_connection_has_sent_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = call(port).await;
        assert!(was_not_sent(&error), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_cut_behind_the_request_may_have_sent_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !contains_headers_frame(&read) {
                let count = socket.read_buf(&mut read).await.unwrap();
                assert!(count > 0, "the client left before its request");
            }
        });
        let error = call(port).await;
        assert!(!was_not_sent(&error), "{error:?}");
        server.await.unwrap();
    }

    /// Whether a HEADERS frame (type 1) stands behind the 24 bytes of the preface.
    fn contains_headers_frame(mut sent: &[u8]) -> bool {
        sent = sent.get(24..).unwrap_or_default();
        while let Some(([a, b, c, kind], _)) = sent.split_first_chunk::<4>() {
            if *kind == 1 {
                return true;
            }
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            sent = sent.get(9 + length..).unwrap_or_default();
        }
        false
    }
}
