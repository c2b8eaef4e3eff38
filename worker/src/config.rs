//! What a worker is told, and building it.

mod error;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use prometheus::{IntGauge, Registry};
use serde::Serialize;
use tavana_daemon::drain::Drain;
use tavana_wire::{Sealer, WorkerId};
use tempfile::TempDir;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::caller::{Callers, Trust};
use crate::catalogs::{Catalogs, Lake, TRY_AGAIN_SECONDS, View};
use crate::engine::{Instance, InstanceConfig, quoted};
use crate::execute::again::Retries;
use crate::execute::{Executor, StatementLimits};
use crate::extension;
use crate::maintenance::{Maintenance, task};
use crate::memory::{Memory, MemoryConfig};
use crate::overview::Overviews;
use crate::pg_catalog;
use crate::pg_catalog::snapshot::Snapshot;
use crate::running::Running;
use crate::sample::Sample;
use crate::service::poll::Jobs;
use crate::service::prepared::BoundParameters;
use crate::service::{Shared, WorkerService};
use crate::session::changes::{Changed, Changes};
use crate::session::pinned::{PinnedLimits, PinnedSessions};
use crate::session::pool::Pool;
use crate::session::private::PrivateInstances;
use crate::spool::{SpoolLimits, SpoolSpace, StoredResults};
use crate::statement::credentials::schemes;
use crate::statement::{Policy, SESSION_SETTINGS};
use crate::system;

pub use error::WorkerError;

/// The macros that the PostgreSQL frontend's translation calls.
const PG_MACROS: &str = include_str!("../../pg-frontend/src/translate/macros.sql");
/// The database file in a data folder.
pub(crate) const DATABASE_FILE: &str = "local.duckdb";
/// The most bytes of memory for a session with credentials of its own, when nothing else is said.
const PRIVATE_MEMORY_BYTES: u64 = 512 << 20;
/// Statements of gateways at a time, at least and for each thread, when nothing else is said.
const MIN_SLOTS: usize = 16;
const SLOTS_PER_THREAD: usize = 4;
const NO_HTTPFS: &str =
    "sessions with storage credentials of their own need DuckDB's extension httpfs, which this server does not have";
/// How often idle sessions and expired results are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What a worker is told.
#[derive(clap::Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkerConfig {
    /// Folder of the database file; without it everything is in memory and gone at the end
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Data to begin with, made once: tpch:SCALE, for example tpch:1
    #[arg(long, value_name = "NAME")]
    pub sample: Option<Sample>,

    /// Folder, or beginning of an address such as s3://bucket/, below which SQL may read and write, when there are users; repeat for several
    #[arg(long, value_name = "PLACE")]
    pub allow_path: Vec<String>,

    /// Catalogs file: the catalogs that all workers share, and the credentials of stores, in TOML
    #[arg(long, value_name = "FILE")]
    pub catalogs: Option<PathBuf>,

    /// Folder of DuckDB's extensions; found beside the program when not given
    #[arg(long, value_name = "DIR")]
    pub extension_dir: Option<PathBuf>,

    /// Threads that DuckDB runs statements on; all cores when not given
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<usize>,

    /// Bytes of memory that DuckDB keeps to; when not given 70 % of what the control group may have, in step with it, or 80 % of the machine's
    #[arg(long, value_name = "BYTES")]
    pub memory_limit_bytes: Option<u64>,

    /// Statements of gateways that may run at a time; 4 for each of --threads, and no fewer than 16, when not given
    #[arg(long, value_name = "COUNT")]
    pub slots: Option<u32>,

    /// Folder for results and operators that do not fit in memory; inside the data folder when not given
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,

    /// Bytes that statements may spill to the temporary folder; 90 % of the disk when not given
    #[arg(long, value_name = "BYTES")]
    pub temp_limit_bytes: Option<u64>,

    /// Bytes of results that wait to be fetched, all together
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 30)]
    pub max_spool_bytes: u64,

    /// Sessions that may hold temporary tables or transactions at a time
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub max_pinned_sessions: usize,

    /// Sessions that may have storage credentials of their own at a time, each with a DuckDB of its own; 16 when not given, none with users
    #[arg(long, value_name = "COUNT")]
    pub max_private_instances: Option<usize>,

    /// Bytes of memory that each of them keeps to, taken from the worker's own; an eighth of that when not given, and no more than 512 MiB
    #[arg(long, value_name = "BYTES")]
    pub private_memory_bytes: Option<u64>,

    /// Threads that each of them runs statements on
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub private_threads: usize,

    /// Host, or end of hosts from a dot on, that users' storage credentials may name as their endpoint; repeat for several
    #[arg(long, value_name = "HOST")]
    pub allow_endpoint: Vec<String>,

    /// Time after which an idle session loses its temporary tables
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub session_idle_seconds: u64,

    /// Time after which an idle transaction is rolled back, and its session ended
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub transaction_idle_seconds: u64,

    /// Life of tickets, prepared statements and results that wait to be fetched
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub ticket_ttl_seconds: u64,

    /// How often a statement runs again that other writers of a shared catalog got in the way of
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub max_conflict_retries: u32,

    /// Time after which it is not run again, and the conflict is told
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub conflict_retry_seconds: u64,

    /// Bytes of one SQL text
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    pub max_sql_bytes: usize,

    /// Bytes of one batch that a client uploads; larger ones are refused
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub max_batch_bytes: usize,
}

