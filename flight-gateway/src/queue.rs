//! Admission: statements wait here until a worker has room for them.
//!
//! Too many statements at once make all of them slow or kill their worker; a fair order and a bound by memory do not. A statement is
//! [`Accepted`] first, which bounds what waits; then it is an [`Entry`] that waits for its [`Permit`], a value that frees its memory and its
//! slot when it is dropped. Who starts where is decided by `schedule`, which is pure; this module gives it the time, wakes those that it
//! starts, and takes out those whose clients leave, at whatever point that is.
//!
//! The parts: `line` finds the first entry that fits, `caps` parks those of principals at their cap, `room` knows what may start
//! beside one that waits, `fit` chooses among workers, `riders` are sessions that would wait for themselves, `mode` tells whether waiting
//! helps, `acceptance` bounds what waits.

mod acceptance;
mod caps;
mod config;
mod entry;
mod fit;
mod line;
mod metrics;
mod mode;
#[cfg(test)]
mod properties;
mod riders;
mod room;
mod schedule;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::Registry;
use tavana_wire::{FailureKind, QueryId, SessionId, WorkerId};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use acceptance::Acceptance;
use metrics::Metrics;
use schedule::Schedule;

pub(crate) use acceptance::Accepted;
pub use config::QueueConfig;
pub(crate) use entry::{Entry, Grant, Kind, Where};
pub(crate) use mode::Mode;
pub(crate) use room::{Opening, Room};
pub(crate) use schedule::{Snapshot, Standing, WaitsFor};

/// While anything waits, the rules that depend on time alone are applied this often.
const TICK: Duration = Duration::from_millis(100);

/// Why a statement gets no permit.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum QueueError {
    #[error("the worker that holds this session's temporary tables or transaction is gone; open a new session")]
    WorkerGone,
    #[error("the gateway stops and runs nothing new; try again")]
    Stopped,
}

impl QueueError {
    pub(crate) fn kind(self) -> FailureKind {
        match self {
            Self::WorkerGone => FailureKind::SessionGone,
            Self::Stopped => FailureKind::Unavailable,
        }
    }
}

/// The queue in front of all workers. Clones share it.
#[derive(Clone)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
    _ticks: Arc<JoinSet<()>>,
}

struct Shared {
    state: Mutex<State>,
    acceptance: Arc<Acceptance>,
    metrics: Metrics,
    /// The zero of all times.
    start: Instant,
    /// Tells that something waits.
    waits: Notify,
}

struct State {
    schedule: Schedule,
    waiters: HashMap<u64, Waiter>,
    sql_bytes: u64,
}

type Answer = Result<Permit, QueueError>;

/// Who waits for an entry.
struct Waiter {
    answer: oneshot::Sender<Answer>,
    /// `None` when a worker refused it.
    accepted: Option<Accepted>,
}

/// A statement may run: there is a slot, and this much memory, on this worker. Dropping it frees both.
pub(crate) struct Permit {
    shared: Arc<Shared>,
    grant: Grant,
    /// Given back already.
    spent: bool,
}

impl Admission {
    /// A queue with its metrics in `registry`; it knows no worker yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When `registry` has metrics of these names already.
    pub(crate) fn new(config: &QueueConfig, registry: &Registry) -> Result<Self, prometheus::Error> {
        let state = State { schedule: Schedule::new(config.rules()), waiters: HashMap::new(), sql_bytes: 0 };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            acceptance: Acceptance::new(config.bounds()),
            metrics: Metrics::register(registry)?,
            start: Instant::now(),
            waits: Notify::new(),
        });
        let mut ticks = JoinSet::new();
        ticks.spawn(tick(shared.clone()));
        Ok(Self { shared, _ticks: Arc::new(ticks) })
    }

    /// WaitsFor until a statement may wait in the queue: that is bounded, and the bound is no error.
    pub(crate) async fn accept(&self, principal: &Arc<str>, session: Option<SessionId>, sql_bytes: u64) -> Accepted {
        let holds_permit = |session| self.shared.lock().schedule.holds_permit(session);
        self.shared.acceptance.accept(principal, session, sql_bytes, holds_permit).await
    }

    /// WaitsFor for a permit. When the future is dropped, the entry is gone at once.
    ///
    /// # Errors
    /// [`QueueError::WorkerGone`] when the entry can run on one worker only and that is gone.
    pub(crate) async fn admit(&self, accepted: Accepted, entry: Entry) -> Result<Permit, QueueError> {
        self.shared.wait(Some(accepted), |schedule, now| schedule.enter(entry, now)).await
    }

    /// Tells what a worker has.
    pub(crate) fn update(&self, worker: WorkerId, room: Room) {
        self.shared.change(|state, _| state.schedule.update(worker, room));
    }

    /// Tells that a worker is gone, and with it whatever sessions had there.
    pub(crate) fn remove(&self, worker: WorkerId) {
        let lost = self.shared.change(|state, _| {
            let seqs = state.schedule.remove(worker);
            state.withdraw(&seqs)
        });
        fail(lost);
    }

    /// Tells what who scales answered to the demand: there will be no more workers, or larger ones (`ceiling`), or there will.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a scaler goes by"))]
    pub(crate) fn answered(&self, ceiling: bool) {
        self.shared.change(|state, now| state.schedule.answered(ceiling, now));
    }

    /// How a statement is that waits; `None` when it does not wait.
    pub(crate) fn status(&self, query: QueryId) -> Option<Standing> {
        self.shared.lock().schedule.standing(query, self.shared.now())
    }

    /// The first statements that wait, at most so many.
    pub(crate) fn first_waiting(&self, most: usize) -> Vec<QueryId> {
        self.shared.lock().schedule.first_waiting(most)
    }

    /// The whole queue in numbers.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.shared.lock().schedule.snapshot(self.shared.now())
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("snapshot", &self.snapshot()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Makes a change and starts whoever can start after it.
    fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut State, Duration) -> R) -> R {
        let now = self.now();
        let mut state = self.lock();
        let result = change(&mut state, now);
        let mut started = Vec::new();
        while let Some(grant) = state.schedule.next(now) {
            started.extend(state.start(self, grant));
        }
        self.metrics.queue(state.schedule.waiting(), state.sql_bytes, state.schedule.mode());
        drop(state);
        // Outside of the lock: a permit whose client has just left comes back at once.
        answer(started);
        result
    }

    /// Registers an entry and waits for its permit; without waiting when there is room.
    async fn wait(
        self: &Arc<Self>,
        accepted: Option<Accepted>,
        register: impl FnOnce(&mut Schedule, Duration) -> u64,
    ) -> Result<Permit, QueueError> {
        let (answer, permit) = oneshot::channel();
        let seq = self.change(|state, now| {
            let seq = register(&mut state.schedule, now);
            state.sql_bytes += accepted.as_ref().map_or(0, |accepted| accepted.sql_bytes);
            state.waiters.insert(seq, Waiter { answer, accepted });
            seq
        });
        let mut place = Waiting { shared: self, seq, answered: false };
        self.waits.notify_one();
        let permit = permit.await.unwrap_or(Err(QueueError::Stopped));
        place.answered = true;
        permit
    }
}

