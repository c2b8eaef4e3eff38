//! The whole way of a call, in [`answer`].
//!
//! Each stage takes the one before and gives the next, so that none can be left out: a request that
//! [`Arrived`] is [`Known`] once its caller is, [`Checked`] once its handles are, and only then can be
//! sent to a worker.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method as HttpMethod, Version};
use prost::Message as _;
use tavana_daemon::login::Caller;
use tavana_daemon::telemetry;
use tavana_wire::estimate::{self, Estimate};
use tavana_wire::status::PUT_OVERVIEW;
use tavana_wire::{Failure, GatewayId, Handle, QueryId, Sealer, SessionState, headers};
use tonic::Code;
use tonic::body::Body;

use crate::admit::{Asker, Sized, patience};
use crate::auth;
use crate::deadline::Deadline;
use crate::error::GatewayError;
use crate::estimate::Class;
use crate::fleet::Place;
use crate::flight_sql::command::{Statement, Step};
use crate::flight_sql::{Asked, Limits, Method, Purpose, RequestBody, message};
use crate::gateway::Parts;
use crate::metrics::Record;
use crate::queue::Kind;
use crate::relay::{self, RelayError, Terms, upload};
use crate::route::{self, Target};
use crate::statements::Arrival;
use crate::{ask, cancel, handshake, own, session};

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

    let arrived = Arrived::new(method, request);
    let known = arrived.identify(gateway, record).await?;
    let (checked, body) = known.check(&gateway.sealer, gateway.limits, record).await?;

    let target = checked.target(gateway);
    if let Some(query) = checked.asked.question {
        return Ok(checked.status(query, gateway, record));
    }
    let mut reply = match (checked.statement(), checked.asked.purpose, target) {
        (_, Purpose::Cancel, Target::Anywhere) => checked.cancel_everywhere(body, gateway, record).await?,
        (Some(statement), _, target) if statement.step == Step::Prepare => {
            let sized = Sized::unknown(statement);
            checked.follow_plan(&sized, gateway, record);
            checked.relay(body, target, None, gateway, record).await?
        }
        (Some(statement), _, target) => {
            let sized = Sized::of(statement, checked.session(), gateway, &checked.asker(target, gateway)).await;
            checked.run(body, sized, target, gateway, record).await?
        }
        (None, _, target) => checked.relay(body, target, None, gateway, record).await?,
    };

    gateway.homes.learn(reply.headers(), &gateway.sealer, &gateway.login);
    if checked.asked.purpose == Purpose::CloseSession {
        gateway.homes.forget(&checked.caller.session);
        gateway.login.forget(&checked.caller.session);
    }
    session::renew(reply.headers_mut(), &checked.caller, &gateway.login, &gateway.homes);
    Ok(reply)
}

/// What a worker is told of a statement.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    /// Memory that is reserved for it; 0 lets it be planned only; `None` lets it run without.
    grant_bytes: Option<u64>,
    estimate: Option<&'a Estimate>,
    /// The statement that it ends is ending.
    killed: bool,
    /// It may read the tables about statements.
    shows_rows: bool,
}

impl Told<'_> {
    fn tell(&self, told: &mut HeaderMap, gateway: GatewayId) {
        if let Ok(id) = HeaderValue::try_from(gateway.to_string()) {
            told.insert(headers::GATEWAY, id);
        }
        if let Some(bytes) = self.grant_bytes {
            told.insert(headers::GRANT, HeaderValue::from(bytes));
        }
        if self.killed {
            told.insert(headers::KILLED, KILLED);
        }
        if let Some(estimate) = self.estimate {
            estimate::put(told, headers::ESTIMATE, estimate);
        }
    }
}

