//! Instances of single sessions: those with storage credentials of their own.
//!
//! DuckDB shares secrets by instance, so such a session leaves the worker's and gets one in memory that nobody else uses, locked in the same
//! way. The catalogs of the server are attached there, except those whose metadata is a DuckDB file, which opens once in
//! a process. The server's keys come with them, for the places of the catalogs and `--allow-path` alone: any other place of a store
//! is the session's affair. The embedded database is not there. The memory of each is taken from the worker's, and all goes with the session.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tavana_wire::{Failure, FailureKind};
use tempfile::TempDir;

use super::backend::Backend;
use super::changes::Changes;
use crate::catalogs::Catalogs;
use crate::config::{WorkerError, make_pg_catalog};
use crate::engine::{Connection, EngineError, Instance, InstanceConfig, quoted};
use crate::execute::again::Retries;
use crate::memory::Memory;
use crate::memory::budget::Share;
use crate::statement::credentials::{CredentialChange, Hidden, OF_SETTINGS, SecretKind, SecretOptions};
use crate::system;

/// Opens instances of single sessions, up to a limit.
#[derive(Debug)]
pub(crate) struct PrivateInstances {
    /// How many there may be at a time.
    pub(crate) limit: usize,
    /// As each is opened, but for its folder; why none can be, if none can.
    pub(crate) config: Result<InstanceConfig, String>,
    /// What is attached there, the keys of stores for places that are served.
    pub(crate) catalogs: Catalogs,
    pub(crate) retries: Retries,
    /// Where they keep their files.
    pub(crate) folder: PathBuf,
    pub(crate) open: Arc<AtomicUsize>,
    /// What they get their memory from, and how much each gets.
    pub(crate) memory: Arc<Memory>,
    pub(crate) memory_bytes: u64,
}

/// What a session has beside the connection to its own instance.
#[derive(Debug)]
pub(crate) struct Private {
    /// What settings such as `s3_region` say, by kind and option.
    settings: BTreeMap<(&'static str, &'static str), Hidden>,
    /// Places that the server's own keys are for.
    reserved: Vec<String>,
    /// Goes after the connection, with all files.
    _folder: TempDir,
    _share: Share,
    _slot: Slot,
}

/// A place among the instances; dropping it gives it up.
#[derive(Debug)]
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl PrivateInstances {
    /// Opens an instance for a session with these settings. Blocks for a moment.
    ///
    /// # Errors
    /// `LimitExceeded` when there are too many; what opening says, which the log has in full.
    pub(crate) fn open(&self, settings: &BTreeMap<String, String>) -> Result<(Backend, Private), Failure> {
        let slot = self.slot()?;
        let config = self.config.clone().map_err(|reason| Failure::new(FailureKind::Unsupported, reason))?;
        let share = self.memory.share(self.memory_bytes)?;
        let opened = self.opened(config).map_err(|error| {
            tracing::warn!(%error, "no instance could be opened for a session with credentials");
            let message = "no instance could be opened for the credentials of this session; the server's log says why";
            Failure::new(error.kind(), message)
        });
        let (mut backend, folder) = opened?;
        backend.apply(settings).map_err(|error| {
            let message = format!(
                "a session with storage credentials of its own cannot take the settings of this one: {error}; set credentials first"
            );
            Failure::new(error.kind(), message)
        })?;
        let private = Private {
            settings: BTreeMap::new(),
            reserved: self.catalogs.scopes(),
            _folder: folder,
            _share: share,
            _slot: slot,
        };
        Ok((backend, private))
    }

    fn slot(&self) -> Result<Slot, Failure> {
        let limit = self.limit;
        if limit == 0 {
            let message = "this server takes no storage credentials from sessions; ask an administrator to start it with --max-private-instances";
            return Err(Failure::new(FailureKind::PermissionDenied, message));
        }
        let free = |open: usize| (open < limit).then_some(open + 1);
        if self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).is_err() {
            let message = format!(
                "the worker holds {limit} sessions with storage credentials of their own, its limit; close some or raise --max-private-instances"
            );
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        Ok(Slot(Arc::clone(&self.open)))
    }

    fn opened(&self, mut config: InstanceConfig) -> Result<(Backend, TempDir), WorkerError> {
        let folder = tempfile::Builder::new().prefix("session-").tempdir_in(&self.folder);
        let folder = folder.map_err(|source| {
            let folder = self.folder.display().to_string();
            WorkerError::Folder { folder, source }
        })?;
        config.temp_dir = Some(folder.path().to_owned());
        config.secret_dir = config.secret_dir.map(|_| folder.path().join("secrets"));
        let instance = Instance::open(&config)?;
        let connection = instance.connect()?;
        self.catalogs.make_secrets(&connection)?;
        self.catalogs.attach(&connection)?;
        drop(connection);
        system::make(&instance, folder.path())?;
        let home = self.catalogs.default().map(quoted);
        let snapshot = make_pg_catalog(&instance, home.as_deref(), folder.path())?;
        instance.lock(&config)?;
        let changes = if self.catalogs.are_shared() { Changes::shared() } else { Changes::default() };
        Ok((Backend::open(&instance, home, self.retries, changes, snapshot)?, folder))
    }
}

