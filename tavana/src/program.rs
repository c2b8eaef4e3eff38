//! The commands of `tavana`.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use serde::Serialize;
use tavana_daemon::config;
use tavana_daemon::program::exit;

use crate::{backup, maintain, serve, sql, users};

/// SQL over Arrow Flight, on DuckDB
#[derive(Parser, Clone, Debug, Serialize)]
#[command(name = "tavana", version)]
#[serde(transparent)]
struct Tavana {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Clone, Debug, Serialize)]
#[serde(untagged)]
enum Command {
    /// Serve SQL: a gateway and a worker in this process
    Serve(Box<serve::Settings>),
    /// Run SQL on a server: one statement with -c, else a small shell
    Sql(sql::Settings),
    /// Keep the users file of a server
    Users(users::Settings),
    /// Compact lakes, expire their old snapshots, delete files that nobody needs
    Maintain(maintain::Settings),
    /// Copy a lake, or an embedded database, to another place
    Backup(backup::BackupSettings),
    /// Restore what was backed up
    Restore(backup::RestoreSettings),
}

/// The reference of the settings of `tavana serve`, as Markdown.
pub fn reference() -> String {
    let mut command = Tavana::command();
    command.find_subcommand_mut("serve").map_or_else(String::new, |serve| config::reference(serve))
}

/// Runs the program.
pub fn main() -> ExitCode {
    let tavana: Tavana = config::load();
    exit(match tavana.command {
        Command::Serve(settings) => serve::run(*settings),
        Command::Sql(settings) => sql::run(&settings),
        Command::Users(settings) => users::run(&settings),
        Command::Maintain(settings) => maintain::run(&settings),
        Command::Backup(settings) => backup::backup(&settings),
        Command::Restore(settings) => backup::restore(&settings),
    })
}
