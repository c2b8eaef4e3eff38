//! CREATE, ALTER, DROP and their kin: clauses DuckDB has no place for.
//!
//! A clause that says how something is stored (`WITH (fillfactor…)`, `TABLESPACE`, `USING btree`) is
//! removed; one that would change what a statement means (`INHERITS`, `PARTITION BY`) is refused with
//! the reason. Where PostgreSQL does several things in one statement and DuckDB one, the others follow
//! in statements of their own.

use super::TranslateError;
use super::command::{Command, Excuse, Spare};
use super::parser::Parser;

type Parsed = Result<Command, TranslateError>;

/// The kinds of objects, by their words, and the tags of their commands.
const OBJECTS: &[(&[&str], [&str; 3])] = &[
    (&["table"], ["CREATE TABLE", "ALTER TABLE", "DROP TABLE"]),
    (&["view"], ["CREATE VIEW", "ALTER VIEW", "DROP VIEW"]),
    (&["materialized", "view"], ["SELECT", "ALTER MATERIALIZED VIEW", "DROP MATERIALIZED VIEW"]),
    (&["unique", "index"], ["CREATE INDEX", "ALTER INDEX", "DROP INDEX"]),
    (&["index"], ["CREATE INDEX", "ALTER INDEX", "DROP INDEX"]),
    (&["schema"], ["CREATE SCHEMA", "ALTER SCHEMA", "DROP SCHEMA"]),
    (&["sequence"], ["CREATE SEQUENCE", "ALTER SEQUENCE", "DROP SEQUENCE"]),
    (&["type"], ["CREATE TYPE", "ALTER TYPE", "DROP TYPE"]),
    (&["domain"], ["CREATE DOMAIN", "ALTER DOMAIN", "DROP DOMAIN"]),
    (&["extension"], ["CREATE EXTENSION", "ALTER EXTENSION", "DROP EXTENSION"]),
    (&["database"], ["CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE"]),
    (&["role"], ["CREATE ROLE", "ALTER ROLE", "DROP ROLE"]),
    (&["user"], ["CREATE ROLE", "ALTER ROLE", "DROP ROLE"]),
    (&["group"], ["CREATE ROLE", "ALTER ROLE", "DROP ROLE"]),
    (&["function"], ["CREATE FUNCTION", "ALTER FUNCTION", "DROP FUNCTION"]),
    (&["procedure"], ["CREATE PROCEDURE", "ALTER PROCEDURE", "DROP PROCEDURE"]),
    (&["macro"], ["CREATE FUNCTION", "ALTER FUNCTION", "DROP FUNCTION"]),
    (&["trigger"], ["CREATE TRIGGER", "ALTER TRIGGER", "DROP TRIGGER"]),
    (&["rule"], ["CREATE RULE", "ALTER RULE", "DROP RULE"]),
    (&["policy"], ["CREATE POLICY", "ALTER POLICY", "DROP POLICY"]),
    (&["aggregate"], ["CREATE AGGREGATE", "ALTER AGGREGATE", "DROP AGGREGATE"]),
    (&["operator"], ["CREATE OPERATOR", "ALTER OPERATOR", "DROP OPERATOR"]),
    (&["cast"], ["CREATE CAST", "ALTER CAST", "DROP CAST"]),
    (&["collation"], ["CREATE COLLATION", "ALTER COLLATION", "DROP COLLATION"]),
    (&["tablespace"], ["CREATE TABLESPACE", "ALTER TABLESPACE", "DROP TABLESPACE"]),
    (&["server"], ["CREATE SERVER", "ALTER SERVER", "DROP SERVER"]),
    (&["publication"], ["CREATE PUBLICATION", "ALTER PUBLICATION", "DROP PUBLICATION"]),
    (&["subscription"], ["CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION", "DROP SUBSCRIPTION"]),
    (&["statistics"], ["CREATE STATISTICS", "ALTER STATISTICS", "DROP STATISTICS"]),
    (&["foreign", "table"], ["CREATE FOREIGN TABLE", "ALTER FOREIGN TABLE", "DROP FOREIGN TABLE"]),
    (&["default", "privileges"], ["", "ALTER DEFAULT PRIVILEGES", ""]),
    (&["owned"], ["", "", "DROP OWNED"]),
];

