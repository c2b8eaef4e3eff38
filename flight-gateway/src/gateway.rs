//! The gateway as one service: built from its settings, called for every request.

use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus::Registry;
use serde::Serialize;
use tavana_daemon::admin::Readiness;
use tavana_daemon::login::Login;
use tavana_daemon::telemetry;
use tavana_wire::{Failure, FailureKind, GatewayId, Sealer};
use tokio::task::JoinSet;
use tonic::Status;
use tonic::body::Body;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::error::GatewayError;
use crate::estimate::{EstimateConfig, Estimator};
use crate::fleet::{Fleet, Pace, WorkerEndpoint};
use crate::flight_sql::{Limits, Method};
use crate::history::{History, HistoryConfig, HistoryError};
use crate::metrics::{Metrics, Record};
use crate::query;
use crate::queue::{Admission, QueueConfig};
use crate::session::Homes;
use crate::statements::Statements;
use tavana_daemon::service_token::ServiceToken;

/// The settings of a gateway, wherever it runs.
#[derive(clap::Args, Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GatewayConfig {
    /// The most seconds that a call may take, its result included; 0 for no limit. A client's own shorter
    /// deadline counts.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub query_timeout_seconds: u64,

    /// The most bytes of one request message, a statement's text among them; uploads are limited
    /// message by message by the worker.
    #[arg(long, value_name = "BYTES", default_value_t = 20 << 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1024..))]
    pub max_message_bytes: u32,

    /// The seconds that a client has to send a request, or the first message of an upload.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub request_timeout_seconds: u64,

    /// The milliseconds between two questions to a worker how it is.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u64).range(10..))]
    pub worker_check_interval_ms: u64,

    /// The milliseconds until a worker's answer to that counts as late; three late answers in a row
    /// take it out.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 3000)]
    #[arg(value_parser = clap::value_parser!(u64).range(10..))]
    pub worker_check_timeout_ms: u64,

    /// The seconds that statements wait while no worker is up, before they are refused. With a scaler that starts
    /// workers: longer than that takes.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub no_worker_wait_seconds: u64,

    /// The most sessions whose home worker is remembered.
    #[arg(long, value_name = "COUNT", default_value = "10000")]
    pub max_remembered_sessions: NonZeroUsize,

    /// The seconds after which an unused home worker is forgotten.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub session_memory_seconds: u64,

    /// How statements are sized.
    #[command(flatten)]
    #[serde(flatten)]
    pub estimate: EstimateConfig,

    /// How they wait for room.
    #[command(flatten)]
    #[serde(flatten)]
    pub queue: QueueConfig,

    /// What is kept of them.
    #[command(flatten)]
    #[serde(flatten)]
    pub history: HistoryConfig,
}

/// A gateway in front of workers: a tower service for every gRPC request of Flight. Clones share
/// everything; when the last one is gone, it stops asking its workers how they are.
#[derive(Clone)]
pub struct Gateway {
    parts: Arc<Parts>,
    _checks: Arc<[JoinSet<()>; 2]>,
}

/// What the stages of a call use.
pub(crate) struct Parts {
    pub(crate) login: Arc<Login>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) service_token: Arc<ServiceToken>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) homes: Homes,
    pub(crate) estimator: Estimator,
    pub(crate) queue: QueueConfig,
    pub(crate) admission: Admission,
    pub(crate) statements: Statements,
    pub(crate) id: GatewayId,
    pub(crate) limits: Limits,
    pub(crate) query_timeout: Option<Duration>,
    pub(crate) no_worker_wait: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl GatewayConfig {
    /// The gateway in front of `workers`, with its metrics in `registry` and its part `workers` in
    /// `readiness`: ready while one of them is up. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When `registry` has metrics of these names already, or the history cannot be opened.
    pub fn build(
        &self,
        login: Arc<Login>,
        sealer: Arc<Sealer>,
        workers: Vec<WorkerEndpoint>,
        registry: &Registry,
        readiness: &Readiness,
    ) -> Result<Gateway, HistoryError> {
        let history = History::open(self.history.clone(), registry)?;
        let metrics = Arc::new(Metrics::register(registry)?);
        let service_token = Arc::new(ServiceToken::new(sealer.clone()));
        let part = readiness.register("workers");
        let fleet = Fleet::new(workers, metrics.clone(), move |up| match up {
            Ok(()) => part.ready(),
            Err(reason) => part.not_ready(reason),
        });
        let pace = Pace {
            interval: Duration::from_millis(self.worker_check_interval_ms),
            deadline: Duration::from_millis(self.worker_check_timeout_ms),
        };
        let (admission, id) = (Admission::new(&self.queue, registry)?, GatewayId::random());
        let checks = [fleet.watch(pace, &service_token), fleet.watch_capacity(&admission, id, &service_token)];
        let homes = Homes::new(self.max_remembered_sessions, Duration::from_secs(self.session_memory_seconds));
        let limits = Limits {
            message_bytes: usize::try_from(self.max_message_bytes).unwrap_or(usize::MAX),
            arrival: Duration::from_secs(self.request_timeout_seconds),
        };
        let query_timeout = query::time_limit(self.query_timeout_seconds);
        let (estimator, statements) = (Estimator::new(self.estimate.clone()), Statements::new(history));
        let parts = Parts {
            login,
            sealer,
            service_token,
            fleet,
            homes,
            estimator,
            queue: self.queue.clone(),
            admission,
            statements,
            id,
            limits,
            query_timeout,
            no_worker_wait: Duration::from_secs(self.no_worker_wait_seconds),
            metrics,
        };
        Ok(Gateway { parts: Arc::new(parts), _checks: Arc::new(checks) })
    }
}

impl Gateway {
    /// Waits until every worker was asked once how it is; whether one is up, the readiness tells.
    pub async fn checked(&self) {
        self.parts.fleet.checked().await;
    }
}

impl tower::Service<http::Request<Body>> for Gateway {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = Method::from_path(request.uri().path());
        let name = method.map_or("other", Method::name);
        let span = tracing::info_span!(
            "call",
            otel.name = name,
            otel.kind = "server",
            method = name,
            principal = Empty,
            query_id = Empty,
            worker = Empty,
            code = Empty,
        );
        telemetry::adopt_parent(&span, request.headers());
        let record = Record::open(self.parts.metrics.clone(), method, span.clone());
        let gateway = self.clone();
        let answer = async move {
            let answer = query::answer(&gateway.parts, request, &record).await;
            Ok(answer.unwrap_or_else(|error| refuse(error, &record)))
        };
        Box::pin(answer.instrument(span))
    }
}

/// Tells the client why its call ends here.
fn refuse(error: GatewayError, record: &Record) -> http::Response<Body> {
    let failure = Failure::from(error);
    let (kind, message) = (failure.kind, &failure.message);
    match kind {
        FailureKind::Internal | FailureKind::Io => tracing::error!(failure = kind.label(), message, "call failed"),
        FailureKind::ResultLost | FailureKind::OutcomeUnknown => {
            tracing::warn!(failure = kind.label(), message, "call failed");
        }
        _ => tracing::debug!(failure = kind.label(), message, "call refused"),
    }
    record.fail_with(kind.code(), Some(kind.label()));
    Status::from(failure).into_http()
}

#[cfg(test)]
mod tests;
