//! PostgreSQL's messages, version 3 of the protocol.
//!
//! What a client sends is hostile until it is read, so every length and count is checked against the bytes that are
//! there: nothing is indexed, nothing is allocated for a promise. A message is taken whole or not at all ([`take`]), then read
//! ([`Request::read`]). What we send is written straight into the output buffer ([`Reply`]).

mod reply;

use bytes::{Buf as _, Bytes, BytesMut};

pub use reply::{Column, Reply, Status};

/// Bytes of a message before login: credentials are short.
pub const MAX_LOGIN_BYTES: usize = 16 << 10;
/// Type byte and length.
const HEAD_BYTES: usize = 5;
/// The most bytes that are set aside for a message that has not arrived yet; more comes as it arrives.
const RESERVE_BYTES: usize = 64 << 10;

/// Why a message cannot be read: the connection cannot go on after it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum MessageError {
    /// The length is below the four bytes it counts itself.
    #[error("invalid message length")]
    Length,
    /// It is larger than what is taken.
    #[error(
        "message of {bytes} bytes is larger than the limit of {limit}; send less at a time, or raise --pg-max-message-bytes"
    )]
    TooLarge {
        /// What it announced.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Nobody knows this type.
    #[error("invalid frontend message type {0}")]
    Type(u8),
    /// Its fields do not fill it exactly.
    #[error("invalid message format")]
    Format,
    /// A text is not UTF-8.
    #[error("invalid byte sequence for encoding \"UTF8\"")]
    Encoding,
}

impl MessageError {
    /// The SQLSTATE that PostgreSQL gives for the same.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Length | Self::Type(_) | Self::Format => "08P01",
            Self::TooLarge { .. } => "54000",
            Self::Encoding => "22021",
        }
    }
}

/// A statement or a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The simple protocol: a text of statements.
    Query(String),
    /// Prepare a statement; types of 0 are for us to find out.
    Parse { name: String, sql: String, types: Vec<u32> },
    /// Give a statement its values.
    Bind(Bind),
    /// Tell the types of a statement or a portal.
    Describe(Target, String),
    /// Run a portal for at most so many rows; all of them when it is not above 0.
    Execute { portal: String, max_rows: i32 },
    /// Forget a statement or a portal.
    Close(Target, String),
    /// Send what there is.
    Flush,
    /// The end of a batch of the extended protocol.
    Sync,
    /// Rows of a `COPY FROM STDIN`.
    CopyData(Bytes),
    /// All rows were sent.
    CopyDone,
    /// The client gives up its `COPY`.
    CopyFail(String),
    /// The call of a function by its OID, from before statements could be prepared.
    FunctionCall,
    /// Goodbye.
    Terminate,
}

/// Values for a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// The portal to make.
    pub portal: String,
    /// The statement.
    pub statement: String,
    /// Formats of the values: none, one for all, or one each.
    pub formats: Vec<i16>,
    /// The values; `None` is null.
    pub values: Vec<Option<Bytes>>,
    /// Formats of the result's columns, likewise.
    pub result_formats: Vec<i16>,
}

/// Takes the next message, its type byte and its body, out of `buffer`; `None` until it is whole.
///
/// # Errors
/// [`MessageError::Length`] and [`MessageError::TooLarge`], as soon as the length is there.
pub fn take(buffer: &mut BytesMut, limit: usize) -> Result<Option<(u8, Bytes)>, MessageError> {
    let Some(head) = buffer.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
    let [kind, length @ ..] = *head;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(|_| MessageError::Length)?;
    let body = length.checked_sub(4).ok_or(MessageError::Length)?;
    if body > limit {
        return Err(MessageError::TooLarge { bytes: body, limit });
    }
    if buffer.len() < HEAD_BYTES + body {
        buffer.reserve((HEAD_BYTES + body - buffer.len()).min(RESERVE_BYTES));
        return Ok(None);
    }
    buffer.advance(HEAD_BYTES);
    Ok(Some((kind, buffer.split_to(body).freeze())))
}

impl Request {
    /// Reads a message that was taken whole.
    ///
    /// # Errors
    /// [`MessageError`] when its type or its fields are not what they should be.
    pub fn read(kind: u8, body: Bytes) -> Result<Self, MessageError> {
        let mut fields = Fields(body);
        let request = match kind {
            b'Q' => Self::Query(fields.text()?),
            b'P' => {
                let (name, sql) = (fields.text()?, fields.text()?);
                let count = fields.count()?;
                let types = (0..count).map(|_| fields.u32()).collect::<Result<_, _>>()?;
                Self::Parse { name, sql, types }
            }
            b'B' => Self::Bind(Bind::read(&mut fields)?),
            b'D' => Self::Describe(fields.target()?, fields.text()?),
            b'E' => Self::Execute { portal: fields.text()?, max_rows: fields.u32()?.cast_signed() },
            b'C' => Self::Close(fields.target()?, fields.text()?),
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'd' => return Ok(Self::CopyData(fields.0)),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail(fields.text()?),
            // Its arguments do not matter: it is refused.
            b'F' => return Ok(Self::FunctionCall),
            b'X' => Self::Terminate,
            other => return Err(MessageError::Type(other)),
        };
        if fields.0.is_empty() { Ok(request) } else { Err(MessageError::Format) }
    }
}

