//! Reading the first gRPC message of a request without taking it away from the worker.
//!
//! A gRPC message is a flag byte, four bytes of length, and the protobuf; HTTP/2 cuts it into frames as
//! it likes. A request with one message is read whole, so that it can be sent to another worker
//! when the first cannot be reached. Of an upload only the frames up to the end of the first message
//! are read; they are sent on as they came, and everything behind them passes unread.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt as _, Full};
use tavana_wire::FailureKind;
use tonic::Status;
use tonic::body::Body;

use super::Method;
use super::upload::Upload;

/// Flag and length ahead of every gRPC message.
const PREFIX_BYTES: usize = 5;

/// What a client may ask of the gateway's memory and patience.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest request message, or first message of an upload.
    pub(crate) message_bytes: usize,
    /// The time until that message must have arrived.
    pub(crate) arrival: Duration,
}

/// A request's body, ready for a worker.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// All of it; it can be sent again.
    Whole(Bytes),
    /// The whole first message, and the rest that was not read.
    Upload(Upload),
}

/// Why the first message could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeekError {
    #[error("the request ended before its message was complete")]
    Cut,
    #[error("the request has bytes behind its message")]
    Trailing,
    #[error("compressed gRPC messages are not supported; send the request uncompressed")]
    Compressed,
    #[error("the request's message has {bytes} bytes; the limit is {limit} bytes (--max-message-bytes)")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the request did not arrive within {} s", .0.as_secs())]
    TooSlow(Duration),
    #[error("the client ended the call")]
    ClientGone(#[source] Status),
    #[error("the action `{0}` is between gateways and their workers")]
    Private(&'static str),
    #[error("the request is not valid protobuf: {0}")]
    NotProtobuf(String),
}

impl PeekError {
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Cut | Self::Trailing | Self::NotProtobuf(_) => FailureKind::InvalidRequest,
            Self::Private(_) => FailureKind::PermissionDenied,
            Self::Compressed => FailureKind::Unsupported,
            Self::TooLarge { .. } => FailureKind::LimitExceeded,
            Self::TooSlow(_) => FailureKind::DeadlineExceeded,
            Self::ClientGone(_) => FailureKind::Cancelled,
        }
    }
}

impl From<prost::DecodeError> for PeekError {
    fn from(error: prost::DecodeError) -> Self {
        Self::NotProtobuf(error.to_string())
    }
}

/// Reads a request's first message; `None` when an upload has none.
///
/// # Errors
/// [`PeekError`] when the message is cut, too large, too late, or not alone where it must be.
pub(crate) async fn read(
    method: Method,
    body: Body,
    limits: Limits,
) -> Result<(Option<Bytes>, RequestBody), PeekError> {
    let reading =
        async { if method.is_upload() { read_first(body, limits).await } else { read_only(body, limits).await } };
    tokio::time::timeout(limits.arrival, reading).await.unwrap_or(Err(PeekError::TooSlow(limits.arrival)))
}

/// A protobuf message as one gRPC message.
pub(crate) fn encode(message: &impl prost::Message) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // The buffer grows, so encoding into it cannot fail.
    let _ = message.encode(&mut framed);
    framed.freeze()
}

