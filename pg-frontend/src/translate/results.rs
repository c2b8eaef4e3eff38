//! What the text of a statement tells of its result's types.
//!
//! DuckDB answers with its own types: `length` is a BIGINT, `'x'::varchar(3)` a VARCHAR, `1.5 + 1` a DECIMAL(12,1). Clients
//! of PostgreSQL go by the type that they are told. Where the form of a select item fixes PostgreSQL's type (a constant, a
//! cast, a function whose result is always the same) it is noted here, item by item, and the frontend tells that type and
//! writes the values accordingly: nothing of it reaches DuckDB. What a plain column is, DuckDB's type tells.

use super::expression::{Label, Operand};
use crate::encode::{PgType, Scalar};

/// What is known of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// What DuckDB says, precision and all.
    Column,
    /// An expression, whose numbers have no precision of their own.
    Expression,
    /// A quotient of numbers: its digits behind the point depend on its size.
    Quotient,
    /// This very type.
    Type(PgType),
}

/// What is known of the columns of a result. A `*` stands for any number of them: those behind the last one are counted
/// from the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Results {
    before: Vec<Known>,
    behind_star: Option<Vec<Known>>,
}

impl Results {
    /// Nothing is known, not even a number of columns.
    pub(super) fn unknown() -> Self {
        Results { before: Vec::new(), behind_star: Some(Vec::new()) }
    }

    /// Columns that are expressions.
    pub(super) fn expressions(count: usize) -> Self {
        Results { before: vec![Known::Expression; count], behind_star: None }
    }

    /// How many columns there are, if that is known.
    pub(super) fn count(&self) -> Option<usize> {
        self.behind_star.is_none().then_some(self.before.len())
    }

    /// An item that is any number of columns.
    pub(super) fn star(&mut self) {
        self.behind_star = Some(Vec::new());
    }

    /// One more item.
    pub(super) fn push(&mut self, operand: &Operand) {
        let known = match (&operand.label, operand.known) {
            (Label::Column(name), _) if name.is_empty() => return self.star(),
            // DuckDB's own: as many columns as match, or as a struct has.
            (Label::Strong(name), None) if matches!(name.as_str(), "columns" | "unnest") => return self.star(),
            (_, Some(known)) => Known::Type(known),
            (Label::Column(_), None) => Known::Column,
            _ => Known::Expression,
        };
        self.behind_star.as_mut().unwrap_or(&mut self.before).push(known);
    }

    /// The last item is an average.
    pub(super) fn quotient(&mut self) {
        if let Some(last) = self.behind_star.as_mut().unwrap_or(&mut self.before).last_mut() {
            *last = Known::Quotient;
        }
    }

    /// With the other side of a UNION, INTERSECT or EXCEPT.
    pub(super) fn united(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let same_form = self.behind_star.is_none() && other.behind_star.is_none();
        if !same_form || self.before.len() != other.before.len() {
            return Self::unknown();
        }
        let both = self.before.into_iter().zip(other.before);
        let before = both.map(|(one, other)| if one == other { one } else { Known::Expression }).collect();
        Results { before, behind_star: None }
    }

    /// What is known of a column among `count`.
    pub fn of(&self, index: usize, count: usize) -> Known {
        let known = match &self.behind_star {
            None if self.before.len() != count => None,
            None => self.before.get(index),
            Some(behind) if self.before.len() + behind.len() > count => None,
            Some(behind) => self.before.get(index).or_else(|| behind.get((index + behind.len()).checked_sub(count)?)),
        };
        known.copied().unwrap_or(Known::Column)
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.behind_star.as_ref().is_none_or(Vec::is_empty)
    }
}

