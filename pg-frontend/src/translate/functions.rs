//! Calls of functions: other names, other argument forms, sets in the select list.
//!
//! Most of what DuckDB lacks is a macro in `pgc` of the same name, and only the name changes. Aggregates
//! cannot be macros (FILTER, DISTINCT and OVER would be lost), so those are given DuckDB's own names. A
//! function that gives rows becomes `unnest` of a list.

use super::aggregates::Call;
use super::expression::{Label, Operand, Shape};
use super::literal;
use super::parser::Parser;
use super::results;
use crate::encode::{PgType, Scalar};

/// Functions that DuckDB has under another name.
const RENAMED: &[(&str, &str)] = &[
    ("clock_timestamp", "now"),
    ("div", "pgc.whole_div"),
    ("pow", "pgc.pg_power"),
    ("power", "pgc.pg_power"),
    ("every", "bool_and"),
    ("json_agg", "json_group_array"),
    ("json_build_array", "json_array"),
    ("json_build_object", "json_object"),
    ("json_object_agg", "json_group_object"),
    ("jsonb_agg", "json_group_array"),
    ("json_array_length", "pgc.json_length"),
    ("jsonb_array_length", "pgc.json_length"),
    ("jsonb_build_array", "json_array"),
    ("jsonb_build_object", "json_object"),
    ("jsonb_each", "json_each"),
    ("jsonb_object_agg", "json_group_object"),
    ("jsonb_pretty", "json_pretty"),
    ("row_to_json", "to_json"),
    ("statement_timestamp", "now"),
    ("to_jsonb", "to_json"),
    ("transaction_timestamp", "now"),
    ("uuid_generate_v4", "gen_random_uuid"),
];

/// Functions that are macros of `macros.sql` as `pg_name`, because DuckDB has (and itself calls) a
/// function of the name that does otherwise.
pub(super) const SHADOWING: &[&str] = &[
    "array_length",
    "cardinality",
    "chr",
    "cot",
    "decode",
    "encode",
    "exp",
    "lpad",
    "make_date",
    "mod",
    "octet_length",
    "round",
    "rpad",
    "sha256",
    "split_part",
    "string_to_array",
    "substr",
    "substring",
    "to_hex",
    "trunc",
];

/// Functions that are macros of `macros.sql` under their own name.
pub(super) const MACROS: &[&str] = &[
    "array_dims",
    "array_fill",
    "array_lower",
    "array_ndims",
    "array_positions",
    "array_remove",
    "array_replace",
    "array_upper",
    "bit_length",
    "btrim",
    "convert_from",
    "convert_to",
    "cosd",
    "date_bin",
    "get_byte",
    "initcap",
    "json_extract_path",
    "json_extract_path_text",
    "json_typeof",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "jsonb_typeof",
    "justify_days",
    "justify_hours",
    "justify_interval",
    "make_interval",
    "min_scale",
    "num_nonnulls",
    "num_nulls",
    "overlay",
    "quote_ident",
    "quote_literal",
    "quote_nullable",
    "regexp_count",
    "regexp_instr",
    "regexp_substr",
    "scale",
    "sind",
    "tand",
    "to_number",
    "trim_array",
    "trim_scale",
    "width_bucket",
];

/// Functions that give rows: the list they become, and the column's name when PostgreSQL does not take
/// the alias for it.
const SETS: &[(&str, &str, Option<&str>)] = &[
    ("generate_series", "generate_series", None),
    ("generate_subscripts", "pgc.generate_subscripts", None),
    ("json_array_elements", "pgc.json_elements", Some("value")),
    ("json_array_elements_text", "pgc.json_elements_text", Some("value")),
    ("json_object_keys", "pgc.json_keys_of", None),
    ("jsonb_array_elements", "pgc.json_elements", Some("value")),
    ("jsonb_array_elements_text", "pgc.json_elements_text", Some("value")),
    ("jsonb_object_keys", "pgc.json_keys_of", None),
    ("regexp_matches", "pgc.regexp_rows", None),
    ("regexp_split_to_table", "regexp_split_to_array", None),
    ("string_to_table", "pgc.pg_string_to_array", None),
];

fn set(name: &str) -> Option<&'static (&'static str, &'static str, Option<&'static str>)> {
    SETS.iter().find(|(known, ..)| *known == name)
}

fn is_bytes(operand: Option<&Operand>) -> bool {
    operand.and_then(|operand| operand.known).is_some_and(|known| known == PgType::scalar(Scalar::Bytea))
}

