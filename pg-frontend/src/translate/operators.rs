//! Operators between operands, and what DuckDB must be told instead.
//!
//! `a ~ b` is a full match in DuckDB, `a / 0` is NULL, `#>` is no token at all. Such operators become
//! calls of macros in `pgc` around the two operands; the comma takes the place of the operator, so
//! comments and everything else between stay. A division by a constant stays an operator.

use super::expression::{Label, Operand, Shape, binding};
use super::lexer::Kind;
use super::literal;
use super::parser::Parser;
use super::results;
use crate::encode::{PgType, Scalar};

fn joined(left: &Operand, end: usize) -> Operand {
    Operand { start: left.start, end, label: Label::Unknown, shape: Shape::Other, known: None }
}

fn is(operand: &Operand, scalar: Scalar) -> bool {
    operand.known == Some(PgType::scalar(scalar))
}

fn binding_of(operator: &str) -> u8 {
    match operator {
        "<" | ">" | "=" | "<=" | ">=" | "<>" | "!=" => binding::COMPARISON,
        "+" | "-" => binding::SUM,
        "*" | "/" | "%" => binding::PRODUCT,
        "^" => binding::POWER,
        _ => binding::OTHER,
    }
}

/// The call that stands for an operator, if it is always the same.
fn call_of(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "~" => "pgc.regex_match(",
        "~*" => "pgc.regex_match_ci(",
        "!~" => "pgc.regex_not_match(",
        "!~*" => "pgc.regex_not_match_ci(",
        "#" => "xor(",
        "#>" => "pgc.json_path(",
        "#>>" => "pgc.json_path_text(",
        "?" => "pgc.json_has_key(",
        "?|" => "pgc.json_has_any(",
        "?&" => "pgc.json_has_all(",
        _ => return None,
    })
}

