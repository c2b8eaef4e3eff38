//! Where in a statement the names of relations stand, told from its tokens.
//!
//! Parsers refuse some of what DuckDB runs, and they take their time. What has to be known of every statement, and quickly, is only which
//! tokens name what is read: those after FROM, JOIN and the commas between them.

use super::tokens::{Token, TokenKind};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It begins the name of a relation.
    Relation,
    /// It is in the arguments of a table function.
    Argument,
    Elsewhere,
}

/// Words that end a FROM clause.
const ENDS: &[&str] = &[
    "where",
    "group",
    "having",
    "window",
    "qualify",
    "order",
    "limit",
    "offset",
    "union",
    "intersect",
    "except",
    "select",
    "set",
    "values",
    "returning",
    "sample",
];

/// What one pair of parentheses is.
#[derive(Clone, Copy, Default)]
struct Level {
    is_in_from: bool,
    is_call: bool,
}

/// Tells the place of one token after another.
#[derive(Default)]
pub(super) struct Places {
    levels: Vec<Level>,
    now: Level,
    /// A relation comes next.
    expects: bool,
    /// The last token was a part of a relation's name.
    is_named: bool,
}

impl Places {
    pub(super) fn next(&mut self, token: &Token<'_>) -> Place {
        let (expects, is_named) = (self.expects, self.is_named);
        self.is_named = false;
        match token.text {
            "(" if token.kind == TokenKind::Symbol => {
                self.levels.push(self.now);
                // In `FROM (a JOIN b)` a relation is still to come.
                self.now = Level { is_in_from: expects, is_call: self.now.is_call || is_named };
            }
            ")" if token.kind == TokenKind::Symbol => {
                self.now = self.levels.pop().unwrap_or_default();
                self.expects = false;
            }
            "," if token.kind == TokenKind::Symbol => self.expects = self.now.is_in_from && !self.now.is_call,
            "." if token.kind == TokenKind::Symbol => self.is_named = is_named,
            _ if token.is("from") => self.clause(true),
            _ if token.is("join") => self.expects = true,
            // `JOIN b ON …, c` goes on with relations; `b USING (i)` too.
            _ if token.is_any(&["on", "using"]) => self.expects = false,
            _ if token.is_any(ENDS) => self.clause(false),
            _ if token.is_any(&["lateral", "only"]) => {}
            _ if expects => {
                self.expects = false;
                self.is_named = true;
                return Place::Relation;
            }
            // A name goes on only behind a dot; an alias in its place does no harm.
            _ => self.is_named = is_named && matches!(token.kind, TokenKind::Word | TokenKind::Quoted),
        }
        if self.now.is_call { Place::Argument } else { Place::Elsewhere }
    }

    fn clause(&mut self, is_from: bool) {
        // A query in the arguments of a function is a query.
        self.now = Level { is_in_from: is_from, is_call: self.now.is_call && !is_from };
        self.expects = is_from;
    }
}
