//! How the queue is, for those who look: one entry's standing, and the whole.

use std::fmt;
use std::time::Duration;

use tavana_wire::{QueryId, WorkerId};

use super::{Schedule, Waiting};
use crate::queue::caps::{Share, Usage};
use crate::queue::entry::Where;
use crate::queue::line::Sum;
use crate::queue::mode::Mode;
use crate::queue::room::Room;

/// How an entry is that waits.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// How many that wait came before it.
    pub(crate) ahead: u64,
    pub(crate) waited: Duration,
    /// Until it may run, by how long statements take; `None` when that is not known.
    pub(crate) expected_wait: Option<Duration>,
    pub(crate) because: WaitsFor,
}

/// What an entry waits for; its text is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// Its principal has as many statements as it may.
    OwnStatements {
        most: u32,
    },
    /// Its principal's statements hold as much as they may.
    OwnMemory {
        most_bytes: u64,
    },
    AnyWorker,
    /// It needs more than any worker has.
    LargerWorker {
        need_bytes: u64,
        largest_bytes: u64,
    },
    /// For room on the worker that has its session's state.
    OwnWorker {
        need_bytes: u64,
    },
    /// It is the first in line.
    Room {
        need_bytes: u64,
    },
    /// Its turn has not come.
    Others {
        ahead: u64,
    },
}

/// The whole queue, in numbers: what a scaler needs and what metrics show.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "what a scaler goes by"))]
pub(crate) struct Snapshot {
    pub(crate) mode: Mode,
    pub(crate) waiting: Share,
    /// The biggest need that waits.
    pub(crate) biggest_need_bytes: u64,
    /// How long the first has waited.
    pub(crate) oldest_wait: Duration,
    pub(crate) principals: Vec<Usage>,
    pub(crate) workers: Vec<WorkerUse>,
}

/// What this gateway holds on a worker.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "what a scaler goes by"))]
pub(crate) struct WorkerUse {
    pub(crate) worker: WorkerId,
    /// `None` when the worker is gone.
    pub(crate) room: Option<Room>,
    pub(crate) permits: usize,
    pub(crate) permit_bytes: u64,
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &u64| bytes.div_ceil(1 << 20);
        match self {
            Self::OwnStatements { most } => {
                write!(f, "its user has {most} statements running, as many as one may have; one of them must end first")
            }
            Self::OwnMemory { most_bytes } => {
                let most = mib(most_bytes);
                write!(f, "its user's statements hold the {most} MiB that one may have; one of them must end first")
            }
            Self::AnyWorker => f.write_str("no worker takes statements now"),
            Self::LargerWorker { need_bytes, largest_bytes } => {
                let (need, largest) = (mib(need_bytes), mib(largest_bytes));
                write!(f, "it needs {need} MiB and the largest worker has {largest}; a larger one is waited for")
            }
            Self::OwnWorker { need_bytes } => {
                write!(f, "it needs a free slot and {} MiB on the worker that has its session's state", mib(need_bytes))
            }
            Self::Room { need_bytes } => {
                write!(f, "it is next and needs a free slot and {} MiB on a worker", mib(need_bytes))
            }
            Self::Others { ahead } => write!(f, "{ahead} statements are ahead of it"),
        }
    }
}

impl Schedule {
    /// How a statement is that waits; `None` when it does not.
    pub(in crate::queue) fn standing(&self, query: QueryId, now: Duration) -> Option<Standing> {
        let seq = *self.seqs.get(&query)?;
        let waiting = self.waiting.get(&seq)?;
        let before = self.everyone.before(seq);
        let ahead = u64::from(before.count);
        Some(Standing {
            ahead,
            waited: now.saturating_sub(waiting.arrived),
            expected_wait: self.expected_wait(waiting, before, now),
            because: self.because(waiting, ahead),
        })
    }

    /// The first entries that wait, at most so many.
    pub(in crate::queue) fn first_waiting(&self, most: usize) -> Vec<QueryId> {
        let mut from = 0;
        let next = std::iter::from_fn(|| {
            let item = self.everyone.first_fitting(from, u64::MAX)?;
            from = item.seq + 1;
            self.waiting.get(&item.seq).map(|waiting| waiting.entry.query)
        });
        next.take(most).collect()
    }

    pub(in crate::queue) fn snapshot(&self, now: Duration) -> Snapshot {
        let Sum { count, bytes, biggest, .. } = self.everyone.sum();
        let first = self.everyone.first().and_then(|item| self.waiting.get(&item.seq));
        let workers = self.workers.iter().map(|(id, worker)| {
            let (permits, permit_bytes) = worker.taken();
            WorkerUse { worker: *id, room: worker.room().copied(), permits, permit_bytes }
        });
        Snapshot {
            mode: self.mode(),
            waiting: Share { count, bytes },
            biggest_need_bytes: biggest,
            oldest_wait: first.map_or(Duration::ZERO, |first| now.saturating_sub(first.arrived)),
            principals: self.principals.usage().collect(),
            workers: workers.collect(),
        }
    }

    /// The work of those ahead and of those that run, shared out among all workers: by memory or by slots, whichever takes longer.
    fn expected_wait(&self, waiting: &Waiting, before: Sum, now: Duration) -> Option<Duration> {
        let typical = self.typical_run.or(waiting.entry.expected_run)?;
        let rooms = self.workers.values().filter(|worker| worker.capacity(false).is_some());
        let rooms = rooms.filter_map(|worker| worker.room());
        let (mib, slots) = rooms.fold((0u64, 0u64), |(mib, slots), room| {
            (mib.saturating_add(room.memory_bytes >> 20), slots + u64::from(room.slots))
        });
        (mib > 0 && slots > 0).then_some(())?;
        let (mut mib_ms, mut run_ms) = (before.mib_ms, before.run_ms);
        for (_, held) in self.workers.values().flat_map(|worker| worker.held()) {
            let left = held.expected_end.unwrap_or(held.started + typical).saturating_sub(now);
            // One that is overdue is expected to take as long again.
            let left = if left.is_zero() { now.saturating_sub(held.started) } else { left };
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            mib_ms = mib_ms.saturating_add((held.bytes >> 20).saturating_mul(left_ms));
            run_ms = run_ms.saturating_add(left_ms);
        }
        Some(Duration::from_millis((mib_ms / mib).max(run_ms / slots)))
    }

    fn because(&self, waiting: &Waiting, ahead: u64) -> WaitsFor {
        let need_bytes = waiting.need_bytes;
        let caps = self.principals.caps(&waiting.entry.principal);
        if !waiting.in_line {
            let running = self.principals.running(&waiting.entry.principal);
            match (caps.running, caps.memory_bytes) {
                (Some(most), _) if running.count >= most => return WaitsFor::OwnStatements { most },
                (_, Some(most_bytes)) if running.bytes.saturating_add(need_bytes) > most_bytes => {
                    return WaitsFor::OwnMemory { most_bytes };
                }
                // Those of its principal that are ahead of it are in line.
                _ => return WaitsFor::Others { ahead },
            }
        }
        if let Where::Only(_) = waiting.entry.place {
            return WaitsFor::OwnWorker { need_bytes };
        }
        match self.largest() {
            None => WaitsFor::AnyWorker,
            Some(largest_bytes) if need_bytes > largest_bytes => WaitsFor::LargerWorker { need_bytes, largest_bytes },
            Some(_) if ahead == 0 => WaitsFor::Room { need_bytes },
            Some(_) => WaitsFor::Others { ahead },
        }
    }
}
