//! The HTTP body of a `DoGet`: frames as data, the outcome as trailers.
//!
//! A result is whole only when the trailers say `grpc-status: 0`. The producer sends its outcome as its last
//! message; a producer that vanishes without one, by a panic for example, is told as an error.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame as HttpFrame;
use tavana_wire::{Failure, FailureKind};
use tokio::sync::mpsc;
use tonic::Status;

use super::frame::Frame;
use crate::memory::meter::Run;

/// What a producer sends: frames, then its outcome.
pub(crate) enum Delivery {
    /// A message of the result.
    Frame(Frame),
    /// The end: whole, or what broke it.
    End(Result<(), Failure>),
}

/// Frames that wait for the client; a producer further ahead waits itself.
pub(crate) const FRAMES_AHEAD: usize = 3;

/// The body of a reply; dropping it tells the producer that the client is gone.
pub(crate) struct FlightBody {
    deliveries: mpsc::Receiver<Delivery>,
    segments: VecDeque<Bytes>,
    ended: bool,
    /// The statement whose size is told in the trailers.
    measured: Option<Run>,
}

impl FlightBody {
    pub(crate) fn new(deliveries: mpsc::Receiver<Delivery>) -> Self {
        Self { deliveries, segments: VecDeque::new(), ended: false, measured: None }
    }

    /// Tells how big the statement was, in the trailers.
    pub(crate) fn measured(mut self, run: Option<Run>) -> Self {
        self.measured = run;
        self
    }

    fn end(&mut self, outcome: Result<(), Failure>) -> HttpFrame<Bytes> {
        self.ended = true;
        let mut trailers = trailers(outcome);
        if let Some(run) = self.measured.take() {
            run.tell(&mut trailers);
        }
        HttpFrame::trailers(trailers)
    }
}

impl http_body::Body for FlightBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<HttpFrame<Bytes>, Infallible>>> {
        loop {
            if let Some(segment) = self.segments.pop_front() {
                return Poll::Ready(Some(Ok(HttpFrame::data(segment))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match std::task::ready!(self.deliveries.poll_recv(context)) {
                Some(Delivery::Frame(frame)) => self.segments.extend(frame.into_segments()),
                Some(Delivery::End(outcome)) => return Poll::Ready(Some(Ok(self.end(outcome)))),
                None => {
                    let lost = Failure::new(FailureKind::Internal, "the statement ended without telling its outcome");
                    return Poll::Ready(Some(Ok(self.end(Err(lost)))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.segments.is_empty()
    }
}

/// gRPC trailers that tell an outcome.
fn trailers(outcome: Result<(), Failure>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let status = match outcome {
        Ok(()) => Status::ok(""),
        Err(failure) => Status::from(failure),
    };
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("13"));
    }
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    async fn collect(deliveries: Vec<Delivery>) -> (Bytes, HeaderMap) {
        let (sender, receiver) = mpsc::channel(8);
        for delivery in deliveries {
            sender.send(delivery).await.ok().unwrap();
        }
        drop(sender);
        let collected = FlightBody::new(receiver).collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap();
        (collected.to_bytes(), trailers)
    }

    fn frame(bytes: &'static [u8]) -> Delivery {
        Delivery::Frame(Frame::whole(Bytes::from_static(bytes)))
    }

    #[tokio::test]
    async fn a_whole_result_ends_with_status_zero() {
        let (data, trailers) = collect(vec![frame(b"ab"), frame(b"c"), Delivery::End(Ok(()))]).await;
        assert_eq!(&data[..], b"abc");
        assert_eq!(trailers["grpc-status"], "0");
    }

    #[tokio::test]
    async fn a_failure_after_the_first_frame_is_told() {
        let failure = Failure::new(FailureKind::OutOfMemory, "no memory left");
        let (_, trailers) = collect(vec![frame(b"ab"), Delivery::End(Err(failure))]).await;
        assert_eq!(trailers["grpc-status"], "8");
        assert_eq!(trailers["x-tavana-sqlstate"], "53200");
    }

    #[tokio::test]
    async fn a_producer_that_vanishes_is_a_failure() {
        let (_, trailers) = collect(vec![frame(b"ab")]).await;
        assert_eq!(trailers["grpc-status"], "13");
    }
}
