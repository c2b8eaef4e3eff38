//! A statement's text, read without running it.
//!
//! DuckDB parses SQL but tells its callers little about what it parsed: a kind, and the
//! parameters. Sessions, policy and routing need more: which setting a `SET` changes, whether a
//! statement leaves something in its connection, which functions it calls. This module cuts the
//! text into the tokens DuckDB's own scanner would see and reads these answers off the tokens.
//! Where a text is not understood the answer is the one that refuses more or shares less.

mod body;
pub(crate) mod credentials;
mod functions;
mod kill;
mod kind;
mod lexer;
mod parameters;
mod policy;
mod setting;
mod settings;
mod spaces;
mod split;
mod target;

use std::borrow::Cow;

pub(crate) use kind::StatementKind;
use lexer::{Token, TokenKind};
pub(crate) use policy::{Policy, PolicyError, is_own_database};
pub(crate) use setting::SettingChange;
pub(crate) use settings::SESSION_SETTINGS;
pub(crate) use split::split;
pub(crate) use target::DefinedIn;

/// What a statement does to the session's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionControl {
    Begin,
    Commit,
    Rollback,
}

/// Functions that change something: a call of one does not only read.
const FUNCTIONS_WITH_EFFECTS: &[&str] = &["nextval", "setseed", "checkpoint", "force_checkpoint", "dbgen", "dsdgen"];

/// One statement and its tokens.
#[derive(Clone, Debug)]
pub(crate) struct Statement<'a> {
    text: &'a str,
    /// Without white space and comments.
    tokens: Vec<Token>,
}

impl<'a> Statement<'a> {
    /// Reads one statement, as [`split`] gives it.
    pub(crate) fn read(text: &'a str) -> Self {
        let tokens = lexer::tokens(text).filter(|token| !token.is_blank()).collect();
        Self { text, tokens }
    }

    /// What the statement does to the transaction, if it is a `BEGIN`, `COMMIT`, `ROLLBACK` or a synonym.
    pub(crate) fn transaction(&self) -> Option<TransactionControl> {
        let control = match self.keyword(0)?.as_str() {
            "begin" | "start" => TransactionControl::Begin,
            "commit" | "end" => TransactionControl::Commit,
            "rollback" | "abort" => TransactionControl::Rollback,
            _ => return None,
        };
        let rest: Vec<String> = (1..self.tokens.len()).map(|index| self.keyword(index).unwrap_or_default()).collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let modes = match rest.as_slice() {
            ["transaction" | "work", modes @ ..] => modes,
            modes => modes,
        };
        let is_understood = match modes {
            [] => true,
            ["read", "only" | "write"] => control == TransactionControl::Begin,
            _ => false,
        };
        is_understood.then_some(control)
    }

