//! Who has which part of the memory: pure bookkeeping that never gives out more than there is.
//!
//! A grant is for one call of a gateway, and takes memory and a slot; a share is for an instance of a session's own. Both are values
//! that give back what they hold when they are dropped. What is already given stays given when the memory shrinks; nothing new is
//! given then until enough has come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tavana_wire::GatewayId;
use tokio::sync::watch;

/// Memory that is never granted, for what all statements share: footers and blocks that are kept, catalogs, the rows of open
/// transactions. An eighth of the memory, and no more than this.
const MAX_BASE_BYTES: u64 = 128 << 20;

/// What a worker has to give, and what of it is given.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    total_bytes: u64,
    shared_out_bytes: u64,
    slots: u32,
    is_draining: bool,
    held: Held,
    held_by: HashMap<GatewayId, Held>,
    refusals: u64,
}

/// Grants and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) grants: u32,
    pub(crate) bytes: u64,
}

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Bytes that can be granted, together.
    pub(crate) grantable_bytes: u64,
    pub(crate) slots: u32,
    /// All that is granted.
    pub(crate) held: Held,
    /// The part of it that others hold than the gateway that was asked for.
    pub(crate) held_by_others: Held,
    pub(crate) is_draining: bool,
    pub(crate) refusals: u64,
}

/// Why a grant is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the worker ends, and takes nothing new; ask another")]
    Draining,
    #[error("all {0} slots of the worker are taken; wait for one, or raise --slots")]
    NoSlot(u32),
    #[error("{asked} bytes of memory are asked for, and {free} of {all} are free; wait, or ask for less")]
    NoMemory { asked: u64, free: u64, all: u64 },
}

/// Memory and a slot for one call, until it is dropped.
#[derive(Debug)]
pub(crate) struct Grant {
    budget: Arc<Budget>,
    gateway: GatewayId,
    bytes: u64,
}

/// Memory for an instance of a session's own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

impl State {
    /// What all instances but the worker's own leave it.
    fn main_bytes(&self) -> u64 {
        self.total_bytes.saturating_sub(self.shared_out_bytes)
    }

    fn grantable_bytes(&self) -> u64 {
        self.main_bytes() - base_bytes(self.main_bytes())
    }
}

/// The part of so much memory that is not granted.
fn base_bytes(bytes: u64) -> u64 {
    (bytes / 8).min(MAX_BASE_BYTES)
}

