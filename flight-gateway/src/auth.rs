//! What a worker is told about the caller, and how it knows that a gateway says so.
//!
//! A client's own credentials end here, and so does every `x-tavana-*` header it sent. The worker gets
//! the caller's session token, sealed anew, next to the gateway's service token. Everything
//! else the client sent (trace context, encodings, its own metadata) passes.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tavana_daemon::login::{Caller, Login};
use tavana_daemon::service_token::{ServiceToken, sensitive};
use tavana_wire::handle::Work;
use tavana_wire::{QueryId, Sealer, headers};

/// The value of [`headers::SESSION_KEPT`].
const KEPT: HeaderValue = HeaderValue::from_static("kept");
/// Where old clients put their bearer token.
const OLD_TOKEN: HeaderName = HeaderName::from_static("auth-token-bin");

/// The id that a frontend of ours, proved by its service token, has given its statement; so that it can ask about it.
pub(crate) fn chosen_id(client: &HeaderMap, sealer: &Sealer) -> Option<QueryId> {
    let id = client.get(headers::QUERY_ID)?.to_str().ok()?.parse().ok()?;
    let service = client.get(headers::SERVICE)?.to_str().ok()?;
    let handle = sealer.open_text(service, SystemTime::now()).ok()?;
    matches!(handle.work, Some(Work::Service(_))).then_some(id)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tavana_wire::{Role, SessionState};

    fn sealer() -> Arc<Sealer> {
        Arc::new(Sealer::random())
    }

    #[test]
    fn only_a_frontend_chooses_the_id_of_its_statement() {
        let (sealer, id) = (sealer(), QueryId::random());
        let mut client = HeaderMap::new();
        client.insert(headers::QUERY_ID, id.to_string().parse().unwrap());
        assert_eq!(chosen_id(&client, &sealer), None);
        client.insert(headers::SERVICE, ServiceToken::new(Arc::new(Sealer::random())).header());
        assert_eq!(chosen_id(&client, &sealer), None);
        let login = Login::new(None, sealer.clone(), Duration::from_secs(60));
        client.insert(headers::SERVICE, sensitive(&login.token(&SessionState::new("ada", Role::Admin))));
        assert_eq!(chosen_id(&client, &sealer), None);
        client.insert(headers::SERVICE, ServiceToken::new(sealer.clone()).header());
        assert_eq!(chosen_id(&client, &sealer), Some(id));
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
