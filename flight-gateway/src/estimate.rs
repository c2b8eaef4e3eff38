//! How big a statement will be. Only the two types that history is asked with: the merge takes the whole module.

/// A statement without its literals, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(pub(crate) [u8; 16]);

/// What earlier runs of a fingerprint took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expectation {
    /// How many runs are known.
    pub(crate) runs: u32,
    /// Memory at its peak, as an upper bound; `None` when no run told.
    pub(crate) peak_memory_bytes: Option<u64>,
    /// Rows of the result.
    pub(crate) rows: u64,
    /// Bytes of the result.
    pub(crate) output_bytes: u64,
    /// Bytes that are read, as they were estimated.
    pub(crate) scan_bytes: Option<u64>,
    /// Microseconds of a run.
    pub(crate) run_us: u64,
}
