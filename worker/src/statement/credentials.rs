//! Storage credentials that a session brings along.
//!
//! DuckDB shares secrets and the settings of stores by instance, reads some of them from the environment of the server, and
//! repeats statements in its errors. So a statement about credentials never reaches DuckDB as it is written: it is understood here as a
//! whole, of literals and known options only, and the worker makes the secret from what it understood. A setting such as
//! `s3_access_key_id` becomes an option of a secret, too: DuckDB takes from settings what any other secret leaves out, and
//! would send the server's keys to the session's endpoint.

use std::borrow::Cow;
use std::fmt;

use tavana_wire::FailureKind;

use super::{SettingChange, Statement, StatementKind, Token, TokenKind, split, unquoted};
use crate::catalogs::SYSTEM_DATABASE;
use crate::engine::{literal, quoted};

mod options;

pub(crate) use options::{SecretKind, schemes};

/// How the names of the server's own secrets begin.
pub(crate) const SERVER_PREFIX: &str = "tavana_";
/// How the names of secrets begin that stand for settings: behind all others, of which DuckDB takes the first by name.
pub(crate) const OF_SETTINGS: char = '~';
/// DuckDB's list of secrets, and the name of the macro that takes its place.
pub(crate) const OWN_SECRETS: &str = "duckdb_secrets";

/// A change to a session's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialChange {
    /// `SET` or `RESET` of a setting of stores; `None` resets it.
    Setting { kind: &'static SecretKind, option: &'static str, value: Option<Hidden> },
    /// `CREATE SECRET`.
    Create { name: String, replaces: bool, if_missing: bool, secret: SecretOptions },
    /// `DROP SECRET`.
    Drop { name: String, if_there: bool },
}

/// The kind of a secret and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretOptions {
    pub(crate) kind: &'static SecretKind,
    /// Options by DuckDB's names, each once.
    pub(crate) values: Vec<(&'static str, Hidden)>,
    /// Beginnings of the addresses it is for; all of its kind when empty.
    pub(crate) scopes: Vec<String>,
}

/// A value that is not shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(pub(crate) String);

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// Why credentials are refused. No message repeats a part of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    #[error(
        "this form of CREATE SECRET or DROP SECRET is not understood; write CREATE SECRET name (TYPE s3, KEY_ID '…', SECRET '…') with plain values, without parameters and expressions"
    )]
    Form,
    #[error("secrets of a session end with it; leave out PERSISTENT and the storage")]
    Persistent,
    #[error("this provider would use what belongs to the server; give the keys themselves, without PROVIDER")]
    Provider,
    #[error(
        "secrets of sessions have the TYPE s3, gcs, r2 or azure; other credentials come with the server's configuration"
    )]
    Type,
    #[error("an option is unknown or given twice; a secret of the type {} takes {}", .0.name, .0.names())]
    Option(&'static SecretKind),
    #[error("the option {0} cannot take this value: {1}")]
    Value(&'static str, &'static str),
    #[error("the names of secrets that begin with {SERVER_PREFIX} or ~ belong to the server; choose another")]
    Name,
    #[error(
        "this endpoint is not one that the server calls for its users; ask an administrator to start the worker with --allow-endpoint"
    )]
    Endpoint,
    #[error("SET GLOBAL would give credentials to everybody; leave GLOBAL out")]
    Global,
}

impl CredentialError {
    /// What it is, seen from the client.
    pub(crate) fn kind(self) -> FailureKind {
        match self {
            Self::Form => FailureKind::Syntax,
            Self::Value(..) => FailureKind::Data,
            Self::Type | Self::Option(_) => FailureKind::Unsupported,
            Self::Persistent | Self::Provider | Self::Name | Self::Endpoint | Self::Global => {
                FailureKind::PermissionDenied
            }
        }
    }
}

/// Shorter values are no secrets, and single letters are everywhere in a message.
const SHORTEST_HIDDEN: usize = 3;

/// A message of DuckDB's without any part of a text that may hold credentials: it repeats the line and the words that it
/// stumbled over. Names stay in the messages of queries and writes, which give no credentials.
pub(crate) fn without_credentials(message: &str, text: &str) -> String {
    let shown = message.split("\n\nLINE ").next().unwrap_or_default();
    let pieces = split(text).into_iter().map(Statement::read);
    pieces.fold(shown.to_owned(), |message, statement| {
        let keeps_names =
            !matches!(statement.leading_kind(), StatementKind::Invalid | StatementKind::Set | StatementKind::Pragma);
        let values = (0..statement.tokens.len()).filter(|&index| match statement.kind_at(index) {
            Some(TokenKind::Symbol | TokenKind::Parameter) | None => false,
            Some(TokenKind::Word | TokenKind::Number) => !keeps_names,
            Some(_) => true,
        });
        values.fold(message, |message, index| {
            let written = statement.token_text(index);
            let value = unquoted(written).trim_matches(['\'', '"']).to_owned();
            match value.len() < SHORTEST_HIDDEN {
                true => message,
                false => message.replace(written, "…").replace(&value, "…"),
            }
        })
    })
}

