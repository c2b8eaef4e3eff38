//! The way of spans to a collector.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Key;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

use super::TelemetryError;

/// The variables that name a collector; the first that is set counts.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// The variables that name the protocol; the first that is set counts.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// What makes and exports spans; `None` when no collector is named.
pub(super) fn provider(
    service_name: &'static str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    let first = |names: [&str; 2]| names.into_iter().filter_map(variable).find(|value| !value.is_empty());
    let Some(endpoint) = first(ENDPOINTS) else { return Ok(None) };
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if disabled || variable("OTEL_TRACES_EXPORTER").as_deref() == Some("none") {
        return Ok(None);
    }
    if let Some(protocol) = first(PROTOCOLS).filter(|protocol| protocol != "grpc") {
        let message = format!("the OTLP protocol `{protocol}` is not supported, only grpc is");
        return Err(TelemetryError::Export(message));
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| TelemetryError::Export(error.to_string()))?;
    let exporter = Told { exporter, broken: AtomicBool::new(false) };
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource(service_name));
    Ok(Some(provider.build()))
}

/// What the environment says about this process; its name is ours unless it is given there.
fn resource(service_name: &'static str) -> Resource {
    let named = |resource: &Resource| {
        let name = resource.get(&Key::new("service.name"));
        name.is_some_and(|name| !name.as_str().starts_with("unknown_service"))
    };
    let resource = Resource::builder().build();
    if named(&resource) { resource } else { Resource::builder().with_service_name(service_name).build() }
}

/// An exporter that tells once when the collector goes away, and once when it is back. The SDK would tell
/// each failed batch as an ERROR.
#[derive(Debug)]
struct Told<E> {
    exporter: E,
    broken: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let was_broken = self.broken.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !was_broken => {
                tracing::warn!(%error, "spans cannot be exported; they are dropped until the collector is back");
            }
            Ok(()) if was_broken => tracing::info!("spans are exported again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_sdk::error::OTelSdkError;
    use std::sync::{Arc, Mutex};
    use tracing::{Event, Level, Metadata, span};

    /// An exporter whose collector goes away and comes back.
    #[derive(Debug)]
    struct Flaky(AtomicBool);

    impl SpanExporter for Flaky {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            if self.0.load(Ordering::Relaxed) { Err(OTelSdkError::InternalFailure("away".to_owned())) } else { Ok(()) }
        }
    }

    /// Notes the levels of what is logged.
    #[derive(Clone, Default)]
    struct Levels(Arc<Mutex<Vec<Level>>>);

    impl tracing::Subscriber for Levels {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[tokio::test]
    async fn a_collector_that_is_away_is_told_once_and_once_when_it_is_back() {
        let levels = Levels::default();
        let _logging = tracing::subscriber::set_default(levels.clone());
        let told = Told { exporter: Flaky(AtomicBool::new(false)), broken: AtomicBool::new(false) };
        for away in [false, true, true, true, false, false] {
            told.exporter.0.store(away, Ordering::Relaxed);
            assert_eq!(told.export(Vec::new()).await.is_err(), away);
        }
        assert_eq!(*levels.0.lock().unwrap(), [Level::WARN, Level::INFO]);
    }
}
