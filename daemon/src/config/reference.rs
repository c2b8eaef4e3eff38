//! The reference page of a program's settings, from the same struct that reads them.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::CONFIG;
use super::layers::{settings_of, variable_name};

/// A Markdown table of a command's settings: flag, variable, default, meaning. The key in a
/// configuration file is the flag without its dashes.
pub fn reference(command: &Command) -> String {
    let mut page = String::from("| flag | environment | default | meaning |\n|---|---|---|---|\n");
    let config = command.get_arguments().find(|arg| arg.get_id() == CONFIG);
    let config = config.and_then(|arg| Some((arg, arg.get_long()?)));
    for (arg, long) in settings_of(command).filter(|(arg, _)| !arg.is_hide_set()).chain(config) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `--{long}{}` | `{}` | {} | {} |",
            value_name(arg),
            variable_name(long),
            default(arg),
            meaning(arg)
        );
    }
    page
}

fn value_name(arg: &Arg) -> String {
    match (arg.get_action(), arg.get_value_names()) {
        (ArgAction::Set | ArgAction::Append, Some([name, ..])) => format!(" {name}"),
        (ArgAction::Set | ArgAction::Append, _) => format!(" {}", arg.get_id().as_str().to_uppercase()),
        _ => String::new(),
    }
}

fn default(arg: &Arg) -> String {
    if matches!(arg.get_action(), ArgAction::SetTrue) && arg.get_default_values().is_empty() {
        return "`false`".to_owned();
    }
    let values: Vec<_> = arg.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect();
    values.join(", ")
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    // A line break ends a row, and a bar ends a cell.
    let mut text = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ").replace('|', "\\|");
    let possible: Vec<_> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if matches!(arg.get_action(), ArgAction::Set) && !possible.is_empty() {
        let _ = write!(text, "; one of {}", possible.join(", "));
    }
    if matches!(arg.get_action(), ArgAction::Append) {
        text.push_str(" (may be given several times; separated by commas in the environment)");
    }
    text
}
