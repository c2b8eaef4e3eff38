//! The settings a session may change, and which values they take.
//!
//! Each was tried on two connections of DuckDB 1.5.5 locked as the worker locks it: `SET SESSION` changes
//! it for one connection and not for the other, and `RESET SESSION` takes it back. Values are checked here, because DuckDB checks
//! some of them too late or not at all.

use super::unquoted;
use crate::pg_catalog::snapshot::ROWS_DATABASE;

/// The values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// A name or text; DuckDB knows which.
    Text,
    /// Schemas, one or several; not of the connection's own temporary catalog.
    Place,
    /// True or false.
    Switch,
    /// A whole number of at most [`MAX_COUNT`].
    Count,
}

/// The names of [`SETTINGS`], which the instance leaves open when it is locked.
pub(crate) const SESSION_SETTINGS: &[&str] = &names();

/// The largest number a setting takes: what DuckDB takes for `pivot_limit` by itself.
const MAX_COUNT: u32 = 100_000;

/// Settings by their lower-case names.
const SETTINGS: &[(&str, Values)] = &[
    ("arrow_lossless_conversion", Values::Switch),
    ("calendar", Values::Text),
    ("default_collation", Values::Text),
    ("default_null_order", Values::Text),
    ("default_order", Values::Text),
    ("deprecated_using_key_syntax", Values::Text),
    ("disable_timestamptz_casts", Values::Switch),
    ("explain_output", Values::Text),
    ("ieee_floating_point_ops", Values::Switch),
    ("integer_division", Values::Switch),
    ("lambda_syntax", Values::Text),
    ("null_order", Values::Text),
    ("old_implicit_casting", Values::Switch),
    ("order_by_non_integer_literal", Values::Switch),
    ("pivot_filter_threshold", Values::Count),
    ("pivot_limit", Values::Count),
    ("preserve_identifier_case", Values::Switch),
    ("preserve_insertion_order", Values::Switch),
    ("scalar_subquery_error_on_multiple_rows", Values::Switch),
    ("schema", Values::Place),
    ("search_path", Values::Place),
    ("timezone", Values::Text),
];

const fn names() -> [&'static str; SETTINGS.len()] {
    let mut names = [""; SETTINGS.len()];
    let mut index = 0;
    while index < SETTINGS.len() {
        names[index] = SETTINGS[index].0;
        index += 1;
    }
    names
}

/// The values of the setting of this lower-case name, if a session may change it.
pub(super) fn values(name: &str) -> Option<Values> {
    SETTINGS.iter().find(|(known, _)| *known == name).map(|&(_, values)| values)
}

/// The worker's flag that decides what this setting says, if there is one.
pub(super) fn worker_flag(name: &str) -> Option<&'static str> {
    match name {
        "threads" | "worker_threads" => Some("--threads"),
        "memory_limit" | "max_memory" => Some("--memory-limit-bytes"),
        "temp_directory" => Some("--temp-dir"),
        "max_temp_directory_size" => Some("--temp-limit-bytes"),
        "allowed_directories" | "allowed_paths" => Some("--allow-path"),
        "extension_directory" => Some("--extension-dir"),
        _ => None,
    }
}

impl Values {
    /// What is wrong with the literal, if anything is.
    pub(super) fn refuse(self, literal: &str) -> Option<&'static str> {
        let value = unquoted(literal);
        let value = value.trim();
        match self {
            Self::Text => literal
                .starts_with(|first: char| !matches!(first, '\'' | '"') && !first.is_alphabetic())
                .then_some("give it a text in quotes"),
            Self::Place => {
                let place = "temporary tables are found without it; name other schemas";
                let own = "it holds rows of the server's own; name other schemas";
                names_temporary(value).then_some(place).or(names_own(value).then_some(own))
            }
            Self::Switch => {
                let is_switch = ["true", "false", "t", "f", "yes", "no", "1", "0"]
                    .iter()
                    .any(|word| value.eq_ignore_ascii_case(word));
                (!is_switch).then_some("it is either true or false")
            }
            Self::Count => {
                let is_count = value.parse().is_ok_and(|count: u32| count <= MAX_COUNT);
                (!is_count).then_some("it is a whole number of at most 100000")
            }
        }
    }
}

/// Whether a path or a name of schemas leads into the catalog `temp`. There, what a plain `CREATE` makes would
/// stay in one connection, unseen by the session's next statement.
pub(super) fn names_temporary(place: &str) -> bool {
    leads_into(place, "temp")
}

/// Whether a path or a name of schemas leads into the database of the catalog's kept rows.
pub(super) fn names_own(place: &str) -> bool {
    leads_into(place, ROWS_DATABASE)
}

fn leads_into(place: &str, name: &str) -> bool {
    // DuckDB drops quotes wherever they stand in a name.
    place.split([',', '.']).any(|part| part.replace(['"', '\''], "").trim().eq_ignore_ascii_case(name))
}
