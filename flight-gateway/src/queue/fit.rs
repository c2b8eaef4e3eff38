//! Which of the workers with room an entry gets: a pure choice.
//!
//! First the one that it prefers; then the one with the fewest statements, since each has all of a worker's threads, where having read the
//! same files last is worth one of them; of those alike the one that it fills up best, so that what is left elsewhere stays in one piece.

use std::cmp::Reverse;
use std::num::NonZeroUsize;

use lru::LruCache;
use tavana_wire::WorkerId;

/// A worker that has room for the entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fitting {
    pub(super) worker: WorkerId,
    /// What is free there.
    pub(super) free_bytes: u64,
    pub(super) running: usize,
}

/// Chooses one of `workers`.
pub(super) fn best(
    workers: impl Iterator<Item = Fitting>,
    preferred: Option<WorkerId>,
    reader: Option<WorkerId>,
) -> Option<WorkerId> {
    let rank = |fitting: &Fitting| {
        let has_files = Some(fitting.worker) == reader;
        let liked = Reverse(Some(fitting.worker) == preferred);
        // One who has the files and one statement more is as good as one who has not, and then wins.
        let running = fitting.running + usize::from(!has_files);
        (liked, running, Reverse(has_files), fitting.free_bytes, fitting.worker)
    };
    workers.min_by_key(rank).map(|fitting| fitting.worker)
}

/// Which worker read which files last.
pub(super) struct Readers(LruCache<u64, WorkerId>);

impl Readers {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self(LruCache::new(capacity))
    }

    pub(super) fn get(&self, files: Option<u64>) -> Option<WorkerId> {
        self.0.peek(&files?).copied()
    }

    pub(super) fn learn(&mut self, files: Option<u64>, worker: WorkerId) {
        if let Some(files) = files {
            self.0.put(files, worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> WorkerId {
        WorkerId::from_bytes(&[number; 16]).unwrap()
    }

    fn check(workers: &[(u8, u64, usize)], preferred: Option<u8>, reader: Option<u8>, expected: Option<u8>) {
        let fitting =
            |&(worker, free_bytes, running): &(u8, u64, usize)| Fitting { worker: id(worker), free_bytes, running };
        let chosen = best(workers.iter().map(fitting), preferred.map(id), reader.map(id));
        assert_eq!(chosen, expected.map(id), "{workers:?} {preferred:?} {reader:?}");
    }

    #[test]
    fn the_best_is_chosen() {
        check(&[], None, None, None);
        check(&[(1, 9, 0), (2, 5, 3), (3, 7, 0)], None, None, Some(3));
        check(&[(1, 5, 3), (2, 9, 1)], None, None, Some(2));
        check(&[(1, 9, 0), (2, 5, 1), (3, 7, 0)], None, Some(2), Some(2));
        check(&[(1, 9, 0), (2, 5, 2), (3, 7, 0)], None, Some(2), Some(3));
        check(&[(1, 9, 0), (2, 5, 3), (3, 7, 9)], Some(3), Some(1), Some(3));
        check(&[(1, 9, 0), (2, 5, 3)], Some(4), Some(5), Some(1));
    }

    #[test]
    fn the_files_used_last_are_remembered() {
        let mut readers = Readers::new(NonZeroUsize::MIN);
        readers.learn(Some(1), id(1));
        readers.learn(None, id(2));
        assert_eq!(readers.get(Some(1)), Some(id(1)));
        readers.learn(Some(2), id(2));
        assert_eq!((readers.get(Some(1)), readers.get(Some(2))), (None, Some(id(2))));
    }
}
