//! The layers below the flags: the file and the environment, as defaults of flags.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::OsStr;
use clap::{Arg, ArgAction, Command};
use toml::Value;

use super::{CONFIG, ConfigError, DUMP_CONFIG};

/// What file and environment say.
pub(super) struct Layers {
    /// In the order of their layers: later ones win.
    settings: Vec<Setting>,
}

/// One value that is not from a flag.
struct Setting {
    /// The flag's id in clap.
    id: String,
    /// The flag's long name, which is the key in the file.
    key: String,
    values: Vec<OsString>,
    /// Where it is, for messages.
    place: String,
    /// As it is in the file, to compare its type with what the program makes of it.
    in_file: Option<Value>,
}

/// The variable of a flag: `flight-addr` is `TAVANA_FLIGHT_ADDR`.
pub(super) fn variable_name(flag: &str) -> String {
    format!("TAVANA_{}", flag.replace('-', "_").to_uppercase())
}

/// What the environment says about a flag. An empty variable is what deployment files leave where
/// they have nothing to say.
pub(super) fn value_of(variable: &dyn Fn(&str) -> Option<OsString>, flag: &str) -> Option<OsString> {
    variable(&variable_name(flag)).filter(|value| !value.is_empty())
}

/// The flags that have a key and a variable, with their long names.
pub(super) fn settings_of(command: &Command) -> impl Iterator<Item = (&Arg, &str)> {
    let about_settings = |arg: &Arg| arg.get_id() == CONFIG || arg.get_id() == DUMP_CONFIG;
    command
        .get_arguments()
        .filter(move |arg| !about_settings(arg) && takes_setting(arg))
        .filter_map(|arg| Some((arg, arg.get_long()?)))
}

fn takes_setting(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue | ArgAction::SetFalse)
}

fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

impl Layers {
    /// Reads file and environment for the flags of a command, and checks each value with the
    /// flag's own parser.
    pub(super) fn read(
        command: &Command,
        file: Option<&(PathBuf, toml::Table)>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Vec::new();
        if let Some((path, table)) = file {
            for (key, value) in table {
                settings.push(file_setting(command, path, key, value)?);
            }
        }
        for (arg, key) in settings_of(command) {
            if let Some(value) = value_of(variable, key) {
                settings.push(variable_setting(arg, key, value)?);
            }
        }
        Ok(Self { settings })
    }

    /// Makes every value the default of its flag.
    pub(super) fn apply(&self, command: Command) -> Command {
        let command = command.after_help(
            "Each setting can also be given as an environment variable (TAVANA_ and the name of the flag \
             in capitals, such as TAVANA_LOG_LEVEL) or in the file that --config names.",
        );
        self.settings.iter().fold(command, |command, setting| {
            let values: Vec<OsStr> = setting.values.iter().map(OsStr::from).collect();
            // A flag that must be given is given by its setting.
            command.mut_arg(&setting.id, |arg| arg.required(false).default_values(values))
        })
    }

    /// Checks that each value of the file has the type that the setting has in the program: a
    /// number where a text belongs is more often a mistake than meant.
    pub(super) fn check_types(&self, effective: &toml::Table) -> Result<(), ConfigError> {
        for setting in &self.settings {
            let (Some(given), Some(used)) = (&setting.in_file, effective.get(&setting.key)) else { continue };
            if !same_type(given, used) {
                let reason = format!("expected {}, found {}", used.type_str(), given.type_str());
                return Err(ConfigError::Setting { setting: setting.place.clone(), reason });
            }
        }
        Ok(())
    }
}

fn same_type(given: &Value, used: &Value) -> bool {
    match (given, used) {
        (Value::Integer(_), Value::Float(_)) => true,
        (Value::Array(given), Value::Array(used)) => match used.first() {
            Some(used) => given.iter().all(|given| same_type(given, used)),
            None => true,
        },
        (given, used) => given.same_type(used),
    }
}

fn file_setting(command: &Command, path: &Path, key: &str, value: &Value) -> Result<Setting, ConfigError> {
    let place = format!("the configuration file {}, key `{key}`", path.display());
    let wrong = |reason: &str| ConfigError::Setting { setting: place.clone(), reason: reason.to_owned() };
    let Some((arg, key)) = settings_of(command).find(|(_, long)| *long == key) else {
        return Err(wrong("there is no such setting"));
    };
    let values = match value {
        Value::Array(_) if !takes_many(arg) => return Err(wrong("expected one value, found an array")),
        Value::Array(values) => values.iter().map(scalar).collect::<Option<Vec<_>>>(),
        value => scalar(value).map(|value| vec![value]),
    };
    let values = values.ok_or_else(|| wrong("expected a text, a number, true or false, or an array of these"))?;
    let in_file = Some(value.clone());
    checked(arg, Setting { id: arg.get_id().to_string(), key: key.to_owned(), values, place, in_file })
}

fn scalar(value: &Value) -> Option<OsString> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Integer(number) => Some(number.to_string().into()),
        Value::Float(number) => Some(number.to_string().into()),
        Value::Boolean(truth) => Some(truth.to_string().into()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

/// A setting of the environment. Several values are separated by commas there; a value with a
/// comma in it has to be a flag or in the file.
fn variable_setting(arg: &Arg, key: &str, value: OsString) -> Result<Setting, ConfigError> {
    let values = match value.to_str() {
        Some(text) if takes_many(arg) => {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(OsString::from).collect()
        }
        _ => vec![value],
    };
    let place = format!("the environment variable {}", variable_name(key));
    checked(arg, Setting { id: arg.get_id().to_string(), key: key.to_owned(), values, place, in_file: None })
}

/// Checks values with the flag's own parser, so that the message can name their place: a wrong
/// default would be told as if the flag had been given.
fn checked(arg: &Arg, setting: Setting) -> Result<Setting, ConfigError> {
    let alone = Arg::new("value").value_parser(arg.get_value_parser().clone()).allow_hyphen_values(true).required(true);
    let command = Command::new("setting").no_binary_name(true).disable_help_flag(true).arg(alone);
    for value in &setting.values {
        // After `--` nothing is taken for a flag.
        let args = [OsString::from("--"), value.clone()];
        if let Err(error) = command.clone().try_get_matches_from(args) {
            return Err(ConfigError::Setting { setting: setting.place, reason: reason(&error, value) });
        }
    }
    Ok(setting)
}

/// What a parser has against a value, without clap's talk of flags.
fn reason(error: &clap::Error, value: &OsString) -> String {
    use clap::error::{ContextKind, ContextValue};
    use std::error::Error as _;
    let cause = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) => format!("expected one of {}", valid.join(", ")),
        (None, _) => "the value cannot be used".to_owned(),
    };
    format!("invalid value `{}`: {cause}", value.display())
}
