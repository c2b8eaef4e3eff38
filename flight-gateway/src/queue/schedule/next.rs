//! Who starts next, and where.
//!
//! The first entry in line that does not fit anywhere, the *head*, reserves its place on the worker that will have room first. The first
//! of those that can run on one worker only blocks that worker, in the same way. What is behind a blocker may start on its worker only
//! beside it ([`crate::queue::room`]), and elsewhere as it likes. A head that was passed too often, on workers where it could run
//! itself, is passed no more. The entry with the lowest number that can start by these rules is next.

use std::time::Duration;

use tavana_wire::WorkerId;

use super::Schedule;
use crate::queue::entry::{Grant, Kind, Where};
use crate::queue::fit::{self, Fitting};
use crate::queue::line::Item;
use crate::queue::mode::Mode;
use crate::queue::room::{Blocker, Worker};

/// When nothing has run yet, a statement is thought to run this long.
const TYPICAL_RUN: Duration = Duration::from_secs(10);

/// The first in line of those that can run anywhere.
#[derive(Clone, Copy)]
struct Head {
    seq: u64,
    need_bytes: u64,
    /// It was passed as often as may be.
    passed_out: bool,
    reserved: Option<WorkerId>,
}

/// An entry that can start, and where.
#[derive(Clone, Copy)]
struct Choice {
    seq: u64,
    worker: WorkerId,
}

impl Schedule {
    /// Starts the next entry; to be asked after every change until there is none.
    pub(in crate::queue) fn next(&mut self, now: Duration) -> Option<Grant> {
        self.observe(now);
        self.clamp(now);
        let shared = self.head().and_then(|head| self.first_shared(head, now));
        // Asked again: it may have reserved its place just now.
        let head = self.head();
        let pinned = self.first_pinned(head);
        let choice = first(shared, pinned, |choice| choice.seq)?;
        self.start_choice(choice, head, now)
    }

    /// Starts an entry whose session holds a permit already and that has waited for another.
    pub(in crate::queue) fn next_rider(&mut self, now: Duration) -> Option<Grant> {
        let rides = |seq: u64, worker: WorkerId| {
            let Some(waiting) = self.waiting.get(&seq) else { return false };
            let elsewhere = matches!(waiting.entry.place, Where::Only(only) if only != worker);
            !elsewhere && now.saturating_sub(waiting.arrived) >= self.rules.ride_after
        };
        let served = |id| self.workers.get(&id).is_some_and(|worker| worker.capacity(true).is_some());
        let mut sessions = self.sessions.may_ride().filter(|(_, worker)| served(*worker));
        let found = sessions
            .find_map(|(waiting, worker)| waiting.iter().find(|seq| rides(**seq, worker)).map(|seq| (*seq, worker)));
        drop(sessions);
        let (seq, worker) = found?;
        self.start(seq, worker, Kind::Rider, None, now)
    }

    /// What the largest worker has.
    pub(super) fn largest(&self) -> Option<u64> {
        self.workers.values().filter_map(|worker| worker.capacity(false)).max()
    }

    /// Lowers needs that no worker can meet to what the largest has, once waiting for a larger one is over.
    fn clamp(&mut self, now: Duration) {
        if let Some(most) = self.largest() {
            while let Some(item) = self.shared.first_above(most).filter(|item| self.waited_enough(item.seq, now)) {
                self.lower(item, most);
            }
        }
        for id in self.workers_with_lanes() {
            let above = |schedule: &Self| {
                let worker = schedule.workers.get(&id)?;
                let most = worker.capacity(true)?;
                Some((worker.lane.first_above(most)?, most))
            };
            while let Some((item, most)) = above(self).filter(|(item, _)| self.waited_enough(item.seq, now)) {
                self.lower(item, most);
            }
        }
    }

    fn waited_enough(&self, seq: u64, now: Duration) -> bool {
        let waited = self.waiting.get(&seq).map_or(Duration::ZERO, |waiting| now.saturating_sub(waiting.arrived));
        self.mode() == Mode::Saturation || waited >= self.rules.presize_wait
    }

