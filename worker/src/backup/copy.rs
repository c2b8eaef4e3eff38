//! Copying files piece by piece, on disk and in stores, with their hashes.
//!
//! On disk a file gets its name when it is whole; stores show one only then by themselves.

use std::path::Path;

use ring::digest::{Context, SHA256};

use super::{BackupError, doing};
use crate::engine::Files;

/// Bytes that are read and written at a time.
const PIECE: usize = 1 << 20;

/// The size and hash of a file that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// `path` below `place`.
pub(crate) fn below(place: &str, path: &str) -> String {
    format!("{}/{path}", place.trim_end_matches('/'))
}

/// Whether a place is on a store, not on this machine.
pub(crate) fn is_address(place: &str) -> bool {
    place.contains("://")
}

/// Reads a file to its end.
pub(crate) fn content(files: &Files, path: &str) -> Result<Content, BackupError> {
    through(files, path, |_| Ok(()))
}

/// The bytes of a small file.
pub(crate) fn whole(files: &Files, path: &str) -> Result<Vec<u8>, BackupError> {
    let mut bytes = Vec::new();
    through(files, path, |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(bytes)
}

/// The size of a file; `None` when it cannot be opened.
pub(crate) fn size(files: &Files, path: &str) -> Option<u64> {
    files.read(path).and_then(|file| file.size()).ok()
}

/// Copies a file, in place of one that is there, when `accept` takes its content.
pub(crate) fn copy(
    files: &Files,
    from: &str,
    to: &str,
    accept: impl FnOnce(&Content) -> Result<(), BackupError>,
) -> Result<Content, BackupError> {
    let made = made(files, to, |file| {
        let content = through(files, from, |piece| file.write_all(piece).map_err(doing(&writing(to))))?;
        accept(&content)?;
        Ok(content)
    })?;
    Ok(made)
}

/// Writes a small file, in place of one that is there.
pub(crate) fn write(files: &Files, path: &str, bytes: &[u8]) -> Result<(), BackupError> {
    made(files, path, |file| file.write_all(bytes).map_err(doing(&writing(path))))
}

/// Makes a file with what `fill` writes.
fn made<T>(
    files: &Files,
    path: &str,
    fill: impl FnOnce(&mut crate::engine::File<'_>) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    if is_address(path) {
        let mut file = files.write(path).map_err(doing(&writing(path)))?;
        let filled = fill(&mut file)?;
        file.finish().map_err(doing(&writing(path)))?;
        return Ok(filled);
    }
    let part = format!("{path}.part");
    let io = |cause| BackupError::Io { what: writing(path), cause };
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    remove(&part).map_err(io)?;
    let outcome = files.write(&part).map_err(doing(&writing(path))).and_then(|mut file| {
        let filled = fill(&mut file)?;
        file.finish().map_err(doing(&writing(path)))?;
        Ok(filled)
    });
    let outcome = outcome.and_then(|filled| {
        // What has a name has to be there after a loss of power, too.
        std::fs::File::open(&part).and_then(|file| file.sync_all()).map_err(io)?;
        std::fs::rename(&part, path).map_err(io)?;
        Ok(filled)
    });
    if outcome.is_err() {
        let _ = remove(&part);
    }
    outcome
}

/// Removes a file of this machine if it is there.
pub(crate) fn remove(path: &str) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn through(
    files: &Files,
    path: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<Content, BackupError> {
    let reading = || format!("{path} cannot be read");
    let mut file = files.read(path).map_err(doing(&reading()))?;
    let (mut hash, mut bytes, mut piece) = (Context::new(&SHA256), 0, vec![0; PIECE]);
    loop {
        match file.read(&mut piece).map_err(doing(&reading()))? {
            0 => break,
            read => {
                hash.update(&piece[..read]);
                bytes += read as u64;
                take(&piece[..read])?;
            }
        }
    }
    let sha256 = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Content { bytes, sha256 })
}

fn writing(path: &str) -> String {
    format!("{path} cannot be written")
}
