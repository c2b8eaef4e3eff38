//! One worker's room: what it has, what is held there, and what may start beside the one that waits for it.
//!
//! An entry that does not fit reserves its place on a worker. Smaller ones may start there meanwhile only if that cannot delay it, in
//! whatever order the statements end that run already. It starts at the first moment at which those of them that still run leave it
//! enough: they may then hold any sum up to what it leaves over. So what starts beside it gets the difference between that and the
//! greatest sum that any of them can have below it, and no more, all together. The sums are found on a grid and rounded up.

use std::collections::HashMap;
use std::time::Duration;

use super::line::Line;

/// What a worker has, as it was told last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Memory for statements, together.
    pub(crate) memory_bytes: u64,
    /// Statements at a time.
    pub(crate) slots: u32,
    /// The part of the memory that other gateways hold.
    pub(crate) others_bytes: u64,
    /// The slots that other gateways hold.
    pub(crate) others: u32,
    pub(crate) opening: Opening,
}

/// What a worker takes, the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Opening {
    /// Every statement.
    #[default]
    Open,
    /// Only statements that can run nowhere else: it drains, or is about to be resized.
    Draining,
    /// None: it cannot be reached.
    Closed,
}

/// One worker.
pub(super) struct Worker {
    room: Option<Room>,
    /// It refused a grant: nothing is tried until it tells what it has.
    refused: bool,
    held: HashMap<u64, Held>,
    held_bytes: u64,
    /// Permits that take a slot.
    held_slots: u32,
    /// Those in line that can run only here.
    pub(super) lane: Line,
    /// Whom the last permit here passed.
    passed: Option<u64>,
    /// What may start beside a blocker; to be found anew after every change.
    beside: Option<(Blocker, Beside)>,
}

/// A permit on a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) bytes: u64,
    /// A rider takes no slot.
    pub(super) slot: bool,
    pub(super) started: Duration,
    pub(super) expected_end: Option<Duration>,
    /// The one that it passed, and must not delay.
    pub(super) beside: Option<u64>,
}

/// The entry that waits for room on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocker {
    pub(super) seq: u64,
    pub(super) need_bytes: u64,
}

/// What may start beside a blocker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beside {
    bytes: u64,
    slots: u32,
}

impl Worker {
    pub(super) fn new() -> Self {
        Self {
            room: None,
            refused: false,
            held: HashMap::new(),
            held_bytes: 0,
            held_slots: 0,
            lane: Line::new(),
            passed: None,
            beside: None,
        }
    }

    pub(super) fn room(&self) -> Option<&Room> {
        self.room.as_ref()
    }

    pub(super) fn update(&mut self, room: Option<Room>) {
        (self.room, self.refused, self.beside) = (room, false, None);
    }

    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// Nothing is known of it, held there, or waiting for it.
    pub(super) fn is_forgotten(&self) -> bool {
        self.room.is_none() && self.held.is_empty() && self.lane.is_empty()
    }

    /// What a statement can ever get here; `None` when it cannot run here.
    pub(super) fn capacity(&self, pinned: bool) -> Option<u64> {
        let room = self.room.as_ref().filter(|room| room.slots > 0)?;
        match room.opening {
            Opening::Open => Some(room.memory_bytes),
            Opening::Draining => Some(room.memory_bytes).filter(|_| pinned),
            Opening::Closed => None,
        }
    }

    /// What a statement can get here now.
    pub(super) fn free(&self, pinned: bool) -> Option<u64> {
        let capacity = self.capacity(pinned).filter(|_| !self.refused)?;
        let room = self.room.as_ref()?;
        let slots = u64::from(self.held_slots) + u64::from(room.others);
        (slots < u64::from(room.slots)).then_some(())?;
        // A need of nothing still wants a worker that is not overcommitted.
        capacity.checked_sub(self.held_bytes.saturating_add(room.others_bytes))
    }

    /// What of [`Self::free`] a statement can get that must not delay `blocker`.
    pub(super) fn free_beside(&mut self, blocker: Blocker, pinned: bool) -> Option<u64> {
        let free = self.free(pinned)?;
        let beside = match self.beside {
            Some((known, beside)) if known == blocker => beside,
            _ => {
                let beside = self.beside(blocker);
                self.beside = Some((blocker, beside));
                beside
            }
        };
        (beside.slots > 0).then(|| free.min(beside.bytes))
    }

