//! Maintenance on a schedule, beside the statements of a worker.
//!
//! It has a connection of its own and gives way: ahead of each step it waits for the worker to be idle, within a bound for the whole run.
//! DuckDB's threads are one pool, so that a step that runs does take its share. It ends when the worker drains. What fails is told once, and tried
//! again when the next run is due.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use prometheus::{IntCounterVec, Opts, Registry};
use tavana_wire::Failure;
use tokio_util::sync::CancellationToken;

use super::lease::Lease;
use super::{Failed, Maintenance, Report, Surroundings};
use crate::execute::blocking::{Ended, InterruptUntilEnded};
use crate::service::Shared;
use crate::session::backend::Backend;
use crate::session::changes::Changed;

/// How long the steps of a run wait for the worker to be idle, all together: a part of the time between runs, and at most this.
const GIVES_WAY: (u32, Duration) = (10, Duration::from_secs(60));
const LOOKS_EVERY: Duration = Duration::from_millis(20);
/// How often a worker looks whether a run is due: a part of the time between runs, within these.
const LOOKS_FOR_WORK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));

/// What is counted, by catalog.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    runs: IntCounterVec,
    snapshots: IntCounterVec,
    files: IntCounterVec,
    bytes: IntCounterVec,
}

impl Figures {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            runs: counter("tavana_maintenance_runs_total", "Runs of maintenance.", &["catalog", "outcome"])?,
            snapshots: counter("tavana_maintenance_expired_snapshots_total", "Snapshots expired.", &["catalog"])?,
            files: counter("tavana_maintenance_deleted_files_total", "Files deleted.", &["catalog"])?,
            bytes: counter("tavana_maintenance_freed_bytes_total", "Bytes of deleted files.", &["catalog"])?,
        })
    }

    fn count(&self, catalog: &str, outcome: &str, report: &Report) {
        self.runs.with_label_values(&[catalog, outcome]).inc();
        self.snapshots.with_label_values(&[catalog]).inc_by(report.snapshots_expired);
        self.files.with_label_values(&[catalog]).inc_by(report.files_deleted + report.orphans_deleted);
        self.bytes.with_label_values(&[catalog]).inc_by(report.bytes_freed);
    }
}

/// Maintains a catalog until `stop`, or until the worker is gone.
pub(crate) async fn maintain(
    maintenance: Maintenance,
    shared: Weak<Shared>,
    figures: Figures,
    stop: CancellationToken,
) {
    let every = Duration::from_secs_f64(maintenance.settings.every_minutes * 60.0);
    let mut told: Vec<String> = Vec::new();
    loop {
        // By lot, so that the workers of a fleet do not all ask at once.
        let wait = (every / 4).clamp(LOOKS_FOR_WORK.0, LOOKS_FOR_WORK.1).mul_f64(0.5 + fastrand::f64());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let Some(shared) = shared.upgrade() else { return };
        let failures = match once(&maintenance, shared, every, &stop).await {
            Ok(None) => continue,
            Ok(Some(report)) => {
                let outcome = match (stop.is_cancelled(), report.failures.is_empty()) {
                    (true, _) => "cut",
                    (false, true) => "ok",
                    (false, false) => "failed",
                };
                figures.count(&maintenance.catalog, outcome, &report);
                tell(&maintenance.catalog, outcome, &report);
                report.failures
            }
            Err(failure) => vec![Failed { step: "all steps".to_owned(), reason: failure.message }],
        };
        if stop.is_cancelled() {
            return;
        }
        for failed in failures.iter().filter(|failed| !told.contains(&failed.step)) {
            tracing::warn!(catalog = maintenance.catalog, "maintenance failed, and is tried again: {failed}");
        }
        told = failures.into_iter().map(|failed| failed.step).collect();
    }
}

fn tell(catalog: &str, outcome: &str, report: &Report) {
    tracing::info!(
        catalog,
        outcome,
        rows_flushed = report.rows_flushed,
        files_compacted = report.files_compacted,
        files_made = report.files_made,
        snapshots_expired = report.snapshots_expired,
        files_deleted = report.files_deleted,
        orphans_deleted = report.orphans_deleted,
        bytes_freed = report.bytes_freed,
        "maintenance ended"
    );
}

/// Runs it if it is due here; `None` when it is not.
async fn once(
    maintenance: &Maintenance,
    shared: Arc<Shared>,
    every: Duration,
    stop: &CancellationToken,
) -> Result<Option<Report>, Failure> {
    let backend = shared.executor.pool.take(None)?;
    let lease = Lease::new(&maintenance.catalog, &shared.executor.id.to_string(), every);
    let (ended, stopped) = (Ended::default(), Arc::new(AtomicBool::new(false)));
    let interrupting = InterruptUntilEnded::new(backend.connection().interrupt(), ended.clone());
    let work = {
        let (maintenance, stopped) = (maintenance.clone(), Arc::clone(&stopped));
        move || claimed(&maintenance, &shared, backend, &lease, &ended, &stopped)
    };
    let mut task = tokio::task::spawn_blocking(work);
    let joined = tokio::select! {
        joined = &mut task => joined,
        () = stop.cancelled() => {
            stopped.store(true, Ordering::Release);
            drop(interrupting);
            task.await
        }
    };
    joined.unwrap_or_else(|_| Err(Failure::new(tavana_wire::FailureKind::Internal, "a fault ended the maintenance")))
}

/// The run itself, on a thread that may block. The connection is closed at its end, not given back.
fn claimed(
    maintenance: &Maintenance,
    shared: &Shared,
    mut backend: Backend,
    lease: &Lease,
    ended: &Ended,
    stopped: &AtomicBool,
) -> Result<Option<Report>, Failure> {
    let is_claimed = lease.claim_due(backend.connection()).inspect_err(|_| ended.set())?;
    if !is_claimed {
        ended.set();
        return Ok(None);
    }
    tracing::info!(catalog = maintenance.catalog, "maintenance begins");
    // Statements beside it are not alone.
    let run = shared.memory.meter().run();
    run.begin(false);
    let change = backend.change(Changed::Rows, false);
    let patience = Cell::new((lease.every() / GIVES_WAY.0).min(GIVES_WAY.1));
    let goes_on = |_: &str, _: f64| {
        while !stopped.load(Ordering::Acquire) && !shared.executor.running.is_idle() && !patience.get().is_zero() {
            std::thread::sleep(LOOKS_EVERY);
            patience.set(patience.get().saturating_sub(LOOKS_EVERY));
        }
        !stopped.load(Ordering::Acquire)
    };
    let report =
        maintenance.run(backend.connection(), &Surroundings { goes_on: &goes_on, lease: Some(lease), dry_run: false });
    drop((change, run));
    // From here on nothing is interrupted.
    ended.set();
    lease.end(backend.connection(), stopped.load(Ordering::Acquire))?;
    Ok(Some(report?))
}
