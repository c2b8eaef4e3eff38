//! How big a statement is, before it runs.
//!
//! Admission reserves memory for a statement ahead of it. What it will take nobody knows, but much can be told from what it reads: so the
//! statement is planned on statistics, which a worker gives under the session's own rights, and the plan is walked with a model of the
//! memory that DuckDB's operators take. What cannot be planned here is planned by DuckDB itself; what earlier runs took counts more than
//! either; and when nothing is known there is a default. An estimate never fails, and is never waited for longer than its budget.
//!
//! [`classify`] and [`fingerprint`] read tokens only. The way of an estimate: `bounds` (whether it is planned at all), `relations` (what the
//! statement reads), `known` (what is known of that), `planner` (its plan), `operators` (the plan as operators with rows and widths, also from
//! DuckDB's, `explain`), `memory`.

mod bounds;
#[cfg(any(test, feature = "fuzz"))]
mod canned;
mod classify;
mod explain;
mod fingerprint;
mod functions;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod groups;
mod inner;
mod joins;
mod known;
mod memory;
mod operators;
mod places;
mod planner;
mod relations;
mod scan;
mod selectivity;
mod size;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;
mod writes;

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use serde::Serialize;
use tavana_wire::estimate::{Estimate, EstimateSource};
use tavana_wire::statistics::{StatisticsAnswer, StatisticsRequest};
use tavana_wire::{Failure, SessionState};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

pub(crate) use classify::{Class, classify};
pub(crate) use fingerprint::{Fingerprint, fingerprint};
use known::{Cache, Scope};
use size::Size;

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
    pub max_remembered_estimates: NonZeroUsize,

    /// The most statements that are planned at a time. Planning that took longer than its budget goes on until it is done, and counts.
    #[arg(long, value_name = "COUNT", default_value = "8")]
    pub max_planned_at_once: NonZeroUsize,

    /// The threads by which a worker runs a statement; what each of them keeps is a part of the estimate.
    #[arg(long, value_name = "COUNT", default_value = "4")]
    pub estimated_threads: NonZeroUsize,
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

/// A text for those of a scope.
type Planned = (Scope, Arc<str>);

/// Sizes statements. Clones share everything.
#[derive(Clone)]
pub(crate) struct Estimator(Arc<Shared>);

struct Shared {
    config: EstimateConfig,
    cache: Cache,
    sizes: Mutex<LruCache<Planned, (Arc<Size>, Instant)>>,
    planning: Arc<Semaphore>,
    /// Sizings that may go on after their statements have had enough.
    late: Arc<Semaphore>,
}

/// Sizings that go on at a time for statements that come later.
const LATE_SIZINGS: usize = 64;

/// The stack of a thread that parses and plans. How deep statements may be nested is bounded for it (`bounds`); what is not used costs nothing.
const STACK_BYTES: usize = 128 << 20;
/// Why there is no plan after a fault of ours.
const FAILED: &str = "the planner failed";
/// What a statement takes that touches no data.
const TRIVIAL_BYTES: u64 = 1 << 20;
/// How sure an estimate is: of a plan on counted rows, of DuckDB's guess, of nothing at all.
const PLANNED: f64 = 0.7;
const UNSURE: f64 = 0.4;
const EXPLAINED: f64 = 0.3;
const DEFAULT: f64 = 0.05;

impl Estimator {
    pub(crate) fn new(config: EstimateConfig) -> Self {
        let bytes = usize::try_from(config.statistics_cache_bytes).unwrap_or(usize::MAX);
        let fresh = Duration::from_secs(config.statistics_fresh_seconds);
        let stale = Duration::from_secs(config.statistics_stale_seconds).max(fresh);
        Self(Arc::new(Shared {
            cache: Cache::new(bytes, fresh, stale),
            sizes: Mutex::new(LruCache::new(config.max_remembered_estimates)),
            planning: Arc::new(Semaphore::new(config.max_planned_at_once.get())),
            late: Arc::new(Semaphore::new(LATE_SIZINGS)),
            config,
        }))
    }

    /// How big a text is; of several statements the biggest counts. Takes no longer than the budget.
    pub(crate) async fn estimate(
        &self,
        sql: &str,
        session: &SessionState,
        expected: Option<&Expectation>,
        knowledge: &impl Knowledge,
    ) -> Estimate {
        let fingerprint = fingerprint(sql, session);
        if classify(sql) == Class::Trivial {
            let because = vec!["touches no data".to_owned()];
            let size = Size { peak_memory_bytes: TRIVIAL_BYTES, confidence: 1.0, because, ..Size::default() };
            return size.told(EstimateSource::Planned, fingerprint);
        }
        let config = &self.0.config;
        let planned = if sql.len() > config.max_estimated_sql_bytes as usize {
            Err(format!("it is longer than the {} bytes that are planned ahead", config.max_estimated_sql_bytes))
        } else {
            self.in_time(sql, session, knowledge).await
        };
        let (size, source) = match planned {
            Ok(size) => ((*size).clone(), size.source),
            Err(reason) => (self.0.unknown(reason), EstimateSource::Default),
        };
        match expected {
            Some(expected) => size.expected(expected, source, fingerprint),
            None => size.told(source, fingerprint),
        }
    }

