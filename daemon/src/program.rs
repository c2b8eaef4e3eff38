//! The frame of a program that serves: what is the same before, around and after its job.
//!
//! A program reads its settings, starts ([`Process::start`]: telemetry, signals, the endpoint of operators; [`Program::start`]
//! also the key and the port of Flight SQL), builds its service, says that it is ready, and serves until it is told to end.
//! Ports come before the service is built: one that is taken must not be found out after minutes of work.

use std::convert::Infallible;
use std::future::Future;
use std::ops::Deref;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use http::{Request, Response};
use prometheus::Registry;
use tavana_wire::Sealer;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tower::Service;

use crate::admin::{Admin, Part, Readiness};
use crate::config::{ProcessConfig, ServerConfig};
use crate::drain::Drain;
use crate::grpc::{self, Limits};
use crate::key;
use crate::listen::Listener;
use crate::login::Login;
use crate::telemetry::{self, Telemetry};
use crate::users::Users;

/// A process that has started, whatever it will serve.
pub struct Process {
    /// Where figures are registered.
    pub registry: Registry,
    /// Where parts of the service say whether they are ready.
    pub readiness: Readiness,
    /// Set when the process is told to end.
    pub drain: Drain,
    start: Part,
    http: String,
    admin: JoinHandle<Infallible>,
    telemetry: Telemetry,
}

/// A program that serves Flight SQL, has started and does not serve yet.
pub struct Program {
    /// The key that seals and opens handles.
    pub sealer: Arc<Sealer>,
    /// The users who may log in.
    pub login: Arc<Login>,
    process: Process,
    listener: Listener,
    limits: Limits,
}

impl Process {
    /// Starts logging, watching for signals and the endpoint of operators.
    ///
    /// # Errors
    /// What in the settings does not work, such as a port in use.
    pub async fn start(config: &ProcessConfig, name: &'static str) -> anyhow::Result<Self> {
        let telemetry = telemetry::init(config, name)?;
        let drain = Drain::on_signals().context("signals cannot be watched")?;
        let registry = Registry::new();
        let readiness = Readiness::new();
        let start = readiness.register("start");
        let admin = Admin::bind(config.http_addr).await?;
        let http = admin.uri();
        let admin = tokio::spawn(admin.serve(readiness.clone(), registry.clone(), drain.clone()));
        Ok(Self { registry, readiness, drain, start, http, admin, telemetry })
    }

    /// Tells operators what the start is busy with, for `/readyz`.
    pub fn starting(&self) -> Part {
        self.start.clone()
    }

    /// Says that the service is ready: to operators, and to whoever started it, with the addresses by what is there.
    #[allow(clippy::print_stdout)]
    pub fn ready(&self, addresses: &[(&str, &str)]) {
        self.start.ready();
        println!("Tavana {} is ready.", env!("CARGO_PKG_VERSION"));
        for (what, address) in addresses.iter().chain([&("HTTP", self.http.as_str())]) {
            println!("  {what:<10}  {address}");
        }
    }

    /// Ends what was started; the last thing a program does, as the endpoint tells of the drain until then.
    pub async fn end(self) {
        self.admin.abort();
        self.telemetry.shutdown().await;
    }
}

impl Program {
    /// Starts what surrounds the service. A key that no file names is kept in `data_dir`, or lives as long as the process.
    ///
    /// # Errors
    /// What in the settings does not work, such as a port in use or an unreadable file.
    pub async fn start(server: &ServerConfig, name: &'static str, data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let config = &server.process;
        let process = Process::start(config, name).await?;
        let users = config.users.as_deref().map(Users::open).transpose()?;
        let listener = Listener::bind(server.flight_addr, config.tls()).await?;
        let sealer = Arc::new(key::load(config.key_file.as_deref(), data_dir)?);
        let login = Arc::new(Login::new(users, Arc::clone(&sealer), server.session_ttl()));
        Ok(Self { sealer, login, process, listener, limits: server.limits() })
    }

    /// Where clients connect, `grpc://…` or `grpc+tls://…`.
    pub fn uri(&self) -> String {
        self.listener.uri()
    }

    /// Says that the service is ready; `more` are its addresses beside Flight SQL's.
    pub fn ready(&self, more: &[(&str, &str)]) {
        let uri = self.uri();
        let addresses: Vec<_> = [("Flight SQL", uri.as_str())].iter().chain(more).copied().collect();
        self.process.ready(&addresses);
    }

    /// Serves until the process is told to end and running calls have ended, or until `broken` says why it cannot go on.
    ///
    /// # Errors
    /// What `broken` says.
    pub async fn serve<S>(self, service: S, broken: impl Future<Output = anyhow::Error>) -> anyhow::Result<()>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let drain = self.process.drain.clone();
        let outcome = tokio::select! {
            () = grpc::serve(self.listener, service, self.limits, drain) => Ok(()),
            error = broken => Err(error),
        };
        self.process.end().await;
        outcome
    }
}

impl Deref for Program {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

/// The exit code of a program, and what it says when it fails.
#[allow(clippy::print_stderr)]
pub fn exit(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
