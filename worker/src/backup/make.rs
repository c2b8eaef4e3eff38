//! Making a backup.

use std::collections::HashMap;
use std::path::Path;

use super::copy::{self, Content, below, is_address};
use super::lake::{self, ROWS};
use super::manifest::{Entry, Holds, Manifest};
use super::{BackupError, BackupReport, doing, files_of};
use crate::catalogs::Lake;
use crate::config::{DATABASE_FILE, Progress};
use crate::engine::{Files, Instance, InstanceConfig, literal};
use crate::tools::Tool;

/// The file that is written last.
pub(super) const MANIFEST: &str = "manifest.json";
/// The folder of data files.
pub(super) const DATA: &str = "data";

/// A file that is to be in the backup.
struct Wanted {
    source: String,
    path: String,
    /// Its size, where it is known.
    bytes: Option<u64>,
}

/// Backs up a lake.
pub(crate) fn of_lake(tool: &Tool, lake: &Lake, to: &str, progress: Progress<'_>) -> Result<BackupReport, BackupError> {
    let connection = &tool.connection;
    let rows = tool.temp.path().join("metadata.duckdb").display().to_string();
    let attach = |sql: &str| connection.execute(sql).map_err(doing("the rows of the metadata cannot be kept"));
    attach(&format!("ATTACH {} AS {ROWS}", literal(&rows)))?;
    let snapshot = lake::read(connection, lake)?;
    let data = lake::files(connection)?;
    attach(&format!("DETACH {ROWS}"))?;

    let files = files_of(tool)?;
    let before = earlier(&files, to)?;
    let wanted = data.into_iter().map(|file| Wanted {
        source: if file.is_outside { file.source } else { below(&lake.data_path, &file.source) },
        path: below(DATA, &file.path),
        bytes: Some(file.bytes),
    });
    let mut copied = Copied::default();
    let entries = copied.all(&files, &wanted.collect::<Vec<_>>(), before.as_ref(), to, progress)?;
    let path = format!("metadata-{snapshot}-{:016x}.duckdb", fastrand::u64(..));
    let Content { bytes, sha256 } = copy::copy(&files, &rows, &below(to, &path), |_| Ok(()))?;
    let holds = Holds::Lake {
        catalog: lake.name.clone(),
        metadata_kind: lake.kind(),
        snapshot,
        metadata: Entry { path, bytes, sha256 },
    };
    copied.count(bytes);
    finish(&files, to, before.as_ref(), Manifest::new(now(tool)?, holds, entries), &copied)
}

/// Backs up the file of an embedded database, which no server may use meanwhile.
pub(crate) fn of_database(
    tool: &Tool,
    file: &Path,
    to: &str,
    progress: Progress<'_>,
) -> Result<BackupReport, BackupError> {
    if !file.exists() {
        return Err(BackupError::Refused(format!("there is no {DATABASE_FILE} in the data folder")));
    }
    // Held open, so that nobody writes to it.
    let _held = hold(file)?;
    let files = files_of(tool)?;
    let wanted = Wanted { source: file.display().to_string(), path: DATABASE_FILE.to_owned(), bytes: None };
    let mut copied = Copied::default();
    let entries = copied.all(&files, &[wanted], None, to, progress)?;
    finish(&files, to, None, Manifest::new(now(tool)?, Holds::Database, entries), &copied)
}

/// Opens a database file, which nobody else may have open, with everything in it that was committed.
pub(super) fn hold(file: &Path) -> Result<crate::engine::Connection, BackupError> {
    let config = InstanceConfig { file: Some(file.to_owned()), ..InstanceConfig::default() };
    let open = || {
        let connection = Instance::open(&config)?.connect()?;
        connection.execute("CHECKPOINT")?;
        Ok(connection)
    };
    open().map_err(doing("the database cannot be opened; end the server that uses it"))
}