/// Hears what part of a long start is done, from 0 to 1.
pub type Progress<'a> = &'a dyn Fn(&str, f64);

/// A worker that is ready to serve; dropping it ends its sessions.
pub struct Worker {
    service: WorkerService,
    shared: Arc<Shared>,
    sweeper: AbortHandle,
    lakes: Vec<Lake>,
    stop: CancellationToken,
    _temp: TempDir,
}

impl WorkerConfig {
    /// Opens the database and builds the service; must be called inside a runtime, and blocks it for the time of the start.
    ///
    /// `trusted` means that SQL may read and write every file, as fits a laptop without users.
    ///
    /// # Errors
    /// When a folder, the database, the sample or an extension is not usable.
    pub fn build(
        &self,
        trust: Trust,
        trusted: bool,
        sealer: Arc<Sealer>,
        session_life: Duration,
        registry: &Registry,
        progress: Progress<'_>,
    ) -> Result<Worker, WorkerError> {
        let temp = self.temp_folder()?;
        let catalogs = self.catalogs.as_deref().map(Catalogs::read).transpose()?.unwrap_or_default();
        let places = self.places(&catalogs)?;
        let memory = Memory::new(self.memory_config(temp.path()), registry)?;
        let mut config = self.instance_config(trusted, temp.path(), &catalogs, places.clone())?;
        config.memory_limit_bytes = Some(memory.main_bytes());
        let private = self.private_instances(&config, &catalogs, &places, temp.path(), Arc::clone(&memory));
        let instance = Instance::open(&config)?;
        if let Some(sample) = self.sample {
            sample.make(&instance, &|done| progress(&format!("making {sample}"), done))?;
        }
        let connection = instance.connect()?;
        catalogs.make_secrets(&connection)?;
        let waiting = catalogs.attach(&connection)?;
        drop(connection);
        system::make(&instance, temp.path())?;
        let home = catalogs.default().map(quoted);
        let snapshot = make_pg_catalog(&instance, home.as_deref(), temp.path())?;
        instance.lock(&config)?;
        memory.keep(&instance)?;
        let running = IntGauge::new("tavana_worker_queries_running", "Statements that run now.")?;
        registry.register(Box::new(running.clone()))?;
        let changes = if catalogs.are_shared() { Changes::shared() } else { Changes::default() };
        let pool = Pool::new(instance, home, self.retries(), changes, snapshot);
        let policy = Policy {
            trusted,
            endpoints: self.allow_endpoint.clone(),
            given: catalogs.given(),
            lakes: catalogs.lakes().into_iter().map(|lake| lake.name).collect(),
        };
        let executor = Arc::new(self.executor(pool, private, policy, Arc::clone(&sealer), running));
        let worker_id = executor.id;
        let shared = Arc::new(Shared {
            executor,
            callers: Callers { trust, sealer, session_life, worker_id, meter: memory.meter().clone() },
            bound: BoundParameters::new(),
            jobs: Jobs::new(),
            memory,
        });
        let service = WorkerService::new(Arc::clone(&shared), self.max_batch_bytes);
        let sweeper = tokio::spawn(sweep(Arc::clone(&shared))).abort_handle();
        if !waiting.is_empty() {
            tokio::spawn(make_views(Arc::downgrade(&shared), waiting));
        }
        let (lakes, stop) = (catalogs.lakes(), CancellationToken::new());
        Ok(Worker { service, shared, sweeper, lakes, stop, _temp: temp })
    }

