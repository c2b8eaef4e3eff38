//! Backup and restore.
//!
//! Of a lake: the rows of its metadata, read in one transaction, so that they are those of one snapshot and all before it; and
//! the data files that they name, which never change once they are written. A backup is a folder or the beginning of an address:
//! `data/` holds the files, `metadata-….duckdb` the rows, and `manifest.json` names all of them with sizes and hashes. It is
//! written last, so that a backup which was cut is known by the lack of it, or is still the one before. A further backup to
//! the same place copies only what is new.
//!
//! Of the embedded database: its file, while no server uses it.
//!
//! Restoring checks everything before it changes anything: data files come first, each compared with its hash, and then the
//! metadata, in one transaction.

pub(crate) mod copy;
mod lake;
pub(crate) mod make;
mod manifest;
pub(crate) mod restore;

use std::path::PathBuf;

use tavana_wire::FailureKind;

use crate::catalogs::{CatalogsError, Lake};
use crate::engine::{EngineError, Files};
use crate::tools::Tool;

/// What is backed up, or restored to.
pub(crate) enum Target {
    /// A lake.
    Lake(Lake),
    /// The file of an embedded database.
    Database(PathBuf),
}

/// What a backup holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The newest snapshot in it; none of an embedded database.
    pub snapshot: Option<i64>,
    /// Files in it.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Files that were copied now; the rest was there.
    pub files_copied: u64,
    /// Bytes of these.
    pub bytes_copied: u64,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// The newest snapshot; none of an embedded database.
    pub snapshot: Option<i64>,
    /// Files in place.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
}

/// Why a backup cannot be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The catalog cannot be opened.
    #[error(transparent)]
    Catalog(#[from] CatalogsError),
    /// DuckDB does not do what is asked.
    #[error("{what}: {cause}")]
    Engine {
        /// What was done.
        what: String,
        /// What DuckDB says.
        cause: EngineError,
    },
    /// A file or folder of this machine cannot be used.
    #[error("{what}: {cause}")]
    Io {
        /// What was done.
        what: String,
        /// The cause.
        cause: std::io::Error,
    },
    /// The backup is not whole, or not as it was made.
    #[error("the backup cannot be used: {0}")]
    Broken(String),
    /// What is there already would be lost, or does not fit.
    #[error("{0}")]
    Refused(String),
}

impl BackupError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Catalog(error) => error.kind(),
            Self::Engine { cause, .. } => cause.kind(),
            Self::Io { .. } => FailureKind::Io,
            Self::Broken(_) => FailureKind::Data,
            Self::Refused(_) => FailureKind::InvalidRequest,
        }
    }
}

/// The file systems of a tool.
fn files_of(tool: &Tool) -> Result<Files, BackupError> {
    Files::of(&tool.connection).map_err(doing("files cannot be opened"))
}

/// Says what was done when DuckDB failed.
fn doing(what: &str) -> impl FnOnce(EngineError) -> BackupError {
    let what = what.to_owned();
    move |cause| BackupError::Engine { what, cause }
}
