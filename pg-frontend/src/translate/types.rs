//! Type names: reading PostgreSQL's grammar of them, and what DuckDB calls the same thing.
//!
//! A type is read without any edit, so a reader may look ahead and step back. What a *cast* to it needs
//! is decided in `casts.rs`; here is only the name.

use super::lexer::Kind;
use super::parser::Parser;
use crate::encode::{PgType, Scalar};

/// A type name as it stands in the source.
#[derive(Debug, Clone)]
pub(super) struct TypeName {
    pub start: usize,
    pub end: usize,
    /// PostgreSQL's internal name without schema, lower case: `int4`, `varchar`, `bpchar`, `timestamptz`.
    /// The name as written for types that are not built in.
    pub name: String,
    /// Whether the name is one of PostgreSQL's own.
    pub builtin: bool,
    /// What stands in the parentheses behind the name, if all of it is numbers.
    pub modifiers: Vec<i64>,
    /// The number of array dimensions.
    pub dimensions: usize,
}

/// Spellings and their internal names.
const SPELLINGS: &[(&str, &str)] = &[
    ("int", "int4"),
    ("integer", "int4"),
    ("bigint", "int8"),
    ("smallint", "int2"),
    ("real", "float4"),
    ("float", "float8"),
    ("boolean", "bool"),
    ("decimal", "numeric"),
    ("dec", "numeric"),
    ("character", "bpchar"),
    ("char", "bpchar"),
    ("nchar", "bpchar"),
];

/// Built-in types and what DuckDB calls them; an empty text where DuckDB knows the name.
const TYPES: &[(&str, &str)] = &[
    ("bit", "bit"),
    ("bool", ""),
    ("box", "varchar"),
    ("bpchar", "varchar"),
    ("bytea", ""),
    ("char", "varchar"),
    ("cid", "bigint"),
    ("cidr", "varchar"),
    ("circle", "varchar"),
    ("date", ""),
    ("float4", ""),
    ("float8", ""),
    ("inet", "varchar"),
    ("int2", ""),
    ("int2vector", "smallint[]"),
    ("int4", ""),
    ("int8", ""),
    ("interval", "interval"),
    ("json", ""),
    ("jsonb", "json"),
    ("jsonpath", "varchar"),
    ("line", "varchar"),
    ("lseg", "varchar"),
    ("macaddr", "varchar"),
    ("macaddr8", "varchar"),
    ("money", "decimal(19,2)"),
    ("name", "varchar"),
    ("numeric", "numeric"),
    ("oid", "bigint"),
    ("oidvector", "bigint[]"),
    ("path", "varchar"),
    ("pg_lsn", "varchar"),
    ("point", "varchar"),
    ("polygon", "varchar"),
    ("text", ""),
    ("time", ""),
    ("timestamp", "timestamp"),
    ("timestamptz", "timestamptz"),
    ("timetz", "timetz"),
    ("tsquery", "varchar"),
    ("tsvector", "varchar"),
    ("uuid", ""),
    ("varbit", "bit"),
    ("varchar", ""),
    ("xid", "bigint"),
    ("xml", "varchar"),
];

/// What a `numeric` without precision is in DuckDB, whose decimals have a fixed scale.
pub(super) const NUMERIC: &str = "decimal(38,10)";

impl TypeName {
    /// Whether this is one of the types whose values are OIDs of objects, and not an array of them.
    pub fn is_object(&self) -> bool {
        self.dimensions == 0 && self.builtin && self.name.starts_with("reg")
    }

    /// The check that a column of this type needs: DuckDB forgets the length of a `varchar(20)` and of a `char(3)`. Its
    /// form tells the catalog (`length_mark` in worker/src/pg_catalog/identity.sql) what the column was declared as, and
    /// is one that nobody writes by hand. Blanks at the end do not count, as in PostgreSQL, which cuts them off.
    pub fn length_check(&self, column: &str) -> Option<String> {
        let function = match self.name.as_str() {
            "varchar" => "character_length",
            "bpchar" => "char_length",
            _ => return None,
        };
        let &[length] = self.modifiers.as_slice() else { return None };
        let is_scalar = self.builtin && self.dimensions == 0;
        is_scalar.then(|| format!("CHECK ({length} >= {function}(rtrim({})))", super::literal::quote_name(column)))
    }