    /// It has not refused anything since it told what it has.
    #[cfg(test)]
    pub(super) fn is_told(&self) -> bool {
        !self.refused
    }

    pub(super) fn hold(&mut self, seq: u64, held: Held) {
        // What starts by right, or beside another blocker, changes what the former one has to wait for: its count begins anew.
        if held.slot && (held.beside.is_none() || held.beside != self.passed) {
            self.held.values_mut().for_each(|held| held.beside = None);
            self.passed = held.beside;
        }
        self.held_bytes += held.bytes;
        self.held_slots += u32::from(held.slot);
        self.held.insert(seq, held);
        self.beside = None;
    }

    pub(super) fn release(&mut self, seq: u64) -> Option<Held> {
        let held = self.held.remove(&seq)?;
        self.held_bytes -= held.bytes;
        self.held_slots -= u32::from(held.slot);
        self.beside = None;
        Some(held)
    }

    pub(super) fn held(&self) -> impl Iterator<Item = (u64, &Held)> {
        self.held.iter().map(|(seq, held)| (*seq, held))
    }

    /// Permits and their bytes.
    pub(super) fn taken(&self) -> (usize, u64) {
        (self.held.len(), self.held_bytes)
    }

    /// When there will be `bytes` here, by how long statements are expected to run, or else `typical`; `None` when that cannot be known.
    pub(super) fn room_at(&self, bytes: u64, typical: Duration, now: Duration) -> Option<Duration> {
        let room = self.room.as_ref()?;
        let mut free = room.memory_bytes.saturating_sub(self.held_bytes.saturating_add(room.others_bytes));
        let mut slots = u64::from(room.slots).saturating_sub(u64::from(self.held_slots) + u64::from(room.others));
        let mut ends: Vec<_> = self.held.values().collect();
        let end = |held: &Held| held.expected_end.unwrap_or(held.started + typical).max(now);
        ends.sort_by_key(|held| end(held));
        let mut at = now;
        for held in ends {
            if free >= bytes && slots > 0 {
                break;
            }
            free += held.bytes;
            slots += u64::from(held.slot);
            at = end(held);
        }
        (free >= bytes && slots > 0).then_some(at)
    }

    fn beside(&self, blocker: Blocker) -> Beside {
        let nothing = Beside { bytes: 0, slots: 0 };
        let Some(room) = self.room else { return nothing };
        let Some(goal) = room.memory_bytes.checked_sub(blocker.need_bytes) else { return nothing };
        let (beside, older): (Vec<&Held>, Vec<&Held>) =
            self.held.values().partition(|held| held.beside == Some(blocker.seq));
        let mut holds: Vec<u64> = older.iter().map(|held| held.bytes).collect();
        holds.sort_unstable();

        // As many of the older ones as can still run when the blocker starts; those of other gateways may all.
        let slots = older.iter().filter(|held| held.slot).count();
        let fitting = holds.iter().scan(0u64, |sum, bytes| {
            *sum = sum.saturating_add(*bytes);
            Some(*sum)
        });
        let remaining = slots.min(fitting.take_while(|sum| *sum <= goal).count()) + room.others as usize;
        let taken = remaining + beside.iter().filter(|held| held.slot).count() + 1;
        let slots = (room.slots as usize).saturating_sub(taken);

        // What other gateways hold is taken as one hold, which may end or stay.
        holds.push(room.others_bytes);
        let taken: u64 = beside.iter().map(|held| held.bytes).sum();
        let bytes = goal.saturating_sub(greatest_sum(&holds, goal)).saturating_sub(taken);
        Beside { bytes, slots: u32::try_from(slots).unwrap_or(u32::MAX) }
    }
}