    /// The size by a plan within the budget. What is late goes on, so that the next statement of this text finds it, and this one takes
    /// what was known of it before.
    async fn in_time(
        &self,
        sql: &str,
        session: &SessionState,
        knowledge: &impl Knowledge,
    ) -> Result<Arc<Size>, String> {
        let key = (Scope::of(session), Arc::<str>::from(sql));
        if let Some(size) = self.0.remembered(&key, true) {
            return Ok(size);
        }
        let budget = Duration::from_millis(self.0.config.estimate_budget_ms);
        let (shared, knowledge) = (Arc::clone(&self.0), knowledge.clone());
        let (scope, text) = key.clone();
        let sizing = async move { shared.size(scope, text, &knowledge, budget).await };
        let sized = match Arc::clone(&self.0.late).try_acquire_owned() {
            Ok(permit) => {
                let task = tokio::spawn(async move {
                    let _counts = permit;
                    sizing.await
                });
                tokio::time::timeout(budget, task).await.map(|done| done.unwrap_or_else(|_| Err(FAILED.to_owned())))
            }
            Err(_) => tokio::time::timeout(budget, sizing).await,
        };
        sized.unwrap_or_else(|_| {
            let late = || format!("planning it took longer than {} ms", self.0.config.estimate_budget_ms);
            self.0.remembered(&key, false).ok_or_else(late)
        })
    }

    /// A key of the relations that a statement reads, if it was sized lately: the same for statements that read the same.
    pub(crate) fn files(&self, sql: &str, session: &SessionState) -> Option<u64> {
        let sizes = self.0.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.peek(&(Scope::of(session), Arc::<str>::from(sql))).and_then(|(size, _)| size.files)
    }
}

impl Shared {
    fn unknown(&self, reason: String) -> Size {
        Size {
            peak_memory_bytes: self.config.default_memory_bytes,
            confidence: DEFAULT,
            because: vec![reason, "nothing is known of it: the default".to_owned()],
            ..Size::default()
        }
    }

    /// The size by a plan, or why there is none.
    async fn size(
        &self,
        scope: Scope,
        sql: Arc<str>,
        knowledge: &impl Knowledge,
        budget: Duration,
    ) -> Result<Arc<Size>, String> {
        let text = Arc::clone(&sql);
        let planned = match bounds::refusal(&sql) {
            Some(reason) => Err(reason),
            None => match self.apart(move || relations::parse(&text, 0)).await? {
                Ok(statements) => self.planned(statements, scope, knowledge, budget).await?,
                Err(_) => Err("the planner does not know its syntax".to_owned()),
            },
        };
        let size = match planned {
            Ok(size) => size,
            Err(reason) => self.explained(&sql, reason, knowledge).await?,
        };
        let size = Arc::new(size);
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.put((scope, sql), (Arc::clone(&size), Instant::now()));
        drop(sizes);
        Ok(size)
    }

    /// The size of parsed statements; the inner error says why they cannot be planned.
    async fn planned(
        &self,
        statements: Vec<relations::Parsed>,
        scope: Scope,
        knowledge: &impl Knowledge,
        budget: Duration,
    ) -> Result<Result<Size, String>, String> {
        let places: Vec<_> = statements.iter().flat_map(|one| one.places.iter().cloned()).collect();
        let known = self.cache.look(scope, &places, knowledge, budget).await;
        let threads = self.config.estimated_threads.get() as f64;
        let files = relations::key(&places);
        let planned = self.apart(move || size::planned(statements, &known, threads)).await?;
        Ok(planned.map(|size| Size { files, ..size }))
    }

    fn remembered(&self, key: &Planned, fresh_only: bool) -> Option<Arc<Size>> {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, made) = sizes.get(key)?;
        let fresh = Duration::from_secs(self.config.statistics_fresh_seconds);
        (!fresh_only || made.elapsed() < fresh).then(|| Arc::clone(size))
    }

    /// DuckDB's own plan, where ours fails for `reason`.
    async fn explained(&self, sql: &str, reason: String, knowledge: &impl Knowledge) -> Result<Size, String> {
        let told = knowledge.explain(sql).await.map_err(|_| format!("{reason}, and DuckDB has no plan of it"))?;
        let threads = self.config.estimated_threads.get() as f64;
        let size = self.apart(move || size::explained(&told, threads)).await?;
        let mut size = size.ok_or_else(|| format!("{reason}, and DuckDB's plan of it is not understood"))?;
        size.because.insert(0, format!("{reason}: by DuckDB's own plan"));
        Ok(size)
    }

    /// Runs what may need much stack, or never end, on a thread of its own. It is not waited for when the caller has had enough.
    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let permit = Arc::clone(&self.planning).acquire_owned().await.map_err(|error| error.to_string())?;
        let (done, result) = oneshot::channel();
        let run = move || {
            let _counts: OwnedSemaphorePermit = permit;
            let _ = done.send(work());
        };
        let thread = std::thread::Builder::new().name("estimate".to_owned()).stack_size(STACK_BYTES).spawn(run);
        thread.map_err(|_| "there is no thread to plan it on".to_owned())?;
        // A planner that panics drops its end.
        result.await.map_err(|_| FAILED.to_owned())
    }
}
