//! `tavana serve`: the same gateway and worker as in a fleet, joined in memory.

use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use prometheus::Registry;
use serde::Serialize;
use tavana_daemon::admin::{Admin, Part, Readiness};
use tavana_daemon::config::ServerConfig;
use tavana_daemon::drain::Drain;
use tavana_daemon::listen::Listener;
use tavana_daemon::login::Login;
use tavana_daemon::users::Users;
use tavana_daemon::{grpc, key, telemetry};
use tavana_gateway::{GatewayConfig, WorkerEndpoint};
use tavana_wire::Sealer;
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
}

pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    settings.server.validate()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
    runtime.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let server = &settings.server;
    let telemetry = telemetry::init(server, "tavana")?;
    let drain = Drain::on_signals().context("signals cannot be watched")?;
    let registry = Registry::new();
    let readiness = Readiness::new();
    let part = readiness.register("worker");
    // Ports first: one that is taken must not be found out after minutes of making a sample.
    let listener = Listener::bind(server.flight_addr, server.tls()).await?;
    let admin = Admin::bind(server.http_addr).await?;
    let http = admin.uri();
    let admin = tokio::spawn(admin.serve(readiness.clone(), registry.clone(), drain.clone()));

    let sealer = Arc::new(key::load(server.key_file.as_deref(), settings.worker.data_dir.as_deref())?);
    let users = server.users.as_deref().map(Users::open).transpose()?;
    let login = Arc::new(Login::new(users, Arc::clone(&sealer), server.session_ttl()));
    let worker = tokio::select! {
        worker = build_worker(settings.clone(), Arc::clone(&sealer), registry.clone(), part.clone()) => worker?,
        () = drain.requested() => return Ok(()),
    };
    part.ready();
    let embedded = WorkerEndpoint::in_memory("embedded", worker.service());
    let gateway = settings.gateway.build(login, sealer, vec![embedded], &registry, &readiness)?;
    gateway.checked().await;
    announce(&listener.uri(), &http, server.users.is_some());
    let outcome = tokio::select! {
        () = grpc::serve(listener, gateway, server.limits(), drain) => Ok(()),
        () = worker.broken() => Err(anyhow::anyhow!(tavana_worker::BROKEN)),
    };
    drop(worker);
    admin.abort();
    telemetry.shutdown().await;
    outcome
}

async fn build_worker(
    settings: Settings,
    sealer: Arc<Sealer>,
    registry: Registry,
    part: Part,
) -> anyhow::Result<Worker> {
    let runtime = tokio::runtime::Handle::current();
    let build = move || {
        let _runtime = runtime.enter();
        let trusted = settings.server.users.is_none();
        let bar = Bar::new(part);
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
fn announce(flight: &str, http: &str, has_users: bool) {
    println!("Tavana {} is ready.", env!("CARGO_PKG_VERSION"));
    println!("  Flight SQL  {flight}");
    println!("  HTTP        {http}");
    println!();
    println!("Connect with");
    println!("  tavana sql --url {flight}");
    if has_users {
        println!(
            "  Python (ADBC): adbc_driver_flightsql.dbapi.connect('{flight}', db_kwargs=dict(username='…', password='…'))"
        );
    } else {
        println!("  Python (ADBC): adbc_driver_flightsql.dbapi.connect('{flight}')");
    }
}
