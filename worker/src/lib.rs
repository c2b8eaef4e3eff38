//! A worker: a complete Flight SQL server over one DuckDB instance.
//!
//! A call comes in through [`service`], which finds out who calls ([`caller`]) and what is asked. Statements go
//! to [`execute`], which leases a connection from [`session`], lets [`statement`] judge the text, and runs it on
//! [`engine`]. Results leave through [`stream`], or wait in [`spool`]. [`ingest`] takes bulk data, [`metadata`] answers
//! what clients ask of catalogs and types, [`statistics`] what gateways ask to size statements. [`catalogs`] attaches what a
//! worker shares with others, [`maintenance`] keeps them small, [`memory`] says who may use how much memory, [`system`] has the tables about the server itself. [`config`]
//! builds all of it. [`tools`] look after catalogs from outside, [`backup`] among them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod backup;
mod caller;
mod catalogs;
mod config;
mod engine;
mod execute;
mod extension;
mod ingest;
mod maintenance;
mod memory;
mod metadata;
mod overview;
mod pg_catalog;
pub mod program;
mod running;
mod sample;
mod service;
mod session;
mod spool;
mod statement;
mod statistics;
mod stream;
mod system;
pub mod tools;

pub use caller::Trust;
pub use catalogs::CatalogsError;
pub use config::{Progress, Worker, WorkerConfig, WorkerError};
pub use sample::Sample;
pub use service::WorkerService;
