//! What the gateway counts.
//!
//! A call is counted once, when it ends: with the status the client saw, or `CANCELLED` when the
//! client left before there was one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tavana_wire::estimate::{Actual, Estimate};
use tavana_wire::{estimate, headers};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tracing::Span;

use crate::flight_sql::Method;
use crate::statements::Followed;

/// Seconds: from a cached metadata answer to an hour's export.
const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0, 3600.0];

/// Seconds of sizing: from a remembered estimate to the whole budget.
const ESTIMATE_BUCKETS: [f64; 10] = [0.00005, 0.0002, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.2, 1.0];
/// Powers of two around 1.
const RATIO_BUCKETS: [f64; 11] = [0.0625, 0.125, 0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0, 8.0, 16.0];

/// The gateway's metrics, registered.
pub(crate) struct Metrics {
    calls: IntCounterVec,
    running: IntGauge,
    relayed_bytes: IntCounter,
    workers: IntGaugeVec,
    seconds: HistogramVec,
    estimates: HistogramVec,
    estimate_ratio: HistogramVec,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let calls = Opts::new("tavana_gateway_calls_total", "Calls that ended, by method and gRPC code.");
        let seconds = HistogramOpts::new(
            "tavana_gateway_call_seconds",
            "Seconds from a call's arrival to its last byte, by method.",
        );
        let estimates = HistogramOpts::new(
            "tavana_gateway_estimate_seconds",
            "Seconds that sizing a statement took, by where the estimate came from.",
        );
        let ratio = HistogramOpts::new(
            "tavana_gateway_estimate_ratio",
            "Estimates by what was measured: 1 is right, below 1 is too low.",
        );
        let metrics = Self {
            calls: IntCounterVec::new(calls, &["method", "code"])?,
            running: IntGauge::new("tavana_gateway_calls_running", "Calls that run now.")?,
            relayed_bytes: IntCounter::new(
                "tavana_gateway_relayed_bytes_total",
                "Bytes passed on between clients and workers, both ways.",
            )?,
            workers: IntGaugeVec::new(Opts::new("tavana_gateway_workers", "Workers, by state."), &["state"])?,
            seconds: HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &["method"])?,
            estimates: HistogramVec::new(estimates.buckets(ESTIMATE_BUCKETS.to_vec()), &["source"])?,
            estimate_ratio: HistogramVec::new(ratio.buckets(RATIO_BUCKETS.to_vec()), &["what", "source"])?,
        };
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.running.clone()))?;
        registry.register(Box::new(metrics.relayed_bytes.clone()))?;
        registry.register(Box::new(metrics.workers.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.estimates.clone()))?;
        registry.register(Box::new(metrics.estimate_ratio.clone()))?;
        Ok(metrics)
    }

    /// Counts an estimate and how long it took.
    pub(crate) fn estimated(&self, estimate: &Estimate, took: Duration) {
        self.estimates.with_label_values(&[estimate.source().label()]).observe(took.as_secs_f64());
    }

    /// Compares an estimate with what was measured.
    fn measured(&self, estimate: &Estimate, actual: &Actual) {
        let source = estimate.source().label();
        let observe = |what: &str, thought: Option<u64>, was: Option<u64>| {
            if let (Some(thought), Some(was)) = (thought, was.filter(|was| *was > 0)) {
                self.estimate_ratio.with_label_values(&[what, source]).observe(thought as f64 / was as f64);
            }
        };
        observe("memory", Some(estimate.peak_memory_bytes), actual.peak_memory_bytes);
        observe("rows", estimate.rows, Some(actual.rows));
        observe("output", estimate.output_bytes, Some(actual.output_bytes));
    }

    /// Sets how many workers are in a state.
    pub(crate) fn workers(&self, state: &str, count: usize) {
        self.workers.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// One call's account: clones share it, and the last one closes it.
#[derive(Clone)]
pub(crate) struct Record(Arc<Account>);

struct Account {
    metrics: Arc<Metrics>,
    method: &'static str,
    started: Instant,
    ended: AtomicBool,
    span: Span,
    /// The statement that the call runs.
    followed: Mutex<Option<Followed>>,
}

impl Record {
    /// Opens the account of a call; `method` is `None` for calls that are not Flight's.
    pub(crate) fn open(metrics: Arc<Metrics>, method: Option<Method>, span: Span) -> Self {
        metrics.running.inc();
        let method = method.map_or("other", Method::name);
        let (started, ended) = (Instant::now(), AtomicBool::new(false));
        Self(Arc::new(Account { metrics, method, started, ended, span, followed: Mutex::default() }))
    }

    /// Follows the statement that the call runs until the account is closed.
    pub(crate) fn follow(&self, followed: Followed) {
        *self.0.followed() = Some(followed);
    }

    /// Notes something about the statement that the call runs, if it runs one.
    pub(crate) fn statement(&self, note: impl FnOnce(&Followed)) {
        if let Some(followed) = self.0.followed().as_ref() {
            note(followed);
        }
    }

    /// Resolves when somebody kills the statement that the call runs.
    pub(crate) fn killed(&self) -> Option<CancellationToken> {
        self.0.followed().as_ref().map(Followed::killed)
    }

    /// Counts bytes that were passed on.
    pub(crate) fn relayed(&self, bytes: usize) {
        self.0.metrics.relayed_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts bytes of a result that were passed on to the client.
    pub(crate) fn delivered(&self, bytes: usize) {
        self.relayed(bytes);
        self.statement(|followed| followed.relayed(u64::try_from(bytes).unwrap_or(u64::MAX)));
    }

    /// Notes something about the call in its span.
    pub(crate) fn note(&self, field: &'static str, value: impl std::fmt::Display) {
        self.0.span.record(field, tracing::field::display(value));
    }

    /// The call's span.
    pub(crate) fn span(&self) -> &Span {
        &self.0.span
    }

    /// Closes the account with the status that the client sees; only the first one counts.
    pub(crate) fn end(&self, code: Code) {
        self.0.end(code);
    }

    /// The same with what the worker said last, in trailers: what is for the gateway alone is taken out.
    pub(crate) fn end_with(&self, code: Code, trailers: &mut HeaderMap) {
        if let Some(actual) = estimate::take(trailers, headers::ACTUAL) {
            let metrics = &self.0.metrics;
            self.statement(|followed| {
                if let Some(estimate) = followed.measured(actual) {
                    metrics.measured(&estimate, &actual);
                }
            });
        }
        let label = trailers.get(headers::FAILURE).and_then(|label| label.to_str().ok());
        self.fail_with(code, label);
    }

    /// The same with the label of the failure.
    pub(crate) fn fail_with(&self, code: Code, label: Option<&str>) {
        if code != Code::Ok {
            self.statement(|followed| followed.ended(label.or(Some("unknown"))));
        }
        self.0.end(code);
    }
}

impl Account {
    fn followed(&self) -> std::sync::MutexGuard<'_, Option<Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, code: Code) {
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let label = code_label(code);
        self.span.record("code", label);
        let followed = self.followed().take();
        if let Some(followed) = followed.as_ref().filter(|_| code == Code::Ok) {
            followed.ended(None);
        }
        drop(followed);
        self.metrics.calls.with_label_values(&[self.method, label]).inc();
        self.metrics.seconds.with_label_values(&[self.method]).observe(self.started.elapsed().as_secs_f64());
        self.metrics.running.dec();
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// A gRPC code's name in gRPC's own documents.
fn code_label(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
