//! The gateway as a service, in front of workers that answer as each test says.

mod cancel;
mod fake;
mod network;
mod relay;
mod route;
mod upload;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_flight::sql::{CommandGetCatalogs, CommandStatementQuery, ProstMessageExt as _};
use arrow_flight::{BasicAuth, FlightDescriptor, HandshakeRequest, HandshakeResponse, Ticket};
use prost::Message as _;
use tavana_wire::handle::{StatementTicket, Work};
use tavana_wire::{Handle, QueryId, Role, SealError, SessionState, headers};
use tonic::Code;
use tonic::body::Body;

use fake::{Fake, Outcome, Rig, data, defaults, ok, reply, request, session, with_body};

/// A statement, which may write.
fn statement() -> FlightDescriptor {
    let query = CommandStatementQuery { query: "insert into t values (1)".to_owned(), transaction_id: None };
    FlightDescriptor::new_cmd(query.as_any().encode_to_vec())
}

/// A question for metadata.
fn metadata() -> FlightDescriptor {
    FlightDescriptor::new_cmd(CommandGetCatalogs {}.as_any().encode_to_vec())
}

/// A ticket that any worker can serve.
fn ticket(rig: &Rig) -> Ticket {
    Ticket { ticket: rig.sealed(&session(None), Work::Statement(StatementTicket::default())) }
}

#[tokio::test]
async fn what_the_worker_says_passes_untouched() {
    let frames = [data(&[0; 100_000]), data(b"second"), data(b"")];
    let sent: Vec<*const u8> = frames.iter().map(|frame| frame.data_ref().unwrap().as_ptr()).collect();
    let frames = Arc::new(std::sync::Mutex::new(Some(frames)));
    let worker = Fake::new(move |_| {
        let frames = frames.lock().unwrap().take().unwrap();
        async {
            let mut reply = reply(frames.into_iter().chain([ok()]).map(Ok));
            reply.headers_mut().insert("x-header-of-the-worker", "kept".parse().unwrap());
            Ok(reply)
        }
    });
    let rig = Rig::new(&[&worker]).await;
    let outcome = rig.outcome(request("DoGet", &ticket(&rig))).await;
    assert_eq!(outcome.code(), Code::Ok);
    assert_eq!(outcome.headers.get("x-header-of-the-worker").unwrap(), "kept");
    assert_eq!(outcome.trailers.get("x-of-the-worker").unwrap(), "kept");
    let arrived: Vec<*const u8> = outcome.frames.iter().map(|frame| frame.as_ptr()).collect();
    assert_eq!(arrived, sent, "frames were copied");
    assert!(rig.metric("tavana_gateway_relayed_bytes_total", &[]) >= 100_006.0);
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["DoGet", "OK"]), 1.0);
    assert_eq!(rig.metric("tavana_gateway_calls_running", &[]), 0.0);
}

#[tokio::test]
async fn a_refusal_of_the_worker_passes_untouched() {
    let worker = Fake::new(async |_| Ok(tonic::Status::already_exists("table t").into_http()));
    let rig = Rig::new(&[&worker]).await;
    let response = rig.call(request("GetFlightInfo", &statement())).await;
    assert!(http_body::Body::is_end_stream(response.body()), "a trailers-only answer has no body");
    let outcome = Outcome::read(response).await;
    assert_eq!((outcome.code(), outcome.message().as_str()), (Code::AlreadyExists, "table t"));
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["GetFlightInfo", "ALREADY_EXISTS"]), 1.0);
}

