//! The settings of the queue.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Serialize;

use super::acceptance::Bounds;
use super::caps::Caps;
use super::mode::Pace;
use super::schedule::Rules;

/// How statements wait for room on workers.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueueConfig {
    /// The most bytes of SQL that wait in the queue, together. What comes beyond is not refused: its client is left
    /// waiting until there is room.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1 << 20..1 << 40))]
    pub max_queued_bytes: u64,

    /// The most statements of one user that wait in the queue; 0 for no limit. What comes beyond is not refused: its
    /// client is left waiting.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_queued_per_principal: u32,

    /// The most statements of one user that run at a time; 0 for no limit. The others wait and block nobody else.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub max_running_per_principal: u32,

    /// The most memory that the running statements of one user are granted, together; 0 for no limit. A statement that
    /// needs more by itself gets this much and spills to disk.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub max_memory_bytes_per_principal: u64,

    /// How often a statement that waits for much room may be passed by smaller ones that fit beside it. They do not
    /// delay it on the worker where it waits; 0 keeps the order strictly.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub max_backfill_passes: u32,

    /// The seconds of waiting after which nobody is expected to add workers, unless a scaler answers. From then on, a
    /// statement that is too big for every worker runs with what the largest has, and spills to disk. 0 where nobody adds
    /// any; with a scaler, longer than it takes to answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub saturation_after_seconds: u64,

    /// The seconds of an empty queue after which workers are expected to be added again; no change back is faster.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub saturation_calm_seconds: u64,

    /// The seconds that a statement which is too big for every worker waits for a larger one while a scaler adds some.
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub presize_wait_seconds: u64,

    /// The milliseconds that a statement waits whose session is reading the result of another, until it runs within the
    /// memory of that; one at a time. Without this, such a session could wait for itself.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub ride_after_ms: u64,

    /// The most sets of files for which is remembered which worker read them last; statements that read the same go there.
    #[arg(long, value_name = "COUNT", default_value = "10000")]
    pub max_remembered_files: NonZeroUsize,
}

impl Default for QueueConfig {
    /// What the help texts say.
    fn default() -> Self {
        Self {
            max_queued_bytes: 256 << 20,
            max_queued_per_principal: 10_000,
            max_running_per_principal: 0,
            max_memory_bytes_per_principal: 0,
            max_backfill_passes: 1000,
            saturation_after_seconds: 0,
            saturation_calm_seconds: 60,
            presize_wait_seconds: 180,
            ride_after_ms: 1000,
            max_remembered_files: NonZeroUsize::MIN.saturating_add(9_999),
        }
    }
}

impl QueueConfig {
    pub(super) fn rules(&self) -> Rules {
        Rules {
            caps: self.caps(None, None),
            max_passes: self.max_backfill_passes,
            presize_wait: Duration::from_secs(self.presize_wait_seconds),
            ride_after: self.ride_after(),
            pace: Pace {
                saturation_after: Duration::from_secs(self.saturation_after_seconds),
                calm: Duration::from_secs(self.saturation_calm_seconds),
            },
            remembered_files: self.max_remembered_files,
        }
    }

    /// What a principal may have at once with limits of its own, where it has any; 0 is no limit.
    pub(crate) fn caps(&self, running: Option<u32>, memory_bytes: Option<u64>) -> Caps {
        let running = running.unwrap_or(self.max_running_per_principal);
        let memory_bytes = memory_bytes.unwrap_or(self.max_memory_bytes_per_principal);
        Caps {
            running: Some(running).filter(|most| *most > 0),
            memory_bytes: Some(memory_bytes).filter(|most| *most > 0),
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            bytes: self.max_queued_bytes,
            per_principal: Some(self.max_queued_per_principal).filter(|most| *most > 0),
            retry_after: self.ride_after(),
        }
    }

    fn ride_after(&self) -> Duration {
        Duration::from_millis(self.ride_after_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, Command, FromArgMatches as _};

    #[test]
    fn the_defaults_are_those_of_the_flags() {
        let matches = QueueConfig::augment_args(Command::new("test")).get_matches_from(["test"]);
        assert_eq!(QueueConfig::from_arg_matches(&matches).unwrap(), QueueConfig::default());
    }
}