impl Private {
    /// Changes the session's credentials.
    ///
    /// # Errors
    /// What is wrong, without a part of the statement.
    pub(crate) fn change(&mut self, connection: &Connection, change: CredentialChange) -> Result<(), Failure> {
        match change {
            CredentialChange::Create { name, replaces, if_missing, secret } => {
                if if_missing && has_secret(connection, &name)? {
                    return Ok(());
                }
                self.check_scopes(&secret)?;
                if !replaces && has_secret(connection, &name)? {
                    let message = "the session has a secret of this name already; write CREATE OR REPLACE SECRET";
                    return Err(Failure::new(FailureKind::AlreadyExists, message));
                }
                make(connection, &name, &secret)
            }
            CredentialChange::Drop { name, if_there } => match has_secret(connection, &name)? {
                true => {
                    self.settings.retain(|(kind, _), _| name_of_settings(kind) != name);
                    Ok(drop_secret(connection, &name)?)
                }
                false if if_there => Ok(()),
                false => Err(no_secret()),
            },
            CredentialChange::Setting { kind, option, value } => {
                let mut settings = self.settings.clone();
                match value {
                    Some(value) => settings.insert((kind.name, option), value),
                    None => settings.remove(&(kind.name, option)),
                };
                self.make_of_settings(connection, kind, &settings)?;
                self.settings = settings;
                Ok(())
            }
        }
    }

    /// Makes the secret that stands for the settings of a kind.
    fn make_of_settings(
        &self,
        connection: &Connection,
        kind: &'static SecretKind,
        settings: &BTreeMap<(&'static str, &'static str), Hidden>,
    ) -> Result<(), Failure> {
        let name = name_of_settings(kind.name);
        let of_kind = settings.iter().filter(|((of, _), _)| *of == kind.name);
        let values: Vec<_> = of_kind.map(|((_, option), value)| (*option, value.clone())).collect();
        if values.is_empty() {
            return if has_secret(connection, &name)? { Ok(drop_secret(connection, &name)?) } else { Ok(()) };
        }
        make(connection, &name, &SecretOptions { kind, values, scopes: Vec::new() })
    }

    /// A secret for the places of the server's would be taken in place of the server's, and tables of all would be written elsewhere.
    fn check_scopes(&self, secret: &SecretOptions) -> Result<(), Failure> {
        let is_reserved = |scope: &String| self.reserved.iter().any(|place| scope.starts_with(place.as_str()));
        if secret.scopes.iter().any(is_reserved) {
            let message = "the scope of this secret is a place that the server has credentials for; choose another";
            return Err(Failure::new(FailureKind::PermissionDenied, message));
        }
        Ok(())
    }
}

/// Makes a secret; one of this name is replaced.
fn make(connection: &Connection, name: &str, secret: &SecretOptions) -> Result<(), Failure> {
    // DuckDB repeats names and values in its errors.
    let told = |error: EngineError| {
        Failure::new(error.kind(), "DuckDB does not take a secret with these values; look at them again")
    };
    connection.execute(&secret.statement(name, true)).map(|_| ()).map_err(told)
}

/// The name of the secret that stands for the settings of a kind.
fn name_of_settings(kind: &str) -> String {
    format!("{OF_SETTINGS}{kind}_settings")
}

fn drop_secret(connection: &Connection, name: &str) -> Result<(), EngineError> {
    connection.execute(&format!("DROP TEMPORARY SECRET {}", quoted(name))).map(|_| ())
}

fn has_secret(connection: &Connection, name: &str) -> Result<bool, EngineError> {
    let found = connection.query("SELECT 1 FROM system.main.duckdb_secrets() WHERE name = ?", &[name])?;
    Ok(found.iter().any(|batch| batch.num_rows() > 0))
}

/// The failure of dropping what is not there.
pub(crate) fn no_secret() -> Failure {
    Failure::new(FailureKind::NotFound, "the session has no secret of this name; FROM duckdb_secrets() lists its own")
}
