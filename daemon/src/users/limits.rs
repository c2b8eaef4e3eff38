//! What one user may have at once, as the users file says behind the verifier: `max-running=4 query-timeout-seconds=60`.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use serde::Serialize;

/// The limits of one user; what is not given is as the gateway's own settings say.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UserLimits {
    /// The most statements that the user may have running; 0 for no limit. Without it the gateway's --max-running-per-principal counts.
    #[arg(long, value_name = "COUNT")]
    pub max_running: Option<u32>,

    /// The most bytes of memory that they may hold together; 0 for no limit. Without it the gateway's --max-memory-bytes-per-principal
    /// counts.
    #[arg(long, value_name = "BYTES")]
    pub max_memory_bytes: Option<u64>,

    /// The most seconds that a call of the user's may take; 0 for no limit. Without it the gateway's --query-timeout-seconds counts.
    #[arg(long, value_name = "SECONDS")]
    pub query_timeout_seconds: Option<u64>,
}

/// Limits that cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no limit; one is written max-running=COUNT, max-memory-bytes=BYTES or query-timeout-seconds=SECONDS, with spaces between"
)]
pub struct MalformedLimit(String);

impl UserLimits {
    /// These, and those of `other` where there are none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            max_running: self.max_running.or(other.max_running),
            max_memory_bytes: self.max_memory_bytes.or(other.max_memory_bytes),
            query_timeout_seconds: self.query_timeout_seconds.or(other.query_timeout_seconds),
        }
    }
}

impl FromStr for UserLimits {
    type Err = MalformedLimit;

    fn from_str(text: &str) -> Result<Self, MalformedLimit> {
        let mut limits = Self::default();
        for word in text.split_whitespace() {
            let malformed = || MalformedLimit(word.to_owned());
            let (name, value) = word.split_once('=').ok_or_else(malformed)?;
            let twice = match name {
                "max-running" => limits.max_running.replace(value.parse().map_err(|_| malformed())?).is_some(),
                "max-memory-bytes" => {
                    limits.max_memory_bytes.replace(value.parse().map_err(|_| malformed())?).is_some()
                }
                "query-timeout-seconds" => {
                    limits.query_timeout_seconds.replace(value.parse().map_err(|_| malformed())?).is_some()
                }
                _ => return Err(malformed()),
            };
            if twice {
                return Err(malformed());
            }
        }
        Ok(limits)
    }
}

impl fmt::Display for UserLimits {
    /// As the users file has them, with a space ahead of each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut write = |name: &str, value: Option<u64>| value.map_or(Ok(()), |value| write!(f, " {name}={value}"));
        write("max-running", self.max_running.map(u64::from))?;
        write("max-memory-bytes", self.max_memory_bytes)?;
        write("query-timeout-seconds", self.query_timeout_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        let check = |text: &str, expected: Option<UserLimits>| {
            assert_eq!(text.parse::<UserLimits>().ok(), expected, "{text}");
            if let Some(expected) = expected {
                assert_eq!(expected.to_string().parse(), Ok(expected));
            }
        };
        let none = UserLimits::default();
        check("", Some(none));
        check(" max-running=4 ", Some(UserLimits { max_running: Some(4), ..none }));
        let all = UserLimits { max_running: Some(0), max_memory_bytes: Some(1 << 40), query_timeout_seconds: Some(60) };
        check("query-timeout-seconds=60 max-running=0 max-memory-bytes=1099511627776", Some(all));
        for bad in ["max-running", "max-running=", "max-running=-1", "max-running=1 max-running=2", "running=1"] {
            check(bad, None);
        }
    }

    #[test]
    fn what_is_given_counts_ahead_of_what_was_there() {
        let before: UserLimits = "max-running=4 query-timeout-seconds=60".parse().unwrap();
        let given: UserLimits = "max-running=8".parse().unwrap();
        assert_eq!(given.or(before).to_string(), " max-running=8 query-timeout-seconds=60");
    }
}
