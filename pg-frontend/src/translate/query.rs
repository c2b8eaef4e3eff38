//! Queries and the statements around them, clause by clause.
//!
//! A body is read from keyword to keyword; what lies between is expressions. The select list is where
//! PostgreSQL's column names are given (`count`, `?column?`), because every client shows them and
//! DuckDB derives others. Only what follows an item decides whether it was read to its end.

use super::catalog::CatalogColumns;
use super::expression::{Label, Operand, Shape};
use super::lexer::Kind;
use super::literal;
use super::names::is_reserved;
use super::parser::Parser;
use super::results::Results;

/// The keywords that a column label without AS cannot be.
fn needs_as(word: &str) -> bool {
    is_reserved(word)
        || matches!(
            word,
            "array"
                | "char"
                | "character"
                | "day"
                | "filter"
                | "hour"
                | "minute"
                | "month"
                | "over"
                | "precision"
                | "second"
                | "varying"
                | "within"
                | "without"
                | "year"
        )
}

/// The keywords that can follow a select list.
fn ends_list(word: &str) -> bool {
    matches!(
        word,
        "from"
            | "into"
            | "where"
            | "group"
            | "having"
            | "window"
            | "union"
            | "intersect"
            | "except"
            | "order"
            | "limit"
            | "offset"
            | "fetch"
            | "for"
            | "on"
            | "returning"
            | "with"
    )
}

/// The names PostgreSQL gives the columns of VALUES.
pub(super) fn value_columns(columns: usize) -> String {
    (1..=columns).map(|number| format!("column{number}")).collect::<Vec<_>>().join(", ")
}