impl Parser<'_> {
    /// A symbolic operator.
    #[allow(clippy::option_option)]
    pub fn operator(&mut self, left: Operand, least: u8) -> Option<Option<Operand>> {
        let (from, operator) = (self.at, self.text(self.at));
        let tight = binding_of(operator);
        if tight <= least || operator == "=>" {
            return Some(None);
        }
        self.at += 1;
        self.binary(left, operator, from, tight).map(Some)
    }

    /// The right side of an operator whose tokens are `from..self.at`, and the edit of both.
    fn binary(&mut self, left: Operand, operator: &str, from: usize, tight: u8) -> Option<Operand> {
        if matches!(self.keyword(self.at).as_str(), "any" | "some" | "all") && self.mark_at(self.at + 1, "(") {
            return self.quantified(left, operator, from);
        }
        let to = self.at;
        // Powers of powers group from the left in PostgreSQL, as everything else.
        let right = self.expression(tight)?;
        let result =
            Operand { known: results::of_operator(operator, left.known, right.known), ..joined(&left, right.end) };
        self.parameter_beside(operator, &left, &right);
        // Two objects are compared by their numbers.
        let is_compared = tight == binding::COMPARISON && matches!(right.shape, Shape::Object(_) | Shape::Catalog(_));
        let left = if is_compared { left } else { self.shown(left) };
        let (left, right) = match operator {
            "||" => (self.catalog_text(left), self.shown(right)),
            _ => (left, right),
        };
        let right = if operator == "||" { self.catalog_text(right) } else { right };
        match operator {
            "/" if left.shape == Shape::Interval => {
                self.call_around(&left, &right, from, to, "pgc.interval_div(");
                return Some(Operand { shape: Shape::Interval, ..result });
            }
            "/" | "%" => {
                self.quotient = (operator == "/").then(|| (left.clone(), right.clone()));
                let safe = matches!(right.shape, Shape::NonZero | Shape::Number { zero: false, .. });
                if !safe {
                    self.call_around(&left, &right, from, to, if operator == "/" { "pgc.div(" } else { "pgc.rem(" });
                }
            }
            "->" | "->>" => {
                // DuckDB's arrow is a lambda's too and binds looser than a comparison.
                self.edits.open(left.start, "(");
                self.edits.close(right.end, ")");
            }
            "#>" | "#>>" | "?|" | "?&" => {
                self.array_text(&right, false);
                self.call_around(&left, &right, from, to, call_of(operator)?);
            }
            "@>" | "<@" => self.containment(&left, &right, operator, from, to),
            "||" if self.joins_json(&left, &right) => {
                self.call_around(&left, &right, from, to, "pgc.json_concat(");
                return Some(Operand { shape: Shape::Json, ..result });
            }
            "-" if is(&left, Scalar::Jsonb) => {
                let call = match (&right.shape, right.known) {
                    (Shape::Number { .. }, _) => "pgc.json_delete_item(",
                    (Shape::Array, _) => "pgc.json_delete_all(",
                    _ => "pgc.json_delete(",
                };
                self.call_around(&left, &right, from, to, call);
            }
            "-" if is(&left, Scalar::Time) && is(&right, Scalar::Time) => {
                self.call_around(&left, &right, from, to, "pgc.time_minus(");
            }
            "-" if left.known.is_none() && self.is_key(&right) => {
                self.call_around(&left, &right, from, to, "pgc.json_delete(");
            }
            "||" if left.shape == Shape::Array || right.shape == Shape::Array => {
                self.array_concatenation(&left, &right);
                return Some(Operand { shape: Shape::Array, ..result });
            }
            "&&" => {
                self.array_text(&right, true);
                self.array_text(&left, true);
            }
            "~~" | "~~*" | "!~~" | "!~~*" => self.pattern_escape(&right, from, to, operator),
            "^" => self.call_around(&left, &right, from, to, "pgc.pg_power("),
            _ => match call_of(operator) {
                Some(call) => self.call_around(&left, &right, from, to, call),
                None if to - from > 1 => self.replace(from, to, operator.to_owned()),
                None => {}
            },
        }
        Some(result)
    }

    /// A parameter beside a number has that number's type.
    fn parameter_beside(&mut self, operator: &str, left: &Operand, right: &Operand) {
        if !matches!(operator, "+" | "-" | "*" | "/" | "%" | "=" | "<>" | "<" | ">" | "<=" | ">=") {
            return;
        }
        for (parameter, other) in [(left, right), (right, left)] {
            let Some(known) = other.known.filter(|known| known.is_number()) else { continue };
            if parameter.shape == Shape::Parameter
                && let Some(number) =
                    self.sql.get(parameter.start + 1..parameter.end).and_then(|text| text.parse().ok())
            {
                self.parameter_types.push((number, known.oid()));
            }
        }
    }

    /// Whether a concatenation is one of JSON: one side says so and the other is no text.
    fn joins_json(&self, left: &Operand, right: &Operand) -> bool {
        let text = |operand: &Operand| matches!(operand.shape, Shape::Text(_));
        is(left, Scalar::Jsonb)
            || is(right, Scalar::Jsonb)
            || (left.shape == Shape::Json || right.shape == Shape::Json) && !text(left) && !text(right)
    }

    /// Whether a constant that is subtracted can only be a key of a JSON object.
    fn is_key(&self, operand: &Operand) -> bool {
        let Shape::Text(index) = operand.shape else { return false };
        literal::value(self.sql, self.tokens[index]).is_some_and(|value| {
            let name = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            name && value.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
                && !matches!(value.as_str(), "now" | "today" | "tomorrow" | "yesterday" | "infinity" | "epoch")
        })
    }

    /// `call(left, right)`: the comma takes the place of the operator.
    fn call_around(&mut self, left: &Operand, right: &Operand, from: usize, to: usize, call: &'static str) {
        self.edits.open(left.start, call);
        self.replace(from, to, ",");
        self.edits.close(right.end, ")");
    }

    /// An object's OID becomes its name where text is wanted.
    pub fn shown(&mut self, operand: Operand) -> Operand {
        let Shape::Object(name) = &operand.shape else { return operand };
        self.edits.open(operand.start, format!("pgc.{name}_out("));
        self.edits.close(operand.end, ")");
        Operand { shape: Shape::Other, ..operand }
    }

    /// A string constant that holds an array becomes a list.
    pub fn array_text(&mut self, operand: &Operand, bare_numbers: bool) {
        if let Shape::Text(index) = operand.shape
            && let Some(value) = literal::value(self.sql, self.tokens[index])
            && let Some(list) = literal::array(&value, bare_numbers)
        {
            let list = if list == "[]" { "[]::varchar[]".to_owned() } else { list };
            self.replace(index, index + 1, list);
        }
    }

    fn containment(&mut self, left: &Operand, right: &Operand, operator: &str, from: usize, to: usize) {
        let json = |parser: &Self, operand: &Operand| match operand.shape {
            Shape::Json => true,
            Shape::Text(index) => literal::value(parser.sql, parser.tokens[index]).is_some_and(|value| {
                let value = value.trim();
                value == "{}" || value.starts_with("{\"") && value.contains(':') || value.starts_with('[')
            }),
            _ => false,
        };
        if json(self, left) || json(self, right) {
            let call = if operator == "@>" { "pgc.json_contains(" } else { "pgc.json_contained(" };
            self.call_around(left, right, from, to, call);
        } else {
            self.array_text(left, true);
            self.array_text(right, true);
            if to - from > 1 {
                self.replace(from, to, operator.to_owned());
            }
        }
    }

    /// An array and one more element.
    fn array_concatenation(&mut self, left: &Operand, right: &Operand) {
        for (array, other) in [(left, right), (right, left)] {
            if array.shape != Shape::Array {
                continue;
            }
            match other.shape {
                Shape::Number { .. } | Shape::NonZero => {
                    self.edits.open(other.start, "[");
                    self.edits.close(other.end, "]");
                }
                Shape::Text(_) => self.array_text(other, true),
                _ => {}
            }
        }
    }

    /// `op ANY (…)`, `op ALL (…)`.
    fn quantified(&mut self, left: Operand, operator: &str, from: usize) -> Option<Operand> {
        let to = self.at;
        let all = self.keyword_is(to, "all");
        self.at += 2;
        if self.query_at(self.at) {
            self.inner_query()?;
            return Some(joined(&left, self.previous_end()));
        }
        let inside = self.deeper(|parser| Some(parser.expressions_to_close()))?;
        let end = self.previous_end();
        if let [only] = inside.as_slice() {
            self.array_text(only, true);
        }
        let macro_name = match operator {
            "~" => "regex",
            "~*" => "regex_ci",
            "~~" | "like" => "like",
            "~~*" | "ilike" => "ilike",
            "!~~" | "not like" => "not_like",
            "!~~*" | "not ilike" => "not_ilike",
            _ => {
                if to - from > 1 {
                    self.replace(from, to, operator.to_owned());
                }
                return Some(joined(&left, end));
            }
        };
        self.edits.open(left.start, format!("pgc.{macro_name}_{}(", if all { "all" } else { "any" }));
        self.replace(from, to + 1, ",");
        self.edits.close(end, ")");
        Some(joined(&left, end))
    }

    /// An operator that is a word, or a keyword that ends the expression.
    #[allow(clippy::option_option)]
    pub fn word_operator(&mut self, left: Operand, least: u8) -> Option<Option<Operand>> {
        let keyword = self.keyword(self.at);
        let negated = keyword.as_str() == "not";
        let next = self.keyword(self.at + 1);
        let word = if negated { next.as_str() } else { keyword.as_str() };
        let tight = match word {
            "or" => binding::OR,
            "and" => binding::AND,
            "is" | "isnull" | "notnull" => binding::IS,
            "between" | "in" | "like" | "ilike" | "similar" => binding::PATTERN,
            "operator" if self.mark_at(self.at + 1, "(") => binding::OTHER,
            "overlaps" => binding::OTHER,
            "at" if next.as_str() == "time" || next.as_str() == "local" => binding::AT,
            "collate" => binding::COLLATE,
            _ => return Some(None),
        };
        if tight <= least || (negated && tight != binding::PATTERN) {
            return Some(None);
        }
        let from = self.at;
        self.at += 1 + usize::from(negated);
        match word {
            "overlaps" => {
                let right = self.at;
                let operand = self.expression(tight)?;
                let label = Label::Strong("overlaps".to_owned());
                // Two rows in parentheses are the four arguments.
                if self.mark_at(right, "(") && self.mark_at(from - 1, ")") {
                    self.edits.replace(left.start, left.start + 1, "pgc.\"overlaps\"(");
                    self.replace(from - 1, right + 1, ",");
                }
                Some(Some(Operand { label, ..joined(&left, operand.end) }))
            }
            "or" | "and" => {
                let right = self.expression(tight)?;
                Some(Some(joined(&left, right.end)))
            }
            "is" => self.is(&left).map(Some),
            "isnull" | "notnull" => Some(Some(joined(&left, self.previous_end()))),
            "between" => self.between(&left, from, negated).map(Some),
            "in" => self.in_list(&left).map(Some),
            "like" | "ilike" => self.like(left, from, negated, word == "ilike").map(Some),
            "similar" => self.similar(&left, from, negated).map(Some),
            "operator" => self.named_operator(left, from, least),
            "at" => self.at_time_zone(&left, next.as_str() == "local", from).map(Some),
            _ => self.collate(left, from).map(Some),
        }
    }

    fn is(&mut self, left: &Operand) -> Option<Operand> {
        self.eat("not");
        if self.eat_all(&["distinct", "from"]) {
            let right = self.expression(binding::IS)?;
            return Some(joined(left, right.end));
        }
        matches!(self.keyword(self.at).as_str(), "null" | "true" | "false" | "unknown").then_some(())?;
        self.at += 1;
        Some(joined(left, self.previous_end()))
    }

    fn between(&mut self, left: &Operand, from: usize, negated: bool) -> Option<Operand> {
        let symmetric = self.eat("symmetric");
        if self.keyword_is(self.at, "asymmetric") {
            self.remove(self.at, self.at + 1);
            self.at += 1;
        }
        let to = self.at;
        self.expression(binding::PATTERN)?;
        let and = self.at;
        self.eat("and").then_some(())?;
        let right = self.expression(binding::PATTERN)?;
        if symmetric {
            self.edits.open(left.start, if negated { "(NOT pgc.between_symmetric(" } else { "pgc.between_symmetric(" });
            self.replace(from, to, ",");
            self.replace(and, and + 1, ",");
            self.edits.close(right.end, if negated { "))" } else { ")" });
        }
        Some(joined(left, right.end))
    }

    fn in_list(&mut self, left: &Operand) -> Option<Operand> {
        self.mark("(").then_some(())?;
        self.at += 1;
        if self.query_at(self.at) {
            self.inner_query()?;
        } else {
            self.deeper(|parser| Some(parser.expressions_to_close()))?;
        }
        Some(joined(left, self.previous_end()))
    }

    /// In PostgreSQL the backslash escapes unless told otherwise; in DuckDB nothing does.
    fn like(&mut self, left: Operand, from: usize, negated: bool, ignore_case: bool) -> Option<Operand> {
        let operator = match (negated, ignore_case) {
            (false, false) => "like",
            (false, true) => "ilike",
            (true, false) => "not like",
            (true, true) => "not ilike",
        };
        if matches!(self.keyword(self.at).as_str(), "any" | "some" | "all") && self.mark_at(self.at + 1, "(") {
            return self.quantified(left, operator, from);
        }
        let right = self.expression(binding::PATTERN)?;
        if self.eat("escape") {
            let escape = self.expression(binding::PATTERN)?;
            return Some(joined(&left, escape.end));
        }
        self.add_escape(&right);
        Some(joined(&left, right.end))
    }

    fn add_escape(&mut self, pattern: &Operand) -> bool {
        let needed = match pattern.shape {
            Shape::Text(index) => literal::value(self.sql, self.tokens[index]).is_none_or(|value| value.contains('\\')),
            _ => true,
        };
        if needed {
            self.edits.close(pattern.end, " ESCAPE '\\'");
        }
        needed
    }

    /// `~~` and its kin are LIKE; as such they can be given an escape.
    fn pattern_escape(&mut self, pattern: &Operand, from: usize, to: usize, operator: &str) {
        if self.add_escape(pattern) || to - from > 1 {
            let word = match operator {
                "~~" => " LIKE ",
                "~~*" => " ILIKE ",
                "!~~" => " NOT LIKE ",
                _ => " NOT ILIKE ",
            };
            self.replace(from, to, word);
        }
    }

    fn similar(&mut self, left: &Operand, from: usize, negated: bool) -> Option<Operand> {
        self.eat("to").then_some(())?;
        let to = self.at;
        let mut end = self.expression(binding::PATTERN)?.end;
        if self.keyword_is(self.at, "escape") {
            let index = self.at;
            self.at += 1;
            end = self.expression(binding::PATTERN)?.end;
            self.replace(index, index + 1, ",");
        }
        self.edits.open(left.start, if negated { "(NOT pgc.similar_to(" } else { "pgc.similar_to(" });
        self.replace(from, to, ",");
        self.edits.close(end, if negated { "))" } else { ")" });
        Some(joined(left, end))
    }

    /// `OPERATOR(schema.op)`
    #[allow(clippy::option_option)]
    fn named_operator(&mut self, left: Operand, from: usize, least: u8) -> Option<Option<Operand>> {
        self.at += 1;
        while self.name_at(self.at) && self.mark_at(self.at + 1, ".") {
            self.at += 2;
        }
        let operator = self.text(self.at);
        if self.kind(self.at) != Some(Kind::Operator) || !self.mark_at(self.at + 1, ")") || binding::OTHER <= least {
            self.at = from;
            return Some(None);
        }
        self.at += 2;
        self.binary(left, operator, from, binding::OTHER).map(Some)
    }

    fn at_time_zone(&mut self, left: &Operand, local: bool, from: usize) -> Option<Operand> {
        self.at = from + 2;
        if local {
            self.replace(from + 1, from + 2, "time zone current_setting('TimeZone')");
        } else {
            self.eat("zone").then_some(())?;
            let zone = self.expression(binding::AT)?;
            self.posix_zone(&zone);
        }
        Some(Operand { label: Label::Strong("timezone".to_owned()), ..joined(left, self.previous_end()) })
    }

    /// `'+02'` counts hours west of Greenwich, as POSIX does.
    fn posix_zone(&mut self, zone: &Operand) {
        let Shape::Text(index) = zone.shape else { return };
        let Some(value) = literal::value(self.sql, self.tokens[index]) else { return };
        let hours = value.strip_prefix(['+', '-']).and_then(|hours| hours.parse::<u8>().ok());
        if let Some(hours) = hours.filter(|hours| *hours <= 12) {
            self.replace(index, index + 1, format!("'Etc/GMT{}{hours}'", &value[..1]));
        }
    }

    /// DuckDB compares bytes, as PostgreSQL does in the collation "C"; others cannot be had.
    fn collate(&mut self, left: Operand, from: usize) -> Option<Operand> {
        self.name_at(self.at).then_some(())?;
        self.at += 1;
        while self.mark(".") && self.name_at(self.at + 1) {
            self.at += 2;
        }
        self.remove(from, self.at);
        let label = if let Label::Column(name) = left.label { Label::Strong(name) } else { left.label };
        Some(Operand { start: left.start, end: self.tokens[from - 1].end, label, shape: left.shape, known: left.known })
    }
}
