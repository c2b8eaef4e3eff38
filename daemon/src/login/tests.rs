use super::*;
use crate::users;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::{HeaderName, HeaderValue};
use std::fs;
use std::path::PathBuf;

const TTL: Duration = Duration::from_secs(3600);

struct World {
    _dir: tempfile::TempDir,
    path: PathBuf,
    sealer: Arc<Sealer>,
    login: Login,
}

/// A login with alice, a reader, and bob, a user.
fn with_users() -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    users::add(&path, "alice", Role::Reader, "a-secret", UserLimits::default()).unwrap();
    users::add(&path, "bob", Role::User, "b-secret", UserLimits::default()).unwrap();
    let sealer = Arc::new(Sealer::random());
    let login = Login::new(Some(Users::open(&path).unwrap()), sealer.clone(), TTL);
    World { _dir: dir, path, sealer, login }
}

fn anonymous() -> Login {
    Login::new(None, Arc::new(Sealer::random()), TTL)
}

fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, String)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

fn basic(name: &str, password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", STANDARD_NO_PAD.encode(format!("{name}:{password}"))))
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

fn cookie(token: &str) -> (&'static str, String) {
    ("cookie", format!("other=1; {}={token}", headers::SESSION_COOKIE))
}

#[tokio::test]
async fn without_users_everybody_is_tavana() {
    let login = anonymous();
    for shown in [vec![], vec![basic("anybody", "anything")]] {
        let caller = login.identify(&headers(&shown)).await.unwrap();
        assert_eq!(caller.session.principal, ANONYMOUS);
        assert_eq!(caller.session.role(), Role::Admin);
        assert!(!caller.kept && caller.renew);
    }
    let (session, token) = login.handshake(&HeaderMap::new(), None).await.unwrap();
    let caller = login.identify(&headers(&[bearer(&token)])).await.unwrap();
    assert_eq!(caller, Caller { session, kept: true, renew: false });
}

#[tokio::test]
async fn a_name_and_a_password_open_a_session_that_every_kind_of_client_keeps() {
    let World { login, .. } = &with_users();
    let (session, token) = login.handshake(&headers(&[basic("bob", "b-secret")]), Some(&[])).await.unwrap();
    assert_eq!((session.principal.as_str(), session.role()), ("bob", Role::User));
    for shown in [
        vec![bearer(&token)],
        vec![("auth-token-bin", STANDARD.encode(&token))],
        vec![cookie(&token)],
        vec![basic("bob", "b-secret"), cookie(&token)],
    ] {
        let caller = login.identify(&headers(&shown)).await.unwrap();
        assert_eq!(caller, Caller { session: session.clone(), kept: true, renew: false });
    }
    let payload = credential::payload("bob", "b-secret");
    let (by_payload, _) = login.handshake(&HeaderMap::new(), Some(&payload)).await.unwrap();
    assert_eq!(by_payload.principal, "bob");
    assert_ne!(by_payload.session_id, session.session_id);
    let (renewed, fresh) = login.handshake(&headers(&[bearer(&token)]), None).await.unwrap();
    assert_eq!(renewed, session);
    assert_eq!(login.identify(&headers(&[bearer(&fresh)])).await.unwrap().session, session);
}

#[tokio::test]
async fn a_password_with_each_call_is_a_new_session_each() {
    let World { login, .. } = &with_users();
    let shown = headers(&[basic("bob", "b-secret")]);
    let [one, two] = [login.identify(&shown).await.unwrap(), login.identify(&shown).await.unwrap()];
    assert!(!one.kept && one.renew);
    assert_ne!(one.session.session_id, two.session.session_id);
}

#[tokio::test]
async fn strangers_and_wrong_passwords_hear_the_same() {
    let World { login, .. } = &with_users();
    let mut told = Vec::new();
    for shown in [basic("bob", "a-secret"), basic("nobody", "b-secret"), basic("", "")] {
        let error = login.identify(&headers(&[shown])).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unauthenticated);
        told.push(Failure::from(error).message);
    }
    assert!(told.iter().all(|message| *message == told[0]));
    let error = login.identify(&HeaderMap::new()).await.unwrap_err();
    assert_eq!(error, LoginError::NoCredentials);
    let payload = credential::payload("bob", "wrong");
    assert!(login.handshake(&HeaderMap::new(), Some(&payload)).await.is_err());
}

