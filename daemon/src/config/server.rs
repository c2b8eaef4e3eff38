//! The settings that every serving program has.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tavana_wire::FailureKind;

use crate::grpc::Limits;
use crate::listen::TlsFiles;

/// Where a program listens, whom it lets in, and how it tells what it does.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServerConfig {
    /// Address of Arrow Flight SQL; port 0 takes any free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
    pub flight_addr: SocketAddr,

    /// Address of /livez, /readyz and /metrics; port 0 takes any free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub http_addr: SocketAddr,

    /// Users file; without it anybody on this machine is the user tavana
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,

    /// Certificate for TLS, in PEM
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// File with the secret, of at least 32 characters, that signs tokens and tickets; gateways and their workers share it
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// Life of a session token; clients in use get new ones in time
    #[arg(long, value_name = "SECONDS", default_value_t = 12 * 3600, value_parser = seconds(60))]
    pub session_ttl_seconds: u64,

    /// Time that running calls get to end when the process is asked to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = seconds(0))]
    pub drain_timeout_seconds: u64,

    /// Calls at once on one client connection; further ones wait
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_streams_per_connection: u32,

    /// Client connections at once; further ones are closed
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// Form of the log on stderr
    #[arg(long, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What to log: error, warn, info, debug or trace, also by part, such as info,tavana_worker=debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log_level: String,

    /// Configuration file, in TOML; its keys are the names of these flags
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Print the settings in force as a configuration file and end
    #[arg(long)]
    #[serde(skip)]
    pub dump_config: bool,
}

/// At most a year, so that no sum of times overflows.
fn seconds(least: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(least..=365 * 24 * 3600)
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Settings that do not go together.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// A certificate without its key, or the other way round.
    #[error("--tls-cert and --tls-key go together: give both or neither")]
    HalfTls,
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
    /// The log level cannot be read.
    #[error("--log-level {level}: {reason}")]
    LogLevel {
        /// As given.
        level: String,
        /// The cause.
        reason: String,
    },
}

impl SettingsError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::HalfTls | Self::OpenToAll(_) | Self::NoKey | Self::SameAddress(_) | Self::LogLevel { .. } => {
                FailureKind::InvalidRequest
            }
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
        if self.users.is_none() && !self.flight_addr.ip().to_canonical().is_loopback() {
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
        if self.key_file.is_none() {
            return Err(SettingsError::NoKey);
        }
        self.validate_common()
    }

    fn validate_common(&self) -> Result<(), SettingsError> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(SettingsError::HalfTls);
        }
        if self.flight_addr == self.http_addr && self.flight_addr.port() != 0 {
            return Err(SettingsError::SameAddress(self.http_addr));
        }
        crate::telemetry::log_filter(&self.log_level).map(|_| ())
    }

    /// The certificate and its key; `None` without TLS.
    pub fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// How much the gRPC server takes on.
    pub fn limits(&self) -> Limits {
        Limits {
            max_streams_per_connection: self.max_streams_per_connection,
            max_connections: self.max_connections.try_into().unwrap_or(usize::MAX),
            drain_timeout: Duration::from_secs(self.drain_timeout_seconds),
        }
    }

    /// Life of a session token.
    pub fn session_ttl(&self) -> Duration {
        Duration::from_secs(self.session_ttl_seconds)
    }
}
