//! Who calls: from headers to a session.
//!
//! Clients differ in what they keep. ADBC adopts a bearer token from any reply, JDBC and ODBC keep cookies,
//! some send name and password with each call, some keep nothing. [`Login::identify`] makes one
//! [`Caller`] of all of them: the session with its newest settings, whether the client can be relied
//! on to come back to it, and whether the reply must carry a token. Tokens are sealed, so nothing is kept
//! here but a short memory of passwords that were right.

mod credential;
mod newest;
mod verified;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use tavana_wire::{Failure, FailureKind, Handle, Role, SealError, Sealer, SessionState};
use tavana_wire::{headers, seal};

use crate::users::{UserLimits, Users, VerifyError};
use credential::{Credential, Password};
use newest::Newest;
use verified::Verified;

/// The name of everybody where no users are configured.
pub const ANONYMOUS: &str = "tavana";

/// Turns the headers of calls into sessions.
#[derive(Clone, Debug)]
pub struct Login {
    users: Option<Users>,
    sealer: Arc<Sealer>,
    session_ttl: Duration,
    verified: Verified,
    newest: Newest,
}

/// Who makes a call, and in which session.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// The session with its newest known state.
    pub session: SessionState,
    /// The client presented this session's token itself, so it can be relied on to come back to it:
    /// state can be tied to the session.
    pub kept: bool,
    /// The reply must carry a token: none was presented, or half the life of it is over.
    pub renew: bool,
}

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LoginError {
    /// Users are configured, and the call shows no credential at all.
    #[error("log in with a name and a password, or with a bearer token")]
    NoCredentials,
    /// The credential cannot be read.
    #[error("the credentials cannot be read: expected `Basic` with base64 of name:password, or `Bearer` with a token")]
    Malformed,
    /// The `authorization` header is of another kind.
    #[error("only the authorization schemes Basic and Bearer are understood")]
    Scheme,
    /// The name or the password is wrong, or the check failed.
    #[error(transparent)]
    Password(#[from] VerifyError),
    /// The token was issued with another key, changed, or is no token.
    #[error("the session token is not valid here; log in again")]
    Token,
    /// The token's time is over.
    #[error("the session token has expired; log in again")]
    Expired,
    /// The token is good, but its user is gone.
    #[error("the user of this session no longer exists; log in again")]
    UserGone,
}

impl LoginError {
    /// What went wrong, seen from the client.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::NoCredentials | Self::Malformed | Self::Scheme | Self::Token | Self::Expired | Self::UserGone => {
                FailureKind::Unauthenticated
            }
            Self::Password(error) => error.kind(),
        }
    }
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Failure::new(error.kind(), error.to_string())
    }
}

/// A session as a client presented it.
struct Presented {
    session: SessionState,
    expires_unix_ms: u64,
}

impl Login {
    /// A login for these users; without any, everybody is [`ANONYMOUS`] and may do everything.
    /// Session tokens live `session_ttl` and are renewed in the second half of it.
    pub fn new(users: Option<Users>, sealer: Arc<Sealer>, session_ttl: Duration) -> Self {
        Self { users, sealer, session_ttl, verified: Verified::new(), newest: Newest::new() }
    }

