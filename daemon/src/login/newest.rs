//! The newest state of sessions whose clients may not have it.
//!
//! A session's state travels in its token, and most clients take the renewed token of a reply. Some go on with the token
//! of their handshake, so the newest state is remembered here too, and wins over an older token of the same session.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use tavana_wire::{SessionId, SessionState};

/// Sessions that are remembered; the one not used for longest is forgotten, and with it what its client did not keep.
const MAX_SESSIONS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

#[derive(Clone)]
pub(super) struct Newest(Arc<Mutex<LruCache<SessionId, SessionState>>>);

impl fmt::Debug for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newest").finish_non_exhaustive()
    }
}

impl Newest {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(MAX_SESSIONS))))
    }

    pub(super) fn remember(&self, session: &SessionState) {
        let Ok(id) = session.id() else { return };
        // A state that never changed is in every token.
        if session.version == 0 {
            return;
        }
        let mut sessions = self.lock();
        if sessions.get(&id).is_none_or(|known| known.version <= session.version) {
            sessions.put(id, session.clone());
        }
    }

    /// Gives the session what was changed after its token was issued; its role stays as it was found out now.
    pub(super) fn bring_up_to_date(&self, session: &mut SessionState) {
        let Ok(id) = session.id() else { return };
        let mut sessions = self.lock();
        let Some(known) = sessions.get(&id) else { return };
        if known.principal == session.principal && known.version > session.version {
            let role = session.role;
            *session = known.clone();
            session.role = role;
        }
    }

    pub(super) fn forget(&self, session: &SessionState) {
        if let Ok(id) = session.id() {
            self.lock().pop(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<SessionId, SessionState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavana_wire::Role;

    #[test]
    fn an_older_token_gets_the_newest_state_of_its_own_session() {
        let newest = Newest::new();
        let old = SessionState::new("ada", Role::User);
        let mut changed = SessionState { version: 2, ..old.clone() };
        changed.settings.insert("timezone".to_owned(), "'Asia/Tokyo'".to_owned());
        newest.remember(&changed);
        newest.remember(&SessionState { version: 1, ..old.clone() });
        let up_to_date = |mut session: SessionState| {
            newest.bring_up_to_date(&mut session);
            session
        };
        assert_eq!(up_to_date(old.clone()), changed);
        let reader = SessionState { role: Role::Reader.into(), ..old.clone() };
        assert_eq!(up_to_date(reader).role(), Role::Reader);
        let stolen = SessionState { principal: "uli".to_owned(), ..old.clone() };
        assert_eq!(up_to_date(stolen.clone()), stolen);
        newest.forget(&old);
        assert_eq!(up_to_date(old.clone()), old);
    }
}
