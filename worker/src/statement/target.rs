//! What a definition is about.
//!
//! The tables of some catalogs are given by the server's configuration. Nothing else may be defined there, by which
//! others would read something else under the same name. DuckDB cannot be told so: those catalogs are databases in memory. So the target
//! of a definition is read from its words.

use super::{Statement, StatementKind};

/// Words between the kind of a definition and the kind of its object.
const BEFORE: [&str; 9] =
    ["or", "replace", "temp", "temporary", "unique", "persistent", "recursive", "materialized", "on"];
/// Words between the kind of its object and the object's name.
const CONDITION: [&str; 3] = ["if", "not", "exists"];

/// The database that a definition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DefinedIn {
    /// The first part of a name of several parts, or the name of a schema or database: of a database, or a schema of the current one.
    Named(String),
    /// The current one.
    Current,
}

impl Statement<'_> {
    /// Where it defines, changes or drops something for everybody; `None` when it does nothing of the sort.
    pub(crate) fn defines_in(&self) -> Option<DefinedIn> {
        if let Some(body) = self.body() {
            return body.defines_in();
        }
        let leading = self.keyword(0)?;
        if self.leading_kind() == StatementKind::CopyDatabase {
            let to = (1..self.tokens.len()).find(|&index| self.is_keyword(index, "to"))?;
            return Some(DefinedIn::Named(self.name(to + 1)?));
        }
        if leading == "import" {
            return Some(DefinedIn::Current);
        }
        if !["create", "drop", "alter", "comment", "truncate"].contains(&leading.as_str()) || self.makes_temporary() {
            return None;
        }
        let is_one =
            |index: usize, words: &[&str]| self.keyword(index).is_some_and(|word| words.contains(&word.as_str()));
        let mut at = (1..self.tokens.len()).find(|&index| !is_one(index, &BEFORE))?;
        let object = self.keyword(at)?;
        at += 1;
        if object == "index" && leading == "create" {
            at = (at..self.tokens.len()).find(|&index| self.is_keyword(index, "on"))? + 1;
        }
        at = (at..self.tokens.len()).find(|&index| !is_one(index, &CONDITION))?;
        let first = self.name(at)?;
        let has_more = self.is_symbol(at + 1, ".");
        let names_schema = object == "schema" || object == "database";
        Some(if has_more || names_schema { DefinedIn::Named(first) } else { DefinedIn::Current })
    }
}

impl Statement<'_> {
    /// What it checkpoints; `None` when it does not.
    pub(crate) fn checkpoints(&self) -> Option<DefinedIn> {
        let at = usize::from(self.is_keyword(0, "force"));
        self.is_keyword(at, "checkpoint").then(|| self.name(at + 1).map_or(DefinedIn::Current, DefinedIn::Named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_of_a_definition_is_found() {
        let check = |sql: &str, expected: Option<&str>| {
            let named = |name: &str| match name {
                "" => DefinedIn::Current,
                name => DefinedIn::Named(name.to_owned()),
            };
            assert_eq!(Statement::read(sql).defines_in(), expected.map(named), "{sql}");
        };
        for sql in [
            "create table raw.x as from lake.y",
            "create or replace view \"RAW\".main.trips as select 1",
            "create table if not exists raw . x (i int)",
            "create unique index i on raw.t (a)",
            "drop view if exists raw.events",
            "drop schema raw cascade",
            "create schema if not exists raw.s",
            "alter view raw.events rename to x",
            "comment on view raw.events is 'x'",
            "create macro raw.f(a) as a",
            "create or replace macro raw.main.f(a) as table from x",
            "create sequence raw.s",
            "create type raw.t as enum ('a')",
            "copy from database lake to raw",
            "truncate table raw.t",
            "prepare p as create table raw.x (i int)",
        ] {
            check(sql, Some("raw"));
        }
        check("create table x as from raw.y", Some(""));
        check("drop view events", Some(""));
        check("import database 'x'", Some(""));
        check("create index i on t (a)", Some(""));
        check("create temp table raw as from y", None);
        check("insert into raw.t values (1)", None);
        check("select 1", None);
        let named = |name: &str| Some(DefinedIn::Named(name.to_owned()));
        assert_eq!(Statement::read("checkpoint lake").checkpoints(), named("lake"));
        assert_eq!(Statement::read("force checkpoint \"Lake\"").checkpoints(), named("lake"));
        assert_eq!(Statement::read("checkpoint").checkpoints(), Some(DefinedIn::Current));
        assert_eq!(Statement::read("select 'checkpoint'").checkpoints(), None);
    }
}