/// The functions that PostgreSQL and DuckDB share, one a line.
const SHARED: &str = include_str!("shared_functions.txt");

impl Parser<'_> {
    /// A call, with its name at tokens `first..self.at` and the parenthesis next.
    pub fn call(&mut self, first: usize) -> Option<Operand> {
        let start = self.tokens[first].start;
        let last = self.at - 1;
        let name = self.identifier(last);
        let builtin = last == first || (last == first + 2 && self.keyword_is(first, "pg_catalog"));
        let in_from = std::mem::take(&mut self.in_from);
        let outer = self.in_sequence_function;
        self.in_sequence_function = matches!(name.as_str(), "nextval" | "currval" | "setval");
        self.at += 1;
        // A function in FROM may see the columns of the tables beside it.
        self.correlated += usize::from(in_from);
        let arguments = self.deeper(|parser| Some(parser.arguments(&name)));
        self.correlated -= usize::from(in_from);
        if self.in_sequence_function {
            self.sequence_name(arguments.as_deref().unwrap_or_default());
        }
        self.in_sequence_function = outer;
        self.in_from = in_from;
        let arguments = arguments?;
        let call_end = self.previous_end();
        if builtin {
            self.rename(first, last, &name, &arguments, call_end, in_from);
        } else if last == first + 2 {
            match self.identifier(first).as_str() {
                "public" => self.replace(first, first + 1, "main"),
                "information_schema" => {
                    let start = self.tokens[first].start;
                    self.edits.replace(start, self.tokens[last].start, "pgc.information_schema_");
                }
                _ => {}
            }
        }
        self.call_tail();
        let label = match name.as_str() {
            "trim" => self.trim_label(last),
            _ => name.clone(),
        };
        let zero_guard = name == "nullif"
            && matches!(arguments.get(1), Some(Operand { shape: Shape::Number { zero: true, .. }, .. }));
        let shape = match name.as_str() {
            _ if zero_guard => Shape::NonZero,
            "to_json" | "to_jsonb" | "json_build_object" | "jsonb_build_object" | "json_agg" | "jsonb_agg" => {
                Shape::Json
            }
            "array_agg" | "string_to_array" | "regexp_split_to_array" | "array_append" | "array_remove" => Shape::Array,
            _ => Shape::Other,
        };
        let known = if builtin { results::of_call(&name, &arguments) } else { None };
        let argument = if let [only] = arguments.as_slice() { Some((only.start, only.end)) } else { None };
        self.call = builtin.then(|| Call { name, start, end: self.previous_end(), argument });
        Some(Operand { start, end: self.previous_end(), label: Label::Strong(label), shape, known })
    }

    /// The arguments up to the closing parenthesis, with the keywords between them that SQL has.
    fn arguments(&mut self, name: &str) -> Vec<Operand> {
        let mut found = Vec::new();
        if self.query_at(self.at) {
            // `f((query))` has its own parentheses; this is a query as DuckDB allows it.
            self.inner_query();
            return found;
        }
        if name == "position" {
            // `position(a IN b)` is no membership.
            if let Some(operand) = self.expression(super::expression::binding::PATTERN) {
                found.push(operand);
            }
        }
        let list_keyword = matches!(name, "substring" | "overlay");
        while !self.at_end() && !self.mark(")") {
            let before = self.at;
            if list_keyword && matches!(self.keyword(self.at).as_str(), "from" | "for" | "placing") {
                // `substring(a FOR c)` begins at the first character.
                let whole = found.len() == 1 && name == "substring" && self.keyword_is(self.at, "for");
                self.replace(self.at, self.at + 1, if whole { ", 1," } else { "," });
                self.at += 1;
                continue;
            }
            if name == "extract" && self.keyword_is(self.at + 1, "from") {
                self.at += 2;
                continue;
            }
            if self.keyword_is(self.at, "variadic") {
                self.remove(self.at, self.at + 1);
            }
            match self.expression(0) {
                Some(operand) => found.push(operand),
                None => self.at = self.at.max(before + 1),
            }
        }
        self.at += 1;
        found
    }

    /// `WITHIN GROUP (…)`, `FILTER (…)`, `OVER …`
    fn call_tail(&mut self) {
        if self.keyword_is(self.at, "within") && self.keyword_is(self.at + 1, "group") && self.mark_at(self.at + 2, "(")
        {
            self.at += 3;
            self.expressions_to_close();
        }
        if self.keyword_is(self.at, "filter") && self.mark_at(self.at + 1, "(") {
            self.at += 2;
            self.expressions_to_close();
        }
        if self.keyword_is(self.at, "over") {
            self.at += 1;
            if self.eat_mark("(") {
                self.window();
            } else if self.name_at(self.at) {
                self.at += 1;
            }
        }
    }

    /// A window behind its parenthesis; the frame is left alone.
    pub fn window(&mut self) {
        while !self.at_end() && !self.mark(")") {
            let before = self.at;
            let frame = matches!(self.keyword(self.at).as_str(), "rows" | "range" | "groups")
                && (matches!(self.keyword(self.at + 1).as_str(), "between" | "unbounded" | "current")
                    || matches!(self.keyword(self.at + 2).as_str(), "preceding" | "following"));
            if frame {
                while !self.at_end() && !self.mark(")") {
                    self.at = if self.mark("(") { self.behind_brackets() } else { self.at + 1 };
                }
            } else if self.expression(0).is_none() {
                self.at = self.at.max(before + 1);
            }
        }
        self.at += 1;
    }

    fn trim_label(&self, last: usize) -> String {
        match self.keyword(last + 2).as_str() {
            "leading" => "ltrim",
            "trailing" => "rtrim",
            _ => "btrim",
        }
        .to_owned()
    }

    /// Edits the name of a built-in function, and what else its call needs.
    fn rename(&mut self, first: usize, last: usize, name: &str, arguments: &[Operand], end: usize, in_from: bool) {
        let qualified = last > first;
        if let Some((_, list, _)) = set(name) {
            let table = in_from && *list == "generate_series";
            if name == "generate_series" {
                self.series_of_times(arguments);
            }
            if name == "regexp_matches" {
                self.captured(first, last, arguments, list);
                self.edits.open(self.tokens[first].start, "unnest(");
                self.edits.close(end, ")");
                return;
            }
            if !table {
                self.edits.open(self.tokens[first].start, "unnest(");
                self.edits.close(end, ")");
            }
            if qualified || *list != name {
                self.replace(first, last + 1, *list);
            }
            return;
        }
        let renamed = RENAMED.iter().find(|(known, _)| *known == name);
        match name {
            "extract" | "date_part" | "date_trunc" if self.part(first, last, name, arguments, end) => return,
            "json_each" | "jsonb_each" if in_from => return self.replace(first, last + 1, "pgc.pg_json_each"),
            "json_each_text" | "jsonb_each_text" if in_from => {
                return self.replace(first, last + 1, "pgc.json_each_text");
            }
            "length" | "substr" | "substring" if is_bytes(arguments.first()) => {
                return self.replace(
                    first,
                    last + 1,
                    if name == "length" { "octet_length" } else { "pgc.bytes_substr" },
                );
            }
            "jsonb_set" if arguments.len() > 2 => {
                self.array_text(&arguments[1], false);
                return self.replace(first, last + 1, "pgc.jsonb_set");
            }
            "round" if arguments.len() == 1 && !self.may_dispatch(&arguments[0]) => {
                return self.replace(first, last + 1, "system.main.round");
            }
            "format" => return self.format(first, last, arguments, end),
            "to_char" | "to_date" | "to_timestamp" if arguments.len() == 2 => {
                return self.formatted(first, last, name, arguments, end);
            }
            "regexp_match" | "substring" if matches!(arguments.get(1), Some(Operand { shape: Shape::Text(_), .. })) => {
                let call = if name == "substring" { "pgc.regexp_part" } else { "pgc.regexp_match" };
                return self.captured(first, last, arguments, call);
            }
            "concat" | "concat_ws" => self.texts(arguments),
            "regexp_replace" => self.whole_match(arguments.get(2)),
            "array_agg" | "json_agg" | "jsonb_agg" if self.keyword_is(last + 2, "distinct") => {
                self.distinct_in_order(arguments, end)
            }
            _ => {}
        }
        match name {
            "regexp_like" => return self.replace(first, last + 1, "system.main.regexp_matches"),
            // Only what differs from DuckDB needs the macro.
            "round" if arguments.len() == 2 => {}
            "trunc" if arguments.len() != 2 => {}
            "array_to_string" if arguments.len() == 3 => {
                return self.replace(first, last + 1, "pgc.pg_array_to_string");
            }
            _ => {
                if let Some((_, duckdb)) = renamed {
                    return self.replace(first, last + 1, *duckdb);
                }
                if MACROS.contains(&name) {
                    return self.replace(first, last + 1, format!("pgc.{name}"));
                }
                if SHADOWING.contains(&name) {
                    return self.replace(first, last + 1, format!("pgc.pg_{name}"));
                }
            }
        }
        if qualified {
            let (schema, own) = (self.tokens[first].start, self.tokens[last].start);
            let shared = SHARED.lines().any(|shared| shared == name);
            self.edits.replace(schema, own, if shared { "" } else { "pgc." });
        }
    }

    /// Parts of dates and times: seconds have a fraction, centuries begin with their first year. `true` when it is done.
    fn part(&mut self, first: usize, last: usize, name: &str, arguments: &[Operand], end: usize) -> bool {
        let value = arguments.last();
        let field = match (name, arguments.first()) {
            ("extract", _) => self.identifier(last + 2),
            (_, Some(Operand { shape: Shape::Text(index), .. })) => {
                literal::value(self.sql, self.tokens[*index]).unwrap_or_default().to_ascii_lowercase()
            }
            _ => return false,
        };
        let of = |scalar| value.and_then(|value| value.known).is_some_and(|known| known == PgType::scalar(scalar));
        let call = match (name, field.as_str()) {
            ("date_trunc", "century" | "centuries" | "millennium" | "millenniums") => {
                let Some(value) = value else { return false };
                self.edits.open(value.start, "(");
                self.edits.close(value.end, " - INTERVAL 1 YEAR)");
                self.edits.open(self.tokens[first].start, "(");
                self.edits.close(end, " + INTERVAL 1 YEAR)");
                return true;
            }
            ("date_trunc", _) if of(Scalar::Date) => {
                if let Some(value) = value {
                    self.edits.close(value.end, "::timestamptz");
                }
                return true;
            }
            ("date_trunc", _) => return false,
            ("extract", "second" | "seconds" | "sec") => "pgc.extract_second(",
            ("extract", "millisecond" | "milliseconds" | "msec") => "pgc.extract_millisecond(",
            ("extract", "epoch") if of(Scalar::Interval) => "pgc.extract_interval_epoch(",
            ("extract", "epoch") => "pgc.extract_epoch(",
            (_, "second" | "seconds" | "sec") => "pgc.part_second(",
            (_, "millisecond" | "milliseconds" | "msec") => "pgc.part_millisecond(",
            _ => return false,
        };
        // `extract(field from ` has two words more than a call.
        let to = if name == "extract" { last + 4 } else { last + 2 };
        self.replace(first, to, call);
        true
    }

    /// The name of a sequence is a text; its schema is translated as elsewhere.
    fn sequence_name(&mut self, arguments: &[Operand]) {
        let Some(operand) = arguments.first() else { return };
        let index = self.tokens.partition_point(|token| token.start < operand.start);
        let Some(value) = self.tokens.get(index).and_then(|&token| literal::value(self.sql, token)) else { return };
        if let Some(own) = value.strip_prefix("public.").or(value.strip_prefix("\"public\".")) {
            self.replace(index, index + 1, literal::quote(&format!("main.{own}")));
        }
    }

    /// Constants without a type in a series of timestamps.
    fn series_of_times(&mut self, arguments: &[Operand]) {
        let [from, to, step] = arguments else { return };
        if !matches!(step.shape, Shape::Text(_) | Shape::Interval) {
            return;
        }
        for (operand, name) in [(from, "::timestamp"), (to, "::timestamp"), (step, "::interval")] {
            if matches!(operand.shape, Shape::Text(_)) {
                self.edits.close(operand.end, name);
            }
        }
    }

    /// The columns that PostgreSQL gives an aliased function of one column: the alias, unless the
    /// function names its column itself.
    pub fn function_column(&self, first: usize, last: usize, alias: &str) -> Option<String> {
        let name = self.identifier(last);
        if last > first && !self.keyword_is(first, "pg_catalog") {
            return None;
        }
        if name == "unnest" {
            return Some(literal::quote_name(alias));
        }
        // A column that the function names itself answers to the alias as well; DuckDB would see a whole row
        // there. Only one of the two can be the column's name: the one that the statement uses.
        let bare = |word: &str| {
            let is_bare = |&at: &usize| self.name_at(at) && self.identifier(at) == word && !self.mark_at(at + 1, ".");
            (0..self.tokens.len()).filter(is_bare).count()
        };
        set(&name).map(|(.., column)| match column {
            // Once it stands there as the alias itself.
            Some(column) if bare(column) > 0 || bare(alias) < 2 => (*column).to_owned(),
            _ => literal::quote_name(alias),
        })
    }
}