    /// What clients are told of the type; `None` for those that are text or a number to them.
    pub fn pg_type(&self) -> Option<PgType> {
        let name = if self.builtin { self.name.as_str() } else { "" };
        let scalar = Scalar::named(name)?;
        let typmod = match (scalar, self.modifiers.as_slice()) {
            (Scalar::Varchar | Scalar::Bpchar, [length]) => i32::try_from(*length).ok()?.checked_add(4)?,
            (Scalar::Numeric, [precision, rest @ ..]) => {
                let scale = rest.first().copied().unwrap_or(0);
                i32::try_from((precision << 16) | (scale & 0x7ff)).ok()?.checked_add(4)?
            }
            (
                Scalar::Bit | Scalar::Varbit | Scalar::Time | Scalar::TimeTz | Scalar::Timestamp | Scalar::TimestampTz,
                [n],
            ) => i32::try_from(*n).ok()?,
            (Scalar::Bit, []) => 1,
            _ => -1,
        };
        Some(PgType { scalar, dimensions: self.dimensions.min(1) as u8, typmod })
    }

    /// DuckDB's name of the type; `None` when the source can stay as it is.
    pub fn duckdb(&self, source: &str) -> Option<String> {
        if !self.builtin {
            return None;
        }
        let plain = source.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let arrays = "[]".repeat(self.dimensions);
        let modifiers = match (self.name.as_str(), self.modifiers.as_slice()) {
            ("numeric", [precision]) => format!("({precision},0)"),
            ("numeric", [precision, scale]) if *precision <= 38 && *scale >= 0 => format!("({precision},{scale})"),
            _ => String::new(),
        };
        let base = match self.name.as_str() {
            "numeric" if self.modifiers.is_empty() => NUMERIC.to_owned(),
            "numeric" => {
                if modifiers.is_empty() || self.modifiers[0] > 38 {
                    NUMERIC.to_owned()
                } else {
                    format!("decimal{modifiers}")
                }
            }
            "timestamp" if self.modifiers == [0] && self.dimensions == 0 => "timestamp_s".to_owned(),
            "timestamp" if self.modifiers == [3] && self.dimensions == 0 => "timestamp_ms".to_owned(),
            name if name.starts_with("reg") => "bigint".to_owned(),
            name => {
                let duckdb = TYPES.iter().find(|(known, _)| *known == name).map_or("", |(_, duckdb)| duckdb);
                if duckdb.is_empty() || duckdb == name {
                    // `float` is four bytes in DuckDB and eight in PostgreSQL.
                    let float = source.eq_ignore_ascii_case("float");
                    if plain && !float && self.dimensions == 0 && self.modifiers.is_empty() {
                        return None;
                    }
                    name.to_owned()
                } else {
                    duckdb.to_owned()
                }
            }
        };
        let text = format!("{base}{arrays}");
        (!text.eq_ignore_ascii_case(source)).then_some(text)
    }
}

