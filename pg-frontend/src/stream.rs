//! A client's connection: messages in, bytes out, and a watch over whether it is still there.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::error::PgError;
use crate::message::{MessageError, Reply, take};

/// TCP, with TLS or without.
pub type Transport = Either<TcpStream, TlsStream<TcpStream>>;

/// Output that gathers before it is sent.
pub const FLUSH_BYTES: usize = 64 << 10;
/// What a client may send ahead while its statement runs; further bytes wait in its socket.
const AHEAD_BYTES: usize = 256 << 10;
/// A buffer that is larger than this is given back before the client is waited for: most sessions idle most of the time.
const KEEP_BYTES: usize = 8 << 10;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// It broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The client sent what is no message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The client is gone.
    #[error("the client closed the connection")]
    Gone,
    /// The session cannot go on; the client was told why.
    #[error("the session ended")]
    Ended,
}

impl From<StreamError> for PgError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Message(error) => error.into(),
            StreamError::Io(_) | StreamError::Gone | StreamError::Ended => Self::fatal("08006", error.to_string()),
        }
    }
}

/// A connection that speaks the protocol.
pub struct Stream {
    transport: Transport,
    input: BytesMut,
    /// What goes out next.
    pub reply: Reply,
}

impl Stream {
    /// A connection whose startup is over.
    pub fn new(transport: Transport) -> Self {
        Self { transport, input: BytesMut::new(), reply: Reply::default() }
    }

    /// The next message, at most `limit` bytes; what waits to be sent is sent before waiting.
    ///
    /// # Errors
    /// [`StreamError`]; [`StreamError::Gone`] when the client closed its end.
    pub async fn next(&mut self, limit: usize) -> Result<(u8, Bytes), StreamError> {
        loop {
            if let Some(message) = take(&mut self.input, limit)? {
                return Ok(message);
            }
            self.flush().await?;
            if self.input.is_empty() && self.input.capacity() > KEEP_BYTES {
                self.input = BytesMut::new();
            }
            if self.reply.buffer.capacity() > KEEP_BYTES {
                self.reply.buffer = BytesMut::new();
            }
            if self.transport.read_buf(&mut self.input).await? == 0 {
                return Err(StreamError::Gone);
            }
        }
    }

    /// Whether a whole message has arrived.
    pub fn has_message(&self) -> bool {
        match self.input.first_chunk() {
            Some([_, a, b, c, d]) => self.input.len() > u32::from_be_bytes([*a, *b, *c, *d]) as usize,
            None => false,
        }
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// [`StreamError::Io`] when the client is gone.
    pub async fn flush(&mut self) -> Result<(), StreamError> {
        if !self.reply.buffer.is_empty() {
            self.transport.write_all(&self.reply.buffer).await?;
            self.reply.buffer.clear();
            if self.reply.buffer.capacity() > 4 * FLUSH_BYTES {
                self.reply.buffer = BytesMut::new();
            }
        }
        self.transport.flush().await?;
        Ok(())
    }

    /// Sends what waits if it is worth a write.
    ///
    /// # Errors
    /// As [`Stream::flush`].
    pub async fn flush_if_large(&mut self) -> Result<(), StreamError> {
        if self.reply.buffer.len() < FLUSH_BYTES { Ok(()) } else { self.flush().await }
    }

    /// Resolves when the client is gone; what it sends meanwhile is kept for later. For use beside a statement that runs.
    pub async fn gone(&mut self) -> StreamError {
        loop {
            if self.input.len() >= AHEAD_BYTES {
                return std::future::pending().await;
            }
            match self.transport.read_buf(&mut self.input).await {
                Ok(0) => return StreamError::Gone,
                Ok(_) => {}
                Err(error) => return error.into(),
            }
        }
    }

    /// Whether the next message has arrived and is of this type.
    pub fn is_next(&self, kind: u8) -> bool {
        self.input.first() == Some(&kind)
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let _ = self.flush().await;
        let _ = self.transport.shutdown().await;
    }
}
