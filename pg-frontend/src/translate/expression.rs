//! Expressions: a Pratt parser of PostgreSQL's grammar that gives spans, labels and shapes.
//!
//! DuckDB has no `~`, divides by zero silently and binds `->` looser than `=`. To put such an operator
//! into a call, the extent of its operands must be known, and that takes PostgreSQL's own precedence.
//! The parser builds no tree: an operand is a span, the name PostgreSQL would give its column, and the
//! little about its form that decides an edit. What is not understood ends the expression early; every
//! edit made until then belongs to a part that was read completely.

use super::lexer::{Kind, Text};
use super::literal;
use super::names::is_reserved;
use super::parser::{Keyword, Parser};
use super::results;
use super::types::{TypeName, begins_typed_constant};
use crate::encode::{PgType, Scalar};

/// The column name that PostgreSQL derives from an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    /// `?column?`
    Unknown,
    /// A name that gives way to a stronger one: a type of a cast, `case`.
    Weak(String),
    /// The name of a function or a field.
    Strong(String),
    /// A plain column; DuckDB takes the same name.
    Column(String),
}

/// What is known about the form of an operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Other,
    /// A number that is not zero, or an expression that cannot be zero.
    NonZero,
    /// A number constant with its digits: before and behind the point.
    Number {
        digits: (usize, usize),
        zero: bool,
    },
    /// A string constant, by the index of its token.
    Text(usize),
    Parameter,
    Array,
    Json,
    Interval,
    /// The OID of an object of this type (`regclass` …).
    Object(String),
    /// A column of a catalog of this type, one of those that need care (`regproc`, `int2vector` …).
    Catalog(u32),
}

/// A part of an expression that was read.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub start: usize,
    pub end: usize,
    pub label: Label,
    pub shape: Shape,
    /// Its type in PostgreSQL, where the form alone tells it.
    pub known: Option<PgType>,
}

impl Operand {
    /// A part whose form says nothing.
    pub fn new(start: usize, end: usize, label: Label) -> Operand {
        Operand { start, end, label, shape: Shape::Other, known: None }
    }
}

/// How tight the operators bind, from loose to tight.
pub(super) mod binding {
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const IS: u8 = 4;
    pub const COMPARISON: u8 = 5;
    pub const PATTERN: u8 = 6;
    pub const OTHER: u8 = 7;
    pub const SUM: u8 = 8;
    pub const PRODUCT: u8 = 9;
    pub const POWER: u8 = 10;
    pub const AT: u8 = 11;
    pub const COLLATE: u8 = 12;
    pub const SIGN: u8 = 13;
    pub const SUBSCRIPT: u8 = 14;
    pub const CAST: u8 = 15;
}

