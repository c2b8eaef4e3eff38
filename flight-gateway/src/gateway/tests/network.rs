//! Workers at real addresses, on loopback: what only real connections can show.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http_body_util::BodyExt as _;
use tavana_daemon::drain::Drain;
use tavana_daemon::grpc;
use tavana_daemon::listen::{Listener, TlsFiles};
use tokio::task::JoinHandle;
use tonic::Code;
use tower::service_fn;

use super::fake::{Fake, Outcome, Rig, data, defaults, ok, reply, request, streamed};
use super::{metadata, statement, ticket};
use crate::WorkerEndpoint;

/// A worker process, as far as its peers can tell.
struct Process {
    uri: String,
    server: JoinHandle<()>,
}

impl Process {
    async fn start(fake: &Fake, tls: Option<TlsFiles>) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls).await.unwrap();
        let uri = listener.uri().replace("127.0.0.1", "localhost");
        let fake = fake.clone();
        let service = service_fn(move |request| {
            let fake = fake.clone();
            async move { Ok(fake.answer(request).await.unwrap()) }
        });
        let limits =
            grpc::Limits { max_streams_per_connection: 100, max_connections: 100, drain_timeout: Duration::ZERO };
        let server = tokio::spawn(grpc::serve(listener, service, limits, Drain::manual()));
        Self { uri, server }
    }

    /// Ends it as `kill -9` does: every connection is cut.
    async fn kill(self) {
        self.server.abort();
        assert!(self.server.await.unwrap_err().is_cancelled());
    }
}

#[tokio::test]
async fn a_worker_at_an_address_serves_like_one_in_the_process() {
    let large = Bytes::from(vec![7; 5 << 20]);
    let sent = large.clone();
    let fake = Fake::new(move |_| {
        let frames = [Ok(http_body::Frame::data(sent.clone())), Ok(ok())];
        async { Ok(reply(frames)) }
    });
    let process = Process::start(&fake, None).await;
    let rig = Rig::over(defaults(), vec![WorkerEndpoint::remote(&process.uri, None).unwrap()]).await;
    assert_eq!(rig.readiness.reasons(), Vec::<String>::new());
    let outcome = rig.outcome(request("DoGet", &ticket(&rig))).await;
    assert_eq!(outcome.code(), Code::Ok);
    assert_eq!(outcome.frames.concat(), large);
    assert_eq!(outcome.trailers.get("x-of-the-worker").unwrap(), "kept");
    process.kill().await;
}

#[tokio::test]
async fn wherever_a_worker_is_killed_its_result_is_never_shown_as_whole() {
    const FRAMES: usize = 6;
    for killed_after in 0..FRAMES {
        let fake = Fake::new(|_| async {
            // The end never comes: it is the kill that ends the result.
            let frames = stream::repeat_with(|| Ok(data(&[7; 1000]))).take(FRAMES);
            Ok(streamed(frames.chain(stream::pending())))
        });
        let process = Process::start(&fake, None).await;
        let rig = Rig::over(defaults(), vec![WorkerEndpoint::remote(&process.uri, None).unwrap()]).await;
        let mut response = rig.call(request("DoGet", &ticket(&rig))).await;
        let mut read = 0;
        while read < killed_after * 1000 {
            let frame = response.body_mut().frame().await.unwrap().unwrap();
            read += frame.data_ref().unwrap().len();
        }
        process.kill().await;
        let outcome = Outcome::read(response).await;
        assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unavailable, "result_lost"), "{killed_after}");
        // Gone for good: the next call finds nobody.
        let outcome = rig.outcome(request("GetFlightInfo", &metadata())).await;
        assert_eq!(outcome.code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn a_worker_killed_in_a_statement_leaves_its_outcome_unknown() {
    let began = Arc::new(tokio::sync::Notify::new());
    let begin = began.clone();
    let fake = Fake::new(move |_| {
        begin.notify_one();
        std::future::pending()
    });
    let process = Process::start(&fake, None).await;
    let rig = Rig::over(defaults(), vec![WorkerEndpoint::remote(&process.uri, None).unwrap()]).await;
    let kill = async {
        began.notified().await;
        process.kill().await;
    };
    let (outcome, ()) = tokio::join!(rig.outcome(request("GetFlightInfo", &statement())), kill);
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unknown, "outcome_unknown"));
    assert_eq!(fake.calls(), 1);
}

/// Every result that is not read fills the window of its stream, but takes nothing that others need.
#[tokio::test]
async fn results_that_nobody_reads_stop_no_other() {
    const UNREAD: usize = 16;
    const WINDOW_BYTES: usize = 4 << 20;
    let (made_send, mut made) = tokio::sync::watch::channel(0);
    let fake = Fake::new(move |request| {
        let made = made_send.clone();
        async move {
            if request.uri().path().ends_with("/GetFlightInfo") {
                return Ok(reply([Ok(data(b"fine")), Ok(ok())]));
            }
            let frame = Bytes::from(vec![7; 1 << 18]);
            Ok(streamed(stream::repeat_with(move || {
                made.send_modify(|bytes| *bytes += frame.len());
                Ok(http_body::Frame::data(frame.clone()))
            })))
        }
    });
    let process = Process::start(&fake, None).await;
    let rig = Rig::over(defaults(), vec![WorkerEndpoint::remote(&process.uri, None).unwrap()]).await;
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        unread.push(rig.call(request("DoGet", &ticket(&rig))).await);
    }
    let filled = made.wait_for(|bytes| *bytes >= UNREAD * WINDOW_BYTES);
    tokio::time::timeout(Duration::from_secs(60), filled).await.expect("results share a window").unwrap();
    for _ in 0..UNREAD {
        assert_eq!(rig.outcome(request("GetFlightInfo", &statement())).await.code(), Code::Ok);
    }
    drop(unread);
    process.kill().await;
}

#[tokio::test]
async fn workers_are_called_over_tls() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    let fake = Fake::fine();
    let process = Process::start(&fake, Some(files.clone())).await;
    assert!(process.uri.starts_with("grpc+tls://"), "{}", process.uri);

    let trusted = WorkerEndpoint::remote(&process.uri, Some(&files.certificate)).unwrap();
    let rig = Rig::over(defaults(), vec![trusted]).await;
    assert_eq!(rig.outcome(request("GetFlightInfo", &statement())).await.code(), Code::Ok);

    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let stranger = folder.path().join("other.pem");
    std::fs::write(&stranger, other.cert.pem()).unwrap();
    let untrusted = WorkerEndpoint::remote(&process.uri, Some(&stranger)).unwrap();
    let rig = Rig::over(defaults(), vec![untrusted]).await;
    assert_eq!(rig.outcome(request("GetFlightInfo", &statement())).await.code(), Code::Unavailable);
    assert_eq!(fake.calls(), 1);
    process.kill().await;
}
