//! The policy, as tables.

use super::*;

const SHARED: Policy = Policy { trusted: false, endpoints: Vec::new(), given: Vec::new(), lakes: Vec::new() };

/// What the policy says; the kind is the one DuckDB gives the statement.
fn verdict(sql: &str, kind: StatementKind, role: Role) -> Result<(), PolicyError> {
    SHARED.check(&Statement::read(sql), kind, role)
}

#[test]
fn kinds_are_allowed_by_role() {
    /// The least role that may run it; `None` for nobody.
    fn check(sql: &str, kind: StatementKind, least: Option<Role>) {
        for role in [Role::Reader, Role::User, Role::Admin] {
            let allowed = least.is_some_and(|least| role as u8 >= least as u8);
            assert_eq!(
                verdict(sql, kind, role).is_ok(),
                allowed,
                "{sql} as {}: {:?}",
                role.name(),
                verdict(sql, kind, role)
            );
        }
    }
    use StatementKind as Kind;
    let (reader, user, admin) = (Some(Role::Reader), Some(Role::User), Some(Role::Admin));
    check("select 1", Kind::Select, reader);
    check("(select 1)", Kind::Select, reader);
    check("with a as (select 1) from a", Kind::Select, reader);
    check("describe t", Kind::Select, reader);
    check("show tables", Kind::Select, reader);
    check("summarize t", Kind::Select, reader);
    check("pragma table_info('t')", Kind::Select, reader);
    check("call pragma_version()", Kind::Call, reader);
    check("pivot t on i", Kind::Multi, reader);
    check("pivot t on i", Kind::Create, reader);
    check("from (pivot t on i)", Kind::Multi, reader);
    check("with p as (pivot t on i) from p", Kind::Multi, reader);
    check("explain pivot t on i", Kind::Multi, reader);
    check("explain insert into t values (1)", Kind::Explain, reader);
    check("explain analyze select 1", Kind::Explain, reader);
    check("set variable a = 1", Kind::Set, reader);
    check("prepare p as select 1", Kind::Prepare, reader);
    check("execute p", Kind::Execute, reader);
    check("deallocate p", Kind::Drop, reader);
    check("begin", Kind::Transaction, reader);

    check("insert into t values (1)", Kind::Insert, user);
    check("with a as (select 1) insert into t from a", Kind::Insert, user);
    check("with a as (select 1) insert into t (pivot t on i)", Kind::Multi, user);
    check("insert into t pivot t on i", Kind::Multi, user);
    check("create table x as pivot t on i", Kind::Multi, user);
    check("create table x as pivot t on i", Kind::Create, user);
    check("truncate t", Kind::Delete, user);
    check("merge into t using u on true when matched then delete", Kind::MergeInto, user);
    check("create temp table t (i int)", Kind::Create, user);
    check("drop table t", Kind::Drop, user);
    check("comment on table t is 'x'", Kind::Alter, user);
    check("copy t to 'x.csv'", Kind::Copy, user);
    check("copy (from t) to ?", Kind::Copy, user);
    check("copy from database a to b", Kind::Multi, user);
    check("select nextval('s')", Kind::Select, user);
    check("explain analyze insert into t values (1)", Kind::Explain, user);
    check("explain (analyze, format json) delete from t", Kind::Explain, user);
    check("prepare p(int) as update t set i = $1", Kind::Prepare, user);
    check("call dbgen(sf = 1)", Kind::Call, user);

    check("attach ':memory:' as m", Kind::Attach, admin);
    check("detach m", Kind::Detach, admin);
    check("alter database m set alias to n", Kind::Alter, admin);
    check("export database 'x'", Kind::Export, admin);
    check("import database 'x'", Kind::Multi, admin);
    check("import database 'x'", Kind::Create, admin);
    check("vacuum", Kind::Vacuum, admin);
    check("analyze t", Kind::Vacuum, admin);
    check("checkpoint", Kind::Call, admin);
    check("force checkpoint m", Kind::Call, admin);
    check("call force_checkpoint()", Kind::Call, None);
    check("from checkpoint()", Kind::Select, None);

    check("install httpfs", Kind::Load, None);
    check("load 'x'", Kind::Load, None);
    check("force install x", Kind::Load, None);
    check("update extensions", Kind::UpdateExtensions, None);
    check("create secret (type s3, key_id 'a', secret 'b')", Kind::Create, reader);
    check("create secret (type s3, provider credential_chain)", Kind::Create, None);
    check("create or replace persistent secret a in b (type s3)", Kind::Create, None);
    check("drop temporary secret a", Kind::Drop, reader);
    check("drop persistent secret a", Kind::Drop, None);
    check("explain create secret (type s3)", Kind::Explain, None);
    check("prepare a as create secret (type s3)", Kind::Prepare, None);
    check("explain analyze set s3_region = 'a'", Kind::Explain, None);
    check("set s3_secret_access_key = 'a'", Kind::Set, reader);
    check("set global s3_secret_access_key = 'a'", Kind::Set, None);
    check("set s3_endpoint = 'a.s3.amazonaws.com'", Kind::Set, reader);
    check("set s3_endpoint = '169.254.169.254'", Kind::Set, None);
    check("set http_proxy = 'a'", Kind::Set, None);
    check("from 's3://a/b?s3_endpoint=c'", Kind::Select, None);
    check("from read_parquet($$s3://a/b?x=1&S3_Region=c$$)", Kind::Select, None);
    check("from \"s3://a/b?s3_use_ssl=false\"", Kind::Select, None);
    check("explain analyze begin", Kind::Explain, None);
    check("explain analyze set threads = 1", Kind::Explain, None);
    check("explain analyze pragma enable_profiling", Kind::Explain, None);
    check("explain analyze load x", Kind::Explain, None);
    check("set TimeZone = NULL", Kind::Set, None);
    check("reset all", Kind::Set, None);
    check("anything", Kind::Extension, None);
    check("select 1", Kind::Other(99), None);
    check("select 1", Kind::LogicalPlan, None);
    check("whatever", Kind::Multi, None);
}

