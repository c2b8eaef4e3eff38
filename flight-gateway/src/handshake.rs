//! The one call that the gateway answers itself: logging in.
//!
//! Clients log in with an `authorization` header and no message (ADBC, JDBC, pyarrow's
//! `authenticate_basic_token`), or with a message and no header (Flight's older authentication
//! handlers). Both get the token both ways: as a header and as the reply's payload. A frontend of ours that has logged a
//! user in itself vouches for that user with its service token.

use std::time::SystemTime;

use arrow_flight::{HandshakeRequest, HandshakeResponse};
use http::{HeaderMap, HeaderName, header};
use prost::Message as _;
use tavana_daemon::login::Login;
use tavana_wire::handle::Work;
use tavana_wire::{Failure, FailureKind, Sealer, headers};
use tonic::Code;
use tonic::body::Body;

use crate::error::GatewayError;
use crate::flight_sql::{Limits, Method, PeekError, message};
use crate::metrics::Record;

/// The version of Flight's handshake messages.
const PROTOCOL_VERSION: u64 = 0;

/// Logs a client in.
pub(crate) async fn answer(
    login: &Login,
    sealer: &Sealer,
    limits: Limits,
    request: http::Request<Body>,
    record: &Record,
) -> Result<http::Response<Body>, GatewayError> {
    let (parts, body) = request.into_parts();
    if let Some(principal) = vouched_for(&parts.headers, sealer)? {
        let (_, token) = login.vouched(&principal).map_err(Failure::from)?;
        record.note("principal", &principal);
        record.end(Code::Ok);
        return Ok(reply(&token));
    }
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

/// The user that a frontend, proved by its service token, has logged in; `None` when no frontend calls.
fn vouched_for(headers: &HeaderMap, sealer: &Sealer) -> Result<Option<String>, Failure> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(principal) = text(headers::PRINCIPAL) else { return Ok(None) };
    let service = text(headers::SERVICE).and_then(|token| sealer.open_text(token, SystemTime::now()).ok());
    match service.map(|handle| handle.work) {
        Some(Some(Work::Service(_))) => Ok(Some(principal.to_owned())),
        _ => Err(Failure::new(
            FailureKind::Unauthenticated,
            "only a frontend with the gateway's key may vouch for a user; start it with the same --key-file",
        )),
    }
}

fn reply(token: &str) -> http::Response<Body> {
    let message = HandshakeResponse { protocol_version: PROTOCOL_VERSION, payload: token.to_owned().into() };
    let mut reply = message::answer(&message);
    headers::give_session(reply.headers_mut(), token);
    reply
}
