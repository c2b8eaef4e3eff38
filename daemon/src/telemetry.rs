//! Telling what happens: the log on stderr, spans to an OpenTelemetry collector.
//!
//! The log is text or JSON, filtered by level and part. Spans of our own crates go out over OTLP when the
//! usual `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector, whatever the log shows; service name, sampling
//! and batching follow the other `OTEL_*` variables through the SDK. A collector that is away costs one
//! warning and no call.

mod export;

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tavana_wire::FailureKind;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::config::{LogFormat, ProcessConfig, ProcessConfigError};

/// Libraries that tell their inner life at INFO and DEBUG. `--log-level h2=debug` brings one back.
const QUIET: &str = "h2=warn,hyper=warn,hyper_util=warn,opentelemetry=warn,opentelemetry_sdk=warn,\
                     opentelemetry_otlp=warn,rustls=warn,tonic=warn,tower=warn";
/// Only our own spans are exported. This is a prefix, so it stands for all our crates.
const OUR_TARGETS: &str = "tavana";
/// How long the end of the process waits for the collector.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log level cannot be read.
    #[error(transparent)]
    Settings(#[from] ProcessConfigError),
    /// An `OTEL_*` variable cannot be used.
    #[error("the OpenTelemetry settings in the environment cannot be used: {0}")]
    Export(String),
    /// It was started twice in one process.
    #[error("telemetry was started twice")]
    Twice,
}

impl TelemetryError {
    /// What went wrong, for exit messages.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Settings(error) => error.kind(),
            Self::Export(_) => FailureKind::InvalidRequest,
            Self::Twice => FailureKind::Internal,
        }
    }
}

/// The telemetry of a process. Dropped, it hands over the spans it still has.
#[derive(Debug)]
#[must_use = "dropping it ends the export of spans"]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Starts logging and the export of spans, as `service_name` unless `OTEL_SERVICE_NAME` says otherwise.
///
/// Call it once, inside a Tokio runtime of several threads. Panics are logged from then on, too: as
/// ERROR with their place, and with their message at DEBUG only, because it can hold data of users.
///
/// # Errors
/// [`TelemetryError`], before anything is started.
pub fn init(config: &ProcessConfig, service_name: &'static str) -> Result<Telemetry, TelemetryError> {
    let filter = log_filter(&config.log_level)?;
    let provider = export::provider(service_name, &|name| std::env::var(name).ok())?;
    let subscriber = subscriber(config.log_format, filter, provider.as_ref(), io::stderr);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(Telemetry { provider })
}

impl Telemetry {
    /// Hands over the spans that are left, within seconds.
    pub async fn shutdown(mut self) {
        if let Some(provider) = self.provider.take() {
            // The hand-over blocks its thread, while the connection needs this runtime.
            let _ = tokio::task::spawn_blocking(move || end(&provider)).await;
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take() {
            end(&provider);
        }
    }
}

fn end(provider: &SdkTracerProvider) {
    if let Err(error) = provider.shutdown_with_timeout(FLUSH_TIMEOUT) {
        tracing::warn!(%error, "the last spans were not exported");
    }
}

fn subscriber<W>(
    format: LogFormat,
    filter: EnvFilter,
    provider: Option<&SdkTracerProvider>,
    writer: W,
) -> impl tracing::Subscriber + Send + Sync + 'static
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt::layer().with_writer(writer);
    let log = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let spans = provider.map(|provider| {
        let ours = Targets::new().with_target(OUR_TARGETS, LevelFilter::INFO);
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(OUR_TARGETS));
        layer.with_location(false).with_threads(false).with_filter(ours)
    });
    Registry::default().with(log.with_filter(filter)).with(spans)
}

/// What to log, from `--log-level`.
pub(crate) fn log_filter(level: &str) -> Result<EnvFilter, ProcessConfigError> {
    let refused = |reason: String| ProcessConfigError::LogLevel { level: level.to_owned(), reason };
    for directive in level.split(',') {
        // Any word would be taken for the name of a part, and all others fall silent.
        let is_level = !directive.is_empty() && directive.parse::<LevelFilter>().is_ok();
        if !is_level && !directive.contains(['=', '[']) {
            return Err(refused(format!("`{directive}` is not one of error, warn, info, debug, trace and off")));
        }
    }
    EnvFilter::builder().parse(format!("{QUIET},{level}")).map_err(|error| refused(error.to_string()))
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(location, thread = thread.name(), "a part of the process panicked");
    let payload = panic.payload();
    let message = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    tracing::debug!(message, backtrace = %std::backtrace::Backtrace::capture(), "the panic");
}

/// Makes a span the child of the span that the caller's headers name (`traceparent`), if they name one.
pub fn adopt_parent(span: &Span, headers: &HeaderMap) {
    let parent = TraceContextPropagator::new().extract(&Headers(headers));
    if parent.span().span_context().is_valid() {
        // It fails only where nothing is exported.
        let _ = span.set_parent(parent);
    }
}

/// Names a span to whom we call next, as `traceparent`. Without export there is nothing to name, and the
/// headers stay as they are.
pub fn pass_on(span: &Span, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&span.context(), &mut HeadersMut(headers));
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
