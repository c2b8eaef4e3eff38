//! Restoring a backup.

use std::path::Path;

use super::copy::{self, Content, below, is_address};
use super::lake::{self, ROWS};
use super::make::{DATA, MANIFEST, hold, part};
use super::manifest::{Entry, Holds, Manifest};
use super::{BackupError, RestoreReport, doing, files_of};
use crate::catalogs::{Catalogs, Lake};
use crate::config::{DATABASE_FILE, Progress};
use crate::engine::{Files, literal, quoted};
use crate::tools::Tool;

/// Restores a lake; `catalogs` holds it alone.
pub(crate) fn to_lake(
    tool: &Tool,
    catalogs: &Catalogs,
    lake: &Lake,
    from: &str,
    replace: bool,
    progress: Progress<'_>,
) -> Result<RestoreReport, BackupError> {
    let (connection, files) = (&tool.connection, files_of(tool)?);
    let manifest = whole_manifest(&files, from)?;
    let Holds::Lake { metadata_kind, snapshot, metadata, .. } = &manifest.holds else {
        return Err(BackupError::Refused("this is a backup of a database; restore it with --data-dir DIR".to_owned()));
    };
    lake::fits(*metadata_kind, lake.kind())?;
    if !lake::is_empty(connection, lake)? && !replace {
        return Err(BackupError::Refused(format!(
            "the catalog `{}` has, or had, tables; restore to another, or over it with --replace",
            lake.name
        )));
    }
    let rows = tool.temp.path().join("metadata.duckdb").display().to_string();
    copy::copy(&files, &below(from, &metadata.path), &rows, |content| as_made(metadata, content))?;
    let engine = |sql: &str| connection.execute(sql).map_err(doing("the lake cannot be opened"));
    engine(&format!("ATTACH {} AS {ROWS} (READ_ONLY)", literal(&rows)))?;

    let mut placed = Placed { files: &files, new: Vec::new() };
    placed.all(&manifest, from, &lake.data_path, progress)?;
    // DuckLake makes its tables itself where there are none, with the constraints that they need.
    catalogs.attach(connection)?;
    engine(&format!("DETACH {}", quoted(&lake.name)))?;
    lake::is_of_this_form(connection, lake)?;
    lake::write(connection, lake)?;
    placed.new.clear();
    Ok(RestoreReport { snapshot: Some(*snapshot), files: manifest.entries().count() as u64, bytes: manifest.bytes() })
}

/// Restores the file of an embedded database.
pub(crate) fn to_database(
    tool: &Tool,
    file: &Path,
    from: &str,
    replace: bool,
    progress: Progress<'_>,
) -> Result<RestoreReport, BackupError> {
    let files = files_of(tool)?;
    let manifest = whole_manifest(&files, from)?;
    let entry = match (&manifest.holds, manifest.files.as_slice()) {
        (Holds::Database, [entry]) => entry,
        _ => {
            let reason = "this is a backup of a lake; restore it with --catalogs FILE --catalog NAME";
            return Err(BackupError::Refused(reason.to_owned()));
        }
    };
    if file.exists() {
        if !replace {
            let reason = format!("there is a {DATABASE_FILE} in the data folder; restore over it with --replace");
            return Err(BackupError::Refused(reason));
        }
        // Nobody uses it, and its log is gone when it is closed.
        drop(hold(file)?);
    }
    progress("copying files", 0.0);
    let target = file.display().to_string();
    copy::copy(&files, &below(from, &entry.path), &target, |content| as_made(entry, content))?;
    progress("copying files", 1.0);
    Ok(RestoreReport { snapshot: None, files: 1, bytes: manifest.bytes() })
}

/// The manifest of a backup all of whose files are there with their sizes.
fn whole_manifest(files: &Files, from: &str) -> Result<Manifest, BackupError> {
    let path = below(from, MANIFEST);
    if copy::size(files, &path).is_none() {
        let reason =
            format!("there is no {MANIFEST} in that place, or it cannot be read: there is no backup, or it was cut");
        return Err(BackupError::Broken(reason));
    }
    let manifest = Manifest::parse(&copy::whole(files, &path)?)?;
    for entry in manifest.entries() {
        match copy::size(files, &below(from, &entry.path)) {
            Some(bytes) if bytes == entry.bytes => {}
            Some(bytes) => return Err(changed(entry, &format!("has {bytes} bytes, not {}", entry.bytes))),
            None => return Err(changed(entry, "is missing, or cannot be read")),
        }
    }
    Ok(manifest)
}

fn as_made(entry: &Entry, content: &Content) -> Result<(), BackupError> {
    if content.sha256 == entry.sha256 { Ok(()) } else { Err(changed(entry, "is not what was backed up")) }
}

fn changed(entry: &Entry, how: &str) -> BackupError {
    BackupError::Broken(format!("its file {} {how}", entry.path))
}

/// Data files at their new place; those that came are removed again unless all goes well.
struct Placed<'a> {
    files: &'a Files,
    new: Vec<String>,
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        for path in &self.new {
            if let Err(error) = copy::remove(path) {
                tracing::warn!("a file of the restore that failed stays: {error}");
            }
        }
    }
}

impl Placed<'_> {
    fn all(
        &mut self,
        manifest: &Manifest,
        from: &str,
        data_path: &str,
        progress: Progress<'_>,
    ) -> Result<(), BackupError> {
        let total: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
        let mut done = 0;
        for entry in &manifest.files {
            progress("copying files", part(done, total));
            done += entry.bytes;
            let Some(path) = entry.path.strip_prefix(&format!("{DATA}/")) else {
                return Err(changed(entry, "lies where no data lies"));
            };
            self.one(entry, &below(from, &entry.path), below(data_path, path))?;
        }
        progress("copying files", 1.0);
        Ok(())
    }

    fn one(&mut self, entry: &Entry, source: &str, target: String) -> Result<(), BackupError> {
        let there = copy::size(self.files, &target);
        let is_same = there == Some(entry.bytes) && copy::content(self.files, &target)?.sha256 == entry.sha256;
        if is_same {
            // The source is not read then, and may be damaged; what is restored is not.
            return Ok(());
        }
        copy::copy(self.files, source, &target, |content| as_made(entry, content))?;
        if there.is_none() && !is_address(&target) {
            self.new.push(target);
        }
        Ok(())
    }
}
