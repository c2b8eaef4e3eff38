//! From PostgreSQL's SQL to DuckDB's.
//!
//! The two dialects are near enough that most statements mean the same, and far enough that some mean
//! something else without a word: `~` is a full match, `7/2` is 3.5, `'{1,2}'` is no array. Reprinting a
//! parsed tree changes more than it mends, so the client's text stays as it is and only spans of it are
//! edited: the lexer is PostgreSQL's, a tolerant parser finds operands and clauses, and what it does not
//! understand passes untouched to DuckDB, which tells what is wrong. Every edit is remembered, so that
//! an error's place can be told in the client's own text. A statement of nothing but names, commas and
//! comparisons is recognised in one pass of the lexer and borrowed.

mod aggregates;
mod arrays;
mod casts;
mod catalog;
mod classify;
mod columns;
mod command;
mod copy;
mod definition;
mod edits;
mod effects;
mod expression;
mod formats;
mod functions;
mod lexer;
mod literal;
mod names;
mod operators;
mod parser;
mod patterns;
mod places;
mod plain;
mod query;
mod results;
mod session;
mod tables;
#[cfg(test)]
mod tests;
mod types;

use crate::encode::DateOrder;
use std::borrow::Cow;
use std::ops::Range;

pub use arrays::arrays;
use catalog::CatalogColumns;
pub use catalog::ColumnTypes;
pub use command::{
    Columns, Command, Copy, CopyFormat, CopyHeader, CopyPlace, CopySource, Direction, Discard, Excuse, SetValue, Spare,
    TransactionMode,
};
pub use edits::OffsetMap;
pub use effects::{Argument, Effects, Signal};
use lexer::{Kind, Lexer, Token};
use parser::Parser;
pub use places::{array_parameters, cast_types, parameter_places};
pub use results::{Known, Results};

/// What of the session changes the meaning of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether a backslash in `'…'` is itself; the setting of that name.
    pub standard_conforming_strings: bool,
    /// The name that `current_user` and its kin give; `None` leaves them to DuckDB.
    pub user: Option<String>,
    /// The number of the session.
    pub process: u32,
    /// Whether constants are PostgreSQL's, so that one it would not read is an error.
    pub checks_constants: bool,
    /// What 01/02/03 is.
    pub date_order: DateOrder,
    /// Whether columns of `varchar(20)` are checked for their length.
    pub checks_lengths: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            standard_conforming_strings: true,
            user: None,
            process: 0,
            checks_constants: true,
            date_order: DateOrder::Mdy,
            checks_lengths: true,
        }
    }
}

/// A statement that was classified and translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated<'a> {
    /// What it is.
    pub command: Command,
    /// The text for DuckDB; untouched for the commands that the frontend carries out itself.
    pub sql: Cow<'a, str>,
    /// From places of `sql` to places of the statement.
    pub offsets: OffsetMap,
    /// The highest parameter, `$1` being 1.
    pub parameters: u16,
    /// Statements that must have run before, in the same transaction (the sequence of a serial column).
    pub before: Vec<String>,
    /// Statements that must run after, in the same transaction (the second table of a DROP).
    pub after: Vec<String>,
    /// Types of columns that are not what DuckDB's types say.
    pub types: ColumnTypes,
    /// Whether it has variables that stand for what the session knows; see [`crate::activity`].
    pub asks_session: bool,
    /// Whether there is nothing to run: the frontend answers with the tag (`ALTER TABLE … OWNER TO`).
    pub ignored: bool,
    /// What the text tells of the columns of its rows.
    pub results: Results,
    /// Types of parameters that what stands beside them tells, by their OIDs.
    pub parameter_types: Vec<(u16, u32)>,
    /// What it does beside giving rows.
    pub effects: Effects,
    /// What it puts up with.
    pub excuse: Option<Excuse>,
    /// What it can do without.
    pub spare: Option<Spare>,
    /// Its rows have no columns (`SELECT FROM t`). DuckDB's have one, which is to be left out.
    pub bare: bool,
}