    fn memory_config(&self, temp_dir: &Path) -> MemoryConfig {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let threads = self.threads.unwrap_or_else(cores);
        let slots = u32::try_from(threads.saturating_mul(SLOTS_PER_THREAD).max(MIN_SLOTS)).unwrap_or(u32::MAX);
        MemoryConfig {
            limit_bytes: self.memory_limit_bytes,
            slots: self.slots.unwrap_or(slots),
            threads,
            spill_limit_bytes: self.temp_limit_bytes,
            spill_dir: temp_dir.to_owned(),
        }
    }

    fn retries(&self) -> Retries {
        Retries { count: self.max_conflict_retries, time: Duration::from_secs(self.conflict_retry_seconds) }
    }

    fn executor(
        &self,
        pool: Arc<Pool>,
        private: PrivateInstances,
        policy: Policy,
        sealer: Arc<Sealer>,
        running: IntGauge,
    ) -> Executor {
        let temp_dir = private.folder.clone();
        let mut hidden = vec![(temp_dir.display().to_string(), "<temp-dir>")];
        if let Some(data) = self.data_dir.as_ref().and_then(|folder| folder.canonicalize().ok()) {
            hidden.push((data.display().to_string(), "<data-dir>"));
        }
        let running = Running::new(running, hidden);
        let life = Duration::from_secs(self.ticket_ttl_seconds);
        Executor {
            id: WorkerId::random(),
            pool,
            pinned: PinnedSessions::new(PinnedLimits {
                sessions: self.max_pinned_sessions,
                idle: Duration::from_secs(self.session_idle_seconds),
                idle_in_transaction: Duration::from_secs(self.transaction_idle_seconds),
            }),
            private: Arc::new(private),
            running,
            results: StoredResults::new(life),
            space: SpoolSpace::new(SpoolLimits {
                memory_bytes: 4 << 20,
                total_bytes: self.max_spool_bytes,
                folder: temp_dir,
            }),
            policy,
            limits: StatementLimits {
                sql_bytes: self.max_sql_bytes,
                // Clients take messages of 4 MiB; a ticket also holds the session and its seal.
                ticket_bytes: 3 << 20,
                ticket_life: life,
            },
            sealer,
            overviews: Overviews::default(),
        }
    }

