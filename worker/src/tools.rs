//! Looking after catalogs from outside of a server: maintenance, backup and restore.
//!
//! A tool opens an instance of its own, in memory, attaches what it works on and serves nobody, so that nothing needs to be
//! locked. It may run beside the workers: the database of a lake's metadata keeps them apart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tavana_wire::{FailureKind, WorkerId};
use tempfile::TempDir;

pub use crate::backup::{BackupError, BackupReport, RestoreReport};
pub use crate::maintenance::{Failed, Report as MaintenanceReport};

use crate::backup::{self, Target};
use crate::catalogs::{Catalogs, Lake};
use crate::config::{Progress, WorkerError};
use crate::engine::{Connection, EngineError, Instance, InstanceConfig};
use crate::extension;
use crate::maintenance::Surroundings;
use crate::maintenance::lease::Lease;

/// The catalogs, and what opening them takes.
#[derive(clap::Args, Clone, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ToolConfig {
    /// Catalogs file, as the workers have it
    #[arg(long, value_name = "FILE", env = "TAVANA_CATALOGS")]
    pub catalogs: Option<PathBuf>,

    /// Folder of DuckDB's extensions; found beside the program when not given
    #[arg(long, value_name = "DIR", env = "TAVANA_EXTENSION_DIR")]
    pub extension_dir: Option<PathBuf>,
}

/// What is backed up, or restored to.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A lake of the catalogs file.
    Catalog(String),
    /// The database in a data folder.
    DataDir(PathBuf),
}

/// How a lake is maintained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowToMaintain {
    /// Nothing is changed.
    DryRun,
    /// When nobody else maintains it.
    Alone,
    /// Even where another claims to: it is known to be gone.
    TakeOver,
}

/// Why a tool failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The catalogs cannot be opened.
    #[error(transparent)]
    Open(#[from] WorkerError),
    /// A backup cannot be made or restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// DuckDB does not do what is asked.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The command asks for what is not there.
    #[error("{0}")]
    Asked(String),
}

impl ToolError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Open(error) => error.kind(),
            Self::Backup(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Asked(_) => FailureKind::InvalidRequest,
        }
    }
}

/// An instance with what it needs; its folder goes with it.
pub(crate) struct Tool {
    pub(crate) connection: Connection,
    pub(crate) temp: TempDir,
}

impl ToolConfig {
    /// Maintains one lake, or all, and gives what was done, by catalog.
    ///
    /// # Errors
    /// When a catalog cannot be opened; what fails in the maintenance of one is in its report.
    pub fn maintain(
        &self,
        catalog: Option<&str>,
        how: HowToMaintain,
        progress: Progress<'_>,
    ) -> Result<Vec<(String, MaintenanceReport)>, ToolError> {
        let catalogs = self.read()?;
        let lakes = match catalog {
            Some(name) => vec![find(&catalogs, name)?],
            None => catalogs.lakes(),
        };
        if lakes.is_empty() {
            return Err(ToolError::Asked("the catalogs file has no lake (type = \"ducklake\") to maintain".to_owned()));
        }
        let maintain = |lake: &Lake| {
            let only = catalogs.only(&lake.name).unwrap_or_default();
            let tool = self.open(&only)?;
            only.attach(&tool.connection).map_err(WorkerError::from)?;
            let goes_on = |step: &str, done: f64| {
                progress(&format!("{}: {step}", lake.name), done);
                true
            };
            let dry_run = how == HowToMaintain::DryRun;
            let lease = Lease::new(&lake.name, &format!("tavana maintain {}", WorkerId::random()), Duration::ZERO);
            claim(&lease, &tool.connection, &lake.name, how)?;
            let surroundings = Surroundings { goes_on: &goes_on, lease: (!dry_run).then_some(&lease), dry_run };
            let report = lake.maintenance().run(&tool.connection, &surroundings);
            if !dry_run {
                lease.end(&tool.connection, false)?;
            }
            let report = report?;
            progress(&lake.name, 1.0);
            Ok((lake.name.clone(), report))
        };
        lakes.iter().map(maintain).collect()
    }

