//! Files that operators replace while a process runs: users, certificates.
//!
//! Whoever is about to use such a file asks whether it has changed. That costs one `stat` a file,
//! at most once a second, and needs no thread and no kernel watch that a mounted secret or a network
//! file system would not serve.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How often files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files to look at.
#[derive(Debug)]
pub(crate) struct Watch {
    paths: Vec<PathBuf>,
    seen: Vec<Option<Stamp>>,
    looked_at: Instant,
}

/// What changes when a file is replaced or rewritten. A file that is replaced by renaming has
/// another inode even if time and length agree.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Watch {
    /// Begins to watch. Call it *before* reading the files, so that no change is missed.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        let seen = stamps(&paths);
        Self { paths, seen, looked_at: Instant::now() }
    }

    /// Whether a file has changed since this last said so. A missing file counts as changed once.
    pub(crate) fn changed(&mut self) -> bool {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return false;
        }
        self.looked_at = Instant::now();
        let now = stamps(&self.paths);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    use std::os::unix::fs::MetadataExt as _;
    let stamp = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        Some(Stamp { modified: metadata.modified().ok(), length: metadata.len(), inode: metadata.ino() })
    };
    paths.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_told_once_and_at_most_once_a_second() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "one").unwrap();
        let mut watch = Watch::new(vec![path.clone()]);
        fs::write(&path, "three").unwrap();
        assert!(!watch.changed(), "looked again within a second");
        tokio::time::advance(LOOK_EVERY).await;
        assert!(watch.changed());
        tokio::time::advance(LOOK_EVERY).await;
        assert!(!watch.changed());
        fs::remove_file(&path).unwrap();
        tokio::time::advance(LOOK_EVERY).await;
        assert!(watch.changed());
    }
}
