use super::*;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::{ServiceExt as _, service_fn};

const LIMITS: Limits =
    Limits { max_streams_per_connection: 100, max_connections: 10, drain_timeout: Duration::from_secs(60) };
const CHUNK: Bytes = Bytes::from_static(&[7; 100_000]);
const CHUNKS: usize = 200;

struct World {
    address: SocketAddr,
    drain: Drain,
    /// Lets calls to `/wait` and `/wait-in-body` go on.
    go: CancellationToken,
    serving: JoinHandle<()>,
}

async fn serving(limits: Limits) -> World {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let (address, drain, go) = (listener.address(), Drain::manual(), CancellationToken::new());
    let service = service_fn({
        let go = go.clone();
        move |request| answer(request, go.clone())
    });
    let serving = tokio::spawn(serve(listener, service, limits, drain.clone()));
    World { address, drain, go, serving }
}

fn trailers() -> Frame<Bytes> {
    let mut trailers = http::HeaderMap::new();
    Status::new(Code::Ok, "").add_header(&mut trailers).unwrap();
    Frame::trailers(trailers)
}

async fn answer(request: Request<Body>, go: CancellationToken) -> Result<Response<Body>, Infallible> {
    let data = || Ok::<_, Status>(Frame::data(CHUNK));
    let end = || tokio_stream::once(Ok(trailers()));
    let body = match request.uri().path() {
        "/large" => {
            Body::new(StreamBody::new(tokio_stream::iter(std::iter::repeat_with(data).take(CHUNKS)).chain(end())))
        }
        "/echo" => request.into_body(),
        "/panic" => panic!("in a handler"),
        "/panic-in-body" => Body::new(StreamBody::new(
            tokio_stream::once(data()).chain(tokio_stream::once(()).map(|()| panic!("in a body"))),
        )),
        "/error-in-body" => Body::new(StreamBody::new(
            tokio_stream::iter([data(), Err(Status::new(Code::DataLoss, "lost"))]).chain(end()),
        )),
        "/wait" => {
            go.cancelled().await;
            Body::new(StreamBody::new(end()))
        }
        "/wait-in-body" => {
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(async move {
                sender.send(data()).await.unwrap();
                go.cancelled().await;
                // Nobody is there to take it when the call was cut.
                let _ = sender.send(Ok(trailers())).await;
            });
            Body::new(StreamBody::new(ReceiverStream::new(receiver)))
        }
        path => panic!("nobody asks for {path}"),
    };
    Ok(Response::new(body))
}

async fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// A call that has begun to answer, and waits.
async fn begun(channel: &Channel) -> Body {
    let request = Request::post("http://localhost/wait-in-body").body(Body::empty()).unwrap();
    let mut body = channel.clone().oneshot(request).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    body
}

/// The bytes of an answer and its gRPC status.
async fn call(channel: &Channel, path: &str, body: Body) -> Result<(usize, Status), String> {
    let request = Request::post(format!("http://localhost{path}")).body(body).unwrap();
    let response = channel.clone().oneshot(request).await.map_err(|error| error.to_string())?;
    if let Some(status) = Status::from_header_map(response.headers()) {
        return Ok((0, status));
    }
    let collected = response.into_body().collect().await.map_err(|error| error.to_string())?;
    let status = collected.trailers().and_then(Status::from_header_map);
    let status = status.unwrap_or_else(|| Status::new(Code::Ok, "no trailers"));
    Ok((collected.to_bytes().len(), status))
}

#[tokio::test]
async fn large_results_and_requests_arrive_whole() {
    let world = serving(LIMITS).await;
    let channel = channel(world.address).await;
    let (bytes, status) = call(&channel, "/large", Body::empty()).await.unwrap();
    assert_eq!((bytes, status.code(), status.message()), (CHUNKS * CHUNK.len(), Code::Ok, ""));
    let chunks = std::iter::repeat_with(|| Ok::<_, Status>(Frame::data(CHUNK))).take(CHUNKS);
    let body = Body::new(StreamBody::new(tokio_stream::iter(chunks)));
    assert_eq!(call(&channel, "/echo", body).await.unwrap().0, CHUNKS * CHUNK.len());
}

#[tokio::test]
async fn every_call_gets_an_answer_even_when_its_handler_panics() {
    let world = serving(LIMITS).await;
    let channel = channel(world.address).await;
    for (path, code) in
        [("/panic", Code::Internal), ("/panic-in-body", Code::Internal), ("/error-in-body", Code::DataLoss)]
    {
        let (_, status) = call(&channel, path, Body::empty()).await.unwrap();
        assert_eq!(status.code(), code, "{path}");
        assert!(!status.message().contains("in a"), "{status}");
    }
    // The connection has survived all of it.
    assert_eq!(call(&channel, "/large", Body::empty()).await.unwrap().0, CHUNKS * CHUNK.len());
}

#[tokio::test]
async fn a_drain_lets_running_calls_end() {
    let world = serving(LIMITS).await;
    let channel = channel(world.address).await;
    let running = tokio::spawn({
        let channel = channel.clone();
        async move { call(&channel, "/wait", Body::empty()).await.unwrap() }
    });
    let body = begun(&channel).await;
    world.drain.request();
    while tokio::net::TcpStream::connect(world.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!world.serving.is_finished());
    world.go.cancel();
    assert_eq!(running.await.unwrap().1.code(), Code::Ok);
    assert!(body.collect().await.unwrap().trailers().is_some());
    world.serving.await.unwrap();
}

#[tokio::test]
async fn calls_that_outlive_the_drain_are_told_that_their_outcome_is_unknown() {
    let world = serving(Limits { drain_timeout: Duration::ZERO, ..LIMITS }).await;
    let channel = channel(world.address).await;
    let waiting = ["/wait", "/wait-in-body"].map(|path| {
        let channel = channel.clone();
        tokio::spawn(async move { call(&channel, path, Body::empty()).await })
    });
    let body = begun(&channel).await;
    world.drain.request();
    for call in waiting {
        let (_, status) = call.await.unwrap().unwrap();
        assert_eq!(status.code(), Code::Unknown);
        assert!(status.message().contains("not known"), "{status}");
    }
    let collected = body.collect().await.unwrap();
    let status = Status::from_header_map(collected.trailers().unwrap()).unwrap();
    assert_eq!(status.code(), Code::Unknown);
    world.serving.await.unwrap();
}

#[tokio::test]
async fn connections_past_the_limit_are_closed() {
    let world = serving(Limits { max_connections: 1, ..LIMITS }).await;
    let first = channel(world.address).await;
    assert!(call(&first, "/large", Body::empty()).await.is_ok());
    let second = Endpoint::from_shared(format!("http://{}", world.address)).unwrap().connect_lazy();
    assert!(call(&second, "/large", Body::empty()).await.is_err());
    assert!(call(&first, "/large", Body::empty()).await.is_ok());
}
