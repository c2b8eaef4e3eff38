//! A value that must not be seen: as text, or where it is to be read.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// A secret of the catalogs file.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Secret {
    /// The value itself.
    Text(String),
    /// Where it is.
    Place(SecretPlace),
}

/// Where a secret is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum SecretPlace {
    /// In a variable of the environment.
    Env(String),
    /// In a file, without the line break at its end.
    File(PathBuf),
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the variable {0} of the environment, which holds a secret, is not set")]
    Variable(String),
    /// The file cannot be read.
    #[error("the file {}, which holds a secret, cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Secret {
    /// The value.
    ///
    /// # Errors
    /// [`SecretError`] when it is not there.
    pub(super) fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Place(SecretPlace::Env(name)) => std::env::var(name).map_err(|_| SecretError::Variable(name.clone())),
            Self::Place(SecretPlace::File(path)) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| SecretError::File { path: path.clone(), source })?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => formatter.write_str("…"),
            Self::Place(place) => place.fmt(formatter),
        }
    }
}
