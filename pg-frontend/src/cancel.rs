//! Cancel requests: who may end which statement.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::rand::{SecureRandom as _, SystemRandom};
use tokio_util::sync::CancellationToken;

use crate::translate::Signal;

/// The sessions that can be told to cancel.
#[derive(Clone, Default)]
pub struct Cancels {
    sessions: Arc<Mutex<HashMap<u32, Session>>>,
    next: Arc<AtomicU32>,
}

struct Session {
    key: Vec<u8>,
    running: Arc<Mutex<CancellationToken>>,
    ended: CancellationToken,
}

/// One session's place; dropping it gives it up.
pub struct Cancel {
    cancels: Cancels,
    /// What the client shows to cancel: our number for its connection …
    pub process: u32,
    /// … and a secret.
    pub key: Vec<u8>,
    running: Arc<Mutex<CancellationToken>>,
    ended: CancellationToken,
}

impl Cancels {
    /// A place for a session whose client takes keys of this many bytes; `None` when there are no random numbers.
    pub fn register(&self, key_bytes: usize) -> Option<Cancel> {
        let mut key = vec![0; key_bytes];
        SystemRandom::new().fill(&mut key).ok()?;
        let running = Arc::new(Mutex::new(CancellationToken::new()));
        let mut sessions = lock(&self.sessions);
        // Numbers come round after four thousand million connections; those still open keep theirs.
        let process = std::iter::repeat_with(|| self.next.fetch_add(1, Ordering::Relaxed) & 0x7FFF_FFFF)
            .find(|process| *process != 0 && !sessions.contains_key(process))?;
        let ended = CancellationToken::new();
        sessions.insert(process, Session { key: key.clone(), running: running.clone(), ended: ended.clone() });
        Some(Cancel { cancels: self.clone(), process, key, running, ended })
    }

    /// Cancels what a session runs, if the key is its own.
    pub fn cancel(&self, process: u32, key: &[u8]) {
        let sessions = lock(&self.sessions);
        if let Some(session) = sessions.get(&process)
            && is_equal(&session.key, key)
        {
            lock(&session.running).cancel();
        }
    }
}

impl Cancel {
    /// Signals a session that this one may signal; says whether it is there.
    pub fn signal(&self, process: u32, signal: Signal) -> bool {
        let sessions = lock(&self.cancels.sessions);
        let Some(session) = sessions.get(&process) else { return false };
        if signal == Signal::Terminate {
            session.ended.cancel();
        }
        lock(&session.running).cancel();
        true
    }

    /// Resolves when another session has told this one to end.
    pub async fn terminated(&self) {
        self.ended.cancelled().await;
    }

    /// A token for the statement that begins now; a request that came before it does not count.
    pub fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *lock(&self.running) = token.clone();
        token
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        lock(&self.cancels.sessions).remove(&self.process);
    }
}

/// Compares keys in a time that tells nothing of where they differ.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_cancels_and_only_what_runs_now() {
        let cancels = Cancels::default();
        let one = cancels.register(4).unwrap();
        let other = cancels.register(32).unwrap();
        assert_ne!(one.process, other.process);
        let token = one.begin();
        cancels.cancel(one.process, &other.key);
        cancels.cancel(one.process, &[]);
        cancels.cancel(other.process, &one.key);
        assert!(!token.is_cancelled());
        cancels.cancel(one.process, &one.key);
        assert!(token.is_cancelled());
        assert!(!one.begin().is_cancelled());
        let process = one.process;
        drop(one);
        cancels.cancel(process, &[0; 4]);
        assert!(lock(&cancels.sessions).len() == 1);
    }
}
