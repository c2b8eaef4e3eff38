//! Casts in their three forms: `x::t`, `CAST(x AS t)`, `t 'constant'`.
//!
//! DuckDB knows most of the types and few of their rules: `varchar(2)` does not cut, a `numeric`
//! without precision keeps three places, `'{1,2}'` is no array and `'\x00'` no bytes. One plan decides
//! what the cast needs; the three forms carry it out in their own places. Where the digits or elements
//! of a constant are at hand they are used; only other operands pay for a macro.

use super::TranslateError;
use super::expression::{Label, Operand, Shape};
use super::literal;
use super::parser::Parser;
use super::results;
use super::types::{NUMERIC, TypeName};
use crate::decode::{datetime, interval as intervals};
use crate::encode::{DateOrder, PgType, Scalar, Settings, calendar};

/// What becomes of a cast.
enum Plan {
    Keep,
    /// Another name for the type.
    Rename(String),
    /// A call instead of the cast.
    Call(String),
    /// The cast, to another type, inside of a call.
    Around(&'static str, String, String),
    /// No cast at all.
    Drop,
}

impl Parser<'_> {
    /// `left::name`, with the `::` at token `cast`.
    pub fn cast(&mut self, left: Operand, cast: usize, name: &TypeName) -> Operand {
        let left = if name.is_object() || is_oid(name) { left } else { self.shown(left) };
        let left = if is_text(name) { self.catalog_text(left) } else { left };
        let (start, from, to) = (left.start, self.tokens[cast].start, name.end);
        match self.plan(&left, name) {
            Plan::Keep => {}
            Plan::Rename(text) => self.edits.replace(name.start, to, text),
            Plan::Call(call) => {
                self.edits.open(start, call);
                self.edits.replace(from, to, ")");
            }
            Plan::Around(open, text, close) => {
                self.edits.open(start, open);
                self.edits.replace(name.start, to, text);
                self.edits.close(to, close);
            }
            Plan::Drop => self.edits.replace(from, to, ""),
        }
        cast_result(start, to, left, name)
    }

    /// `CAST(x AS name)`
    pub fn cast_call(&mut self, start: usize) -> Option<Operand> {
        let cast = self.at;
        self.at += 2;
        let inside = self.expression(0)?;
        let alias = self.at;
        self.eat("as").then_some(())?;
        let name = self.type_name()?;
        self.eat_mark(")").then_some(())?;
        let end = self.previous_end();
        let inside = if name.is_object() || is_oid(&name) { inside } else { self.shown(inside) };
        let inside = if is_text(&name) { self.catalog_text(inside) } else { inside };
        match self.plan(&inside, &name) {
            Plan::Keep => {}
            Plan::Rename(text) => self.edits.replace(name.start, name.end, text),
            Plan::Call(call) => {
                self.replace(cast, cast + 2, call);
                self.remove(alias, self.at - 1);
            }
            Plan::Around(open, text, close) => {
                self.edits.open(start, open);
                self.edits.replace(name.start, name.end, text);
                self.edits.close(end, close);
            }
            Plan::Drop => {
                self.replace(cast, cast + 2, "(");
                self.remove(alias, self.at - 1);
            }
        }
        Some(cast_result(start, end, inside, &name))
    }

    /// `name 'constant'`, with the constant at token `text`.
    pub fn cast_constant(&mut self, start: usize, name: &TypeName, text: usize) -> Operand {
        let end = self.tokens[text].end;
        let shape = Shape::Text(text);
        let constant = Operand { shape, ..Operand::new(self.tokens[text].start, end, Label::Unknown) };
        match self.plan(&constant, name) {
            Plan::Keep => {}
            Plan::Rename(target) if name.dimensions > 0 || target.contains('(') => {
                self.edits.replace(name.start, constant.start, "");
                self.edits.close(end, format!("::{target}"));
            }
            Plan::Rename(target) => self.edits.replace(name.start, name.end, target),
            Plan::Call(call) => {
                self.edits.replace(name.start, name.end, call);
                self.edits.close(end, ")");
            }
            Plan::Around(open, target, close) => {
                self.edits.open(start, open);
                self.edits.replace(name.start, constant.start, "");
                self.edits.close(end, format!("::{target}{close}"));
            }
            Plan::Drop => self.edits.replace(name.start, constant.start, ""),
        }
        cast_result(start, self.previous_end(), constant, name)
    }

