//! In which order relations are joined, and what each join gives.
//!
//! DuckDB orders joins by its own cost, however the statement has them, and so the memory of a plan hangs on the order that it finds. It is
//! followed: joins that keep the fewest rows come first, and the smaller side is built. How many rows a set of relations gives is the product of
//! their rows over the different values of what they are joined by, whatever the order.

use super::memory::{Kind, Operator};

/// A relation to be joined.
pub(super) struct Leaf {
    pub(super) operator: Operator,
    /// Rows before any condition; the most different values that its keys together can have.
    pub(super) base_rows: f64,
}

/// An equality between columns of two relations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    /// Places of the relations, and how many different values their columns have.
    pub(super) sides: [(usize, f64); 2],
    /// Equalities of the same class follow from each other.
    pub(super) class: usize,
}

/// Beyond that many relations sets do not fit into their numbers.
pub(super) const MAX_LEAVES: usize = 60;
/// A join of two relations that are already joined is penalised, as DuckDB prefers deep trees on the other side.
const DEEP: f64 = 1.15;

/// A set of relations that are joined already.
struct Joined {
    set: u64,
    operator: Operator,
}

/// Joins all relations; `width` tells the bytes of a row of a set of relations and whether it has texts beside it, and `kept` the part of its rows that other conditions within it keep.
pub(super) fn join(
    leaves: Vec<Leaf>,
    edges: &[Edge],
    width: &impl Fn(u64) -> (f64, bool),
    kept: &impl Fn(u64) -> f64,
) -> Option<Operator> {
    let facts: Vec<(f64, f64)> = leaves.iter().map(|leaf| (leaf.operator.rows, leaf.base_rows)).collect();
    let mut joined: Vec<Joined> =
        leaves.into_iter().enumerate().map(|(at, leaf)| Joined { set: 1 << at, operator: leaf.operator }).collect();
    while joined.len() > 1 {
        let mut best: Option<(bool, f64, f64, usize, usize)> = None;
        for left in 0..joined.len() {
            for right in left + 1..joined.len() {
                let (one, other) = (joined[left].set, joined[right].set);
                let is_connected = edges.iter().any(|edge| connects(edge, one, other));
                let rows = rows_of(one | other, &facts, edges) * kept(one | other);
                let inputs = joined[left].operator.rows + joined[right].operator.rows;
                let candidate = (!is_connected, rows + inputs.min(rows * 1e-3), inputs, left, right);
                let is_better =
                    best.is_none_or(|best| (candidate.0, candidate.1, candidate.2) < (best.0, best.1, best.2));
                if is_better {
                    best = Some(candidate);
                }
            }
        }
        let (is_cross, _, _, left, right) = best?;
        let (right, left) = (joined.swap_remove(right), joined.swap_remove(left));
        let set = left.set | right.set;
        let rows = rows_of(set, &facts, edges) * kept(set);
        let (width, has_heap) = width(set);
        let operator = pair(left.operator, right.operator, rows, width, !is_cross).with_heap(has_heap);
        joined.push(Joined { set, operator });
    }
    joined.pop().map(|all| all.operator)
}

fn connects(edge: &Edge, one: u64, other: u64) -> bool {
    let [a, b] = edge.sides.map(|(at, _)| 1_u64 << at);
    (a & one != 0 && b & other != 0) || (b & one != 0 && a & other != 0)
}

/// Joins two inputs with the smaller one built.
pub(super) fn pair(left: Operator, right: Operator, rows: f64, width: f64, is_hashed: bool) -> Operator {
    let cost = |side: &Operator| side.rows * (side.width + 24.0);
    let is_deep = has_joins(&left) && !has_joins(&right);
    let (left_cost, right_cost) = (cost(&left), cost(&right) * if is_deep { DEEP } else { 1.0 });
    let (probe, build) = if right_cost > left_cost { (right, left) } else { (left, right) };
    let kind = if is_hashed { Kind::HashJoin { build_width: build.width } } else { Kind::LoopJoin };
    Operator::new(kind, rows, width, vec![probe, build])
}

fn has_joins(operator: &Operator) -> bool {
    matches!(operator.kind, Kind::HashJoin { .. } | Kind::LoopJoin) || operator.inputs.iter().any(has_joins)
}

