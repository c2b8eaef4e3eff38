//! Names of tables, and the FROM clause.
//!
//! Qualifiers of PostgreSQL's own schemas lead into `pgc`, `public` is DuckDB's `main`. A function in
//! FROM gives its only column the alias in PostgreSQL; DuckDB would make a whole row of the same name.

use super::literal;
use super::names::is_reserved;
use super::parser::Parser;

fn cannot_be_alias(word: &str) -> bool {
    is_reserved(word) || matches!(word, "left" | "right" | "set" | "tablesample" | "window" | "values" | "default")
}

/// Functions without a set that are seen in FROM clauses.
const SCALARS: &[&str] = &[
    "current_database",
    "current_schema",
    "current_schemas",
    "current_setting",
    "now",
    "pg_backend_pid",
    "regexp_split_to_array",
    "string_to_array",
    "to_regclass",
    "version",
];

/// The name of the database that clients are connected to. Behind it stand PostgreSQL's schemas, but for `main`, which is the
/// schema of the server's own tables.
pub(super) const OWN_DATABASE: &str = "tavana";

impl Parser<'_> {
    /// Reads the items of a FROM clause with their joins.
    pub fn tables(&mut self) {
        while !self.at_end() && !self.mark(")") {
            match self.keyword(self.at).as_str() {
                "on" if self.keyword_is(self.at + 1, "conflict") => return,
                "on" => {
                    self.at += 1;
                    self.expression(0);
                }
                "using" if self.mark_at(self.at + 1, "(") => {
                    self.at += 1;
                    self.at = self.behind_brackets();
                }
                "natural" | "left" | "right" | "full" | "inner" | "cross" | "outer" | "join" | "only" | "lateral"
                | "as" => self.at += 1,
                "tablesample" => self.sample(),
                "rows" if self.keyword_is(self.at + 1, "from") && self.mark_at(self.at + 2, "(") => {
                    self.at += 2;
                    self.at = self.behind_brackets();
                }
                _ if self.mark(",") => self.at += 1,
                _ if self.mark("(") => self.parenthesized_table(),
                word if self.name_at(self.at) && !cannot_be_alias(word) => self.table(),
                _ => return,
            }
        }
    }

    /// Whether the parenthesis that is next holds a query, not joins of which the first table is a query in parentheses.
    fn is_subquery(&mut self) -> bool {
        let outer = self.at;
        while self.mark_at(self.at + 1, "(") {
            self.at += 1;
            let behind = self.behind_brackets();
            let goes_on = matches!(
                self.keyword(behind).as_str(),
                "union" | "intersect" | "except" | "order" | "limit" | "offset" | "fetch" | "for"
            );
            if !goes_on && !self.mark_at(behind, ")") {
                self.at = outer;
                return false;
            }
        }
        self.at = outer;
        self.query_at(outer + 1)
    }

    fn parenthesized_table(&mut self) {
        if self.is_subquery() {
            let behind = self.behind_brackets();
            let alias = behind + usize::from(self.keyword_is(behind, "as"));
            let columns_named = self.name_at(alias) && self.mark_at(alias + 1, "(");
            self.at += 1;
            if self.keyword_is(self.at, "values") && !columns_named {
                let columns = self.deeper(Parser::rows);
                let only = self.eat_mark(")");
                if let Some((_, false)) = self.alias()
                    && only
                    && let Some(columns) = columns
                {
                    let end = self.previous_end();
                    self.edits.close(end, format!("({})", super::query::value_columns(columns)));
                }
                return;
            }
            // What LATERAL sees are the columns of others.
            let lateral = self.at >= 2 && self.keyword_is(self.at - 2, "lateral");
            self.correlated += usize::from(lateral);
            self.subquery(!columns_named);
            self.correlated -= usize::from(lateral);
        } else {
            self.at += 1;
            self.deeper(|parser| {
                parser.tables();
                Some(())
            });
            // What was not understood inside must not end the clause outside.
            let mut depth = 0_usize;
            while !(self.at_end() || (depth == 0 && self.mark(")"))) {
                depth = depth + usize::from(self.mark("(")) - usize::from(self.mark(")"));
                self.at += 1;
            }
            self.at += 1;
        }
        self.alias();
    }

    /// `[AS] name [(columns)]`; gives the name and whether columns follow.
    fn alias(&mut self) -> Option<(String, bool)> {
        let has_as = self.keyword_is(self.at, "as");
        let at = self.at + usize::from(has_as);
        if has_as && self.mark_at(at, "(") {
            // `AS (column type, …)` of a function that gives records.
            self.at = at;
            self.at = self.behind_brackets();
            return Some((String::new(), true));
        }
        if !self.name_at(at) || cannot_be_alias(self.keyword(at).as_str()) {
            return None;
        }
        let name = self.identifier(at);
        // Without AS these words may begin a clause of DuckDB's (`ASOF JOIN`, `PIVOT (…)`).
        if has_as || !(self.mark_at(at + 1, "(") || self.keyword_is(at + 1, "join")) {
            self.guard_name(at);
        }
        self.at = at + 1;
        let columns = self.mark("(");
        if columns {
            self.fold_names();
        }
        Some((name, columns))
    }

    fn table(&mut self) {
        let first = self.at;
        self.at += 1;
        while self.mark(".") && self.name_at(self.at + 1) {
            self.at += 2;
        }
        if !self.mark("(") && self.session_table(first) {
            let end = self.previous_end();
            let name = self.identifier(self.at - 1);
            if self.alias().is_none() {
                self.edits.close(end, format!(" AS {name}"));
            }
            return;
        }
        if !self.mark("(") {
            self.qualified_relation(first);
            if self.operator_at(self.at, "*") {
                self.remove(self.at, self.at + 1);
                self.at += 1;
            }
            self.alias();
            return;
        }
        let last = self.at - 1;
        self.in_from = true;
        let call = self.call(first);
        self.in_from = false;
        if call.is_none() {
            return;
        }
        let end = self.previous_end();
        let name = self.identifier(last);
        if SCALARS.contains(&name.as_str()) {
            // In PostgreSQL any function is a table, of one row if it gives no set.
            self.edits.open(self.tokens[first].start, "(SELECT ");
            self.edits.close(end, ")");
            let (alias, named) = self.alias().unwrap_or((name.clone(), false));
            let behind = self.previous_end();
            match (named, behind == end) {
                (true, _) => {}
                (false, false) => self.edits.close(behind, format!("({})", literal::quote_name(&alias))),
                (false, true) => self.edits.close(end, format!(" AS {0}({0})", literal::quote_name(&name))),
            }
            return;
        }
        let ordinality = self.eat_all(&["with", "ordinality"]);
        let end = self.previous_end();
        match self.alias() {
            Some((alias, false)) => {
                if let Some(column) = self.function_column(first, last, &alias) {
                    let ordinality = if ordinality { ", ordinality" } else { "" };
                    let end = self.previous_end();
                    self.edits.close(end, format!("({column}{ordinality})"));
                }
            }
            Some((_, true)) => {}
            None if name != "generate_series" && name != "unnest" => {
                if let Some(column) = self.function_column(first, last, &name) {
                    let ordinality = if ordinality { ", ordinality" } else { "" };
                    self.edits.close(end, format!(" AS {}({column}{ordinality})", literal::quote_name(&name)));
                }
            }
            None => {}
        }
    }

    /// A share of a table is told in rows by DuckDB unless PERCENT stands there.
    fn sample(&mut self) {
        self.at += 1;
        if !self.name_at(self.at) || !self.mark_at(self.at + 1, "(") {
            return;
        }
        self.at += 1;
        self.at = self.behind_brackets();
        if !self.keyword_is(self.at - 2, "percent") && !self.operator_at(self.at - 2, "%") {
            let end = self.tokens[self.at - 2].end;
            self.edits.close(end, " PERCENT");
        }
        if self.keyword_is(self.at, "repeatable") && self.mark_at(self.at + 1, "(") {
            self.at += 1;
            self.at = self.behind_brackets();
        }
    }

    /// The table a statement writes to, with its alias and its list of columns.
    pub fn target(&mut self) {
        if !self.relation() {
            return;
        }
        if self.mark("(") {
            if !self.query_at(self.at) {
                let behind = self.behind_brackets();
                for at in self.at..behind {
                    self.guard_name(at);
                }
                self.at = behind;
            }
            return;
        }
        self.alias();
    }

    /// The name of a table, edited.
    pub fn relation(&mut self) -> bool {
        if !self.name_at(self.at) {
            return false;
        }
        let first = self.at;
        self.at += 1;
        while self.mark(".") && self.name_at(self.at + 1) {
            self.at += 2;
        }
        self.qualified_relation(first);
        true
    }

    /// Edits the qualifier of the name at tokens `first..self.at`.
    fn qualified_relation(&mut self, first: usize) {
        let last = self.at - 1;
        if self.catalog.is_some() {
            let schema = if last < first + 2 { String::new() } else { self.identifier(last - 2) };
            let table = self.identifier(last);
            self.catalog.iter_mut().for_each(|catalog| catalog.table(&schema, &table));
        }
        if last < first + 2 {
            self.guard_name(first);
            return;
        }
        let schema = last - 2;
        let (start, own) = (self.tokens[first].start, self.tokens[last].start);
        let catalog = (schema >= first + 2).then(|| self.identifier(schema - 2));
        let is_own = catalog.as_deref() == Some(OWN_DATABASE) && self.identifier(schema) != "main";
        if is_own {
            self.edits.replace(start, self.tokens[schema].start, "");
        }
        match self.identifier(schema).as_str() {
            // In another catalog a schema is what it is there.
            _ if catalog.is_some() && !is_own => {}
            "pg_catalog" => self.edits.replace(start, own, "pgc."),
            "information_schema" => {
                let name = literal::quote_name(&format!("information_schema_{}", self.identifier(last)));
                self.edits.replace(start, self.tokens[last].end, format!("pgc.{name}"));
            }
            "public" => self.replace(schema, schema + 1, "main"),
            "pg_temp" => self.replace(schema, schema + 1, "temp"),
            _ => {}
        }
    }
}
