//! Passwords that were right a moment ago.
//!
//! A client that sends name and password with each call would make each call pay for the slow
//! password hash. Right ones are remembered for a short while, as a keyed hash that is of no use outside
//! this process, and only for the version of the users file they were checked against.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use lru::LruCache;
use ring::rand::SystemRandom;
use ring::{digest, hmac};
use tokio::time::Instant;

use crate::users::UsersFile;

/// Passwords remembered at most; the one used least recently makes room.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// How long a password is remembered.
const LIFE: Duration = Duration::from_secs(60);

type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// Remembers right passwords; clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Verified {
    /// `None` when the operating system gives no random numbers: then nothing is remembered.
    key: Option<hmac::Key>,
    seen: Arc<Mutex<LruCache<Digest, Seen>>>,
}

#[derive(Debug)]
struct Seen {
    version: Weak<UsersFile>,
    until: Instant,
}

impl Verified {
    pub(super) fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok();
        Self { key, seen: Arc::new(Mutex::new(LruCache::new(CAPACITY))) }
    }

    /// Whether this password was right for this version of the users a moment ago.
    pub(super) fn contains(&self, version: &Arc<UsersFile>, name: &str, password: &str) -> bool {
        let Some(digest) = self.digest(name, password) else { return false };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&digest).is_some_and(|seen| {
            seen.until > Instant::now() && std::ptr::eq(seen.version.as_ptr(), Arc::as_ptr(version))
        })
    }

    /// Remembers a password that was right for this version of the users.
    pub(super) fn insert(&self, version: &Arc<UsersFile>, name: &str, password: &str) {
        let Some(digest) = self.digest(name, password) else { return };
        let seen = Seen { version: Arc::downgrade(version), until: Instant::now() + LIFE };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).put(digest, seen);
    }

    fn digest(&self, name: &str, password: &str) -> Option<Digest> {
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        // The length keeps `ab` with password `c` apart from `a` with password `bc`.
        context.update(&name.len().to_le_bytes());
        context.update(name.as_bytes());
        context.update(password.as_bytes());
        context.sign().as_ref().try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_password_is_remembered_for_its_user_version_and_time() {
        let verified = Verified::new();
        let version = Arc::new(UsersFile::default());
        assert!(!verified.contains(&version, "al", "secret"));
        verified.insert(&version, "al", "secret");
        assert!(verified.contains(&version, "al", "secret"));
        assert!(!verified.contains(&version, "als", "ecret"));
        assert!(!verified.contains(&version, "al", "Secret"));
        assert!(!verified.contains(&Arc::new(UsersFile::default()), "al", "secret"));
        tokio::time::advance(LIFE).await;
        assert!(!verified.contains(&version, "al", "secret"));
    }

    #[test]
    fn the_memory_is_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _inside = runtime.enter();
        let verified = Verified::new();
        let version = Arc::new(UsersFile::default());
        for n in 0..=CAPACITY.get() {
            verified.insert(&version, &n.to_string(), "secret");
        }
        assert!(!verified.contains(&version, "0", "secret"));
        assert!(verified.contains(&version, "1", "secret"));
    }
}
