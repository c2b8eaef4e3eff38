//! Calls that do something beside giving a value: `set_config`, `pg_cancel_backend`, `pg_terminate_backend`.
//!
//! What they do is the session's to do, not DuckDB's. So the translation notes them: settings are made before the statement runs,
//! and a column of signals is run as one of the numbers that it would signal.

use super::TranslateError;
use super::expression::{Label, Operand};
use super::lexer::Kind;
use super::literal;
use super::parser::Parser;

/// What a statement does beside giving rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Settings that it makes, in order.
    pub configs: Vec<Config>,
    /// What the numbers in its only column are to be told.
    pub signal: Option<Signal>,
}

/// A setting that `set_config` makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name.
    pub name: Argument,
    /// Its value.
    pub value: Argument,
    /// For the transaction only.
    pub local: bool,
}

/// An argument of `set_config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A constant.
    Text(String),
    /// The parameter of this number.
    Parameter(u16),
}

/// What a session is told by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To end its statement.
    Cancel,
    /// To end itself.
    Terminate,
}

impl Parser<'_> {
    /// `set_config(name, value, is_local)`, whose parenthesis is at token `open`.
    pub fn config(&mut self, open: usize) {
        let arguments = self.config_argument(open + 1).zip(self.config_argument(self.behind_config(open + 1)));
        let last = self.behind_config(self.behind_config(open + 1));
        let local = match self.keyword(last).as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        match arguments.zip(local) {
            Some(((name, value), local)) if self.mark_at(last + 1, ")") => {
                self.effects.configs.push(Config { name, value, local });
            }
            _ => {
                let what = "set_config is understood with constants and parameters only".to_owned();
                let position = self.tokens[open].start;
                self.error.get_or_insert(TranslateError::Unsupported { what, position });
            }
        }
    }

    fn config_argument(&self, at: usize) -> Option<Argument> {
        let token = *self.tokens.get(at)?;
        match token.kind {
            Kind::Parameter => Some(Argument::Parameter(self.sql[token.start + 1..token.end].parse().ok()?)),
            _ => literal::value(self.sql, token).map(Argument::Text),
        }
    }

    /// The token behind the comma after the argument at `at`, which may have a cast.
    fn behind_config(&self, at: usize) -> usize {
        (at..self.tokens.len()).find(|&token| self.mark_at(token, ",")).map_or(self.tokens.len(), |comma| comma + 1)
    }

    /// `pg_cancel_backend(pid)`, whose parenthesis is next and whose name begins at token `first`, as `(pid)`.
    pub fn signal(&mut self, signal: Signal, first: usize, name: String) -> Option<Operand> {
        let (open, start) = (self.at, self.tokens[first].start);
        self.replace(first, open, "");
        self.at = open + 1;
        self.deeper(|parser| Some(parser.expressions_to_close()))?;
        let operand = Operand::new(start, self.previous_end(), Label::Strong(name));
        self.effects.signal = Some(signal);
        self.signal_at = Some((operand.start, operand.end));
        Some(operand)
    }

    /// Whether an item of the outermost select list is a signal; nothing else may be one.
    pub fn signals(&mut self, operand: &Operand) {
        if self.depth == 0 && self.signal_at == Some((operand.start, operand.end)) {
            self.signal_at = None;
        }
    }

    /// What the statement does beside giving rows; `columns` are those of its outermost select list.
    pub fn take_effects(&mut self, columns: Option<usize>) -> Effects {
        let effects = std::mem::take(&mut self.effects);
        if effects.signal.is_some() && (self.signal_at.is_some() || columns != Some(1)) {
            let what = "a signal to a session has to be the only column of the statement".to_owned();
            self.error.get_or_insert(TranslateError::Unsupported { what, position: 0 });
        }
        effects
    }
}