/// The greatest sum of any of `holds` that is not above `most`, or somewhat more, but never above `most`.
fn greatest_sum(holds: &[u64], most: u64) -> u64 {
    /// Cells of the grid: a power of two, times 64.
    const CELLS: u64 = 4096;
    const WORDS: usize = (CELLS / 64) as usize;
    let all = holds.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
    if all <= most {
        return all;
    }
    let cell = most / (CELLS - 1) + 1;
    let mut reached = [0u64; WORDS];
    reached[0] = 1;
    let mut rounded = 0;
    for bytes in holds.iter().filter(|bytes| **bytes > 0 && **bytes <= most) {
        let (words, bits) = (((bytes / cell) / 64) as usize, (bytes / cell) % 64);
        for at in (words..WORDS).rev() {
            let low = reached[at - words] << bits;
            let carried = if bits > 0 && at > words { reached[at - words - 1] >> (64 - bits) } else { 0 };
            reached[at] |= low | carried;
        }
        rounded += bytes % cell;
    }
    let last = most / cell;
    let is_reached = |at: &u64| reached[(at / 64) as usize] >> (at % 64) & 1 == 1;
    let greatest = (0..=last).rev().find(is_reached).unwrap_or(0);
    (greatest * cell).saturating_add(rounded).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn room(memory_bytes: u64, slots: u32) -> Room {
        Room { memory_bytes, slots, others_bytes: 0, others: 0, opening: Opening::Open }
    }

    fn held(bytes: u64) -> Held {
        Held { bytes, slot: true, started: Duration::ZERO, expected_end: None, beside: None }
    }

    /// `free` bytes beside one that needs `need`, while `holds` run on a worker of ten bytes.
    fn check(holds: &[u64], need_bytes: u64, slots: u32, free: Option<u64>) {
        let mut worker = Worker::new();
        worker.update(Some(room(10, slots)));
        for (seq, bytes) in holds.iter().enumerate() {
            worker.hold(seq as u64, held(*bytes));
        }
        let blocker = Blocker { seq: 100, need_bytes };
        assert_eq!(worker.free_beside(blocker, false), free, "{holds:?} beside {need_bytes}");
    }

    #[test]
    fn beside_a_blocker_is_what_cannot_delay_it() {
        check(&[8], 6, 9, Some(2));
        check(&[7], 6, 9, Some(3));
        // When one of them ends, every byte that is left is the blocker's.
        check(&[4, 4], 6, 9, Some(0));
        check(&[3, 3, 3], 6, 9, Some(1));
        check(&[5], 10, 9, Some(0));
        check(&[5, 1], 8, 9, Some(1));
        // One slot for the blocker, one that it leaves over.
        check(&[5, 1], 8, 2, None);
        check(&[5, 1], 8, 3, Some(1));
        check(&[8], 6, 2, Some(2));
    }

    #[test]
    fn what_passed_counts() {
        let mut worker = Worker::new();
        worker.update(Some(room(10, 9)));
        worker.hold(1, held(7));
        let blocker = Blocker { seq: 5, need_bytes: 6 };
        assert_eq!(worker.free_beside(blocker, false), Some(3));
        worker.hold(6, Held { beside: Some(5), ..held(1) });
        assert_eq!(worker.free_beside(blocker, false), Some(2));
        worker.release(1);
        assert_eq!(worker.free_beside(blocker, false), Some(3));
    }

    #[test]
    fn a_worker_that_refused_is_full_until_it_tells_what_it_has() {
        let mut worker = Worker::new();
        worker.update(Some(room(10, 9)));
        worker.refuse();
        assert_eq!(worker.free(false), None);
        worker.update(Some(Room { others_bytes: 4, others: 8, ..room(10, 9) }));
        assert_eq!(worker.free(false), Some(6));
        worker.update(Some(Room { others: 9, ..room(10, 9) }));
        assert_eq!(worker.free(false), None);
        worker.update(Some(Room { opening: Opening::Draining, ..room(10, 9) }));
        assert_eq!((worker.free(false), worker.free(true)), (None, Some(10)));
    }

    proptest! {
        #[test]
        fn no_sum_is_overlooked(
            holds in prop::collection::vec(0u64..1 << 40, 0..10), most in 0u64..1 << 40, small in any::<bool>(),
        ) {
            let scale = if small { 1 << 34 } else { 1 };
            let (holds, most): (Vec<u64>, u64) = (holds.iter().map(|bytes| bytes / scale).collect(), most / scale);
            let sums = (0u32..1 << holds.len())
                .map(|some| (0..holds.len()).filter(|at| some >> at & 1 == 1).map(|at| holds[at]).sum::<u64>());
            let greatest = sums.filter(|sum| *sum <= most).max().unwrap();
            let found = greatest_sum(&holds, most);
            prop_assert!(greatest <= found && found <= most);
            // On a grid as fine as the numbers it is exact.
            prop_assert!(!small || found == greatest);
        }
    }
}
