//! Uploads: read no further than needed, and never ended by anybody but their client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_flight::FlightData;
use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tavana_daemon::drain::Drain;
use tavana_daemon::grpc;
use tavana_daemon::listen::Listener;
use tokio::sync::{mpsc, oneshot};
use tonic::body::Body;
use tonic::{Code, Status};

use super::fake::{Fake, Rig, data, defaults, not_connected, ok, reply, with_body};
use super::statement;
use crate::GatewayConfig;
use crate::flight_sql::message;

/// An upload, frame by frame as the test sends them.
fn upload() -> (mpsc::Sender<Result<Frame<Bytes>, Status>>, http::Request<Body>) {
    let (send, mut receive) = mpsc::channel(16);
    let frames = stream::poll_fn(move |cx| receive.poll_recv(cx));
    (send, with_body("DoPut", Body::new(StreamBody::new(frames))))
}

fn first_message() -> Bytes {
    message::encode(&FlightData { flight_descriptor: Some(statement()), ..FlightData::default() })
}

/// A worker that reads an upload to its end and says how that came.
fn reader() -> (Fake, oneshot::Receiver<Result<Bytes, Status>>) {
    let (send, receive) = oneshot::channel();
    let send = Arc::new(Mutex::new(Some(send)));
    let worker = Fake::new(move |request| {
        let send = send.lock().unwrap().take();
        async {
            // A task of its own, as servers have it: the end of the call does not end the reading.
            tokio::spawn(async {
                let read = request.into_body().collect().await.map(|all| all.to_bytes());
                let _ = send.map(|send| send.send(read));
            });
            Ok(super::fake::streamed(stream::pending()))
        }
    });
    (worker, receive)
}

#[tokio::test]
async fn an_upload_passes_frame_by_frame() {
    let (seen_send, mut seen) = mpsc::unbounded_channel();
    let worker = Fake::new(move |request| {
        let seen = seen_send.clone();
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                seen.send(frame?.into_data().unwrap()).unwrap();
            }
            Ok(reply([Ok(data(b"done")), Ok(ok())]))
        }
    });
    let rig = Rig::new(&[&worker]).await;
    let (send, request) = upload();
    let frames = [first_message(), Bytes::from_static(b"\x01not a message"), Bytes::from(vec![5; 1 << 20])];
    let mut outcome = Box::pin(rig.outcome(request));
    for frame in &frames {
        send.send(Ok(Frame::data(frame.clone()))).await.unwrap();
        let arrived = loop {
            assert!(futures::poll!(&mut outcome).is_pending());
            match seen.try_recv() {
                Ok(arrived) => break arrived,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(arrived.as_ptr(), frame.as_ptr(), "a frame was copied or kept back");
    }
    drop(send);
    assert_eq!(outcome.await.code(), Code::Ok);
}

#[tokio::test]
async fn an_upload_that_never_left_goes_to_another_worker() {
    let (dead, fine) = (Fake::new(async |_| Err(not_connected())), Fake::fine());
    let rig = Rig::new(&[&dead, &fine]).await;
    let (send, request) = upload();
    send.send(Ok(Frame::data(first_message()))).await.unwrap();
    drop(send);
    let outcome = rig.outcome(request).await;
    assert_eq!(outcome.code(), Code::Ok);
    assert_eq!(fine.calls(), 1);
}

#[tokio::test]
async fn a_worker_lost_in_an_upload_leaves_its_outcome_unknown() {
    let worker = Fake::new(async |_| Ok(reply([Ok(data(b"a part"))])));
    let rig = Rig::new(&[&worker]).await;
    let (send, request) = upload();
    send.send(Ok(Frame::data(first_message()))).await.unwrap();
    let outcome = rig.outcome(request).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unknown, "outcome_unknown"));
}

#[tokio::test(start_paused = true)]
async fn an_upload_past_its_deadline_never_ends_well() {
    let (worker, read) = reader();
    let rig = Rig::with(GatewayConfig { query_timeout_seconds: 5, ..defaults() }, &[&worker]).await;
    let (send, request) = upload();
    send.send(Ok(Frame::data(first_message()))).await.unwrap();
    let outcome = rig.outcome(request).await;
    assert_eq!(outcome.code(), Code::DeadlineExceeded);
    // The worker hears of it though the client still keeps its side open.
    assert_eq!(read.await.unwrap().unwrap_err().code(), Code::Cancelled);
    drop(send);
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_broken_off_the_moment_its_answer_is_given_up() {
    let (worker, read) = reader();
    let rig = Rig::with(GatewayConfig { query_timeout_seconds: 5, ..defaults() }, &[&worker]).await;
    let (send, request) = upload();
    send.send(Ok(Frame::data(first_message()))).await.unwrap();
    let response = rig.call(request).await;
    drop(response);
    drop(send);
    assert_eq!(read.await.unwrap().unwrap_err().code(), Code::Cancelled);
}

#[tokio::test]
async fn an_upload_that_its_client_resets_is_not_complete() {
    let (worker, read) = reader();
    let rig = Rig::new(&[&worker]).await;
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = listener.address();
    let limits = grpc::Limits { max_streams_per_connection: 10, max_connections: 10, drain_timeout: Duration::ZERO };
    let drain = Drain::manual();
    let server = tokio::spawn(grpc::serve(listener, rig.gateway.clone(), limits, drain.clone()));

    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let connection = tokio::spawn(connection);
    let head = with_body("DoPut", Body::empty()).map(|_| ());
    let (response, mut request) = client.ready().await.unwrap().send_request(head, false).unwrap();
    request.send_data(first_message(), false).unwrap();
    // The answer's headers show that the worker has begun to read.
    let response = response.await.unwrap();
    request.send_reset(h2::Reason::CANCEL);
    assert!(read.await.unwrap().is_err(), "an upload that was broken off looked complete");

    drop(response);
    connection.abort();
    drain.request();
    server.await.unwrap();
}
