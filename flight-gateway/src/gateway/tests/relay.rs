//! How calls end: cuts, deadlines, clients that leave or do not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tonic::{Code, Status};

use super::fake::{Fake, Outcome, Rig, data, defaults, not_connected, ok, reply, request, streamed};
use super::{metadata, statement, ticket};
use crate::GatewayConfig;

/// Says when it is dropped.
struct Guard(Arc<AtomicBool>);

impl Guard {
    fn alive(&self) {
        assert!(!self.0.load(Ordering::SeqCst));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What comes behind the first frame.
type End = fn() -> Option<Result<Frame<bytes::Bytes>, Status>>;

/// A worker that delivers one frame and then breaks in the given way.
fn cut(how: End) -> Fake {
    Fake::new(move |_| async move { Ok(reply([Ok(data(b"a part"))].into_iter().chain(how()))) })
}

#[tokio::test]
async fn a_cut_answer_is_never_shown_as_whole() {
    let ways: [End; 3] = [
        || None,
        || Some(Err(Status::internal("connection reset"))),
        || Some(Ok(Frame::trailers(http::HeaderMap::new()))),
    ];
    for how in ways {
        let worker = cut(how);
        let rig = Rig::new(&[&worker]).await;
        let check = async |request: http::Request<tonic::body::Body>, code: Code, failure: &str| {
            let outcome = rig.outcome(request).await;
            assert_eq!(outcome.frames, ["a part"], "what arrived before the cut is delivered");
            assert_eq!((outcome.code(), outcome.failure().as_str()), (code, failure));
        };
        check(request("DoGet", &ticket(&rig)), Code::Unavailable, "result_lost").await;
        check(request("GetFlightInfo", &statement()), Code::Unknown, "outcome_unknown").await;
        check(request("GetFlightInfo", &metadata()), Code::Unavailable, "unavailable").await;
        check(request("GetSchema", &statement()), Code::Unavailable, "unavailable").await;
        assert_eq!(rig.metric("tavana_gateway_calls_total", &["DoGet", "UNAVAILABLE"]), 1.0);
        assert_eq!(worker.calls(), 4, "a call that was sent is never sent again");
    }
}

#[tokio::test]
async fn a_call_lost_before_its_answer_is_not_sent_again() {
    let lossy = || Fake::new(async |_| Err("connection reset by peer".into()));
    let (one, two) = (lossy(), lossy());
    let rig = Rig::new(&[&one, &two]).await;
    let outcome = rig.outcome(request("GetFlightInfo", &statement())).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unknown, "outcome_unknown"));
    assert_eq!(one.calls() + two.calls(), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_counts_as_lost() {
    let worker = Fake::new(async |_| {
        let mut page = http::Response::new(tonic::body::Body::empty());
        *page.status_mut() = http::StatusCode::BAD_GATEWAY;
        Ok(page)
    });
    let rig = Rig::new(&[&worker]).await;
    let outcome = rig.outcome(request("DoGet", &ticket(&rig))).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unavailable, "result_lost"));
}

