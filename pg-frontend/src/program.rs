//! The program `tavana-pg`: settings, start, serve, end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{bail, ensure};
use clap::{CommandFactory as _, Parser};
use serde::Serialize;
use tavana_daemon::config::{self, ProcessConfig};
use tavana_daemon::key;
use tavana_daemon::peer::{Peer, PeerService};
use tavana_daemon::program::{Process, exit};
use tavana_daemon::users::Users;

use crate::{Listener, PgAddr, PgConfig};

/// Connections to the gateway; with its 100 streams each, 800 statements run at once and more wait their turn.
const CONNECTIONS: usize = 8;

/// A PostgreSQL frontend of a gateway
#[derive(Parser, Clone, Debug, Serialize)]
#[command(name = "tavana-pg", version)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    process: ProcessConfig,

    #[command(flatten)]
    #[serde(flatten)]
    pg: PgConfig,

    /// The gateway: grpc://HOST:PORT, or grpc+tls://HOST:PORT with --gateway-ca
    #[arg(long, value_name = "URI", default_value = "grpc://127.0.0.1:50051")]
    gateway: String,

    /// The certificate authority (PEM) that signed the certificate of a gateway at a grpc+tls address
    #[arg(long, value_name = "FILE")]
    gateway_ca: Option<PathBuf>,
}

/// The reference of the program's settings, as Markdown.
pub fn reference() -> String {
    config::reference(&Settings::command())
}

/// Runs the program.
#[tokio::main]
pub async fn main() -> ExitCode {
    exit(run(config::load()).await)
}

impl Settings {
    /// Checks what no single flag can, before any port is bound.
    fn validate(&self) -> anyhow::Result<()> {
        self.process.validate()?;
        self.pg.validate(self.process.users.is_some())?;
        ensure!(
            self.process.key_file.is_some(),
            "a PostgreSQL frontend and its gateway share a secret: give --key-file FILE, the same file to each"
        );
        Ok(())
    }

    fn connections(&self) -> anyhow::Result<Vec<PeerService>> {
        let peer = Peer::new(&self.gateway, self.gateway_ca.as_deref(), "--gateway-ca")?;
        Ok((0..CONNECTIONS).map(|_| peer.connection()).collect())
    }
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    settings.validate()?;
    let Settings { process: config, pg, .. } = &settings;
    let PgAddr::At(address) = pg.pg_addr else { bail!("--pg-addr off leaves nothing to serve: give IP:PORT") };
    let connections = settings.connections()?;
    let process = Process::start(config, "tavana-pg").await?;
    let listener = Listener::bind(address, config.tls()).await?;
    let users = config.users.as_deref().map(Users::open).transpose()?;
    let sealer = Arc::new(key::load(config.key_file.as_deref(), None)?);
    let frontend = pg.build(connections, users, sealer, &process.registry)?;
    let gateway = process.readiness.register("gateway");
    process.ready(&[("PostgreSQL", &listener.uri(&pg.pg_database))]);
    let watch = frontend.clone();
    tokio::select! {
        () = frontend.serve(listener, process.drain.clone(), config.drain_timeout()) => {}
        () = watch.watch_gateway(gateway) => {}
    }
    process.end().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavana_daemon::config::{Loaded, load_from};

    fn settings(flags: &[&str]) -> Settings {
        let args = ["tavana-pg"].iter().chain(flags).map(Into::into).collect();
        match load_from(args, &|_| None).unwrap() {
            Loaded::Run(settings) => settings,
            Loaded::Dump(text) => panic!("dumped {text}"),
        }
    }

    #[test]
    fn what_a_frontend_cannot_do_without_is_asked_for() {
        let error = |flags: &[&str]| settings(flags).validate().unwrap_err().to_string();
        assert!(error(&[]).contains("--key-file"));
        assert!(error(&["--key-file", "key", "--pg-addr", "0.0.0.0:1"]).contains("--users"));
        assert!(error(&["--key-file", "key", "--tls-key", "a"]).contains("--tls-cert"));
        settings(&["--key-file", "key", "--gateway", "grpc://h:1"]).validate().unwrap();
    }

    #[tokio::test]
    async fn a_gateway_with_tls_needs_its_authority() {
        let gateway = ["--gateway", "grpc+tls://h:1"];
        let error = |flags: &[&str]| settings(flags).connections().err().unwrap().to_string();
        assert!(error(&gateway).contains("--gateway-ca"));
        assert!(error(&["--gateway", "h:1"]).contains("grpc://host:port"));
    }
}
