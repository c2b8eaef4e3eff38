//! What a process does around its job.
//!
//! Every Tavana program reads its settings ([`config`]), tells what it does ([`telemetry`],
//! [`admin`]), ends in good order ([`drain`]), listens ([`listen`]) and serves gRPC ([`grpc`]), calls other
//! processes ([`peer`]) and knows its callers ([`users`], [`login`], [`key`]). [`program`] puts these together; the programs differ in the
//! service they put in the middle.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod admin;
pub mod config;
pub mod drain;
pub mod grpc;
pub mod key;
pub mod listen;
pub mod login;
pub mod peer;
pub mod program;
pub mod service_token;
pub mod telemetry;
pub mod users;
mod watch;