impl Bind {
    fn read(fields: &mut Fields) -> Result<Self, MessageError> {
        let (portal, statement) = (fields.text()?, fields.text()?);
        let formats = fields.formats()?;
        let count = fields.count()?;
        let values = (0..count).map(|_| fields.value()).collect::<Result<_, _>>()?;
        Ok(Self { portal, statement, formats, values, result_formats: fields.formats()? })
    }
}

/// The fields of a body, read from the front.
pub struct Fields(pub Bytes);

impl Fields {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let array = *self.0.first_chunk::<N>().ok_or(MessageError::Format)?;
        self.0.advance(N);
        Ok(array)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`MessageError::Format`] when they are not there.
    pub fn u32(&mut self) -> Result<u32, MessageError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn i16(&mut self) -> Result<i16, MessageError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    fn count(&mut self) -> Result<u16, MessageError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn formats(&mut self) -> Result<Vec<i16>, MessageError> {
        let count = self.count()?;
        (0..count).map(|_| self.i16()).collect()
    }

    fn value(&mut self) -> Result<Option<Bytes>, MessageError> {
        let length = self.u32()?.cast_signed();
        let Ok(length) = usize::try_from(length) else {
            return if length == -1 { Ok(None) } else { Err(MessageError::Format) };
        };
        if length > self.0.len() {
            return Err(MessageError::Format);
        }
        Ok(Some(self.0.split_to(length)))
    }

    fn target(&mut self) -> Result<Target, MessageError> {
        match self.array()? {
            [b'S'] => Ok(Target::Statement),
            [b'P'] => Ok(Target::Portal),
            _ => Err(MessageError::Format),
        }
    }

    /// A text that ends with a zero byte.
    ///
    /// # Errors
    /// [`MessageError::Format`] when it does not end, [`MessageError::Encoding`] when it is not UTF-8.
    pub fn text(&mut self) -> Result<String, MessageError> {
        let end = self.0.iter().position(|&byte| byte == 0).ok_or(MessageError::Format)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        String::from_utf8(text.into()).map_err(|_| MessageError::Encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    fn read(kind: u8, body: &[u8]) -> Result<Request, MessageError> {
        Request::read(kind, Bytes::copy_from_slice(body))
    }

    #[test]
    fn a_message_is_taken_whole_or_not_at_all() {
        let bytes = message(b'Q', b"select 1\0");
        let mut buffer = BytesMut::new();
        for &byte in &bytes[..bytes.len() - 1] {
            buffer.extend_from_slice(&[byte]);
            assert_eq!(take(&mut buffer, 100), Ok(None));
        }
        buffer.extend_from_slice(&[0, b'S']);
        let (kind, body) = take(&mut buffer, 100).unwrap().unwrap();
        assert_eq!(Request::read(kind, body), Ok(Request::Query("select 1".to_owned())));
        assert_eq!(&buffer[..], b"S");
    }

    #[test]
    fn lengths_below_four_and_above_the_limit_are_refused_at_once() {
        for length in [0u32, 1, 2, 3, 0xFFFF_FFFF, 0x8000_0000] {
            for kind in [b'p', b'd', b'Q'] {
                let mut buffer = BytesMut::from(&[&[kind][..], &length.to_be_bytes()].concat()[..]);
                assert_eq!(take(&mut buffer, 100), Err(MessageError::Length), "{length}");
            }
        }
        let mut buffer = BytesMut::from(&[b'Q', 0x3F, 0xFF, 0xFF, 0xFF][..]);
        assert!(matches!(take(&mut buffer, 1 << 20), Err(MessageError::TooLarge { .. })));
        // A large promise is not paid for before its bytes come.
        assert_eq!(take(&mut buffer, 0x3FFF_FFFF), Ok(None));
        assert!(buffer.capacity() < 1 << 20);
    }

    #[test]
    fn counts_that_promise_more_than_there_is_are_refused() {
        assert_eq!(read(b'P', b"\0select 1\0\xFF\xFF"), Err(MessageError::Format));
        assert_eq!(read(b'B', b"\0\0\0\0\0\x01\0\0\0\x09ab\0\0"), Err(MessageError::Format));
        assert_eq!(read(b'B', b"\0\0\0\0\0\x01\xFF\xFF\xFF\xFE\0\0"), Err(MessageError::Format));
        assert_eq!(read(b'B', b"\0\0\xFF\xFF"), Err(MessageError::Format));
        assert_eq!(read(b'E', b"\0\0\0"), Err(MessageError::Format));
        assert_eq!(read(b'S', b"x"), Err(MessageError::Format));
        assert_eq!(read(b'Q', b"no end"), Err(MessageError::Format));
        assert_eq!(read(b'Q', b"\xFF\0"), Err(MessageError::Encoding));
        assert_eq!(read(b'D', b"X\0"), Err(MessageError::Format));
        assert_eq!(read(b'?', b""), Err(MessageError::Type(b'?')));
    }

    #[test]
    fn a_bind_is_read_whole() {
        let bound = read(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xFF\xFF\xFF\xFF\0\x01\0\0").unwrap();
        let wanted = Bind {
            portal: "p".to_owned(),
            statement: "s".to_owned(),
            formats: vec![1],
            values: vec![Some(Bytes::from_static(b"ab")), None],
            result_formats: vec![0],
        };
        assert_eq!(bound, Request::Bind(wanted));
    }

    proptest! {
        #[test]
        fn noise_never_panics(kind in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Request::read(kind, body.into());
        }
    }
}