#[test]
fn functions_are_refused_where_they_are_called() {
    fn refused(sql: &str) {
        for role in [Role::Reader, Role::Admin] {
            let said = verdict(sql, StatementKind::Multi, role);
            assert!(matches!(said, Err(PolicyError::Function { .. })), "{sql}: {said:?}");
        }
    }
    refused("from enable_logging('QueryLog')");
    refused("call Enable_Logging (level = 'debug')");
    refused("from \"enable_logging\"()");
    refused("from system.main.enable_logging /* */ -- \n ()");
    refused("from enable_logging\u{a0}('QueryLog')");
    refused("select * from t, lateral query('select 1')");
    refused("with a as (from query_table('t')) from a");
    refused("from query('select 1') as (a int)");
    refused("from t, query('select 1') as (a int)");
    refused("select write_log('x')");
    refused("select 'x'.write_log()");
    refused("create macro m() as table from query('select 1')");
    refused("create view v as select write_log('x')");
    refused("create index i on t (write_log('x'))");
    refused("explain analyze call enable_logging()");
    refused("prepare p as from query($1)");
    refused("pragma json_execute_serialized_sql(json_serialize_sql('select 1'))");
    refused("from duckdb_logs");
    refused("from duckdb_logs_parsed('QueryLog')");
    refused("from json_execute_serialized_sql('{}')");
    refused("call enable_profiling(save_location = 'x')");

    fn allowed(sql: &str, kind: StatementKind) {
        assert_eq!(verdict(sql, kind, Role::User), Ok(()), "{sql}");
    }
    allowed("select query, \"query\" from query", StatementKind::Select);
    allowed("select 'enable_logging()' -- query('x')", StatementKind::Select);
    allowed("select query.a from query as query_table", StatementKind::Select);
    allowed("create table query (query text)", StatementKind::Create);
    allowed("create table if not exists query (query text references query (query))", StatementKind::Create);
    allowed("insert into query (a) values (1)", StatementKind::Insert);
    allowed("insert into main.\"query\" (a) values (1)", StatementKind::Insert);
    allowed("create table if not exists memory.main.query (a int)", StatementKind::Create);
    allowed("create unique index i on query (a)", StatementKind::Create);
    allowed("with query (a) as (select 1) from query", StatementKind::Select);
    allowed("with recursive query (a) as (select 1) from query", StatementKind::Select);
    allowed("create view query (a) as select 1", StatementKind::Create);
    allowed("from read_csv('x.csv')", StatementKind::Select);

    let trusted = Policy { trusted: true, endpoints: Vec::new(), given: Vec::new(), lakes: Vec::new() };
    let check = |sql| trusted.check(&Statement::read(sql), StatementKind::Select, Role::Admin).is_ok();
    assert!(check("from query_table('t')"));
    assert!(!check("from enable_logging()"));
}