/// The type of a number constant.
pub(super) fn number(text: &str) -> PgType {
    let whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let value = text.replace('_', "").parse::<i64>().ok();
    PgType::scalar(match (whole, value) {
        (true, Some(value)) if i32::try_from(value).is_ok() => Scalar::Int4,
        (true, Some(_)) => Scalar::Int8,
        // Hexadecimal and the like; DuckDB sizes it.
        (false, _) if !text.contains(['.', 'e', 'E']) || text.starts_with("0x") => Scalar::Int4,
        _ => Scalar::Numeric,
    })
}

/// The type that an arithmetic operator gives for two operands of known types.
pub(super) fn of_operator(operator: &str, left: Option<PgType>, right: Option<PgType>) -> Option<PgType> {
    use Scalar::{Date, Float4, Float8, Int2, Int4, Int8, Interval, Json, Jsonb, Numeric, Text, TimestampTz};
    let (left, right) = (left?, right?);
    if left.dimensions + right.dimensions > 0 {
        return None;
    }
    let is_number = |scalar| matches!(scalar, Int2 | Int4 | Int8 | Float4 | Float8 | Numeric);
    let scalar = match (operator, left.scalar, right.scalar) {
        // A constant in quotes has no type of its own, and NULL has none either.
        ("+" | "-" | "*" | "/" | "%", Text, number) | ("+" | "-" | "*" | "/" | "%", number, Text)
            if is_number(number) =>
        {
            number
        }
        ("||", Text, other) | ("||", other, Text) if !matches!(other, Json | Jsonb) => Text,
        ("-", Date, Date) => Int4,
        ("+" | "-", TimestampTz, Interval) => TimestampTz,
        ("->" | "#>", Json | Jsonb, _) | ("||" | "-" | "#-", Jsonb, _) => left.scalar,
        ("^", Numeric, Int2 | Int4 | Int8 | Numeric) | ("^", Int2 | Int4 | Int8, Numeric) => Numeric,
        ("+" | "-" | "*" | "/" | "%", one, other) if is_number(one) && is_number(other) => promoted(one, other),
        _ => return None,
    };
    Some(PgType::scalar(scalar))
}

/// The type in which two numbers meet.
fn promoted(one: Scalar, other: Scalar) -> Scalar {
    use Scalar::{Float4, Float8, Int2, Int4, Int8, Numeric};
    match (one, other) {
        (Float4, Float4) => Float4,
        (Float4 | Float8, _) | (_, Float4 | Float8) => Float8,
        (Numeric, _) | (_, Numeric) => Numeric,
        (Int8, _) | (_, Int8) => Int8,
        (Int4, _) | (_, Int4) => Int4,
        _ => Int2,
    }
}

/// Functions whose result has one type, whatever their arguments are.
const CALLS: &[(Scalar, &[&str])] = &[
    (
        Scalar::Int4,
        &[
            "array_length",
            "array_lower",
            "array_ndims",
            "array_position",
            "array_upper",
            "ascii",
            "bit_length",
            "cardinality",
            "char_length",
            "character_length",
            "get_byte",
            "grouping",
            "json_array_length",
            "jsonb_array_length",
            "length",
            "min_scale",
            "ntile",
            "num_nonnulls",
            "num_nulls",
            "octet_length",
            "position",
            "regexp_count",
            "regexp_instr",
            "scale",
            "strpos",
            "width_bucket",
        ],
    ),
    (Scalar::Text, &["array_dims", "array_to_string", "quote_ident", "quote_literal", "quote_nullable"]),
    (Scalar::Float8, &["date_part"]),
    (Scalar::Numeric, &["extract", "div", "to_number"]),
    (Scalar::Name, &["current_database", "current_schema"]),
    (
        Scalar::Jsonb,
        &[
            "jsonb_agg",
            "jsonb_array_elements",
            "jsonb_build_array",
            "jsonb_build_object",
            "jsonb_extract_path",
            "jsonb_insert",
            "jsonb_object",
            "jsonb_object_agg",
            "jsonb_set",
            "jsonb_strip_nulls",
            "to_jsonb",
        ],
    ),
];

