//! An upload that can begin anew while little of it was passed on.
//!
//! A worker without room refuses a call unread, and another is asked in its place. By then the first may have been sent some frames, so
//! those are kept, up to [`KEPT_BYTES`]; beyond that the upload is what it is anywhere: passed on once.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tonic::Status;
use tonic::body::Body;

/// Bytes that are kept of what was passed on.
const KEPT_BYTES: usize = 1 << 20;

/// What a client uploads. Clones are one upload.
#[derive(Clone, Debug)]
pub(crate) struct Upload(Arc<Mutex<Source>>);

#[derive(Debug)]
struct Source {
    /// Frames from the beginning on; none when there were too many.
    kept: Option<Vec<Bytes>>,
    bytes: usize,
    rest: Body,
    has_ended: bool,
    /// Only the newest reader reads.
    turn: u64,
}

/// Reads an upload from its beginning.
pub(crate) struct UploadReader {
    upload: Upload,
    turn: u64,
    /// The next of the kept frames; `None` once nothing is kept any more.
    at: usize,
}

impl Upload {
    /// Frames that were read, and what the client still sends.
    pub(crate) fn new(head: impl IntoIterator<Item = Bytes>, rest: Body) -> Self {
        let kept: Vec<Bytes> = head.into_iter().collect();
        let bytes = kept.iter().map(Bytes::len).sum();
        Self(Arc::new(Mutex::new(Source { kept: Some(kept), bytes, rest, has_ended: false, turn: 0 })))
    }

    /// Whether it can be read from its beginning.
    pub(crate) fn is_whole(&self) -> bool {
        self.lock().kept.is_some()
    }

    /// Reads it from its beginning; who read it before reads no more. `None` when its beginning is gone.
    pub(crate) fn read(&self) -> Option<UploadReader> {
        let mut source = self.lock();
        source.kept.as_ref()?;
        source.turn += 1;
        Some(UploadReader { upload: self.clone(), turn: source.turn, at: 0 })
    }

    /// What is kept of it.
    #[cfg(test)]
    pub(super) fn kept(&self) -> Vec<Bytes> {
        self.lock().kept.clone().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn keep(&mut self, data: &Bytes) {
        self.bytes += data.len();
        if self.bytes > KEPT_BYTES {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.push(data.clone());
        }
    }
}

impl UploadReader {
    /// The next frame.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut source = self.upload.lock();
        if source.turn != self.turn {
            return Poll::Ready(Some(Err(Status::cancelled("the upload was begun anew"))));
        }
        if let Some(data) = source.kept.as_ref().and_then(|kept| kept.get(self.at)) {
            self.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if source.has_ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut source.rest).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    source.keep(data);
                    self.at += 1;
                }
            }
            Some(Err(_)) => source.kept = None,
            None => source.has_ended = true,
        }
        Poll::Ready(frame)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let source = self.upload.lock();
        let has_read = source.kept.as_ref().is_none_or(|kept| self.at >= kept.len());
        has_read && (source.has_ended || source.rest.is_end_stream())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http_body_util::StreamBody;

    fn upload(frames: usize, bytes: usize) -> Upload {
        let frames = (0..frames).map(move |at| Ok::<_, Status>(Frame::data(Bytes::from(vec![at as u8; bytes]))));
        Upload::new([Bytes::from_static(b"head")], Body::new(StreamBody::new(stream::iter(frames))))
    }

    async fn next(reader: &mut UploadReader) -> Option<Result<Bytes, Status>> {
        let frame = std::future::poll_fn(|cx| reader.poll(cx)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    }

    async fn all(reader: &mut UploadReader) -> Vec<Bytes> {
        let mut read = Vec::new();
        while let Some(data) = next(reader).await {
            read.push(data.unwrap());
        }
        assert!(reader.is_end_stream());
        read
    }

    #[tokio::test]
    async fn an_upload_begins_anew_wherever_it_was() {
        let expected = all(&mut upload(3, 10).read().unwrap()).await;
        assert_eq!(expected.len(), 4);
        for read in 0..=4 {
            let upload = upload(3, 10);
            let mut first = upload.read().unwrap();
            for _ in 0..read {
                next(&mut first).await.unwrap().unwrap();
            }
            let mut second = upload.read().unwrap();
            assert!(next(&mut first).await.unwrap().is_err(), "the first reads no more");
            assert_eq!(all(&mut second).await, expected, "after {read}");
            assert_eq!(all(&mut upload.read().unwrap()).await, expected);
        }
    }

    #[tokio::test]
    async fn a_large_one_is_passed_on_once() {
        let upload = upload(100, KEPT_BYTES / 10);
        let mut reader = upload.read().unwrap();
        for _ in 0..5 {
            next(&mut reader).await.unwrap().unwrap();
        }
        assert!(upload.is_whole());
        assert_eq!(all(&mut reader).await.len(), 101 - 5);
        assert!(!upload.is_whole() && upload.read().is_none());
    }
}
