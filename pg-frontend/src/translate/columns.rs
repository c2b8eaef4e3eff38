//! The columns and constraints of CREATE TABLE, and the actions of ALTER TABLE.
//!
//! `serial` and identity columns are a sequence and a default; the sequence is a statement of its own
//! that runs before. What DuckDB's foreign keys cannot do (CASCADE …) is left out: such a delete then
//! fails loudly instead of cascading.

use super::TranslateError;
use super::command::{Command, Spare};
use super::literal;
use super::parser::Parser;
use super::types::TypeName;

impl Parser<'_> {
    /// The elements of CREATE TABLE in their parentheses.
    pub fn table_elements(&mut self, table: &[String], temporary: bool) -> Result<(), TranslateError> {
        self.at += 1;
        while !self.at_end() && !self.mark(")") {
            let before = self.at;
            if self.eat("constraint") {
                self.at += 1;
            }
            match self.keyword(self.at).as_str() {
                "like" => {
                    return Err(self.unsupported("LIKE beside other columns is not supported; list the columns"));
                }
                "exclude" => return Err(self.unsupported("exclusion constraints are not supported; leave EXCLUDE out")),
                "primary" | "unique" | "check" | "foreign" => {}
                _ if self.name_at(self.at) => {
                    let column = self.identifier(self.at);
                    self.fold_name(self.at);
                    self.at += 1;
                    self.column(table, &column, temporary, true);
                }
                _ => {}
            }
            self.constraints(table, None, temporary);
            if !self.eat_mark(",") && !self.mark(")") {
                self.at = self.at.max(before + 1);
            }
        }
        self.at += 1;
        Ok(())
    }

    /// A column behind its name: type and constraints.
    fn column(&mut self, table: &[String], column: &str, temporary: bool, may_check: bool) {
        let serial = match self.keyword(self.at).as_str() {
            "serial" | "serial4" => Some("integer"),
            "bigserial" | "serial8" => Some("bigint"),
            "smallserial" | "serial2" => Some("smallint"),
            _ => None,
        };
        if let Some(integer) = serial {
            let default = self.sequence(table, column, temporary);
            self.replace(self.at, self.at + 1, format!("{integer} DEFAULT {default} NOT NULL"));
            self.at += 1;
        } else if let Some(check) = self.column_type().filter(|_| may_check).and_then(|name| name.length_check(column))
            && self.options.checks_lengths
        {
            if !temporary {
                self.spare = Some(Spare::Lengths);
            }
            self.edits.close(self.previous_end(), format!(" {check}"));
        }
        self.constraints(table, Some(column), temporary);
    }

    /// A type where no value is cast.
    pub fn column_type(&mut self) -> Option<TypeName> {
        let name = self.type_name()?;
        if let Some(text) = name.duckdb(&self.sql[name.start..name.end]) {
            self.edits.replace(name.start, name.end, text);
        }
        Some(name)
    }

    /// Makes the sequence of a column and gives the default that draws from it.
    fn sequence(&mut self, table: &[String], column: &str, temporary: bool) -> String {
        let own = format!("{}_{column}_seq", table.last().map_or("", String::as_str));
        let mut name = String::new();
        for schema in &table[..table.len().saturating_sub(1)] {
            name.push_str(&literal::quote_name(if schema == "public" { "main" } else { schema }));
            name.push('.');
        }
        name.push_str(&literal::quote_name(&own));
        let kind = if temporary { "TEMP SEQUENCE" } else { "SEQUENCE" };
        self.before.push(format!("CREATE {kind} IF NOT EXISTS {name}"));
        format!("nextval({})", literal::quote(&name))
    }

    /// Constraints up to the next element.
    fn constraints(&mut self, table: &[String], column: Option<&str>, temporary: bool) {
        while !self.at_end() && !self.mark(",") && !self.mark(")") {
            let from = self.at;
            match self.keyword(self.at).as_str() {
                "default" => {
                    self.at += 1;
                    self.expression(super::expression::binding::PATTERN);
                }
                "check" if self.mark_at(self.at + 1, "(") => {
                    self.at += 2;
                    self.expressions_to_close();
                    if self.eat_all(&["no", "inherit"]) {
                        self.remove(self.at - 2, self.at);
                    }
                }
                "generated" => self.generated(table, column, temporary),
                "references" => {
                    self.at += 1;
                    self.relation();
                }
                "collate" => {
                    self.at += 2;
                    while self.eat_mark(".") {
                        self.at += 1;
                    }
                    self.remove(from, self.at);
                }
                "match" | "storage" | "compression" => {
                    self.at += 2;
                    self.remove(from, self.at.min(self.tokens.len()));
                }
                "on" if matches!(self.keyword(self.at + 1).as_str(), "delete" | "update") => {
                    self.at += 2;
                    if !self.eat("cascade") && !self.eat("restrict") {
                        self.at += 2;
                    }
                    self.remove(from, self.at.min(self.tokens.len()));
                }
                "deferrable" => {
                    self.at += 1;
                    self.remove(from, self.at);
                }
                "initially" => {
                    self.at += 2;
                    self.remove(from, self.at.min(self.tokens.len()));
                }
                "not" if self.keyword_is(self.at + 1, "deferrable") || self.keyword_is(self.at + 1, "valid") => {
                    self.at += 2;
                    self.remove(from, self.at);
                }
                "nulls" if self.eat_all(&["nulls", "not", "distinct"]) || self.eat_all(&["nulls", "distinct"]) => {
                    self.remove(from, self.at);
                }
                "using" if self.eat_all(&["using", "index", "tablespace"]) => {
                    self.at += 1;
                    self.remove(from, self.at.min(self.tokens.len()));
                }
                "with" | "include" if self.mark_at(self.at + 1, "(") => {
                    self.at += 1;
                    self.at = self.behind_brackets();
                    self.remove(from, self.at);
                }
                _ if self.mark("(") => self.at = self.behind_brackets(),
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.tokens.len());
    }

    /// `GENERATED … AS IDENTITY`, `GENERATED ALWAYS AS (…) STORED`
    fn generated(&mut self, table: &[String], column: Option<&str>, temporary: bool) {
        let from = self.at;
        self.at += 1;
        if !self.eat("always") {
            self.eat_all(&["by", "default"]);
        }
        if !self.eat("as") {
            return;
        }
        if self.eat("identity") {
            if self.mark("(") {
                self.at = self.behind_brackets();
            }
            let default = self.sequence(table, column.unwrap_or(""), temporary);
            self.replace(from, self.at, format!("DEFAULT {default} NOT NULL"));
        } else if self.eat_mark("(") {
            self.expressions_to_close();
            self.remove_word("stored");
        }
    }

    /// ALTER TABLE behind these words.
    pub fn alter_table(&mut self) -> Result<Command, TranslateError> {
        self.eat_all(&["if", "exists"]);
        self.remove_word("only");
        let first = self.at;
        if !self.relation() {
            return Ok(Command::Definition("ALTER TABLE"));
        }
        let table: Vec<String> = (first..self.at).step_by(2).map(|at| self.identifier(at)).collect();
        if self.operator_at(self.at, "*") {
            self.remove(self.at, self.at + 1);
            self.at += 1;
        }
        let actions = self.actions();
        let head = &self.sql[self.tokens[0].start..self.previous_end()];
        let (mut kept, end) = (None, self.tokens.len());
        for action in actions {
            if self.is_ignored_action(action.start) {
                continue;
            }
            if kept.is_none() {
                kept = Some(action);
            } else if !action.is_empty() {
                let text = &self.sql[self.tokens[action.start].start..self.tokens[action.end - 1].end];
                self.follow(format!("{head} {text}"));
            }
        }
        let Some(kept) = kept else {
            self.ignored = true;
            return Ok(Command::Definition("ALTER TABLE"));
        };
        if kept.end < end {
            self.remove(kept.end, end);
        }
        if kept.start > self.at {
            self.remove(self.at, kept.start);
        }
        self.at = kept.start;
        self.action(&table);
        Ok(Command::Definition("ALTER TABLE"))
    }

    /// The token ranges of the actions, split at their commas.
    fn actions(&self) -> Vec<std::ops::Range<usize>> {
        let mut found = Vec::new();
        let (mut start, mut depth) = (self.at, 0_usize);
        for at in self.at..self.tokens.len() {
            if self.mark_at(at, "(") || self.mark_at(at, "[") {
                depth += 1;
            } else if self.mark_at(at, ")") || self.mark_at(at, "]") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && self.mark_at(at, ",") {
                found.push(start..at);
                start = at + 1;
            }
        }
        found.push(start..self.tokens.len());
        found
    }

    /// What is about owners, storage and triggers means nothing here.
    fn is_ignored_action(&self, at: usize) -> bool {
        let next = self.keyword(at + 1);
        match self.keyword(at).as_str() {
            "owner" | "cluster" | "enable" | "disable" | "replica" | "validate" => true,
            "set" => {
                self.mark_at(at + 1, "(")
                    || matches!(next.as_str(), "without" | "logged" | "unlogged" | "tablespace" | "access")
            }
            "reset" => self.mark_at(at + 1, "("),
            "alter" => {
                let set = at + 2 + usize::from(next.as_str() == "column");
                self.keyword_is(set, "set") && matches!(self.keyword(set + 1).as_str(), "statistics" | "storage")
            }
            _ => false,
        }
    }

    fn action(&mut self, table: &[String]) {
        match self.keyword(self.at).as_str() {
            "add" => {
                self.at += 1;
                if self.eat("constraint") {
                    self.at += 1;
                    self.constraints(table, None, false);
                } else if matches!(self.keyword(self.at).as_str(), "primary" | "unique" | "check" | "foreign") {
                    self.constraints(table, None, false);
                } else {
                    self.eat("column");
                    self.eat_all(&["if", "not", "exists"]);
                    if self.name_at(self.at) {
                        let column = self.identifier(self.at);
                        self.fold_name(self.at);
                        self.at += 1;
                        // DuckDB adds no columns with checks.
                        self.column(table, &column, false, false);
                    }
                }
            }
            "alter" => {
                self.at += 1;
                self.eat("column");
                self.at += 1;
                if self.eat("type") || self.eat_all(&["set", "data", "type"]) {
                    let _ = self.column_type();
                    if self.eat("using") {
                        self.expression(0);
                    }
                } else if self.eat_all(&["set", "default"]) {
                    self.expression(0);
                }
            }
            _ => {}
        }
    }
}
