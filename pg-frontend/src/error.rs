//! Errors as PostgreSQL tells them: severity, SQLSTATE, message, detail, hint, position.
//!
//! What the gateway and its workers say arrives as a gRPC status with a message of DuckDB's. [`PgError::from_status`] finds the
//! SQLSTATE that PostgreSQL would give (clients decide by it), takes DuckDB's prefixes and caret lines out of the message, and
//! turns the caret into a position in the client's own text.

mod sqlstate;

use tavana_wire::{NOT_HERE, headers};
use tonic::Status;
use unicode_width::UnicodeWidthChar as _;

use crate::decode::DecodeError;
use crate::encode::EncodeError;
use crate::message::MessageError;
use crate::translate::{OffsetMap, TranslateError};

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
    /// Something to know.
    Notice,
    /// Something that may be wrong.
    Warning,
}

impl Severity {
    /// As PostgreSQL writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
        }
    }

    /// Whether it goes out as a notice.
    pub fn is_notice(self) -> bool {
        matches!(self, Self::Notice | Self::Warning)
    }
}

/// An error or a notice for a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PgError {
    /// How grave it is.
    pub severity: Severity,
    /// What it is, by PostgreSQL's list.
    pub sqlstate: &'static str,
    /// What went wrong.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<usize>,
    /// What was being done.
    pub context: Option<String>,
}

impl PgError {
    /// An error.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            sqlstate,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            context: None,
        }
    }

    /// An error that ends the connection.
    pub fn fatal(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Fatal, ..Self::new(sqlstate, message) }
    }

    /// A warning.
    pub fn warning(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(sqlstate, message) }
    }

    /// A notice.
    pub fn notice(message: impl Into<String>) -> Self {
        Self { severity: Severity::Notice, ..Self::new("00000", message) }
    }

    /// With a hint.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// From what the gateway said. `sent` is the text that was run, `source` the client's, with the map between them.
    pub fn from_status(status: &Status, sent: Option<Sent<'_>>) -> Self {
        let told = status.metadata().get(headers::SQLSTATE.as_str()).and_then(|state| state.to_str().ok());
        let Some(told) = told.and_then(known_state) else { return Self::from_lost_call(status) };
        if told == "57P02" {
            return Self::fatal(told, status.message());
        }
        let full = status.message();
        let (message, place) = split_caret(full);
        let (exception, text) = exception(message);
        let sqlstate = sqlstate::refine(told, exception, text);
        let (text, hint) = match split_hint(text) {
            (text, None) if text.contains(TYPE_OF_CHECKED) => {
                let hint = "The length of varchar(n) and char(n) is such a constraint: add a column of the new type, copy, and drop this one.";
                (text, Some(hint))
            }
            split => split,
        };
        if let Some(message) = worded(sqlstate, text) {
            let position = sent.and_then(|sent| sent.position(place?));
            let hint = full.contains(NOT_HERE).then(|| NOT_HERE.trim().to_owned());
            return Self { hint, position, ..Self::new(sqlstate, message) };
        }
        let position = sent.and_then(|sent| sent.position(place?));
        // DuckDB has one message for both clauses.
        let offset = sqlstate == "2201W" && sent.zip(position).is_some_and(|(sent, at)| sent.is_behind(at, "offset"));
        let sqlstate = if offset { "2201X" } else { sqlstate };
        let message = if text.is_empty() { "the statement failed" } else { text };
        Self { hint: hint.map(str::to_owned), position, ..Self::new(sqlstate, message) }
    }
}

impl PgError {
    /// From a status that neither gateway nor worker made: the call itself went wrong.
    fn from_lost_call(status: &Status) -> Self {
        let sqlstate = state_of_code(status.code());
        let message = match sqlstate {
            "08006" => format!("the connection to the gateway was lost or cannot be made ({})", status.message()),
            _ => status.message().to_owned(),
        };
        Self::new(sqlstate, message)
    }
}

/// A statement as it was sent, and where its parts come from.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    /// The client's text.
    pub source: &'a str,
    /// What was run.
    pub sql: &'a str,
    /// From the one to the other.
    pub offsets: &'a OffsetMap,
    /// Characters of the client's whole text before this statement.
    pub before: usize,
}

