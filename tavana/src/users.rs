//! `tavana users`: the users file of a server.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;
use tavana_daemon::users;
use tavana_wire::Role;

#[derive(Args, Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Settings {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Clone, Debug, Serialize)]
#[serde(untagged)]
enum Command {
    /// Add a user, or give one a new password and role, and limits
    Add(Add),
}

#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Add {
    /// Name of the user
    name: String,

    /// What the user may do: admin, user or reader
    #[arg(long, default_value = "user", value_parser = |role: &str| role.parse::<Role>().map(|role| role.to_string()))]
    role: String,

    /// The users file; made if it is not there
    #[arg(long, value_name = "FILE", env = "TAVANA_USERS")]
    users: PathBuf,

    /// Read the password from stdin instead of asking for it
    #[arg(long)]
    password_stdin: bool,

    /// What the user may have at once; a user who is there keeps the limits that are not given.
    #[command(flatten)]
    #[serde(flatten)]
    limits: users::UserLimits,
}

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let Command::Add(add) = &settings.command;
    users::check_name(&add.name)?;
    let password = if add.password_stdin { from_stdin()? } else { from_terminal(&add.name)? };
    let role = add.role.parse::<Role>()?;
    users::add(&add.users, &add.name, role, &password, add.limits)?;
    tell(&format!("{} is a user with the role {role} in {}", add.name, add.users.display()));
    Ok(())
}

fn from_stdin() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the password could not be read from stdin")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    ensure!(!password.is_empty(), "stdin held no password");
    Ok(password)
}

fn from_terminal(name: &str) -> anyhow::Result<String> {
    ensure!(std::io::stdin().is_terminal(), "there is no terminal to ask for the password; use --password-stdin");
    let password = rpassword::prompt_password(format!("Password for {name}: "))?;
    ensure!(!password.is_empty(), "the password is empty");
    ensure!(rpassword::prompt_password("Again: ")? == password, "the two passwords differ");
    Ok(password)
}

#[allow(clippy::print_stdout)]
fn tell(text: &str) {
    println!("{text}");
}
