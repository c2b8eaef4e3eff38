//! The way to another Tavana process: HTTP/2 over TCP, or a service in the same process.
//!
//! Both are one boxed tower service, so nothing that calls it knows which it is. One connection is served by one task
//! and carries only as many streams as the other side allows, so whoever has many calls at once takes several
//! connections. They are made when they are first used, and again whenever they are lost.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};

/// A way to call another process.
pub type PeerService = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, CallError>;

/// Larger frames mean fewer of them: 16 KiB, the default, doubles the time of a relay.
const FRAME_BYTES: u32 = 1 << 20;
/// What the other side may send ahead on one stream: also the most that a client that reads slowly makes us hold.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// The largest window there is. Streams that nobody reads keep their part of the connection's window;
/// a smaller one would let a few slow clients stop all others on the connection.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;
/// Streams that we ended early and whose frames may still be on their way. A peer is one of ours: that it sends what
/// we no longer want is no attack, and h2's limit on that, 1024 in the life of a connection, would cut all others on it.
const RESET_STREAMS: usize = 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A peer that vanished without a word is noticed after interval and timeout together.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// A call that brought no response.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallError(#[source] pub BoxError);

/// The address of another process, checked; nothing is connected yet.
#[derive(Clone, Debug)]
pub struct Peer(Endpoint);

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It is not `grpc://host:port` or `grpc+tls://host:port`.
    #[error("`{0}` is not an address; write grpc://host:port or grpc+tls://host:port")]
    NotAnAddress(String),
    /// There is nothing to check the other side's certificate with.
    #[error("`{uri}` needs the certificate authority that signed its certificate ({flag} FILE)")]
    NoAuthority {
        /// The address.
        uri: String,
        /// The setting that names the authority's file.
        flag: &'static str,
    },
    /// The certificate authority's file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The certificate authority cannot be used.
    #[error("the certificate authority for `{uri}` cannot be used")]
    Authority {
        /// The address.
        uri: String,
        /// Why not.
        #[source]
        source: tonic::transport::Error,
    },
}

impl Peer {
    /// A process at `grpc://host:port`, or at `grpc+tls://host:port` with a certificate that the authority in the PEM file
    /// `authority` signed; `flag` is the setting that names that file.
    ///
    /// # Errors
    /// [`PeerError`] when the address or the authority cannot be used.
    pub fn new(uri: &str, authority: Option<&Path>, flag: &'static str) -> Result<Self, PeerError> {
        let not_an_address = || PeerError::NotAnAddress(uri.to_owned());
        let (scheme, address) = uri.split_once("://").ok_or_else(not_an_address)?;
        let http = match scheme {
            "grpc" | "grpc+tcp" => "http",
            "grpc+tls" => "https",
            _ => return Err(not_an_address()),
        };
        let target: Uri =
            format!("{http}://{}", address.trim_end_matches('/')).parse().map_err(|_| not_an_address())?;
        if target.port().is_none() || target.path() != "/" || target.query().is_some() {
            return Err(not_an_address());
        }
        let endpoint = Endpoint::from(target)
            .connect_timeout(CONNECT_TIMEOUT)
            .max_frame_size(FRAME_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .http2_max_concurrent_reset_streams(RESET_STREAMS)
            .http2_max_local_error_reset_streams(None)
            .tcp_nodelay(true);
        if http == "http" {
            return Ok(Self(endpoint));
        }
        let path = authority.ok_or_else(|| PeerError::NoAuthority { uri: uri.to_owned(), flag })?;
        let authority = std::fs::read(path).map_err(|source| PeerError::Read { path: path.to_owned(), source })?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
        let endpoint =
            endpoint.tls_config(tls).map_err(|source| PeerError::Authority { uri: uri.to_owned(), source })?;
        Ok(Self(endpoint))
    }

    /// One more connection to it.
    pub fn connection(&self) -> PeerService {
        let channel: Channel = self.0.connect_lazy();
        PeerService::new(channel.map_err(|error| CallError(error.into())))
    }
}

/// A service in the same process: anything that answers Flight's gRPC requests.
pub fn in_memory<S>(service: S) -> PeerService
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    PeerService::new(service.map_err(|error| CallError(error.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for good in ["grpc://127.0.0.1:50051", "grpc://worker-0.workers:50051", "grpc://[::1]:1/", "grpc+tcp://h:1"] {
            Peer::new(good, None, "--ca").unwrap();
        }
        for bad in [
            "",
            "localhost:1",
            "http://h:1",
            "grpc://",
            "grpc://h",
            "grpc://h:1/path",
            "grpc://h:1?x",
            "grpc://h:99999",
        ] {
            assert!(matches!(Peer::new(bad, None, "--ca"), Err(PeerError::NotAnAddress(_))), "{bad}");
        }
    }

    #[test]
    fn tls_needs_an_authority() {
        let refused = Peer::new("grpc+tls://h:1", None, "--ca").unwrap_err();
        assert!(refused.to_string().contains("--ca"), "{refused}");
        let missing = Peer::new("grpc+tls://h:1", Some(Path::new("no-such-file.pem")), "--ca").unwrap_err();
        assert!(missing.to_string().contains("no-such-file.pem"), "{missing}");
    }
}
