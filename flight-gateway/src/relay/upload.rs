//! A request's body on its way to the worker.
//!
//! A worker takes the clean end of an upload for "that is all". So the end of the client's body may be passed
//! on only while the call is running: once the gateway has ended it (a deadline, a client that left), the
//! upload ends with an error at once, whatever the client does; over HTTP/2 that error is also what resets
//! the worker's stream, because a response that is dropped does not while the request is still being sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream;
use futures::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use http_body_util::StreamBody;
use tonic::Status;
use tonic::body::Body;

use crate::flight_sql::{RequestBody, UploadReader};
use crate::metrics::Record;

/// Held as long as the call runs; dropping it breaks the upload off.
pub(crate) struct UploadEnd(Arc<Ended>);

#[derive(Default)]
struct Ended {
    yes: AtomicBool,
    reader: AtomicWaker,
}

impl Drop for UploadEnd {
    fn drop(&mut self) {
        self.0.yes.store(true, Ordering::Release);
        self.0.reader.wake();
    }
}

struct Upload {
    reader: UploadReader,
    ended: Arc<Ended>,
    record: Record,
}

/// The body for a worker, and what must be held while its call runs.
pub(crate) fn body(request: RequestBody, record: &Record) -> (Body, UploadEnd) {
    let ended = Arc::new(Ended::default());
    let end = UploadEnd(ended.clone());
    let body = match request {
        RequestBody::Whole(whole) => {
            record.relayed(whole.len());
            Body::new(http_body_util::Full::new(whole))
        }
        RequestBody::Upload(upload) => match upload.read() {
            Some(reader) => Body::new(Upload { reader, ended, record: record.clone() }),
            // Whoever sends again has looked whether it is whole; a clean end would be taken for all of it.
            None => Body::new(StreamBody::new(stream::iter([Err::<Frame<Bytes>, _>(Status::internal(
                "the upload is not whole",
            ))]))),
        },
    };
    (body, end)
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended.reader.register(cx.waker());
        if self.ended.yes.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(Status::cancelled("the call has ended"))));
        }
        let polled = self.reader.poll(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.record.relayed(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.reader.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
