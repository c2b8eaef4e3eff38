//! What the gateway remembers of sessions: the homes it learned from workers' replies.
//!
//! A session's state travels with its client, so the gateway needs no store. But a client may
//! send a call before it has read the reply that gave its session a home (several threads share one
//! token), and such a call must still go home. So the newest home of each session is remembered for a
//! while; forgetting one costs nothing but this.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use lru::LruCache;
use tavana_daemon::login::{Caller, Login};
use tavana_wire::{Sealer, SessionId, SessionState, headers};
use tokio::time::Instant;

use crate::route::Home;

/// Homes of sessions, the most recently used ones.
pub(crate) struct Homes {
    homes: Mutex<LruCache<SessionId, (Home, Instant)>>,
    idle: Duration,
}

impl Homes {
    /// Remembers at most `capacity` homes, each until it was not used for `idle`.
    pub(crate) fn new(capacity: NonZeroUsize, idle: Duration) -> Self {
        Self { homes: Mutex::new(LruCache::new(capacity)), idle }
    }

    /// The home of a session, if one was learned.
    pub(crate) fn get(&self, session: SessionId) -> Option<Home> {
        let now = Instant::now();
        let mut homes = self.lock();
        let (home, used) = homes.get_mut(&session)?;
        if now.duration_since(*used) > self.idle {
            homes.pop(&session);
            return None;
        }
        *used = now;
        Some(*home)
    }

    /// Learns from the session token in a worker's reply, if there is one.
    pub(crate) fn learn(&self, reply: &HeaderMap, sealer: &Sealer, login: &Login) {
        let Some(token) = headers::bearer(reply) else { return };
        let session = sealer.open_text(token, SystemTime::now()).and_then(|handle| handle.into_session());
        let Ok(session) = session else {
            // The client will be refused with it; the key files of gateway and worker differ.
            tracing::warn!("a worker's reply has a session token that this gateway cannot read");
            return;
        };
        self.remember(&session);
        login.remember(&session);
    }

    fn remember(&self, session: &SessionState) {
        let Ok(id) = session.id() else { return };
        let home = Home { version: session.version, worker: session.home() };
        let mut homes = self.lock();
        match homes.get_mut(&id) {
            Some((known, used)) if known.version <= home.version => (*known, *used) = (home, Instant::now()),
            Some(_) => {}
            // Most sessions never have a home; there is nothing to remember of them.
            None if home.worker.is_none() => {}
            None => {
                homes.put(id, (home, Instant::now()));
            }
        }
    }

    /// Forgets a session that its client has closed.
    pub(crate) fn forget(&self, session: &SessionState) {
        if let Ok(id) = session.id() {
            self.lock().pop(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<SessionId, (Home, Instant)>> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the client a session token where it needs one and the worker gave none.
pub(crate) fn renew(reply: &mut HeaderMap, caller: &Caller, login: &Login, homes: &Homes) {
    if !caller.renew || headers::bearer(reply).is_some() {
        return;
    }
    // A newer token is on its way to the client already; an older one must not overtake it.
    let newest = caller.session.id().ok().and_then(|id| homes.get(id));
    if newest.is_none_or(|home| home.version <= caller.session.version) {
        headers::give_session(reply, &login.token(&caller.session));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tavana_wire::{Role, WorkerId};

    const IDLE: Duration = Duration::from_secs(60);

    fn homes() -> Homes {
        Homes::new(NonZeroUsize::new(2).unwrap(), IDLE)
    }

    fn at(version: u64, home: Option<WorkerId>) -> SessionState {
        let home = home.map(|worker| worker.to_vec()).unwrap_or_default();
        SessionState { version, home, ..SessionState::new("ada", Role::User) }
    }

    #[test]
    fn the_newest_version_is_kept() {
        let homes = homes();
        let (first, second) = (WorkerId::random(), WorkerId::random());
        let session = at(1, Some(first));
        let id = session.id().unwrap();
        let check = |version, home: Option<WorkerId>, expected: Home| {
            let home = home.map(|worker| worker.to_vec()).unwrap_or_default();
            homes.remember(&SessionState { version, home, ..session.clone() });
            assert_eq!(homes.get(id), Some(expected));
        };
        check(1, Some(first), Home { version: 1, worker: Some(first) });
        check(3, Some(second), Home { version: 3, worker: Some(second) });
        check(2, Some(first), Home { version: 3, worker: Some(second) });
        check(4, None, Home { version: 4, worker: None });
        homes.forget(&session);
        assert_eq!(homes.get(id), None);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_in_number_and_time() {
        let homes = homes();
        let sessions: Vec<SessionState> = (0..3).map(|_| at(1, Some(WorkerId::random()))).collect();
        sessions.iter().for_each(|session| homes.remember(session));
        homes.remember(&at(1, None));
        let known = |session: &SessionState| homes.get(session.id().unwrap()).is_some();
        assert_eq!(sessions.iter().map(known).collect::<Vec<_>>(), [false, true, true]);
        tokio::time::advance(IDLE / 2).await;
        assert!(known(&sessions[1]));
        tokio::time::advance(IDLE / 2 + Duration::from_secs(1)).await;
        assert_eq!(sessions.iter().map(known).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn a_client_gets_a_token_where_it_needs_one() {
        let sealer = Arc::new(Sealer::random());
        let login = Login::new(None, sealer.clone(), IDLE);
        let homes = homes();
        let caller = |renew| Caller { session: at(1, None), kept: true, renew };
        let mut reply = HeaderMap::new();
        renew(&mut reply, &caller(false), &login, &homes);
        assert!(reply.is_empty());
        renew(&mut reply, &caller(true), &login, &homes);
        assert!(headers::bearer(&reply).is_some() && reply.contains_key("set-cookie"));

        let mut reply = HeaderMap::new();
        headers::give_session(&mut reply, "the-worker's");
        renew(&mut reply, &caller(true), &login, &homes);
        assert_eq!(headers::bearer(&reply), Some("the-worker's"));

        let overtaken = caller(true);
        homes.remember(&SessionState { version: 2, home: vec![1; 16], ..overtaken.session.clone() });
        let mut reply = HeaderMap::new();
        renew(&mut reply, &overtaken, &login, &homes);
        assert!(reply.is_empty());
    }
}
