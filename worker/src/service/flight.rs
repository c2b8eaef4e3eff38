//! The methods of Arrow Flight, for tonic.

use std::pin::Pin;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::{Stream, StreamExt as _};
use tavana_wire::capacity::WATCH_CAPACITY;
use tavana_wire::{Failure, FailureKind};
use tonic::{Request, Response, Status, Streaming};

use super::Shared;
use crate::caller::{Call, Trust};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A worker as tonic sees it.
#[derive(Clone)]
pub(crate) struct Flight {
    shared: Arc<Shared>,
}

impl Flight {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Shared {
    /// A reply that also tells the client of its session, where it has to know.
    fn reply<T>(&self, call: &Call, outcome: Result<T, Failure>) -> Result<Response<T>, Status> {
        match outcome {
            Ok(message) => {
                let mut reply = Response::new(message);
                let headers = reply.metadata_mut().as_mut();
                self.callers.tell(call, headers);
                if let Some(run) = call.measured() {
                    run.tell(headers);
                }
                Ok(reply)
            }
            Err(failure) => {
                let mut status = Status::from(failure);
                self.callers.tell(call, status.metadata_mut().as_mut());
                Err(status)
            }
        }
    }
}

fn once<T: Send + 'static>(messages: Vec<T>) -> Replies<T> {
    Box::pin(futures::stream::iter(messages.into_iter().map(Ok)))
}

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = Replies<HandshakeResponse>;
    type ListFlightsStream = Replies<FlightInfo>;
    type DoGetStream = Replies<FlightData>;
    type DoPutStream = Replies<PutResult>;
    type DoExchangeStream = Replies<FlightData>;
    type DoActionStream = Replies<arrow_flight::Result>;
    type ListActionsStream = Replies<ActionType>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let Trust::Clients(login) = &self.shared.callers.trust else {
            return Err(Failure::new(FailureKind::Unauthenticated, "this worker serves its gateways only").into());
        };
        let (metadata, _, mut messages) = request.into_parts();
        let headers = metadata.into_headers();
        let first = messages.message().await?;
        let payload = first.map(|message| message.payload);
        let (_, token) = login.handshake(&headers, payload.as_deref()).await.map_err(Failure::from)?;
        let message = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let mut reply = Response::new(once(vec![message]));
        tavana_wire::headers::give_session(reply.metadata_mut().as_mut(), &token);
        Ok(reply)
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        let call = self.shared.callers.identify(request.metadata().as_ref(), request.extensions()).await?;
        // Flight SQL lists tables by CommandGetTables; there are no other flights.
        self.shared.reply(&call, Ok(once(Vec::new())))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let mut call = self.shared.callers.identify(request.metadata().as_ref(), request.extensions()).await?;
        let outcome = self.shared.flight_info(&mut call, request.into_inner()).await;
        self.shared.reply(&call, outcome)
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        let mut call = self.shared.callers.identify(request.metadata().as_ref(), request.extensions()).await?;
        let outcome = Arc::clone(&self.shared).poll_info(&mut call, request.into_inner()).await;
        self.shared.reply(&call, outcome)
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let mut call = self.shared.callers.identify(request.metadata().as_ref(), request.extensions()).await?;
        let outcome = self.shared.result_schema(&mut call, request.into_inner()).await;
        self.shared.reply(&call, outcome)
    }

    async fn do_get(&self, _: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        // Served before tonic, see `WorkerService`.
        Err(Status::internal("DoGet went the wrong way"))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let mut call = self.shared.callers.identify(request.metadata().as_ref(), request.extensions()).await?;
        let outcome = self.shared.put(&mut call, request.into_inner()).await.map(once);
        self.shared.reply(&call, outcome)
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Failure::new(FailureKind::Unsupported, "Flight SQL does not use DoExchange").into())
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let mut call = self.shared.callers.identify(request.metadata().as_ref(), request.extensions()).await?;
        let action = request.into_inner();
        if action.r#type == WATCH_CAPACITY {
            let outcome = self.shared.watch_capacity(&call, &action.body);
            let outcome = outcome.map(|told| -> Self::DoActionStream { Box::pin(told.map(Ok)) });
            return self.shared.reply(&call, outcome);
        }
        let outcome = self.shared.action(&mut call, action).await.map(once);
        self.shared.reply(&call, outcome)
    }

    async fn list_actions(&self, request: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        let call = self.shared.callers.identify(request.metadata().as_ref(), request.extensions()).await?;
        self.shared.reply(&call, Ok(once(super::action::list())))
    }
}
