//! Which setting a statement changes.
//!
//! Settings travel in the session's token and are applied to whichever connection serves it, so they must be
//! understood, not only run. A value must be one plain literal: DuckDB takes expressions too, and some
//! values that only a running expression shows (`SET TimeZone = NULL`) make it give up the whole instance.

use super::{Statement, TokenKind};

/// A change to the settings of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingChange {
    /// `SET name = value`, `PRAGMA name = value`, `SET TIME ZONE value`, `SET SCHEMA value`.
    Set {
        /// In lower case.
        name: String,
        /// The literal as it was written.
        value: String,
        /// Whether the statement says `GLOBAL`.
        global: bool,
    },
    /// `RESET name`, `SET name = DEFAULT`.
    Reset {
        /// In lower case.
        name: String,
        /// Whether the statement says `GLOBAL`.
        global: bool,
    },
    /// `USE target`.
    Use {
        /// The name after `USE`, without spaces and comments.
        target: String,
    },
    /// `SET VARIABLE` and `RESET VARIABLE`, which DuckDB runs itself.
    Variable,
}

impl Statement<'_> {
    /// The change this statement makes to the session's settings; `None` for other statements, and for forms
    /// that are not understood.
    pub(crate) fn setting(&self) -> Option<SettingChange> {
        match self.keyword(0)?.as_str() {
            "set" => self.set(),
            "reset" => self.reset(),
            "use" => self.use_target(),
            "pragma" => self.assignment(1, false),
            _ => None,
        }
    }

    fn set(&self) -> Option<SettingChange> {
        if self.is_variable() {
            return Some(SettingChange::Variable);
        }
        let (at, global) = self.scope();
        if self.is_keyword(at, "time") && self.is_keyword(at + 1, "zone") {
            return self.changed_to("timezone".to_owned(), at + 2, global);
        }
        if self.is_keyword(at, "schema") && self.kind_at(at + 1) == Some(TokenKind::Text) {
            return self.changed_to("schema".to_owned(), at + 1, global);
        }
        self.assignment(at, global)
    }

    fn reset(&self) -> Option<SettingChange> {
        if self.is_variable() {
            return Some(SettingChange::Variable);
        }
        let (at, global) = self.scope();
        let (name, last) = match self.is_keyword(at, "time") && self.is_keyword(at + 1, "zone") {
            true => ("timezone".to_owned(), at + 1),
            false => (self.name(at)?, at),
        };
        let is_understood = last + 1 == self.tokens.len() && name != "all";
        is_understood.then_some(SettingChange::Reset { name, global })
    }

    fn use_target(&self) -> Option<SettingChange> {
        let is_name =
            |index| matches!(self.kind_at(index), Some(TokenKind::Word | TokenKind::QuotedName | TokenKind::Text));
        let is_target = match self.tokens.len() {
            2 => is_name(1),
            4 => is_name(1) && self.is_symbol(2, ".") && is_name(3),
            _ => false,
        };
        let target = (1..self.tokens.len()).map(|index| self.token_text(index)).collect();
        is_target.then_some(SettingChange::Use { target })
    }

    /// `SET VARIABLE name …`; a setting of that name would be followed by the value.
    fn is_variable(&self) -> bool {
        self.is_keyword(1, "variable") && !self.is_assignment(2)
    }

    /// Where the name stands, and whether `GLOBAL` was said before it. `LOCAL` is unknown to DuckDB.
    fn scope(&self) -> (usize, bool) {
        match self.is_assignment(2) {
            true => (1, false),
            false if self.is_keyword(1, "session") => (2, false),
            false if self.is_keyword(1, "global") => (2, true),
            false => (1, false),
        }
    }

    fn is_assignment(&self, index: usize) -> bool {
        self.is_symbol(index, "=") || self.is_keyword(index, "to")
    }

    /// `name = value` or `name TO value` from `at` to the end.
    fn assignment(&self, at: usize, global: bool) -> Option<SettingChange> {
        let name = self.name(at)?;
        if self.is_assignment(at + 1) { self.changed_to(name, at + 2, global) } else { None }
    }

    /// The change to the literal that starts at `at` and ends the statement.
    fn changed_to(&self, name: String, at: usize, global: bool) -> Option<SettingChange> {
        if at + 1 == self.tokens.len() && self.is_keyword(at, "default") {
            return Some(SettingChange::Reset { name, global });
        }
        let signed = self.is_symbol(at, "+") || self.is_symbol(at, "-");
        let at_literal = if signed { at + 1 } else { at };
        let is_literal = match self.kind_at(at_literal)? {
            TokenKind::Number => true,
            TokenKind::Text | TokenKind::QuotedName => !signed,
            TokenKind::Word => !signed && !self.is_keyword(at, "null"),
            _ => false,
        };
        let value = (at..self.tokens.len()).map(|index| self.token_text(index)).collect();
        (is_literal && at_literal + 1 == self.tokens.len()).then_some(SettingChange::Set { name, value, global })
    }
}