    fn lower(&mut self, item: Item, need_bytes: u64) {
        let Some(waiting) = self.waiting.get_mut(&item.seq) else { return };
        waiting.need_bytes = need_bytes;
        let (principal, place) = (waiting.entry.principal.clone(), waiting.entry.place);
        self.principals.lowered(&principal, item.need_bytes, need_bytes);
        let lowered = Item { need_bytes, ..item };
        self.everyone.remove(item.seq);
        self.everyone.insert(lowered);
        let lane = self.lane(place);
        lane.remove(item.seq);
        lane.insert(lowered);
        self.advance(&principal);
    }

    fn head(&self) -> Option<Head> {
        let Item { seq, need_bytes, .. } = self.shared.first_fitting(0, self.largest()?)?;
        let passed_out = self.passes(seq) >= self.rules.max_passes;
        let reserved = self.reservation.filter(|(head, _)| *head == seq).map(|(_, worker)| worker);
        Some(Head { seq, need_bytes, passed_out, reserved })
    }

    fn passes(&self, seq: u64) -> u32 {
        self.waiting.get(&seq).map_or(0, |waiting| waiting.passes)
    }

    /// The first that can start of those that can run anywhere; reserves a place for the head when it cannot.
    fn first_shared(&mut self, head: Head, now: Duration) -> Option<Choice> {
        if let Some(worker) = self.seat(head.seq, head.need_bytes, head) {
            self.reservation = None;
            return Some(Choice { seq: head.seq, worker });
        }
        let head = self.reserve(head, now);
        if self.shared.is_single() {
            return None;
        }
        // What fits behind every blocker, and what fits only ahead of one that can run on one worker only.
        let mut behind = None;
        let mut ahead = None;
        for id in self.worker_ids() {
            behind = behind.max(self.budget(id, u64::MAX, false, Some(head)));
            let Some(blocker) = self.blocker(id, Some(head)).filter(|blocker| blocker.seq > head.seq) else { continue };
            let free = self.budget(id, blocker.seq, false, Some(head));
            let found = free.and_then(|free| self.shared.first_fitting(head.seq + 1, free));
            ahead = first(ahead, found.filter(|item| item.seq < blocker.seq), |item| item.seq);
        }
        let behind = behind.and_then(|most| self.shared.first_fitting(head.seq + 1, most));
        let Item { seq, need_bytes, .. } = first(ahead, behind, |item| item.seq)?;
        self.seat(seq, need_bytes, head).map(|worker| Choice { seq, worker })
    }

    /// The first that can start of those that can run on one worker only.
    fn first_pinned(&mut self, head: Option<Head>) -> Option<Choice> {
        let mut choice: Option<Choice> = None;
        for id in self.workers_with_lanes() {
            let Some(blocker) = self.first_in_lane(id) else { continue };
            let free = self.budget(id, blocker.seq, true, head);
            let found = if free.is_some_and(|free| blocker.need_bytes <= free) {
                Some(blocker)
            } else {
                let free = self.budget(id, u64::MAX, true, head);
                let lane = self.workers.get(&id).map(|worker| &worker.lane);
                free.and_then(|free| lane?.first_fitting(blocker.seq + 1, free))
            };
            let found = found.map(|item| Choice { seq: item.seq, worker: id });
            choice = first(choice, found, |choice| choice.seq);
        }
        choice
    }

    /// The first in a worker's own lane, of those that it can ever hold.
    fn first_in_lane(&self, id: WorkerId) -> Option<Item> {
        let worker = self.workers.get(&id).filter(|worker| !worker.lane.is_empty())?;
        worker.lane.first_fitting(0, worker.capacity(true)?)
    }

    /// The worker for an entry that may run anywhere.
    fn seat(&mut self, seq: u64, need_bytes: u64, head: Head) -> Option<WorkerId> {
        let mut fitting = Vec::new();
        for worker in self.worker_ids() {
            let free_bytes = self.budget(worker, seq, false, Some(head)).filter(|free| need_bytes <= *free);
            let running = self.workers.get(&worker).map_or(0, |worker| worker.taken().0);
            fitting.extend(free_bytes.map(|free_bytes| Fitting { worker, free_bytes, running }));
        }
        let entry = self.waiting.get(&seq).map(|waiting| &waiting.entry)?;
        let preferred = match entry.place {
            Where::Preferred(worker) => Some(worker),
            Where::Anywhere | Where::Only(_) => None,
        };
        fit::best(fitting.into_iter(), preferred, self.readers.get(entry.files))
    }

