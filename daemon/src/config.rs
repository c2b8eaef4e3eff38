//! Settings: defaults, then the file, then the environment, then flags.
//!
//! A program describes its settings once, as a clap struct that also derives `Serialize`. Whatever a
//! lower layer says becomes the *default* of a flag: so every value, from wherever it comes, passes the same
//! parser, and `--help` and the reference page come from the same struct. A key of the file is the
//! name of a flag; its variable in the environment is `TAVANA_` and the same name in capitals.
//!
//! What settings mean together is checked by the program once all layers are read, as in
//! [`ServerConfig::validate`]: clap's `requires` and `conflicts_with` look at flags only.

mod layers;
mod process;
mod reference;
mod server;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{ArgMatches, Command, Parser};
use serde::Serialize;
use tavana_wire::FailureKind;

use layers::Layers;

pub use process::{LogFormat, ProcessConfig, ProcessConfigError};
pub use reference::reference;
pub use server::{ServerConfig, SettingsError};

/// Ids of the two flags that are about the settings themselves.
const CONFIG: &str = "config";
const DUMP_CONFIG: &str = "dump_config";

/// Why there are no settings to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The flags are wrong, or help was asked for: clap says it best.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The configuration file is no TOML.
    #[error("the configuration file {} is not valid TOML:\n{source}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The cause, with line and column.
        source: toml::de::Error,
    },
    /// One setting of the file or the environment is wrong.
    #[error("{setting}: {reason}")]
    Setting {
        /// Where it is, such as ``the configuration file a.toml, key `users` ``.
        setting: String,
        /// What is wrong.
        reason: String,
    },
    /// The settings cannot be written as TOML: a fault of the program.
    #[error("the settings cannot be written as TOML: {0}")]
    Dump(#[from] toml::ser::Error),
}

impl ConfigError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Flags(_) | Self::Toml { .. } | Self::Setting { .. } => FailureKind::InvalidRequest,
            Self::Read { .. } => FailureKind::Io,
            Self::Dump(_) => FailureKind::Internal,
        }
    }
}

/// What the settings ask for.
#[derive(Debug)]
pub enum Loaded<C> {
    /// To run with them.
    Run(C),
    /// To print this, the settings as a configuration file, and end.
    Dump(String),
}

/// The settings of this process.
///
/// Settings that are wrong end it with exit code 2 and the reason on stderr; `--help`,
/// `--version` and `--dump-config` print and end it with 0. `C` is a program's settings, or a program of
/// several commands of which some have settings: those with a `--config` flag.
pub fn load<C: Parser + Serialize>() -> C {
    let loaded = load_from::<C>(std::env::args_os().collect(), &|name| std::env::var_os(name));
    match loaded {
        Ok(Loaded::Run(config)) => config,
        Ok(Loaded::Dump(text)) => {
            // Nobody reads it when stdout is closed; that is no failure of ours.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            std::process::exit(0);
        }
        Err(ConfigError::Flags(error)) => error.exit(),
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            std::process::exit(2);
        }
    }
}

/// The settings from these arguments (the program's name first) and this environment.
///
/// # Errors
/// [`ConfigError`], naming the flag, variable or key that is wrong.
pub fn load_from<C: Parser + Serialize>(
    args: Vec<OsString>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Loaded<C>, ConfigError> {
    let Some(Target { path, layers }) = target(&C::command(), &args, variable)? else {
        return Ok(Loaded::Run(C::try_parse_from(args)?));
    };
    let command = change_at(C::command(), &path, &|command| layers.apply(command));
    let matches = command.try_get_matches_from(args)?;
    let dump = flag(matches_at(&matches, &path), DUMP_CONFIG);
    let config = C::from_arg_matches(&matches)?;
    let table = toml::Table::try_from(&config)?;
    layers.check_types(&table)?;
    if dump { Ok(Loaded::Dump(toml::to_string(&table)?)) } else { Ok(Loaded::Run(config)) }
}

/// The command with settings that was called, and what lies below its flags.
struct Target {
    /// The names of the subcommands that lead to it.
    path: Vec<String>,
    layers: Layers,
}

/// Finds out which command is called and reads its file and environment; `None` when it has no
/// settings. Mistakes in the arguments are left to the real parse, which knows all defaults.
fn target(
    command: &Command,
    args: &[OsString],
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<Target>, ConfigError> {
    let lenient = command.clone().ignore_errors(true).try_get_matches_from(args);
    let mut path = Vec::new();
    let (mut command, mut matches) = (command, lenient.as_ref().ok());
    while let Some((name, inner)) = matches.and_then(ArgMatches::subcommand) {
        let Some(called) = command.find_subcommand(name) else { break };
        path.push(name.to_owned());
        (command, matches) = (called, Some(inner));
    }
    if !command.get_arguments().any(|arg| arg.get_id() == CONFIG) {
        return Ok(None);
    }
    let named = matches.and_then(|matches| matches.get_one::<PathBuf>(CONFIG).cloned());
    let named = named.or_else(|| layers::value_of(variable, CONFIG).map(PathBuf::from));
    let file = named.map(read_file).transpose()?;
    let layers = Layers::read(command, file.as_ref(), variable)?;
    Ok(Some(Target { path, layers }))
}

fn read_file(path: PathBuf) -> Result<(PathBuf, toml::Table), ConfigError> {
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    match text.parse() {
        Ok(table) => Ok((path, table)),
        Err(source) => Err(ConfigError::Toml { path, source }),
    }
}

/// Changes the command at the end of a path of subcommands.
fn change_at(command: Command, path: &[String], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [name, rest @ ..] => command.mut_subcommand(name, |inner| change_at(inner, rest, change)),
        [] => change(command),
    }
}

fn matches_at<'a>(mut matches: &'a ArgMatches, path: &[String]) -> &'a ArgMatches {
    for name in path {
        matches = matches.subcommand_matches(name).unwrap_or(matches);
    }
    matches
}

fn flag(matches: &ArgMatches, id: &str) -> bool {
    matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests;
