//! The whole way of a call, in [`answer`].
//!
//! Each stage takes the one before and gives the next, so that none can be left out: a request that
//! [`Arrived`] is [`Known`] once its caller is, [`Checked`] once its handles are, and only then can be
//! sent to a worker.

use http::{Method as HttpMethod, Version};
use tavana_daemon::login::{Caller, Login};
use tavana_daemon::telemetry;
use tavana_wire::{Failure, Handle, QueryId, Sealer, headers};
use tonic::body::Body;

use crate::auth;
use crate::deadline::Deadline;
use crate::error::GatewayError;
use crate::flight_sql::{Asked, Limits, Method, Purpose, RequestBody, message};
use crate::gateway::Parts;
use crate::metrics::Record;
use crate::relay::{self, RelayError, Terms, upload};
use crate::route::{self, Target};
use crate::{cancel, handshake, session};

/// Answers one call.
///
/// # Errors
/// [`GatewayError`] when the call ends before a worker answered it.
pub(crate) async fn answer(
    gateway: &Parts,
    request: http::Request<Body>,
    record: &Record,
) -> Result<http::Response<Body>, GatewayError> {
    let method = Method::from_path(request.uri().path());
    let method = method.ok_or_else(|| GatewayError::UnknownMethod(request.uri().path().to_owned()))?;
    if method == Method::Handshake {
        return handshake::answer(&gateway.login, &gateway.sealer, gateway.limits, request, record).await;
    }

    let arrived = Arrived::new(method, request, gateway);
    let known = arrived.identify(&gateway.login, record).await?;
    let (checked, body) = known.check(&gateway.sealer, gateway.limits, record).await?;

    // Admission belongs here: the estimate of what the statement needs, its wait in the queue, and a permit
    // that the relay holds until the last byte, next to its place on the worker.

    let target = checked.target(gateway);
    let mut reply = match (checked.asked.purpose, target) {
        (Purpose::Cancel, Target::Anywhere) => checked.cancel_everywhere(body, gateway, record).await?,
        (_, target) => checked.relay(body, target, gateway, record).await?,
    };

    gateway.homes.learn(reply.headers(), &gateway.sealer, &gateway.login);
    if checked.asked.purpose == Purpose::CloseSession {
        gateway.homes.forget(&checked.caller.session);
        gateway.login.forget(&checked.caller.session);
    }
    session::renew(reply.headers_mut(), &checked.caller, &gateway.login, &gateway.homes);
    Ok(reply)
}

/// A request for a worker, from nobody yet.
struct Arrived {
    method: Method,
    request: http::Request<Body>,
    deadline: Option<Deadline>,
}

/// A request whose caller is known.
struct Known {
    arrived: Arrived,
    caller: Caller,
}

/// A request whose handles are its caller's own; ready for a worker.
struct Checked {
    head: http::request::Parts,
    asked: Asked,
    handles: Vec<Handle>,
    caller: Caller,
    query: QueryId,
    deadline: Option<Deadline>,
}

impl Arrived {
    fn new(method: Method, request: http::Request<Body>, gateway: &Parts) -> Self {
        let deadline = Deadline::of(request.headers(), gateway.query_timeout);
        Self { method, request, deadline }
    }

    async fn identify(self, login: &Login, record: &Record) -> Result<Known, GatewayError> {
        let caller = login.identify(self.request.headers()).await.map_err(Failure::from)?;
        record.note("principal", &caller.session.principal);
        Ok(Known { arrived: self, caller })
    }
}

impl Known {
    async fn check(
        self,
        sealer: &Sealer,
        limits: Limits,
        record: &Record,
    ) -> Result<(Checked, RequestBody), GatewayError> {
        let Self { arrived: Arrived { method, request, deadline }, caller } = self;
        let (head, body) = request.into_parts();
        let (message, body) = message::read(method, body, limits).await?;
        let asked = Asked::read(method, message.as_ref())?;
        let handles = asked.open(sealer, &caller.session.principal)?;
        let query = handles.iter().find_map(Handle::query_id);
        let query = query.or_else(|| auth::chosen_id(&head.headers, sealer)).unwrap_or_else(QueryId::random);
        record.note("query_id", query);
        Ok((Checked { head, asked, handles, caller, query, deadline }, body))
    }
}

impl Checked {
    fn target(&self, gateway: &Parts) -> Target {
        let learned = |session| gateway.homes.get(session);
        route::target(self.asked.purpose, &self.handles, &self.caller.session, learned)
    }

    fn terms(&self) -> Terms {
        Terms { purpose: self.asked.purpose, deadline: self.deadline }
    }

    /// Sends the call to a worker; when that cannot be reached, and does not alone hold what the call
    /// needs, once more to another.
    async fn relay(
        &self,
        mut body: RequestBody,
        target: Target,
        gateway: &Parts,
        record: &Record,
    ) -> Result<http::Response<Body>, GatewayError> {
        let mut avoid = None;
        loop {
            let again = body.again().filter(|_| avoid.is_none() && !matches!(target, Target::Pinned(..)));
            let place = gateway.fleet.place(target, avoid)?;
            record.note("worker", place.worker());
            let at = place.at;
            let (upload, end) = upload::body(body, record);
            let sent = relay::send(place, self.request(upload, gateway, record), end, self.terms(), record).await;
            let (error, place) = match sent {
                Ok(mut reply) => {
                    gateway.fleet.learn_id(at, reply.headers_mut());
                    return Ok(reply);
                }
                Err(failed) => failed,
            };
            if let RelayError::NotSent(cause) = &error {
                gateway.fleet.unreachable(&place, cause);
                if let Some(again) = again {
                    (avoid, body) = (Some(place.at), again);
                    continue;
                }
            }
            return Err(error.into());
        }
    }

    /// Asks every worker to cancel a statement that may run on any of them.
    async fn cancel_everywhere(
        &self,
        body: RequestBody,
        gateway: &Parts,
        record: &Record,
    ) -> Result<http::Response<Body>, GatewayError> {
        let calls: Vec<_> = gateway
            .fleet
            .everywhere()
            .into_iter()
            .map(|place| {
                let (copy, _end) = upload::body(body.again().unwrap_or_default(), record);
                (place, self.request(copy, gateway, record))
            })
            .collect();
        drop(body);
        cancel::everywhere(calls, self.deadline, record).await
    }

    /// The request as its worker gets it.
    fn request(&self, body: Body, gateway: &Parts, record: &Record) -> http::Request<Body> {
        let Parts { login, service_token, .. } = gateway;
        let mut told = auth::worker_headers(self.head.headers.clone(), &self.caller, login, service_token, self.query);
        told.remove(headers::GRPC_TIMEOUT);
        if let Some(deadline) = self.deadline {
            told.insert(headers::GRPC_TIMEOUT, deadline.header());
        }
        telemetry::pass_on(record.span(), &mut told);
        let mut request = http::Request::new(body);
        *request.method_mut() = HttpMethod::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.head.uri.path().parse().unwrap_or_default();
        *request.headers_mut() = told;
        request
    }
}
