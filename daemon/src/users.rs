//! Who may log in: the users file.
//!
//! One line a user, `name:role:verifier`, perhaps with [`UserLimits`] behind it, and `#` comments; the verifier is what PostgreSQL stores
//! for SCRAM, see [`Verifier`]. [`add`] keeps the file. A running server notices a new version by itself; a
//! broken one changes nothing and is told in the log. Checking a password costs milliseconds on
//! purpose, so it runs on a bounded pool, and a name that nobody has costs the same as a wrong password.

mod file;
mod limits;
mod scram;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ring::hmac;
use tavana_wire::{FailureKind, Role};
use tokio::sync::Semaphore;

use crate::watch::Watch;

pub use file::{User, UsersFile, UsersFileError, add, check_name};
pub use limits::{MalformedLimit, UserLimits};
pub use scram::{MalformedVerifier, Verifier};

/// Passwords that are checked at once; each keeps one core busy for milliseconds.
const CHECKS_AT_ONCE: usize = 2;
/// Logins that may wait for their check: a few seconds of work. Past it they are refused.
const MAX_WAITING: usize = 1024;

/// The users of a running server; clones share everything.
#[derive(Clone, Debug)]
pub struct Users {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    current: Mutex<Current>,
    checks: Arc<Semaphore>,
    places: Semaphore,
    /// Makes the salts of users that do not exist: the same name always gets the same.
    decoys: hmac::Key,
}

#[derive(Debug)]
struct Current {
    file: Arc<UsersFile>,
    watch: Watch,
}

/// Why a password was not accepted.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyError {
    /// Nobody has this name and password; which of the two is wrong is not told.
    #[error("no user has this name and password")]
    Rejected,
    /// Too many logins wait already.
    #[error("too many logins at once; try again in a moment")]
    Busy,
    /// The check itself failed.
    #[error("the password could not be checked")]
    Internal,
}

impl VerifyError {
    /// What went wrong, seen from the client.
    pub fn kind(self) -> FailureKind {
        match self {
            Self::Rejected => FailureKind::Unauthenticated,
            Self::Busy => FailureKind::Unavailable,
            Self::Internal => FailureKind::Internal,
        }
    }
}

