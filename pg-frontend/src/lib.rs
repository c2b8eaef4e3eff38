//! PostgreSQL at the edge: a frontend that speaks PostgreSQL's protocol to clients and Flight SQL to the gateway.
//!
//! A connection comes in ([`server`]), asks for TLS and a session ([`startup`]), logs in ([`login`]) and is then a
//! [`session`] of the gateway ([`flight`]). SQL is translated on its way in ([`translate`]), values on their way out
//! ([`encode`]) and in ([`decode`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod cancel;
mod config;
mod decode;
mod encode;
mod error;
mod flight;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod login;
mod message;
mod opening;
mod server;
mod session;
mod settings;
mod startup;
mod stream;
mod translate;

pub use config::{PgAddr, PgConfig, PgConfigError};
pub use flight::{CallError, GatewayService};
pub use server::{Frontend, Listener};
