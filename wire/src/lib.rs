//! What crosses a process boundary, and nothing else.
//!
//! Tavana's processes speak plain Arrow Flight SQL to each other. This crate holds
//! the little that Flight SQL leaves open: who a call is for ([`identity`]), the signed
//! handles that carry state through clients ([`handle`], [`seal`]), the headers between gateway and
//! worker ([`headers`]), the actions of a worker ([`action`], [`statistics`]), statements as tickets ([`run`]), session options
//! ([`session_option`]), which texts nobody may show ([`credentials`]) and how a failure is told in every protocol ([`failure`]). All
//! messages are protobuf, so that an
//! older process ignores what a newer one adds.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod action;
pub mod credentials;
pub mod failure;
pub mod handle;
pub mod headers;
pub mod identity;
pub mod run;
pub mod seal;
pub mod session_option;
pub mod statistics;

pub use credentials::{NOT_HERE, may_hold_credentials};
pub use failure::{Failure, FailureKind};
pub use handle::{Handle, SessionState};
pub use identity::{QueryId, Role, SessionId, WorkerId};
pub use run::RunStatement;
pub use seal::{SealError, Sealer};
