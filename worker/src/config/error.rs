//! Why a worker could not be built, or cannot go on.

use tavana_wire::{Failure, FailureKind};

use crate::catalogs::CatalogsError;
use crate::engine::EngineError;

/// Why a worker could not be built.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A folder is missing and cannot be made, or cannot be used.
    #[error("the folder {folder} cannot be used: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The catalogs file is wrong, or what it names cannot be opened.
    #[error(transparent)]
    Catalogs(#[from] CatalogsError),
    /// DuckDB does not open the database or take its settings.
    #[error("DuckDB does not start: {0}")]
    Engine(#[from] EngineError),
    /// An extension that is needed is not there.
    #[error(
        "DuckDB's extension {name} is needed and is not in {folder}; run `make deps`, or name its folder with --extension-dir"
    )]
    Extension {
        /// The extension.
        name: String,
        /// Where it was looked for.
        folder: String,
    },
    /// A metric could not be registered.
    #[error("a metric could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// DuckDB gave up its instance after a fault of its own: only a new process can open the database again.
    #[error(
        "DuckDB gave up its instance after a fault of its own; what was committed is safe, start the program again"
    )]
    Broken,
}

impl WorkerError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Folder { .. } => FailureKind::Io,
            Self::Engine(error) => error.kind(),
            Self::Catalogs(error) => error.kind(),
            Self::Extension { .. } => FailureKind::NotFound,
            Self::Metrics(_) | Self::Broken => FailureKind::Internal,
        }
    }
}

impl From<WorkerError> for Failure {
    fn from(error: WorkerError) -> Self {
        Failure::new(error.kind(), error.to_string())
    }
}