    fn instance_config(
        &self,
        trusted: bool,
        temp_dir: &Path,
        catalogs: &Catalogs,
        places: Vec<String>,
    ) -> Result<InstanceConfig, WorkerError> {
        let file = match &self.data_dir {
            Some(folder) => Some(usable(folder)?.join(DATABASE_FILE)),
            None => None,
        };
        // What is spilled is encrypted where users must not read each other's data; that takes httpfs's cryptography.
        let encryption = (!trusted).then_some("httpfs");
        let own = self.sample.map(Sample::extension).into_iter().chain(encryption).map(str::to_owned);
        let extensions = own.chain(catalogs.extensions());
        let extensions = extensions.map(|name| self.extension(name)).collect::<Result<_, _>>()?;
        Ok(InstanceConfig {
            file,
            threads: self.threads,
            memory_limit_bytes: None,
            temp_dir: Some(temp_dir.to_owned()),
            temp_limit_bytes: self.temp_limit_bytes,
            extensions,
            secret_dir: catalogs.look_for_secrets().then(|| temp_dir.join("secrets")),
            allowed_paths: (!trusted).then_some(places),
            session_settings: SESSION_SETTINGS,
        })
    }

    /// What users may read and write: the places of catalogs and those that the command names.
    fn places(&self, catalogs: &Catalogs) -> Result<Vec<String>, WorkerError> {
        let mut allowed = catalogs.places().iter().map(|place| whole_place(place)).collect::<Vec<_>>();
        for place in &self.allow_path {
            let place = if is_address(place) { place.clone() } else { usable(Path::new(place))?.display().to_string() };
            allowed.push(format!("{}/", place.trim_end_matches('/')));
        }
        Ok(allowed)
    }

    /// How instances of single sessions are opened: as the worker's own, in memory, with every address of a store allowed,
    /// since the server's keys are for `places` alone.
    fn private_instances(
        &self,
        config: &InstanceConfig,
        catalogs: &Catalogs,
        places: &[String],
        folder: &Path,
        memory: Arc<Memory>,
    ) -> PrivateInstances {
        let mut config = config.clone();
        let stores = ["httpfs", "azure"].map(|name| self.extension(name.to_owned()));
        let missing = stores.first().is_some_and(Result::is_err);
        let stores: Vec<PathBuf> =
            stores.into_iter().flatten().filter(|file| !config.extensions.contains(file)).collect();
        config.extensions.extend(stores);
        config.file = None;
        config.threads = Some(self.private_threads);
        let share = (memory.main_bytes() / 8).min(PRIVATE_MEMORY_BYTES);
        let memory_bytes = self.private_memory_bytes.unwrap_or(share);
        config.memory_limit_bytes = Some(memory_bytes);
        if let Some(places) = &mut config.allowed_paths {
            places.extend(schemes().map(str::to_owned));
        }
        PrivateInstances {
            // A user may then make the server call stores, which is for its operator to decide.
            limit: self.max_private_instances.unwrap_or(if config.allowed_paths.is_none() { 16 } else { 0 }),
            config: if missing { Err(NO_HTTPFS.to_owned()) } else { Ok(config) },
            catalogs: catalogs.elsewhere(places),
            retries: self.retries(),
            folder: folder.to_owned(),
            open: Arc::default(),
            memory,
            memory_bytes,
        }
    }

    fn extension(&self, name: String) -> Result<PathBuf, WorkerError> {
        extension::find(name, self.extension_dir.as_deref())
    }

    /// A folder of this process's own, removed at the end.
    fn temp_folder(&self) -> Result<TempDir, WorkerError> {
        let parent = match (&self.temp_dir, &self.data_dir) {
            (Some(folder), _) => usable(folder)?,
            (None, Some(data)) => usable(&data.join("tmp"))?,
            (None, None) => std::env::temp_dir(),
        };
        tempfile::Builder::new()
            .prefix("tavana-")
            .tempdir_in(&parent)
            .map_err(|source| WorkerError::Folder { folder: parent.display().to_string(), source })
    }
}

/// Attaches PostgreSQL's catalog, for clients of the PostgreSQL frontend. `home` is the database that sessions begin in, as SQL
/// names it; DuckDB's first one when it is not given.
pub(crate) fn make_pg_catalog(instance: &Instance, home: Option<&str>, folder: &Path) -> Result<Snapshot, WorkerError> {
    let connection = instance.connect()?;
    if let Some(home) = home {
        connection.execute(&format!("USE {home}"))?;
    }
    let home = connection.current("system.main.current_database()")?;
    let file = folder.join("pg_catalog.duckdb").display().to_string();
    pg_catalog::make(&file, &home, &[PG_MACROS], &mut |sql| connection.execute(sql).map(|_| ()))?;
    Ok(Snapshot::new(connection)?)
}