impl CredentialChange {
    /// Whether it gives the session credentials; else it takes some.
    pub(crate) fn gives(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Setting { value: Some(_), .. })
    }

    /// The hosts that the server would call for it.
    pub(crate) fn endpoints(&self) -> Vec<&str> {
        match self {
            Self::Setting { option, value: Some(value), .. } => options::endpoints(option, &value.0),
            Self::Create { secret, .. } => {
                secret.values.iter().flat_map(|(option, value)| options::endpoints(option, &value.0)).collect()
            }
            Self::Setting { value: None, .. } | Self::Drop { .. } => Vec::new(),
        }
    }
}

impl SecretOptions {
    /// The statement that makes it, in memory.
    pub(crate) fn statement(&self, name: &str, replaces: bool) -> String {
        let mut options = vec![format!("TYPE {}", self.kind.name)];
        options.extend(self.values.iter().map(|(option, value)| format!("{option} {}", literal(&value.0))));
        if !self.scopes.is_empty() {
            let scopes: Vec<String> = self.scopes.iter().map(|scope| literal(scope)).collect();
            options.push(format!("SCOPE [{}]", scopes.join(", ")));
        }
        let replace = if replaces { "OR REPLACE " } else { "" };
        format!("CREATE {replace}TEMPORARY SECRET {} ({})", quoted(name), options.join(", "))
    }
}

