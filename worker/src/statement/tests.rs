//! What is read off statements, as tables.

use super::*;

#[test]
fn statements_are_split_where_duckdb_splits_them() {
    fn check(sql: &str, expected: &[&str]) {
        assert_eq!(split(sql), expected, "{sql}");
    }
    check("", &[]);
    check(" ;; \n; -- nothing\n /* ; */ ;", &[]);
    check("select 1", &["select 1"]);
    check("select 1; select 2;", &["select 1", "select 2"]);
    check("select 1;;select 2;  -- x", &["select 1", "select 2"]);
    check("select ';' ; select \";\" from t", &["select ';'", "select \";\" from t"]);
    check("select 'it''s;' ; 2", &["select 'it''s;'", "2"]);
    check(r"select '\'; select 2", &[r"select '\'", "select 2"]);
    check(r"select E'\';' ; select 2", &[r"select E'\';'", "select 2"]);
    check("select $$;$$; select $a$ ; $b$ ; $$ ; $a$", &["select $$;$$", "select $a$ ; $b$ ; $$ ; $a$"]);
    check("select a$b$; select 2 -- $b$", &["select a$b$", "select 2"]);
    check("select /* ; /* ; */ ; */ 1; select 2", &["select /* ; /* ; */ ; */ 1", "select 2"]);
    check("-- a;\nselect 1 -- b;\n, 2; -- c", &["select 1 -- b;\n, 2"]);
    check("select 1 +-- ;\n 2; 3", &["select 1 +-- ;\n 2", "3"]);
    check("select 1 */* ; */ 2", &["select 1 */* ; */ 2"]);
    check("select 'a'\n';' ; 2", &["select 'a'\n';'", "2"]);
    check("select 'a' -- ;'\n';' ; 2", &["select 'a' -- ;'\n';'", "2"]);
    check("select 'not closed; select 2", &["select 'not closed; select 2"]);
    check("select \"not closed; select 2", &["select \"not closed; select 2"]);
    check("select 1; /* not closed; select 2", &["select 1", "/* not closed; select 2"]);
    check("select ü;select\u{a0}1 ;\u{3000}; ", &["select ü", "select\u{a0}1"]);
    check("create macro m(a) as a; from m(1)", &["create macro m(a) as a", "from m(1)"]);
}

#[test]
fn settings_are_read() {
    let set = |name: &str, value: &str, global| {
        Some(SettingChange::Set { name: name.to_owned(), value: value.to_owned(), global })
    };
    let reset = |name: &str, global| Some(SettingChange::Reset { name: name.to_owned(), global });
    let use_ = |target: &str| Some(SettingChange::Use { target: target.to_owned() });
    fn check(sql: &str, expected: Option<SettingChange>) {
        assert_eq!(Statement::read(sql).setting(), expected, "{sql}");
    }
    check("SET TimeZone = 'UTC'", set("timezone", "'UTC'", false));
    check("set session \"TimeZone\" to 'it''s'", set("timezone", "'it''s'", false));
    check("set/**/global threads=4", set("threads", "4", true));
    check("set pivot_limit = - 5", set("pivot_limit", "-5", false));
    check("set schema = \"My\"", set("schema", "\"My\"", false));
    check("set schema 's1'", set("schema", "'s1'", false));
    check("set session schema 's1'", set("schema", "'s1'", false));
    check("set time zone utc", set("timezone", "utc", false));
    check("pragma default_null_order='nulls_last'", set("default_null_order", "'nulls_last'", false));
    check("set integer_division = default", reset("integer_division", false));
    check("reset session TimeZone", reset("timezone", false));
    check("reset global threads", reset("threads", true));
    check("reset time zone", reset("timezone", false));
    check("use s1", use_("s1"));
    check("use \"a\" . /* b */ b", use_("\"a\".b"));
    check("use 's1'", use_("'s1'"));
    check("set variable a = (select 1)", Some(SettingChange::Variable));
    check("reset variable a", Some(SettingChange::Variable));
    check("set variable = 1", set("variable", "1", false));
    check("set global = 1", set("global", "1", false));
    for sql in [
        "set TimeZone = NULL",
        "set TimeZone = getvariable('x')",
        "set TimeZone = 'a' || 'b'",
        "set TimeZone = E'a'",
        "set TimeZone = $1",
        "set TimeZone = ['a']",
        "set TimeZone",
        "set TimeZone = ",
        "set local TimeZone = 'UTC'",
        "set a.b = 1",
        "set search_path = 'a', 'b'",
        "reset all",
        "reset a.b",
        "use a.b.c",
        "use",
        "pragma version",
        "pragma table_info('t')",
        "select 1",
        "",
    ] {
        check(sql, None);
    }
}