/// The folder with its full path, made if it is not there.
fn usable(folder: &Path) -> Result<PathBuf, WorkerError> {
    std::fs::create_dir_all(folder)
        .and_then(|()| folder.canonicalize())
        .map_err(|source| WorkerError::Folder { folder: folder.display().to_string(), source })
}

/// Whether a place is on a store, not in a folder.
fn is_address(place: &str) -> bool {
    place.contains("://")
}

/// A folder (it ends in a slash) or file of a catalog with its full path, whether it is there already or not; an address as
/// it is.
fn whole_place(place: &str) -> String {
    if is_address(place) {
        return place.to_owned();
    }
    let path = Path::new(place);
    let whole = path.canonicalize().or_else(|_| std::path::absolute(path));
    let slash = if place.ends_with('/') { "/" } else { "" };
    whole.map_or_else(|_| place.to_owned(), |whole| format!("{}{slash}", whole.display()))
}

/// Makes views whose files could not be read before, until the last one is made.
async fn make_views(shared: Weak<Shared>, mut waiting: Vec<View>) {
    while !waiting.is_empty() {
        tokio::time::sleep(Duration::from_secs(TRY_AGAIN_SECONDS)).await;
        let Some(shared) = shared.upgrade() else { return };
        let tried = tokio::task::spawn_blocking(move || {
            let Ok(mut backend) = shared.executor.pool.take(None) else { return waiting };
            waiting.retain(|view| {
                let _change = backend.change(Changed::Catalog, false);
                view.make(backend.connection()).is_err()
            });
            waiting
        });
        let Ok(rest) = tried.await else { return };
        waiting = rest;
    }
    tracing::info!("all tables of the catalogs can be read now");
}

async fn sweep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let ended = shared.executor.pinned.sweep();
        if ended > 0 {
            tracing::info!(sessions = ended, "idle sessions were ended");
        }
        shared.executor.results.sweep();
        shared.executor.overviews.sweep();
    }
}

impl Worker {
    /// The service, to be served over a network or called in memory.
    pub fn service(&self) -> WorkerService {
        self.service.clone()
    }

    /// Resolves, to [`WorkerError::Broken`], when nothing can be served any more.
    pub async fn broken(&self) -> WorkerError {
        self.shared.executor.running.broken().await;
        WorkerError::Broken
    }

    /// Begins to maintain the catalogs that are to be, until `drain` or the end of the worker. Inside a runtime.
    ///
    /// # Errors
    /// When its metrics cannot be registered.
    pub fn maintain(&self, drain: Drain, registry: &Registry) -> Result<(), WorkerError> {
        let maintained: Vec<Maintenance> = self.lakes.iter().filter_map(Lake::scheduled).collect();
        if maintained.is_empty() {
            return Ok(());
        }
        let figures = task::Figures::new(registry)?;
        for maintenance in maintained {
            let (shared, stop) = (Arc::downgrade(&self.shared), self.stop.clone());
            tokio::spawn(task::maintain(maintenance, shared, figures.clone(), stop));
        }
        let stop = self.stop.clone();
        tokio::spawn(async move {
            drain.requested().await;
            stop.cancel();
        });
        Ok(())
    }

    /// Takes nothing new from gateways, and tells them so, once `drain` is requested. Inside a runtime.
    pub fn end_with(&self, drain: Drain) {
        let (memory, stop) = (Arc::clone(&self.shared.memory), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = drain.requested() => memory.drain(),
                () = stop.cancelled() => {}
            }
        });
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
        self.sweeper.abort();
    }
}
