use super::*;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged by `logging` in this form and at this level.
fn logged(format: LogFormat, level: &str, logging: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = subscriber(format, log_filter(level).unwrap(), None, move || writer.clone());
    tracing::subscriber::with_default(subscriber, logging);
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_log_line_is_text_without_colour_or_json() {
    let logging = || tracing::info!(rows = 3, "done");
    let text = logged(LogFormat::Text, "info", logging);
    assert!(text.contains("INFO") && text.ends_with("done rows=3\n"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
    let json = logged(LogFormat::Json, "info", logging);
    assert!(json.starts_with("{\"timestamp\":") && json.contains("\"message\":\"done\",\"rows\":3"), "{json}");
    assert_eq!(json.lines().count(), 1);
}

#[test]
fn the_level_is_for_our_parts_and_libraries_stay_quiet() {
    let logging = || {
        tracing::debug!("ours");
        tracing::debug!(target: "h2::codec", "theirs");
        tracing::warn!(target: "h2::codec", "warning");
    };
    let count = |level: &str| {
        let log = logged(LogFormat::Text, level, logging);
        ["ours", "theirs", "warning"].map(|word| log.contains(word))
    };
    assert_eq!(count("info"), [false, false, true]);
    assert_eq!(count("debug"), [true, false, true]);
    assert_eq!(count("debug,h2=debug"), [true, true, true]);
    assert_eq!(count("warn,tavana_daemon=debug"), [true, false, true]);
    for wrong in ["verbose", "info,loud", "tavana=loud", ""] {
        let error = log_filter(wrong).unwrap_err();
        assert!(error.to_string().contains("--log-level"), "{wrong}: {error}");
    }
}

#[test]
fn a_panic_tells_its_place_and_keeps_its_message_for_debug() {
    let panicking = || {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        let _ = std::panic::catch_unwind(|| panic!("value of a user"));
        std::panic::set_hook(hook);
    };
    let log = logged(LogFormat::Text, "info", panicking);
    assert!(log.contains("ERROR") && log.contains("telemetry/tests.rs"), "{log}");
    assert!(!log.contains("value of a user"), "{log}");
    assert!(logged(LogFormat::Text, "debug", panicking).contains("value of a user"));
}

/// A collector that hands on what it gets.
struct Collector(mpsc::UnboundedSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_spans_reach_the_collector_and_keep_their_trace() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut collected) = mpsc::unbounded_channel();
    let server = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(sender)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let server = tokio::spawn(server);

    let variable = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| endpoint.clone());
    let provider = export::provider("tavana-test", &variable).unwrap().unwrap();
    let filter = log_filter("error").unwrap();
    let subscriber = subscriber(LogFormat::Text, filter, Some(&provider), io::sink);
    let passed_on = tracing::subscriber::with_default(subscriber, || {
        let mut headers = HeaderMap::new();
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", HeaderValue::from_static(parent));
        let span = tracing::info_span!("query", rows = 3);
        adopt_parent(&span, &headers);
        let mut passed_on = HeaderMap::new();
        pass_on(&span, &mut passed_on);
        let _theirs = tracing::info_span!(target: "h2", "frame");
        passed_on.get("traceparent").unwrap().to_str().unwrap().to_owned()
    });
    Telemetry { provider: Some(provider) }.shutdown().await;
    server.abort();

    let request = collected.recv().await.unwrap();
    let [resource_spans] = &request.resource_spans[..] else { panic!("{request:?}") };
    let resource = format!("{:?}", resource_spans.resource);
    assert!(resource.contains("tavana-test"), "{resource}");
    let spans: Vec<_> = resource_spans.scope_spans.iter().flat_map(|scope| &scope.spans).collect();
    let [span] = &spans[..] else { panic!("{spans:?}") };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(span.name, "query");
    assert_eq!(hex(&span.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&span.parent_span_id), "b7ad6b7169203331");
    assert_eq!(passed_on, format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", hex(&span.span_id)));
}

#[tokio::test]
async fn export_follows_the_usual_variables() {
    let started = |set: &[(&str, &str)]| {
        let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        export::provider("tavana-test", &variable).map(|provider| provider.is_some())
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
    assert!(!started(&[]).unwrap());
    assert!(!started(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap());
    assert!(started(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap());
    assert!(!started(&[endpoint, ("OTEL_SDK_DISABLED", "true")]).unwrap());
    assert!(!started(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]).unwrap());
    let error = started(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]).unwrap_err();
    assert!(error.to_string().contains("http/protobuf"), "{error}");
    assert!(started(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "no such thing")]).is_err());
}