    fn plan(&mut self, operand: &Operand, name: &TypeName) -> Plan {
        if name.is_object() {
            return match operand.shape {
                _ if self.in_sequence_function => Plan::Drop,
                Shape::Object(_) => Plan::Drop,
                _ => Plan::Call(format!("pgc.{}_in(", name.name)),
            };
        }
        self.check_cast(operand, name);
        let constant = match operand.shape {
            Shape::Text(index) => literal::value(self.sql, self.tokens[index]).map(|value| (index, value)),
            _ => None,
        };
        if let Some((index, value)) = &constant {
            self.check_constant(*index, value, name);
        }
        if let Some((index, value)) = &constant
            && let Some(plan) = self.constant_plan(*index, value, name)
        {
            return plan;
        }
        let scalar = name.builtin && name.dimensions == 0;
        if name.builtin && name.dimensions == 1 && name.name == "regtype" {
            return Plan::Call("pgc.regtypes_out(".to_owned());
        }
        match (name.name.as_str(), name.modifiers.first()) {
            ("bytea", _) if scalar && operand.shape != Shape::Parameter => Plan::Call("pgc.bytea_in(".to_owned()),
            ("text" | "varchar", None) if scalar && self.needs_text(operand) => Plan::Call("pgc.text_of(".to_owned()),
            ("text" | "varchar", None) if scalar && operand.shape == Shape::Array => {
                Plan::Call("pgc.array_text(".to_owned())
            }
            ("text" | "varchar", None) if scalar && of(operand) == Some(Scalar::Bpchar) => {
                Plan::Around("rtrim(", "varchar".to_owned(), ")".to_owned())
            }
            ("numeric", None) if scalar && !self.may_dispatch(operand) => Plan::Rename(NUMERIC.to_owned()),
            ("numeric", None) if scalar => match (&operand.shape, &constant) {
                (Shape::Number { digits, .. }, _) => decimal(*digits),
                (Shape::Parameter, _) => Plan::Rename(NUMERIC.to_owned()),
                (_, Some(_)) => Plan::Rename("double".to_owned()),
                _ => Plan::Call("pgc.numeric_in(".to_owned()),
            },
            ("varchar", Some(length)) if scalar => Plan::Around("left(", "varchar".to_owned(), format!(", {length})")),
            ("bpchar", Some(length)) if scalar => {
                Plan::Around("rpad(", "varchar".to_owned(), format!(", {length}, ' ')"))
            }
            _ => match name.duckdb(&self.sql[name.start..name.end]) {
                Some(text) => Plan::Rename(text),
                None => Plan::Keep,
            },
        }
    }

    /// DuckDB casts between more types than PostgreSQL, which tells such a cast for a mistake.
    fn check_cast(&mut self, operand: &Operand, name: &TypeName) {
        let (Some(from), Some(to)) = (operand.known.filter(|_| self.options.checks_constants), name.pg_type()) else {
            return;
        };
        if !results::has_cast(from, to) {
            let array = |known: PgType| if known.dimensions > 0 { "[]" } else { "" };
            let (from, to) =
                (format!("{}{}", from.scalar.name(), array(from)), format!("{}{}", to.scalar.name(), array(to)));
            let message = format!("cannot cast type {from} to {to}");
            self.error.get_or_insert(TranslateError::Value { message, state: "42846", position: operand.end });
        }
    }