/// The manifest of an earlier backup in the same place; none when it cannot be used, and all is copied anew.
fn earlier(files: &Files, to: &str) -> Result<Option<Manifest>, BackupError> {
    let path = below(to, MANIFEST);
    if copy::size(files, &path).is_none() {
        return Ok(None);
    }
    match Manifest::parse(&copy::whole(files, &path)?) {
        Ok(manifest) if matches!(manifest.holds, Holds::Lake { .. }) => Ok(Some(manifest)),
        Ok(_) => {
            Err(BackupError::Refused("there is a backup of another kind in that place; choose another".to_owned()))
        }
        Err(_) => Ok(None),
    }
}

#[derive(Default)]
struct Copied {
    files: u64,
    bytes: u64,
}

impl Copied {
    fn count(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// Brings all files to the backup that it does not have.
    fn all(
        &mut self,
        files: &Files,
        wanted: &[Wanted],
        before: Option<&Manifest>,
        to: &str,
        progress: Progress<'_>,
    ) -> Result<Vec<Entry>, BackupError> {
        let there = before.map(Manifest::by_path).unwrap_or_default();
        let total: u64 = wanted.iter().filter_map(|file| file.bytes).sum();
        let (mut entries, mut done) = (Vec::with_capacity(wanted.len()), 0);
        for file in wanted {
            progress("copying files", part(done, total));
            done += file.bytes.unwrap_or(0);
            entries.push(self.one(files, file, &there, to)?);
        }
        progress("copying files", 1.0);
        Ok(entries)
    }

    fn one(
        &mut self,
        files: &Files,
        file: &Wanted,
        there: &HashMap<&str, &Entry>,
        to: &str,
    ) -> Result<Entry, BackupError> {
        let target = below(to, &file.path);
        if let Some(known) = there.get(file.path.as_str())
            && Some(known.bytes) == file.bytes
            && copy::size(files, &target) == file.bytes
        {
            return Ok((*known).clone());
        }
        let is_whole = |content: &Content| match file.bytes {
            Some(bytes) if bytes != content.bytes => Err(BackupError::Refused(format!(
                "{} has {} bytes, and its catalog says {bytes}: it is damaged, and not backed up",
                file.source, content.bytes
            ))),
            _ => Ok(()),
        };
        let Content { bytes, sha256 } = copy::copy(files, &file.source, &target, is_whole)?;
        self.count(bytes);
        Ok(Entry { path: file.path.clone(), bytes, sha256 })
    }
}

/// Makes the backup whole; what only the earlier one needed goes.
fn finish(
    files: &Files,
    to: &str,
    before: Option<&Manifest>,
    manifest: Manifest,
    copied: &Copied,
) -> Result<BackupReport, BackupError> {
    // In a store a file is whole or not there; on disk it gets its name when it is whole.
    copy::write(files, &below(to, MANIFEST), &manifest.text()?)?;
    if let Some(before) = before.filter(|_| !is_address(to)) {
        let needed = manifest.by_path();
        for old in before.entries().filter(|entry| !needed.contains_key(entry.path.as_str())) {
            copy::remove(&below(to, &old.path)).map_err(|cause| BackupError::Io {
                what: "an old file of the backup cannot be removed".to_owned(),
                cause,
            })?;
        }
    }
    let snapshot = match manifest.holds {
        Holds::Lake { snapshot, .. } => Some(snapshot),
        Holds::Database => None,
    };
    Ok(BackupReport {
        snapshot,
        files: manifest.entries().count() as u64,
        bytes: manifest.bytes(),
        files_copied: copied.files,
        bytes_copied: copied.bytes,
    })
}

fn now(tool: &Tool) -> Result<String, BackupError> {
    let time = "strftime(now() AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')";
    tool.connection.current(time).map_err(doing("the time cannot be told"))
}

/// The part of `total` that is done.
#[allow(clippy::cast_precision_loss)]
pub(super) fn part(done: u64, total: u64) -> f64 {
    if total == 0 { 1.0 } else { done as f64 / total as f64 }
}
