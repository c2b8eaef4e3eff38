//! What one principal may have running and in line.
//!
//! Entries of a principal that is at its cap must block nobody, and must not be looked at again and again either. So only as many of
//! them are in line as could run now; the others are parked here, in order. What is in line and what runs stay within the caps
//! *together*: one that starts takes its share with it, one that ends lets the next parked ones into line. Every entry moves once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The most that one principal may have running; `None` is no cap.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Caps {
    pub(crate) running: Option<u32>,
    pub(crate) memory_bytes: Option<u64>,
}

/// How many statements of one principal there are, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) count: u32,
    pub(crate) bytes: u64,
}

/// The shares of all principals that have anything waiting or running.
#[derive(Default)]
pub(super) struct Principals {
    principals: HashMap<Arc<str>, Principal>,
}

#[derive(Default)]
struct Principal {
    /// As the entry that came last has it.
    caps: Caps,
    running: Share,
    in_line: Share,
    /// Needs by sequence number.
    parked: BTreeMap<u64, u64>,
    parked_bytes: u64,
}

/// What a principal has, for those who look.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "what a scaler goes by"))]
pub(crate) struct Usage {
    pub(crate) principal: Arc<str>,
    pub(crate) running: Share,
    /// In line and parked.
    pub(crate) waiting: Share,
}

impl Share {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    fn take(&mut self, bytes: u64) {
        debug_assert!(self.count > 0 && self.bytes >= bytes);
        self.count -= 1;
        self.bytes -= bytes;
    }
}

impl Principals {
    pub(super) fn caps(&self, name: &str) -> Caps {
        self.principals.get(name).map(|principal| principal.caps).unwrap_or_default()
    }

    /// Parks an entry; [`Self::next`] lets it into line.
    pub(super) fn park(&mut self, name: &Arc<str>, caps: Caps, seq: u64, bytes: u64) {
        let principal = self.entry(name);
        principal.caps = caps;
        principal.parked.insert(seq, bytes);
        principal.parked_bytes += bytes;
    }

    /// The next parked entry that comes into line now; to be asked until there is none.
    pub(super) fn next(&mut self, name: &str) -> Option<u64> {
        let principal = self.principals.get_mut(name)?;
        let (&seq, &bytes) = principal.parked.first_key_value()?;
        let count = principal.running.count + principal.in_line.count;
        let used = principal.running.bytes + principal.in_line.bytes;
        let held_up = principal.caps.running.is_some_and(|most| count >= most)
            // One alone may run whatever it needs.
            || principal.caps.memory_bytes.is_some_and(|most| count > 0 && used.saturating_add(bytes) > most);
        if held_up {
            return None;
        }
        principal.parked.remove(&seq);
        principal.parked_bytes -= bytes;
        principal.in_line.add(bytes);
        Some(seq)
    }

    /// A parked entry left.
    pub(super) fn unpark(&mut self, name: &str, seq: u64) {
        self.change(name, |principal| {
            if let Some(bytes) = principal.parked.remove(&seq) {
                principal.parked_bytes -= bytes;
            }
        });
    }

    /// An entry left the line.
    pub(super) fn left_line(&mut self, name: &str, bytes: u64) {
        self.change(name, |principal| principal.in_line.take(bytes));
    }

    /// An entry in line needs less now.
    pub(super) fn lowered(&mut self, name: &str, before: u64, after: u64) {
        self.change(name, |principal| principal.in_line.bytes -= before.saturating_sub(after));
    }

    pub(super) fn started(&mut self, name: &Arc<str>, bytes: u64) {
        self.entry(name).running.add(bytes);
    }

    pub(super) fn ended(&mut self, name: &str, bytes: u64) {
        self.change(name, |principal| principal.running.take(bytes));
    }

    /// What runs for a principal.
    pub(super) fn running(&self, name: &str) -> Share {
        self.principals.get(name).map(|principal| principal.running).unwrap_or_default()
    }

    pub(super) fn usage(&self) -> impl Iterator<Item = Usage> + '_ {
        self.principals.iter().map(|(name, principal)| {
            let count =
                u32::try_from(principal.parked.len()).unwrap_or(u32::MAX).saturating_add(principal.in_line.count);
            let waiting = Share { count, bytes: principal.in_line.bytes.saturating_add(principal.parked_bytes) };
            Usage { principal: name.clone(), running: principal.running, waiting }
        })
    }

    fn entry(&mut self, name: &Arc<str>) -> &mut Principal {
        // Looked up first: most principals are there, and then the name is not copied.
        if !self.principals.contains_key(name) {
            self.principals.insert(name.clone(), Principal::default());
        }
        self.principals.entry(name.clone()).or_default()
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Principal)) {
        let Some(principal) = self.principals.get_mut(name) else { return };
        change(principal);
        let Principal { running, in_line, parked, .. } = principal;
        if running.count == 0 && in_line.count == 0 && parked.is_empty() {
            self.principals.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(caps: Caps, needs: &[u64], in_line: usize) {
        let (mut principals, ada) = (Principals::default(), Arc::<str>::from("ada"));
        for (seq, need) in needs.iter().enumerate() {
            principals.park(&ada, caps, seq as u64, *need);
        }
        let came: Vec<u64> = std::iter::from_fn(|| principals.next(&ada)).collect();
        assert_eq!(came, (0..in_line as u64).collect::<Vec<_>>(), "{caps:?} {needs:?}");
        for seq in came {
            principals.left_line(&ada, needs[seq as usize]);
        }
        assert_eq!(principals.next(&ada).is_some(), in_line < needs.len());
    }

    #[test]
    fn as_many_come_into_line_as_may_run() {
        let caps = |running, memory_bytes| Caps { running, memory_bytes };
        check(caps(None, None), &[5, 5, 5], 3);
        check(caps(Some(2), None), &[5, 5, 5], 2);
        check(caps(None, Some(11)), &[5, 5, 5, 1], 2);
        check(caps(Some(1), Some(11)), &[5, 5], 1);
        check(caps(None, Some(4)), &[5, 5], 1);
    }

    #[test]
    fn a_principal_with_nothing_left_is_forgotten() {
        let (mut principals, ada) = (Principals::default(), Arc::<str>::from("ada"));
        principals.park(&ada, Caps::default(), 1, 5);
        assert_eq!(principals.next(&ada), Some(1));
        principals.left_line(&ada, 5);
        principals.started(&ada, 5);
        principals.ended(&ada, 5);
        principals.park(&ada, Caps::default(), 2, 5);
        principals.unpark(&ada, 2);
        assert_eq!(principals.usage().count(), 0);
    }
}