#[tokio::test]
async fn a_worker_is_told_who_calls_and_believes_nothing_a_client_forged() {
    let worker = Fake::fine();
    let rig = Rig::new(&[&worker]).await;
    let session = session(None);
    let query = QueryId::random();
    let statement = StatementTicket { query_id: query.to_vec(), ..StatementTicket::default() };
    let ticket = Ticket { ticket: rig.sealed(&session, Work::Statement(statement)) };
    let mut request = request("DoGet", &ticket);
    for name in ["x-tavana-session", "x-tavana-service", "x-tavana-query-id", "x-tavana-grant", "cookie"] {
        request.headers_mut().insert(name, "forged".parse().unwrap());
    }
    request.headers_mut().insert("authorization", rig.bearer(&session).parse().unwrap());
    request.headers_mut().insert("grpc-timeout", "5S".parse().unwrap());
    assert_eq!(rig.outcome(request).await.code(), Code::Ok);

    let told = worker.headers.lock().unwrap().clone();
    let text = |name: &str| told.get(name).unwrap().to_str().unwrap();
    let open = |name: &str| rig.sealer.open_text(text(name), std::time::SystemTime::now());
    assert!(told.values().all(|value| value != "forged"), "{told:?}");
    assert!(!told.contains_key("authorization"));
    assert_eq!(open("x-tavana-session").and_then(Handle::into_session), Ok(session));
    assert!(matches!(open("x-tavana-service").unwrap().work, Some(Work::Service(_))));
    assert_eq!(text("x-tavana-session-kept"), "kept");
    assert_eq!(text("x-tavana-query-id"), query.to_string());
    let left = headers::grpc_timeout(&told).unwrap();
    assert!(left <= std::time::Duration::from_secs(6));
}

#[tokio::test]
async fn a_client_without_a_token_gets_one_it_can_come_back_with() {
    let worker = Fake::fine();
    let rig = Rig::new(&[&worker]).await;
    let first = rig.outcome(request("GetFlightInfo", &statement())).await;
    assert!(!worker.headers.lock().unwrap().contains_key("x-tavana-session-kept"));
    let token = headers::bearer(&first.headers).unwrap().to_owned();
    assert!(first.headers.get("set-cookie").unwrap().to_str().unwrap().contains(&token));

    let mut again = request("GetFlightInfo", &statement());
    again.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let second = rig.outcome(again).await;
    assert!(headers::bearer(&second.headers).is_none(), "a fresh token was replaced");
    let told = worker.headers.lock().unwrap().clone();
    let session = |text: &str| rig.sealer.open_text(text, std::time::SystemTime::now()).and_then(Handle::into_session);
    let told = session(told.get("x-tavana-session").unwrap().to_str().unwrap());
    assert_eq!(told, session(&token));
}

#[tokio::test]
async fn handles_of_others_end_here() {
    let worker = Fake::fine();
    let rig = Rig::new(&[&worker]).await;
    let refused = async |ticket: bytes::Bytes| {
        let outcome = rig.outcome(request("DoGet", &Ticket { ticket })).await;
        (outcome.code(), outcome.message())
    };
    let work = || Work::Statement(StatementTicket::default());
    let eve = SessionState::new("eve", Role::Admin);
    assert_eq!(refused(rig.sealed(&eve, work())).await.0, Code::PermissionDenied);
    let mut forged = rig.sealed(&session(None), work()).to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(refused(forged.into()).await, (Code::PermissionDenied, SealError::Forged.to_string()));
    let expired = Handle { session: Some(session(None)), expires_unix_ms: 1, work: Some(work()) };
    let expired = refused(rig.sealer.seal(&expired)).await;
    assert_eq!(expired, (Code::FailedPrecondition, SealError::Expired.to_string()));
    assert_eq!(worker.calls(), 0);
}

#[tokio::test]
async fn callers_that_cannot_be_known_end_here() {
    let worker = Fake::fine();
    let rig = Rig::new(&[&worker]).await;
    let mut forged = request("GetFlightInfo", &statement());
    forged.headers_mut().insert("authorization", "Bearer nonsense".parse().unwrap());
    let outcome = rig.outcome(forged).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unauthenticated, "unauthenticated"));
    assert_eq!(worker.calls(), 0);
}