#[tokio::test]
async fn only_our_own_session_tokens_open_a_session() {
    let World { login, sealer, .. } = &with_users();
    let bob = || SessionState::new("bob", Role::User);
    let seal = |handle: &Handle| sealer.seal_text(handle);
    let check = async |token: String, expected: LoginError| {
        let error = login.identify(&headers(&[bearer(&token)])).await.unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(error.kind(), FailureKind::Unauthenticated);
    };
    check("noise".to_owned(), LoginError::Token).await;
    check(Sealer::random().seal_text(&Handle::session_token(bob(), u64::MAX)), LoginError::Token).await;
    check(seal(&Handle::session_token(bob(), 1)), LoginError::Expired).await;
    check(seal(&Handle::service_token(u64::MAX)), LoginError::Token).await;
    check(seal(&Handle::session_token(SessionState::default(), u64::MAX)), LoginError::Token).await;
    let gone = SessionState::new("gone", Role::Admin);
    check(seal(&Handle::session_token(gone, u64::MAX)), LoginError::UserGone).await;
    let expired = cookie(&seal(&Handle::session_token(bob(), 1)));
    let error = login.identify(&headers(std::slice::from_ref(&expired))).await.unwrap_err();
    assert_eq!(error, LoginError::Expired);
    let caller = login.identify(&headers(&[basic("bob", "b-secret"), expired])).await.unwrap();
    assert!(!caller.kept && caller.renew);
}

#[tokio::test]
async fn the_newer_state_of_the_same_session_counts() {
    let World { login, .. } = &with_users();
    let old = SessionState { version: 1, ..SessionState::new("bob", Role::User) };
    let new = SessionState { version: 2, ..old.clone() };
    let identify = async |bearer_state: &SessionState, cookie_state: &SessionState| {
        let shown = [bearer(&login.token(bearer_state)), cookie(&login.token(cookie_state))];
        login.identify(&headers(&shown)).await.unwrap().session
    };
    assert_eq!(identify(&old, &new).await, new);
    assert_eq!(identify(&new, &old).await, new);
    let another = SessionState { version: 9, ..SessionState::new("bob", Role::User) };
    assert_eq!(identify(&old, &another).await, old);
    let stolen = SessionState { version: 9, principal: "alice".to_owned(), ..old.clone() };
    assert_eq!(identify(&old, &stolen).await, old);
    let shown = headers(&[basic("bob", "b-secret"), cookie(&login.token(&stolen))]);
    let caller = login.identify(&shown).await.unwrap();
    assert!(caller.session.principal == "bob" && !caller.kept);
}

#[tokio::test]
async fn a_token_is_renewed_in_the_second_half_of_its_life() {
    let World { login, sealer, .. } = &with_users();
    let session = SessionState::new("bob", Role::User);
    let renew = async |left: Duration| {
        let expires = seal::expiry(SystemTime::now(), left);
        let token = sealer.seal_text(&Handle::session_token(session.clone(), expires));
        login.identify(&headers(&[bearer(&token)])).await.unwrap().renew
    };
    assert!(!renew(TTL * 3 / 4).await);
    assert!(renew(TTL / 4).await);
}

#[tokio::test(start_paused = true)]
async fn the_users_file_has_the_last_word() {
    let World { login, path, .. } = &with_users();
    let admin = SessionState::new("bob", Role::Admin);
    let shown = headers(&[bearer(&login.token(&admin))]);
    assert_eq!(login.identify(&shown).await.unwrap().session.role(), Role::User);
    let password = headers(&[basic("bob", "b-secret")]);
    login.identify(&password).await.unwrap();
    let text = fs::read_to_string(path).unwrap();
    let without_bob: String = text.lines().filter(|line| !line.starts_with("bob:")).collect();
    fs::write(path, without_bob).unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(login.identify(&shown).await.unwrap_err(), LoginError::UserGone);
    let error = login.identify(&password).await.unwrap_err();
    assert_eq!(error, LoginError::Password(VerifyError::Rejected));
}
