//! Sessions on a worker, and the connections that serve them.
//!
//! Most sessions are stateless: their settings travel in their token, and each statement
//! leases a connection from the [`pool`], which gets these settings applied. A session that makes state which cannot
//! travel (a temporary table, a transaction, a variable) is *pinned*: it owns a connection here until it is
//! closed or idle for too long, and its token names this worker as its home. Either way a statement works on a
//! [`Lease`], which nobody else can touch until it is given back.

pub(crate) mod backend;
pub(crate) mod changes;
pub(crate) mod lease;
pub(crate) mod pinned;
pub(crate) mod pool;
pub(crate) mod private;
mod rerun;

pub(crate) use lease::Lease;
pub(crate) use pinned::{PinnedSession, PinnedSessions};
pub(crate) use pool::Pool;