    /// Who makes this call.
    ///
    /// # Errors
    /// [`LoginError`] when the credentials are missing, wrong, unreadable or too old.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Caller, LoginError> {
        let mut caller = self.caller(Credential::in_headers(headers)?, headers).await?;
        self.newest.bring_up_to_date(&mut caller.session);
        Ok(caller)
    }

    /// Remembers a session as a reply tells it, for clients that go on with an older token: some keep the one of their
    /// handshake for good.
    pub fn remember(&self, session: &SessionState) {
        self.newest.remember(session);
    }

    /// Forgets a session that was closed.
    pub fn forget(&self, session: &SessionState) {
        self.newest.forget(session);
    }

    /// Answers a handshake: the session and its token, to be returned as bearer, cookie and payload.
    /// The credential is in the headers or in `payload`, the first message's Flight `BasicAuth`.
    ///
    /// # Errors
    /// As [`Login::identify`].
    pub async fn handshake(
        &self,
        headers: &HeaderMap,
        payload: Option<&[u8]>,
    ) -> Result<(SessionState, String), LoginError> {
        let credential = match (Credential::in_headers(headers)?, payload) {
            (Credential::None, Some(payload)) if !payload.is_empty() => Credential::in_payload(payload)?,
            (in_headers, _) => in_headers,
        };
        let session = self.caller(credential, headers).await?.session;
        let token = self.token(&session);
        Ok((session, token))
    }

    /// A new session, and its token, for a user whom a frontend of ours has logged in.
    ///
    /// # Errors
    /// [`LoginError::UserGone`] when nobody has this name.
    pub fn vouched(&self, principal: &str) -> Result<(SessionState, String), LoginError> {
        let role = match &self.users {
            Some(users) => users.role(principal),
            None => (principal == ANONYMOUS).then_some(Role::Admin),
        };
        let session = SessionState::new(principal, role.ok_or(LoginError::UserGone)?);
        let token = self.token(&session);
        Ok((session, token))
    }

    /// What a user may have at once.
    pub fn limits(&self, principal: &str) -> UserLimits {
        self.users.as_ref().map(|users| users.limits(principal)).unwrap_or_default()
    }

    /// A session token for this state, valid from now on.
    pub fn token(&self, session: &SessionState) -> String {
        let expires = seal::expiry(SystemTime::now(), self.session_ttl);
        self.sealer.seal_text(&Handle::session_token(session.clone(), expires))
    }

    async fn caller(&self, credential: Credential, headers: &HeaderMap) -> Result<Caller, LoginError> {
        let cookie = headers::session_cookie(headers).map(|token| self.open(token));
        match (credential, cookie) {
            (Credential::Token(token), cookie) => {
                let presented = self.open(&token)?;
                Ok(self.newest(presented, cookie.and_then(Result::ok)))
            }
            (Credential::Password(password), cookie) => {
                let (name, role) = self.check(password).await?;
                // An unreadable cookie is no reason to refuse a right password.
                match cookie.and_then(Result::ok).filter(|cookie| cookie.session.principal == name) {
                    Some(cookie) => Ok(self.kept(cookie)),
                    None => Ok(new_caller(name, role)),
                }
            }
            (Credential::None, Some(cookie)) => Ok(self.kept(cookie?)),
            (Credential::None, None) if self.users.is_none() => Ok(new_caller(ANONYMOUS.to_owned(), Role::Admin)),
            (Credential::None, None) => Err(LoginError::NoCredentials),
        }
    }

    /// Reads a session token. The users file has the last word on the role.
    fn open(&self, token: &str) -> Result<Presented, LoginError> {
        let refused = |error| match error {
            SealError::Expired => LoginError::Expired,
            SealError::Malformed | SealError::Forged | SealError::WrongKind => LoginError::Token,
        };
        let handle = self.sealer.open_text(token, SystemTime::now()).map_err(refused)?;
        let expires_unix_ms = handle.expires_unix_ms;
        let mut session = handle.into_session().map_err(refused)?;
        session.id().map_err(refused)?;
        let role = match &self.users {
            Some(users) => users.role(&session.principal),
            None => (session.principal == ANONYMOUS).then_some(Role::Admin),
        };
        session.role = role.ok_or(LoginError::UserGone)?.into();
        Ok(Presented { session, expires_unix_ms })
    }

    /// A client that has both a bearer and a cookie may renew only one of them: the newer state of the
    /// same session counts. Another session's cookie is left over from an earlier login.
    fn newest(&self, bearer: Presented, cookie: Option<Presented>) -> Caller {
        let newer = cookie.filter(|cookie| {
            cookie.session.principal == bearer.session.principal
                && cookie.session.session_id == bearer.session.session_id
                && cookie.session.version > bearer.session.version
        });
        match newer {
            Some(cookie) => self.kept(Presented {
                expires_unix_ms: cookie.expires_unix_ms.min(bearer.expires_unix_ms),
                session: cookie.session,
            }),
            None => self.kept(bearer),
        }
    }

    fn kept(&self, presented: Presented) -> Caller {
        let half_life_from_now = seal::expiry(SystemTime::now(), self.session_ttl / 2);
        let renew = presented.expires_unix_ms < half_life_from_now;
        Caller { session: presented.session, kept: true, renew }
    }

    /// The principal and the role behind a name and a password.
    async fn check(&self, Password { name, password }: Password) -> Result<(String, Role), LoginError> {
        let Some(users) = &self.users else {
            return Ok((ANONYMOUS.to_owned(), Role::Admin));
        };
        let version = users.current();
        if self.verified.contains(&version, &name, &password)
            && let Some(user) = version.get(&name)
        {
            return Ok((name, user.role));
        }
        let role = users.verify(&name, &password).await?;
        self.verified.insert(&version, &name, &password);
        Ok((name, role))
    }
}

fn new_caller(principal: String, role: Role) -> Caller {
    Caller { session: SessionState::new(principal, role), kept: false, renew: true }
}

#[cfg(test)]
mod tests;
