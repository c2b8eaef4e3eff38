//! The proof of one Tavana process towards another that holds the same key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use tavana_wire::{Handle, Sealer, seal};

/// The life of a service token: long enough for clocks that differ by some seconds, short enough that a
/// leaked one is soon worthless.
const SERVICE_TOKEN_LIFE: Duration = Duration::from_secs(60);
/// A proof that this process holds the key, renewed when half its life is over.
pub struct ServiceToken {
    sealer: Arc<Sealer>,
    current: Mutex<Option<(HeaderValue, SystemTime)>>,
}

impl ServiceToken {
    /// A proof with the key of `sealer`.
    pub fn new(sealer: Arc<Sealer>) -> Self {
        Self { sealer, current: Mutex::new(None) }
    }

    /// The value of [`tavana_wire::headers::SERVICE`].
    pub fn header(&self) -> HeaderValue {
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

/// A header value that no log shows.
pub fn sensitive(text: &str) -> HeaderValue {
    // Sealed text is base64, which is always a valid header value.
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_token_is_kept_for_half_its_life() {
        let sealer = Arc::new(Sealer::random());
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
}
