//! Sessions that hold a permit and wait for another.
//!
//! A client may open a second statement before it has read the first to its end. If the second waits for room that the first holds, both
//! wait forever. So it may *ride*: it runs on the same worker, in the memory that its session holds there already. Only one at a time,
//! and only after some waiting, so that it is not a way around the queue.

use std::collections::{BTreeSet, HashMap};

use tavana_wire::{SessionId, WorkerId};

/// The sessions with anything waiting or running.
#[derive(Default)]
pub(super) struct Sessions {
    sessions: HashMap<SessionId, Session>,
    /// Those that hold a permit, and so may have a rider.
    holders: BTreeSet<SessionId>,
}

#[derive(Default)]
struct Session {
    waiting: BTreeSet<u64>,
    /// Where permits are held, the oldest first.
    held: Vec<(u64, WorkerId)>,
    rider: Option<u64>,
}

impl Sessions {
    pub(super) fn waits(&mut self, id: Option<SessionId>, seq: u64) {
        if let Some(id) = id {
            self.sessions.entry(id).or_default().waiting.insert(seq);
        }
    }

    pub(super) fn left(&mut self, id: Option<SessionId>, seq: u64) {
        self.change(id, |session| {
            session.waiting.remove(&seq);
        });
    }

    pub(super) fn holds(&mut self, id: Option<SessionId>, seq: u64, worker: WorkerId, rides: bool) {
        let Some(id) = id else { return };
        let session = self.sessions.entry(id).or_default();
        if rides {
            session.rider = Some(seq);
        } else {
            session.held.push((seq, worker));
            self.holders.insert(id);
        }
    }

    pub(super) fn released(&mut self, id: Option<SessionId>, seq: u64) {
        self.change(id, |session| {
            session.held.retain(|(held, _)| *held != seq);
            session.rider = session.rider.filter(|rider| *rider != seq);
        });
    }

    pub(super) fn holds_any(&self, id: SessionId) -> bool {
        self.holders.contains(&id)
    }

    /// For each session that may have a rider: what of it waits, in order, and where it holds its oldest permit.
    pub(super) fn may_ride(&self) -> impl Iterator<Item = (&BTreeSet<u64>, WorkerId)> {
        let sessions = self.holders.iter().filter_map(|id| self.sessions.get(id));
        let sessions = sessions.filter(|session| session.rider.is_none() && !session.waiting.is_empty());
        sessions.filter_map(|session| session.held.first().map(|(_, worker)| (&session.waiting, *worker)))
    }

    fn change(&mut self, id: Option<SessionId>, change: impl FnOnce(&mut Session)) {
        let Some((id, session)) = id.and_then(|id| Some((id, self.sessions.get_mut(&id)?))) else { return };
        change(session);
        if session.held.is_empty() {
            self.holders.remove(&id);
            if session.waiting.is_empty() && session.rider.is_none() {
                self.sessions.remove(&id);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.holders.is_empty()
    }
}
