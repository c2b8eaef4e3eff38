//! The program `tavana`: everything in one process, and the tools to use it.
//!
//! [`serve`] joins a gateway and a worker in memory; [`sql`] is a small shell for any Flight SQL server; [`users`] keeps
//! the users file; [`maintain`] and [`backup`] look after catalogs.

mod backup;
mod maintain;
pub mod program;
mod progress;
mod serve;
mod sql;
mod users;
