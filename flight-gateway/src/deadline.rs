//! How long a call may take: the smaller of what its client gives it and what the gateway allows.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tavana_wire::headers;
use tokio::time::Instant;

/// What a worker gets beyond the deadline.
const GRACE: Duration = Duration::from_secs(1);

/// The end of a call's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// When it ends.
    pub(crate) at: Instant,
    /// What it was given.
    pub(crate) given: Duration,
}

impl Deadline {
    /// The deadline that a client gives its call, which arrives now.
    pub(crate) fn of(client: &HeaderMap) -> Option<Self> {
        let given = headers::grpc_timeout(client)?;
        // A time too far to be told is no deadline.
        Some(Self { at: Instant::now().checked_add(given)?, given })
    }

    /// The earlier one of this and `limit` from now on.
    pub(crate) fn within(this: Option<Self>, limit: Duration) -> Option<Self> {
        let own = Instant::now().checked_add(limit).map(|at| Self { at, given: limit });
        this.into_iter().chain(own).min_by_key(|deadline| deadline.at)
    }

    /// The time that the worker gets, as gRPC writes it: a little more than is left, so that it is the gateway that
    /// tells of its end.
    pub(crate) fn header(&self) -> HeaderValue {
        let left = self.at.saturating_duration_since(Instant::now()) + GRACE;
        // gRPC allows eight digits.
        let text = match left.as_millis() {
            millis @ 0..=99_999_999 => format!("{millis}m"),
            _ => format!("{}S", left.as_secs().min(99_999_999)),
        };
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_smaller_time_counts() {
        let minute = Some(Duration::from_secs(60));
        for (client, limit, expected) in [
            (None, None, None),
            (None, minute, Some("61000m")),
            (Some("5S"), minute, Some("6000m")),
            (Some("2H"), minute, Some("61000m")),
            (Some("99999999S"), None, Some("99999999S")),
            (Some("nonsense"), None, None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(client) = client {
                headers.insert("grpc-timeout", HeaderValue::from_static(client));
            }
            let deadline = Deadline::of(&headers);
            let deadline =
                limit.map_or(deadline, |limit| Deadline::within(deadline, limit)).map(|deadline| deadline.header());
            assert_eq!(deadline.as_ref().map(|value| value.to_str().unwrap()), expected, "{client:?}");
        }
    }
}
