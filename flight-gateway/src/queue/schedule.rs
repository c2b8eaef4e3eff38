//! The order of the queue: who waits, who holds what, and (in [`next`]) who starts where.
//!
//! Pure: no clock, no IO. Time comes in as the duration since some start, every change is one call, and [`Schedule::next`] is asked after
//! it until nobody can start. Entries are numbered as they come, and numbers are their order forever: one that a worker refused takes its
//! old place. All that wait are in one [`Line`], for positions; those that their principal's caps let through ([`super::caps`]) are
//! also in line for where they can run: anywhere, or on the one worker that has their session's state.

#[cfg(test)]
mod audit;
mod next;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tavana_wire::{QueryId, SessionId, WorkerId};

use super::caps::{Caps, Principals};
use super::entry::{Entry, Grant, Kind, Where};
use super::fit::Readers;
use super::line::{Item, Line};
use super::mode::{Mode, Modes, Pace, Seen};
use super::riders::Sessions;
use super::room::{Held, Room, Worker};
pub(crate) use standing::{Snapshot, Standing, WaitsFor};

/// A session's worker that is not known (yet) is waited for this long.
const MISSING_WORKER: Duration = Duration::from_secs(5);

/// What the queue goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) caps: Caps,
    /// A head that was passed this often is passed no more.
    pub(super) max_passes: u32,
    /// How long an entry that is too big for every worker waits for a bigger one.
    pub(super) presize_wait: Duration,
    /// How long an entry waits until it may ride.
    pub(super) ride_after: Duration,
    pub(super) pace: Pace,
    /// Keys of files whose last reader is remembered.
    pub(super) remembered_files: NonZeroUsize,
}

/// All that wait and all that hold permits.
pub(super) struct Schedule {
    rules: Rules,
    next_seq: u64,
    waiting: HashMap<u64, Waiting>,
    /// Entries that hold permits, as they were, for when the worker refuses.
    started: HashMap<u64, Started>,
    seqs: HashMap<QueryId, u64>,
    /// All that wait.
    everyone: Line,
    /// Those in line that can run on any worker.
    shared: Line,
    workers: BTreeMap<WorkerId, Worker>,
    /// The first of [`Self::shared`] that does not fit, and the worker where it reserved its place.
    reservation: Option<(u64, WorkerId)>,
    principals: Principals,
    sessions: Sessions,
    readers: Readers,
    modes: Modes,
    /// How long statements run, as a moving mean.
    typical_run: Option<Duration>,
}

/// An entry that waits.
#[derive(Clone)]
struct Waiting {
    entry: Entry,
    arrived: Duration,
    /// What it reserves: less than it needs when it was clamped.
    need_bytes: u64,
    in_line: bool,
    /// How long it is expected to run, for the waits of others.
    run_ms: u64,
    /// How often it was passed while it was a head.
    passes: u32,
}

/// An entry that holds a permit.
struct Started {
    waiting: Waiting,
    worker: WorkerId,
    bytes: u64,
    kind: Kind,
}

impl Waiting {
    fn clamped(&self) -> bool {
        self.need_bytes < self.entry.need_bytes
    }

    fn item(&self, seq: u64) -> Item {
        Item { seq, need_bytes: self.need_bytes, run_ms: self.run_ms }
    }
}

