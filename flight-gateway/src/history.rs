//! What statements took: expectations of the next ones, and the log that `tavana.queries` shows.
//!
//! An expectation is asked for on the way of every statement, so all of them are in memory, the least recently used forgotten first
//! ([`runs`] says what they rest on). The log is asked for rarely and lies in an embedded database ([`store`]), which keeps the runs over
//! restarts, too. No statement waits for it: [`History::record`] leaves the row in a bounded queue, from which one thread
//! writes batches. What still waits there is part of the log for those who ask.

mod config;
mod runs;
mod store;
mod writer;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use lru::LruCache;
use prometheus::{IntCounter, IntGauge, Registry};
use prost::Message as _;
use tavana_wire::status::QueryRow;
use tavana_wire::{FailureKind, may_hold_credentials};

pub use config::HistoryConfig;
use runs::{Run, Runs};
use store::{Store, StoreError};
use writer::{Key, Queue, Waiting};

use crate::estimate::{Expectation, Fingerprint};

/// The outcome of a statement that did not fail.
pub(crate) const OK: &str = "ok";
/// The most rows that one look at the log goes through, the newest first, for those that its asker may see.
const LOOKED_THROUGH: usize = 200_000;

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The folder cannot be used.
    #[error("the folder of --state-dir cannot be used: {0}; make it writable, or name another")]
    Folder(std::io::Error),
    /// Another process has it.
    #[error("history.redb in --state-dir is in use by another process; give each gateway a folder of its own")]
    InUse,
    /// The store fails.
    #[error("history.redb in --state-dir cannot be used: {0}; if it stays so, move the file away")]
    Store(Box<redb::Error>),
    /// The operating system starts no thread.
    #[error("no thread can be started to write history: {0}")]
    Thread(std::io::Error),
    /// The names of its metrics are taken.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

impl HistoryError {
    /// What it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Folder(_) | Self::Store(_) => FailureKind::Io,
            Self::InUse => FailureKind::State,
            Self::Thread(_) | Self::Metrics(_) => FailureKind::Internal,
        }
    }
}

/// What statements took. Dropping it writes what still waits.
pub(crate) struct History {
    shared: Arc<Shared>,
    config: HistoryConfig,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    remembered: Mutex<LruCache<Key, Remembered>>,
    queue: Queue,
    store: Store,
    metrics: Metrics,
}

/// The runs of a fingerprint, and what they say.
struct Remembered {
    runs: Runs,
    expectation: Option<Expectation>,
}

struct Metrics {
    dropped: IntCounter,
    bytes: IntGauge,
    fingerprints: IntGauge,
}

impl History {
    /// Opens the history in the configured folder, or an empty one in memory, with its metrics in `registry`.
    ///
    /// # Errors
    /// [`HistoryError`]. A file that is damaged, or that a newer version wrote, is none: it is moved aside, with a warning.
    pub(crate) fn open(config: HistoryConfig, registry: &Registry) -> Result<Self, HistoryError> {
        let metrics = Metrics::register(registry)?;
        let (store, stored) = store::open(&config)?;
        let mut remembered = LruCache::new(config.history_max_fingerprints);
        let mut forgotten = Vec::new();
        // Those that ran last come last: they are the most recently used.
        for (key, runs) in stored {
            let expectation = runs.expect();
            forgotten.extend(remembered.push(key, Remembered { runs, expectation }).map(|(key, _)| key));
        }
        metrics.fingerprints.set(i64::try_from(remembered.len()).unwrap_or(i64::MAX));
        let queue = Queue::new(store.next_row()?, forgotten);
        let shared = Arc::new(Shared { remembered: Mutex::new(remembered), queue, store, metrics });
        let writing = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("history".to_owned());
        let writer = thread.spawn(move || writing.write()).map_err(HistoryError::Thread)?;
        Ok(Self { shared, config, writer: Some(writer) })
    }

    /// What the next run of this fingerprint is expected to take; `None` when it never ran.
    pub(crate) fn expect(&self, fingerprint: &Fingerprint) -> Option<Expectation> {
        let mut remembered = self.shared.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(&fingerprint.0).and_then(|remembered| remembered.expectation)
    }

    /// Notes a statement that ended. It never waits: a row for which there is no room in the queue is counted and dropped.
    pub(crate) fn record(&self, mut row: QueryRow) {
        row.sql = shown(&row.sql, self.config.query_log_text_bytes);
        if self.config.cost_per_gib_second > 0.0 {
            row.cost = row.gib_seconds().map(|amount| amount * self.config.cost_per_gib_second);
        }
        let key = row.estimate.as_ref().and_then(|estimate| Key::try_from(estimate.fingerprint.as_slice()).ok());
        let run = key.zip(Run::of(&row));
        let forgotten = run.and_then(|(key, run)| self.shared.remember(key, run));
        let waiting = Waiting { row: row.encode_to_vec(), key: run.map(|(key, _)| key) };
        if !self.shared.queue.push(waiting, forgotten) {
            self.shared.metrics.dropped.inc();
        }
    }

