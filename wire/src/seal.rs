//! Signed handles: what a client carries for us, it can read but not change.
//!
//! A sealed handle is `version (1 byte) ‖ HMAC-SHA256 (32 bytes) ‖ protobuf`. The tag covers the
//! version and the message, and the message names its own kind, so that a ticket can never be taken for a
//! session token. Handles are checked by whoever holds the key: any gateway, any worker.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use prost::Message as _;
use ring::{hmac, rand};

use crate::failure::{Failure, FailureKind};
use crate::handle::Handle;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 32;
const HEAD_BYTES: usize = 1 + TAG_BYTES;

/// The least length of a key's text: 32 characters, so that guessing it is out of reach.
pub const MIN_SECRET_BYTES: usize = 32;

/// Signs and checks handles with one secret key.
#[derive(Clone, Debug)]
pub struct Sealer {
    key: hmac::Key,
}

/// Why a handle was refused.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// Not a sealed handle at all.
    #[error("this handle was not issued by Tavana")]
    Malformed,
    /// The signature does not fit: changed on the way, or sealed with another key.
    #[error("the signature of this handle does not fit; it was changed, or issued with another key")]
    Forged,
    /// Its time is over.
    #[error("this handle has expired; run the statement again or log in again")]
    Expired,
    /// Signed by us, but for another use.
    #[error("this handle was issued for another use")]
    WrongKind,
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        let kind = match error {
            SealError::Malformed | SealError::WrongKind => FailureKind::InvalidRequest,
            SealError::Forged => FailureKind::PermissionDenied,
            SealError::Expired => FailureKind::State,
        };
        Failure::new(kind, error.to_string())
    }
}

impl Sealer {
    /// A sealer with this secret; `None` if it is shorter than [`MIN_SECRET_BYTES`].
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        (secret.len() >= MIN_SECRET_BYTES).then(|| Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) })
    }

    /// A sealer with a key of its own that ends with the process.
    ///
    /// # Panics
    /// When the operating system has no random numbers: nothing here is safe then.
    pub fn random() -> Self {
        let Ok(key) = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()) else {
            panic!("the operating system gave no random numbers");
        };
        Self { key }
    }

    /// Signs a handle.
    pub fn seal(&self, handle: &Handle) -> Bytes {
        let mut sealed = Vec::with_capacity(HEAD_BYTES + handle.encoded_len());
        sealed.push(VERSION);
        sealed.resize(HEAD_BYTES, 0);
        // A Vec grows, so encoding into it cannot fail.
        let _ = handle.encode(&mut sealed);
        let tag = self.tag(&sealed[HEAD_BYTES..]);
        sealed[1..HEAD_BYTES].copy_from_slice(tag.as_ref());
        sealed.into()
    }

    /// Checks the signature and the time of a handle and reads it.
    ///
    /// # Errors
    /// [`SealError`], telling apart what is not ours, what was changed and what is too old.
    pub fn open(&self, sealed: &[u8], now: SystemTime) -> Result<Handle, SealError> {
        if sealed.len() < HEAD_BYTES || sealed[0] != VERSION {
            return Err(SealError::Malformed);
        }
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[VERSION]);
        context.update(&sealed[HEAD_BYTES..]);
        let tag = context.sign();
        if !same_bytes(tag.as_ref(), &sealed[1..HEAD_BYTES]) {
            return Err(SealError::Forged);
        }
        let handle = Handle::decode(&sealed[HEAD_BYTES..]).map_err(|_| SealError::Malformed)?;
        if handle.expires_unix_ms <= unix_ms(now) {
            return Err(SealError::Expired);
        }
        Ok(handle)
    }

    /// Signs a handle as text for a header or a cookie.
    pub fn seal_text(&self, handle: &Handle) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(handle))
    }

    /// Checks and reads a handle from a header or a cookie.
    ///
    /// # Errors
    /// As [`Sealer::open`].
    pub fn open_text(&self, text: &str, now: SystemTime) -> Result<Handle, SealError> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Malformed)?;
        self.open(&sealed, now)
    }

    fn tag(&self, message: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[VERSION]);
        context.update(message);
        context.sign()
    }
}

/// Compares without telling by its duration where the first difference is.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

/// Milliseconds since 1970 in UTC; zero for times before.
pub fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The moment `life` from `now`, in milliseconds since 1970.
pub fn expiry(now: SystemTime, life: Duration) -> u64 {
    unix_ms(now).saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::{SessionState, Work};
    use proptest::prelude::*;

    fn handle(expires_unix_ms: u64) -> Handle {
        Handle { session: Some(SessionState::default()), expires_unix_ms, work: Some(Work::Session(true)) }
    }

    #[test]
    fn a_handle_survives_its_seal_until_it_expires() {
        let sealer = Sealer::random();
        let now = SystemTime::now();
        let handle = handle(expiry(now, Duration::from_secs(5)));
        let text = sealer.seal_text(&handle);
        assert_eq!(sealer.open_text(&text, now), Ok(handle));
        assert_eq!(sealer.open_text(&text, now + Duration::from_secs(5)), Err(SealError::Expired));
    }

    #[test]
    fn another_key_opens_nothing() {
        let sealed = Sealer::random().seal(&handle(u64::MAX));
        assert_eq!(Sealer::random().open(&sealed, SystemTime::now()), Err(SealError::Forged));
        assert!(Sealer::from_secret(b"short").is_none());
    }

    proptest! {
        #[test]
        fn no_changed_byte_goes_unseen(at in 0usize..60, flip in 1u8..=255) {
            let sealer = Sealer::random();
            let mut sealed = sealer.seal(&handle(u64::MAX)).to_vec();
            let at = at % sealed.len();
            sealed[at] ^= flip;
            prop_assert!(sealer.open(&sealed, SystemTime::now()).is_err());
        }

        #[test]
        fn noise_is_never_a_handle(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Sealer::random().open(&noise, SystemTime::now()).is_err());
        }
    }
}
