//! A line of entries in the order of their sequence numbers, which answers quickly who is the first that fits.
//!
//! With a hundred thousand entries waiting, a decision must not look at each. A line is a balanced tree (a treap, its priorities made
//! from the sequence numbers, so that two runs are alike) in which every node knows the [`Sum`] of what is below it: the smallest need,
//! by which the first entry that fits is found on one way down, and how many entries and how much work there are, by which an entry's
//! position is. Entering, leaving, finding and ranking are each O(log n); an entry that comes back takes its old place.

/// No node.
const NONE: u32 = u32::MAX;

/// An entry as a line sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) seq: u64,
    pub(super) need_bytes: u64,
    /// How long it is expected to run, in milliseconds.
    pub(super) run_ms: u64,
}

/// What several items are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u32,
    pub(super) bytes: u64,
    pub(super) run_ms: u64,
    /// Needs times run times, in mebibytes times milliseconds.
    pub(super) mib_ms: u64,
    /// The smallest need; the greatest number when there is none.
    pub(super) smallest: u64,
    /// The biggest need.
    pub(super) biggest: u64,
}

#[derive(Clone, Copy)]
struct Node {
    item: Item,
    sum: Sum,
    priority: u32,
    left: u32,
    right: u32,
}

/// Entries in order.
pub(super) struct Line {
    nodes: Vec<Node>,
    /// Nodes that can be used again.
    unused: Vec<u32>,
    root: u32,
}

impl Sum {
    const NOTHING: Self = Self { count: 0, bytes: 0, run_ms: 0, mib_ms: 0, smallest: u64::MAX, biggest: 0 };

    fn of(item: Item) -> Self {
        let Item { need_bytes, run_ms, .. } = item;
        let mib_ms = (need_bytes >> 20).saturating_mul(run_ms);
        Self { count: 1, bytes: need_bytes, run_ms, mib_ms, smallest: need_bytes, biggest: need_bytes }
    }

    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            bytes: self.bytes.saturating_add(other.bytes),
            run_ms: self.run_ms.saturating_add(other.run_ms),
            mib_ms: self.mib_ms.saturating_add(other.mib_ms),
            smallest: self.smallest.min(other.smallest),
            biggest: self.biggest.max(other.biggest),
        }
    }
}