    /// The first that waits for room on a worker: the head when its place is there, or the first of the worker's own lane.
    fn blocker(&self, id: WorkerId, head: Option<Head>) -> Option<Blocker> {
        let head = head.filter(|head| head.reserved == Some(id));
        let head = head.map(|Head { seq, need_bytes, .. }| Blocker { seq, need_bytes });
        let pinned = self.first_in_lane(id).map(|Item { seq, need_bytes, .. }| Blocker { seq, need_bytes });
        first(head, pinned, |blocker| blocker.seq)
    }

    /// What an entry may take on a worker without delaying whom it must not delay; `None` when it must not start there.
    fn budget(&mut self, id: WorkerId, seq: u64, pinned: bool, head: Option<Head>) -> Option<u64> {
        let blocker = self.blocker(id, head).filter(|blocker| blocker.seq < seq);
        let pinned_first = self.first_in_lane(id).filter(|item| item.seq < seq);
        let pinned_passed_out = pinned_first.is_some_and(|item| self.passes(item.seq) >= self.rules.max_passes);
        let worker = self.workers.get_mut(&id)?;
        let head_passed_out = head.is_some_and(|head| head.passed_out && head.seq < seq && could_run(worker, head));
        match blocker {
            _ if head_passed_out || pinned_passed_out => None,
            None => worker.free(pinned),
            Some(blocker) => worker.free_beside(blocker, pinned),
        }
    }

    /// Gives the head a place; it keeps the one that it has while the worker can still hold it.
    fn reserve(&mut self, head: Head, now: Duration) -> Head {
        let kept = head.reserved.filter(|id| self.workers.get(id).is_some_and(|worker| could_run(worker, head)));
        let reserved = kept.or_else(|| {
            let typical = self.typical_run.unwrap_or(TYPICAL_RUN);
            let could = self.workers.iter().filter(|(_, worker)| could_run(worker, head));
            let ranked = could.map(|(id, worker)| {
                let at = worker.room_at(head.need_bytes, typical, now);
                (at.is_none(), at, worker.taken().1, *id)
            });
            ranked.min().map(|(.., id)| id)
        });
        self.reservation = reserved.map(|worker| (head.seq, worker));
        Head { reserved, ..head }
    }

    fn start_choice(&mut self, choice: Choice, head: Option<Head>, now: Duration) -> Option<Grant> {
        let Choice { seq, worker } = choice;
        let beside = self.blocker(worker, head).map(|blocker| blocker.seq).filter(|blocker| *blocker < seq);
        let passed_head = head.filter(|head| head.seq < seq);
        let passed_pinned = self.first_in_lane(worker).map(|item| item.seq).filter(|pinned| *pinned < seq);
        // Where the head could not run anyway, it is not passed.
        let could = |head: &Head| self.workers.get(&worker).is_some_and(|worker| could_run(worker, *head));
        let counted = passed_head.filter(could).map(|head| head.seq);
        for passed in counted.into_iter().chain(passed_pinned) {
            if let Some(waiting) = self.waiting.get_mut(&passed) {
                waiting.passes += 1;
            }
        }
        let kind = match self.waiting.get(&seq) {
            _ if passed_head.is_some() || passed_pinned.is_some() => Kind::Backfill,
            Some(waiting) if waiting.arrived == now => Kind::Direct,
            _ => Kind::Fifo,
        };
        self.start(seq, worker, kind, beside, now)
    }

    fn worker_ids(&self) -> Vec<WorkerId> {
        self.workers.keys().copied().collect()
    }

    fn workers_with_lanes(&self) -> Vec<WorkerId> {
        self.workers.iter().filter(|(_, worker)| !worker.lane.is_empty()).map(|(id, _)| *id).collect()
    }
}

/// The one of two with the lower number.
fn first<T>(one: Option<T>, other: Option<T>, seq: impl Fn(&T) -> u64) -> Option<T> {
    one.into_iter().chain(other).min_by_key(seq)
}

/// Whether the head could run on a worker, were it empty.
fn could_run(worker: &Worker, head: Head) -> bool {
    worker.capacity(false).is_some_and(|capacity| head.need_bytes <= capacity)
}
