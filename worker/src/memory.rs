//! The worker's memory: how much there is, who may use it, and what statements took.
//!
//! The process must not be killed, so DuckDB's limit is derived from that of the process ([`limit`]) and follows it while the worker runs:
//! up when the control group gives more, down when it shrinks. Of DuckDB's limit, gateways are granted parts for their calls and sessions
//! get shares for instances of their own ([`budget`]), never more than there is; a grant is bookkeeping, DuckDB enforces the sum.
//! [`room`] is what a call may do with that. [`meter`] measures statements by DuckDB's own count ([`usage`]), and [`capacity`] tells
//! gateways how all of it stands.

pub(crate) mod budget;
pub(crate) mod capacity;
mod figures;
mod limit;
pub(crate) mod meter;
pub(crate) mod room;
mod usage;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::Registry;
use tavana_wire::{Failure, FailureKind, GatewayId};

use self::budget::{Budget, Grant, Refusal, Share};
use self::figures::Figures;
use self::limit::ProcessLimit;
use self::meter::Meter;
use self::usage::{Usage, UsageReader};
use crate::engine::{Connection, EngineError, Instance};

/// How often the limit of the process is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often while its memory comes near that.
const LOOK_EVERY_UNDER_PRESSURE: Duration = Duration::from_millis(20);
/// The part of the process's limit that DuckDB is expected to take outside of its own before anything was seen.
const OUTSIDE_AT_FIRST: f64 = 0.3;
/// So much of what DuckDB takes outside of its limit is still expected after a look at which it is gone.
const OUTSIDE_LASTS: f64 = 0.998;

/// What a worker is told of its memory.
#[derive(Clone, Debug)]
pub(crate) struct MemoryConfig {
    /// DuckDB's limit; derived from the process's, and kept in step with it, when not given.
    pub(crate) limit_bytes: Option<u64>,
    /// Calls of gateways at a time.
    pub(crate) slots: u32,
    /// Threads that statements run on.
    pub(crate) threads: usize,
    /// Bytes that may be spilled; 90 % of what is free on the disk when not given.
    pub(crate) spill_limit_bytes: Option<u64>,
    /// Where it is spilled to.
    pub(crate) spill_dir: PathBuf,
}

/// The memory of a worker; dropping it ends the thread that measures.
#[derive(Debug)]
pub(crate) struct Memory {
    budget: Arc<Budget>,
    meter: Meter,
    config: MemoryConfig,
    /// The connection that sets DuckDB's limit, and the limit it has.
    control: Mutex<Option<Control>>,
    watcher: OnceLock<JoinHandle<()>>,
    figures: Figures,
    process: Mutex<Process>,
}

/// The process, as it was seen last.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    limit_bytes: u64,
    anonymous_bytes: u64,
    /// What it takes outside of DuckDB's count: as much as was seen lately.
    outside_bytes: u64,
    /// DuckDB's limit that leaves room for that; `None` where nobody kills the process.
    bearable_bytes: Option<u64>,
}

impl Process {
    /// Whether its memory comes near its limit.
    fn is_pressed(&self) -> bool {
        self.bearable_bytes.is_some() && self.anonymous_bytes > self.limit_bytes / 2
    }
}

#[derive(Debug)]
struct Control {
    connection: Connection,
    limit_bytes: u64,
}

impl Memory {
    /// What there is before DuckDB is opened.
    ///
    /// # Errors
    /// When the metrics cannot be registered.
    pub(crate) fn new(config: MemoryConfig, registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let limit = ProcessLimit::read();
        let total = config.limit_bytes.unwrap_or_else(|| limit.for_duckdb());
        let anonymous_bytes = limit::anonymous_bytes();
        let outside_bytes = (limit.bytes() as f64 * OUTSIDE_AT_FIRST) as u64;
        let bearable_bytes = limit.bearable(outside_bytes);
        let process = Process { limit_bytes: limit.bytes(), anonymous_bytes, outside_bytes, bearable_bytes };
        Ok(Arc::new(Self {
            budget: Budget::new(total, config.slots),
            meter: Meter::new(config.threads),
            config,
            control: Mutex::default(),
            watcher: OnceLock::new(),
            figures: Figures::new(registry)?,
            process: Mutex::new(process),
        }))
    }

    /// The limit of the worker's own instance.
    pub(crate) fn main_bytes(&self) -> u64 {
        self.budget.main_bytes()
    }