    /// A constant that PostgreSQL would not read is an error where it stands.
    fn check_constant(&mut self, index: usize, value: &str, name: &TypeName) {
        // What the fields behind an interval allow, and what DuckDB's decimals cannot hold, is another matter.
        let fields = name.name == "interval" && is_field(self.keyword(index + 1).as_str());
        let Some(pg_type) = name.pg_type().filter(|_| self.options.checks_constants && !fields) else { return };
        let Err(error) = crate::decode::check(pg_type, value, self.options.date_order) else { return };
        if !matches!(error.sqlstate(), "0A000" | "2202E") && pg_type.scalar != Scalar::Numeric
            || error.sqlstate() == "22P02"
        {
            let position = self.tokens[index].start;
            let value = TranslateError::Value { message: error.to_string(), state: error.sqlstate(), position };
            self.error.get_or_insert(value);
        }
    }

    /// Whether a macro that goes by the type of its argument can be called: DuckDB finds that type neither for a
    /// parameter, nor for a column of an outer query, nor for an aggregate.
    pub fn may_dispatch(&self, operand: &Operand) -> bool {
        let first = self.tokens.partition_point(|token| token.start < operand.start);
        let behind = self.tokens.partition_point(|token| token.start < operand.end);
        let hides = |at: usize| {
            self.kind(at) == Some(super::lexer::Kind::Parameter)
                || self.mark_at(at + 1, "(") && is_aggregate(self.keyword(at).as_str())
        };
        self.correlated == 0 && !(first..behind).any(hides)
    }

    /// Whether the text of an operand may be another than DuckDB's. The catalog has nothing of the kind.
    fn needs_text(&self, operand: &Operand) -> bool {
        let differs = operand.known.is_none_or(|known| {
            known.dimensions > 0
                || matches!(known.scalar, Scalar::Float4 | Scalar::Float8 | Scalar::Bytea | Scalar::Interval)
        });
        // A column's own expressions are kept as they are.
        let defines = matches!(self.keyword(0).as_str(), "alter" | "create");
        differs && !defines && !self.is_about_catalog() && self.may_dispatch(operand)
    }

    fn is_about_catalog(&self) -> bool {
        self.sql.contains("pg_") || self.sql.contains("information_schema")
    }

    /// The plan for a constant whose text decides; it may replace the constant.
    fn constant_plan(&mut self, index: usize, value: &str, name: &TypeName) -> Option<Plan> {
        if name.dimensions > 0 {
            let list = literal::array(value, false)?;
            self.replace(index, index + 1, list);
            let source = &self.sql[name.start..name.end];
            return Some(name.duckdb(source).map_or(Plan::Keep, Plan::Rename));
        }
        name.builtin.then_some(())?;
        match name.name.as_str() {
            "bytea" => {
                let blob = literal::blob(value)?;
                self.replace(index, index + 1, literal::quote(&blob));
                Some(Plan::Rename("blob".to_owned()))
            }
            "numeric" if name.modifiers.is_empty() => {
                let digits = value.trim().trim_start_matches(['-', '+']);
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                (plain && !digits.is_empty() && !fraction.contains('.')).then(|| decimal((whole.len(), fraction.len())))
            }
            "bit" if value.bytes().all(|byte| matches!(byte, b'0' | b'1')) => {
                let length = name.modifiers.first().copied().map_or(1, |length| usize::try_from(length).unwrap_or(1));
                let bits: String = value.chars().chain(std::iter::repeat('0')).take(length).collect();
                self.replace(index, index + 1, literal::quote(&bits));
                Some(Plan::Rename("bit".to_owned()))
            }
            "bool" => {
                let word = value.trim().to_ascii_lowercase();
                let blanks = word.len() != value.len();
                let truth = match word.as_str() {
                    "t" | "true" | "1" if blanks => "'true'",
                    "f" | "false" | "0" if blanks => "'false'",
                    "y" | "ye" | "yes" | "on" | "tr" | "tru" => "'true'",
                    "n" | "no" | "off" | "of" | "fa" | "fal" | "fals" => "'false'",
                    _ => return None,
                };
                self.replace(index, index + 1, truth);
                None
            }
            "date" | "time" | "timestamp" if let Some(plain) = moment(&name.name, value, self.options.date_order) => {
                self.replace(index, index + 1, literal::quote(&plain));
                None
            }
            "interval" if is_simple_interval(value) => None,
            "interval" if !is_field(self.keyword(index + 1).as_str()) => {
                let plain = intervals::parse(value, Settings::default().interval_style).ok()?;
                let (months, days, micros) = (plain.months, plain.days, plain.nanoseconds / 1000);
                self.replace(index, index + 1, format!("'{months} months {days} days {micros} microseconds'"));
                None
            }
            "timestamp" | "timestamptz" if value.contains(':') => {
                let full = with_seconds(value)?;
                self.replace(index, index + 1, literal::quote(&full));
                None
            }
            "date" | "timestamp" | "timestamptz" => {
                let moment = match value.trim().to_ascii_lowercase().as_str() {
                    "now" => "(now())",
                    "today" => "(current_date)",
                    "tomorrow" => "(current_date + 1)",
                    "yesterday" => "(current_date - 1)",
                    _ => return None,
                };
                self.replace(index, index + 1, moment);
                None
            }
            "timetz" | "time" => {
                let full = with_seconds(value)?;
                self.replace(index, index + 1, literal::quote(&full));
                None
            }
            "interval" => {
                let plain = interval(value)?;
                self.replace(index, index + 1, literal::quote(&plain));
                None
            }
            _ => None,
        }
    }
}