impl Sent<'_> {
    /// Whether the word stands before the position.
    fn is_behind(&self, position: usize, word: &str) -> bool {
        let before: String = self.source.chars().take(position.saturating_sub(self.before + 1)).collect();
        before.trim_end().to_ascii_lowercase().ends_with(word)
    }

    /// The position in the client's text of a place in what was run.
    fn position(&self, place: Caret<'_>) -> Option<usize> {
        let line_start = match place.line {
            1 => 0,
            line => self.sql.match_indices('\n').nth(line - 2)?.0 + 1,
        };
        let line = self.sql[line_start..].split('\n').next()?;
        // DuckDB shows a part of a long line, with dots where it was cut.
        let shown = place.shown.trim_start_matches("...").trim_end_matches("...");
        let cut = place.shown.len() - place.shown.trim_start_matches("...").len();
        // The caret stands below a column of a terminal.
        let column = place.column.checked_sub(cut)?;
        let widths = shown.char_indices().scan(0, |width, (at, symbol)| {
            let start = *width;
            *width += symbol.width().unwrap_or(0);
            Some((start, at))
        });
        let within = widths.take_while(|&(start, _)| start <= column).last().map_or(0, |(_, at)| at);
        let at = line_start + (line.find(shown)? + within).min(line.len());
        let source = self.offsets.source(at).min(self.source.len());
        let source = constant_before(self.source, source);
        let source = (0..=source).rev().find(|&at| self.source.is_char_boundary(at))?;
        Some(self.before + self.source[..source].chars().count() + 1)
    }
}

/// Where DuckDB's caret points.
#[derive(Clone, Copy)]
struct Caret<'a> {
    line: usize,
    shown: &'a str,
    column: usize,
}

/// PostgreSQL points at the constant that a cast could not read, DuckDB at the `::` behind it.
fn constant_before(source: &str, at: usize) -> usize {
    let behind = source.get(at..).is_some_and(|rest| rest.starts_with("::"));
    let before = source.get(..at).filter(|before| behind && before.ends_with('\''));
    let inside = before.and_then(|before| before[..before.len() - 1].rfind('\''));
    inside.map_or(at, |quote| if source[..quote].ends_with(['E', 'e']) { quote - 1 } else { quote })
}

/// Parts DuckDB's `LINE 1: … ^` from its message.
fn split_caret(message: &str) -> (&str, Option<Caret<'_>>) {
    let Some((text, rest)) = message.rsplit_once("\nLINE ") else { return (message.trim_end(), None) };
    let caret = rest.split_once(": ").and_then(|(line, shown)| {
        let (shown, under) = shown.split_once('\n')?;
        let indent = "LINE : ".len() + line.len();
        let column = under.find('^')?.checked_sub(indent)?;
        Some(Caret { line: line.parse().ok()?, shown, column })
    });
    (text.trim_end(), caret)
}

/// DuckDB's name of the exception, and the text behind it.
fn exception(message: &str) -> (&str, &str) {
    match message.split_once(" Error: ") {
        Some((exception, text)) if exception.len() < 32 && !exception.contains('\n') => (exception, text),
        _ => ("", message),
    }
}

/// DuckDB puts candidates behind an empty line or a line's start: those are a hint.
fn split_hint(text: &str) -> (&str, Option<&str>) {
    match text.split_once('\n') {
        Some((text, hint)) if !hint.trim().is_empty() => (text.trim_end(), Some(hint.trim())),
        _ => (text.trim_end(), None),
    }
}

/// The words that PostgreSQL has for the commonest mistakes: some clients read them.
fn worded(sqlstate: &str, text: &str) -> Option<String> {
    let between = |start: &str, end: &str| text.strip_prefix(start)?.split_once(end).map(|(name, _)| name);
    match sqlstate {
        "22012" => Some("division by zero".to_owned()),
        "22001" => too_long(text),
        "42P01" => {
            between("Table with name ", " does not exist").map(|name| format!("relation \"{name}\" does not exist"))
        }
        "42P07" => {
            between("Table with name \"", "\" already exists").map(|name| format!("relation \"{name}\" already exists"))
        }
        "42703" => between("Referenced column \"", "\" ").map(|name| format!("column \"{name}\" does not exist")),
        "3F000" => {
            between("Schema with name ", " does not exist").map(|name| format!("schema \"{name}\" does not exist"))
        }
        _ => None,
    }
}

