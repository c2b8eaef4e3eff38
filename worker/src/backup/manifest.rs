//! What a backup holds.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::BackupError;
use crate::catalogs::MetadataKind;

/// The form of a backup; a later one that older programs cannot restore has another number.
const FORM: u32 = 1;

/// The list that makes a backup whole.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    form: u32,
    /// The time it was made, for people.
    pub(super) made_at: String,
    /// The version of DuckDB that made it, for people.
    pub(super) duckdb: String,
    pub(super) holds: Holds,
    pub(super) files: Vec<Entry>,
}

/// What was backed up.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Holds {
    /// A lake.
    Lake {
        /// Its name then.
        catalog: String,
        /// What kept its metadata.
        metadata_kind: MetadataKind,
        /// Its newest snapshot.
        snapshot: i64,
        /// The file with the rows of its metadata.
        metadata: Entry,
    },
    /// An embedded database, whose only file is in `files`.
    Database,
}

/// One file of a backup.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Below the place of the backup; data files also below `data/`.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn new(made_at: String, holds: Holds, files: Vec<Entry>) -> Self {
        Self { form: FORM, made_at, duckdb: crate::engine::version(), holds, files }
    }

    /// # Errors
    /// [`BackupError::Broken`] when the text is no manifest that can be trusted.
    pub(super) fn parse(text: &[u8]) -> Result<Self, BackupError> {
        let manifest: Self = serde_json::from_slice(text)
            .map_err(|error| BackupError::Broken(format!("its manifest cannot be read: {error}")))?;
        if manifest.form != FORM {
            let reason = format!("it has the form {}, and this program knows {FORM}; use a newer one", manifest.form);
            return Err(BackupError::Broken(reason));
        }
        if manifest.entries().all(|entry| is_below(&entry.path)) {
            return Ok(manifest);
        }
        Err(BackupError::Broken("its manifest names a file outside of it".to_owned()))
    }

    pub(super) fn text(&self) -> Result<Vec<u8>, BackupError> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| BackupError::Broken(format!("its manifest cannot be written: {error}")))
    }

    /// All its files but the manifest itself.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let metadata = match &self.holds {
            Holds::Lake { metadata, .. } => Some(metadata),
            Holds::Database => None,
        };
        self.files.iter().chain(metadata)
    }

    pub(super) fn by_path(&self) -> HashMap<&str, &Entry> {
        self.entries().map(|entry| (entry.path.as_str(), entry)).collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.entries().map(|entry| entry.bytes).sum()
    }
}

/// Whether a path leads to a place below where it begins.
fn is_below(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> Manifest {
        let entry = Entry { path: path.to_owned(), bytes: 1, sha256: String::new() };
        Manifest::new("now".to_owned(), Holds::Database, vec![entry])
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let written = manifest("data/main/t/a.parquet");
        assert_eq!(Manifest::parse(&written.text().unwrap()).unwrap(), written);
    }

    #[test]
    fn a_manifest_that_cannot_be_trusted_is_refused() {
        let check = |text: &[u8], expected: &str| {
            let reason = Manifest::parse(text).unwrap_err().to_string();
            assert!(reason.contains(expected), "{reason}");
        };
        let whole = manifest("a").text().unwrap();
        check(&whole[..whole.len() / 2], "cannot be read");
        check(String::from_utf8(whole).unwrap().replace("\"form\": 1", "\"form\": 9").as_bytes(), "the form 9");
        for outside in ["../a", "data/../../a", "/etc/a", "a//b", ""] {
            check(&manifest(outside).text().unwrap(), "outside");
        }
    }
}