/// A time whose zone follows the minutes, with the seconds DuckDB wants before it.
fn with_seconds(value: &str) -> Option<String> {
    let colon = value.find(':')?;
    let minutes = value.get(colon + 1..colon + 3)?;
    let zone = &value[colon + 3..];
    let short = minutes.bytes().all(|byte| byte.is_ascii_digit()) && zone.starts_with(['+', '-', 'Z', 'z', ' ']);
    short.then(|| format!("{}:00{zone}", &value[..colon + 3]))
}

/// A date or time that DuckDB does not read, or reads as another, in the form that it does. What depends on the day is not
/// among them: the text of a statement is kept.
fn moment(name: &str, value: &str, order: DateOrder) -> Option<String> {
    let word = value.trim().trim_start_matches(['-', '+']);
    let relative = word.starts_with(|first: char| first.is_ascii_alphabetic())
        && !word.contains(|symbol: char| symbol.is_ascii_digit());
    if relative && !matches!(word.to_ascii_lowercase().as_str(), "allballs" | "epoch") {
        return None;
    }
    let settings = Settings { date_order: order, ..Settings::default() };
    let mut text = bytes::BytesMut::new();
    match name {
        "date" => calendar::put_date(&mut text, i64::from(datetime::date(value, &settings).ok()?), &settings),
        "time" => calendar::put_time(&mut text, datetime::time(value, &settings).ok()?),
        _ => calendar::put_timestamp(&mut text, datetime::timestamp(value, &settings).ok()?, &settings),
    }
    let text = std::str::from_utf8(&text).ok()?;
    // The era has parentheses in DuckDB.
    let text = text.strip_suffix(" BC").map_or_else(
        || text.to_owned(),
        |before| match before.split_once(' ') {
            Some((date, time)) => format!("{date} (BC) {time}"),
            None => format!("{before} (BC)"),
        },
    );
    // DuckDB reads the beginning of its own form too.
    (!text.starts_with(value.trim())).then_some(text)
}