impl Line {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), unused: Vec::new(), root: NONE }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.root == NONE
    }

    pub(super) fn is_single(&self) -> bool {
        self.sum().count == 1
    }

    /// What all are together.
    pub(super) fn sum(&self) -> Sum {
        self.sum_of(self.root)
    }

    /// Puts an entry in, at the place of its sequence number, which must not be taken.
    pub(super) fn insert(&mut self, item: Item) {
        let node = Node { item, sum: Sum::of(item), priority: priority(item.seq), left: NONE, right: NONE };
        let new = match self.unused.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                // Four thousand million entries do not fit into any memory.
                let at = u32::try_from(self.nodes.len()).unwrap_or(NONE);
                self.nodes.push(node);
                at
            }
        };
        let (before, after) = self.split(self.root, item.seq);
        let before = self.join(before, new);
        self.root = self.join(before, after);
    }

    /// Takes an entry out, if it is there.
    pub(super) fn remove(&mut self, seq: u64) -> Option<Item> {
        let (before, rest) = self.split(self.root, seq);
        let (found, after) = self.split(rest, seq.saturating_add(1));
        self.root = self.join(before, after);
        let item = self.node(found)?.item;
        self.unused.push(found);
        if self.root == NONE {
            // What a storm took is given back.
            (self.nodes, self.unused) = (Vec::new(), Vec::new());
        }
        Some(item)
    }

    /// The first entry from `from` on that needs at most `bytes`.
    pub(super) fn first_fitting(&self, from: u64, bytes: u64) -> Option<Item> {
        self.fitting_below(self.root, from, bytes)
    }

    /// The first entry that needs more than `bytes`.
    pub(super) fn first_above(&self, bytes: u64) -> Option<Item> {
        let mut at = self.root;
        loop {
            let node = self.node(at).filter(|node| node.sum.biggest > bytes)?;
            at = match self.node(node.left) {
                Some(left) if left.sum.biggest > bytes => node.left,
                _ if node.item.need_bytes > bytes => return Some(node.item),
                _ => node.right,
            };
        }
    }

    /// What those before `seq` are together.
    pub(super) fn before(&self, seq: u64) -> Sum {
        let (mut at, mut sum) = (self.root, Sum::NOTHING);
        while let Some(node) = self.node(at) {
            at = if node.item.seq < seq {
                sum = sum.and(self.sum_of(node.left)).and(Sum::of(node.item));
                node.right
            } else {
                node.left
            };
        }
        sum
    }

    /// The first entry.
    pub(super) fn first(&self) -> Option<Item> {
        self.first_fitting(0, u64::MAX)
    }

    fn fitting_below(&self, at: u32, from: u64, bytes: u64) -> Option<Item> {
        let node = self.node(at).filter(|node| node.sum.smallest <= bytes)?;
        if node.item.seq < from {
            return self.fitting_below(node.right, from, bytes);
        }
        // Only along the border of `from` can a way left be in vain, so this stays O(log n).
        self.fitting_below(node.left, from, bytes)
            .or_else(|| (node.item.need_bytes <= bytes).then_some(node.item))
            .or_else(|| self.fitting_below(node.right, from, bytes))
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    fn sum_of(&self, at: u32) -> Sum {
        self.node(at).map_or(Sum::NOTHING, |node| node.sum)
    }

    fn sum_up(&mut self, at: u32) {
        let node = self.nodes[at as usize];
        self.nodes[at as usize].sum = self.sum_of(node.left).and(Sum::of(node.item)).and(self.sum_of(node.right));
    }

    /// Those before `seq`, and the others.
    fn split(&mut self, at: u32, seq: u64) -> (u32, u32) {
        let Some(&node) = self.node(at) else { return (NONE, NONE) };
        if node.item.seq < seq {
            let (before, after) = self.split(node.right, seq);
            self.nodes[at as usize].right = before;
            self.sum_up(at);
            (at, after)
        } else {
            let (before, after) = self.split(node.left, seq);
            self.nodes[at as usize].left = after;
            self.sum_up(at);
            (before, at)
        }
    }

    /// One tree of two, of which all of `before` is before all of `after`.
    fn join(&mut self, before: u32, after: u32) -> u32 {
        let (Some(&first), Some(&second)) = (self.node(before), self.node(after)) else {
            return if before == NONE { after } else { before };
        };
        if first.priority > second.priority {
            self.nodes[before as usize].right = self.join(first.right, after);
            self.sum_up(before);
            before
        } else {
            self.nodes[after as usize].left = self.join(before, second.left);
            self.sum_up(after);
            after
        }
    }
}

/// Spreads sequence numbers like random ones (SplitMix64).
fn priority(seq: u64) -> u32 {
    let mut bits = seq.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn a_line_answers_as_a_sorted_list_does(
            steps in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..20), 1..200),
        ) {
            let mut line = Line::new();
            let mut list: BTreeMap<u64, Item> = BTreeMap::new();
            for (enter, seq, need_bytes) in steps {
                let item = Item { seq, need_bytes, run_ms: seq };
                if enter && !list.contains_key(&seq) {
                    list.insert(seq, item);
                    line.insert(item);
                } else {
                    prop_assert_eq!(line.remove(seq), list.remove(&seq));
                }
                prop_assert_eq!(line.first(), list.values().next().copied());
                prop_assert_eq!(line.is_empty(), list.is_empty());
                for bound in [0, 5, need_bytes, 19] {
                    let first = list.values().find(|item| item.seq >= seq && item.need_bytes <= bound);
                    prop_assert_eq!(line.first_fitting(seq, bound), first.copied());
                    let first = list.values().find(|item| item.need_bytes > bound);
                    prop_assert_eq!(line.first_above(bound), first.copied());
                }
                let sum = list.range(..seq).fold(Sum::NOTHING, |sum, (_, &item)| sum.and(Sum::of(item)));
                prop_assert_eq!(line.before(seq), sum);
            }
        }
    }
}
