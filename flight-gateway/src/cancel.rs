//! Cancelling a statement that any worker may be running.
//!
//! A ticket without a pin can be fetched anywhere, through any gateway, so nobody keeps a list of who
//! runs what. All workers are asked at once; the first that has the statement answers for all.

use std::time::Duration;

use arrow_flight::{CancelFlightInfoResult, CancelStatus};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full, Limited};
use prost::Message as _;
use tokio::time::Instant;
use tonic::Code;
use tonic::body::Body;
use tower::{BoxError, ServiceExt as _};

use crate::deadline::Deadline;
use crate::error::GatewayError;
use crate::fleet::Place;
use crate::flight_sql::{Purpose, message};
use crate::metrics::Record;
use crate::relay::{RelayError, grpc_status};
use crate::route::RouteError;

/// An answer is a status and a message; what is larger is none.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// A worker that does not answer in this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// One worker's answer, read whole.
struct Answer {
    parts: http::response::Parts,
    data: bytes::Bytes,
    trailers: Option<HeaderMap>,
}

/// What an answer says, the better the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// The worker knows no such statement, or could not say.
    Refused,
    /// It is too late to cancel it.
    NotCancelled,
    /// It is cancelled, or about to be.
    Cancelled,
}

/// Makes these calls, one a worker, and gives back the best answer.
///
/// # Errors
/// When there is no worker, or none answered in time.
pub(crate) async fn everywhere(
    calls: Vec<(Place, http::Request<Body>)>,
    deadline: Option<Deadline>,
    record: &Record,
) -> Result<http::Response<Body>, GatewayError> {
    let mut asked: FuturesUnordered<_> = calls.into_iter().map(|(place, request)| ask(place, request)).collect();
    let mut best: Result<Answer, GatewayError> = Err(RouteError::NoWorker.into());
    let listen = async {
        while let Some(answer) = asked.next().await {
            best = match (std::mem::replace(&mut best, Err(RouteError::NoWorker.into())), answer) {
                (Ok(best), Ok(answer)) => Ok(if answer.verdict() > best.verdict() { answer } else { best }),
                (Err(_), Ok(answer)) => Ok(answer),
                (Ok(best), Err(_)) => Ok(best),
                (Err(_), Err(source)) => Err(RelayError::Lost { purpose: Purpose::Cancel, source }.into()),
            };
            if best.as_ref().is_ok_and(|best| best.verdict() == Verdict::Cancelled) {
                break;
            }
        }
    };
    let deadline = deadline.filter(|deadline| deadline.given < PATIENCE);
    let given = deadline.map_or(PATIENCE, |deadline| deadline.given);
    let end = deadline.map_or_else(|| Instant::now() + PATIENCE, |deadline| deadline.at);
    let in_time = tokio::time::timeout_at(end, listen).await;
    if in_time.is_err() && best.is_err() {
        return Err(RelayError::Deadline(given).into());
    }
    let best = best?;
    record.end(best.code());
    Ok(best.into_response())
}

async fn ask(place: Place, request: http::Request<Body>) -> Result<Answer, BoxError> {
    let (parts, body) = place.service().oneshot(request).await?.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?;
    let trailers = body.trailers().cloned();
    let answer = Answer { parts, data: body.to_bytes(), trailers };
    answer.status().ok_or("the worker's answer has no status")?;
    Ok(answer)
}

impl Answer {
    fn status(&self) -> Option<Code> {
        grpc_status(&self.parts.headers).or_else(|| self.trailers.as_ref().and_then(grpc_status))
    }

    fn code(&self) -> Code {
        self.status().unwrap_or(Code::Unknown)
    }

    fn verdict(&self) -> Verdict {
        if self.code() != Code::Ok {
            return Verdict::Refused;
        }
        let result = message::payload(&self.data).and_then(|result| arrow_flight::Result::decode(result).ok());
        let result = result.and_then(|result| CancelFlightInfoResult::decode(result.body).ok());
        match result.map(|result| result.status()) {
            Some(CancelStatus::Cancelled | CancelStatus::Cancelling) => Verdict::Cancelled,
            Some(CancelStatus::NotCancellable) => Verdict::NotCancelled,
            Some(CancelStatus::Unspecified) | None => Verdict::Refused,
        }
    }

    fn into_response(self) -> http::Response<Body> {
        let body = match self.trailers {
            None => Body::empty(),
            Some(trailers) => Body::new(Full::new(self.data).with_trailers(async { Some(Ok(trailers)) })),
        };
        http::Response::from_parts(self.parts, body)
    }
}