#[test]
fn transactions_are_read() {
    use TransactionControl::{Begin, Commit, Rollback};
    fn check(sql: &str, expected: Option<TransactionControl>) {
        assert_eq!(Statement::read(sql).transaction(), expected, "{sql}");
    }
    check("BEGIN", Some(Begin));
    check("begin transaction", Some(Begin));
    check("begin work read only", Some(Begin));
    check("start /* x */ transaction read write", Some(Begin));
    check("commit", Some(Commit));
    check("commit transaction", Some(Commit));
    check("end work", Some(Commit));
    check("rollback", Some(Rollback));
    check("abort", Some(Rollback));
    check("rollback to savepoint a", None);
    check("commit read only", None);
    check("begin isolation level serializable", None);
    check("\"begin\"", None);
    check("select 1", None);
}

#[test]
fn state_of_a_connection_is_seen() {
    fn check(sql: &str, expected: bool) {
        assert_eq!(Statement::read(sql).needs_session().is_some(), expected, "{sql}");
    }
    for sql in [
        "create temp table t (i int)",
        "CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1",
        "create local temporary table t (i int)",
        "create /* hidden */ temp macro m() as 1",
        "create temp recursive view v(a) as select 1",
        "explain analyze create temp table t as select 1",
        "explain (format json, analyze) create temp table t as select 1",
        "begin",
        "commit",
        "set variable a = 1",
        "prepare p as select 1",
        "execute p(1)",
        "deallocate p",
        "select setseed(0.5)",
        "copy from database a to temp",
    ] {
        check(sql, true);
    }
    for sql in [
        "select temp.a from t temp",
        "create table temperature as select temp from t",
        "create table t (temp int)",
        "copy t (temp) to 'x.csv'",
        "select 'create temp table'",
        "-- begin\nselect 1",
        "set TimeZone = 'UTC'",
        "explain create temp table t as select 1",
        "insert into t values (1)",
        "",
    ] {
        check(sql, false);
    }
}

#[test]
fn reads_are_told_from_the_rest() {
    fn check(sql: &str, kind: StatementKind, expected: bool) {
        assert_eq!(Statement::read(sql).reads_only(kind), expected, "{sql}");
    }
    check("select 1", StatementKind::Select, true);
    check("select nextval from t", StatementKind::Select, true);
    check("select nextval ('s')", StatementKind::Select, false);
    check("select \"NextVal\"('s')", StatementKind::Select, false);
    check("from checkpoint()", StatementKind::Select, false);
    check("explain select 1", StatementKind::Explain, true);
    check("explain (select 1)", StatementKind::Explain, true);
    check("explain (format json) select \"analyze\" from t", StatementKind::Explain, true);
    check("explain analyze select 1", StatementKind::Explain, false);
    check("explain (format json, \"analyze\") select 1", StatementKind::Explain, false);
    check("explain (analyse true) select 1", StatementKind::Explain, false);
    check("call pragma_version()", StatementKind::Call, false);
    check("insert into t values (1)", StatementKind::Insert, false);
    check("anything", StatementKind::Other(99), false);
}

