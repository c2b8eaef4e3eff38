//! A worker's response body on its way to the client.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tavana_wire::Failure;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::{Code, Status};

use super::upload::UploadEnd;
use super::{RelayError, Terms, grpc_status, root_cause};
use crate::fleet::Place;
use crate::metrics::Record;

/// The body that the client reads. Dropping it, as happens when the client leaves, drops the worker's call.
pub(super) struct Download {
    running: Arc<Mutex<Running>>,
    terms: Terms,
    record: Record,
    over: bool,
    _timer: Option<Timer>,
}

/// The worker's side, in reach of the timer: a client that does not read does not poll, and its deadline
/// must end the call all the same.
struct Running {
    call: Option<Call>,
    waker: Option<Waker>,
    /// Why the timer took the call away.
    cut: Option<RelayError>,
}

/// What a running call holds. The fields are dropped in this order.
struct Call {
    _end: UploadEnd,
    body: Body,
    place: Place,
}

/// Ends the call at its deadline or when it is killed, unless dropped before.
struct Timer(JoinHandle<()>);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Download {
    pub(super) fn new(body: Body, place: Place, end: UploadEnd, terms: Terms, record: Record) -> Self {
        let call = Call { _end: end, body, place };
        let running = Arc::new(Mutex::new(Running { call: Some(call), waker: None, cut: None }));
        let timer = terms.can_be_cut().then(|| Timer::start(terms.clone(), Arc::downgrade(&running)));
        Self { running, terms, record, over: false, _timer: timer }
    }

    /// Ends the body with what the worker said last.
    fn finish(&mut self, mut trailers: HeaderMap, code: Code) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.over = true;
        self.record.end_with(code, &mut trailers);
        lock(&self.running).call = None;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    /// Ends the body with what the gateway has to say.
    fn fail(&mut self, error: &RelayError) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let kind = error.kind();
        let status = Status::from(Failure::new(kind, error.to_string()));
        let mut trailers = HeaderMap::new();
        // Only a message that is no header value could fail, and gRPC escapes those.
        let _ = status.add_header(&mut trailers);
        self.finish(trailers, kind.code())
    }

    fn lost(&mut self, reason: tower::BoxError) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let worker = lock(&self.running).call.as_ref().map(|call| call.place.worker().to_owned());
        let (worker, reason_text) = (worker.unwrap_or_default(), root_cause(&*reason).to_string());
        tracing::warn!(parent: self.record.span(), worker, reason = reason_text, "a worker's answer was cut");
        self.fail(&RelayError::Lost { purpose: self.terms.purpose, source: reason })
    }
}

impl Timer {
    /// The timer must not keep alive what a client that leaves gives up.
    fn start(terms: Terms, running: Weak<Mutex<Running>>) -> Self {
        Self(tokio::spawn(async move {
            let cut = terms.cut().await;
            let Some(running) = running.upgrade() else { return };
            let (call, waker) = {
                let mut running = lock(&running);
                running.cut = Some(cut);
                (running.call.take(), running.waker.take())
            };
            drop(call);
            if let Some(waker) = waker {
                waker.wake();
            }
        }))
    }
}

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let polled = {
            let mut running = lock(&self.running);
            match &mut running.call {
                None => None,
                Some(call) => match Pin::new(&mut call.body).poll_frame(cx) {
                    Poll::Ready(frame) => Some(frame),
                    Poll::Pending => {
                        running.waker = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                },
            }
        };
        match polled {
            // Only the timer takes the call away.
            None => {
                let cut = lock(&self.running).cut.take();
                self.fail(&cut.unwrap_or(RelayError::Deadline(Duration::ZERO)))
            }
            Some(None) => self.lost("the worker's answer ended without a status".into()),
            Some(Some(Err(status))) => self.lost(status.into()),
            Some(Some(Ok(frame))) => match frame.data_ref().map(Bytes::len) {
                Some(bytes) => {
                    self.record.delivered(bytes);
                    Poll::Ready(Some(Ok(frame)))
                }
                None => match frame.into_trailers().ok().and_then(|all| grpc_status(&all).map(|code| (all, code))) {
                    Some((trailers, code)) => self.finish(trailers, code),
                    None => self.lost("the worker's trailers have no status".into()),
                },
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
