//! The Flight SQL service of a worker.
//!
//! `DoGet` is served at the level of HTTP, because its frames are written by hand ([`crate::stream`]); every other
//! method goes through tonic and [`flight`]. [`info`] answers for commands, [`put`] takes streams, [`action`] the actions, [`prepared`]
//! keeps what was bound to prepared statements, [`poll`] runs statements ahead of their fetch.

pub(crate) mod action;
pub(crate) mod flight;
pub(crate) mod info;
pub(crate) mod poll;
pub(crate) mod prepared;
pub(crate) mod put;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_flight::Ticket;
use arrow_flight::flight_service_server::FlightServiceServer;
use bytes::Buf as _;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Limited};
use prost::Message as _;
use tavana_wire::{Failure, FailureKind, RunStatement, headers};
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::caller::{Call, Callers};
use crate::execute::Executor;
use crate::execute::now::Ran;
use crate::memory::Memory;
use crate::memory::room::Room;

/// The path of the one method that is served here.
const DO_GET: &str = "/arrow.flight.protocol.FlightService/DoGet";
/// A ticket carries a statement and its parameters; anything larger is none of ours.
const MAX_TICKET_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// A worker's service: every method of Arrow Flight, over any HTTP/2 server or in memory.
#[derive(Clone)]
pub struct WorkerService {
    shared: Arc<Shared>,
    tonic: FlightServiceServer<flight::Flight>,
}

/// What all calls share.
pub(crate) struct Shared {
    pub(crate) executor: Arc<Executor>,
    pub(crate) callers: Callers,
    pub(crate) bound: prepared::BoundParameters,
    pub(crate) jobs: poll::Jobs,
    pub(crate) memory: Arc<Memory>,
}

impl WorkerService {
    pub(crate) fn new(shared: Arc<Shared>, max_message_bytes: usize) -> Self {
        let flight = flight::Flight::new(Arc::clone(&shared));
        let tonic = FlightServiceServer::new(flight)
            .max_decoding_message_size(max_message_bytes)
            .max_encoding_message_size(usize::MAX);
        Self { shared, tonic }
    }
}

impl Service<Request<Body>> for WorkerService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let room = match self.shared.room(request.headers()) {
            Ok(room) => room,
            Err(refusal) => return Box::pin(std::future::ready(Ok(Status::from(refusal).into_http()))),
        };
        request.extensions_mut().insert(room.clone());
        if request.uri().path() != DO_GET {
            let reply = self.tonic.call(request);
            return Box::pin(async move { Ok(reply.await?.map(|body| room.held_by(body))) });
        }
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let reply = match shared.do_get(request).await {
                Ok((call, ran)) => shared.stream_reply(&call, ran),
                Err(failure) => Status::from(failure).into_http(),
            };
            Ok(reply.map(|body| room.held_by(body)))
        })
    }
}

impl Shared {
    /// The room that a gateway asks for, ahead of anything else that its call does.
    fn room(&self, request: &HeaderMap) -> Result<Room, Failure> {
        match request.contains_key(headers::GRANT) && self.callers.is_gateway(request) {
            true => Room::take(&self.memory, request),
            // Whoever else says so is not believed, or is refused later.
            false => Ok(Room::Free),
        }
    }

    async fn do_get(&self, request: Request<Body>) -> Result<(Call, Ran), Failure> {
        let mut call = self.callers.identify(request.headers(), request.extensions()).await?;
        let ticket = read_ticket(request.into_body()).await?.ticket;
        let ran = match RunStatement::in_ticket(&ticket) {
            Some(run) => self.executor.run_now(&mut call, run).await?,
            None => Ran { body: self.fetch(&mut call, &ticket).await?, rows_changed: None },
        };
        Ok((call, ran))
    }

    fn stream_reply(&self, call: &Call, ran: Ran) -> Response<Body> {
        let mut reply = Response::new(Body::new(ran.body.measured(call.measured())));
        if let Some(rows) = ran.rows_changed {
            reply.headers_mut().insert(headers::ROWS_CHANGED, HeaderValue::from(rows));
        }
        reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        self.callers.tell(call, reply.headers_mut());
        reply
    }
}

/// The one message of a unary request.
async fn read_ticket(body: Body) -> Result<Ticket, Failure> {
    let malformed = || Failure::new(FailureKind::InvalidRequest, "the request holds no ticket");
    let body = Limited::new(body, MAX_TICKET_MESSAGE_BYTES).collect().await.map_err(|_| malformed())?.to_bytes();
    let mut message = body;
    if message.len() < 5 || message.get_u8() != 0 {
        return Err(malformed());
    }
    let length = message.get_u32() as usize;
    if length != message.len() {
        return Err(malformed());
    }
    Ticket::decode(message).map_err(|_| malformed())
}
