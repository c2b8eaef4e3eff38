//! From a port to streams that speak HTTP/2.
//!
//! [`Listener::accept`] only takes a connection off the queue; what a peer can delay, the TLS handshake and
//! the first bytes of HTTP/2, happens in [`Opening::open`] on the connection's own task, within a time
//! limit. So a thousand silent peers keep nobody from coming in. Certificates are read again when their
//! files change.

mod stream;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tavana_wire::FailureKind;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

pub use stream::Stream;
pub use tls::{Certificates, TlsFiles};

/// Connections that may be between TCP and HTTP/2 at once; further ones are closed at once.
const MAX_OPENING: usize = 8192;
/// The time for the TLS handshake and the first bytes of HTTP/2 together.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);
/// What every HTTP/2 client sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long to wait when the process cannot take connections, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody has it.
    #[error("the address {address} is in use by another process")]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// It cannot be bound for another reason.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use the TLS file {}: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
}

impl ListenError {
    /// What went wrong, for exit messages.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::InUse { .. } | Self::Bind { .. } => FailureKind::Io,
            Self::Tls { .. } => FailureKind::InvalidRequest,
        }
    }
}

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Too many are opening.
    #[error("too many connections are opening at once")]
    TooMany,
    /// The peer was too slow.
    #[error("the peer did not begin to speak in time")]
    TooSlow,
    /// The peer does not speak HTTP/2, or not TLS where TLS is spoken.
    #[error("the peer does not speak HTTP/2 without TLS")]
    NotHttp2,
    /// The connection broke, or TLS refused it.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl OpenError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::TooMany => FailureKind::LimitExceeded,
            Self::TooSlow => FailureKind::DeadlineExceeded,
            Self::NotHttp2 => FailureKind::InvalidRequest,
            Self::Io(_) => FailureKind::Io,
        }
    }
}

/// Binds a port; a port in use is told as such.
///
/// # Errors
/// [`ListenError::InUse`] or [`ListenError::Bind`].
pub async fn bind_tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { address },
        _ => ListenError::Bind { address, source },
    })
}

/// Takes the next connection. Trouble of one connection, or of the process for a while, is no
/// reason to end: it is told and waited out.
pub(crate) async fn accept_tcp(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot take new connections now");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Each connection is an open file, and the usual limit of 1024 exists for programs that cannot
/// handle more: raise it to what the system allows.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, ?current, "the limit of open files stays as it is");
    }
}

/// A bound port that serves HTTP/2, with TLS or without.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    certificates: Option<Certificates>,
    openings: Arc<Semaphore>,
}

impl Listener {
    /// Binds a port and reads the certificate, if there is one. The process may then have as many
    /// files open as the system allows it.
    ///
    /// # Errors
    /// [`ListenError`], before anybody can connect.
    pub async fn bind(address: SocketAddr, tls: Option<TlsFiles>) -> Result<Self, ListenError> {
        raise_file_limit();
        let certificates = tls.map(|files| Certificates::load(files, &[b"h2"])).transpose()?;
        let tcp = bind_tcp(address).await?;
        let address = tcp.local_addr().map_err(|source| ListenError::Bind { address, source })?;
        let openings = Arc::new(Semaphore::new(MAX_OPENING));
        Ok(Self { tcp, address, certificates, openings })
    }

    /// The address that is bound, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether peers must speak TLS.
    pub fn is_tls(&self) -> bool {
        self.certificates.is_some()
    }

    /// Where clients connect to, `grpc://…` or `grpc+tls://…`.
    pub fn uri(&self) -> String {
        let scheme = if self.is_tls() { "grpc+tls" } else { "grpc" };
        format!("{scheme}://{}", self.address)
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> Opening {
        let (tcp, peer) = accept_tcp(&self.tcp).await;
        Opening {
            tcp,
            peer,
            acceptor: self.certificates.as_ref().map(Certificates::acceptor),
            place: self.openings.clone().try_acquire_owned().ok(),
        }
    }
}

/// A connection that has not yet spoken.
pub struct Opening {
    tcp: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    place: Option<OwnedSemaphorePermit>,
}

impl Opening {
    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Waits for TLS and the first bytes of HTTP/2.
    ///
    /// # Errors
    /// [`OpenError`]; the connection is closed then.
    pub async fn open(self) -> Result<Stream, OpenError> {
        let Some(_place) = self.place else { return Err(OpenError::TooMany) };
        let opened = async {
            // Small replies must not wait for the acknowledgement of earlier ones.
            self.tcp.set_nodelay(true)?;
            let mut stream = match self.acceptor {
                Some(acceptor) => Stream::tls(acceptor.accept(self.tcp).await?),
                None => Stream::plain(self.tcp),
            };
            let mut preface = [0; PREFACE.len()];
            stream.read_exact(&mut preface).await?;
            if preface != *PREFACE {
                return Err(OpenError::NotHttp2);
            }
            stream.unread(&PREFACE[..]);
            Ok(stream)
        };
        tokio::time::timeout(OPENING_TIMEOUT, opened).await.unwrap_or(Err(OpenError::TooSlow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    async fn local(tls: Option<TlsFiles>) -> Listener {
        Listener::bind("127.0.0.1:0".parse().unwrap(), tls).await.unwrap()
    }

    #[tokio::test]
    async fn a_port_in_use_is_told_as_such() {
        let listener = local(None).await;
        assert!(listener.uri().starts_with("grpc://127.0.0.1:"));
        let error = Listener::bind(listener.address(), None).await.unwrap_err();
        assert!(matches!(error, ListenError::InUse { address } if address == listener.address()));
    }

    #[tokio::test]
    async fn as_many_connections_may_be_open_as_the_system_allows() {
        let _listener = local(None).await;
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }

    #[tokio::test]
    async fn the_preface_is_checked_and_still_there_to_read() {
        let listener = local(None).await;
        let mut client = TcpStream::connect(listener.address()).await.unwrap();
        client.write_all(PREFACE).await.unwrap();
        client.write_all(b"more").await.unwrap();
        let mut stream = listener.accept().await.open().await.unwrap();
        let mut read = [0; PREFACE.len() + 4];
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(&read[..PREFACE.len()], PREFACE);
        assert_eq!(&read[PREFACE.len()..], b"more");
    }

    #[tokio::test]
    async fn other_protocols_are_refused() {
        let listener = local(None).await;
        let mut client = TcpStream::connect(listener.address()).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let error = listener.accept().await.open().await.unwrap_err();
        assert!(matches!(error, OpenError::NotHttp2), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let listener = local(None).await;
        let _client = TcpStream::connect(listener.address()).await.unwrap();
        let error = listener.accept().await.open().await.unwrap_err();
        assert!(matches!(error, OpenError::TooSlow), "{error}");
    }

    #[tokio::test]
    async fn connections_past_the_bound_are_closed() {
        let listener = local(None).await;
        let taken = listener.openings.try_acquire_many(u32::try_from(MAX_OPENING).unwrap()).unwrap();
        let mut client = TcpStream::connect(listener.address()).await.unwrap();
        let error = listener.accept().await.open().await.unwrap_err();
        assert!(matches!(error, OpenError::TooMany), "{error}");
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        drop(taken);
    }
}
