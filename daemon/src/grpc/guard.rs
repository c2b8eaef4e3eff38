//! A call that always gets an answer.
//!
//! A panic in a handler or in a result's body would only reset the stream, and a client would wait or
//! guess. Here it becomes INTERNAL, an error of the body becomes trailers, and a call that is cut at the
//! end of a drain is told so. The panic itself is logged where it happens, by the panic hook.

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tavana_wire::{Failure, FailureKind};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

/// Calls the service; the answer is guarded to its last byte.
pub(super) async fn call<S>(
    service: S,
    request: Request<Body>,
    cut: CancellationToken,
) -> Result<Response<GuardedBody>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let answered = {
        let mut answer = pin!(service.oneshot(request));
        let guarded = poll_fn(|cx| match catching(|| answer.as_mut().poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(status) => Poll::Ready(Err(status)),
        });
        tokio::select! {
            answered = guarded => answered,
            () = cut.cancelled() => Err(cut_status()),
        }
    };
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(status) => status.into_http(),
    };
    Ok(response.map(|body| GuardedBody { body: Some(body), cut: Box::pin(cut.cancelled_owned()) }))
}

/// The body of an answer.
pub(super) struct GuardedBody {
    /// `None` once it has ended.
    body: Option<Body>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl GuardedBody {
    /// Ends the call with this status instead of what the body would have given.
    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.body = None;
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }
}

impl http_body::Body for GuardedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if this.cut.as_mut().poll(cx).is_ready() {
            return this.end(&cut_status());
        }
        match catching(|| Pin::new(body).poll_frame(cx)) {
            Ok(Poll::Ready(Some(Err(status)))) | Err(status) => this.end(&status),
            Ok(polled) => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

fn catching<T>(poll: impl FnOnce() -> T) -> Result<T, Status> {
    // What the handler left half changed is dropped with it: nobody sees it again.
    catch_unwind(AssertUnwindSafe(poll)).map_err(|panic: Box<dyn Any + Send>| {
        drop(panic);
        Failure::new(FailureKind::Internal, "a fault inside the server ended this call").into()
    })
}

fn cut_status() -> Status {
    let message = "the server has stopped before this call was done: a result is not complete, \
                   and whether a write took effect is not known";
    Failure::new(FailureKind::OutcomeUnknown, message).into()
}