/// The type of a call's result.
pub(super) fn of_call(name: &str, arguments: &[Operand]) -> Option<PgType> {
    if let Some((scalar, _)) = CALLS.iter().find(|(_, names)| names.contains(&name)) {
        return Some(PgType::scalar(*scalar));
    }
    let is_whole = |scalar: &Scalar| matches!(scalar, Scalar::Int2 | Scalar::Int4 | Scalar::Int8);
    let is_number = |scalar: &Scalar| is_whole(scalar) || matches!(scalar, Scalar::Numeric | Scalar::Float8);
    let of = |index: usize| {
        let known = arguments.get(index)?.known.filter(|known| known.dimensions == 0)?;
        Some(known.scalar).filter(is_number)
    };
    let scalar = match name {
        "ceil" | "ceiling" | "exp" | "floor" | "ln" | "log" | "log10" | "sign" | "sqrt" | "trunc" | "round"
            if arguments.len() == 1 =>
        {
            of(0).map(|scalar| if is_whole(&scalar) { Scalar::Float8 } else { scalar })?
        }
        "round" | "trunc" if of(0)? != Scalar::Float8 => Scalar::Numeric,
        "log" if arguments.len() == 2 => Scalar::Numeric,
        "power" | "pow" if promoted(of(0)?, of(1)?) == Scalar::Numeric => Scalar::Numeric,
        "mod" | "gcd" | "lcm" => promoted(of(0)?, of(1)?),
        "coalesce" | "nullif" | "greatest" | "least" => return common(arguments),
        "generate_series" => promoted(of(0)?, of(1)?),
        _ => return None,
    };
    Some(PgType::scalar(scalar))
}

/// The type in which arguments meet; constants in quotes, like NULL, take that of the others.
fn common(arguments: &[Operand]) -> Option<PgType> {
    let mut found = PgType::scalar(Scalar::Text);
    for argument in arguments {
        let known = argument.known?;
        found = match (found.scalar, known.scalar) {
            _ if found == known || known == PgType::scalar(Scalar::Text) => found,
            (Scalar::Text, _) => known,
            (one, other) if found.is_number() && known.is_number() => PgType::scalar(promoted(one, other)),
            _ => return None,
        };
    }
    Some(PgType { typmod: -1, ..found })
}

/// Whether PostgreSQL has a cast between two types; with text every type has one.
pub(super) fn has_cast(from: PgType, to: PgType) -> bool {
    use Scalar::{
        Bit, Bool, Bpchar, Date, Int2, Int4, Int8, Interval, Json, Jsonb, Name, Numeric, Oid, Text, Time, TimeTz,
        Timestamp, TimestampTz, Varbit, Varchar,
    };
    let is_text = |known: PgType| known.dimensions == 0 && matches!(known.scalar, Text | Varchar | Bpchar | Name);
    if is_text(from) || is_text(to) {
        return true;
    }
    if from.dimensions != to.dimensions {
        return false;
    }
    let element = |known: PgType| PgType::scalar(known.scalar);
    if from.dimensions > 0 {
        return has_cast(element(from), element(to));
    }
    match (from.scalar, to.scalar) {
        (one, other) if one == other => true,
        _ if from.is_number() && to.is_number() => true,
        (Bool, Int4) | (Int4, Bool) => true,
        (Oid, Int2 | Int4 | Int8) | (Int2 | Int4 | Int8, Oid) => true,
        (Bit | Varbit, Bit | Varbit) | (Bit, Int4 | Int8) | (Int4 | Int8, Bit) => true,
        (Date, Timestamp | TimestampTz) | (Timestamp, Date | Time | TimestampTz) => true,
        (TimestampTz, Date | Time | TimeTz | Timestamp) => true,
        (Time, Interval | TimeTz) | (TimeTz, Time) | (Interval, Time) => true,
        (Json, Jsonb) | (Jsonb, Json | Bool | Numeric) => true,
        (Jsonb, _) => to.is_number(),
        _ => false,
    }
}
