//! The one call that the gateway answers itself: logging in.
//!
//! Clients log in with an `authorization` header and no message (ADBC, JDBC, pyarrow's
//! `authenticate_basic_token`), or with a message and no header (Flight's older authentication
//! handlers). Both get the token both ways: as a header and as the reply's payload.

use arrow_flight::{HandshakeRequest, HandshakeResponse};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use tavana_daemon::login::Login;
use tavana_wire::{Failure, headers};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::error::GatewayError;
use crate::flight_sql::{Limits, Method, PeekError, message};
use crate::metrics::Record;

/// The version of Flight's handshake messages.
const PROTOCOL_VERSION: u64 = 0;

/// Logs a client in.
pub(crate) async fn answer(
    login: &Login,
    limits: Limits,
    request: http::Request<Body>,
    record: &Record,
) -> Result<http::Response<Body>, GatewayError> {
    let (parts, body) = request.into_parts();
    let payload = match parts.headers.contains_key(header::AUTHORIZATION) {
        // Such clients may keep their side open without ever sending a message.
        true => None,
        false => message::read(Method::Handshake, body, limits).await?.0,
    };
    let payload = payload.map(HandshakeRequest::decode).transpose().map_err(PeekError::from)?;
    let payload = payload.map(|request| request.payload);
    let (session, token) = login.handshake(&parts.headers, payload.as_deref()).await.map_err(Failure::from)?;
    record.note("principal", &session.principal);
    record.end(Code::Ok);
    Ok(reply(&token))
}

fn reply(token: &str) -> http::Response<Body> {
    let message = HandshakeResponse { protocol_version: PROTOCOL_VERSION, payload: token.to_owned().into() };
    let mut trailers = HeaderMap::new();
    // An empty message is always a valid header value.
    let _ = Status::ok("").add_header(&mut trailers);
    let body = Full::new(message::encode(&message)).with_trailers(async { Some(Ok(trailers)) });
    let mut reply = http::Response::new(Body::new(body));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers::give_session(reply.headers_mut(), token);
    reply
}