    /// Backs up a lake or a database to the folder or address `to`.
    ///
    /// # Errors
    /// When it cannot be read or written as a whole; an earlier backup in the same place stays good then.
    pub fn backup(&self, subject: &Subject, to: &str, progress: Progress<'_>) -> Result<BackupReport, ToolError> {
        let catalogs = self.read_if_given()?;
        match self.target(&catalogs, subject)? {
            Target::Lake(lake) => {
                let tool = self.open(&catalogs.only(&lake.name).unwrap_or_default())?;
                Ok(backup::make::of_lake(&tool, &lake, to, progress)?)
            }
            Target::Database(file) => {
                let tool = self.open(&catalogs.only_stores())?;
                Ok(backup::make::of_database(&tool, &file, to, progress)?)
            }
        }
    }

    /// Restores the backup in `from`; over tables that are there only if `replace` says so.
    ///
    /// # Errors
    /// When the backup is not whole, or the place is not free; nothing is changed then.
    pub fn restore(
        &self,
        subject: &Subject,
        from: &str,
        replace: bool,
        progress: Progress<'_>,
    ) -> Result<RestoreReport, ToolError> {
        let catalogs = self.read_if_given()?;
        match self.target(&catalogs, subject)? {
            Target::Lake(lake) => {
                let only = catalogs.only(&lake.name).unwrap_or_default();
                let tool = self.open(&only)?;
                Ok(backup::restore::to_lake(&tool, &only, &lake, from, replace, progress)?)
            }
            Target::Database(file) => {
                let tool = self.open(&catalogs.only_stores())?;
                Ok(backup::restore::to_database(&tool, &file, from, replace, progress)?)
            }
        }
    }

    fn target(&self, catalogs: &Catalogs, subject: &Subject) -> Result<Target, ToolError> {
        match subject {
            Subject::Catalog(name) => Ok(Target::Lake(find(catalogs, name)?)),
            Subject::DataDir(folder) => Ok(Target::Database(folder.join(crate::config::DATABASE_FILE))),
        }
    }

    fn read(&self) -> Result<Catalogs, ToolError> {
        if self.catalogs.is_none() {
            return Err(ToolError::Asked("which catalogs? name their file with --catalogs FILE".to_owned()));
        }
        self.read_if_given()
    }

    fn read_if_given(&self) -> Result<Catalogs, ToolError> {
        let read = |path: &Path| Catalogs::read(path).map_err(WorkerError::from);
        Ok(self.catalogs.as_deref().map(read).transpose()?.unwrap_or_default())
    }

    /// Opens an instance with the extensions and secrets of these catalogs, which are not attached yet.
    fn open(&self, catalogs: &Catalogs) -> Result<Tool, ToolError> {
        let folder = std::env::temp_dir();
        let temp = tempfile::Builder::new()
            .prefix("tavana-")
            .tempdir_in(&folder)
            .map_err(|source| WorkerError::Folder { folder: folder.display().to_string(), source })?;
        let find = |name| extension::find(name, self.extension_dir.as_deref());
        let extensions = catalogs.extensions().into_iter().map(find).collect::<Result<_, _>>()?;
        let config = InstanceConfig {
            temp_dir: Some(temp.path().join("spill")),
            extensions,
            secret_dir: catalogs.look_for_secrets().then(|| temp.path().join("secrets")),
            ..InstanceConfig::default()
        };
        let connection = Instance::open(&config)?.connect()?;
        catalogs.make_secrets(&connection).map_err(WorkerError::from)?;
        Ok(Tool { connection, temp })
    }
}

fn find(catalogs: &Catalogs, name: &str) -> Result<Lake, ToolError> {
    catalogs.lakes().into_iter().find(|lake| lake.name == name).ok_or_else(|| {
        ToolError::Asked(format!(
            "the catalogs file has no catalog `{name}` of the type ducklake that can be written to; name the file with \
             --catalogs, and one of its lakes with --catalog"
        ))
    })
}

/// Claims the maintenance of a lake.
fn claim(lease: &Lease, connection: &Connection, catalog: &str, how: HowToMaintain) -> Result<(), ToolError> {
    let is_claimed = match how {
        HowToMaintain::DryRun => true,
        HowToMaintain::TakeOver => lease.take_over(connection).map(|()| true)?,
        HowToMaintain::Alone => lease.claim_now(connection)?,
    };
    if is_claimed {
        return Ok(());
    }
    let message = format!(
        "the catalog `{catalog}` is being maintained by a worker or another command, and two at once would leave rows twice; \
         try again when that is done, or, if it is known to be gone, with --take-over"
    );
    Err(ToolError::Asked(message))
}
