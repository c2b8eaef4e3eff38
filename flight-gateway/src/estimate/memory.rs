//! How much memory a plan takes at its peak, operator by operator.
//!
//! DuckDB streams rows through pipelines. What takes memory are the operators that keep all their rows before they give one: the build
//! sides of joins, groups, sorts, windows. Such a one lives from the first row that it is given until its last row is taken, next to those
//! that live at the same time: the built side of a join stands while the other side runs, and a group table is filled while what feeds it
//! is still there. The constants are fitted to measured peaks, see `bench/estimates`.

/// An operator of a plan.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) kind: Kind,
    /// Rows that it gives.
    pub(super) rows: f64,
    /// Bytes of each in memory.
    pub(super) width: f64,
    /// Texts that are too long for their place in a row lie apart.
    pub(super) has_heap: bool,
    pub(super) inputs: Vec<Operator>,
}

/// What an operator does with its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Reads so many rows of a relation, with this much of it in memory for each thread.
    Scan { buffer_bytes: f64, read_rows: f64 },
    /// Gives rows as they come.
    Stream,
    /// Joins by a hash table of its second input, of which each row takes so many bytes.
    HashJoin { build_width: f64 },
    /// Joins with all rows of its second input kept.
    LoopJoin,
    /// Groups. `kept_bytes` is what the values of a row take that stay in the state of its group.
    Group { row_bytes: f64, kept_bytes: f64 },
    /// Sorts all rows.
    Sort,
    /// Keeps the first rows by an order.
    Top,
    /// Sorts parts of the rows, and looks at those around each.
    Window,
    /// Keeps all rows for those who read them again.
    Keep,
    /// Runs its inputs one after the other.
    Union,
    /// Writes rows into a table.
    Fill,
    /// Writes rows into files, and keeps this part of them until they are written.
    Copy { part: f64 },
    /// Changes rows of a table. So many bytes tell how they were, until that is over.
    Change { undo_bytes: f64 },
}

impl Operator {
    pub(super) fn new(kind: Kind, rows: f64, width: f64, inputs: Vec<Operator>) -> Self {
        // Whatever the statistics say, there are no more bytes than memory can have.
        Self { kind, rows: rows.clamp(0.0, 1e15), width: width.clamp(0.0, 1e9), has_heap: false, inputs }
    }

    /// The same, with what is known of its texts.
    pub(super) fn with_heap(self, has_heap: bool) -> Self {
        Self { has_heap, ..self }
    }
}

const MIB: f64 = 1024.0 * 1024.0;
/// What every statement takes.
const BASE: f64 = 3.0 * MIB;
/// Bytes a row takes beside its columns in a hash table.
const HASHED: f64 = 9.0;
/// A table is cut into so many blocks for each thread that fills it, and each is taken whole.
const PARTITIONS: f64 = 16.0 * MIB / 4.0;
/// Rows that one thread takes at a time; with fewer there is work for one only.
const MORSEL: f64 = 122_880.0;
/// Rows of a hash table that fit where its thread keeps it; of more the same group is kept more than once.
const SMALL_GROUPS: f64 = 30_000.0;
/// How much more columns take that are being filled than their values do.
const FILLED: f64 = 1.2;
/// Rows wait for files to be written while others come: as many as there is memory, up to a quarter of it. Less only makes it slower.
const MOST_WAITING: f64 = 1024.0 * MIB;
/// A plan that takes more than was thought waits or fails, one that takes less only wastes room: so what is thought is raised, until less
/// than one of twenty statements that were not fitted on takes much more.
const MARGIN: f64 = 1.35;
/// How many rows a join gives is the least sure of all, and each one multiplies what those under it were wrong by; and DuckDB may order
/// them otherwise, and build another side.
const JOIN_MARGIN: f64 = 0.1;
/// Joins that raise the margin.
const UNSURE_JOINS: usize = 6;
/// The most that an estimate can be.
const MOST: f64 = (1_u64 << 50) as f64;

/// Memory of an operator and what is under it.
#[derive(Clone, Copy, Default)]
struct Use {
    /// The most there is until it has given its last row.
    peak: f64,
    /// What there is while it gives rows.
    live: f64,
}

/// The peak of a plan in bytes, run by so many threads.
pub(super) fn peak_bytes(plan: &Operator, threads: f64) -> u64 {
    let margin = MARGIN + JOIN_MARGIN * joins(plan).min(UNSURE_JOINS) as f64;
    let peak = BASE + visit(plan, threads).peak * margin;
    if peak.is_finite() { peak.clamp(BASE, MOST) as u64 } else { MOST as u64 }
}

fn joins(operator: &Operator) -> usize {
    let own = usize::from(matches!(operator.kind, Kind::HashJoin { .. } | Kind::LoopJoin));
    own + operator.inputs.iter().map(joins).sum::<usize>()
}

