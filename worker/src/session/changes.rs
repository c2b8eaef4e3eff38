//! What changes in the instance, so that no plan outlives what it was made on.
//!
//! DuckDB plans by statistics: it leaves out a filter that every row passes, and makes a hash table just as large as the
//! groups there are. A prepared statement that runs after rows were written, by whatever connection, then fails or gives wrong rows, and
//! DuckDB does not plan it anew. So every statement that does more than read is a [`Change`] from its start to its end, and a plan is
//! used only when there was none since it was made.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

/// The changes of one instance; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    state: Arc<RwLock<State>>,
    /// When it began, where others change what this instance reads, too.
    shared_since: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    ended: u64,
    under_way: usize,
    catalog: CatalogState,
}

/// What a change changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Rows.
    Rows,
    /// What names mean, and perhaps rows; but no function.
    Catalog,
    /// Anything.
    Anything,
}

/// How often the catalog has changed, and how often functions may have changed with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CatalogState {
    pub(crate) changes: u64,
    pub(crate) function_changes: u64,
}

/// A change that is under way; dropping it ends it.
#[derive(Debug)]
#[must_use = "dropping it ends the change"]
pub(crate) struct Change {
    changes: Changes,
    changed: Changed,
}

/// The instance as it was when nothing was being changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(u64);

impl Changes {
    /// The changes of an instance whose catalogs others change, too, unseen: no plan is used twice, and what is known of the
    /// catalog is asked anew every second.
    pub(crate) fn shared() -> Self {
        Self { shared_since: Some(Instant::now()), ..Self::default() }
    }

    /// Begins a change; to be held until its outcome can be seen by all who may see it.
    pub(crate) fn begin(&self, changed: Changed) -> Change {
        self.state.write().unwrap_or_else(PoisonError::into_inner).under_way += 1;
        Change { changes: self.clone(), changed }
    }

    /// The version now; none while something is being changed, because a plan made now may miss it.
    pub(crate) fn version(&self) -> Option<Version> {
        let state = self.read();
        (state.under_way == 0 && self.shared_since.is_none()).then_some(Version(state.ended))
    }

    /// Counts the changes of what names mean.
    pub(crate) fn catalog(&self) -> CatalogState {
        let mut state = self.read().catalog;
        state.changes += self.shared_since.map_or(0, |since| since.elapsed().as_secs());
        state
    }

    /// Whether nothing has changed since.
    pub(crate) fn is_current(&self, version: Version) -> bool {
        self.version() == Some(version)
    }

    /// Runs `start` when nothing has changed since, and lets nothing change until it has ended: it must be short.
    pub(crate) fn while_current<T>(&self, version: Version, start: impl FnOnce() -> T) -> Option<T> {
        let state = self.read();
        (state.under_way == 0 && state.ended == version.0).then(start)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let mut state = self.changes.state.write().unwrap_or_else(PoisonError::into_inner);
        state.under_way -= 1;
        state.ended += 1;
        state.catalog.changes += u64::from(self.changed != Changed::Rows);
        state.catalog.function_changes += u64::from(self.changed == Changed::Anything);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_lasts_until_the_next_change_begins() {
        let changes = Changes::default();
        let before = changes.version().unwrap();
        assert!(changes.is_current(before));
        let one = changes.begin(Changed::Rows);
        assert!(changes.version().is_none());
        assert_eq!(changes.while_current(before, || ()), None);
        let two = changes.begin(Changed::Catalog);
        drop(one);
        assert!(changes.version().is_none());
        drop(two);
        let after = changes.version().unwrap();
        assert_ne!(before, after);
        assert_eq!(changes.while_current(after, || 1), Some(1));
        assert_eq!(changes.while_current(before, || 1), None);
        assert_eq!(changes.catalog(), CatalogState { changes: 1, function_changes: 0 });
    }
}