/// Whether DuckDB reads an interval as PostgreSQL does: whole numbers with the full names of units.
fn is_simple_interval(value: &str) -> bool {
    const UNITS: [&str; 14] = [
        "year", "years", "month", "months", "week", "weeks", "day", "days", "hour", "hours", "minute", "minutes",
        "second", "seconds",
    ];
    let words: Vec<&str> = value.split(' ').collect();
    let number = |word: &str| {
        let digits = word.strip_prefix('-').unwrap_or(word);
        !digits.is_empty() && digits.len() < 8 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    words.len().is_multiple_of(2) && words.chunks(2).all(|pair| number(pair[0]) && UNITS.contains(&pair[1]))
}

/// Whether a function makes one value of many rows.
fn is_aggregate(name: &str) -> bool {
    const PREFIXES: [&str; 9] = ["bit_", "bool_", "covar_", "json", "list", "percent", "regr_", "stddev", "var"];
    const NAMES: [&str; 27] = [
        "any_value",
        "arg_max",
        "arg_min",
        "array_agg",
        "avg",
        "corr",
        "count",
        "cume_dist",
        "dense_rank",
        "every",
        "first",
        "first_value",
        "lag",
        "last",
        "last_value",
        "lead",
        "max",
        "median",
        "min",
        "mode",
        "nth_value",
        "ntile",
        "quantile",
        "rank",
        "row_number",
        "string_agg",
        "sum",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_field(word: &str) -> bool {
    matches!(word, "year" | "month" | "day" | "hour" | "minute" | "second")
}

/// The type of an operand that is no array, where it is known.
fn of(operand: &Operand) -> Option<Scalar> {
    operand.known.filter(|known| known.dimensions == 0).map(|known| known.scalar)
}

fn is_oid(name: &TypeName) -> bool {
    name.dimensions == 0 && matches!(name.name.as_str(), "oid" | "int4" | "int8")
}

fn is_text(name: &TypeName) -> bool {
    name.dimensions == 0 && matches!(name.name.as_str(), "text" | "varchar" | "bpchar" | "name")
}

/// The decimal that holds all the digits.
fn decimal((whole, fraction): (usize, usize)) -> Plan {
    let width = (whole + fraction).max(1);
    Plan::Rename(if width > 38 { "double".to_owned() } else { format!("decimal({width},{fraction})") })
}

fn cast_result(start: usize, end: usize, operand: Operand, name: &TypeName) -> Operand {
    let label = operand.label.cast(name);
    let numeric = matches!(name.name.as_str(), "int2" | "int4" | "int8" | "float4" | "float8" | "numeric");
    let shape = match name.name.as_str() {
        _ if name.dimensions > 0 => Shape::Array,
        _ if name.is_object() => Shape::Object(name.name.clone()),
        "oid" => Shape::Catalog(26),
        "name" => Shape::Catalog(19),
        "char" => Shape::Catalog(18),
        "xid" => Shape::Catalog(28),
        "json" | "jsonb" => Shape::Json,
        "interval" => Shape::Interval,
        "float4" | "float8" if matches!(operand.shape, Shape::Number { zero: false, .. }) => Shape::NonZero,
        _ if numeric && matches!(operand.shape, Shape::Number { zero: false, digits: (_, 0) }) => Shape::NonZero,
        _ => Shape::Other,
    };
    Operand { start, end, label, shape, known: name.pg_type() }
}

/// `P1Y2M3DT4H5M6S`, `1-2` and `1 day ago` in the form that DuckDB reads; `None` when it reads the text
/// itself.
fn interval(value: &str) -> Option<String> {
    let text = value.trim();
    if let Some(parts) = text.strip_prefix('P') {
        let mut plain = String::new();
        let (mut number, mut time) = (String::new(), false);
        for symbol in parts.chars() {
            let unit = match (symbol, time) {
                ('T', _) => {
                    time = true;
                    continue;
                }
                ('0'..='9' | '.' | '-' | '+', _) => {
                    number.push(symbol);
                    continue;
                }
                ('Y', _) => "years",
                ('M', false) => "months",
                ('W', _) => "weeks",
                ('D', _) => "days",
                ('H', _) => "hours",
                ('M', true) => "minutes",
                ('S', _) => "seconds",
                _ => return None,
            };
            plain.push_str(&format!("{}{number} {unit}", if plain.is_empty() { "" } else { " " }));
            number.clear();
        }
        return (!plain.is_empty() && number.is_empty()).then_some(plain);
    }
    if let Some((days, clock)) = text.split_once(' ')
        && days.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit())
        && clock.contains(':')
        && clock.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b':' | b'.' | b'-' | b'+'))
    {
        return Some(format!("{days} days {clock}{}", if clock.matches(':').count() == 1 { ":00" } else { "" }));
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (years, months) = digits.split_once('-')?;
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (number(years) && number(months)).then(|| format!("{sign}{years} years {sign}{months} months"))
}