#[test]
fn the_metadata_of_a_lake_and_the_files_of_databases_are_the_servers_own() {
    let check = |sql| SHARED.check_text(&Statement::read(sql), Role::Admin);
    for sql in [
        "from __ducklake_metadata_lake.ducklake_table",
        "drop table \"__DuckLake_metadata_lake\".ducklake_table",
        "attach 'x' as __ducklake_metadata_x",
        "use __ducklake_metadata_lake",
    ] {
        assert_eq!(check(sql), Err(PolicyError::OwnMetadata), "{sql}");
    }
    assert_eq!(check("copy t to 'x' (format csv, use_tmp_file false)"), Err(PolicyError::TmpFile));
    assert_eq!(check("copy t to 'x' (format csv, \"Use_Tmp_File\" false)"), Err(PolicyError::TmpFile));
    assert_eq!(check("select use_tmp_file from t"), Ok(()));
    assert_eq!(check("from 's3://a/b?s3_endpoint=c'"), Err(PolicyError::SettingInAddress));
    assert_eq!(check("copy t to 's3://a/b?x=1&S3_ENDPOINT=c'"), Err(PolicyError::SettingInAddress));
    assert_eq!(check("from \"s3://a/b?s3_use_ssl=false\""), Err(PolicyError::SettingInAddress));
    for sql in ["call ducklake_expire_snapshots('lake')", "call lake.merge_adjacent_files()"] {
        assert!(matches!(check(sql), Err(PolicyError::Function { .. })), "{sql} for an administrator");
    }
}

#[test]
fn texts_are_judged_before_they_are_parsed() {
    let check = |sql| SHARED.check_text(&Statement::read(sql), Role::User);
    assert_eq!(check("selec 1"), Ok(()), "DuckDB says what is wrong");
    assert_eq!(check("set TimeZone = 'UTC'"), Ok(()));
    assert_eq!(check("set TimeZone = NULL"), Err(PolicyError::SettingForm));
    assert!(matches!(check("pragma threads = 4"), Err(PolicyError::WorkerSetting { .. })));
    assert_eq!(check("import database 'x'"), Err(PolicyError::AdminOnly("EXPORT and IMPORT DATABASE")));
    assert_eq!(check("explain analyze load x"), Err(PolicyError::Inner));
    assert_eq!(check("select 1; drop table t"), Err(PolicyError::Several));
    assert_eq!(check("select 'ä', 'x"), Err(PolicyError::Unreadable(13)));
    assert_eq!(check("select /* /* */ 1"), Err(PolicyError::Unreadable(8)));
}

/// DuckDB's scanner takes minutes to hours over these, and heeds no interrupt.
#[test]
fn long_runs_of_operators_never_reach_duckdb() {
    let check = |sql: String| SHARED.check_text(&Statement::read(&sql), Role::User);
    assert_eq!(check(format!("select 1{}1", "+-".repeat(1 << 20))), Err(PolicyError::Unreadable(9)));
    assert_eq!(check(format!("select 1{}", "/**/".repeat(1 << 20))), Err(PolicyError::Unreadable(9)));
    assert_eq!(check(format!("select 1 /* {} */", "/*".repeat(1 << 20))), Err(PolicyError::Unreadable(10)));
    assert_eq!(check(format!("select /*{}*/ 1 ={}\n 1", "*".repeat(1000), "-".repeat(5000))), Ok(()));
    assert_eq!(check(format!("select 1{}1", "+-".repeat(16))), Ok(()));
}

#[test]
fn pragmas_are_allowed_by_name() {
    let check = |sql| verdict(sql, StatementKind::Pragma, Role::Admin);
    for sql in ["pragma version", "pragma show_tables", "PRAGMA \"Table_Info\"('t')", "pragma tpch(1)"] {
        assert_eq!(check(sql), Ok(()), "{sql}");
    }
    for sql in
        ["pragma enable_verification", "pragma disable_optimizer", "pragma import_database('x')", "pragma unheard_of"]
    {
        assert!(matches!(check(sql), Err(PolicyError::Pragma(_))), "{sql}");
    }
}