impl Parser<'_> {
    /// Reads an expression of operators that bind tighter than `least`.
    pub fn expression(&mut self, least: u8) -> Option<Operand> {
        self.deeper(|parser| {
            let mut left = parser.primary()?;
            while let Some(next) = parser.infix(left.clone(), least)? {
                left = next;
            }
            Some(left)
        })
    }

    /// Reads expressions up to the closing parenthesis and steps over it, tolerating everything between.
    pub fn expressions_to_close(&mut self) -> Vec<Operand> {
        let mut found = Vec::new();
        while !self.at_end() && !self.mark(")") && !self.mark("]") {
            let before = self.at;
            match self.expression(0) {
                Some(operand) => found.push(operand),
                None if self.at == before && self.mark("(") => self.at = self.behind_brackets(),
                None => self.at = self.at.max(before + 1),
            }
        }
        self.at += 1;
        found
    }

    /// Whether a query begins at the token, behind any parentheses.
    pub fn query_at(&self, mut at: usize) -> bool {
        while self.mark_at(at, "(") {
            at += 1;
        }
        match self.keyword(at).as_str() {
            "select" | "with" => true,
            "values" => self.mark_at(at + 1, "("),
            "table" => self.name_at(at + 1),
            _ => false,
        }
    }

    fn primary(&mut self) -> Option<Operand> {
        let start = self.start();
        let mut known = None;
        let (label, shape) = match self.kind(self.at)? {
            Kind::Number => {
                let shape = number_shape(self.text(self.at));
                known = Some(results::number(self.text(self.at)));
                self.at += 1;
                (Label::Unknown, shape)
            }
            Kind::Text(form) => {
                let text = self.at;
                self.at += 1;
                known = Some(PgType::scalar(if matches!(form, Text::Bits | Text::Hex) {
                    Scalar::Bit
                } else {
                    Scalar::Text
                }));
                if self.keyword_is(self.at, "uescape") {
                    self.unicode_escape(text);
                }
                (Label::Unknown, Shape::Text(text))
            }
            Kind::Parameter => {
                self.at += 1;
                (Label::Unknown, Shape::Parameter)
            }
            Kind::Operator => return self.prefix(start),
            Kind::Mark if self.mark("(") => {
                let (label, shape, inside) = self.parenthesis()?;
                known = inside;
                (label, shape)
            }
            Kind::Mark if self.mark("[") => {
                self.at += 1;
                self.expressions_to_close();
                (Label::Strong("array".to_owned()), Shape::Array)
            }
            Kind::Mark | Kind::Cast => return None,
            Kind::Word => {
                let keyword = self.keyword(self.at);
                return self.word(start, &keyword);
            }
            Kind::Quoted | Kind::UnicodeQuoted => return self.path(start),
        };
        Some(Operand { start, end: self.previous_end(), label, shape, known })
    }

    /// `U&'…' UESCAPE '!'`
    fn unicode_escape(&mut self, text: usize) {
        let escape = self.tokens.get(self.at + 1).and_then(|&token| literal::value(self.sql, token));
        let source = self.text(text);
        if let Some(escape) = escape.and_then(|escape| escape.chars().next())
            && let Some(body) = source.get(3..source.len() - 1)
            && let Some(value) = literal::unicode(body, escape)
        {
            self.at += 2;
            self.replace(text, self.at, literal::quote(&value));
        }
    }

    /// `(query)`, `(expression)` or a row.
    fn parenthesis(&mut self) -> Option<(Label, Shape, Option<PgType>)> {
        if self.query_at(self.at + 1) {
            self.at += 1;
            let label = self.inner_query()?;
            return Some((label, self.subquery_shape(), None));
        }
        self.at += 1;
        let inside = self.deeper(|parser| Some(parser.expressions_to_close()))?;
        Some(match inside.as_slice() {
            [only] => (
                if let Label::Column(name) = &only.label { Label::Strong(name.clone()) } else { only.label.clone() },
                only.shape.clone(),
                only.known,
            ),
            _ => (Label::Strong("row".to_owned()), Shape::Other, None),
        })
    }

    fn prefix(&mut self, start: usize) -> Option<Operand> {
        let (index, operator) = (self.at, self.text(self.at));
        let least = match operator {
            "-" | "+" => binding::SIGN,
            "~" | "@" | "|/" | "||/" | "!!" | "@-@" | "@@" | "#" => binding::OTHER,
            _ => return None,
        };
        self.at += 1;
        let operand = self.expression(least)?;
        let function = match operator {
            "@" => Some("abs("),
            "|/" => Some("sqrt("),
            "||/" => Some("cbrt("),
            _ => None,
        };
        if let Some(function) = function {
            self.replace(index, index + 1, function);
            self.edits.close(operand.end, ")");
        }
        let shape = match operand.shape {
            shape @ (Shape::Number { .. } | Shape::NonZero) if least == binding::SIGN => shape,
            _ => Shape::Other,
        };
        let known = operand.known.filter(|_| least == binding::SIGN);
        Some(Operand { start, end: operand.end, label: Label::Unknown, shape, known })
    }

    fn word(&mut self, start: usize, keyword: &Keyword) -> Option<Operand> {
        let word = keyword.as_str();
        let mut known = None;
        let (label, shape) = match word {
            "not" => {
                self.at += 1;
                let operand = self.expression(binding::NOT)?;
                return Some(Operand::new(start, operand.end, Label::Unknown));
            }
            "case" => self.case()?,
            "cast" if self.mark_at(self.at + 1, "(") => return self.cast_call(start),
            "exists" if self.mark_at(self.at + 1, "(") => {
                self.at += 2;
                self.inner_query()?;
                (Label::Strong("exists".to_owned()), Shape::Other)
            }
            "array" => (self.array()?, Shape::Array),
            "null" | "default" => {
                self.at += 1;
                known = (word == "null").then_some(PgType::scalar(Scalar::Text));
                (Label::Unknown, Shape::Other)
            }
            "true" | "false" => {
                self.at += 1;
                known = Some(PgType::scalar(Scalar::Bool));
                (Label::Unknown, Shape::Other)
            }
            "current_date" | "current_timestamp" | "localtime" | "localtimestamp" | "current_time" | "current_user"
            | "session_user" | "user" | "current_role" | "current_catalog" | "current_schema"
                if !self.mark_at(self.at + 1, ".") && (word != "current_schema" || !self.mark_at(self.at + 1, "(")) =>
            {
                self.session_value(word);
                let is_name =
                    word.ends_with("user") || matches!(word, "current_role" | "current_catalog" | "current_schema");
                known = match word {
                    "current_date" => Some(Scalar::Date),
                    "current_timestamp" => Some(Scalar::TimestampTz),
                    "localtimestamp" => Some(Scalar::Timestamp),
                    "current_time" => Some(Scalar::TimeTz),
                    "localtime" => Some(Scalar::Time),
                    _ => is_name.then_some(Scalar::Name),
                }
                .map(PgType::scalar);
                (Label::Strong(word.to_owned()), if is_name { Shape::Catalog(19) } else { Shape::Other })
            }
            "left" | "right" if self.mark_at(self.at + 1, "(") => return self.path(start),
            _ if is_reserved(word) => return None,
            _ => {
                if (begins_typed_constant(word) || (word == "pg_catalog" && self.mark_at(self.at + 1, ".")))
                    && let Some(operand) = self.typed_constant(start)
                {
                    return Some(operand);
                }
                return self.path(start);
            }
        };
        Some(Operand { start, end: self.previous_end(), label, shape, known })
    }

    /// `type 'text'`, or nothing.
    fn typed_constant(&mut self, start: usize) -> Option<Operand> {
        let back = self.at;
        if let Some(name) = self.type_name()
            && let Some(Kind::Text(form)) = self.kind(self.at)
            && !matches!(form, Text::Bits | Text::Hex)
        {
            let text = self.at;
            self.at += 1;
            if name.name == "interval" {
                self.interval_fields();
                // DuckDB takes one field; of a range the text tells as much.
                if self.keyword_is(text + 2, "to") {
                    self.remove(text + 1, self.at);
                }
            }
            return Some(self.cast_constant(start, &name, text));
        }
        self.at = back;
        None
    }

    fn case(&mut self) -> Option<(Label, Shape)> {
        self.at += 1;
        let mut label = Label::Unknown;
        let (mut in_else, mut in_result) = (false, false);
        // The catalogs' type that all results have.
        let mut shape = None;
        loop {
            match self.keyword(self.at).as_str() {
                "end" => break self.at += 1,
                keyword @ ("when" | "then" | "else") => {
                    (in_else, in_result) = (keyword == "else", keyword != "when");
                    self.at += 1;
                }
                _ => {}
            }
            if self.at_end() || self.mark(")") {
                return None;
            }
            if !matches!(self.keyword(self.at).as_str(), "when" | "then" | "else" | "end") {
                let operand = self.expression(0)?;
                if in_result && !self.is_open(&operand) {
                    let own = self.catalog_type(&operand).map(Shape::Catalog);
                    shape = Some(own.filter(|own| shape.is_none() || shape == Some(Some(own.clone()))));
                }
                if in_else {
                    label = operand.label;
                }
            }
        }
        let label = match label {
            Label::Strong(name) | Label::Column(name) => Label::Strong(name),
            _ => Label::Weak("case".to_owned()),
        };
        Some((label, shape.flatten().unwrap_or(Shape::Other)))
    }

    fn array(&mut self) -> Option<Label> {
        self.at += 1;
        if self.mark("(") {
            self.at += 1;
            self.inner_query()?;
        } else if self.mark("[") {
            self.at += 1;
            self.deeper(|parser| Some(parser.expressions_to_close()))?;
        } else {
            return None;
        }
        Some(Label::Strong("array".to_owned()))
    }

    /// `current_user` and the other words that are values of the session.
    fn session_value(&mut self, word: &str) {
        let index = self.at;
        self.at += 1;
        match word {
            "current_user" | "session_user" | "user" | "current_role" => {
                if let Some(user) = &self.options.user {
                    let user = literal::quote(user);
                    self.replace(index, index + 1, user);
                }
            }
            "current_schema" => self.replace(index, index + 1, "pgc.current_schema()"),
            "current_catalog" => self.replace(index, index + 1, "current_database()"),
            _ if self.mark("(") => {
                self.at = self.behind_brackets();
                self.remove(index + 1, self.at);
            }
            _ => {}
        }
    }

    /// One step of the operators behind an operand; `Some(None)` when there is none that binds tighter
    /// than `least`.
    #[allow(clippy::option_option)]
    fn infix(&mut self, left: Operand, least: u8) -> Option<Option<Operand>> {
        match self.kind(self.at) {
            Some(Kind::Cast) if binding::CAST > least => {
                let cast = self.at;
                self.at += 1;
                let Some(name) = self.type_name() else { return Some(None) };
                Some(Some(self.cast(left, cast, &name)))
            }
            Some(Kind::Operator) => self.operator(left, least),
            Some(Kind::Mark) if self.mark("[") && binding::SUBSCRIPT > least => {
                self.at += 1;
                let inside = self.deeper(|parser| Some(parser.expressions_to_close()))?;
                if let [place] = inside.as_slice() {
                    self.vector_place(&left, place);
                }
                let label = if let Label::Column(name) = left.label { Label::Strong(name) } else { left.label };
                Some(Some(Operand::new(left.start, self.previous_end(), label)))
            }
            Some(Kind::Mark) if self.mark(".") && (self.name_at(self.at + 1) || self.operator_at(self.at + 1, "*")) => {
                self.at += 2;
                let star = self.operator_at(self.at - 1, "*");
                let label =
                    if star { Label::Column(String::new()) } else { Label::Strong(self.identifier(self.at - 1)) };
                Some(Some(Operand::new(left.start, self.previous_end(), label)))
            }
            Some(Kind::Word) => self.word_operator(left, least),
            _ => Some(None),
        }
    }
}

impl Label {
    /// The label of a cast of something with this label.
    pub fn cast(self, name: &TypeName) -> Label {
        match self {
            Label::Strong(name) | Label::Column(name) if !name.is_empty() => Label::Strong(name),
            _ => Label::Weak(name.name.clone()),
        }
    }
}

fn number_shape(text: &str) -> Shape {
    let zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'_'));
    if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_')) {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
        return Shape::Number { digits: (digits(whole), digits(fraction)), zero };
    }
    if text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) { Shape::NonZero } else { Shape::Other }
}