/// An entry whose client waits; dropping it takes the entry out.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    seq: u64,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        // When it is not there any more, its permit was on its way, and goes back as it is dropped.
        let _withdrawn = self.shared.change(|state, _| {
            let withdrawn = state.withdraw(&[self.seq]);
            if !withdrawn.is_empty() {
                state.schedule.leave(self.seq);
            }
            withdrawn
        });
    }
}

impl State {
    /// The waiters of entries that have left the schedule.
    fn withdraw(&mut self, seqs: &[u64]) -> Vec<Waiter> {
        let waiters: Vec<Waiter> = seqs.iter().filter_map(|seq| self.waiters.remove(seq)).collect();
        let sql_bytes = |waiter: &Waiter| waiter.accepted.as_ref().map_or(0, |accepted| accepted.sql_bytes);
        self.sql_bytes -= waiters.iter().map(sql_bytes).sum::<u64>();
        waiters
    }

    fn start(&mut self, shared: &Arc<Shared>, grant: Grant) -> Option<(Waiter, Permit)> {
        shared.metrics.granted(&grant);
        let permit = Permit { shared: shared.clone(), grant, spent: false };
        self.withdraw(&[grant.seq]).pop().map(|waiter| (waiter, permit))
    }
}

impl Permit {
    /// Where the statement may run, and with how much.
    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The worker had no room: the statement waits again, at its old place, until that worker tells what it has or another has room.
    ///
    /// # Errors
    /// As [`Admission::admit`].
    pub(crate) async fn refused(mut self) -> Result<Self, QueueError> {
        self.spent = true;
        let (shared, grant) = (self.shared.clone(), self.grant);
        shared.metrics.refused();
        shared.metrics.released(&grant);
        shared
            .wait(None, |schedule, _| {
                schedule.refused(grant.seq);
                grant.seq
            })
            .await
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.spent {
            self.shared.metrics.released(&self.grant);
            self.shared.change(|state, now| state.schedule.finish(self.grant.seq, now));
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.grant.fmt(f)
    }
}

/// Applies the rules that depend on time alone.
async fn tick(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(TICK).await;
        let (lost, riders, idle) = shared.change(|state, now| {
            let seqs = state.schedule.lost(now);
            let lost = state.withdraw(&seqs);
            let mut riders = Vec::new();
            while let Some(grant) = state.schedule.next_rider(now) {
                riders.extend(state.start(&shared, grant));
            }
            (lost, riders, state.schedule.waiting() == 0 && state.schedule.mode() == Mode::Scaling)
        });
        fail(lost);
        answer(riders);
        if idle {
            shared.waits.notified().await;
        }
    }
}

/// Gives permits to those who wait for them.
fn answer(started: Vec<(Waiter, Permit)>) {
    for (waiter, permit) in started {
        // A client that has left meanwhile does not take it, and it goes back as it is dropped.
        let _ = waiter.answer.send(Ok(permit));
    }
}

/// Tells those who wait that their worker is gone.
fn fail(lost: Vec<Waiter>) {
    for waiter in lost {
        let _ = waiter.answer.send(Err(QueueError::WorkerGone));
    }
}
