//! What waits in the queue, and what it is given.

use std::sync::Arc;
use std::time::Duration;

use tavana_wire::{QueryId, SessionId, WorkerId};

use super::caps::Caps;
use super::mode::Mode;

/// A statement that wants to run.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) query: QueryId,
    pub(crate) principal: Arc<str>,
    /// What its principal may have at once, where that is not what everybody may.
    pub(crate) caps: Option<Caps>,
    /// So that a session which holds a permit and needs another does not wait for itself.
    pub(crate) session: Option<SessionId>,
    /// Memory that it needs at its peak. It takes one slot as well.
    pub(crate) need_bytes: u64,
    pub(crate) place: Where,
    /// A key of the files that it reads: workers that read them lately have them at hand.
    pub(crate) files: Option<u64>,
    pub(crate) expected_run: Option<Duration>,
}

/// Where a statement may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    Anywhere,
    /// Anywhere, but rather here.
    Preferred(WorkerId),
    /// Here, where its session's state is, or not at all.
    Only(WorkerId),
}

/// What a permit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The entry's sequence number; no other entry has it.
    pub(crate) seq: u64,
    pub(crate) worker: WorkerId,
    /// Memory that it may use.
    pub(crate) bytes: u64,
    /// It gets less than it needs and will spill, which its user should be told.
    pub(crate) clamped: bool,
    pub(crate) kind: Kind,
    pub(crate) waited: Duration,
    /// The mode in which it was given.
    pub(crate) mode: Mode,
}

/// How an entry came to its permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// It did not wait.
    Direct,
    /// It was its turn.
    Fifo,
    /// It passed one that it does not delay.
    Backfill,
    /// Its session holds a permit already.
    Rider,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Direct, Self::Fifo, Self::Backfill, Self::Rider];

    /// The value of the label in metrics and tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fifo => "fifo",
            Self::Backfill => "backfill",
            Self::Rider => "rider",
        }
    }
}
