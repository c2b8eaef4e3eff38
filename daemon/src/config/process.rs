//! The settings that every program has that runs until it is told to end.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tavana_wire::FailureKind;

use crate::listen::TlsFiles;

/// Whom a program lets in, how it proves who it is, and how it tells what it does.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessConfig {
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

    /// File with the secret, of at least 32 characters, that signs tokens and tickets; the programs that work together share it
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// Time that what is running gets to end when the process is asked to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = seconds(0))]
    pub drain_timeout_seconds: u64,

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
pub(super) fn seconds(least: u64) -> clap::builder::RangedU64ValueParser {
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

/// Settings of a process that do not go together.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProcessConfigError {
    /// A certificate without its key, or the other way round.
    #[error("--tls-cert and --tls-key go together: give both or neither")]
    HalfTls,
    /// The log level cannot be read.
    #[error("--log-level {level}: {reason}")]
    LogLevel {
        /// As given.
        level: String,
        /// The cause.
        reason: String,
    },
}

impl ProcessConfigError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::HalfTls | Self::LogLevel { .. } => FailureKind::InvalidRequest,
        }
    }
}

impl ProcessConfig {
    /// Checks what no single flag can; to be called before any port is bound.
    ///
    /// # Errors
    /// [`ProcessConfigError`], with the cure.
    pub fn validate(&self) -> Result<(), ProcessConfigError> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(ProcessConfigError::HalfTls);
        }
        crate::telemetry::log_filter(&self.log_level).map(|_| ())
    }

    /// The certificate and its key; `None` without TLS.
    pub fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// How long what is running may take to end.
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_secs(self.drain_timeout_seconds)
    }
}
