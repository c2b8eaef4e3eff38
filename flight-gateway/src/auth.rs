//! What a worker is told about the caller, and how it knows that a gateway says so.
//!
//! A client's own credentials end here, and so does every `x-tavana-*` header it sent. The worker gets
//! the caller's session token, sealed anew, next to the gateway's service token. Everything
//! else the client sent (trace context, encodings, its own metadata) passes.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tavana_daemon::login::{Caller, Login};
use tavana_daemon::service_token::{ServiceToken, sensitive};
use tavana_wire::{QueryId, headers};

/// The value of [`headers::SESSION_KEPT`].
const KEPT: HeaderValue = HeaderValue::from_static("kept");
/// Where old clients put their bearer token.
const OLD_TOKEN: HeaderName = HeaderName::from_static("auth-token-bin");

/// The headers of a call to a worker, made from those of the client's.
pub(crate) fn worker_headers(
    mut client: HeaderMap,
    caller: &Caller,
    login: &Login,
    service: &ServiceToken,
    query: QueryId,
) -> HeaderMap {
    headers::strip_private(&mut client);
    for name in [header::AUTHORIZATION, header::COOKIE, header::HOST, header::CONTENT_LENGTH, OLD_TOKEN] {
        client.remove(name);
    }
    client.insert(headers::SERVICE, service.header());
    client.insert(headers::SESSION, sensitive(&login.token(&caller.session)));
    if caller.kept {
        client.insert(headers::SESSION_KEPT, KEPT);
    }
    if let Ok(query) = HeaderValue::try_from(query.to_string()) {
        client.insert(headers::QUERY_ID, query);
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};
    use tavana_wire::{Role, Sealer, SessionState};

    fn sealer() -> Arc<Sealer> {
        Arc::new(Sealer::random())
    }

    #[test]
    fn a_client_cannot_speak_for_the_gateway() {
        let sealer = sealer();
        let login = Login::new(None, sealer.clone(), Duration::from_secs(60));
        let caller = Caller { session: SessionState::new("ada", Role::User), kept: false, renew: true };
        let mut client = HeaderMap::new();
        for name in [
            "x-tavana-service",
            "x-tavana-session",
            "x-tavana-session-kept",
            "x-tavana-query-id",
            "x-tavana-grant",
            "authorization",
            "cookie",
            "auth-token-bin",
        ] {
            client.insert(name, HeaderValue::from_static("forged"));
        }
        client.insert("traceparent", HeaderValue::from_static("00-1-2-01"));
        let query = QueryId::random();
        let told = worker_headers(client, &caller, &login, &ServiceToken::new(sealer.clone()), query);
        assert!(told.values().all(|value| value != "forged"), "{told:?}");
        assert_eq!(told.get("traceparent").unwrap(), "00-1-2-01");
        assert_eq!(told.get(headers::QUERY_ID).unwrap(), query.to_string().as_str());
        assert!(!told.contains_key(headers::SESSION_KEPT));
        let session = sealer.open_text(told.get(headers::SESSION).unwrap().to_str().unwrap(), SystemTime::now());
        assert_eq!(session.unwrap().into_session(), Ok(caller.session));
    }
}