#[tokio::test]
async fn malformed_requests_are_refused_with_the_reason() {
    let worker = Fake::fine();
    let rig = Rig::with(crate::GatewayConfig { max_message_bytes: 2000, ..defaults() }, &[&worker]).await;
    let large = Ticket { ticket: vec![7; 3000].into() };
    let large = rig.outcome(request("DoGet", &large)).await;
    assert_eq!(large.code(), Code::ResourceExhausted);
    assert!(large.message().contains("2000 bytes"), "{}", large.message());
    let noise =
        with_body("DoGet", Body::new(http_body_util::Full::new(bytes::Bytes::from_static(b"\0\0\0\0\x02\xff\xff"))));
    assert_eq!(rig.outcome(noise).await.code(), Code::InvalidArgument);
    assert_eq!(rig.outcome(with_body("DoGet", Body::empty())).await.code(), Code::InvalidArgument);
    assert_eq!(rig.outcome(with_body("Nothing", Body::empty())).await.code(), Code::Unimplemented);
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["other", "UNIMPLEMENTED"]), 1.0);
    assert_eq!(worker.calls(), 0);
}

#[tokio::test]
async fn a_handshake_gives_a_token_both_ways() {
    let worker = Fake::fine();
    let rig = Rig::new(&[&worker]).await;
    let check = async |request: http::Request<Body>| {
        let outcome = rig.outcome(request).await;
        assert_eq!(outcome.code(), Code::Ok);
        let message = crate::flight_sql::message::payload(&outcome.frames.concat().into()).unwrap();
        let payload = HandshakeResponse::decode(message).unwrap().payload;
        assert_eq!(headers::bearer(&outcome.headers).unwrap().as_bytes(), payload);
        let token = rig.sealer.open_text(std::str::from_utf8(&payload).unwrap(), std::time::SystemTime::now());
        assert_eq!(token.and_then(Handle::into_session).unwrap().principal, "tavana");
    };
    let auth = BasicAuth { username: "tavana".to_owned(), password: "secret".to_owned() };
    let payload = auth.encode_to_vec().into();
    check(request("Handshake", &HandshakeRequest { protocol_version: 0, payload })).await;
    check(with_body("Handshake", Body::empty())).await;
    // Such a client keeps its side open and sends nothing.
    let silent = futures::stream::pending::<Result<http_body::Frame<bytes::Bytes>, tonic::Status>>();
    let mut basic = with_body("Handshake", Body::new(http_body_util::StreamBody::new(silent)));
    basic.headers_mut().insert("authorization", "Basic dGF2YW5hOnNlY3JldA".parse().unwrap());
    check(basic).await;
    assert_eq!(worker.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn readiness_and_metrics_follow_the_workers() {
    let (one, two) = (Fake::fine(), Fake::fine());
    let rig = Rig::new(&[&one, &two]).await;
    assert_eq!(rig.readiness.reasons(), Vec::<String>::new());
    assert_eq!(rig.metric("tavana_gateway_workers", &["up"]), 2.0);
    one.draining.store(true, Ordering::SeqCst);
    two.draining.store(true, Ordering::SeqCst);
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(rig.metric("tavana_gateway_workers", &["draining"]), 2.0);
    assert_eq!(rig.metric("tavana_gateway_workers", &["up"]), 0.0);
    assert!(rig.readiness.reasons().join("").contains("none of 2 workers is up"), "{:?}", rig.readiness.reasons());
    let outcome = rig.outcome(request("GetFlightInfo", &statement())).await;
    assert_eq!(outcome.code(), Code::Unavailable);
    assert!(outcome.message().contains("draining"), "{}", outcome.message());
    one.draining.store(false, Ordering::SeqCst);
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(rig.outcome(request("GetFlightInfo", &statement())).await.code(), Code::Ok);
}

#[tokio::test]
async fn without_workers_a_call_says_what_to_check() {
    let rig = Rig::new(&[]).await;
    let outcome = rig.outcome(request("GetFlightInfo", &metadata())).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unavailable, "unavailable"));
    assert!(outcome.message().contains("--worker"), "{}", outcome.message());
}
