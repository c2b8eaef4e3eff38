//! The program `tavana-worker`: settings, start, serve, end.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use prometheus::Registry;
use serde::Serialize;
use tavana_daemon::admin::{Admin, Readiness};
use tavana_daemon::config::ServerConfig;
use tavana_daemon::drain::Drain;
use tavana_daemon::listen::Listener;
use tavana_daemon::login::Login;
use tavana_daemon::telemetry;
use tavana_daemon::users::Users;
use tavana_daemon::{config, grpc, key};

use crate::{Trust, WorkerConfig};

/// A Flight SQL server over one DuckDB instance
#[derive(Parser, Clone, Debug, Serialize)]
#[command(name = "tavana-worker", version)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    server: ServerConfig,

    #[command(flatten)]
    #[serde(flatten)]
    worker: WorkerConfig,

    /// Serve gateways that hold the same --key-file, and nobody else
    #[arg(long)]
    gateway_only: bool,
}

/// The reference of the program's settings, as Markdown.
pub fn reference() -> String {
    use clap::CommandFactory as _;
    config::reference(&Settings::command())
}

/// Runs the program.
pub fn main() -> ExitCode {
    let settings: Settings = config::load();
    match start(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr)]
fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

#[tokio::main]
async fn start(settings: Settings) -> anyhow::Result<()> {
    let server = &settings.server;
    if settings.gateway_only {
        server.validate_for_gateways()?;
    } else {
        server.validate()?;
    }
    let telemetry = telemetry::init(server, "tavana-worker")?;
    let drain = Drain::on_signals().context("signals cannot be watched")?;
    let registry = Registry::new();
    let readiness = Readiness::new();
    let part = readiness.register("worker");
    let listener = Listener::bind(server.flight_addr, server.tls()).await?;
    let admin = Admin::bind(server.http_addr).await?;
    let http = admin.uri();
    let admin = tokio::spawn(admin.serve(readiness, registry.clone(), drain.clone()));
    let sealer = Arc::new(key::load(server.key_file.as_deref(), settings.worker.data_dir.as_deref())?);
    let trust = if settings.gateway_only {
        Trust::Gateways
    } else {
        let users = server.users.as_deref().map(Users::open).transpose()?;
        Trust::Clients(Arc::new(Login::new(users, Arc::clone(&sealer), server.session_ttl())))
    };
    let trusted = server.users.is_none() && !settings.gateway_only;
    let progress = |what: &str, done: f64| tracing::info!("{what}: {:.0} %", done * 100.0);
    let worker = settings.worker.build(trust, trusted, sealer, server.session_ttl(), &registry, &progress)?;
    part.ready();
    announce(&listener.uri(), &http);
    let outcome = tokio::select! {
        () = grpc::serve(listener, worker.service(), server.limits(), drain) => Ok(()),
        () = worker.broken() => Err(anyhow::anyhow!(crate::config::BROKEN)),
    };
    admin.abort();
    telemetry.shutdown().await;
    outcome
}

#[allow(clippy::print_stdout)]
fn announce(flight: &str, http: &str) {
    println!("Tavana {} is ready.", env!("CARGO_PKG_VERSION"));
    println!("  Flight SQL  {flight}");
    println!("  HTTP        {http}");
}