    /// The most bytes of a statement's text that are kept.
    pub(crate) fn text_bytes(&self) -> usize {
        self.config.query_log_text_bytes
    }

    /// The statements that ended, the newest first: those of `principal`, or of everybody without one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn recent(&self, principal: Option<&str>, limit: usize) -> Result<Vec<QueryRow>, HistoryError> {
        let (shared, principal) = (Arc::clone(&self.shared), principal.map(str::to_owned));
        let read = tokio::task::spawn_blocking(move || shared.recent(principal.as_deref(), limit));
        // A panic in it is a fault of ours; there is nothing to show then.
        read.await.unwrap_or_else(|_| Ok(Vec::new()))
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take() {
            // It ends when the queue is empty; a panic of it was told by its thread.
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// Adds a run; gives the fingerprint that is forgotten for it.
    fn remember(&self, key: Key, run: Run) -> Option<Key> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered.get_mut(&key) {
            known.runs.add(run);
            known.expectation = known.runs.expect();
            return None;
        }
        let mut runs = Runs::default();
        runs.add(run);
        let expectation = runs.expect();
        let forgotten = remembered.push(key, Remembered { runs, expectation }).map(|(key, _)| key);
        self.metrics.fingerprints.set(i64::try_from(remembered.len()).unwrap_or(i64::MAX));
        forgotten
    }

    /// The runs of these fingerprints as they are stored; none for those that are forgotten.
    fn runs_of(&self, keys: HashSet<Key>) -> Vec<(Key, Option<Vec<u8>>)> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = |key: &Key| remembered.peek(key).map(|known| known.runs.encode_to_vec());
        keys.into_iter().map(|key| (key, runs(&key))).collect()
    }

    /// Writes what comes into the queue, until that is closed and empty.
    fn write(&self) {
        let mut works = true;
        while let Some(batch) = self.queue.batch() {
            let keys = batch.rows.iter().filter_map(|(_, waiting)| waiting.key).chain(batch.forgotten).collect();
            let rows: Vec<(u64, &[u8])> = batch.rows.iter().map(|(at, row)| (*at, row.row.as_slice())).collect();
            match self.store.commit(&rows, &self.runs_of(keys), now_us()) {
                Ok(bytes) => {
                    self.metrics.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
                    works = true;
                }
                Err(error) => {
                    self.metrics.dropped.inc_by(rows.len() as u64);
                    if std::mem::take(&mut works) {
                        tracing::warn!(%error, "the statement log cannot be written; its rows are dropped until it can");
                    }
                }
            }
            self.queue.written(batch.rows.len());
        }
    }

    fn recent(&self, principal: Option<&str>, limit: usize) -> Result<Vec<QueryRow>, HistoryError> {
        let is_seen = |row: &QueryRow| principal.is_none_or(|principal| row.principal == principal);
        // The queue first: what is written meanwhile must not be missed, and what is in both has the same place.
        let (first, waiting) = self.queue.waiting();
        let mut rows: Vec<QueryRow> = waiting.iter().rev().filter_map(|row| decoded(row)).filter(is_seen).collect();
        rows.truncate(limit);
        self.store.recent(first, LOOKED_THROUGH, &mut |row| {
            let more = rows.len() < limit;
            rows.extend(decoded(row).filter(|row| more && is_seen(row)));
            more
        })?;
        Ok(rows)
    }
}

fn decoded(row: &[u8]) -> Option<QueryRow> {
    QueryRow::decode(row).ok()
}

/// A statement's text as the log shows it: cut, and not at all where it may hold credentials.
pub(crate) fn shown(sql: &str, limit: usize) -> String {
    if may_hold_credentials(sql) {
        return String::new();
    }
    if sql.len() <= limit {
        return sql.to_owned();
    }
    let end = (0..=limit).rev().find(|&at| sql.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &sql[..end])
}

fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl Metrics {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            dropped: IntCounter::new(
                "tavana_gateway_query_log_dropped_total",
                "Statements that are missing in the log, because it could not be written fast enough or at all.",
            )?,
            bytes: IntGauge::new("tavana_gateway_query_log_bytes", "Bytes of the statements in the log.")?,
            fingerprints: IntGauge::new(
                "tavana_gateway_history_fingerprints",
                "Kinds of statements of which earlier runs are known.",
            )?,
        };
        registry.register(Box::new(metrics.dropped.clone()))?;
        registry.register(Box::new(metrics.bytes.clone()))?;
        registry.register(Box::new(metrics.fingerprints.clone()))?;
        Ok(metrics)
    }
}

impl From<StoreError> for HistoryError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error.0))
    }
}

#[cfg(test)]
mod tests;
