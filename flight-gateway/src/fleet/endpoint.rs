//! The way to one worker: connections to a remote one, or a service in the same process.
//!
//! A remote worker gets several connections, called lanes; status questions have a connection of their own, so that they
//! are answered however full the others are.

use std::path::Path;

use tavana_daemon::peer::{Peer, PeerError, PeerService, in_memory};
use tonic::body::Body;
use tower::{BoxError, Service};

/// Connections to one remote worker; with a worker's 100 streams each, 800 calls run at once
/// and more wait their turn.
const REMOTE_LANES: usize = 8;

/// One worker, as the gateway is told of it.
#[derive(Clone)]
pub struct WorkerEndpoint {
    name: String,
    lanes: Vec<PeerService>,
    control: PeerService,
}

impl WorkerEndpoint {
    /// A worker at `grpc://host:port`, or at `grpc+tls://host:port` with a certificate that the authority in the PEM file
    /// `authority` signed.
    /// Connects when it is first called, and again whenever the connection is lost.
    ///
    /// # Errors
    /// [`PeerError`] when the address or the authority cannot be used.
    pub fn remote(uri: &str, authority: Option<&Path>) -> Result<Self, PeerError> {
        let peer = Peer::new(uri, authority, "--worker-ca")?;
        let lanes = (0..REMOTE_LANES).map(|_| peer.connection()).collect();
        Ok(Self { name: uri.to_owned(), lanes, control: peer.connection() })
    }

    /// A worker in the same process: any service that answers Flight's gRPC requests.
    pub fn in_memory<S>(name: impl Into<String>, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        let service = in_memory(service);
        Self { name: name.into(), lanes: vec![service.clone()], control: service }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    pub(crate) fn lane(&self, lane: usize) -> PeerService {
        self.lanes.get(lane).unwrap_or(&self.control).clone()
    }

    pub(super) fn control(&self) -> PeerService {
        self.control.clone()
    }
}

impl std::fmt::Debug for WorkerEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerEndpoint").field("name", &self.name).finish_non_exhaustive()
    }
}
