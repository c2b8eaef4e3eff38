//! The HTTP endpoint for operators: is it alive, is it ready, how is it.
//!
//! `/livez` says that the process runs, `/readyz` whether to send it work, `/metrics` gives figures to
//! Prometheus. Readiness is the sum of the parts: each registers a [`Part`] and says for itself when it
//! is ready or why it is not. The endpoint goes on while the process drains, so that everybody
//! sees that it does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{StatusCode, header};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::drain::Drain;
use crate::listen::{ListenError, accept_tcp, bind_tcp};

/// Connections at once; further ones are closed. Probes and scrapers need a handful.
const MAX_CONNECTIONS: usize = 64;
/// How long a connection may stay open at all; probes and scrapers take milliseconds.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// How long a request may take to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The content type that Prometheus expects.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether the process should be sent work; clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    parts: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

/// One part of a process that says whether it is ready.
#[derive(Clone, Debug)]
pub struct Part {
    readiness: Readiness,
    name: String,
}

impl Readiness {
    /// A process that is not ready: nothing has started.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part, which is not ready until it says so.
    pub fn register(&self, name: impl Into<String>) -> Part {
        let part = Part { readiness: self.clone(), name: name.into() };
        part.not_ready("it is starting");
        part
    }

    /// Why the process is not ready, one line a part; empty when it is.
    pub fn reasons(&self) -> Vec<String> {
        let parts = self.lock();
        if parts.is_empty() {
            return vec!["nothing has started".to_owned()];
        }
        let told = parts.iter().filter_map(|(name, reason)| Some(format!("{name}: {}", reason.as_ref()?)));
        told.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<String>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// This part is ready.
    pub fn ready(&self) {
        self.set(None);
    }

    /// This part is not ready, for this reason: one line without secrets.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, reason: Option<String>) {
        self.readiness.lock().insert(self.name.clone(), reason);
    }
}

/// The endpoint, bound but not yet serving.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

#[derive(Clone)]
struct Told {
    readiness: Readiness,
    registry: Registry,
    drain: Drain,
}

impl Admin {
    /// Binds the port.
    ///
    /// # Errors
    /// [`ListenError`], such as a port in use.
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let listener = bind_tcp(address).await?;
        let address = listener.local_addr().map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self { listener, address })
    }

    /// The address that is bound, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, `http://…`.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until the future is dropped: it must outlast the drain.
    pub async fn serve(self, readiness: Readiness, registry: Registry, drain: Drain) -> Infallible {
        let router = router(Told { readiness, registry, drain });
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let (tcp, _) = accept_tcp(&self.listener).await;
            let Ok(place) = places.clone().try_acquire_owned() else { continue };
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
                let connection = pin!(http.serve_connection(TokioIo::new(tcp), service));
                // Errors here are a peer's own business: it left, or was too slow.
                let _ = tokio::time::timeout(CONNECTION_LIFE, connection).await;
                drop(place);
            });
        }
    }
}

fn router(told: Told) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(told)
}

async fn ready(State(told): State<Told>) -> (StatusCode, String) {
    let mut reasons = told.readiness.reasons();
    if told.drain.is_requested() {
        reasons.insert(0, "the process is draining".to_owned());
    }
    if reasons.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let lines = reasons.iter().map(|reason| format!("{reason}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines)
}

async fn metrics(State(told): State<Told>) -> Result<([(header::HeaderName, &'static str); 1], String), StatusCode> {
    match TextEncoder::new().encode_to_string(&told.registry.gather()) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text)),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    /// The status line, the headers and the body of an answer.
    async fn get(address: SocketAddr, path: &str) -> String {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_tells_the_truth_from_start_to_drain() {
        let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = admin.address();
        assert_eq!(admin.uri(), format!("http://{address}"));
        let (readiness, drain) = (Readiness::new(), Drain::manual());
        let registry = Registry::new();
        let counter = prometheus::IntCounter::new("tavana_tests_total", "Tests.").unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        let serving = tokio::spawn(admin.serve(readiness.clone(), registry, drain.clone()));

        assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200 OK\r\n"));
        let answer = get(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("nothing has started\n"), "{answer}");
        let (flight, worker) = (readiness.register("flight"), readiness.register("worker"));
        flight.ready();
        assert!(get(address, "/readyz").await.ends_with("\r\n\r\nworker: it is starting\n"));
        worker.ready();
        let answer = get(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
        flight.not_ready("no worker answers");
        assert!(get(address, "/readyz").await.ends_with("\r\n\r\nflight: no worker answers\n"));
        flight.ready();
        drain.request();
        let answer = get(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("draining"), "{answer}");

        counter.inc_by(3);
        let answer = get(address, "/metrics").await;
        assert!(answer.contains(METRICS_TYPE) && answer.contains("tavana_tests_total 3\n"), "{answer}");
        assert!(get(address, "/other").await.starts_with("HTTP/1.1 404"));
        serving.abort();
    }

    #[tokio::test]
    async fn silent_connections_keep_nobody_out_for_long() {
        let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = admin.address();
        let serving = tokio::spawn(admin.serve(Readiness::new(), Registry::new(), Drain::manual()));
        let mut silent = TcpStream::connect(address).await.unwrap();
        silent.write_all(b"GET /livez HT").await.unwrap();
        assert!(get(address, "/livez").await.ends_with("ok\n"));
        tokio::time::pause();
        let mut answer = Vec::new();
        silent.read_to_end(&mut answer).await.unwrap();
        assert!(!String::from_utf8_lossy(&answer).contains("200"));
        serving.abort();
    }
}
