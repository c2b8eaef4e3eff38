//! Workers for tests: each answers as its test says, and counts what it is asked.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_flight::Action;
use bytes::Bytes;
use clap::{Args as _, FromArgMatches as _};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use prometheus::Registry;
use prost::Message as _;
use tavana_daemon::admin::Readiness;
use tavana_daemon::login::Login;
use tavana_wire::action::{WORKER_STATUS, WorkerStatus};
use tavana_wire::capacity::{Capacity, WATCH_CAPACITY};
use tavana_wire::handle::Work;
use tavana_wire::statistics::STATISTICS;
use tavana_wire::status::EXPLAIN;
use tavana_wire::{Handle, Role, Sealer, SessionState, WorkerId};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{BoxError, ServiceExt as _, service_fn};

use crate::flight_sql::message;
use crate::{Gateway, GatewayConfig, WorkerEndpoint};

pub(super) type Answer = Result<Response<Body>, BoxError>;
type Script = dyn Fn(Request<Body>) -> BoxFuture<'static, Answer> + Send + Sync;

/// A worker that answers its status and has room for everything, and everything else by its script.
#[derive(Clone)]
pub(super) struct Fake {
    pub(super) id: WorkerId,
    pub(super) draining: Arc<AtomicBool>,
    /// Calls apart from questions for its status, its capacity and sizes.
    pub(super) calls: Arc<AtomicUsize>,
    /// The headers of the last of them.
    pub(super) headers: Arc<Mutex<HeaderMap>>,
    script: Arc<Script>,
}

impl Fake {
    pub(super) fn new<F>(script: impl Fn(Request<Body>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self {
            id: WorkerId::random(),
            draining: Arc::default(),
            calls: Arc::default(),
            headers: Arc::default(),
            script: Arc::new(move |request| Box::pin(script(request))),
        }
    }

    /// A worker that answers every call with one message and `OK`.
    pub(super) fn fine() -> Self {
        Self::new(async |_| Ok(reply([Ok(data(b"fine")), Ok(ok())])))
    }

    /// Resolves when it was asked so often.
    pub(super) async fn asked(&self, calls: usize) {
        while self.calls() < calls {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn endpoint(&self) -> WorkerEndpoint {
        let fake = self.clone();
        WorkerEndpoint::in_memory("fake", service_fn(move |request| fake.clone().answer(request)))
    }

    pub(super) async fn answer(self, request: Request<Body>) -> Answer {
        let (parts, mut body) = request.into_parts();
        if parts.uri.path().ends_with("/DoAction") {
            let whole = body.collect().await?.to_bytes();
            let action = Action::decode(message::payload(&whole).ok_or("no action")?)?;
            if action.r#type == WORKER_STATUS {
                assert!(parts.headers.contains_key("x-tavana-service"), "a status question without proof");
                return Ok(self.status());
            }
            // It knows nothing of sizes.
            if action.r#type == STATISTICS || action.r#type == EXPLAIN {
                return Ok(Status::unimplemented("").into_http());
            }
            if action.r#type == WATCH_CAPACITY {
                return Ok(self.capacity());
            }
            body = Body::new(Full::new(whole));
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        *self.headers.lock().unwrap() = parts.headers.clone();
        (self.script)(Request::from_parts(parts, body)).await
    }

    /// Told once, and then it is listened to.
    fn capacity(&self) -> Response<Body> {
        let capacity = Capacity { memory_bytes: 1 << 40, slots: 100, ..Capacity::default() };
        let result = arrow_flight::Result { body: capacity.encode_to_vec().into() };
        let told = stream::iter([Ok(Frame::data(message::encode(&result)))]);
        streamed(told.chain(stream::pending()))
    }

    fn status(&self) -> Response<Body> {
        let draining = self.draining.load(Ordering::SeqCst);
        let status = WorkerStatus { worker_id: self.id.to_vec(), draining, ..WorkerStatus::default() };
        let result = arrow_flight::Result { body: status.encode_to_vec().into() };
        reply([Ok(Frame::data(message::encode(&result))), Ok(ok())])
    }
}

/// A frame of data that is no gRPC message; nobody on the way may care.
pub(super) fn data(bytes: &[u8]) -> Frame<Bytes> {
    Frame::data(Bytes::copy_from_slice(bytes))
}

/// The trailers of a call that went well, with something of the worker's own.
pub(super) fn ok() -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    Status::ok("").add_header(&mut trailers).unwrap();
    trailers.insert("x-of-the-worker", "kept".parse().unwrap());
    Frame::trailers(trailers)
}

pub(super) fn reply<I>(frames: I) -> Response<Body>
where
    I: IntoIterator<Item = Result<Frame<Bytes>, Status>>,
    I::IntoIter: Send + 'static,
{
    streamed(stream::iter(frames))
}

