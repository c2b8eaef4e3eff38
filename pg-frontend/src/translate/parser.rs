//! The tokens of one statement, a place among them, and the edits found so far.
//!
//! Everything that reads a piece of the grammar is a method of `Parser` in the file of that piece:
//! `expression.rs`, `operators.rs`, `functions.rs`, `types.rs`, `casts.rs`, `query.rs`, `tables.rs`,
//! `definition.rs`. Readers are tolerant: what they do not understand they leave as it is and go on
//! behind it, because DuckDB reads the text again and tells what is wrong with it.

use super::aggregates::Call;
use super::catalog::CatalogColumns;
use super::command::{Excuse, Spare};
use super::edits::Edits;
use super::effects::Effects;
use super::expression::Operand;
use super::lexer::{Kind, Token};
use super::results::Results;
use super::{Options, TranslateError, literal};

/// How deep parentheses, subqueries and prefix operators may be nested.
pub(super) const DEPTH: usize = 120;

/// The state of reading one statement.
pub(super) struct Parser<'a> {
    pub sql: &'a str,
    pub options: &'a Options,
    pub tokens: Vec<Token>,
    /// The index of the next token.
    pub at: usize,
    pub edits: Edits,
    pub depth: usize,
    /// The place where the statement was found to be nested too deeply.
    pub too_deep: Option<usize>,
    /// Statements that must run before and after the translated one.
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// Inside a FROM clause functions are tables.
    pub in_from: bool,
    /// Inside the arguments of `nextval` and its kin, which take a name in DuckDB.
    pub in_sequence_function: bool,
    /// Whether the statement turned out to create a table (`SELECT INTO`).
    pub selects_into: bool,
    /// Whether the statement is to be answered and not run.
    pub ignored: bool,
    /// Whether a variable was written that stands for what the session knows.
    pub asks_session: bool,
    /// What is known of the columns, for a statement that may read a catalog.
    pub catalog: Option<CatalogColumns>,
    /// How many queries inside of expressions are open: their columns may belong to an outer query.
    pub correlated: usize,
    /// The call that was read last.
    pub call: Option<Call>,
    /// The sides of the division that was read last.
    pub quotient: Option<(Operand, Operand)>,
    /// A value that PostgreSQL would refuse.
    pub error: Option<TranslateError>,
    /// Types of parameters that what stands beside them tells, by their OIDs.
    pub parameter_types: Vec<(u16, u32)>,
    /// What is known of the columns of the statement's rows.
    pub results: Option<Results>,
    /// What the statement does beside giving rows.
    pub effects: Effects,
    /// The signal that was read last, until it is known to be a whole item.
    pub signal_at: Option<(usize, usize)>,
    /// What the statement puts up with.
    pub excuse: Option<Excuse>,
    /// What the statement can do without.
    pub spare: Option<Spare>,
    /// Whether the outermost select list is empty.
    pub bare: bool,
}

/// A keyword in lower case, without an allocation.
pub(super) struct Keyword {
    bytes: [u8; 20],
    length: usize,
}

impl Keyword {
    pub fn new(word: &str) -> Keyword {
        let mut bytes = [0; 20];
        let length = if word.len() <= bytes.len() && word.is_ascii() { word.len() } else { 0 };
        bytes[..length].copy_from_slice(&word.as_bytes()[..length]);
        bytes.make_ascii_lowercase();
        Keyword { bytes, length }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }
}

impl<'a> Parser<'a> {
    pub fn new(sql: &'a str, tokens: Vec<Token>, options: &'a Options) -> Self {
        Parser {
            sql,
            options,
            tokens,
            at: 0,
            edits: Edits::default(),
            depth: 0,
            too_deep: None,
            before: Vec::new(),
            after: Vec::new(),
            in_from: false,
            in_sequence_function: false,
            selects_into: false,
            ignored: false,
            asks_session: false,
            catalog: None,
            correlated: 0,
            call: None,
            quotient: None,
            error: None,
            parameter_types: Vec::new(),
            results: None,
            effects: Effects::default(),
            signal_at: None,
            excuse: None,
            spare: None,
            bare: false,
        }
    }

