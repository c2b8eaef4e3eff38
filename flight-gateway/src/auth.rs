//! What a worker is told about the caller, and how it knows that a gateway says so.
//!
//! A client's own credentials end here, and so does every `x-tavana-*` header it sent. The worker gets
//! the caller's session token, sealed anew, next to the gateway's service token. Everything
//! else the client sent (trace context, encodings, its own metadata) passes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tavana_daemon::login::{Caller, Login};
use tavana_wire::{Handle, QueryId, Sealer, headers, seal};

/// The life of a service token: long enough for clocks that differ by some seconds, short enough that a
/// leaked one is soon worthless.
const SERVICE_TOKEN_LIFE: Duration = Duration::from_secs(60);
/// The value of [`headers::SESSION_KEPT`].
const KEPT: HeaderValue = HeaderValue::from_static("kept");
/// Where old clients put their bearer token.
const OLD_TOKEN: HeaderName = HeaderName::from_static("auth-token-bin");

/// The gateway's proof towards its workers, renewed when half its life is over.
pub(crate) struct ServiceToken {
    sealer: Arc<Sealer>,
    current: Mutex<Option<(HeaderValue, SystemTime)>>,
}

impl ServiceToken {
    pub(crate) fn new(sealer: Arc<Sealer>) -> Self {
        Self { sealer, current: Mutex::new(None) }
    }

    /// The value of [`headers::SERVICE`].
    pub(crate) fn header(&self) -> HeaderValue {
        self.header_at(SystemTime::now())
    }

    fn header_at(&self, now: SystemTime) -> HeaderValue {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            // A clock set back makes a token older than it looks; only a renewal is safe then.
            Some((token, made)) if now.duration_since(*made).is_ok_and(|age| age < SERVICE_TOKEN_LIFE / 2) => {
                token.clone()
            }
            _ => {
                let handle = Handle::service_token(seal::expiry(now, SERVICE_TOKEN_LIFE));
                let token = sensitive(&self.sealer.seal_text(&handle));
                *current = Some((token.clone(), now));
                token
            }
        }
    }
}

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

/// A header value that no log shows.
fn sensitive(text: &str) -> HeaderValue {
    // Sealed text is base64, which is always a valid header value.
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavana_wire::{Role, SessionState};

    fn sealer() -> Arc<Sealer> {
        Arc::new(Sealer::random())
    }

    #[test]
    fn a_service_token_is_kept_for_half_its_life() {
        let sealer = sealer();
        let token = ServiceToken::new(sealer.clone());
        let now = SystemTime::now();
        let first = token.header_at(now);
        assert_eq!(token.header_at(now + SERVICE_TOKEN_LIFE / 3), first);
        let second = token.header_at(now + SERVICE_TOKEN_LIFE / 2);
        assert_ne!(second, first);
        let open = |value: &HeaderValue, at| sealer.open_text(value.to_str().unwrap(), at);
        assert_eq!(open(&first, now + SERVICE_TOKEN_LIFE / 2).unwrap().session, None);
        assert!(open(&first, now + SERVICE_TOKEN_LIFE).is_err());
        assert_ne!(token.header_at(now - SERVICE_TOKEN_LIFE), second);
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