    /// Why the statement needs a connection of its session's own, if it does: it makes or uses what lives
    /// in a connection and cannot travel.
    pub(crate) fn needs_session(&self) -> Option<&'static str> {
        let first = self.keyword(0)?;
        let reason = match first.as_str() {
            "set" | "create" | "pragma" if self.gives_credentials() => "storage credentials belong to their session",
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" => "a transaction belongs to its session",
            "prepare" | "execute" | "deallocate" => "a statement prepared by name belongs to its session",
            "set" | "reset" if self.is_keyword(1, "variable") => "a variable belongs to its session",
            _ if self.makes_temporary() => "a temporary table, view, macro or type belongs to its session",
            _ if self.calls_any(&["setseed"]) => "the seed of random() belongs to its session",
            "explain" if self.analyzes() => return self.body()?.needs_session(),
            _ => return None,
        };
        Some(reason)
    }

    /// Whether it only reads and may run when its rows are fetched; all else runs once, when it is asked for.
    pub(crate) fn reads_only(&self, kind: StatementKind) -> bool {
        match kind {
            StatementKind::Select => !self.calls_any(FUNCTIONS_WITH_EFFECTS),
            StatementKind::Explain => !self.analyzes(),
            _ => false,
        }
    }

    /// Whether running it takes memory worth a grant: all does but what only changes the session or its transaction, or shows a plan.
    pub(crate) fn needs_room(&self, kind: StatementKind) -> bool {
        match kind {
            StatementKind::Transaction | StatementKind::Prepare => false,
            StatementKind::Explain => self.analyzes(),
            StatementKind::Drop => !self.is_keyword(0, "deallocate"),
            // The value of a variable may be a query.
            StatementKind::Set | StatementKind::VariableSet => {
                (0..self.tokens.len()).any(|index| self.is_symbol(index, "(")) && self.credentials().is_none()
            }
            StatementKind::Create | StatementKind::Pragma => self.credentials().is_none() && self.setting().is_none(),
            _ => true,
        }
    }

    /// Whether it only shows a plan.
    pub(crate) fn shows_plan(&self) -> bool {
        self.leading_kind() == StatementKind::Explain && !self.analyzes()
    }

    /// Whether it is an `EXPLAIN ESTIMATE`, which is no statement of DuckDB's.
    pub(crate) fn estimates(&self) -> bool {
        self.is_keyword(0, "explain") && self.is_keyword(1, "estimate") && self.tokens.len() > 2
    }

    /// The statement without `ESTIMATE`.
    pub(crate) fn without_estimate(&self) -> String {
        let rest = self.tokens.get(2).map_or("", |token| &self.text[token.start..]);
        format!("EXPLAIN {rest}")
    }

    /// Whether a write gives the rows it wrote: it has a `RETURNING` clause.
    pub(crate) fn has_returning(&self) -> bool {
        // RETURNING is reserved, but anything may be a label after AS or a name after a dot.
        (1..self.tokens.len()).any(|index| {
            self.is_keyword(index, "returning") && !self.is_keyword(index - 1, "as") && !self.is_symbol(index - 1, ".")
        })
    }

    /// Whether it may make, change or drop a function: it is about anything but what can hold none.
    pub(crate) fn may_change_functions(&self) -> bool {
        const HARMLESS: &[&str] = &["table", "view", "index", "sequence", "type", "column"];
        const BEFORE: &[&str] = &["or", "replace", "temp", "temporary", "unique", "on"];
        let object = (1..self.tokens.len()).map_while(|index| self.keyword(index));
        let object = object.into_iter().find(|word| !BEFORE.contains(&word.as_str()));
        !object.is_some_and(|object| HARMLESS.contains(&object.as_str()))
    }

    /// Whether it creates something in the connection's own catalog.
    pub(crate) fn makes_temporary(&self) -> bool {
        // DuckDB makes temporary things only where TEMP is said; a search path into `temp` is refused.
        const OBJECTS: &[&str] =
            &["table", "view", "macro", "function", "type", "sequence", "schema", "index", "secret"];
        let words = (1..self.tokens.len()).map_while(|index| self.keyword(index));
        self.is_keyword(0, "create")
            && words
                .take_while(|word| !OBJECTS.contains(&word.as_str()))
                .any(|word| word == "temp" || word == "temporary")
            || self.leading_kind() == StatementKind::CopyDatabase
                && (2..self.tokens.len()).any(|index| self.name(index).is_some_and(|name| name == "temp"))
    }

    /// Whether one of these functions is called; their names in lower case.
    fn calls_any(&self, names: &[&str]) -> bool {
        (0..self.tokens.len()).any(|index| {
            self.is_symbol(index + 1, "(") && self.name(index).is_some_and(|name| names.contains(&name.as_str()))
        })
    }

    fn token_text(&self, index: usize) -> &'a str {
        self.tokens.get(index).map_or("", |token| &self.text[token.start..token.end])
    }

    fn kind_at(&self, index: usize) -> Option<TokenKind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// The unquoted word at `index`, in lower case.
    fn keyword(&self, index: usize) -> Option<String> {
        (self.kind_at(index)? == TokenKind::Word).then(|| self.token_text(index).to_ascii_lowercase())
    }

    /// Whether this name stands anywhere in it, as a word or in quotes of any kind.
    fn names(&self, name: &str) -> bool {
        self.tokens.iter().any(|token| unquoted(&self.text[token.start..token.end]).eq_ignore_ascii_case(name))
    }

    /// Whether a name that begins so stands anywhere in it, as a word or in quotes of any kind.
    fn names_with_prefix(&self, prefix: &str) -> bool {
        self.tokens.iter().any(|token| {
            let name = unquoted(&self.text[token.start..token.end]);
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
    }

    fn is_keyword(&self, index: usize, word: &str) -> bool {
        self.kind_at(index) == Some(TokenKind::Word) && self.token_text(index).eq_ignore_ascii_case(word)
    }

    fn is_symbol(&self, index: usize, symbol: &str) -> bool {
        self.kind_at(index) == Some(TokenKind::Symbol) && self.token_text(index) == symbol
    }

    /// The name at `index`, quoted or not, in lower case as DuckDB compares names.
    fn name(&self, index: usize) -> Option<String> {
        match self.kind_at(index)? {
            TokenKind::Word => self.keyword(index),
            TokenKind::QuotedName => Some(unquoted(self.token_text(index)).to_ascii_lowercase()),
            _ => None,
        }
    }
}

/// What stands between the quotes of `'text'` or `"name"`; anything else as it is.
fn unquoted(literal: &str) -> Cow<'_, str> {
    for quote in ['\'', '"'] {
        let inner = literal.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            let doubled: String = [quote, quote].iter().collect();
            return if inner.contains(&doubled) {
                inner.replace(&doubled, &quote.to_string()).into()
            } else {
                inner.into()
            };
        }
    }
    literal.into()
}

#[cfg(test)]
mod tests;
