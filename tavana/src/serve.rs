//! `tavana serve`: the same gateway and worker as in a fleet, joined in memory.

use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tavana_daemon::admin::Part;
use tavana_daemon::config::ServerConfig;
use tavana_daemon::listen::ListenError;
use tavana_daemon::peer::in_memory;
use tavana_daemon::program::Program;
use tavana_daemon::users::Users;
use tavana_gateway::{Gateway, GatewayConfig, WorkerEndpoint};
use tavana_pg::{Frontend, Listener as PgListener, PgAddr, PgConfig};
use tavana_worker::{Trust, Worker, WorkerConfig};

/// Threads that may wait for DuckDB at a time: as many statements compute at once.
const BLOCKING_THREADS: usize = 512;

#[derive(clap::Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    server: ServerConfig,

    #[command(flatten)]
    #[serde(flatten)]
    worker: WorkerConfig,

    #[command(flatten)]
    #[serde(flatten)]
    gateway: GatewayConfig,

    #[command(flatten)]
    #[serde(flatten)]
    pg: PgConfig,
}

pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    settings.server.validate()?;
    settings.pg.validate(settings.server.process.users.is_some())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
    runtime.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let has_users = settings.server.process.users.is_some();
    let program = Program::start(&settings.server, "tavana", settings.worker.data_dir.as_deref()).await?;
    let pg = bind_postgresql(&settings).await?;
    let worker = tokio::select! {
        worker = build_worker(settings.clone(), &program) => worker?,
        () = program.drain.requested() => return Ok(()),
    };
    worker.maintain(program.drain.clone(), &program.registry)?;
    let embedded = WorkerEndpoint::in_memory("embedded", worker.service());
    let (login, sealer) = (Arc::clone(&program.login), Arc::clone(&program.sealer));
    let history = settings.gateway.history.clone().or_in(settings.worker.data_dir.as_deref());
    let config = GatewayConfig { history, ..settings.gateway.clone() };
    let gateway = config.build(login, sealer, vec![embedded], &program.registry, &program.readiness)?;
    gateway.checked().await;
    let frontend = build_frontend(&settings, &gateway, &program)?;
    let postgresql = pg.as_ref().map(|listener| listener.uri(&settings.pg.pg_database));
    let postgresql: Vec<_> = postgresql.iter().map(|uri| ("PostgreSQL", uri.as_str())).collect();
    program.ready(&postgresql);
    tell_how_to_connect(&program.uri(), has_users);
    let patience = settings.server.limits().drain_timeout;
    let drain = program.drain.clone();
    let postgresql = async {
        if let Some(listener) = pg {
            frontend.serve(listener, drain, patience).await;
        }
    };
    let flight = program.serve(gateway, async { worker.broken().await.into() });
    tokio::pin!(postgresql, flight);
    tokio::select! {
        // A worker that is broken serves nobody.
        served = &mut flight => {
            if served.is_ok() {
                postgresql.await;
            }
            served
        }
        () = &mut postgresql => flight.await,
    }
}

/// The frontend of a gateway in this process.
fn build_frontend(settings: &Settings, gateway: &Gateway, program: &Program) -> anyhow::Result<Frontend> {
    let users = settings.server.process.users.as_deref().map(Users::open).transpose()?;
    Ok(settings.pg.build(vec![in_memory(gateway.clone())], users, Arc::clone(&program.sealer), &program.registry)?)
}

/// The port of PostgreSQL, where the settings want one. A PostgreSQL of its own is often there already.
async fn bind_postgresql(settings: &Settings) -> anyhow::Result<Option<PgListener>> {
    let PgAddr::At(address) = settings.pg.pg_addr else { return Ok(None) };
    match PgListener::bind(address, settings.server.process.tls()).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error @ ListenError::InUse { .. }) => {
            Err(anyhow::Error::from(error).context("give another with --pg-addr IP:PORT, or --pg-addr off"))
        }
        Err(error) => Err(error.into()),
    }
}

async fn build_worker(settings: Settings, program: &Program) -> anyhow::Result<Worker> {
    let runtime = tokio::runtime::Handle::current();
    let (sealer, registry) = (Arc::clone(&program.sealer), program.registry.clone());
    let bar = Bar::new(program.starting());
    let build = move || {
        let _runtime = runtime.enter();
        let trusted = settings.server.process.users.is_none();
        let life = settings.server.session_ttl();
        let progress = |what: &str, done: f64| bar.show(what, done);
        settings.worker.build(Trust::Gateways, trusted, sealer, life, &registry, &progress)
    };
    Ok(tokio::task::spawn_blocking(build).await.context("the start broke")??)
}

/// Shows how far the start is: a bar for people, `/readyz` for programs.
struct Bar {
    part: Part,
    bar: ProgressBar,
}

impl Bar {
    fn new(part: Part) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(1000) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent} %, {eta} left") {
            bar.set_style(style);
        }
        Self { part, bar }
    }

    fn show(&self, what: &str, done: f64) {
        let percent = done * 100.0;
        self.part.not_ready(format!("{what}: {percent:.0} %"));
        if self.bar.is_hidden() {
            tracing::info!("{what}: {percent:.0} %");
            return;
        }
        self.bar.set_message(what.to_owned());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.bar.set_position((done * 1000.0) as u64);
        if done >= 1.0 {
            self.bar.finish_and_clear();
        }
    }
}

#[allow(clippy::print_stdout)]
fn tell_how_to_connect(flight: &str, has_users: bool) {
    let login = if has_users { ", db_kwargs=dict(username='…', password='…')" } else { "" };
    println!();
    println!("Connect with");
    println!("  tavana sql --url {flight}");
    println!("  Python (ADBC): adbc_driver_flightsql.dbapi.connect('{flight}'{login})");
}