impl Parser<'_> {
    /// Reads a type name; steps back and gives `None` where there is none.
    pub fn type_name(&mut self) -> Option<TypeName> {
        let back = self.at;
        let found = self.type_name_or_stay();
        if found.is_none() {
            self.at = back;
        }
        found
    }

    fn type_name_or_stay(&mut self) -> Option<TypeName> {
        self.eat("setof");
        let start = self.start();
        let mut qualified = None;
        if self.name_at(self.at + 2) && self.mark_at(self.at + 1, ".") && self.name_at(self.at) {
            qualified = Some(self.identifier(self.at));
            self.at += 2;
        }
        let quoted = self.kind(self.at)? == Kind::Quoted;
        self.name_at(self.at).then_some(())?;
        let mut name = self.identifier(self.at);
        self.at += 1;
        let mut modifiers = Vec::new();
        let mut builtin = qualified.as_ref().is_none_or(|schema| schema == "pg_catalog");
        if !quoted {
            self.type_words(&mut name, &mut modifiers)?;
            if let Some((_, internal)) = SPELLINGS.iter().find(|(spelling, _)| *spelling == name)
                && qualified.is_none()
            {
                name = (*internal).to_owned();
            }
        } else if qualified.is_none() && name != "char" && TYPES.iter().all(|(known, _)| *known != name) {
            builtin = false;
        }
        if self.mark("(") {
            let numbers = self.modifiers()?;
            modifiers = if modifiers.is_empty() { numbers } else { modifiers };
        }
        // The precision that `float(n)` asks for is 24 bits or 53.
        if name == "float8" && modifiers.first().is_some_and(|&bits| bits <= 24) {
            name = "float4".to_owned();
        }
        if matches!(name.as_str(), "time" | "timestamp") {
            if self.keyword_is(self.at, "with") && self.keyword_is(self.at + 1, "time") {
                self.at += 3;
                name.push_str("tz");
            } else if self.keyword_is(self.at, "without") && self.keyword_is(self.at + 1, "time") {
                self.at += 3;
            }
        }
        let mut dimensions = 0;
        if name != "interval" && self.eat("array") {
            dimensions = 1;
            if self.mark("[") {
                self.at += 2;
            }
        }
        while self.mark("[") {
            if self.mark_at(self.at + 1, "]") {
                self.at += 2;
            } else if self.kind(self.at + 1) == Some(Kind::Number) && self.mark_at(self.at + 2, "]") {
                self.at += 3;
            } else {
                break;
            }
            dimensions += 1;
        }
        let known = TYPES.iter().any(|(known, _)| *known == name) || is_object_type(&name);
        if let Some(element) = name.strip_prefix('_').filter(|_| builtin && !known) {
            // `_int4` is the internal name of `int4[]`.
            name = element.to_owned();
            dimensions += 1;
        }
        let builtin = builtin && (TYPES.iter().any(|(known, _)| *known == name) || is_object_type(&name));
        Some(TypeName { start, end: self.previous_end(), name, builtin, modifiers, dimensions })
    }

    /// The names of several words.
    fn type_words(&mut self, name: &mut String, modifiers: &mut Vec<i64>) -> Option<()> {
        match name.as_str() {
            "double" => {
                self.eat("precision").then_some(())?;
                *name = "float8".to_owned();
            }
            "national" => {
                (self.eat("character") || self.eat("char")).then_some(())?;
                *name = if self.eat("varying") { "varchar" } else { "bpchar" }.to_owned();
            }
            "character" | "char" | "nchar" => {
                *name = if self.eat("varying") { "varchar" } else { "bpchar" }.to_owned();
                if name == "bpchar" && !self.mark("(") {
                    modifiers.push(1);
                }
            }
            "bit" if self.eat("varying") => *name = "varbit".to_owned(),
            "interval" => self.interval_fields(),
            _ => {}
        }
        Some(())
    }

    /// `year to month`, `second(3)` … behind `interval`.
    pub fn interval_fields(&mut self) {
        const FIELDS: &[&str] = &["year", "month", "day", "hour", "minute", "second"];
        if !FIELDS.contains(&self.keyword(self.at).as_str()) {
            return;
        }
        self.at += 1;
        if self.keyword_is(self.at, "to") && FIELDS.contains(&self.keyword(self.at + 1).as_str()) {
            self.at += 2;
        }
    }

    fn modifiers(&mut self) -> Option<Vec<i64>> {
        let mut numbers = Vec::new();
        let mut at = self.at + 1;
        loop {
            let negative = self.operator_at(at, "-");
            at += usize::from(negative);
            match self.kind(at)? {
                Kind::Number => {
                    let number: i64 = self.text(at).parse().ok()?;
                    numbers.push(if negative { -number } else { number });
                }
                Kind::Text(_) | Kind::Word | Kind::Quoted => {}
                _ => return None,
            }
            at += 1;
            if self.mark_at(at, ",") {
                at += 1;
            } else if self.mark_at(at, ")") {
                self.at = at + 1;
                return Some(numbers);
            } else {
                return None;
            }
        }
    }
}

/// The object types, whose values are OIDs.
pub(super) fn is_object_type(name: &str) -> bool {
    matches!(
        name,
        "regclass"
            | "regtype"
            | "regproc"
            | "regprocedure"
            | "regnamespace"
            | "regrole"
            | "regoper"
            | "regoperator"
            | "regconfig"
            | "regdictionary"
            | "regcollation"
    )
}

/// Whether a word can begin a typed constant such as `timestamp(3) with time zone '…'`.
pub(super) fn begins_typed_constant(word: &str) -> bool {
    matches!(
        word,
        "int"
            | "integer"
            | "bigint"
            | "smallint"
            | "real"
            | "float"
            | "boolean"
            | "decimal"
            | "dec"
            | "character"
            | "char"
            | "double"
            | "national"
            | "nchar"
    ) || TYPES.iter().any(|(known, _)| *known == word)
        || is_object_type(word)
}
