//! Serving gRPC over HTTP/2.
//!
//! The service is taken whole, as a tower service over HTTP bodies, so that a gateway can hand bytes through
//! untouched. What this adds is what every server needs: limits on what a peer can make us hold, buffers for
//! large results, an end in good order, and that a call whose handler panics gets an answer.

mod coalesce;
mod guard;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower::Service;

use crate::drain::Drain;
use crate::listen::{Listener, Opening};
use coalesce::Flush;

/// What a client may send ahead on one stream: enough to keep an ingest busy over a distance.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// What it may send ahead on all streams of a connection: no bound beyond that of the streams, or a few uploads that wait would
/// stop every other call of the connection, a cancel among them.
const CONNECTION_WINDOW_BYTES: u32 = i32::MAX.cast_unsigned();
/// The largest frame taken; a gateway sends large ones, which cost less a byte.
const MAX_FRAME_BYTES: u32 = 1 << 20;
/// What a result may run ahead of its client inside HTTP/2, per stream.
const SEND_BUFFER_BYTES: usize = 2 << 20;
/// All headers of a call together. Session tokens and cookies travel here.
const MAX_HEADER_LIST_BYTES: u32 = 16 << 10;
/// A peer that is silent this long is asked for a sign of life …
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// … and given up when none comes.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long cut calls have to tell their clients.
const FAREWELL: Duration = Duration::from_secs(1);

/// How much a server takes on, and how long it may take to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once on one connection; clients wait with further ones.
    pub max_streams_per_connection: u32,
    /// Connections at once; further ones are closed at once.
    pub max_connections: usize,
    /// How long running calls may go on once the drain is requested.
    pub drain_timeout: Duration,
}

/// Serves until the drain is requested and all calls have ended.
///
/// From then on no connection is accepted and no new call on an old one. Calls that run
/// have [`Limits::drain_timeout`] to end; what is left then ends with gRPC code UNKNOWN, because
/// whether it took effect is not known.
pub async fn serve<S>(listener: Listener, service: S, limits: Limits, drain: Drain)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let cut = CancellationToken::new();
    let server = Server { service, http2: http2_settings(&limits), cut: cut.clone(), drain: drain.clone() };
    let mut connections = JoinSet::new();
    let mut full = false;
    loop {
        tokio::select! {
            () = drain.requested() => break,
            opening = listener.accept() => {
                let was_full = std::mem::replace(&mut full, connections.len() >= limits.max_connections);
                if !full {
                    connections.spawn(server.clone().connection(opening, listener.address()));
                } else if !was_full {
                    // Once, not for each: whoever floods the port must not flood the log.
                    tracing::warn!(limit = limits.max_connections, "too many connections are open; new ones are closed");
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    if !all_ended(&mut connections, limits.drain_timeout).await {
        tracing::warn!(connections = connections.len(), "the time to drain is over; running calls are cut");
        cut.cancel();
        all_ended(&mut connections, FAREWELL).await;
    }
    connections.shutdown().await;
}

async fn all_ended(connections: &mut JoinSet<()>, within: Duration) -> bool {
    let ended = async { while connections.join_next().await.is_some() {} };
    tokio::time::timeout(within, ended).await.is_ok()
}

fn http2_settings(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams_per_connection)
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    http2
}

#[derive(Clone)]
struct Server<S> {
    service: S,
    http2: http2::Builder<TokioExecutor>,
    /// Ends calls that outlive the drain.
    cut: CancellationToken,
    drain: Drain,
}

impl<S> Server<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    async fn connection(self, opening: Opening, local: SocketAddr) {
        let peer = opening.peer();
        let opened = tokio::select! {
            opened = opening.open() => opened,
            () = self.drain.requested() => return,
        };
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%peer, %error, "a connection came to nothing"),
        };
        let (stream, flush) = coalesce::coalesce(stream);
        let Self { service, http2, cut, drain } = self;
        let call = service_fn(move |mut request: Request<Incoming>| {
            let ends = TcpConnectInfo { local_addr: Some(local), remote_addr: Some(peer) };
            request.extensions_mut().insert(ends);
            guard::call(service.clone(), request.map(Body::new), cut.clone())
        });
        let mut connection = pin!(http2.serve_connection(TokioIo::new(stream), call));
        let ended = tokio::select! {
            ended = (Driven { connection: connection.as_mut(), flush: &flush }) => Some(ended),
            () = drain.requested() => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                Driven { connection, flush: &flush }.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended with an error");
        }
    }
}

/// A connection together with the flushing of what it wrote, see [`coalesce`].
struct Driven<'a, C> {
    connection: Pin<&'a mut C>,
    flush: &'a Flush<crate::listen::Stream>,
}

impl<C> Future for Driven<'_, C>
where
    C: Future<Output = Result<(), hyper::Error>>,
{
    type Output = Result<(), Box<dyn std::error::Error + Send + Sync>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(ended) = self.connection.as_mut().poll(cx) {
            return Poll::Ready(ended.map_err(Into::into));
        }
        match self.flush.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