/// DuckDB changes no type of a column that has a check, as one of a declared length has.
const TYPE_OF_CHECKED: &str = "Cannot change the type of a column that has a CHECK constraint";

/// What the failure of a check means that stands for the length of a `varchar(20)`; see `length_check` of the translation.
fn too_long(text: &str) -> Option<String> {
    let (_, check) = text.split_once("with expression CHECK((")?;
    let (length, function) = check.split_once(" >= ")?;
    let length: u32 = length.parse().ok()?;
    let name = match function.split_once("(rtrim(")?.0 {
        "character_length" => "character varying",
        "char_length" => "character",
        _ => return None,
    };
    Some(format!("value too long for type {name}({length})"))
}

/// The states that the gateway tells.
fn known_state(told: &str) -> Option<&'static str> {
    const STATES: [&str; 23] = [
        "08P01", "42601", "42804", "42P01", "42P07", "22000", "23000", "40001", "25000", "28000", "42501", "0A000",
        "57014", "57P02", "53200", "53100", "54000", "57P03", "08006", "08007", "58030", "XX000", "3D000",
    ];
    STATES.into_iter().find(|state| *state == told)
}

fn state_of_code(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::DeadlineExceeded => "57014",
        Code::InvalidArgument => "22023",
        Code::NotFound => "42704",
        Code::AlreadyExists => "42710",
        Code::PermissionDenied => "42501",
        Code::ResourceExhausted => "53000",
        Code::FailedPrecondition => "55000",
        Code::Aborted => "40001",
        Code::Unimplemented => "0A000",
        // The connection to the gateway, not the statement: a cancel of ours says so.
        Code::Cancelled | Code::Unavailable | Code::Unknown => "08006",
        Code::Unauthenticated => "28000",
        _ => "XX000",
    }
}

impl From<MessageError> for PgError {
    fn from(error: MessageError) -> Self {
        Self::fatal(error.sqlstate(), error.to_string())
    }
}

impl From<EncodeError> for PgError {
    fn from(error: EncodeError) -> Self {
        Self::new(error.sqlstate(), error.to_string())
    }
}

impl From<DecodeError> for PgError {
    fn from(error: DecodeError) -> Self {
        Self::new(error.sqlstate(), error.to_string())
    }
}

impl From<TranslateError> for PgError {
    fn from(error: TranslateError) -> Self {
        Self::new(error.sqlstate(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavana_wire::{Failure, FailureKind};

    fn check(kind: FailureKind, message: &str, sqlstate: &str, text: &str) {
        let error = PgError::from_status(&Status::from(Failure::new(kind, message)), None);
        assert_eq!((error.sqlstate, error.message.as_str()), (sqlstate, text), "{message}");
    }

    #[test]
    fn the_sqlstate_is_postgresqls() {
        check(
            FailureKind::NotFound,
            "Catalog Error: Table with name t does not exist!\nDid you mean \"s\"?\n\nLINE 1: from t\n             ^",
            "42P01",
            "relation \"t\" does not exist",
        );
        check(
            FailureKind::Binding,
            "Binder Error: Referenced column \"x\" not found in FROM clause!\nCandidate bindings: \"y\"",
            "42703",
            "column \"x\" does not exist",
        );
        check(
            FailureKind::Constraint,
            "Constraint Error: Duplicate key \"i: 1\" violates primary key constraint.",
            "23505",
            "Duplicate key \"i: 1\" violates primary key constraint.",
        );
        check(
            FailureKind::Constraint,
            "Constraint Error: CHECK constraint failed on table t with expression CHECK((20 >= character_length(rtrim(b))))",
            "22001",
            "value too long for type character varying(20)",
        );
        check(FailureKind::Unavailable, "no worker is there", "57P03", "no worker is there");
    }

    #[test]
    fn the_caret_becomes_a_position_in_characters() {
        let message = "Parser Error: syntax error\n\nLINE 2: grosse fro t\n               ^";
        let (_, caret) = split_caret(message);
        let sql = "ü\ngrosse fro t";
        let sent = Sent { source: sql, sql, offsets: &OffsetMap::default(), before: 3 };
        assert_eq!(sent.position(caret.unwrap()), Some(3 + 2 + 7 + 1));
    }
}