impl Parser<'_> {
    pub(super) fn unsupported(&self, what: &str) -> TranslateError {
        TranslateError::Unsupported { what: what.to_owned(), position: self.start() }
    }

    /// Steps over the words of an object and gives its first word and tag.
    fn object(&mut self, verb: usize) -> Option<(&'static str, &'static str)> {
        let (words, tags) = OBJECTS
            .iter()
            .find(|(words, _)| words.iter().enumerate().all(|(index, word)| self.keyword_is(self.at + index, word)))?;
        self.at += words.len();
        Some((words[0], tags[verb]))
    }

    /// CREATE behind its first word.
    pub fn create(&mut self) -> Parsed {
        self.eat_all(&["or", "replace"]);
        if matches!(self.keyword(self.at).as_str(), "global" | "local") {
            self.remove(self.at, self.at + 1);
            self.at += 1;
        }
        let temporary = self.eat("temp") || self.eat("temporary");
        if self.keyword_is(self.at, "unlogged") {
            self.remove(self.at, self.at + 1);
            self.at += 1;
        }
        self.eat("recursive");
        let Some((word, tag)) = self.object(0) else {
            return Ok(Command::Other);
        };
        match word {
            "table" => return self.create_table(temporary),
            "view" => self.create_view(),
            "materialized" => {
                return Err(self.unsupported(
                    "materialized views are not supported; use CREATE TABLE AS for a copy or CREATE VIEW",
                ));
            }
            "index" | "unique" => self.create_index(word == "unique")?,
            "schema" => self.create_schema(),
            "sequence" => self.create_sequence(),
            "type" => self.create_type(),
            "extension" => self.ignored = true,
            "role" | "user" | "group" => {
                return Err(self.unsupported("users and roles come from the users file of the server; add them there"));
            }
            _ => {}
        }
        Ok(Command::Definition(tag))
    }

    /// Leaves `IF NOT EXISTS` out: that the object is there becomes a notice.
    fn if_not_exists(&mut self, kind: &'static str) {
        let from = self.at;
        if !self.eat_all(&["if", "not", "exists"]) || !self.name_at(self.at) {
            return;
        }
        let mut last = self.at;
        while self.mark_at(last + 1, ".") && self.name_at(last + 2) {
            last += 2;
        }
        self.remove(from, self.at);
        self.excuse = Some(Excuse::There { kind, name: self.identifier(last) });
    }

    fn create_table(&mut self, temporary: bool) -> Parsed {
        self.if_not_exists("relation");
        let first = self.at;
        if !self.relation() {
            return Ok(Command::Definition("CREATE TABLE"));
        }
        let name: Vec<String> = (first..self.at).step_by(2).map(|at| self.identifier(at)).collect();
        if self.keyword_is(self.at, "partition") && self.keyword_is(self.at + 1, "of") {
            return Err(self.unsupported("partitions are not supported; create one table"));
        }
        if self.mark("(") {
            let behind = self.behind_brackets();
            if self.keyword_is(self.at + 1, "like") {
                self.create_table_like(behind);
            } else if self.keyword_is(behind, "as") || self.storage_clause(behind) && !self.has_types() {
                self.at = behind;
            } else {
                self.table_elements(&name, temporary)?;
            }
        }
        self.table_storage()?;
        if self.eat("as") {
            self.body(true);
            return Ok(Command::CreateTableAs);
        }
        Ok(Command::Definition("CREATE TABLE"))
    }

    /// Whether the first element in the parentheses has more than a name.
    fn has_types(&self) -> bool {
        !self.mark_at(self.at + 2, ",") && !self.mark_at(self.at + 2, ")")
    }

    fn storage_clause(&self, at: usize) -> bool {
        matches!(self.keyword(at).as_str(), "with" | "using" | "tablespace" | "on" | "without")
    }

    /// `(LIKE other …)` alone copies the columns.
    fn create_table_like(&mut self, behind: usize) {
        let open = self.at;
        self.at += 2;
        if !self.relation() {
            return;
        }
        let from = self.at;
        self.replace(open, open + 2, "AS SELECT * FROM");
        self.edits.replace(self.tokens[from - 1].end, self.tokens[behind - 1].end, " WITH NO DATA");
        self.at = behind;
    }

    /// The clauses behind the parentheses.
    fn table_storage(&mut self) -> Result<(), TranslateError> {
        loop {
            let from = self.at;
            match self.keyword(self.at).as_str() {
                "inherits" => {
                    return Err(self.unsupported("INHERITS is not supported; use a view over UNION ALL of the tables"));
                }
                "partition" => return Err(self.unsupported("PARTITION BY is not supported; leave it out")),
                "using" | "tablespace" => self.at += 2,
                "without" => self.at += 2,
                "with" if self.mark_at(self.at + 1, "(") => {
                    self.at += 1;
                    self.at = self.behind_brackets();
                }
                "on" if self.keyword_is(self.at + 1, "commit") => {
                    self.at += 2;
                    if self.eat("drop") || !self.keyword_is(self.at + 1, "rows") {
                    } else {
                        self.at += 2;
                    }
                }
                _ => return Ok(()),
            }
            self.at = self.at.min(self.tokens.len());
            self.remove(from, self.at);
        }
    }

    fn create_view(&mut self) {
        self.eat_all(&["if", "not", "exists"]);
        self.relation();
        let named = self.mark("(");
        if named {
            self.fold_names();
        }
        if self.keyword_is(self.at, "with") && self.mark_at(self.at + 1, "(") {
            let from = self.at;
            self.at += 1;
            self.at = self.behind_brackets();
            self.remove(from, self.at);
        }
        if !self.eat("as") {
            return;
        }
        // `WITH CASCADED CHECK OPTION` stands at the very end.
        let length = self.tokens.len();
        if length > 3 && self.keyword_is(length - 1, "option") && self.keyword_is(length - 2, "check") {
            let local = matches!(self.keyword(length - 3).as_str(), "local" | "cascaded");
            self.remove(length - 3 - usize::from(local), length);
        }
        self.body(!named);
    }

    fn create_index(&mut self, unique: bool) -> Result<(), TranslateError> {
        self.spare = (!unique).then_some(Spare::Index);
        self.remove_word("concurrently");
        self.if_not_exists("relation");
        let anonymous = self.keyword_is(self.at, "on");
        let place = self.start();
        if !anonymous {
            self.at += 1;
        }
        if !self.eat("on") {
            return Ok(());
        }
        self.remove_word("only");
        self.relation();
        let table = self.identifier(self.at - 1);
        if self.keyword_is(self.at, "using") {
            self.remove(self.at, self.at + 2);
            self.at += 2;
        }
        if !self.eat_mark("(") {
            return Ok(());
        }
        let mut columns = String::new();
        while !self.at_end() && !self.mark(")") {
            let before = self.at;
            if let Some(operand) = self.expression(0) {
                let name = match operand.label {
                    super::expression::Label::Column(name) | super::expression::Label::Strong(name) => name,
                    _ => "expr".to_owned(),
                };
                columns.push('_');
                columns.push_str(&name);
            }
            self.index_order();
            if !self.eat_mark(",") && !self.mark(")") {
                self.at = self.at.max(before + 1);
            }
        }
        self.at += 1;
        if anonymous {
            let name = super::literal::quote_name(&format!("{table}{columns}_idx"));
            self.edits.open(place, format!("{name} "));
        }
        self.index_storage(unique)
    }

    /// An operator class is for other kinds of indexes; an order DuckDB's do not have.
    fn index_order(&mut self) {
        let from = self.at;
        while self.name_at(self.at) || self.mark(".") {
            self.at += 1;
            if self.mark("(") {
                self.at = self.behind_brackets();
            }
        }
        if self.at > from {
            self.remove(from, self.at);
        }
    }

    fn index_storage(&mut self, unique: bool) -> Result<(), TranslateError> {
        while !self.at_end() {
            let from = self.at;
            match self.keyword(self.at).as_str() {
                "where" if unique => {
                    return Err(
                        self.unsupported("a unique index of a part of the rows is not supported; leave WHERE out")
                    );
                }
                "where" => self.at = self.tokens.len(),
                "include" | "with" if self.mark_at(self.at + 1, "(") => {
                    self.at += 1;
                    self.at = self.behind_brackets();
                }
                "tablespace" => self.at = (self.at + 2).min(self.tokens.len()),
                "nulls" if self.eat_all(&["nulls", "not", "distinct"]) || self.eat_all(&["nulls", "distinct"]) => {}
                _ => return Ok(()),
            }
            self.remove(from, self.at);
        }
        Ok(())
    }

    pub(super) fn remove_word(&mut self, word: &str) {
        if self.keyword_is(self.at, word) {
            self.remove(self.at, self.at + 1);
            self.at += 1;
        }
    }

    fn create_schema(&mut self) {
        self.if_not_exists("schema");
        if self.keyword_is(self.at, "authorization") {
            // Without a name the schema is called as its owner.
            self.remove(self.at, self.at + 1);
            return;
        }
        self.at += 1;
        if self.keyword_is(self.at, "authorization") && self.name_at(self.at + 1) {
            self.remove(self.at, self.at + 2);
            self.at += 2;
        }
    }

    fn create_sequence(&mut self) {
        self.if_not_exists("relation");
        self.relation();
        while !self.at_end() {
            let from = self.at;
            match self.keyword(self.at).as_str() {
                "cache" => {
                    self.at += 2;
                    self.remove(from, self.at.min(self.tokens.len()));
                }
                "as" => {
                    self.at += 1;
                    self.type_name();
                    self.remove(from, self.at);
                }
                "owned" => {
                    self.at = self.tokens.len();
                    self.remove(from, self.at);
                }
                _ => self.at += 1,
            }
        }
    }

    fn create_type(&mut self) {
        self.relation();
        if self.eat("as") && self.mark("(") {
            self.edits.open(self.start(), "STRUCT");
            self.at += 1;
            while self.name_at(self.at) {
                self.at += 1;
                let _ = self.column_type();
                if !self.eat_mark(",") {
                    break;
                }
            }
        }
    }

    /// DROP behind its first word.
    pub fn drop(&mut self) -> Parsed {
        let Some((word, tag)) = self.object(2) else {
            return Ok(Command::Other);
        };
        self.remove_word("concurrently");
        match word {
            "extension" | "owned" => self.ignored = true,
            "role" | "user" | "group" => {
                return Err(
                    self.unsupported("users and roles come from the users file of the server; remove them there")
                );
            }
            "table" | "view" | "index" | "schema" | "sequence" | "type" => {
                let from = self.at;
                let put_up = self.eat_all(&["if", "exists"]) && self.name_at(self.at);
                let behind = self.at;
                let names = self.split_names();
                if put_up {
                    self.remove(from, behind);
                    self.excuse = Some(Excuse::Missing { kind: word, names });
                }
            }
            _ => {
                self.eat_all(&["if", "exists"]);
                self.split_names();
            }
        }
        Ok(Command::Definition(tag))
    }

    /// `a, b CASCADE`: the first stays, the others follow in statements like this one. Gives the last part of each name.
    fn split_names(&mut self) -> Vec<String> {
        let names = self.at;
        let mut list = Vec::new();
        loop {
            let from = self.at;
            if !self.relation() {
                break;
            }
            list.push(from..self.at);
            if !self.eat_mark(",") {
                break;
            }
        }
        let own = list.iter().map(|name| self.identifier(name.end - 1)).collect();
        let Some(first) = list.first().cloned() else { return own };
        let last = self.at;
        if list.len() < 2 {
            return own;
        }
        let head = &self.sql[self.tokens[0].start..self.tokens[names].start];
        let tail = &self.sql[self.tokens[last - 1].end..self.tokens[self.tokens.len() - 1].end];
        for name in &list[1..] {
            let name = &self.sql[self.tokens[name.start].start..self.tokens[name.end - 1].end];
            self.follow(format!("{head}{name}{tail}"));
        }
        self.remove(first.end, last);
        own
    }

    /// Another statement behind this one, translated by itself.
    pub(super) fn follow(&mut self, statement: String) {
        let translated = super::translate(&statement, self.options);
        if let Ok(translated) = translated
            && !translated.ignored
        {
            self.after.push(translated.sql.into_owned());
        }
    }

    /// TRUNCATE behind its first word.
    pub fn truncate(&mut self) -> Parsed {
        self.eat("table");
        self.remove_word("only");
        self.split_names();
        if self.operator_at(self.at, "*") {
            self.remove(self.at, self.at + 1);
            self.at += 1;
        }
        if !self.at_end() {
            self.remove(self.at, self.tokens.len());
        }
        Ok(Command::Definition("TRUNCATE TABLE"))
    }

    /// COMMENT behind its first word.
    pub fn comment(&mut self) -> Parsed {
        self.eat("on");
        match self.keyword(self.at).as_str() {
            "table" | "view" | "sequence" | "type" | "index" => {
                self.at += 1;
                self.relation();
            }
            "column" => {
                // The last name is the column's; what stands before is the table's.
                let first = self.at + 1;
                self.at += 1;
                if self.keyword_is(first, "public") && self.mark_at(first + 3, ".") {
                    self.replace(first, first + 1, "main");
                }
            }
            _ => self.ignored = true,
        }
        Ok(Command::Definition("COMMENT"))
    }

    /// ALTER behind its first word.
    pub fn alter(&mut self) -> Parsed {
        let Some((word, tag)) = self.object(1) else {
            return Ok(Command::Other);
        };
        match word {
            "table" => return self.alter_table(),
            "role" | "user" | "group" => {
                return Err(
                    self.unsupported("users and roles come from the users file of the server; change them there")
                );
            }
            "default" | "extension" | "database" => self.ignored = true,
            _ => {
                self.eat_all(&["if", "exists"]);
                self.relation();
                let owner = self.keyword_is(self.at, "owner") || self.keyword_is(self.at, "owned");
                self.ignored = owner || (word != "schema" && self.keyword_is(self.at, "set"));
            }
        }
        Ok(Command::Definition(tag))
    }
}
