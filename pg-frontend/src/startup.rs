//! From a TCP connection to a startup packet: TLS, GSSAPI's refusal, cancel requests, versions.
//!
//! Every packet here is read with exactly its own bytes, so nothing that a client sent before TLS can be taken for
//! something said inside it. What follows a request for encryption in one breath is an attack, and ends the connection.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

use crate::error::PgError;
use crate::message::Fields;
use crate::stream::Transport;

/// The protocol name of direct TLS.
pub const ALPN: &[u8] = b"postgresql";
/// PostgreSQL's own limit on a startup packet.
const MAX_STARTUP_BYTES: usize = 10_000;
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSSAPI: u32 = 80_877_104;
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// The newest minor version of the protocol that is spoken.
const NEWEST_MINOR: u32 = 2;
/// The most bytes of a cancel key.
const MAX_KEY_BYTES: usize = 256;

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// It broke, or ended early.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// What the client sent is no startup.
    #[error("{0}")]
    Refused(PgError),
}

/// What a connection wants.
pub enum Startup {
    /// To cancel a statement of another connection.
    Cancel {
        /// Which connection.
        process: u32,
        /// The key it was given.
        key: Bytes,
    },
    /// A session.
    Session(Box<Opened>),
}

/// A connection that asked for a session.
pub struct Opened {
    /// The connection.
    pub transport: Transport,
    /// Minor version of the protocol, 0 or 2.
    pub minor: u32,
    /// What the client asked for is newer, or has options that nobody knows.
    pub negotiate: Option<Vec<String>>,
    /// Settings by name: `user`, `database`, `options` and others.
    pub parameters: BTreeMap<String, String>,
}

/// Reads up to the startup packet.
///
/// # Errors
/// [`StartupError::Refused`] when what came is no startup; the client was told then.
pub async fn open(mut tcp: TcpStream, acceptor: Option<TlsAcceptor>) -> Result<Startup, StartupError> {
    let mut first = [0];
    if tcp.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE {
        let Some(acceptor) = acceptor else {
            return Err(StartupError::Io(io::Error::other("direct TLS where no certificate is configured")));
        };
        let tls = acceptor.accept(tcp).await?;
        if tls.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(StartupError::Io(io::Error::other("direct TLS without the protocol name postgresql")));
        }
        return session(Either::Right(tls)).await;
    }
    let (mut asked_tls, mut asked_gss) = (false, false);
    loop {
        let packet = match read_packet(&mut tcp).await {
            Ok(packet) => packet,
            Err(error) => return refuse(Either::Left(tcp), error).await,
        };
        match packet.code {
            TLS if !asked_tls => {
                asked_tls = true;
                let Some(acceptor) = &acceptor else {
                    tcp.write_all(b"N").await?;
                    continue;
                };
                if nothing_follows(&tcp) {
                    tcp.write_all(b"S").await?;
                    return session(Either::Right(acceptor.accept(tcp).await?)).await;
                }
                let message = "received unencrypted data after SSL request";
                let error = PgError::fatal("08P01", message).with_hint(
                    "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.",
                );
                return refuse(Either::Left(tcp), StartupError::Refused(error)).await;
            }
            GSSAPI if !asked_gss => {
                asked_gss = true;
                tcp.write_all(b"N").await?;
            }
            _ => return started(Either::Left(tcp), packet).await,
        }
    }
}

/// Whether the client has sent nothing beyond what was read.
fn nothing_follows(tcp: &TcpStream) -> bool {
    let mut byte = [0];
    matches!(rustix::net::recv(tcp, &mut byte, rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT), Err(error) if error == rustix::io::Errno::AGAIN)
}

/// Reads the startup packet behind TLS.
async fn session(mut transport: Transport) -> Result<Startup, StartupError> {
    match read_packet(&mut transport).await {
        Ok(packet) => started(transport, packet).await,
        Err(error) => refuse(transport, error).await,
    }
}

struct Packet {
    code: u32,
    body: Bytes,
}

async fn read_packet<T: tokio::io::AsyncRead + Unpin>(from: &mut T) -> Result<Packet, StartupError> {
    let length = from.read_u32().await? as usize;
    if !(8..=MAX_STARTUP_BYTES).contains(&length) {
        return Err(StartupError::Refused(PgError::fatal("08P01", "invalid length of startup packet")));
    }
    let code = from.read_u32().await?;
    let mut body = vec![0; length - 8];
    from.read_exact(&mut body).await?;
    Ok(Packet { code, body: body.into() })
}

async fn started(transport: Transport, packet: Packet) -> Result<Startup, StartupError> {
    if packet.code == CANCEL {
        let mut fields = Fields(packet.body);
        let process = fields.u32().unwrap_or_default();
        let key = fields.0;
        if !(MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&key.len()) {
            return Err(StartupError::Refused(PgError::fatal("08P01", "invalid length of cancel request")));
        }
        return Ok(Startup::Cancel { process, key });
    }
    let (major, minor) = (packet.code >> 16, packet.code & 0xFFFF);
    if major != 3 {
        let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{NEWEST_MINOR}");
        return refuse(transport, StartupError::Refused(PgError::fatal("0A000", message))).await;
    }
    let Some(mut parameters) = read_parameters(packet.body) else {
        let error = PgError::fatal("08P01", "invalid startup packet layout: expected terminator as last byte");
        return refuse(transport, StartupError::Refused(error)).await;
    };
    let unknown: Vec<String> = parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
    parameters.retain(|name, _| !name.starts_with("_pq_."));
    // 3.1 was never spoken: 3.0 is.
    let spoken = if minor >= NEWEST_MINOR { NEWEST_MINOR } else { 0 };
    let negotiate = (minor != spoken || !unknown.is_empty()).then_some(unknown);
    Ok(Startup::Session(Box::new(Opened { transport, minor: spoken, negotiate, parameters })))
}

/// The fewest bytes of a cancel key.
const MIN_KEY_BYTES: usize = 4;

/// Names and values up to an empty name; `None` when that is not the end.
fn read_parameters(body: Bytes) -> Option<BTreeMap<String, String>> {
    let mut fields = Fields(body);
    let mut parameters = BTreeMap::new();
    loop {
        let name = fields.text().ok()?;
        if name.is_empty() {
            return fields.0.is_empty().then_some(parameters);
        }
        parameters.insert(name, fields.text().ok()?);
    }
}

/// Tells the client why it is refused.
async fn refuse(transport: Transport, error: StartupError) -> Result<Startup, StartupError> {
    if let StartupError::Refused(refused) = &error {
        let mut stream = crate::stream::Stream::new(transport);
        stream.reply.error(refused);
        stream.close().await;
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_pairs_and_an_end() {
        let read = |text: &'static [u8]| read_parameters(Bytes::from_static(text));
        let ada = BTreeMap::from([("user".to_owned(), "ada".to_owned())]);
        assert_eq!(read(b"user\0ada\0\0"), Some(ada));
        assert_eq!(read(b"\0"), Some(BTreeMap::new()));
        for bad in [&b""[..], b"user\0", b"user\0ada\0", b"user\0ada\0\0x", b"\xFF\0a\0\0"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