#[test]
fn copies_reach_no_device() {
    let check = |sql| verdict(sql, StatementKind::Copy, Role::Admin);
    for sql in [
        "copy t to stdout",
        "copy t from STDIN (format csv)",
        "copy (from t) to '/dev/stdout'",
        "copy t to \"/dev/stderr\"",
        "copy t to '//dev/./fd/1'",
        "copy t to '/tmp/../dev/stdout'",
        "copy t to 'a/../../../dev/stdout'",
        "copy t to 'file:///dev/stdout'",
        "copy t to '/proc/self/fd/1'",
        "copy t to E'/dev/std\\157ut'",
        "copy t to $$/dev/stdout$$",
        "copy t to program '/dev/stdout'",
        "explain analyze copy t to stdout",
        "prepare p as copy t to stdout",
    ] {
        assert_eq!(check(sql), Err(PolicyError::Device), "{sql}");
    }
    for sql in
        ["copy t to 'dev/x.csv'", "copy t to '/data/dev/stdout'", "copy (select '/dev/stdout') to 'x'", "copy t to $1"]
    {
        assert_eq!(check(sql), Ok(()), "{sql}");
    }
}

#[test]
fn settings_are_allowed_by_name_and_value() {
    fn verdict(sql: &str) -> Result<(), PolicyError> {
        SHARED.check_setting(&Statement::read(sql).setting().unwrap(), Role::Admin)
    }
    for sql in [
        "set TimeZone = 'UTC'",
        "set session \"Search_Path\" = 's1,temperature'",
        "set schema = memory",
        "set default_collation = ''",
        "set integer_division = true",
        "set integer_division = '0'",
        "set pivot_limit = 100000",
        "set pivot_limit = '7'",
        "reset TimeZone",
        "reset time zone",
        "use a.b",
        "set variable threads = 1",
    ] {
        assert_eq!(verdict(sql), Ok(()), "{sql}");
    }
    fn refused(sql: &str, says: &str) {
        let error = verdict(sql).unwrap_err();
        assert!(error.to_string().contains(says), "{sql}: {error}");
    }
    refused("set threads = 4", "--threads");
    refused("reset threads", "--threads");
    refused("pragma memory_limit = '1GB'", "--memory-limit-bytes");
    refused("set enable_external_access = true", "no setting of a session");
    refused("reset lock_configuration", "no setting of a session");
    refused("set global TimeZone = 'UTC'", "GLOBAL");
    refused("reset global TimeZone", "GLOBAL");
    refused("set search_path = 'main,Temp.main'", "temporary tables");
    refused("set schema = '\"te\"mp'", "temporary tables");
    refused("set schema = \"temp\"", "temporary tables");
    refused("use temp", "temporary tables");
    refused("use \"TEMP\".main", "temporary tables");
    refused("set integer_division = 2", "true or false");
    refused("set pivot_limit = -1", "whole number");
    refused("set pivot_limit = 100001", "whole number");
    refused("set TimeZone = 5", "text in quotes");
}

#[test]
fn refusals_say_what_they_are() {
    let kind = |sql: &str, kind| Failure::from(verdict(sql, kind, Role::Reader).unwrap_err()).kind;
    assert_eq!(kind("drop table t", StatementKind::Drop), FailureKind::PermissionDenied);
    assert_eq!(kind("attach 'x'", StatementKind::Attach), FailureKind::PermissionDenied);
    assert_eq!(kind("pragma enable_verification", StatementKind::Pragma), FailureKind::Unsupported);
}

#[test]
fn the_rows_of_the_catalog_are_the_servers_own() {
    let policy = Policy { trusted: true, endpoints: Vec::new(), given: Vec::new(), lakes: Vec::new() };
    let check = |sql: &str, kind| policy.check(&Statement::read(sql), kind, Role::Admin);
    let own = Err(PolicyError::OwnDatabase);
    assert_eq!(check("drop table pgc_rows.main.relation", StatementKind::Drop), own);
    assert_eq!(check("insert into \"PGC_ROWS\".main.field values (1)", StatementKind::Insert), own);
    assert_eq!(check("detach pgc_rows", StatementKind::Detach), own);
    assert_eq!(check("select * from pgc_rows.main.relation", StatementKind::Select), Ok(()));
    let check_text = |sql: &str| policy.check_text(&Statement::read(sql), Role::Admin);
    assert_eq!(check_text("use pgc_rows"), own);
    assert!(check_text("set search_path = 'main,pgc_rows.main'").is_err());
}
