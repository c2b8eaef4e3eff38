//! PostgreSQL at the edge: a frontend that speaks PostgreSQL's protocol to clients and Flight SQL to the gateway.
//!
//! A connection comes in ([`server`]), asks for TLS and a session ([`startup`]), logs in ([`login`]) and is then a
//! [`session`] of the gateway ([`flight`]). SQL is translated on its way in ([`translate`]), values on their way out
//! ([`encode`]) and in ([`decode`]).
//!
//! [`PgConfig::build`] makes a [`Frontend`] of a gateway at an address or in the same process. [`program`] is the
//! stand-alone `tavana-pg`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod activity;
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
pub mod program;
mod server;
mod session;
mod settings;
mod startup;
mod stream;
mod translate;

pub use config::{PgAddr, PgConfig, PgConfigError};
pub use server::{Frontend, Listener};
