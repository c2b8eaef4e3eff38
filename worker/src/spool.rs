//! Results that wait: for their ticket, or for a reader that is slower than the next statement.
//!
//! A spool keeps frames in memory up to a limit and in an unlinked file of the temporary folder beyond it. All
//! spools of a worker share one bound; what does not fit is refused and the statement fails, it is never cut.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tavana_wire::{Failure, FailureKind, QueryId};
use tokio::time::Instant;

use crate::stream::frame::Frame;

/// Where spools lie and how large they may be.
#[derive(Clone, Debug)]
pub(crate) struct SpoolLimits {
    /// Bytes of one spool that stay in memory.
    pub(crate) memory_bytes: u64,
    /// Bytes of all spools together.
    pub(crate) total_bytes: u64,
    /// Where the files lie.
    pub(crate) folder: PathBuf,
}

/// Counts the bytes of all spools of a worker.
#[derive(Clone, Debug)]
pub(crate) struct SpoolSpace {
    limits: Arc<SpoolLimits>,
    used: Arc<AtomicU64>,
}

impl SpoolSpace {
    pub(crate) fn new(limits: SpoolLimits) -> Self {
        Self { limits: Arc::new(limits), used: Arc::default() }
    }

    /// A new, empty spool.
    pub(crate) fn spool(&self) -> Spool {
        Spool { space: self.clone(), frames: Vec::new(), file: None, bytes: 0, file_end: 0 }
    }

    fn reserve(&self, bytes: u64) -> Result<(), Failure> {
        let limit = self.limits.total_bytes;
        let reserved = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
            used.checked_add(bytes).filter(|&sum| sum <= limit)
        });
        reserved.map(|_| ()).map_err(|_| {
            let message = format!(
                "results that wait to be fetched have reached the limit of {limit} bytes; fetch or close open results, or raise --max-spool-bytes"
            );
            Failure::new(FailureKind::LimitExceeded, message)
        })
    }
}

/// The frames of one result.
#[derive(Debug)]
pub(crate) struct Spool {
    space: SpoolSpace,
    frames: Vec<Stored>,
    file: Option<File>,
    bytes: u64,
    file_end: u64,
}

#[derive(Debug)]
enum Stored {
    Memory(Frame),
    File { at: u64, len: usize },
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.space.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Spool {
    /// Adds a frame; may write to disk.
    ///
    /// # Errors
    /// `LimitExceeded` when all spools together are full, `DiskFull` or `Io` when the file cannot be written.
    pub(crate) fn push(&mut self, frame: Frame) -> Result<(), Failure> {
        let len = frame.len();
        self.space.reserve(len as u64)?;
        self.bytes += len as u64;
        if self.bytes <= self.space.limits.memory_bytes {
            self.frames.push(Stored::Memory(frame));
            return Ok(());
        }
        let at = self.file_end;
        self.write(&frame).map_err(|error| {
            let full = error.kind() == std::io::ErrorKind::StorageFull;
            let kind = if full { FailureKind::DiskFull } else { FailureKind::Io };
            Failure::new(kind, format!("a result could not be kept on the worker's disk: {}", error.kind()))
        })?;
        self.frames.push(Stored::File { at, len });
        Ok(())
    }

    fn write(&mut self, frame: &Frame) -> std::io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(&self.space.limits.folder)?,
        };
        for segment in frame.segments() {
            file.write_all(segment)?;
            self.file_end += segment.len() as u64;
        }
        self.file = Some(file);
        Ok(())
    }

    /// The bytes of all its frames.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The frame at `index`; `None` past the last. May read from disk.
    pub(crate) fn frame(&self, index: usize) -> Option<Result<Frame, Failure>> {
        match self.frames.get(index)? {
            Stored::Memory(frame) => Some(Ok(frame.clone())),
            Stored::File { at, len } => {
                let mut bytes = vec![0; *len];
                let read = self.file.as_ref().map(|file| file.read_exact_at(&mut bytes, *at));
                Some(match read {
                    Some(Ok(())) => Ok(Frame::whole(Bytes::from(bytes))),
                    _ => Err(Failure::new(FailureKind::Io, "a kept result could not be read back")),
                })
            }
        }
    }
}

/// Results that wait for their tickets.
#[derive(Debug)]
pub(crate) struct StoredResults {
    results: Mutex<HashMap<QueryId, StoredResult>>,
    life: Duration,
}

#[derive(Debug)]
struct StoredResult {
    principal: String,
    spool: Arc<Spool>,
    expires: Instant,
}

impl StoredResults {
    /// Results that are kept for `life` unless they are fetched before.
    pub(crate) fn new(life: Duration) -> Self {
        Self { results: Mutex::default(), life }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<QueryId, StoredResult>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keep(&self, query: QueryId, principal: &str, spool: Spool) {
        let expires = Instant::now() + self.life;
        let stored = StoredResult { principal: principal.to_owned(), spool: Arc::new(spool), expires };
        self.lock().insert(query, stored);
    }

    /// The result of a statement.
    ///
    /// # Errors
    /// `NotFound` when it was fetched already, has expired, or is another principal's.
    pub(crate) fn find(&self, query: QueryId, principal: &str) -> Result<Arc<Spool>, Failure> {
        let results = self.lock();
        match results.get(&query).filter(|stored| stored.principal == principal) {
            Some(stored) => Ok(Arc::clone(&stored.spool)),
            None => Err(Failure::new(FailureKind::NotFound, "this result was fetched already or has expired")),
        }
    }

    /// Drops a result that was delivered whole, or is not wanted; says whether there was one.
    pub(crate) fn forget(&self, query: QueryId) -> bool {
        self.lock().remove(&query).is_some()
    }

    /// Drops what has expired.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.lock().retain(|_, stored| stored.expires > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(memory_bytes: u64, total_bytes: u64) -> SpoolSpace {
        SpoolSpace::new(SpoolLimits { memory_bytes, total_bytes, folder: std::env::temp_dir() })
    }

    fn frame(text: &'static [u8]) -> Frame {
        Frame::whole(Bytes::from_static(text))
    }

    #[test]
    fn frames_come_back_from_memory_and_from_disk() {
        let space = space(4, 100);
        let mut spool = space.spool();
        for text in [b"one" as &[u8], b"two", b"three"] {
            spool.push(frame(Box::leak(text.to_vec().into_boxed_slice()))).unwrap();
        }
        let read: Vec<_> =
            (0..).map_while(|index| spool.frame(index)).map(|frame| frame.unwrap().segments().concat()).collect();
        assert_eq!(read, [b"one" as &[u8], b"two", b"three"]);
    }

    #[test]
    fn all_spools_share_one_bound() {
        let space = space(100, 10);
        let mut first = space.spool();
        first.push(frame(b"12345678")).unwrap();
        let refused = space.spool().push(frame(b"123")).unwrap_err();
        assert_eq!(refused.kind, FailureKind::LimitExceeded);
        drop(first);
        space.spool().push(frame(b"123")).unwrap();
    }
}
