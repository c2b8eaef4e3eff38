//! The files of DuckDB's extensions.

use std::path::{Path, PathBuf};

use crate::config::WorkerError;

/// The file of an extension: in `folder` when one is given, else beside the program, or where `make deps` put it.
///
/// # Errors
/// [`WorkerError::Extension`] when it is in none of them.
pub(crate) fn find(name: String, folder: Option<&Path>) -> Result<PathBuf, WorkerError> {
    let installed = std::env::current_exe()
        .ok()
        .and_then(|program| program.parent()?.parent().map(|root| root.join("lib/tavana/extensions")));
    let built = option_env!("TAVANA_BUILT_EXTENSIONS").map(PathBuf::from);
    let folders = match folder {
        Some(folder) => vec![folder.to_owned()],
        None => installed.into_iter().chain(built).collect(),
    };
    let files = folders.iter().map(|folder| folder.join(format!("{name}.duckdb_extension")));
    files.into_iter().find(|file| file.is_file()).ok_or_else(|| WorkerError::Extension {
        name,
        folder: folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or "),
    })
}