impl Users {
    /// Reads the users file and follows its changes.
    ///
    /// # Errors
    /// [`UsersFileError`] when the file cannot be read or a line is malformed.
    pub fn open(path: &Path) -> Result<Self, UsersFileError> {
        let watch = Watch::new(vec![path.to_owned()]);
        let file = Arc::new(UsersFile::load(path)?);
        let random = ring::rand::SystemRandom::new();
        let decoys = hmac::Key::generate(hmac::HMAC_SHA256, &random).map_err(|_| UsersFileError::NoRandom)?;
        let shared = Shared {
            path: path.to_owned(),
            current: Mutex::new(Current { file, watch }),
            checks: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
            places: Semaphore::new(MAX_WAITING),
            decoys,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The users as the file says now: it is looked at again at most once a second. The same
    /// version always comes as the same `Arc`.
    pub fn current(&self) -> Arc<UsersFile> {
        // Nothing in here panics halfway through a change.
        let mut current = self.shared.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.watch.changed() {
            match UsersFile::load(&self.shared.path) {
                Ok(file) => {
                    tracing::info!(users = file.len(), "the users file has changed");
                    current.file = Arc::new(file);
                }
                Err(error) => tracing::warn!(%error, "the users file is broken; the last good version stays in force"),
            }
        }
        current.file.clone()
    }

    /// The role of a user; `None` when nobody has this name.
    pub fn role(&self, name: &str) -> Option<Role> {
        self.current().get(name).map(|user| user.role)
    }

    /// What a user may have at once; nothing but the gateway's own limits for a name that nobody has.
    pub fn limits(&self, name: &str) -> UserLimits {
        self.current().get(name).map(|user| user.limits).unwrap_or_default()
    }

    /// The verifier of a user, for SCRAM. A name that nobody has gets a decoy that no password fits
    /// and that is the same each time, so that a stranger cannot tell names apart.
    pub fn verifier(&self, name: &str) -> Verifier {
        let file = self.current();
        file.get(name).map_or_else(|| self.decoy(name, &file), |user| user.verifier.clone())
    }

    /// Checks a password and returns the role of its user.
    ///
    /// # Errors
    /// [`VerifyError`]; an unknown name and a wrong password cannot be told apart.
    pub async fn verify(&self, name: &str, password: &str) -> Result<Role, VerifyError> {
        let _place = self.shared.places.try_acquire().map_err(|_| VerifyError::Busy)?;
        let checks = self.shared.checks.clone();
        let check = checks.acquire_owned().await.map_err(|_| VerifyError::Internal)?;
        let verifier = self.verifier(name);
        let password = password.to_owned();
        let accepted = tokio::task::spawn_blocking(move || {
            // The permit goes with the work, which goes on when its caller has left.
            let _check = check;
            verifier.accepts(&password)
        });
        let accepted = accepted.await.map_err(|_| VerifyError::Internal)?;
        // Asked again: a user may have been removed while the check waited.
        match self.role(name) {
            Some(role) if accepted => Ok(role),
            _ => Err(VerifyError::Rejected),
        }
    }

    /// A verifier with the cost of a real one, whose keys are noise.
    fn decoy(&self, name: &str, file: &UsersFile) -> Verifier {
        let noise = |what: &str| {
            let mut context = hmac::Context::with_key(&self.shared.decoys);
            context.update(what.as_bytes());
            context.update(name.as_bytes());
            context.sign()
        };
        Verifier::decoy(file.iterations(), noise("salt").as_ref(), noise("keys").as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    fn users(lines: &[(&str, Role, &str)]) -> (tempfile::TempDir, PathBuf, Users) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        for (name, role, password) in lines {
            add(&path, name, *role, password, UserLimits::default()).unwrap();
        }
        let users = Users::open(&path).unwrap();
        (dir, path, users)
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_accepted() {
        let (_dir, _, users) = users(&[("alice", Role::Reader, "a-secret"), ("bob", Role::Admin, "b-secret")]);
        assert_eq!(users.verify("alice", "a-secret").await, Ok(Role::Reader));
        assert_eq!(users.verify("bob", "b-secret").await, Ok(Role::Admin));
        for (name, password) in [("alice", "b-secret"), ("alice", ""), ("nobody", "a-secret"), ("", "")] {
            assert_eq!(users.verify(name, password).await, Err(VerifyError::Rejected), "{name}");
        }
    }

    #[tokio::test]
    async fn a_decoy_looks_like_a_user_and_stays_the_same() {
        let (_dir, _, users) = users(&[("alice", Role::User, "secret")]);
        let decoy = users.verifier("nobody");
        assert_eq!(decoy, users.verifier("nobody"));
        assert_ne!(decoy, users.verifier("somebody"));
        let real = users.verifier("alice");
        assert_eq!(decoy.iterations(), real.iterations());
        assert_eq!(decoy.salt().len(), real.salt().len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_version_counts_and_a_broken_one_does_not() {
        let (_dir, path, users) = users(&[("alice", Role::User, "secret")]);
        assert_eq!(users.role("alice"), Some(Role::User));
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, "alice:emperor:x\n").unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(users.role("alice"), Some(Role::User));
        fs::write(&path, good.replace(":user:", ":reader:")).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(users.role("alice"), Some(Role::Reader));
        fs::write(&path, "# nobody\n").unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(users.verify("alice", "secret").await, Err(VerifyError::Rejected));
    }

    #[tokio::test]
    async fn logins_past_the_bound_are_refused_not_queued() {
        let (_dir, _, users) = users(&[("alice", Role::User, "secret")]);
        let places = users.shared.places.try_acquire_many(u32::try_from(MAX_WAITING).unwrap()).unwrap();
        assert_eq!(users.verify("alice", "secret").await, Err(VerifyError::Busy));
        drop(places);
        assert_eq!(users.verify("alice", "secret").await, Ok(Role::User));
    }
}