impl Budget {
    pub(crate) fn new(total_bytes: u64, slots: u32) -> Arc<Self> {
        let state = State {
            total_bytes,
            shared_out_bytes: 0,
            slots,
            is_draining: false,
            held: Held::default(),
            held_by: HashMap::new(),
            refusals: 0,
        };
        Arc::new(Self { state: Mutex::new(state), changed: watch::Sender::new(()) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Grants memory and a slot to a call of a gateway.
    ///
    /// # Errors
    /// Why there is no room for it; nothing is held then.
    pub(crate) fn grant(self: &Arc<Self>, gateway: GatewayId, bytes: u64) -> Result<Grant, Refusal> {
        let mut state = self.lock();
        let free = state.grantable_bytes().saturating_sub(state.held.bytes);
        let refusal = if state.is_draining {
            Some(Refusal::Draining)
        } else if state.held.grants >= state.slots {
            Some(Refusal::NoSlot(state.slots))
        } else if bytes > free {
            Some(Refusal::NoMemory { asked: bytes, free, all: state.grantable_bytes() })
        } else {
            None
        };
        if let Some(refusal) = refusal {
            state.refusals += 1;
            return Err(refusal);
        }
        let State { held, held_by, .. } = &mut *state;
        for held in [held, held_by.entry(gateway).or_default()] {
            held.grants += 1;
            held.bytes += bytes;
        }
        drop(state);
        self.changed.send_replace(());
        Ok(Grant { budget: Arc::clone(self), gateway, bytes })
    }

    /// Takes memory for an instance of a session's own, out of what can be granted; `None` when there is not so much.
    pub(crate) fn share(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let mut state = self.lock();
        let rest = state.main_bytes().checked_sub(bytes)?;
        if rest - base_bytes(rest) < state.held.bytes {
            return None;
        }
        state.shared_out_bytes += bytes;
        drop(state);
        self.changed.send_replace(());
        Some(Share { budget: Arc::clone(self), bytes })
    }

    /// Has so much memory from now on.
    pub(crate) fn resize(&self, total_bytes: u64) {
        let mut state = self.lock();
        if state.total_bytes != total_bytes {
            state.total_bytes = total_bytes;
            drop(state);
            self.changed.send_replace(());
        }
    }

    /// Grants nothing any more.
    pub(crate) fn drain(&self) {
        self.lock().is_draining = true;
        self.changed.send_replace(());
    }

    /// What the worker's own instance needs at least: what it should have, or, after the memory shrank, what is still granted.
    pub(crate) fn main_bytes(&self) -> u64 {
        let state = self.lock();
        let granted = state.held.bytes;
        state.main_bytes().max(granted + base_bytes(granted))
    }

    /// How it stands, as a gateway sees it.
    pub(crate) fn standing(&self, gateway: Option<GatewayId>) -> Standing {
        let state = self.lock();
        let own = gateway.and_then(|gateway| state.held_by.get(&gateway)).copied().unwrap_or_default();
        Standing {
            grantable_bytes: state.grantable_bytes(),
            slots: state.slots,
            held: state.held,
            held_by_others: Held { grants: state.held.grants - own.grants, bytes: state.held.bytes - own.bytes },
            is_draining: state.is_draining,
            refusals: state.refusals,
        }
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.held.grants -= 1;
        state.held.bytes -= self.bytes;
        if let Some(held) = state.held_by.get_mut(&self.gateway) {
            held.grants -= 1;
            held.bytes -= self.bytes;
            if held.grants == 0 {
                state.held_by.remove(&self.gateway);
            }
        }
        drop(state);
        self.budget.changed.send_replace(());
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.lock().shared_out_bytes -= self.bytes;
        self.budget.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn gateway(number: u8) -> GatewayId {
        GatewayId::from_bytes(&[number; 16]).unwrap()
    }

    #[test]
    fn a_grant_is_free_again_when_it_is_dropped() {
        let budget = Budget::new(800 * MIB, 2);
        let before = budget.standing(None);
        assert_eq!(before.grantable_bytes, 700 * MIB);
        let first = budget.grant(gateway(1), 500 * MIB).unwrap();
        let refused = budget.grant(gateway(2), 300 * MIB).unwrap_err();
        assert_eq!(refused, Refusal::NoMemory { asked: 300 * MIB, free: 200 * MIB, all: 700 * MIB });
        let second = budget.grant(gateway(2), 200 * MIB).unwrap();
        assert_eq!(budget.grant(gateway(2), 1).unwrap_err(), Refusal::NoSlot(2));
        assert_eq!(budget.standing(Some(gateway(2))).held_by_others, Held { grants: 1, bytes: 500 * MIB });
        drop((first, second));
        assert_eq!(budget.standing(None), Standing { refusals: 2, ..before });
    }

    #[test]
    fn nothing_is_granted_past_all_of_it_or_while_it_drains() {
        let budget = Budget::new(80 * MIB, 2);
        assert!(budget.grant(gateway(1), 71 * MIB).is_err());
        assert!(budget.grant(gateway(1), u64::MAX).is_err());
        drop(budget.grant(gateway(1), 70 * MIB).unwrap());
        budget.drain();
        assert_eq!(budget.grant(gateway(1), 1).unwrap_err(), Refusal::Draining);
    }

    #[test]
    fn shares_are_carved_out() {
        let budget = Budget::new(80 * MIB, 2);
        let share = budget.share(40 * MIB).unwrap();
        assert_eq!((budget.main_bytes(), budget.standing(None).grantable_bytes), (40 * MIB, 35 * MIB));
        let grant = budget.grant(gateway(1), 35 * MIB).unwrap();
        assert!(budget.share(MIB).is_none());
        drop((share, grant));
        assert_eq!(budget.main_bytes(), 80 * MIB);
    }

    #[test]
    fn what_is_granted_stays_when_the_memory_shrinks() {
        let budget = Budget::new(800 * MIB, 2);
        let grant = budget.grant(gateway(1), 600 * MIB).unwrap();
        budget.resize(80 * MIB);
        assert!(budget.main_bytes() >= 600 * MIB);
        assert!(budget.grant(gateway(1), 1).is_err());
        drop(grant);
        assert_eq!(budget.main_bytes(), 80 * MIB);
        drop(budget.grant(gateway(1), 70 * MIB).unwrap());
    }

    #[test]
    fn changes_are_heard() {
        let budget = Budget::new(MIB, 1);
        let mut changes = budget.changes();
        assert!(!changes.has_changed().unwrap());
        let grant = budget.grant(gateway(1), 1).unwrap();
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        drop(grant);
        assert!(changes.has_changed().unwrap());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Grant(u8, u64),
        Share(u64),
        DropGrant(usize),
        DropShare(usize),
        Resize(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u8..3, 1u64..120).prop_map(|(gateway, bytes)| Step::Grant(gateway, bytes)),
            (1u64..60).prop_map(Step::Share),
            (0usize..20).prop_map(Step::DropGrant),
            (0usize..20).prop_map(Step::DropShare),
            (0u64..200).prop_map(Step::Resize),
        ]
    }

    proptest! {
        #[test]
        fn never_over_and_all_returned(steps in proptest::collection::vec(step(), 0..60)) {
            let budget = Budget::new(100, 8);
            let (mut grants, mut shares) = (Vec::new(), Vec::new());
            let mut total = 100;
            for step in steps {
                match step {
                    Step::Grant(number, bytes) => if let Ok(grant) = budget.grant(gateway(number), bytes) {
                        grants.push(grant);
                        let standing = budget.standing(None);
                        prop_assert!(standing.held.bytes <= standing.grantable_bytes);
                        prop_assert!(standing.held.grants <= standing.slots);
                    },
                    Step::Share(bytes) => if let Some(share) = budget.share(bytes) {
                        shares.push(share);
                        let standing = budget.standing(None);
                        prop_assert!(standing.held.bytes <= standing.grantable_bytes);
                        prop_assert!(budget.main_bytes() + shares.iter().map(|share| share.bytes).sum::<u64>() <= total);
                    },
                    Step::DropGrant(at) if at < grants.len() => drop(grants.remove(at)),
                    Step::DropShare(at) if at < shares.len() => drop(shares.remove(at)),
                    Step::Resize(bytes) => {
                        budget.resize(bytes);
                        total = bytes;
                    }
                    _ => {}
                }
                let held: u64 = grants.iter().map(|grant: &Grant| grant.bytes).sum();
                prop_assert_eq!(budget.standing(None).held, Held { grants: grants.len() as u32, bytes: held });
                for number in 0..3 {
                    let others = grants.iter().filter(|grant| grant.gateway != gateway(number));
                    prop_assert_eq!(
                        budget.standing(Some(gateway(number))).held_by_others.bytes,
                        others.map(|grant| grant.bytes).sum::<u64>()
                    );
                }
            }
            drop((grants, shares));
            prop_assert_eq!(budget.standing(None).held, Held::default());
            prop_assert_eq!(budget.main_bytes(), total);
            prop_assert!(budget.lock().held_by.is_empty());
        }
    }
}
