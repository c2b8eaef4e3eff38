//! The key that signs tokens, tickets and handles.
//!
//! Gateways and workers that belong together share one key, so it comes from a file that the
//! operator gives to each. A process alone makes its own: kept in the data directory, so that
//! clients survive a restart, or random when there is no such directory and thus nothing to come back to.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};
use tavana_wire::seal::MIN_SECRET_BYTES;
use tavana_wire::{FailureKind, Sealer};

/// The name of the key's file in a data directory.
pub const DATA_DIR_KEY: &str = "key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file in the data directory cannot be made.
    #[error("cannot write the key file {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The secret is too short to be safe.
    #[error("the key file {} holds fewer than {MIN_SECRET_BYTES} characters", path.display())]
    TooShort {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandom,
}

impl KeyError {
    /// What went wrong, for metrics and exit messages.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } | Self::Write { .. } => FailureKind::Io,
            Self::TooShort { .. } => FailureKind::InvalidRequest,
            Self::NoRandom => FailureKind::Internal,
        }
    }
}

/// The sealer of this process: from `key_file`; else from the file `key` in `data_dir`, made at
/// the first start; else random.
///
/// # Errors
/// [`KeyError`] when a file is named but gives no key.
pub fn load(key_file: Option<&Path>, data_dir: Option<&Path>) -> Result<Sealer, KeyError> {
    match (key_file, data_dir) {
        (Some(path), _) => read(path),
        (None, Some(data_dir)) => {
            let path = data_dir.join(DATA_DIR_KEY);
            if !path.exists() {
                create(data_dir, &path)?;
            }
            read(&path)
        }
        (None, None) => Ok(Sealer::random()),
    }
}

fn read(path: &Path) -> Result<Sealer, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    // Editors and `echo` end a file with a line break, which is not part of the secret.
    Sealer::from_secret(text.trim().as_bytes()).ok_or_else(|| KeyError::TooShort { path: path.to_owned() })
}

/// Writes a new secret of 64 hexadecimal digits, readable by the owner only.
fn create(data_dir: &Path, path: &Path) -> Result<(), KeyError> {
    let mut secret = [0; 32];
    SystemRandom::new().fill(&mut secret).map_err(|_| KeyError::NoRandom)?;
    let written = fs::create_dir_all(data_dir).and_then(|()| {
        // A temporary file has mode 0600, and whoever sees the final name sees a whole key.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        for byte in secret {
            write!(file, "{byte:02x}")?;
        }
        writeln!(file)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            // Another process was first: its key counts.
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other.map(|_| ()).map_err(|error| error.error),
        }
    });
    written.map_err(|source| KeyError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::SystemTime;
    use tavana_wire::{Handle, SealError};

    fn opens(sealer: &Sealer, sealed: &[u8]) -> Result<Handle, SealError> {
        sealer.open(sealed, SystemTime::now())
    }

    #[test]
    fn a_key_file_gives_every_process_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shared");
        fs::write(&path, format!("  {}\n", "k".repeat(32))).unwrap();
        let sealed = load(Some(&path), None).unwrap().seal(&Handle::service_token(u64::MAX));
        fs::write(&path, "k".repeat(32)).unwrap();
        assert!(opens(&load(Some(&path), None).unwrap(), &sealed).is_ok());
        assert!(opens(&load(None, None).unwrap(), &sealed).is_err());
    }

    #[test]
    fn the_key_of_a_data_directory_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("new/data");
        let sealed = load(None, Some(&data_dir)).unwrap().seal(&Handle::service_token(u64::MAX));
        assert!(opens(&load(None, Some(&data_dir)).unwrap(), &sealed).is_ok());
        let mode = fs::metadata(data_dir.join(DATA_DIR_KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_short_or_missing_key_is_an_error_that_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("short");
        fs::write(&path, "k".repeat(31)).unwrap();
        let error = load(Some(&path), None).unwrap_err();
        assert!(matches!(error, KeyError::TooShort { .. }));
        assert!(error.to_string().contains("short"));
        let error = load(Some(&dir.path().join("missing")), None).unwrap_err();
        assert!(matches!(error, KeyError::Read { .. }));
    }
}
