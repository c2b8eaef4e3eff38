//! The gateway: authentication, sessions and routing for Arrow Flight SQL.
//!
//! To its clients a gateway is a Flight SQL server like any worker; behind it are workers, which
//! do the work. A call's whole way is `query`; around it stand `auth` (what a worker is told of the
//! caller), `session` (where a session's state is), `flight_sql` (what a request asks), `route`
//! (which worker), `fleet` (how the workers are) and `relay` (passing bytes both ways). The gateway
//! never decodes a result.
//!
//! [`GatewayConfig::build`] makes a [`Gateway`], a tower service; [`WorkerEndpoint`] is a worker at an
//! address or in the same process. [`program`] is the stand-alone `tavana-gateway`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod admit;
mod ask;
mod auth;
mod cancel;
mod deadline;
mod error;
mod estimate;
mod fleet;
mod flight_sql;
mod gateway;
mod handshake;
mod history;
mod metrics;
mod own;
pub mod program;
mod query;
mod queue;
mod relay;
mod route;
mod session;
mod statements;

#[cfg(any(test, feature = "fuzz"))]
pub use estimate::fuzz;
pub use fleet::WorkerEndpoint;
pub use gateway::{Gateway, GatewayConfig};
pub use history::{HistoryConfig, HistoryError};