/// An answer of one message, and its good end.
pub(crate) fn answer(message: &impl prost::Message) -> http::Response<Body> {
    let mut trailers = HeaderMap::new();
    // An empty message is always a valid header value.
    let _ = Status::ok("").add_header(&mut trailers);
    let body = Full::new(encode(message)).with_trailers(async { Some(Ok(trailers)) });
    let mut answer = http::Response::new(Body::new(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    answer
}

/// The protobuf of a gRPC message that is there as a whole; `None` when it is cut or compressed.
pub(crate) fn payload(framed: &Bytes) -> Option<Bytes> {
    let mut reader = Reader::default();
    reader.push(framed.clone());
    match reader.end_of_message(usize::MAX) {
        Ok(Some(end)) if reader.buffered >= end => Some(framed.slice(PREFIX_BYTES..end)),
        _ => None,
    }
}

async fn read_only(body: Body, limits: Limits) -> Result<(Option<Bytes>, RequestBody), PeekError> {
    let (mut reader, mut body) = Reader::until_message(body, limits.message_bytes).await?;
    let end = reader.end_of_message(limits.message_bytes)?.ok_or(PeekError::Cut)?;
    // Only the end of the body says that the client sent all it meant to send.
    while reader.buffered <= end {
        let Some(data) = next_data(&mut body).await? else { break };
        reader.push(data);
    }
    if reader.buffered != end {
        return Err(if reader.buffered < end { PeekError::Cut } else { PeekError::Trailing });
    }
    let whole = reader.first_bytes(end);
    Ok((Some(whole.slice(PREFIX_BYTES..)), RequestBody::Whole(whole)))
}

async fn read_first(body: Body, limits: Limits) -> Result<(Option<Bytes>, RequestBody), PeekError> {
    let (reader, rest) = Reader::until_message(body, limits.message_bytes).await?;
    if reader.buffered == 0 {
        return Ok((None, RequestBody::Upload(Upload::new(reader.frames, rest))));
    }
    let end = reader.end_of_message(limits.message_bytes)?.filter(|&end| end <= reader.buffered);
    let message = reader.first_bytes(end.ok_or(PeekError::Cut)?).slice(PREFIX_BYTES..);
    Ok((Some(message), RequestBody::Upload(Upload::new(reader.frames, rest))))
}

/// The next bytes of a body; `None` at its end.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, PeekError> {
    while let Some(frame) = body.frame().await {
        match frame.map_err(PeekError::ClientGone)?.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => return Ok(Some(data)),
            // Trailers: nothing comes behind them.
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// The frames of a body so far.
#[derive(Default)]
struct Reader {
    frames: VecDeque<Bytes>,
    buffered: usize,
}

impl Reader {
    /// Reads until the first message is there or the body ends.
    async fn until_message(mut body: Body, limit: usize) -> Result<(Self, Body), PeekError> {
        let mut reader = Self::default();
        while reader.end_of_message(limit)?.is_none_or(|end| reader.buffered < end) {
            let Some(data) = next_data(&mut body).await? else { break };
            reader.push(data);
        }
        Ok((reader, body))
    }

    fn push(&mut self, data: Bytes) {
        self.buffered += data.len();
        self.frames.push_back(data);
    }

    /// Where the first message ends, once its prefix is there.
    fn end_of_message(&self, limit: usize) -> Result<Option<usize>, PeekError> {
        let mut bytes = self.frames.iter().flat_map(|frame| frame.iter().copied());
        let mut prefix = [0; PREFIX_BYTES];
        for byte in &mut prefix {
            let Some(next) = bytes.next() else { return Ok(None) };
            *byte = next;
        }
        let [flag, length @ ..] = prefix;
        if flag != 0 {
            return Err(PeekError::Compressed);
        }
        let bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if bytes > limit {
            return Err(PeekError::TooLarge { bytes, limit });
        }
        Ok(Some(PREFIX_BYTES + bytes))
    }

    /// The first `count` bytes in one piece; copied only when they came in several frames.
    fn first_bytes(&self, count: usize) -> Bytes {
        match self.frames.front() {
            Some(only) if only.len() >= count => only.slice(..count),
            _ => {
                let mut joined = BytesMut::with_capacity(count);
                for frame in &self.frames {
                    joined.put(frame.slice(..frame.len().min(count - joined.len())));
                }
                joined.freeze()
            }
        }
    }
}

impl Default for RequestBody {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl RequestBody {
    /// The same, to be sent a second time if it is [whole](Self::is_whole) then.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Whole(whole) => Self::Whole(whole.clone()),
            Self::Upload(upload) => Self::Upload(upload.clone()),
        }
    }

    /// Whether it can be sent from its beginning.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Upload(upload) => upload.is_whole(),
        }
    }

    /// The bytes that were read so far.
    #[cfg(test)]
    pub(crate) fn read_bytes(&self) -> Bytes {
        match self {
            Self::Whole(whole) => whole.clone(),
            Self::Upload(upload) => upload.kept().concat().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use proptest::prelude::*;
    use tonic::Status;

    const LIMITS: Limits = Limits { message_bytes: 1000, arrival: Duration::from_secs(5) };

    fn body(frames: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>) -> Body {
        Body::new(StreamBody::new(stream::iter(frames.into_iter().map(|data| Ok::<_, Status>(Frame::data(data))))))
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0][..], &length, message].concat()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
    }

    /// `bytes` cut at `cuts`, in frames of which some are empty.
    fn chunks(bytes: &[u8], mut cuts: Vec<usize>) -> Vec<Bytes> {
        cuts.iter_mut().for_each(|cut| *cut %= bytes.len() + 1);
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|ends| Bytes::copy_from_slice(&bytes[ends[0]..ends[1]])).collect()
    }

    proptest! {
        #[test]
        fn however_a_request_is_cut_into_frames_it_reads_the_same(
            message in proptest::collection::vec(any::<u8>(), 0..300),
            cuts in proptest::collection::vec(any::<usize>(), 0..12),
        ) {
            let bytes = framed(&message);
            let read = run(read(Method::DoGet, body(chunks(&bytes, cuts)), LIMITS)).unwrap();
            prop_assert_eq!(read.0.unwrap(), message);
            prop_assert_eq!(read.1.read_bytes(), bytes);
        }

        #[test]
        fn an_upload_goes_on_byte_for_byte_behind_its_first_message(
            first in proptest::collection::vec(any::<u8>(), 0..100),
            others in proptest::collection::vec(any::<u8>(), 0..300),
            cuts in proptest::collection::vec(any::<usize>(), 0..12),
        ) {
            let bytes = [framed(&first), others].concat();
            let frames = chunks(&bytes, cuts);
            let (message, request) = run(read(Method::DoPut, body(frames.clone()), LIMITS)).unwrap();
            prop_assert_eq!(message.unwrap(), first.clone());
            let RequestBody::Upload(upload) = request else { panic!("an upload was read whole") };
            let head = upload.kept();
            // No more was read than the frame in which the first message ends.
            let before_last = head.iter().map(Bytes::len).sum::<usize>() - head.last().map_or(0, Bytes::len);
            prop_assert!(before_last < 5 + first.len());
            let mut reader = upload.read().unwrap();
            let mut sent = Vec::new();
            while let Some(frame) = run(std::future::poll_fn(|cx| reader.poll(cx))) {
                sent.extend(frame.unwrap().into_data().unwrap());
            }
            prop_assert_eq!(sent, bytes);
        }

        #[test]
        fn a_request_cut_anywhere_is_refused(
            message in proptest::collection::vec(any::<u8>(), 1..100),
            at in any::<usize>(),
        ) {
            let bytes = framed(&message);
            let cut = Bytes::copy_from_slice(&bytes[..at % bytes.len()]);
            let refused = run(read(Method::DoGet, body([cut]), LIMITS)).unwrap_err();
            prop_assert!(matches!(refused, PeekError::Cut), "{}", refused);
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..64), upload in any::<bool>()) {
            let method = if upload { Method::DoPut } else { Method::DoAction };
            let _ = run(read(method, body([Bytes::from(noise)]), LIMITS));
        }
    }

    #[test]
    fn limits_are_kept() {
        let refused = |method, bytes: Vec<u8>| run(read(method, body([Bytes::from(bytes)]), LIMITS)).unwrap_err();
        for method in [Method::GetFlightInfo, Method::DoPut] {
            // The length alone is enough to refuse it.
            let error = refused(method, framed(&[7; 1001])[..5].to_vec());
            assert_eq!(error.kind(), FailureKind::LimitExceeded);
            assert!(error.to_string().contains("1000 bytes"), "{error}");
            assert_eq!(refused(method, vec![1, 0, 0, 0, 0]).kind(), FailureKind::Unsupported);
        }
        let twice = [framed(b"a"), framed(b"b")].concat();
        assert!(matches!(refused(Method::DoGet, twice), PeekError::Trailing));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_nothing_is_not_waited_for() {
        let silent = || Body::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, Status>>()));
        for method in [Method::DoGet, Method::DoPut] {
            let error = read(method, silent(), LIMITS).await.unwrap_err();
            assert_eq!(error.kind(), FailureKind::DeadlineExceeded);
        }
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_no_end_of_its_request() {
        let bytes = Bytes::from(framed(b"message"));
        let left = stream::iter([Ok(Frame::data(bytes.slice(..9))), Err(Status::cancelled("reset"))]);
        let error = read(Method::DoGet, Body::new(StreamBody::new(left)), LIMITS).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Cancelled);
    }

    #[tokio::test]
    async fn an_upload_may_be_empty_and_a_request_may_not() {
        assert!(matches!(read(Method::DoPut, Body::empty(), LIMITS).await, Ok((None, _))));
        assert!(matches!(read(Method::DoGet, Body::empty(), LIMITS).await, Err(PeekError::Cut)));
    }
}
