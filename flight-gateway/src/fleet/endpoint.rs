//! The way to one worker: HTTP/2 over TCP, or a service in the same process.
//!
//! Both are one boxed tower service, so nothing else in the gateway knows which it is. A remote worker
//! gets several connections, called lanes, because one connection is served by one task and carries only
//! as many streams as the worker allows; status questions have a connection of their own, so that they are
//! answered however full the others are.

use std::time::Duration;

use http::Uri;
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};

/// A way to call a worker.
pub type WorkerService = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, CallError>;

/// Connections to one remote worker; with a worker's 100 streams each, 800 calls run at once
/// and more wait their turn.
const REMOTE_LANES: usize = 8;
/// Larger frames mean fewer of them: 16 KiB, the default, doubles the time of a relay.
const FRAME_BYTES: u32 = 1 << 20;
/// What a worker may send ahead on one stream: also the most that a client that reads slowly makes the gateway hold.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// The largest window there is. Streams that nobody reads keep their part of the connection's window;
/// a smaller one would let a few slow clients stop all others on the connection.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A peer that vanished without a word is noticed after interval and timeout together.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// One worker, as the gateway is told of it.
#[derive(Clone)]
pub struct WorkerEndpoint {
    name: String,
    lanes: Vec<WorkerService>,
    control: WorkerService,
}

/// A call to a worker that brought no response.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallError(#[source] BoxError);

/// Why a worker's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It is not `grpc://host:port` or `grpc+tls://host:port`.
    #[error("`{0}` is not a worker's address; write grpc://host:port or grpc+tls://host:port")]
    NotAnAddress(String),
    /// There is nothing to check the worker's certificate with.
    #[error("`{0}` needs the certificate authority of the workers (--worker-ca FILE)")]
    NoAuthority(String),
    /// The certificate authority cannot be used.
    #[error("the certificate authority for `{uri}` cannot be used")]
    Authority {
        /// The worker's address.
        uri: String,
        /// Why not.
        #[source]
        source: tonic::transport::Error,
    },
}

impl WorkerEndpoint {
    /// A worker at `grpc://host:port`, or at `grpc+tls://host:port` with a certificate that `authority` (PEM) signed.
    /// Connects when it is first called, and again whenever the connection is lost.
    ///
    /// # Errors
    /// [`EndpointError`] when the address or the authority cannot be used.
    pub fn remote(uri: &str, authority: Option<&[u8]>) -> Result<Self, EndpointError> {
        let endpoint = endpoint(uri, authority)?;
        let lanes = (0..REMOTE_LANES).map(|_| lane(&endpoint)).collect();
        Ok(Self { name: uri.to_owned(), lanes, control: lane(&endpoint) })
    }

    /// A worker in the same process: any service that answers Flight's gRPC requests.
    pub fn in_memory<S>(name: impl Into<String>, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        let service = WorkerService::new(service.map_err(|error| CallError(error.into())));
        Self { name: name.into(), lanes: vec![service.clone()], control: service }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    pub(crate) fn lane(&self, lane: usize) -> WorkerService {
        self.lanes.get(lane).unwrap_or(&self.control).clone()
    }

    pub(super) fn control(&self) -> WorkerService {
        self.control.clone()
    }
}

impl std::fmt::Debug for WorkerEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerEndpoint").field("name", &self.name).finish_non_exhaustive()
    }
}

fn lane(endpoint: &Endpoint) -> WorkerService {
    let channel: Channel = endpoint.connect_lazy();
    WorkerService::new(channel.map_err(|error| CallError(error.into())))
}

fn endpoint(uri: &str, authority: Option<&[u8]>) -> Result<Endpoint, EndpointError> {
    let not_an_address = || EndpointError::NotAnAddress(uri.to_owned());
    let (scheme, address) = uri.split_once("://").ok_or_else(not_an_address)?;
    let http = match scheme {
        "grpc" | "grpc+tcp" => "http",
        "grpc+tls" => "https",
        _ => return Err(not_an_address()),
    };
    let target: Uri = format!("{http}://{}", address.trim_end_matches('/')).parse().map_err(|_| not_an_address())?;
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
        .tcp_nodelay(true);
    if http == "http" {
        return Ok(endpoint);
    }
    let authority = authority.ok_or_else(|| EndpointError::NoAuthority(uri.to_owned()))?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
    endpoint.tls_config(tls).map_err(|source| EndpointError::Authority { uri: uri.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_checked() {
        for good in ["grpc://127.0.0.1:50051", "grpc://worker-0.workers:50051", "grpc://[::1]:1/", "grpc+tcp://h:1"] {
            assert_eq!(WorkerEndpoint::remote(good, None).unwrap().name(), good);
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
            assert!(matches!(WorkerEndpoint::remote(bad, None), Err(EndpointError::NotAnAddress(_))), "{bad}");
        }
    }

    #[tokio::test]
    async fn tls_needs_an_authority() {
        let refused = WorkerEndpoint::remote("grpc+tls://h:1", None).unwrap_err();
        assert!(matches!(refused, EndpointError::NoAuthority(_)), "{refused}");
    }
}
