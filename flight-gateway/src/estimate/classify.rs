//! What a statement is to admission, told from its tokens in microseconds.
//!
//! A statement that reads waits for room when its rows are fetched, one that does more when it is asked for, and one that touches no data does
//! not wait at all. Taking a write for a read would let it run outside of its permit, so whatever is not known is a write.

use super::places::{Place, Places};
use super::tokens::{Token, TokenKind, tokens};

/// What a statement is to admission, the lightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It reads no relation, or none but those of the system, and changes no data: it needs no permit.
    Trivial,
    /// It only reads.
    Read,
    /// It does more than read, or it is not known what it does.
    Write,
}

impl Class {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Functions that do something, as the worker knows them.
const EFFECTS: &[&str] = &["nextval", "setseed", "checkpoint", "force_checkpoint", "dbgen", "dsdgen"];

/// Catalogs and schemas whose relations show the system, not data.
const SYSTEM_SCHEMAS: &[&str] = &["information_schema", "pg_catalog", "pgc", "tavana"];

/// The class of a text; of several statements that of the heaviest.
pub(crate) fn classify(sql: &str) -> Class {
    let tokens: Vec<Token<'_>> = tokens(sql).collect();
    if tokens.iter().any(|token| token.kind == TokenKind::Broken) {
        return Class::Write;
    }
    tokens.split(|token| token.is_symbol(";")).map(statement).max().unwrap_or(Class::Trivial)
}

fn statement(tokens: &[Token<'_>]) -> Class {
    let brackets = tokens.iter().take_while(|token| token.is_symbol("(")).count();
    let Some(first) = tokens.get(brackets) else { return Class::Trivial };
    let keyword = first.name();
    match keyword.as_str() {
        _ if first.kind != TokenKind::Word => Class::Write,
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "use" | "reset" | "prepare" | "deallocate" => {
            Class::Trivial
        }
        // Their values and targets may be queries.
        "set" | "show" | "describe" | "desc" => query(tokens),
        "select" | "values" | "from" | "table" | "summarize" | "unpivot" => match query(tokens) {
            Class::Trivial if matches!(keyword.as_str(), "table" | "summarize" | "unpivot") => Class::Read,
            class => class,
        },
        "with" if !tokens.iter().any(|token| token.is_any(&["insert", "update", "delete", "merge", "copy"])) => {
            query(tokens)
        }
        "explain" => explain(&tokens[1..]),
        "pragma" => pragma(&tokens[1..]),
        _ => Class::Write,
    }
}

/// Without ANALYZE it only plans.
fn explain(tokens: &[Token<'_>]) -> Class {
    let mut depth = 0_usize;
    let is_in_options = |token: &Token<'_>| {
        match token.text {
            "(" if token.kind == TokenKind::Symbol => depth += 1,
            ")" if token.kind == TokenKind::Symbol => depth = depth.saturating_sub(1),
            _ => return depth > 0 || token.is_any(&["analyze", "analyse", "verbose"]),
        }
        true
    };
    let end = tokens.iter().map(is_in_options).take_while(|is_option| *is_option).count();
    let (options, body) = tokens.split_at(end);
    if options.iter().any(|token| token.is_any(&["analyze", "analyse"])) {
        // When the brackets held the query itself, the word in them was a name.
        return if body.is_empty() { Class::Write } else { statement(body) };
    }
    Class::Trivial
}

fn pragma(tokens: &[Token<'_>]) -> Class {
    const SHOWS: &[&str] =
        &["table_info", "show_tables", "show_databases", "database_list", "database_size", "version", "collations"];
    match tokens {
        [name, rest @ ..] if SHOWS.contains(&name.name().as_str()) && !rest.iter().any(|t| t.is("from")) => {
            Class::Trivial
        }
        _ => Class::Write,
    }
}

/// The class of a query by what it reads and calls.
fn query(tokens: &[Token<'_>]) -> Class {
    let mut places = Places::default();
    let mut class = Class::Trivial;
    let defined = defined(tokens);
    let (mut reads_system, mut reads_defined) = (false, false);
    for (at, token) in tokens.iter().enumerate() {
        let place = places.next(token);
        let next = tokens.get(at + 1);
        let is_called = next.is_some_and(|next| next.is_symbol("("));
        if is_called && EFFECTS.contains(&token.name().as_str()) || token.is_any(&["into", "pivot"]) {
            return Class::Write;
        }
        if place == Place::Relation {
            match is_system(&tokens[at..]) {
                true => reads_system = true,
                // What is in it was or will be looked at.
                false if defined.contains(&token.name()) && !next.is_some_and(|next| next.is_symbol(".")) => {
                    reads_defined = true;
                }
                false => class = Class::Read,
            }
        }
        if token.is_any(&["table", "summarize", "unpivot"]) && class == Class::Trivial && at > 0 {
            class = Class::Read;
        }
    }
    // Without anything of the system what is defined may go on for as long as it likes.
    if reads_defined && !reads_system && class == Class::Trivial { Class::Read } else { class }
}

/// The names that WITH defines.
fn defined(tokens: &[Token<'_>]) -> Vec<String> {
    let mut names = Vec::new();
    if !tokens.iter().any(|token| token.is("with")) {
        return names;
    }
    for (at, token) in tokens.iter().enumerate() {
        let Some(mut rest) = tokens.get(at + 1..) else { break };
        if rest.first().is_some_and(|token| token.is_symbol("(")) {
            let columns = rest.iter().take_while(|token| !token.is_symbol(")")).count();
            rest = rest.get(columns + 1..).unwrap_or_default();
        }
        let words = rest.iter().take_while(|token| token.is_any(&["as", "not", "materialized"])).count();
        let body = rest.get(words).is_some_and(|token| token.is_symbol("("));
        if body && rest.first().is_some_and(|token| token.is("as")) {
            names.push(token.name());
        }
    }
    names
}

/// Whether the relation whose name begins here is one of the system.
fn is_system(tokens: &[Token<'_>]) -> bool {
    let mut parts = vec![tokens[0].name()];
    let mut rest = &tokens[1..];
    while let [dot, name, more @ ..] = rest
        && dot.is_symbol(".")
    {
        parts.push(name.name());
        rest = more;
    }
    let Some((last, before)) = parts.split_last() else { return false };
    let is_call = rest.first().is_some_and(|token| token.is_symbol("("));
    match before {
        [] if is_call => last.starts_with("duckdb_"),
        // PostgreSQL's catalog, which tools ask for by bare names.
        [] => last.starts_with("pg_"),
        _ => before.iter().any(|part| SYSTEM_SCHEMAS.contains(&part.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::Class::{Read, Trivial, Write};
    use super::*;
    use proptest::prelude::*;

    fn check(sql: &str, expected: Class) {
        assert_eq!(classify(sql), expected, "{sql}");
    }

    #[test]
    fn statements_without_data_need_no_permit() {
        for sql in [
            "",
            " ; -- nothing\n;",
            "select 1",
            "(select 1)",
            "values (1), (2)",
            "SET TimeZone = 'UTC'",
            "reset search_path",
            "begin transaction",
            "COMMIT",
            "show tables",
            "describe t",
            "use lake.main",
            "prepare p as select * from t",
            "deallocate p",
            "explain select * from t",
            "explain (format json) delete from t",
            "select * from information_schema.tables",
            "select * from memory.information_schema.columns c, duckdb_tables() d",
            "select c.relname from pg_catalog.pg_class c left join pg_namespace n on n.oid = c.relnamespace",
            "from tavana.queries",
            "with recursive t(i) as (select oid from pg_type union all select oid from pg_catalog.pg_type p, t) from t a join t",
            "with t as materialized (from pg_class), u as (from t) select * from u",
            "pragma table_info('t')",
            "select 'from t', \"from\", $$ from t $$ /* from t */ -- from t",
        ] {
            check(sql, Trivial);
        }
    }

    #[test]
    fn queries_read() {
        for sql in [
            "select * from t",
            "FROM t",
            "table t",
            "from 'x.parquet'",
            "from \"t\"",
            "with a as (select 1) select * from a",
            "with a as materialized (from t) (select 1)",
            "select (select max(i) from t)",
            "select * from pg_class, t",
            "select * from pg_class c join t on c.oid = t.i",
            "select * from (pg_class join t on true)",
            "select * from range(10)",
            "summarize t",
            "set variable a = (select max(i) from t)",
            "describe select * from t",
            "explain analyze select * from t",
            "explain (analyze, format json) select * from t",
            "select nextval from t",
            "select 1; select * from t",
            "select * from t where a in (select b from information_schema.tables)",
            "select 1 union all select * from t",
        ] {
            check(sql, Read);
        }
    }

    #[test]
    fn whatever_else_is_a_write() {
        for sql in [
            "insert into t values (1)",
            "with a as (select 1) insert into t select * from a",
            "WITH a AS (SELECT 1) DELETE FROM t",
            "with a as (select 1) update t set i = 1",
            "with a as (select 1) merge into t using a on true when matched then delete",
            "update t set i = 1",
            "delete from t",
            "truncate t",
            "create table t as select 1",
            "drop table t",
            "copy t to 'x.csv'",
            "copy (select 1) to stdout",
            "select nextval('s')",
            "select \"NextVal\" ('s')",
            "from checkpoint()",
            "select * into x from t",
            "explain analyze delete from t",
            "explain (analyze) insert into t select 1",
            "select 1; drop table t",
            "execute p(1)",
            "call dbgen(sf = 1)",
            "pragma force_checkpoint",
            "pivot t on i",
            "from (pivot t on i)",
            "attach 'x' as y",
            "checkpoint",
            "/* /* */ select 1; */ drop table t",
            "select 'a",
            "select e'\\'; drop table t",
            "\"select\" 1",
            "gibberish",
            "1",
        ] {
            check(sql, Write);
        }
    }

    proptest! {
        #[test]
        fn a_write_in_any_company_is_a_write(before in "(select 1;|;|--x\n|/\\* select \\*/| )*", after in "(;select 1| )*") {
            for write in ["delete from t", "insert into t select 1", "drop table t"] {
                prop_assert_eq!(classify(&format!("{before}{write}{after}")), Write);
            }
        }

        #[test]
        fn any_text_has_a_class(sql in "(select|from|with|insert|explain|analyze|join|t|[(),;.'\"$ ]|\\PC)*") {
            classify(&sql);
        }
    }
}