impl Statement<'_> {
    /// What it changes in the session's credentials, if it is about these; why not, if it is not understood or not allowed.
    pub(crate) fn credentials(&self) -> Option<Result<CredentialChange, CredentialError>> {
        if self.concerns_secret() {
            let reads = if self.is_keyword(0, "create") { Self::create_secret } else { Self::drop_secret };
            return Some(reads(self));
        }
        let (name, value, global) = match self.setting()? {
            SettingChange::Set { name, value, global } => (name, Some(value), global),
            SettingChange::Reset { name, global } => (name, None, global),
            SettingChange::Use { .. } | SettingChange::Variable => return None,
        };
        let (kind, option) = options::of_setting(&name)?;
        if global {
            return Some(Err(CredentialError::Global));
        }
        let value = value.map(|value| options::checked(kind, option, unquoted(&value).into_owned()));
        Some(value.transpose().map(|value| CredentialChange::Setting { kind, option, value: value.map(Hidden) }))
    }

    /// Whether it gives its session credentials, as far as it is understood.
    pub(crate) fn gives_credentials(&self) -> bool {
        matches!(self.credentials(), Some(Ok(change)) if change.gives())
    }

    /// The text with DuckDB's list of secrets replaced by one of the session's own.
    pub(crate) fn with_own_secrets(&self) -> Cow<'_, str> {
        let is_called =
            |&index: &usize| self.is_symbol(index + 1, "(") && self.name(index).is_some_and(|name| name == OWN_SECRETS);
        let (mut edited, mut copied) = (String::new(), 0);
        for index in (0..self.tokens.len()).filter(is_called) {
            let mut first = index;
            while first > 1 && self.is_symbol(first - 1, ".") {
                first -= 2;
            }
            edited.push_str(&self.text[copied..self.tokens[first].start]);
            edited.push_str(&format!("{SYSTEM_DATABASE}.main.{OWN_SECRETS}"));
            copied = self.tokens[index].end;
        }
        if copied == 0 {
            return Cow::Borrowed(self.text);
        }
        edited.push_str(&self.text[copied..]);
        Cow::Owned(edited)
    }

    /// Whether an address in it holds a setting, as in `s3://bucket/file?s3_endpoint=…`, which DuckDB prefers to that of any secret. An
    /// address that is computed is not seen.
    pub(super) fn has_setting_in_address(&self) -> bool {
        let is_value = |token: &&Token| !matches!(token.kind, TokenKind::Word | TokenKind::Number | TokenKind::Symbol);
        self.tokens.iter().filter(is_value).any(|token| {
            let text = self.text[token.start..token.end].to_ascii_lowercase();
            text.contains("?s3_") || text.contains("&s3_")
        })
    }

    /// Whether it is a `CREATE SECRET` or `DROP SECRET`.
    pub(super) fn concerns_secret(&self) -> bool {
        matches!(self.keyword(0).as_deref(), Some("create" | "drop")) && self.is_keyword(self.secret_at(), "secret")
    }

    /// Where the word `SECRET` has to stand.
    fn secret_at(&self) -> usize {
        const BEFORE: [&str; 5] = ["or", "replace", "persistent", "temporary", "temp"];
        let is_before = |index: usize| self.keyword(index).is_some_and(|word| BEFORE.contains(&word.as_str()));
        (1..).find(|&index| !is_before(index)).unwrap_or(1)
    }

    fn has_before(&self, word: &str) -> bool {
        (1..self.secret_at()).any(|index| self.is_keyword(index, word))
    }

    fn create_secret(&self) -> Result<CredentialChange, CredentialError> {
        let mut at = self.secret_at() + 1;
        let if_missing = self.are_keywords(at, &["if", "not", "exists"]);
        at += if if_missing { 3 } else { 0 };
        let mut name = None;
        let names_storage = self.is_keyword(at, "in") && !self.is_symbol(at + 1, "(");
        if !self.is_symbol(at, "(") && !names_storage {
            name = Some(self.name(at).ok_or(CredentialError::Form)?);
            at += 1;
        }
        if self.is_keyword(at, "in") || self.has_before("persistent") {
            return Err(CredentialError::Persistent);
        }
        let is_whole = self.is_symbol(at, "(") && self.closing(at).is_some_and(|close| close + 1 == self.tokens.len());
        if !is_whole {
            return Err(CredentialError::Form);
        }
        let secret = self.secret_options(at + 1)?;
        let name = name.unwrap_or_else(|| format!("__default_{}", secret.kind.name));
        Self::check_name(&name)?;
        if name.starts_with(OF_SETTINGS) {
            return Err(CredentialError::Name);
        }
        Ok(CredentialChange::Create { name, replaces: self.has_before("replace"), if_missing, secret })
    }

    fn drop_secret(&self) -> Result<CredentialChange, CredentialError> {
        let mut at = self.secret_at() + 1;
        let if_there = self.are_keywords(at, &["if", "exists"]);
        at += if if_there { 2 } else { 0 };
        let name = self.name(at).ok_or(CredentialError::Form)?;
        if self.is_keyword(at + 1, "from") || self.has_before("persistent") {
            return Err(CredentialError::Persistent);
        }
        if at + 1 != self.tokens.len() {
            return Err(CredentialError::Form);
        }
        Self::check_name(&name)?;
        Ok(CredentialChange::Drop { name, if_there })
    }

    fn check_name(name: &str) -> Result<(), CredentialError> {
        if name.starts_with(SERVER_PREFIX) { Err(CredentialError::Name) } else { Ok(()) }
    }

    /// The options from `at` to the parenthesis at the end.
    fn secret_options(&self, mut at: usize) -> Result<SecretOptions, CredentialError> {
        let mut written = Vec::new();
        loop {
            let name = self.name(at).ok_or(CredentialError::Form)?;
            let (values, next) = self.option_values(at + 1)?;
            written.push((name, values));
            if self.is_symbol(next, ")") && next + 1 == self.tokens.len() {
                return options::understood(written);
            }
            if !self.is_symbol(next, ",") {
                return Err(CredentialError::Form);
            }
            at = next + 1;
        }
    }

    /// The literal, or the list of literals, at `at`, and where what follows begins.
    fn option_values(&self, at: usize) -> Result<(Vec<String>, usize), CredentialError> {
        let Some(close) = ["[", "("].iter().find(|open| self.is_symbol(at, open)).map(|open| match *open {
            "[" => "]",
            _ => ")",
        }) else {
            return Ok((vec![self.option_value(at)?], at + 1));
        };
        let (mut values, mut at) = (Vec::new(), at + 1);
        loop {
            values.push(self.option_value(at)?);
            match () {
                () if self.is_symbol(at + 1, close) => return Ok((values, at + 2)),
                () if self.is_symbol(at + 1, ",") => at += 2,
                () => return Err(CredentialError::Form),
            }
        }
    }

    fn option_value(&self, at: usize) -> Result<String, CredentialError> {
        match self.kind_at(at) {
            Some(TokenKind::Text | TokenKind::Number | TokenKind::Word | TokenKind::QuotedName) => {
                Ok(unquoted(self.token_text(at)).into_owned())
            }
            _ => Err(CredentialError::Form),
        }
    }

    fn are_keywords(&self, at: usize, words: &[&str]) -> bool {
        words.iter().zip(at..).all(|(word, index)| self.is_keyword(index, word))
    }
}

#[cfg(test)]
mod tests;