/// Rows of a set of relations, joined by all equalities within it. `facts` are the rows of each, and those before conditions.
pub(super) fn rows_of(set: u64, facts: &[(f64, f64)], edges: &[Edge]) -> f64 {
    let has = |at: usize| set & (1 << at) != 0;
    let mut rows: f64 = facts.iter().enumerate().filter(|(at, _)| has(*at)).map(|(_, fact)| fact.0).product();
    let mut inner: Vec<&Edge> = edges.iter().filter(|edge| edge.sides.iter().all(|side| has(side.0))).collect();
    let values = |edge: &Edge| edge.sides[0].1.max(edge.sides[1].1);
    inner.sort_by(|a, b| values(b).total_cmp(&values(a)));
    // An equality that follows from others of its class keeps nothing more.
    let mut groups: Vec<(usize, u64)> = Vec::new();
    let mut pairs: Vec<([usize; 2], f64, [f64; 2], usize)> = Vec::new();
    for edge in inner {
        let ends = edge.sides.map(|side| 1_u64 << side.0);
        let group_of = |end: u64| groups.iter().position(|(class, members)| *class == edge.class && members & end != 0);
        match ends.map(group_of) {
            [Some(a), Some(b)] if a == b => continue,
            [Some(a), Some(b)] => {
                let (_, members) = groups[a.max(b)];
                groups.swap_remove(a.max(b));
                groups[a.min(b)].1 |= members;
            }
            [Some(at), None] | [None, Some(at)] => groups[at].1 |= ends[0] | ends[1],
            [None, None] => groups.push((edge.class, ends[0] | ends[1])),
        }
        let ([a, b], mut distinct) = (edge.sides.map(|side| side.0), edge.sides.map(|side| side.1));
        if a > b {
            distinct.reverse();
        }
        let between = [a.min(b), a.max(b)];
        match pairs.iter_mut().find(|pair| pair.0 == between) {
            Some(pair) => (pair.2, pair.3) = ([pair.2[0] * distinct[0], pair.2[1] * distinct[1]], pair.3 + 1),
            None => pairs.push((between, values(edge), distinct, 1)),
        }
    }
    for ([a, b], single, [left, right], count) in pairs {
        // Several columns together have no more different values than there are rows.
        let values = if count == 1 { single } else { left.min(facts[a].1).min(right.min(facts[b].1)).max(single) };
        rows /= values.max(1.0);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(rows: f64, base_rows: f64) -> Leaf {
        Leaf { operator: Operator::new(Kind::Stream, rows, 8.0, Vec::new()), base_rows }
    }

    fn edge(a: (usize, f64), b: (usize, f64), class: usize) -> Edge {
        Edge { sides: [a, b], class }
    }

    #[test]
    fn rows_of_joins_are_told() {
        fn check(facts: &[(f64, f64)], edges: &[Edge], expected: f64) {
            let rows = rows_of((1 << facts.len()) - 1, facts, edges);
            assert!((rows / expected - 1.0).abs() < 1e-6, "{rows}, not {expected}");
        }
        // Sales of the items of one brand.
        check(&[(6e6, 6e6), (200.0, 2e5)], &[edge((0, 2e5), (1, 2e5), 0)], 6000.0);
        // Two columns that together are the key of the second.
        let both = [edge((0, 2e5), (1, 2e5), 0), edge((0, 1e4), (1, 1e4), 1)];
        check(&[(6e6, 6e6), (8e5, 8e5)], &both, 6e6);
        // The third equality follows from the others.
        let round = [edge((0, 100.0), (1, 100.0), 0), edge((1, 100.0), (2, 100.0), 0), edge((0, 100.0), (2, 100.0), 0)];
        check(&[(100.0, 100.0), (100.0, 100.0), (100.0, 100.0)], &round, 100.0);
    }

    #[test]
    fn the_smallest_join_comes_first_and_the_smaller_side_is_built() {
        let leaves = vec![leaf(6e6, 6e6), leaf(1e6, 1e6), leaf(10.0, 1000.0)];
        let edges = [edge((0, 1e6), (1, 1e6), 0), edge((1, 1000.0), (2, 1000.0), 1)];
        let plan = join(leaves, &edges, &|_| (8.0, false), &|_| 1.0).unwrap();
        assert_eq!(plan.inputs[0].rows, 6e6);
        assert!((plan.inputs[1].rows - 1e4).abs() < 1.0);
        assert_eq!(plan.inputs[1].inputs[1].rows, 10.0);
    }
}