/// Why a statement was refused before DuckDB saw it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum TranslateError {
    #[error("unterminated {what}")]
    Unterminated { what: &'static str, position: usize },
    #[error("zero-length delimited identifier at or near \"\"\"\"")]
    EmptyIdentifier { position: usize },
    #[error("{}", syntax_message(near))]
    Syntax { near: String, position: usize },
    #[error("{what}")]
    Option { what: String, position: usize },
    #[error("{what}")]
    Argument { what: String, position: usize },
    #[error("{what}")]
    Unsupported { what: String, position: usize },
    #[error("{message}")]
    Value { message: String, state: &'static str, position: usize },
    #[error("there is no parameter {name}: the highest is $65535")]
    Parameter { name: String, position: usize },
    #[error("the statement is nested too deeply: at most {} levels", parser::DEPTH)]
    TooDeep { position: usize },
}

fn syntax_message(near: &str) -> String {
    if near.is_empty() {
        "syntax error at end of input".to_owned()
    } else {
        format!("syntax error at or near \"{near}\"")
    }
}

impl TranslateError {
    /// The SQLSTATE of PostgreSQL for this.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            TranslateError::Unterminated { .. }
            | TranslateError::EmptyIdentifier { .. }
            | TranslateError::Syntax { .. }
            | TranslateError::Option { .. } => "42601",
            TranslateError::Argument { .. } => "22023",
            TranslateError::Unsupported { .. } => "0A000",
            TranslateError::Value { state, .. } => state,
            TranslateError::Parameter { .. } => "42P02",
            TranslateError::TooDeep { .. } => "54001",
        }
    }

    /// The byte of the statement where it was seen.
    pub fn position(&self) -> Option<usize> {
        match self {
            TranslateError::Unterminated { position, .. }
            | TranslateError::EmptyIdentifier { position }
            | TranslateError::Syntax { position, .. }
            | TranslateError::Option { position, .. }
            | TranslateError::Argument { position, .. }
            | TranslateError::Unsupported { position, .. }
            | TranslateError::Value { position, .. }
            | TranslateError::Parameter { position, .. }
            | TranslateError::TooDeep { position } => Some(*position),
        }
    }
}

/// The statements of a simple query, as byte ranges without the semicolons, empty ones left out.
pub fn split(sql: &str, options: &Options) -> Result<Vec<Range<usize>>, TranslateError> {
    let mut statements = Vec::new();
    let mut lexer = Lexer::new(sql, options.standard_conforming_strings);
    let mut current: Option<Range<usize>> = None;
    let mut depth = 0_usize;
    while let Some(token) = lexer.token()? {
        let mark = if token.kind == Kind::Mark { &sql[token.start..token.end] } else { "" };
        match mark {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => {
                statements.extend(current.take());
                continue;
            }
            _ => {}
        }
        current = Some(current.map_or(token.start, |range| range.start)..token.end);
    }
    statements.extend(current);
    Ok(statements)
}

/// One statement, classified and translated.
pub fn translate<'a>(statement: &'a str, options: &Options) -> Result<Translated<'a>, TranslateError> {
    let mut lexer = Lexer::new(statement, options.standard_conforming_strings);
    let may_read_catalog = catalog::may_read_catalog(statement);
    if !may_read_catalog && let Some((command, parameters)) = plain::plain(statement, &mut lexer)? {
        return Ok(untouched(command, statement, parameters));
    }
    let mut lexer = Lexer::new(statement, options.standard_conforming_strings);
    let mut tokens = Vec::with_capacity(statement.len() / 4);
    let mut parameters = 0;
    while let Some(token) = lexer.token()? {
        if token.kind == Kind::Parameter {
            parameters = parameters.max(parameter(statement, token)?);
        }
        tokens.push(token);
    }
    while tokens.last().is_some_and(|last| &statement[last.start..last.end] == ";") {
        tokens.pop();
    }
    let mut parser = Parser::new(statement, tokens, options);
    parser.catalog = may_read_catalog.then(CatalogColumns::default);
    let (command, passes) = parser.statement()?;
    if let Some(position) = parser.too_deep {
        return Err(TranslateError::TooDeep { position });
    }
    let columns = parser.results.as_ref().and_then(Results::count);
    let effects = parser.take_effects(columns);
    if let Some(error) = parser.error.take() {
        return Err(error);
    }
    if !passes {
        return Ok(untouched(command, statement, parameters));
    }
    parser.constants();
    parser.hide_columns();
    let command = if parser.selects_into { Command::CreateTableAs } else { command };
    let (before, after, ignored) = (parser.before, parser.after, parser.ignored);
    let types = parser.catalog.map(CatalogColumns::types).unwrap_or_default();
    let asks_session = parser.asks_session;
    let results = parser.results.take().unwrap_or_default();
    let parameter_types = std::mem::take(&mut parser.parameter_types);
    let (excuse, spare, bare) = (parser.excuse, parser.spare, parser.bare && command == Command::Select);
    let (sql, offsets) = parser.edits.apply(statement);
    Ok(Translated {
        command,
        sql,
        offsets,
        parameters,
        before,
        after,
        types,
        asks_session,
        ignored,
        results,
        parameter_types,
        effects,
        excuse,
        spare,
        bare,
    })
}

fn untouched(command: Command, statement: &str, parameters: u16) -> Translated<'_> {
    Translated {
        command,
        sql: Cow::Borrowed(statement),
        offsets: OffsetMap::default(),
        parameters,
        before: Vec::new(),
        after: Vec::new(),
        types: ColumnTypes::default(),
        asks_session: false,
        ignored: false,
        results: Results::default(),
        parameter_types: Vec::new(),
        effects: Effects::default(),
        excuse: None,
        spare: None,
        bare: false,
    }
}

fn parameter(sql: &str, token: Token) -> Result<u16, TranslateError> {
    let name = &sql[token.start..token.end];
    name[1..]
        .parse()
        .map_err(|_| TranslateError::Parameter { name: name.chars().take(20).collect(), position: token.start })
}