#[tokio::test]
async fn a_call_that_never_left_goes_to_another_worker_once() {
    let dead = Fake::new(async |_| Err(not_connected()));
    let fine = Fake::fine();
    let rig = Rig::new(&[&dead, &fine]).await;
    let outcome = rig.outcome(request("GetFlightInfo", &metadata())).await;
    assert_eq!(outcome.code(), Code::Ok);
    assert_eq!((dead.calls(), fine.calls()), (1, 1));
    // The dead one is out; the next call goes straight to the other.
    assert_eq!(rig.outcome(request("GetFlightInfo", &metadata())).await.code(), Code::Ok);
    assert_eq!((dead.calls(), fine.calls()), (1, 2));

    let (one, two, three) = (dead.clone(), dead.clone(), dead.clone());
    let rig = Rig::new(&[&one, &two, &three]).await;
    let before = dead.calls();
    let outcome = rig.outcome(request("GetFlightInfo", &statement())).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unavailable, "unavailable"));
    assert_eq!(dead.calls() - before, 2);
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_its_worker() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let worker = Fake::new(move |_| {
        let count = count.clone();
        let frames = stream::repeat_with(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(data(&[0; 1 << 16]))
        });
        async { Ok(streamed(frames)) }
    });
    let rig = Rig::new(&[&worker]).await;
    let mut response = rig.call(request("DoGet", &ticket(&rig))).await;
    assert_eq!(made.load(Ordering::SeqCst), 0, "nobody asked for a frame yet");
    for read in 1..=3 {
        response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(made.load(Ordering::SeqCst), read, "frames were made ahead of the client");
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_workers_call() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let worker = Fake::new(move |_| {
        let guard = Guard(flag.clone());
        let frames = stream::iter([Ok(data(b"first"))]).chain(stream::pending());
        async { Ok(streamed(frames.inspect(move |_| guard.alive()))) }
    });
    let rig = Rig::new(&[&worker]).await;
    let mut response = rig.call(request("DoGet", &ticket(&rig))).await;
    response.body_mut().frame().await.unwrap().unwrap();
    assert!(!dropped.load(Ordering::SeqCst));
    assert_eq!(rig.metric("tavana_gateway_calls_running", &[]), 1.0);
    drop(response);
    assert!(dropped.load(Ordering::SeqCst), "the worker's call goes on");
    assert_eq!(rig.metric("tavana_gateway_calls_running", &[]), 0.0);
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["DoGet", "CANCELLED"]), 1.0);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_ends_the_workers_call() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let worker = Fake::new(move |_| {
        let guard = Guard(flag.clone());
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    let rig = Rig::new(&[&worker]).await;
    let mut call = Box::pin(rig.call(request("GetFlightInfo", &statement())));
    tokio::select! {
        _ = &mut call => unreachable!("it was answered"),
        () = worker.asked(1) => {}
    }
    drop(call);
    assert!(dropped.load(Ordering::SeqCst));
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["GetFlightInfo", "CANCELLED"]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn the_gateways_time_limit_ends_a_call_without_an_answer() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let worker = Fake::new(move |_| {
        let guard = Guard(flag.clone());
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    let rig = Rig::with(GatewayConfig { query_timeout_seconds: 30, ..defaults() }, &[&worker]).await;
    let started = tokio::time::Instant::now();
    let outcome = rig.outcome(request("GetFlightInfo", &statement())).await;
    assert_eq!((outcome.code(), started.elapsed().as_secs()), (Code::DeadlineExceeded, 30));
    assert!(outcome.message().contains("30 s"), "{}", outcome.message());
    assert!(dropped.load(Ordering::SeqCst));
    // Sizing it took a part of the time.
    let told = worker.headers.lock().unwrap().get("grpc-timeout").unwrap().to_str().unwrap().to_owned();
    let millis: u32 = told.trim_end_matches('m').parse().unwrap();
    assert!((30_000..=31_000).contains(&millis), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_clients_deadline_ends_a_result_that_is_under_way() {
    let worker = Fake::new(async |_| Ok(streamed(stream::iter([Ok(data(b"first"))]).chain(stream::pending()))));
    let rig = Rig::new(&[&worker]).await;
    let mut request = request("DoGet", &ticket(&rig));
    request.headers_mut().insert("grpc-timeout", "2S".parse().unwrap());
    let started = tokio::time::Instant::now();
    let outcome = rig.outcome(request).await;
    assert_eq!(outcome.frames, ["first"]);
    assert_eq!((outcome.code(), started.elapsed().as_secs()), (Code::DeadlineExceeded, 2));
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["DoGet", "DEADLINE_EXCEEDED"]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_workers_call_though_the_client_does_not_read() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let worker = Fake::new(move |_| {
        let guard = Guard(flag.clone());
        let frames = stream::repeat_with(|| Ok(data(b"more"))).inspect(move |_| guard.alive());
        async { Ok(streamed(frames)) }
    });
    let rig = Rig::new(&[&worker]).await;
    let mut request = request("DoGet", &ticket(&rig));
    request.headers_mut().insert("grpc-timeout", "2S".parse().unwrap());
    let response = rig.call(request).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(dropped.load(Ordering::SeqCst), "the worker still works for nobody");
    let outcome = Outcome::read(response).await;
    assert_eq!((outcome.code(), outcome.frames.len()), (Code::DeadlineExceeded, 0));
}

#[tokio::test(start_paused = true)]
async fn an_ended_call_is_left_alone_by_its_deadline() {
    let worker = Fake::new(async |_| Ok(reply([Ok(data(b"all")), Ok(ok())])));
    let rig = Rig::with(GatewayConfig { query_timeout_seconds: 1, ..defaults() }, &[&worker]).await;
    let mut response = rig.call(request("DoGet", &ticket(&rig))).await;
    while response.body_mut().frame().await.is_some() {}
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(response);
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["DoGet", "OK"]), 1.0);
    assert_eq!(rig.metric("tavana_gateway_calls_total", &["DoGet"]), 1.0);
}
