//! What the frontend is told, and building it.

use std::net::SocketAddr;
use std::sync::Arc;

use prometheus::Registry;
use serde::Serialize;
use tavana_daemon::peer::PeerService;
use tavana_daemon::service_token::ServiceToken;
use tavana_daemon::users::Users;
use tavana_wire::Sealer;

use crate::flight::Gateway;
use crate::server::{Frontend, Parts};
use crate::session::Limits;

/// The settings of the PostgreSQL frontend, wherever it runs.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PgConfig {
    /// Address of the PostgreSQL protocol; port 0 takes any free port, off leaves it out
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:5432")]
    pub pg_addr: PgAddr,

    /// Name of the database that clients connect to
    #[arg(long, value_name = "NAME", default_value = "tavana")]
    pub pg_database: String,

    /// PostgreSQL sessions at once; further ones are refused
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pg_max_sessions: u32,

    /// Bytes of one message of a PostgreSQL client
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1024..=0x3FFF_FFFF))]
    pub pg_max_message_bytes: u32,

    /// Prepared statements, and portals, that one PostgreSQL session may hold
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pg_max_names: u32,
}

/// Where the frontend listens, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PgAddr {
    /// Nowhere.
    Off,
    /// Here.
    At(SocketAddr),
}

impl std::str::FromStr for PgAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| "expected an address such as 127.0.0.1:5432, or off".to_owned())
    }
}

impl std::fmt::Display for PgAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl Serialize for PgAddr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Settings that do not go together.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PgConfigError {
    /// Everybody on the network could do everything.
    #[error(
        "--pg-addr {0} can be reached from other machines, so users are needed: make some with `tavana users add NAME --users FILE` \
         and start with --users FILE, or listen on 127.0.0.1"
    )]
    OpenToAll(SocketAddr),
}

impl PgConfig {
    /// Checks what no single flag can.
    ///
    /// # Errors
    /// [`PgConfigError::OpenToAll`] when others could reach it and nobody has to log in.
    pub fn validate(&self, has_users: bool) -> Result<(), PgConfigError> {
        match self.pg_addr {
            PgAddr::At(address) if !has_users && !address.ip().is_loopback() => Err(PgConfigError::OpenToAll(address)),
            PgAddr::At(_) | PgAddr::Off => Ok(()),
        }
    }

    /// The frontend of the gateway that is called over `gateway`, at least one connection, and that it proves itself to with the key of `sealer`.
    ///
    /// # Errors
    /// When `registry` has metrics of its names already.
    pub fn build(
        &self,
        gateway: Vec<PeerService>,
        users: Option<Users>,
        sealer: Arc<Sealer>,
        registry: &Registry,
    ) -> Result<Frontend, prometheus::Error> {
        let limits = Limits {
            message_bytes: usize::try_from(self.pg_max_message_bytes).unwrap_or(usize::MAX),
            names: usize::try_from(self.pg_max_names).unwrap_or(usize::MAX),
        };
        let parts = Parts {
            gateway: Gateway::new(gateway, ServiceToken::new(sealer)),
            users,
            database: self.pg_database.clone(),
            limits,
            connections: usize::try_from(self.pg_max_sessions).unwrap_or(usize::MAX),
        };
        Frontend::new(parts, registry)
    }
}
