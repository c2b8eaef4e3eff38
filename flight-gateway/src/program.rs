//! The program `tavana-gateway`: settings, start, serve, end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::ensure;
use clap::{CommandFactory as _, Parser};
use serde::Serialize;
use tavana_daemon::config::{self, ServerConfig};
use tavana_daemon::program::{Program, exit};

use crate::{GatewayConfig, WorkerEndpoint};

/// A Flight SQL gateway in front of workers
#[derive(Parser, Clone, Debug, Serialize)]
#[command(name = "tavana-gateway", version)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    server: ServerConfig,

    #[command(flatten)]
    #[serde(flatten)]
    gateway: GatewayConfig,

    /// A worker: grpc://HOST:PORT, or grpc+tls://HOST:PORT with --worker-ca; may be given several times.
    #[arg(long, value_name = "URI")]
    worker: Vec<String>,

    /// The certificate authority (PEM) that signed the certificates of workers at grpc+tls addresses.
    #[arg(long, value_name = "FILE")]
    worker_ca: Option<PathBuf>,
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
        self.server.validate()?;
        ensure!(!self.worker.is_empty(), "a gateway needs a worker: give --worker grpc://HOST:PORT");
        ensure!(
            self.server.process.key_file.is_some(),
            "a gateway and its workers share a secret: give --key-file FILE, the same file to each"
        );
        Ok(())
    }

    fn endpoints(&self) -> anyhow::Result<Vec<WorkerEndpoint>> {
        let endpoints = self.worker.iter().map(|uri| WorkerEndpoint::remote(uri, self.worker_ca.as_deref()));
        Ok(endpoints.collect::<Result<_, _>>()?)
    }
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    settings.validate()?;
    let endpoints = settings.endpoints()?;
    let program = Program::start(&settings.server, "tavana-gateway", None).await?;
    let (login, sealer) = (Arc::clone(&program.login), Arc::clone(&program.sealer));
    let gateway = settings.gateway.build(login, sealer, endpoints, &program.registry, &program.readiness)?;
    gateway.checked().await;
    program.ready(&[]);
    program.serve(gateway, std::future::pending()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavana_daemon::config::{Loaded, load_from};

    fn settings(flags: &[&str]) -> Settings {
        let args = ["tavana-gateway"].iter().chain(flags).map(Into::into).collect();
        match load_from(args, &|_| None).unwrap() {
            Loaded::Run(settings) => settings,
            Loaded::Dump(text) => panic!("dumped {text}"),
        }
    }

    #[test]
    fn what_a_gateway_cannot_do_without_is_asked_for() {
        let error = |flags: &[&str]| settings(flags).validate().unwrap_err().to_string();
        assert!(error(&["--key-file", "key"]).contains("--worker"));
        assert!(error(&["--worker", "grpc://h:1"]).contains("--key-file"));
        let open = ["--key-file", "key", "--worker", "grpc://h:1", "--flight-addr", "0.0.0.0:1"];
        assert!(error(&open).contains("--users"));
        let good = settings(&["--key-file", "key", "--worker", "grpc://h:1", "--worker", "grpc://h:2"]);
        good.validate().unwrap();
        assert_eq!(good.worker.len(), 2);
    }

    #[tokio::test]
    async fn workers_with_tls_need_their_authority() {
        let worker = ["--worker", "grpc+tls://h:1"];
        assert!(settings(&worker).endpoints().unwrap_err().to_string().contains("--worker-ca"));
        let missing = settings(&["--worker", "grpc+tls://h:1", "--worker-ca", "no-such-file.pem"]);
        assert!(missing.endpoints().unwrap_err().to_string().contains("no-such-file.pem"));
    }

    #[test]
    fn every_setting_is_in_the_reference() {
        let reference = reference();
        for flag in ["--flight-addr", "--worker", "--worker-ca", "--query-timeout-seconds", "--max-message-bytes"] {
            assert!(reference.contains(flag), "{flag} is missing in\n{reference}");
        }
    }
}