impl Schedule {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            next_seq: 0,
            waiting: HashMap::new(),
            started: HashMap::new(),
            seqs: HashMap::new(),
            everyone: Line::new(),
            shared: Line::new(),
            workers: BTreeMap::new(),
            reservation: None,
            principals: Principals::default(),
            sessions: Sessions::default(),
            readers: Readers::new(rules.remembered_files),
            modes: Modes::new(rules.pace),
            typical_run: None,
        }
    }

    /// An entry comes; its sequence number.
    pub(super) fn enter(&mut self, entry: Entry, now: Duration) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let most = self.rules.caps.memory_bytes.unwrap_or(u64::MAX);
        let need_bytes = entry.need_bytes.min(most);
        let run = entry.expected_run.or(self.typical_run).unwrap_or_default();
        let run_ms = u64::try_from(run.as_millis()).unwrap_or(u64::MAX);
        self.put(seq, Waiting { entry, arrived: now, need_bytes, in_line: false, run_ms, passes: 0 });
        seq
    }

    /// An entry's client left while it waited.
    pub(super) fn leave(&mut self, seq: u64) {
        if let Some(waiting) = self.take(seq) {
            self.advance(&waiting.entry.principal);
        }
    }

    /// A permit is given back.
    pub(super) fn finish(&mut self, seq: u64, now: Duration) {
        if let Some(started) = self.release(seq, now) {
            self.advance(&started.waiting.entry.principal);
        }
    }

    /// A worker had no room for a permit: the entry takes its old place again.
    pub(super) fn refused(&mut self, seq: u64) {
        let Some(started) = self.release_unmeasured(seq) else { return };
        match self.workers.get_mut(&started.worker) {
            // A rider asked for nothing; its refusal says nothing of what is free.
            Some(worker) if started.kind != Kind::Rider => worker.refuse(),
            Some(_) | None => {}
        }
        self.put(seq, Waiting { in_line: false, ..started.waiting });
    }

    /// What a worker has now.
    pub(super) fn update(&mut self, id: WorkerId, room: Room) {
        self.workers.entry(id).or_insert_with(Worker::new).update(Some(room));
    }

    /// A worker is gone; the entries that could run nowhere else are given back, gone too.
    pub(super) fn remove(&mut self, id: WorkerId) -> Vec<u64> {
        let Some(worker) = self.workers.get_mut(&id) else { return Vec::new() };
        worker.update(None);
        self.forget(id);
        self.lose(|waiting| waiting.entry.place == Where::Only(id))
    }

    /// Who scales has answered: there will be no more capacity (`ceiling`), or there will.
    pub(super) fn answered(&mut self, ceiling: bool, now: Duration) {
        self.modes.answered(ceiling, now);
    }

    /// Entries whose worker is not known and did not come in time, gone.
    pub(super) fn lost(&mut self, now: Duration) -> Vec<u64> {
        let missing: Vec<WorkerId> =
            self.workers.iter().filter(|(_, w)| w.room().is_none()).map(|(id, _)| *id).collect();
        if missing.is_empty() {
            return Vec::new();
        }
        let late = |waiting: &Waiting| now.saturating_sub(waiting.arrived) >= MISSING_WORKER;
        self.lose(|waiting| matches!(waiting.entry.place, Where::Only(id) if missing.contains(&id)) && late(waiting))
    }

    pub(super) fn mode(&self) -> Mode {
        self.modes.mode()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a session holds a permit.
    pub(super) fn holds_permit(&self, session: SessionId) -> bool {
        self.sessions.holds_any(session)
    }

    fn observe(&mut self, now: Duration) {
        let capacities = self.workers.values().filter_map(|worker| worker.capacity(false));
        let capacity_bytes = capacities.fold(0, u64::saturating_add);
        self.modes.observe(Seen { anything_waits: !self.waiting.is_empty(), capacity_bytes }, now);
    }

    fn lose(&mut self, is_lost: impl Fn(&Waiting) -> bool) -> Vec<u64> {
        let mut seqs: Vec<u64> =
            self.waiting.iter().filter(|(_, waiting)| is_lost(waiting)).map(|(seq, _)| *seq).collect();
        seqs.sort_unstable();
        for seq in &seqs {
            self.leave(*seq);
        }
        seqs
    }

    /// Puts an entry into the queue at its place.
    fn put(&mut self, seq: u64, waiting: Waiting) {
        let Entry { query, principal, session, .. } = &waiting.entry;
        let principal = principal.clone();
        self.everyone.insert(waiting.item(seq));
        self.seqs.insert(*query, seq);
        self.sessions.waits(*session, seq);
        let caps = waiting.entry.caps.unwrap_or(self.rules.caps);
        self.principals.park(&principal, caps, seq, waiting.need_bytes);
        self.waiting.insert(seq, waiting);
        self.advance(&principal);
    }

    /// Takes an entry out of the queue; its principal is to be [advanced](Self::advance) afterwards.
    fn take(&mut self, seq: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&seq)?;
        let Entry { query, principal, session, place, .. } = &waiting.entry;
        self.everyone.remove(seq);
        // A ticket that is fetched twice is one query and two entries; the later one is shown.
        if self.seqs.get(query) == Some(&seq) {
            self.seqs.remove(query);
        }
        self.sessions.left(*session, seq);
        if waiting.in_line {
            self.principals.left_line(principal, waiting.need_bytes);
            self.lane(*place).remove(seq);
            if let Where::Only(id) = *place {
                self.forget(id);
            }
        } else {
            self.principals.unpark(principal, seq);
        }
        Some(waiting)
    }

    /// Lets into line what a principal may have there.
    fn advance(&mut self, principal: &Arc<str>) {
        while let Some(seq) = self.principals.next(principal) {
            let Some(waiting) = self.waiting.get_mut(&seq) else { continue };
            waiting.in_line = true;
            let (item, place) = (waiting.item(seq), waiting.entry.place);
            self.lane(place).insert(item);
        }
    }

    /// The line for a place.
    fn lane(&mut self, place: Where) -> &mut Line {
        match place {
            Where::Anywhere | Where::Preferred(_) => &mut self.shared,
            Where::Only(id) => &mut self.workers.entry(id).or_insert_with(Worker::new).lane,
        }
    }

    /// Gives an entry its permit.
    fn start(&mut self, seq: u64, worker: WorkerId, kind: Kind, beside: Option<u64>, now: Duration) -> Option<Grant> {
        let waiting = self.take(seq)?;
        let rides = kind == Kind::Rider;
        let bytes = if rides { 0 } else { waiting.need_bytes };
        let Entry { principal, session, files, expected_run, .. } = &waiting.entry;
        if !rides {
            self.principals.started(principal, bytes);
            self.readers.learn(*files, worker);
        }
        self.sessions.holds(*session, seq, worker, rides);
        let expected_end = expected_run.map(|run| now + run);
        let held = Held { bytes, slot: !rides, started: now, expected_end, beside };
        self.workers.entry(worker).or_insert_with(Worker::new).hold(seq, held);
        let principal = principal.clone();
        let grant = Grant {
            seq,
            worker,
            bytes,
            clamped: !rides && waiting.clamped(),
            kind,
            waited: now.saturating_sub(waiting.arrived),
            mode: self.mode(),
        };
        self.started.insert(seq, Started { waiting, worker, bytes, kind });
        self.advance(&principal);
        Some(grant)
    }

    fn release(&mut self, seq: u64, now: Duration) -> Option<Started> {
        let begun = self.started.get(&seq).and_then(|started| {
            let worker = self.workers.get(&started.worker)?;
            worker.held().find(|(held, _)| *held == seq).map(|(_, held)| held.started)
        });
        if let Some(begun) = begun {
            let run = now.saturating_sub(begun);
            self.typical_run = Some(self.typical_run.map_or(run, |typical| (typical * 15 + run) / 16));
        }
        self.release_unmeasured(seq)
    }

    fn release_unmeasured(&mut self, seq: u64) -> Option<Started> {
        let started = self.started.remove(&seq)?;
        let Entry { principal, session, .. } = &started.waiting.entry;
        if started.kind != Kind::Rider {
            self.principals.ended(principal, started.bytes);
        }
        self.sessions.released(*session, seq);
        if let Some(worker) = self.workers.get_mut(&started.worker) {
            worker.release(seq);
        }
        self.forget(started.worker);
        Some(started)
    }

    /// Forgets a worker of which nothing is left.
    fn forget(&mut self, id: WorkerId) {
        if self.workers.get(&id).is_some_and(Worker::is_forgotten) {
            self.workers.remove(&id);
        }
    }
}
