//! The settings of history.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What is kept of statements that ended, and where.
#[derive(clap::Args, Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HistoryConfig {
    /// The folder for what the gateway keeps over a restart: the log of statements, and what they took. Each gateway
    /// needs one of its own. Without it this is kept in memory, and of the log at most 16 MiB.
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// The most bytes of the log of statements, which `tavana.queries` shows; the oldest go first. Its file may be twice as large.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(65536..))]
    pub query_log_max_bytes: u64,

    /// The days after which a statement leaves the log.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=36500))]
    pub query_log_max_days: u32,

    /// The most bytes of a statement's text in the log; 0 keeps no texts. Texts that may hold credentials are never kept.
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    pub query_log_text_bytes: usize,

    /// The most kinds of statements (alike but for their literals) of which the last 20 runs are remembered, at about 2 KiB of
    /// memory each; those not seen for the longest time are forgotten first.
    #[arg(long, value_name = "COUNT", default_value = "10000")]
    pub history_max_fingerprints: NonZeroUsize,

    /// What a GiB of memory that is reserved for a statement costs for a second, in any currency; 0 computes no cost.
    #[arg(long, value_name = "AMOUNT", default_value_t = 0.0, value_parser = amount)]
    pub cost_per_gib_second: f64,
}

/// The most bytes of the log where no folder is given.
const MAX_BYTES_IN_MEMORY: u64 = 16 << 20;

impl HistoryConfig {
    /// The same settings, with `folder` for the state where none is given.
    #[must_use]
    pub fn or_in(mut self, folder: Option<&Path>) -> Self {
        self.state_dir = self.state_dir.or_else(|| folder.map(Path::to_owned));
        self
    }

    /// The bytes that the log may have where it is.
    pub(super) fn log_bytes(&self) -> u64 {
        match self.state_dir {
            Some(_) => self.query_log_max_bytes,
            None => self.query_log_max_bytes.min(MAX_BYTES_IN_MEMORY),
        }
    }

    /// The microseconds that a row of the log lives.
    pub(super) fn log_us(&self) -> i64 {
        i64::from(self.query_log_max_days) * 86_400_000_000
    }
}

fn amount(text: &str) -> Result<f64, String> {
    let amount = text.parse::<f64>().ok().filter(|amount| amount.is_finite() && *amount >= 0.0);
    amount.ok_or_else(|| "give an amount of 0 or more, such as 0.00002".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_finite_and_not_negative() {
        assert_eq!(amount("0.5"), Ok(0.5));
        for bad in ["-1", "inf", "NaN", "much"] {
            assert!(amount(bad).is_err(), "{bad}");
        }
    }
}
