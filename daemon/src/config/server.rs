//! The settings of a program that serves Flight SQL.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tavana_wire::FailureKind;

use super::process::{ProcessConfig, ProcessConfigError, seconds};
use crate::grpc::Limits;

/// Where a program serves Flight SQL, how much it takes on, and what every process is told.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServerConfig {
    /// Address of Arrow Flight SQL; port 0 takes any free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
    pub flight_addr: SocketAddr,

    /// What every process is told.
    #[command(flatten)]
    #[serde(flatten)]
    pub process: ProcessConfig,

    /// Life of a session token; clients in use get new ones in time
    #[arg(long, value_name = "SECONDS", default_value_t = 12 * 3600, value_parser = seconds(60))]
    pub session_ttl_seconds: u64,

    /// Calls at once on one client connection; further ones wait
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_streams_per_connection: u32,

    /// Client connections at once; further ones are closed
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
}

/// Settings that do not go together.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// What every process is told does not go together.
    #[error(transparent)]
    Process(#[from] ProcessConfigError),
    /// Everybody on the network could do everything.
    #[error(
        "--flight-addr {0} can be reached from other machines, so users are needed: \
             make some with `tavana users add NAME --users FILE` and start with --users FILE, \
             or listen on 127.0.0.1"
    )]
    OpenToAll(SocketAddr),
    /// Whoever reaches the worker could pass for a gateway.
    #[error("a worker that serves gateways only needs --key-file FILE, the same file as its gateways")]
    NoKey,
    /// Two parts cannot have one port.
    #[error("--flight-addr and --http-addr are both {0}: give each its own")]
    SameAddress(SocketAddr),
}

impl SettingsError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Process(error) => error.kind(),
            Self::OpenToAll(_) | Self::NoKey | Self::SameAddress(_) => FailureKind::InvalidRequest,
        }
    }
}

impl ServerConfig {
    /// Checks what no single flag can, for a program that clients log in to; to be called before
    /// any port is bound.
    ///
    /// # Errors
    /// [`SettingsError`], with the cure.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.process.users.is_none() && !self.flight_addr.ip().to_canonical().is_loopback() {
            return Err(SettingsError::OpenToAll(self.flight_addr));
        }
        self.validate_common()
    }

    /// As [`ServerConfig::validate`], for a worker that only gateways call: the key that they share
    /// stands for users, on any address.
    ///
    /// # Errors
    /// [`SettingsError`], with the cure.
    pub fn validate_for_gateways(&self) -> Result<(), SettingsError> {
        if self.process.key_file.is_none() {
            return Err(SettingsError::NoKey);
        }
        self.validate_common()
    }

    fn validate_common(&self) -> Result<(), SettingsError> {
        if self.flight_addr == self.process.http_addr && self.flight_addr.port() != 0 {
            return Err(SettingsError::SameAddress(self.flight_addr));
        }
        Ok(self.process.validate()?)
    }

    /// How much the gRPC server takes on.
    pub fn limits(&self) -> Limits {
        Limits {
            max_streams_per_connection: self.max_streams_per_connection,
            max_connections: self.max_connections.try_into().unwrap_or(usize::MAX),
            drain_timeout: self.process.drain_timeout(),
        }
    }

    /// Life of a session token.
    pub fn session_ttl(&self) -> Duration {
        Duration::from_secs(self.session_ttl_seconds)
    }
}
