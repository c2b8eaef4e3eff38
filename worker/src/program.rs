//! The program `tavana-worker`: settings, start, serve, end.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde::Serialize;
use tavana_daemon::config::{self, ServerConfig};
use tavana_daemon::program::{Program, exit};

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
    exit(start(config::load()))
}

#[tokio::main]
async fn start(settings: Settings) -> anyhow::Result<()> {
    let server = &settings.server;
    if settings.gateway_only {
        server.validate_for_gateways()?;
    } else {
        server.validate()?;
    }
    let program = Program::start(server, "tavana-worker", settings.worker.data_dir.as_deref()).await?;
    let trust = if settings.gateway_only { Trust::Gateways } else { Trust::Clients(Arc::clone(&program.login)) };
    let trusted = server.process.users.is_none() && !settings.gateway_only;
    let progress = |what: &str, done: f64| tracing::info!("{what}: {:.0} %", done * 100.0);
    let sealer = Arc::clone(&program.sealer);
    let worker = settings.worker.build(trust, trusted, sealer, server.session_ttl(), &program.registry, &progress)?;
    worker.maintain(program.drain.clone(), &program.registry)?;
    worker.end_with(program.drain.clone());
    program.ready(&[]);
    program.serve(worker.service(), async { worker.broken().await.into() }).await
}
