//! Names in expressions, and which words can be names.
//!
//! PostgreSQL and DuckDB keep different words for themselves: `at` is a column here and a clause there.
//! A name that DuckDB would take for a keyword is quoted; a qualifier of PostgreSQL's own schemas leads
//! to where the translation keeps their contents.

use super::expression::{Label, Operand, Shape};
use super::lexer::{Kind, Text};
use super::literal;
use super::parser::Parser;
use super::tables::OWN_DATABASE;

/// The keywords no expression can start with, sorted.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "asymmetric",
    "both",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "fetch",
    "for",
    "foreign",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "like",
    "limit",
    "natural",
    "notnull",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "similar",
    "some",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "union",
    "unique",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// Whether no expression can start with the word.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

/// Words that are names in PostgreSQL and keywords in DuckDB.
pub(super) fn is_duckdb_keyword(word: &str) -> bool {
    matches!(
        word,
        "anti"
            | "asof"
            | "at"
            | "columns"
            | "describe"
            | "glob"
            | "lambda"
            | "map"
            | "pivot"
            | "pivot_longer"
            | "pivot_wider"
            | "positional"
            | "qualify"
            | "semi"
            | "show"
            | "struct"
            | "summarize"
            | "try_cast"
            | "unpack"
            | "unpivot"
    )
}

impl Parser<'_> {
    /// Quotes a name that DuckDB would take for a keyword.
    pub fn guard_name(&mut self, at: usize) {
        if is_duckdb_keyword(self.keyword(at).as_str()) {
            let name = literal::quote_name(&self.identifier(at));
            self.replace(at, at + 1, name);
        }
    }

    /// Folds a name that others will see, as PostgreSQL does; DuckDB's setting for it leaves out every
    /// word that is a keyword of some kind (`Name`, `Type`).
    pub fn fold_name(&mut self, at: usize) {
        if self.kind(at) == Some(Kind::Word) && self.text(at).bytes().any(|byte| byte.is_ascii_uppercase()) {
            let name = self.identifier(at);
            self.replace(at, at + 1, name);
        }
        self.guard_name(at);
    }

    /// Folds the names of a list in parentheses and steps behind it.
    pub fn fold_names(&mut self) {
        let behind = self.behind_brackets();
        for at in self.at..behind {
            self.fold_name(at);
        }
        self.at = behind;
    }

    /// A name with its fields: a column, a whole row, or a function with its arguments.
    pub fn path(&mut self, start: usize) -> Option<Operand> {
        let first = self.at;
        self.at += 1;
        while self.mark(".") && (self.name_at(self.at + 1) || self.operator_at(self.at + 1, "*")) {
            self.at += 2;
            if self.operator_at(self.at - 1, "*") {
                self.qualified_column(first);
                return Some(Operand {
                    start,
                    end: self.previous_end(),
                    label: Label::Column(String::new()),
                    shape: Shape::Other,
                    known: None,
                });
            }
        }
        if self.mark("(") {
            if let Some(operand) = self.session_call(first, start) {
                return Some(operand);
            }
            let shape = self.call_shape(self.at);
            let call = self.call(first)?;
            return Some(match (shape, &call.shape) {
                (Some(shape), Shape::Other | Shape::Array) => Operand { shape, ..call },
                _ => call,
            });
        }
        if self.at == first + 1
            && let Some(Kind::Text(form)) = self.kind(self.at)
            && !matches!(form, Text::Bits | Text::Hex)
        {
            // A constant of a type that is not built in.
            let name = self.identifier(first);
            self.at += 1;
            return Some(Operand::new(start, self.previous_end(), Label::Weak(name)));
        }
        self.qualified_column(first);
        let name = self.identifier(self.at - 1);
        let shape = self.column_shape(&name);
        Some(Operand { shape, ..Operand::new(start, self.previous_end(), Label::Column(name)) })
    }

    /// Edits the schema in front of a column.
    fn qualified_column(&mut self, first: usize) {
        // What follows a keyword of DuckDB's own clauses would not follow a column.
        let clause = self.at == first + 1
            && matches!(self.kind(self.at), Some(Kind::Word | Kind::Quoted | Kind::Number))
            && !is_reserved(self.keyword(self.at).as_str());
        if !clause {
            self.guard_name(first);
        }
        if self.at - first < 5 {
            return;
        }
        let mut first = first;
        if self.at - first >= 7 && self.identifier(first) == OWN_DATABASE && self.identifier(first + 2) != "main" {
            self.edits.replace(self.tokens[first].start, self.tokens[first + 2].start, "");
            first += 2;
        }
        match self.identifier(first).as_str() {
            "pg_catalog" => self.edits.replace(self.tokens[first].start, self.tokens[first + 2].start, ""),
            "information_schema" => {
                self.edits.replace(self.tokens[first].start, self.tokens[first + 2].start, "information_schema_");
            }
            "public" => self.replace(first, first + 1, "main"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn reserved_words_are_sorted() {
        assert!(super::RESERVED.is_sorted());
        assert!(super::is_reserved("from") && super::is_reserved("with") && !super::is_reserved("name"));
    }
}