fn visit(operator: &Operator, threads: f64) -> Use {
    let inputs: Vec<Use> = operator.inputs.iter().map(|input| visit(input, threads)).collect();
    let first = inputs.first().copied().unwrap_or_default();
    let input_rows = operator.inputs.first().map_or(0.0, |input| input.rows);
    match operator.kind {
        Kind::Scan { buffer_bytes, read_rows } => {
            let bytes = buffer_bytes * busy(read_rows, threads);
            Use { peak: bytes, live: bytes }
        }
        Kind::Stream => first,
        Kind::HashJoin { build_width } => {
            let bytes = operator.inputs.get(1).map_or(0.0, |build| build_bytes(build, build_width, threads));
            beside(first, inputs.get(1).copied().unwrap_or_default(), bytes)
        }
        Kind::LoopJoin => {
            let bytes = operator.inputs.get(1).map_or(0.0, |kept| kept.rows * kept.width);
            beside(first, inputs.get(1).copied().unwrap_or_default(), bytes)
        }
        Kind::Group { row_bytes, kept_bytes } => {
            let bytes = group_bytes(operator, row_bytes, input_rows, threads) + input_rows * kept_bytes * 2.0;
            breaks(first, bytes)
        }
        Kind::Sort => breaks(first, input_rows * (operator.width + 8.0) + MIB),
        Kind::Window => breaks(first, input_rows * (operator.width * 1.3 + 16.0) + MIB),
        Kind::Keep => breaks(first, input_rows * operator.width),
        Kind::Top => {
            let bytes = operator.rows * operator.width * threads * 2.0;
            Use { peak: first.peak.max(first.live + bytes), live: bytes }
        }
        Kind::Union => Use {
            peak: inputs.iter().map(|input| input.peak).fold(0.0, f64::max),
            live: inputs.iter().map(|input| input.live).fold(0.0, f64::max),
        },
        // Row groups are compressed whole, by the thread that fills them.
        Kind::Fill => ends(first, input_rows.min(MORSEL * threads) * operator.width * FILLED),
        Kind::Copy { part } => ends(first, (input_rows * operator.width * part).min(MOST_WAITING)),
        Kind::Change { undo_bytes } => ends(first, undo_bytes),
    }
}

/// An operator that gives no rows.
fn ends(input: Use, bytes: f64) -> Use {
    Use { peak: input.peak.max(input.live + bytes), live: bytes }
}

/// An operator that takes all rows before it gives one.
fn breaks(input: Use, bytes: f64) -> Use {
    Use { peak: input.peak.max(input.live + bytes), live: bytes }
}

/// The first input runs while `bytes` of the second are kept.
fn beside(first: Use, second: Use, bytes: f64) -> Use {
    let built = second.peak.max(second.live + bytes);
    Use { peak: built.max(bytes + first.peak), live: bytes + first.live }
}

/// Threads that have work on so many rows.
fn busy(rows: f64, threads: f64) -> f64 {
    (rows / MORSEL).ceil().clamp(1.0, threads)
}

fn power_of_two(number: f64) -> f64 {
    number.max(1.0).log2().ceil().exp2()
}

/// The rows that a pipeline begins with, which its threads share.
fn source_rows(operator: &Operator) -> f64 {
    match (operator.kind, operator.inputs.first()) {
        (Kind::Scan { read_rows, .. }, _) => read_rows,
        (Kind::Stream | Kind::HashJoin { .. } | Kind::LoopJoin, Some(input)) => source_rows(input),
        _ => operator.rows,
    }
}

/// Blocks that are begun by a thread: texts have their own beside those of the rows.
fn partitions(has_heap: bool) -> f64 {
    if has_heap { PARTITIONS * 2.0 } else { PARTITIONS }
}

/// A hash table of an operator's rows, and its blocks: every thread begins one in each partition that its rows fall into.
fn build_bytes(build: &Operator, width: f64, threads: f64) -> f64 {
    let rows = build.rows.max(1.0);
    let blocks = partitions(build.has_heap) * busy(source_rows(build), threads);
    let blocks = blocks.min(rows * MIB / 4.0);
    rows * (width + HASHED) + power_of_two(rows * 2.0) * 8.0 + blocks
}

fn group_bytes(operator: &Operator, row_bytes: f64, input_rows: f64, threads: f64) -> f64 {
    let groups = operator.rows;
    if groups < 2.0 {
        return 0.0;
    }
    // Threads group on their own first, and begin anew when their table is full: a group may be there several times.
    let copies = if groups < SMALL_GROUPS { threads } else { 1.0 + 0.8 * threads };
    let rows = (groups * copies).min(input_rows).max(groups);
    let table = power_of_two(groups * 1.5).max(4096.0) * 8.0;
    rows * (row_bytes + HASHED)
        + table
        + if groups < SMALL_GROUPS { MIB * threads } else { partitions(operator.has_heap) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(rows: f64) -> Operator {
        Operator::new(Kind::Scan { buffer_bytes: 0.0, read_rows: rows }, rows, 10.0, Vec::new())
    }

    fn mib(operator: &Operator) -> f64 {
        peak_bytes(operator, 2.0) as f64 / MIB
    }

    #[test]
    fn what_lives_together_adds_up() {
        let sort = |input: Operator| Operator::new(Kind::Sort, input.rows, input.width, vec![input]);
        let join = |probe: Operator, build: Operator| {
            Operator::new(Kind::HashJoin { build_width: 10.0 }, probe.rows, 20.0, vec![probe, build])
        };
        let (scanned, sorted) = (mib(&scan(1e6)), mib(&sort(scan(1e6))));
        assert!(sorted > scanned + 15.0);
        // A sort of a sort holds both for a while, one after the other of three not.
        assert!(mib(&sort(sort(sort(scan(1e6))))) < sorted * 2.0);
        let one = mib(&join(scan(1e7), scan(1e6)));
        let two = mib(&join(join(scan(1e7), scan(1e6)), scan(1e6)));
        assert!(two > one * 1.8, "{one} {two}");
        let union = Operator::new(Kind::Union, 2e6, 10.0, vec![sort(scan(1e6)), sort(scan(1e6))]);
        assert!((mib(&union) - sorted).abs() < 1.0);
    }

    #[test]
    fn nonsense_has_a_bound() {
        for rows in [f64::NAN, f64::INFINITY, 1e300, -1.0] {
            let plan = Operator::new(Kind::Sort, rows, f64::MAX, vec![scan(rows)]);
            assert!(peak_bytes(&plan, 2.0) <= 1 << 50);
        }
    }
}
