//! Reading the first gRPC message of a request without taking it away from the worker.
//!
//! A gRPC message is a flag byte, four bytes of length, and the protobuf; HTTP/2 cuts it into frames as
//! it likes. A request with one message is read whole, so that it can be sent to another worker
//! when the first cannot be reached. Of an upload only the frames up to the end of the first message
//! are read; they are sent on as they came, and everything behind them passes unread.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tavana_wire::FailureKind;
use tonic::body::Body;

use super::Method;

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
    /// The frames that were read, and the rest that was not.
    Upload {
        /// Frames as they came, the whole first message in them.
        head: VecDeque<Bytes>,
        /// What the client is still sending.
        rest: Body,
    },
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
    ClientGone(#[source] tonic::Status),
    #[error("the request is not valid protobuf: {0}")]
    NotProtobuf(String),
}

impl PeekError {
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Cut | Self::Trailing | Self::NotProtobuf(_) => FailureKind::InvalidRequest,
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
    let reading = async {
        if method.is_upload() { read_first(body, limits).await } else { read_only(body, limits).await }
    };
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
        return Ok((None, RequestBody::Upload { head: reader.frames, rest }));
    }
    let end = reader.end_of_message(limits.message_bytes)?.filter(|&end| end <= reader.buffered);
    let message = reader.first_bytes(end.ok_or(PeekError::Cut)?).slice(PREFIX_BYTES..);
    Ok((Some(message), RequestBody::Upload { head: reader.frames, rest }))
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
    /// Whether it can be sent a second time.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Whole(whole) => Some(Self::Whole(whole.clone())),
            Self::Upload { .. } => None,
        }
    }

    /// The bytes that were read so far.
    #[cfg(test)]
    pub(crate) fn read_bytes(&self) -> Bytes {
        match self {
            Self::Whole(whole) => whole.clone(),
            Self::Upload { head, .. } => head.iter().flatten().copied().collect(),
        }
    }
}