    pub fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// The source of a token, empty behind the end.
    pub fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| &self.sql[token.start..token.end])
    }

    /// The byte where the next token starts.
    pub fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.sql.len(), |token| token.start)
    }

    /// The byte where the token before the next one ends; behind the end of the text, where its last one does.
    pub fn previous_end(&self) -> usize {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at).or(self.tokens.last()));
        before.map_or(0, |token| token.end)
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The keyword at a token, empty for everything that is not an unquoted word.
    pub fn keyword(&self, at: usize) -> Keyword {
        Keyword::new(if self.kind(at) == Some(Kind::Word) { self.text(at) } else { "" })
    }

    pub fn keyword_is(&self, at: usize, keyword: &str) -> bool {
        self.kind(at) == Some(Kind::Word) && self.text(at).eq_ignore_ascii_case(keyword)
    }

    /// Steps over the keyword if it is next.
    pub fn eat(&mut self, keyword: &str) -> bool {
        let found = self.keyword_is(self.at, keyword);
        self.at += usize::from(found);
        found
    }

    /// Steps over all the keywords if they are next.
    pub fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let found = keywords.iter().enumerate().all(|(index, keyword)| self.keyword_is(self.at + index, keyword));
        self.at += if found { keywords.len() } else { 0 };
        found
    }

    pub fn mark_at(&self, at: usize, mark: &str) -> bool {
        self.kind(at) == Some(Kind::Mark) && self.text(at) == mark
    }

    pub fn mark(&self, mark: &str) -> bool {
        self.mark_at(self.at, mark)
    }

    /// Steps over the mark if it is next.
    pub fn eat_mark(&mut self, mark: &str) -> bool {
        let found = self.mark(mark);
        self.at += usize::from(found);
        found
    }

    pub fn operator_at(&self, at: usize, operator: &str) -> bool {
        self.kind(at) == Some(Kind::Operator) && self.text(at) == operator
    }

    /// Whether a name, quoted or not, stands at the token.
    pub fn name_at(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Word | Kind::Quoted | Kind::UnicodeQuoted))
    }

    /// The name at the token as PostgreSQL stores it: folded, or without its quotes.
    pub fn identifier(&self, at: usize) -> String {
        let source = self.text(at);
        match self.kind(at) {
            Some(Kind::Quoted) => source[1..source.len() - 1].replace("\"\"", "\""),
            Some(Kind::UnicodeQuoted) => {
                let body = source[3..source.len() - 1].replace("\"\"", "\"");
                literal::unicode(&body, '\\').unwrap_or(body)
            }
            _ => source.to_ascii_lowercase(),
        }
    }

    /// The index behind the bracket that closes the one at the next token.
    pub fn behind_brackets(&self) -> usize {
        let mut depth = 0_usize;
        for at in self.at..self.tokens.len() {
            if self.kind(at) != Some(Kind::Mark) {
                continue;
            }
            match self.text(at) {
                "(" | "[" => depth += 1,
                ")" | "]" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Removes the tokens from index `from` up to `to`, with the space before them.
    pub fn remove(&mut self, from: usize, to: usize) {
        let (Some(first), Some(last)) =
            (self.tokens.get(from), to.checked_sub(1).and_then(|last| self.tokens.get(last)))
        else {
            return;
        };
        let start = from.checked_sub(1).map_or(first.start, |before| self.tokens[before].end);
        let (start, end) = (start, last.end);
        let space = if to < self.tokens.len() && self.tokens[to].start == end { " " } else { "" };
        self.edits.replace(start, end, space);
    }

    /// Replaces the tokens from index `from` up to `to`.
    pub fn replace(&mut self, from: usize, to: usize, text: impl Into<std::borrow::Cow<'static, str>>) {
        let (start, end) = (self.tokens[from].start, self.tokens[to - 1].end);
        self.edits.replace(start, end, text);
    }

    /// Runs a reader one level deeper; `None` when that is too deep.
    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEPTH {
            self.too_deep.get_or_insert(self.start());
            self.at = self.tokens.len();
            return None;
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}
