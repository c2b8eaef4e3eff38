//! The queue between statements that end and the thread that writes them.
//!
//! A statement leaves its row and goes on; the thread takes all that wait at once, when there are enough for a batch or the first has
//! waited for a moment. Rows leave the queue only when they are written, so that at any time each is in the queue, in the
//! store, or in both under the same number.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A fingerprint, as a key.
pub(super) type Key = [u8; 16];

/// The most rows that wait.
const MAX_ROWS: usize = 8192;
/// The most bytes of rows that wait.
const MAX_BYTES: usize = 16 << 20;
/// Rows that are worth a write at once.
const BATCH_ROWS: usize = 256;
/// How long fewer wait.
const BATCH_TIME: Duration = Duration::from_millis(200);

/// A row that waits to be written.
#[derive(Clone)]
pub(super) struct Waiting {
    /// As it is stored.
    pub(super) row: Vec<u8>,
    /// The fingerprint whose runs have changed with it.
    pub(super) key: Option<Key>,
}

/// The rows that wait, in the order of their numbers.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    rows: VecDeque<(u64, Waiting)>,
    bytes: usize,
    next: u64,
    /// Fingerprints that are not remembered any more.
    forgotten: Vec<Key>,
    /// When the first row that is not being written came.
    since: Option<Instant>,
    closed: bool,
}

/// What is written at once.
pub(super) struct Batch {
    pub(super) rows: Vec<(u64, Waiting)>,
    pub(super) forgotten: Vec<Key>,
}

impl Queue {
    pub(super) fn new(next: u64, forgotten: Vec<Key>) -> Self {
        let inner = Inner { rows: VecDeque::new(), bytes: 0, next, forgotten, since: None, closed: false };
        Self { inner: Mutex::new(inner), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a row; says whether there was room.
    pub(super) fn push(&self, waiting: Waiting, forgotten: Option<Key>) -> bool {
        let mut inner = self.lock();
        // As many as are remembered at most: each was remembered before it was forgotten, and leaves with the next batch.
        inner.forgotten.extend(forgotten);
        if inner.rows.len() >= MAX_ROWS || inner.bytes + waiting.row.len() > MAX_BYTES {
            return false;
        }
        inner.bytes += waiting.row.len();
        let number = inner.next;
        inner.next += 1;
        inner.rows.push_back((number, waiting));
        let is_first = inner.since.is_none();
        inner.since.get_or_insert_with(Instant::now);
        // In between the thread wakes up by itself.
        if is_first || inner.rows.len() == BATCH_ROWS {
            self.changed.notify_one();
        }
        true
    }

    /// No more rows come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for a batch; the rows stay until they are [`Queue::written`]. `None` when there will be none.
    pub(super) fn batch(&self) -> Option<Batch> {
        let mut inner = self.lock();
        loop {
            let waited = inner.since.map(|since| since.elapsed());
            let enough = waited.is_some_and(|waited| inner.rows.len() >= BATCH_ROWS || waited >= BATCH_TIME);
            match waited {
                Some(_) if enough || inner.closed => break,
                None if inner.closed => return None,
                Some(waited) => {
                    let left = BATCH_TIME.saturating_sub(waited);
                    inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None => inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner),
            }
        }
        inner.since = None;
        Some(Batch { rows: inner.rows.iter().cloned().collect(), forgotten: std::mem::take(&mut inner.forgotten) })
    }

    /// The first `count` rows are in the store, or given up.
    pub(super) fn written(&self, count: usize) {
        let mut inner = self.lock();
        let count = count.min(inner.rows.len());
        let bytes: usize = inner.rows.drain(..count).map(|(_, waiting)| waiting.row.len()).sum();
        inner.bytes -= bytes;
    }

    /// The rows that wait, and the number from which on all are among them.
    pub(super) fn waiting(&self) -> (u64, Vec<Vec<u8>>) {
        let inner = self.lock();
        let first = inner.rows.front().map_or(inner.next, |(number, _)| *number);
        (first, inner.rows.iter().map(|(_, waiting)| waiting.row.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(bytes: usize) -> Waiting {
        Waiting { row: vec![0; bytes], key: None }
    }

    #[test]
    fn rows_stay_until_they_are_written() {
        let queue = Queue::new(5, vec![[1; 16]]);
        assert!(queue.push(waiting(1), None) && queue.push(waiting(2), Some([2; 16])));
        let batch = queue.batch().unwrap();
        assert_eq!(batch.rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [5, 6]);
        assert_eq!(batch.forgotten, [[1; 16], [2; 16]]);
        assert!(queue.push(waiting(3), None));
        assert_eq!(queue.waiting(), (5, vec![vec![0; 1], vec![0; 2], vec![0; 3]]));
        queue.written(2);
        assert_eq!(queue.waiting(), (7, vec![vec![0; 3]]));
        queue.close();
        assert_eq!(queue.batch().unwrap().rows.len(), 1);
        queue.written(1);
        assert!(queue.batch().is_none());
        assert_eq!(queue.waiting(), (8, vec![]));
    }

    #[test]
    fn rows_and_bytes_are_bounded() {
        let queue = Queue::new(0, vec![]);
        assert!((0..MAX_ROWS).all(|_| queue.push(waiting(1), None)));
        assert!(!queue.push(waiting(1), None));
        let queue = Queue::new(0, vec![]);
        assert!(queue.push(waiting(MAX_BYTES), None));
        assert!(!queue.push(waiting(1), None));
    }
}