    /// Measures statements.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Keeps the limit of the opened instance from now on, and measures what runs on it. Inside a runtime.
    ///
    /// # Errors
    /// When DuckDB opens no connections.
    pub(crate) fn keep(self: &Arc<Self>, instance: &Instance) -> Result<(), EngineError> {
        let control = Control { connection: instance.connect()?, limit_bytes: self.main_bytes() };
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(control);
        let (meter, reader) = (self.meter.clone(), UsageReader::new(instance.connect()?)?);
        let watcher = std::thread::Builder::new().name("meter".to_owned()).spawn(move || meter.watch(reader));
        let watcher = watcher.map_err(|error| {
            EngineError::new(FailureKind::Internal, format!("no thread could be started: {}", error.kind()))
        })?;
        let _ = self.watcher.set(watcher);
        self.tell();
        let memory = Arc::downgrade(self);
        let mut changes = self.budget.changes();
        tokio::spawn(async move {
            loop {
                // A share that came back, or a grant that kept the limit up, is worth a look at once; but not each of many.
                let Some(pressed) = memory.upgrade().map(|memory| memory.process().is_pressed()) else { return };
                match pressed {
                    true => tokio::time::sleep(LOOK_EVERY_UNDER_PRESSURE).await,
                    false => drop(tokio::time::timeout(LOOK_EVERY, changes.changed()).await),
                }
                let Some(memory) = memory.upgrade() else { return };
                let looked = tokio::task::spawn_blocking(move || memory.look()).await;
                if looked.is_err() {
                    return;
                }
                if !pressed {
                    tokio::time::sleep(LOOK_EVERY / 4).await;
                }
            }
        });
        Ok(())
    }

    /// Follows the limit of the process. Blocks.
    fn look(&self) {
        let limit = ProcessLimit::read();
        self.meter.refresh();
        let (anonymous_bytes, used_bytes) = (limit::anonymous_bytes(), self.usage().used_bytes);
        let lately = self.process().outside_bytes as f64 * OUTSIDE_LASTS;
        let outside_bytes = anonymous_bytes.saturating_sub(used_bytes).max(lately as u64);
        let bearable_bytes = limit.bearable(outside_bytes);
        let process = Process { limit_bytes: limit.bytes(), anonymous_bytes, outside_bytes, bearable_bytes };
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
        if self.config.limit_bytes.is_none() {
            self.budget.resize(limit.for_duckdb());
        }
        let before = self.limit_bytes();
        match self.settle() {
            Ok(()) if self.limit_bytes() != before => {
                tracing::info!(before_bytes = before, bytes = self.limit_bytes(), "DuckDB's memory limit was changed");
            }
            Ok(()) => {}
            // Nothing new is granted meanwhile, so that it fits soon.
            Err(error) => tracing::debug!(%error, "DuckDB's memory limit cannot be lowered yet"),
        }
        self.tell();
    }

    /// Sets the metrics.
    fn tell(&self) {
        let (standing, process) = (self.budget.standing(None), self.process());
        self.figures.set(&standing, self.limit_bytes(), process.anonymous_bytes, self.usage());
    }

    /// The limit with which the process is not killed, whatever DuckDB takes outside of it; a limit that was given stays.
    fn bearable_bytes(&self) -> u64 {
        let bearable = self.process().bearable_bytes.filter(|_| self.config.limit_bytes.is_none());
        bearable.unwrap_or(u64::MAX)
    }

    /// Gives DuckDB the limit that it should have. Blocks while DuckDB makes room.
    fn settle(&self) -> Result<(), EngineError> {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.main_bytes().min(self.bearable_bytes());
        if let Some(control) = control.as_mut().filter(|control| control.limit_bytes != wanted) {
            control.connection.execute(&format!("SET GLOBAL memory_limit = '{wanted}B'"))?;
            control.limit_bytes = wanted;
        }
        Ok(())
    }

    /// The limit that DuckDB has.
    fn limit_bytes(&self) -> u64 {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        control.as_ref().map_or_else(|| self.main_bytes(), |control| control.limit_bytes)
    }

    /// Grants memory and a slot to a call of a gateway.
    ///
    /// # Errors
    /// `NoRoom`, and nothing is held.
    pub(crate) fn grant(&self, gateway: GatewayId, bytes: u64) -> Result<Grant, Refusal> {
        self.budget.grant(gateway, bytes)
    }

    /// Takes memory for an instance of a session's own from the worker's own instance. Blocks while DuckDB makes room.
    ///
    /// # Errors
    /// `OutOfMemory` when statements hold it.
    pub(crate) fn share(&self, bytes: u64) -> Result<Share, Failure> {
        let share = self.budget.share(bytes);
        let settled = share.and_then(|share| self.settle().is_ok().then_some(share));
        settled.ok_or_else(|| {
            let message = format!(
                "the worker has no {bytes} bytes of memory free for a session with storage credentials of its own; close such sessions, or lower --private-memory-bytes"
            );
            Failure::new(FailureKind::OutOfMemory, message)
        })
    }

    /// Grants nothing any more.
    pub(crate) fn drain(&self) {
        self.budget.drain();
    }

    fn process(&self) -> Process {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it grants nothing any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.budget.standing(None).is_draining
    }

    /// The last reading of what is in use.
    fn usage(&self) -> Usage {
        self.meter.latest()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.meter.end();
        // Its connection keeps the database file open.
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.kind(), refusal.to_string())
    }
}

impl Refusal {
    /// What it is, seen from a gateway.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Draining | Self::NoSlot(_) | Self::NoMemory { .. } => FailureKind::NoRoom,
        }
    }
}