/// The value of [`headers::KILLED`].
const KILLED: HeaderValue = HeaderValue::from_static("killed");
/// A worker that does not take the rows of tables in this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A limit in seconds, where 0 is none.
pub(crate) fn time_limit(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
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
    fn new(method: Method, request: http::Request<Body>) -> Self {
        let deadline = Deadline::of(request.headers());
        Self { method, request, deadline }
    }

    async fn identify(mut self, gateway: &Parts, record: &Record) -> Result<Known, GatewayError> {
        let caller = gateway.login.identify(self.request.headers()).await.map_err(Failure::from)?;
        let own = gateway.login.limits(&caller.session.principal).query_timeout_seconds;
        if let Some(limit) = own.map_or(gateway.query_timeout, time_limit) {
            self.deadline = Deadline::within(self.deadline, limit);
        }
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
        Terms { purpose: self.asked.purpose, deadline: self.deadline, killed: None }
    }

    fn statement(&self) -> Option<Statement> {
        self.asked.statement(&self.handles)
    }

    /// The session whose names and rights count: that of a handle, if there is one.
    fn session(&self) -> &SessionState {
        self.handles.iter().find_map(|handle| handle.session.as_ref()).unwrap_or(&self.caller.session)
    }

    fn asker(&self, target: Target, gateway: &Parts) -> Asker {
        Asker { fleet: gateway.fleet.clone(), target, headers: self.own_headers(gateway) }
    }

    /// Those of a call of the gateway's own, on the caller's behalf.
    fn own_headers(&self, gateway: &Parts) -> HeaderMap {
        let Parts { login, service_token, .. } = gateway;
        auth::worker_headers(HeaderMap::new(), &self.caller, login, service_token, self.query)
    }

    /// Tells how a statement is.
    fn status(&self, query: QueryId, gateway: &Parts, record: &Record) -> http::Response<Body> {
        let status = own::status(gateway, query, &self.caller.session);
        record.end(Code::Ok);
        message::answer(&arrow_flight::Result { body: status.encode_to_vec().into() })
    }

    /// Has a statement planned or run. What may take memory waits for room first; what only reads is planned without, and waits
    /// when it is fetched.
    async fn run(
        &self,
        body: RequestBody,
        sized: Sized,
        target: Target,
        gateway: &Parts,
        record: &Record,
    ) -> Result<http::Response<Body>, GatewayError> {
        let killed = match sized.kills {
            Some(query) => own::kill(gateway, query, &self.caller.session, &self.own_headers(gateway)).await,
            None => false,
        };
        let told = Told { estimate: sized.estimate.as_ref(), killed, shows_rows: sized.shows_rows, grant_bytes: None };
        if sized.class == Class::Trivial {
            return self.relay(body, target, Some(told), gateway, record).await;
        }
        let mut body = body;
        if sized.class == Class::Read && sized.statement.step == Step::Plan {
            self.follow_plan(&sized, gateway, record);
            let again = body.again();
            let told = Told { grant_bytes: Some(0), ..told };
            match self.relay(body, target, Some(told), gateway, record).await {
                // It does more than read.
                Err(GatewayError::Relay(RelayError::NoRoom)) if again.is_whole() => body = again,
                outcome => return outcome,
            }
        }
        self.run_admitted(body, &sized, told, target, gateway, record).await
    }

    /// Waits for room and runs the statement there; where that is gone by then it waits again, at its old place.
    async fn run_admitted(
        &self,
        mut body: RequestBody,
        sized: &Sized,
        told: Told<'_>,
        target: Target,
        gateway: &Parts,
        record: &Record,
    ) -> Result<http::Response<Body>, GatewayError> {
        let followed = gateway.statements.follow(&self.arrival(sized));
        if let Some(estimate) = &sized.estimate {
            followed.estimated(estimate);
        }
        record.follow(followed);
        let terms = Terms { killed: record.killed(), ..self.terms() };
        let mut permit = sized.admit(gateway, self.query, &self.caller.session, target, &terms).await?;
        let mut tried = false;
        loop {
            let grant = *permit.grant();
            let place = match gateway.fleet.place_on(permit) {
                Ok(place) => place,
                Err(gone) => {
                    permit = gone.refused().await?;
                    continue;
                }
            };
            record.note("worker", place.worker());
            record.statement(|followed| followed.started(&grant));
            if grant.clamped {
                let (need, given) = (sized.need_bytes(), grant.bytes);
                tracing::warn!(need, given, "a statement needs more than any worker has; it runs and may use the disk");
            }
            self.show_rows(&place, told, gateway).await?;
            let again = body.again();
            // A rider runs in what its session holds there already.
            let grant_bytes = (grant.kind != Kind::Rider).then_some(grant.bytes);
            let told = Told { grant_bytes, ..told };
            match self.send(place, body, Some(told), terms.clone(), gateway, record).await {
                Ok(reply) => return Ok(reply),
                Err((error, mut place)) => {
                    if let RelayError::NotSent(cause) = &error {
                        gateway.fleet.unreachable(&place, cause);
                    }
                    let may_try = match error {
                        RelayError::NoRoom => true,
                        // Once more, like every call.
                        RelayError::NotSent(_) => !std::mem::replace(&mut tried, true),
                        _ => false,
                    };
                    let (Some(held), true) = (place.permit(), may_try && again.is_whole()) else {
                        return Err(error.into());
                    };
                    drop(place);
                    body = again;
                    permit = tokio::select! {
                        permit = held.refused() => permit?,
                        cut = terms.cut() => return Err(cut.into()),
                        reason = gateway.fleet.deserted(target, patience(target, gateway)) => return Err(reason.into()),
                    };
                }
            }
        }
    }

    /// Follows what is planned and not run; of what needs no room nothing is noted.
    fn follow_plan(&self, sized: &Sized, gateway: &Parts, record: &Record) {
        if sized.class != Class::Trivial {
            record.follow(gateway.statements.follow(&Arrival { only_planned: true, ..self.arrival(sized) }));
        }
    }

    fn arrival<'a>(&'a self, sized: &'a Sized) -> Arrival<'a> {
        Arrival {
            query: self.query,
            session: &self.caller.session,
            protocol: if self.head.headers.contains_key(headers::SERVICE) { "postgresql" } else { "flight" },
            class: sized.class.name(),
            sql: &sized.statement.sql,
            only_planned: false,
        }
    }

    /// Gives the worker of a place the rows of the tables about statements, for a statement that may read them.
    async fn show_rows(&self, place: &Place, told: Told<'_>, gateway: &Parts) -> Result<(), GatewayError> {
        if !told.shows_rows {
            return Ok(());
        }
        let overview = own::overview(gateway, &self.caller.session).await?;
        ask::tell(place.service(), self.own_headers(gateway), PUT_OVERVIEW, &overview, PATIENCE).await?;
        Ok(())
    }

    /// Sends the call to the worker of a place.
    async fn send(
        &self,
        place: Place,
        body: RequestBody,
        told: Option<Told<'_>>,
        terms: Terms,
        gateway: &Parts,
        record: &Record,
    ) -> Result<http::Response<Body>, (RelayError, Place)> {
        let at = place.at;
        let (upload, end) = upload::body(body, record);
        let mut reply = relay::send(place, self.request(upload, told, gateway, record), end, terms, record).await?;
        gateway.fleet.learn_id(at, reply.headers_mut());
        Ok(reply)
    }

    /// Sends the call to a worker; when that cannot be reached, and does not alone hold what the call
    /// needs, once more to another.
    async fn relay(
        &self,
        mut body: RequestBody,
        target: Target,
        told: Option<Told<'_>>,
        gateway: &Parts,
        record: &Record,
    ) -> Result<http::Response<Body>, GatewayError> {
        let mut avoid = None;
        loop {
            let again = body.again();
            let may_try = avoid.is_none() && !matches!(target, Target::Pinned(..));
            let place = gateway.fleet.place(target, avoid)?;
            record.note("worker", place.worker());
            if let Some(told) = told {
                self.show_rows(&place, told, gateway).await?;
            }
            let terms = Terms { killed: record.killed(), ..self.terms() };
            let (error, place) = match self.send(place, body, told, terms, gateway, record).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            if let RelayError::NotSent(cause) = &error {
                gateway.fleet.unreachable(&place, cause);
                if may_try && again.is_whole() {
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
                let (copy, _end) = upload::body(body.again(), record);
                (place, self.request(copy, None, gateway, record))
            })
            .collect();
        drop(body);
        cancel::everywhere(calls, self.deadline, record).await
    }

    /// The request as its worker gets it.
    fn request(
        &self,
        body: Body,
        statement: Option<Told<'_>>,
        gateway: &Parts,
        record: &Record,
    ) -> http::Request<Body> {
        let Parts { login, service_token, .. } = gateway;
        let mut told = auth::worker_headers(self.head.headers.clone(), &self.caller, login, service_token, self.query);
        told.remove(headers::GRPC_TIMEOUT);
        if let Some(deadline) = self.deadline {
            told.insert(headers::GRPC_TIMEOUT, deadline.header());
        }
        if let Some(statement) = statement {
            statement.tell(&mut told, gateway.id);
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
