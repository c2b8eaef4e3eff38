//! Headers between clients, gateways and workers.
//!
//! Clients present `authorization` or a cookie and get renewed tokens the same way. A gateway removes every
//! `x-tavana-*` header of a client and sets its own; a worker believes them only next to a
//! valid service token.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Prefix of every header that clients may not set.
pub const PRIVATE_PREFIX: &str = "x-tavana-";
/// Gateway to worker: the proof that a gateway speaks, see [`crate::handle::Work::Service`].
pub const SERVICE: HeaderName = HeaderName::from_static("x-tavana-service");
/// Gateway to worker: the session token of the caller.
pub const SESSION: HeaderName = HeaderName::from_static("x-tavana-session");
/// Gateway to worker: `kept` when the client presented the token itself, so that state can be tied to it.
pub const SESSION_KEPT: HeaderName = HeaderName::from_static("x-tavana-session-kept");
/// Gateway to worker: the id of the statement, 32 hexadecimal digits.
pub const QUERY_ID: HeaderName = HeaderName::from_static("x-tavana-query-id");
/// Worker to gateway, in replies: the worker's id, so that a restarted worker is known by its first reply.
pub const WORKER: HeaderName = HeaderName::from_static("x-tavana-worker");
/// Server to client, in trailers: the label of a failure, see [`crate::FailureKind::label`].
pub const FAILURE: HeaderName = HeaderName::from_static("x-tavana-failure");
/// Server to client, in trailers: the SQLSTATE of a failure.
pub const SQLSTATE: HeaderName = HeaderName::from_static("x-tavana-sqlstate");
/// A frontend to a gateway, in a handshake next to [`SERVICE`]: the user that the frontend has logged in.
pub const PRINCIPAL: HeaderName = HeaderName::from_static("x-tavana-principal");
/// Server to client, in replies to [`crate::run`]: how many rows a statement without a result changed; -1 when it is not of the kind that does.
pub const ROWS_CHANGED: HeaderName = HeaderName::from_static("x-tavana-rows-changed");
/// The deadline that gRPC clients send.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// The name of the session cookie.
pub const SESSION_COOKIE: &str = "tavana-session";

/// Removes what only a gateway may say.
pub fn strip_private(headers: &mut HeaderMap) {
    let private: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(PRIVATE_PREFIX)).cloned().collect();
    for name in private {
        headers.remove(name);
    }
}

/// Gives a client its session token, as a bearer (ADBC adopts it) and as a cookie (JDBC and ODBC keep it).
pub fn give_session(headers: &mut HeaderMap, token: &str) {
    if let Ok(value) = HeaderValue::try_from(format!("Bearer {token}")) {
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Ok(value) = HeaderValue::try_from(format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly")) {
        headers.insert(header::SET_COOKIE, value);
    }
}

/// The session token that a client presents as a cookie.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, token)| (name == SESSION_COOKIE).then_some(token))
}

/// The bearer token of a request or a reply.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The time a gRPC client gives its call; `None` without one or with one that cannot be read.
pub fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let unit_at = value.len().checked_sub(1).filter(|&at| value.is_char_boundary(at) && at <= 8)?;
    let (digits, unit) = value.split_at(unit_at);
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn private_headers_of_clients_are_removed() {
        let mut map = headers(&[("x-tavana-session", "a"), ("x-tavana-service", "b"), ("x-other", "c")]);
        strip_private(&mut map);
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn a_given_session_is_read_back_both_ways() {
        let mut map = HeaderMap::new();
        give_session(&mut map, "abc");
        assert_eq!(bearer(&map), Some("abc"));
        let cookie = map.get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(session_cookie(&headers(&[("cookie", "x=1")])), None);
        assert_eq!(session_cookie(&headers(&[("cookie", &format!("x=1; {cookie}"))])), Some("abc"));
    }

    #[test]
    fn grpc_timeouts_are_read_in_every_unit() {
        let read = |text| grpc_timeout(&headers(&[("grpc-timeout", text)]));
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("100m"), Some(Duration::from_millis(100)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for bad in ["", "5", "m", "-1S", "123456789S", "1x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