#[test]
fn returning_is_a_clause() {
    fn check(sql: &str, expected: bool) {
        assert_eq!(Statement::read(sql).has_returning(), expected, "{sql}");
    }
    check("insert into t values (1) returning i", true);
    check("delete from t RETURNING *", true);
    check("insert into t select 'returning'", false);
    check("insert into t select \"returning\" from u -- returning *", false);
    check("insert into t select 1 as returning", false);
    check("insert into t select u.returning from u", false);
}

#[test]
fn parameters_get_their_types() {
    fn check(sql: &str, types: &[&str], expected: &str) {
        let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(Statement::read(sql).with_parameter_types(&types), expected, "{sql}");
    }
    check("select 1", &["INTEGER"], "select 1");
    check("select ?, ?", &[], "select $1, $2");
    check("select ?, ?", &["INTEGER", "VARCHAR"], "select CAST($1 AS INTEGER), CAST($2 AS VARCHAR)");
    check("select ? at time zone ?", &["", "VARCHAR"], "select $1 at time zone CAST($2 AS VARCHAR)");
    check("select $2, $1, $2", &["DATE", "INT[]"], "select CAST($2 AS INT[]), CAST($1 AS DATE), CAST($2 AS INT[])");
    check("select $b, $A, $a", &["DATE", "INT"], "select CAST($b AS DATE), CAST($A AS INT), CAST($a AS INT)");
    check("select $ /* x */ \"a b\"", &["INT"], "select CAST($ /* x */ \"a b\" AS INT)");
    check("select ?1, ?2_0, ?0", &["INT"], "select CAST($1 AS INT), $2, $3");
    check(
        "select '?', \"?\", $$?$$, -- ?\n /* ? */ ?",
        &["INT"],
        "select '?', \"?\", $$?$$, -- ?\n /* ? */ CAST($1 AS INT)",
    );
    check("from t limit?offset?", &["", "INT"], "from t limit $1 offset CAST($2 AS INT)");
    check("select ?::int+?", &[], "select $1::int+$2");
    check("select a$1 from t", &["INT"], "select a$1 from t");
    check("copy t to ?", &["VARCHAR"], "copy t to $1");
    check("copy (select ?) to ?", &["INT", "VARCHAR"], "copy (select CAST($1 AS INT)) to $2");
    check("select interval ? day", &["INT"], "select interval (CAST($1 AS INT)) day");
    check("select ?[1], ? in ?", &["INT[]", "INT"], "select (CAST($1 AS INT[]))[1], CAST($2 AS INT) in $3");
    check("select é?", &["INT"], "select é CAST($1 AS INT)");
}

#[test]
fn what_needs_room_is_told_by_its_words() {
    let check = |sql: &str, needs: bool| {
        let statement = Statement::read(sql);
        assert_eq!(statement.needs_room(statement.leading_kind()), needs, "{sql}");
    };
    for sql in [
        "select 1",
        "insert into t values (1)",
        "create table t (i integer)",
        "drop table t",
        "execute p",
        "explain analyze select 1",
        "set variable v = (select count(*) from t)",
        "pragma show_tables",
        "copy t to 'f'",
    ] {
        check(sql, true);
    }
    for sql in [
        "begin",
        "commit",
        "rollback",
        "set timezone = 'UTC'",
        "reset timezone",
        "use memory.main",
        "set variable v = 5",
        "prepare p as select 1",
        "deallocate p",
        "explain select 1",
        "explain estimate select 1",
        "create secret (type s3, key_id 'a', secret 'b')",
        "pragma timezone = 'UTC'",
    ] {
        check(sql, false);
    }
}

#[test]
fn explain_estimate_is_known_by_its_words() {
    let check = |sql: &str, explained: Option<&str>| {
        let statement = Statement::read(sql);
        assert_eq!(statement.estimates().then(|| statement.without_estimate()).as_deref(), explained, "{sql}");
    };
    check("EXPLAIN ESTIMATE select 1", Some("EXPLAIN select 1"));
    check("explain /* how big */ estimate\n(select 1)", Some("EXPLAIN (select 1)"));
    check("explain select 1", None);
    check("explain estimate", None);
    check("select estimate", None);
}
