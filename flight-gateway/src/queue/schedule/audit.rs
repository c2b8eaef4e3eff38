//! What must hold of a schedule after every change; for tests.

use super::{Schedule, Where};
use crate::queue::room::Worker;

impl Schedule {
    /// Panics when something does not hold. `strict` when no worker shrank and no other gateway took room: only then can it be said
    /// that nobody delays a blocker.
    pub(in crate::queue) fn audit(&self, strict: bool) {
        let waiting = self.waiting.len();
        assert_eq!(self.everyone.sum().count as usize, waiting, "those that wait are in line once");
        assert!(self.seqs.len() <= waiting);
        let needs: u64 = self.waiting.values().map(|waiting| waiting.need_bytes).sum();
        assert_eq!(self.everyone.sum().bytes, needs);
        let in_line = self.waiting.values().filter(|waiting| waiting.in_line).count();
        let lanes: u32 = self.workers.values().map(|worker| worker.lane.sum().count).sum();
        assert_eq!(self.shared.sum().count + lanes, in_line as u32);
        let held: usize = self.workers.values().map(|worker| worker.taken().0).sum();
        assert_eq!(held, self.started.len(), "what is permitted is held");
        self.audit_caps();
        self.audit_passes();
        if strict {
            self.audit_blockers();
        }
    }

    /// Nothing is left of anything.
    pub(in crate::queue) fn is_empty(&self) -> bool {
        let held = |worker: &Worker| worker.taken() != (0, 0) || !worker.lane.is_empty();
        self.waiting.is_empty()
            && self.started.is_empty()
            && self.seqs.is_empty()
            && self.everyone.is_empty()
            && self.shared.is_empty()
            && !self.workers.values().any(held)
            && self.principals.usage().next().is_none()
            && self.sessions.is_empty()
    }

    fn audit_caps(&self) {
        let mut waiting = 0;
        for usage in self.principals.usage() {
            let caps = self.principals.caps(&usage.principal);
            waiting += usage.waiting.count;
            assert!(caps.running.is_none_or(|most| usage.running.count <= most), "{usage:?}");
            assert!(caps.memory_bytes.is_none_or(|most| usage.running.bytes <= most), "{usage:?}");
            let capped = caps.running.is_some_and(|most| usage.running.count == most);
            let eligible = |w: &&super::Waiting| w.entry.principal == usage.principal && w.in_line;
            assert!(!capped || self.waiting.values().find(eligible).is_none(), "one at its cap is in nobody's way");
        }
        assert_eq!(waiting as usize, self.waiting.len());
    }

    fn audit_passes(&self) {
        // An entry can be a head in the shared line, or in one of a worker: it is passed once a start.
        let passes = self.waiting.values().map(|waiting| waiting.passes).max().unwrap_or(0);
        assert!(passes <= self.rules.max_passes, "passed {passes} times");
    }

    /// A blocker that would have room without those that passed it has started.
    fn audit_blockers(&self) {
        let head = self.largest().and_then(|most| self.shared.first_fitting(0, most));
        let passed_out = head.filter(|head| self.waiting[&head.seq].passes >= self.rules.max_passes);
        for (id, worker) in &self.workers {
            let Some(room) = worker.room() else { continue };
            let reserved = self.reservation.filter(|(_, reserved)| reserved == id).map(|(seq, _)| seq);
            let pinned = worker.capacity(true).and_then(|most| worker.lane.first_fitting(0, most)).map(|item| item.seq);
            let Some(blocker) = reserved.into_iter().chain(pinned).min() else { continue };
            let Some(waiting) = self.waiting.get(&blocker) else { continue };
            let is_pinned = matches!(waiting.entry.place, Where::Only(_));
            let others = worker.held().filter(|(_, held)| held.beside != Some(blocker));
            let (slots, bytes) =
                others.fold((0, 0), |(slots, bytes), (_, held)| (slots + u32::from(held.slot), bytes + held.bytes));
            let fits = slots < room.slots && bytes + waiting.need_bytes <= room.memory_bytes;
            let open = worker.capacity(is_pinned).is_some() && worker.is_told();
            let stopped = passed_out.is_some_and(|head| head.seq < blocker && head.need_bytes <= room.memory_bytes);
            assert!(!(fits && open && !stopped), "{blocker} is delayed on {id} by those that passed it");
        }
    }
}