impl Parser<'_> {
    /// Reads a query up to its closing parenthesis and steps over it; gives the label of its first
    /// column. With `labels` its columns are named as PostgreSQL names them.
    pub fn subquery(&mut self, labels: bool) -> Option<Label> {
        self.deeper(|parser| {
            let in_from = std::mem::take(&mut parser.in_from);
            let label = parser.body(labels);
            parser.in_from = in_from;
            parser.eat_mark(")");
            Some(label)
        })
    }

    /// Reads a query that is an operand.
    pub fn inner_query(&mut self) -> Option<Label> {
        self.correlated += 1;
        let label = self.subquery(false);
        self.correlated -= 1;
        label
    }

    /// Reads clauses until the end or an unmatched parenthesis.
    pub fn body(&mut self, labels: bool) -> Label {
        let mut label = None;
        let first = self.at;
        let mut into = false;
        while !self.at_end() && !self.mark(")") {
            let before = self.at;
            match self.keyword(self.at).as_str() {
                "select" => {
                    self.at += 1;
                    let found = self.select_list(labels);
                    label.get_or_insert(found);
                }
                "returning" => {
                    self.at += 1;
                    // What an INSERT selects is no result.
                    self.results = self.results.take().filter(|_| self.depth > 0);
                    self.select_list(labels);
                }
                "with" => self.common_tables(),
                "from" => {
                    self.at += 1;
                    self.tables();
                }
                "using" if self.operator_at(self.at + 1, "<") || self.operator_at(self.at + 1, ">") => {
                    let order = if self.operator_at(self.at + 1, "<") { "ASC" } else { "DESC" };
                    self.at += 2;
                    self.replace(before, self.at, order);
                }
                "using" if !self.mark_at(self.at + 1, "(") || self.query_at(self.at + 1) => {
                    self.at += 1;
                    self.tables();
                }
                "into" => {
                    into = true;
                    self.at += 1;
                    self.target();
                }
                "update" if !self.keyword_is(self.at + 1, "set") => {
                    self.at += 1;
                    self.eat("only");
                    self.target();
                }
                "for" if matches!(self.keyword(self.at + 1).as_str(), "update" | "share" | "no" | "key") => {
                    self.locking()
                }
                "values" if self.mark_at(self.at + 1, "(") => self.values(labels && !into && before == first),
                "table" if self.name_at(self.at + 1) => {
                    self.at += 1;
                    self.relation();
                }
                "window" => self.windows(),
                "overriding" if self.keyword_is(self.at + 2, "value") => {
                    self.at += 3;
                    self.remove(before, self.at);
                }
                _ if self.mark("(") && self.query_at(self.at) => {
                    if self.depth == 0 {
                        // Its columns are not read here.
                        self.results = Some(Results::unknown());
                    }
                    self.at += 1;
                    let found = self.subquery(labels);
                    label = label.or(found);
                }
                _ => {
                    if self.expression(0).is_none() {
                        self.at = self.at.max(before + 1);
                    }
                }
            }
        }
        label.unwrap_or(Label::Unknown)
    }

    /// `WITH name (columns) AS (query), …`
    fn common_tables(&mut self) {
        self.at += 1;
        self.eat("recursive");
        while self.name_at(self.at) {
            self.at += 1;
            let named = self.mark("(");
            if named {
                self.fold_names();
            }
            if !self.eat("as") {
                return;
            }
            self.eat("not");
            self.eat("materialized");
            if !self.eat_mark("(") {
                return;
            }
            self.subquery(!named);
            if !self.eat_mark(",") {
                return;
            }
        }
    }

    /// `WINDOW name AS (…), …`
    fn windows(&mut self) {
        self.at += 1;
        while self.name_at(self.at) && self.keyword_is(self.at + 1, "as") && self.mark_at(self.at + 2, "(") {
            self.at += 3;
            self.window();
            if !self.eat_mark(",") {
                return;
            }
        }
    }

    /// The list behind SELECT or RETURNING; gives the label of its first item.
    fn select_list(&mut self, labels: bool) -> Label {
        if !self.eat("all") && self.eat("distinct") && self.keyword_is(self.at, "on") && self.mark_at(self.at + 1, "(")
        {
            self.at += 2;
            self.expressions_to_close();
        }
        let mut first = None;
        let (mut first_type, outer) = (None, self.catalog.as_mut().map_or(0, CatalogColumns::begin_list));
        let mut results = Results::default();
        loop {
            if self.at_end() || self.mark(")") || ends_list(self.keyword(self.at).as_str()) {
                break;
            }
            let label = self.item(labels, &mut results);
            if first.is_none() {
                first_type = self.catalog.as_ref().and_then(CatalogColumns::first_type);
            }
            first.get_or_insert(label);
            if !self.eat_mark(",") {
                break;
            }
        }
        self.catalog.iter_mut().for_each(|catalog| catalog.end_list(first_type, outer));
        if first.is_none() {
            // A list of nothing, as in `exists (select from t)`.
            self.edits.close(self.previous_end(), " NULL");
            self.bare |= self.depth == 0;
        }
        if self.depth == 0 {
            self.results = Some(results.united(self.results.take()));
        }
        if self.keyword_is(self.at, "into") && labels {
            self.select_into();
        }
        first.unwrap_or(Label::Unknown)
    }

    /// One item of a select list.
    fn item(&mut self, labels: bool, results: &mut Results) -> Label {
        if self.operator_at(self.at, "*") {
            self.at += 1;
            self.catalog_star();
            results.star();
            self.skip_item();
            return Label::Unknown;
        }
        let Some(operand) = self.expression(0) else {
            self.skip_item();
            results.star();
            return Label::Unknown;
        };
        if self.operator_at(self.at.saturating_sub(1), "*") {
            self.catalog_star();
        } else if self.catalog.is_some() {
            let label = self.alias_ahead();
            self.catalog_item(&operand, label.as_deref());
        }
        let operand = self.shown(operand);
        let operand = self.shown_item(operand);
        results.push(&operand);
        self.signals(&operand);
        if self.depth == 0 && (self.aggregate(&operand) || self.division(&operand)) {
            results.quotient();
        }
        if self.keyword_is(self.at, "as") {
            let label = Label::Strong(self.identifier(self.at + 1));
            if !is_reserved(self.keyword(self.at + 1).as_str()) {
                self.fold_name(self.at + 1);
            }
            self.at += 2;
            return label;
        }
        if self.name_at(self.at) && !needs_as(self.keyword(self.at).as_str()) {
            // DuckDB has more words that need the AS.
            if self.kind(self.at) == Some(Kind::Word) {
                self.edits.open(self.start(), "AS ");
                self.fold_name(self.at);
            }
            self.at += 1;
            return Label::Strong(self.identifier(self.at - 1));
        }
        let complete = self.at_end() || self.mark(",") || self.mark(")") || ends_list(self.keyword(self.at).as_str());
        if !complete {
            self.skip_item();
            return operand.label;
        }
        if labels {
            self.name_column(&operand);
        }
        match operand.label {
            Label::Column(name) => Label::Strong(name),
            label => label,
        }
    }

    /// The alias that stands behind an item.
    fn alias_ahead(&self) -> Option<String> {
        let at = self.at + usize::from(self.keyword_is(self.at, "as"));
        let named = self.name_at(at) && (at > self.at || !needs_as(self.keyword(at).as_str()));
        named.then(|| self.identifier(at))
    }

    fn name_column(&mut self, operand: &Operand) {
        let name = match &operand.label {
            Label::Column(_) => return,
            Label::Unknown => "?column?",
            // DuckDB's own: as many columns as match.
            Label::Strong(name) if name == "columns" && operand.shape == Shape::Other => return,
            Label::Strong(name) | Label::Weak(name) => name,
        };
        let name = literal::quote_name(name);
        self.edits.close(operand.end, format!(" AS {name}"));
    }

    /// Goes on to the comma or keyword behind an item that was not understood.
    fn skip_item(&mut self) {
        while !self.at_end() && !self.mark(",") && !self.mark(")") && !ends_list(self.keyword(self.at).as_str()) {
            self.at = if self.mark("(") || self.mark("[") { self.behind_brackets() } else { self.at + 1 };
        }
    }

    /// `SELECT … INTO t` is `CREATE TABLE t AS SELECT …`.
    fn select_into(&mut self) {
        let from = self.at;
        self.at += 1;
        let temporary = self.eat("temporary") || self.eat("temp");
        self.eat("unlogged");
        self.eat("table");
        let name = self.start();
        if !self.relation() || self.depth > 0 {
            return;
        }
        let name = self.sql[name..self.previous_end()].to_owned();
        self.remove(from, self.at);
        let kind = if temporary { "TEMP TABLE" } else { "TABLE" };
        self.edits.open(self.tokens[0].start, format!("CREATE {kind} {name} AS "));
        self.selects_into = true;
    }

    /// `FOR UPDATE OF t NOWAIT`: there are no row locks, a writer that comes second fails.
    fn locking(&mut self) {
        let from = self.at;
        self.at += 1;
        for word in ["no", "key", "update", "share"] {
            self.eat(word);
        }
        if self.eat("of") {
            while self.name_at(self.at) {
                self.at += 1;
                if !self.eat_mark(",") && !self.eat_mark(".") {
                    break;
                }
            }
        }
        if !self.eat("nowait") {
            self.eat_all(&["skip", "locked"]);
        }
        self.remove(from, self.at);
    }

    /// Rows of VALUES; named `column1` … when they are the whole query.
    fn values(&mut self, labels: bool) {
        let start = self.start();
        let columns = self.rows();
        if self.depth == 0 && labels {
            self.results = Some(Results::expressions(columns.unwrap_or(0)).united(self.results.take()));
        }
        if labels && let Some(columns) = columns {
            self.edits.open(start, "SELECT * FROM (");
            self.edits.close(self.previous_end(), format!(") AS \"*VALUES*\"({})", value_columns(columns)));
        }
    }

    /// The rows of VALUES; gives the number of columns.
    pub fn rows(&mut self) -> Option<usize> {
        self.at += 1;
        let mut columns = None;
        while self.eat_mark("(") {
            let row = self.deeper(|parser| Some(parser.expressions_to_close()));
            columns = columns.or(row.map(|row| row.len()));
            if !self.eat_mark(",") {
                break;
            }
        }
        columns
    }
}