pub(super) fn streamed(frames: impl Stream<Item = Result<Frame<Bytes>, Status>> + Send + 'static) -> Response<Body> {
    Response::new(Body::new(StreamBody::new(frames)))
}

/// A connection that could not be made.
pub(super) fn not_connected() -> BoxError {
    tonic::ConnectError("connection refused".into()).into()
}

/// A gateway in front of fakes.
pub(super) struct Rig {
    pub(super) gateway: Gateway,
    pub(super) sealer: Arc<Sealer>,
    pub(super) registry: Registry,
    pub(super) readiness: Readiness,
}

/// The settings that a program without flags has, but for its patience.
pub(super) fn defaults() -> GatewayConfig {
    let none = GatewayConfig::augment_args(clap::Command::new("gateway")).get_matches_from(["gateway"]);
    let defaults = GatewayConfig::from_arg_matches(&none).unwrap();
    GatewayConfig { no_worker_wait_seconds: 0, ..defaults }
}

impl Rig {
    pub(super) async fn new(fakes: &[&Fake]) -> Self {
        Self::with(defaults(), fakes).await
    }

    pub(super) async fn with(config: GatewayConfig, fakes: &[&Fake]) -> Self {
        Self::over(config, fakes.iter().map(|fake| fake.endpoint()).collect()).await
    }

    pub(super) async fn over(config: GatewayConfig, endpoints: Vec<WorkerEndpoint>) -> Self {
        let sealer = Arc::new(Sealer::random());
        let login = Arc::new(Login::new(None, sealer.clone(), Duration::from_secs(3600)));
        let (registry, readiness) = (Registry::new(), Readiness::new());
        let gateway = config.build(login, sealer.clone(), endpoints, &registry, &readiness).unwrap();
        gateway.checked().await;
        Self { gateway, sealer, registry, readiness }
    }

    pub(super) async fn call(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = self.gateway.clone().oneshot(request).await;
        response
    }

    /// Calls and reads to the end.
    pub(super) async fn outcome(&self, request: Request<Body>) -> Outcome {
        Outcome::read(self.call(request).await).await
    }

    /// A sealed handle of the rig's only user.
    pub(super) fn sealed(&self, session: &SessionState, work: Work) -> Bytes {
        self.sealer.seal(&Handle { session: Some(session.clone()), expires_unix_ms: u64::MAX, work: Some(work) })
    }

    /// A session token as clients present it.
    pub(super) fn bearer(&self, session: &SessionState) -> String {
        format!("Bearer {}", self.sealer.seal_text(&Handle::session_token(session.clone(), u64::MAX)))
    }

    /// The value of a metric, summed over its label values that contain `labels`.
    pub(super) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        let fits = |metric: &&prometheus::proto::Metric| {
            labels.iter().all(|label| metric.get_label().iter().any(|pair| pair.value() == *label))
        };
        let value =
            |metric: &prometheus::proto::Metric| metric.get_counter().get_value() + metric.get_gauge().get_value();
        family.get_metric().iter().filter(fits).map(value).sum()
    }
}

/// A session of the rig's only user.
pub(super) fn session(home: Option<WorkerId>) -> SessionState {
    let home = home.map(|worker| worker.to_vec()).unwrap_or_default();
    SessionState { home, version: 1, ..SessionState::new("tavana", Role::Admin) }
}

pub(super) fn request(method: &str, message: &impl prost::Message) -> Request<Body> {
    with_body(method, Body::new(Full::new(message::encode(message))))
}

pub(super) fn with_body(method: &str, body: Body) -> Request<Body> {
    let path = format!("/arrow.flight.protocol.FlightService/{method}");
    Request::post(path).header("content-type", "application/grpc").body(body).unwrap()
}

/// What a client sees of a call.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) headers: HeaderMap,
    pub(super) frames: Vec<Bytes>,
    pub(super) trailers: HeaderMap,
}

impl Outcome {
    pub(super) async fn read(response: Response<Body>) -> Self {
        let (parts, mut body) = response.into_parts();
        let (mut frames, mut trailers) = (Vec::new(), HeaderMap::new());
        while let Some(frame) = body.frame().await {
            match frame.unwrap().into_data() {
                Ok(data) => frames.push(data),
                Err(frame) => trailers = frame.into_trailers().unwrap(),
            }
        }
        Self { headers: parts.headers, frames, trailers }
    }

    fn status(&self) -> Status {
        let told = Status::from_header_map(&self.trailers).or_else(|| Status::from_header_map(&self.headers));
        told.expect("a call that ended without a status")
    }

    pub(super) fn code(&self) -> Code {
        self.status().code()
    }

    pub(super) fn message(&self) -> String {
        self.status().message().to_owned()
    }

    /// The label of the failure kind.
    pub(super) fn failure(&self) -> String {
        let label = self.trailers.get("x-tavana-failure").or_else(|| self.headers.get("x-tavana-failure"));
        label.expect("a failure without its kind").to_str().unwrap().to_owned()
    }
}
