//! What statements are, with their arguments.

use super::{check_commands, check_refused, check_tags};
use crate::translate::command::Isolation;
use crate::translate::{
    Columns, Command, Copy, CopyFormat, CopyHeader, CopyPlace, CopySource, Direction, Discard, Options, SetValue,
    TransactionMode, translate,
};

fn list(values: &[&str]) -> SetValue {
    SetValue::List(values.iter().map(|&value| value.to_owned()).collect())
}

fn set(name: &str, value: SetValue) -> Command {
    Command::Set { name: name.to_owned(), value, local: false }
}

#[test]
fn transactions() {
    let serializable = TransactionMode { isolation: Some(Isolation::Serializable), ..TransactionMode::default() };
    check_commands(&[
        ("begin", Command::Begin(TransactionMode::default())),
        ("BEGIN WORK;", Command::Begin(TransactionMode::default())),
        ("start transaction isolation level serializable", Command::Begin(serializable)),
        (
            "begin transaction isolation level read committed, read only, not deferrable",
            Command::Begin(TransactionMode {
                read_only: Some(true),
                isolation: Some(Isolation::ReadCommitted),
                deferrable: Some(false),
            }),
        ),
        ("commit and chain", Command::Commit { chain: true }),
        ("end", Command::Commit { chain: false }),
        ("abort work", Command::Rollback { chain: false }),
        ("rollback and no chain", Command::Rollback { chain: false }),
        ("savepoint \"A b\"", Command::Savepoint("A b".to_owned())),
        ("rollback to savepoint Sp1", Command::RollbackTo("sp1".to_owned())),
        ("rollback transaction to sp1", Command::RollbackTo("sp1".to_owned())),
        ("release sp1", Command::Release("sp1".to_owned())),
        (
            "set transaction isolation level serializable",
            Command::SetTransaction { session: false, mode: serializable },
        ),
        (
            "set session characteristics as transaction isolation level serializable",
            Command::SetTransaction { session: true, mode: serializable },
        ),
    ]);
}

#[test]
fn settings() {
    check_commands(&[
        ("set x = 1", set("x", list(&["1"]))),
        ("set search_path to \"A\", public, 'b c'", set("search_path", list(&["A", "public", "b c"]))),
        ("SET DateStyle = ISO, MDY", set("datestyle", list(&["iso", "mdy"]))),
        ("set session my.var = default", set("my.var", SetValue::Default)),
        ("set time zone 'UTC'", set("timezone", list(&["UTC"]))),
        ("set time zone interval '-08:00' hour to minute", set("timezone", list(&["-08:00"]))),
        ("set time zone local", set("timezone", SetValue::Default)),
        ("set names 'utf8'", set("client_encoding", list(&["utf8"]))),
        ("set session authorization default", set("session_authorization", SetValue::Default)),
        ("set extra_float_digits = -3", set("extra_float_digits", list(&["-3"]))),
        (
            "set local statement_timeout = '5s'",
            Command::Set { name: "statement_timeout".to_owned(), value: list(&["5s"]), local: true },
        ),
        ("show all", Command::Show(None)),
        ("show transaction isolation level", Command::Show(Some("transaction_isolation".to_owned()))),
        ("show TimeZone", Command::Show(Some("timezone".to_owned()))),
        ("reset all", Command::Reset(None)),
        ("reset session authorization", Command::Reset(Some("session_authorization".to_owned()))),
        ("discard temp", Command::Discard(Discard::Temporary)),
    ]);
}

#[test]
fn prepared_statements_and_cursors() {
    let fetch = |direction, is_move| Command::Fetch { cursor: "c".to_owned(), direction, is_move };
    check_commands(&[
        (
            "prepare p (int, numeric(10,2)) as select $1",
            Command::Prepare {
                name: "p".to_owned(),
                types: vec!["int".to_owned(), "numeric(10,2)".to_owned()],
                body: 34..43,
            },
        ),
        ("execute p(1, 'a,b')", Command::Execute { name: "p".to_owned(), arguments: vec![10..11, 13..18] }),
        ("execute p", Command::Execute { name: "p".to_owned(), arguments: vec![] }),
        ("deallocate prepare all", Command::Deallocate(None)),
        (
            "declare c binary no scroll cursor with hold for select 1",
            Command::DeclareCursor {
                name: "c".to_owned(),
                hold: true,
                scroll: Some(false),
                binary: true,
                query: 48..56,
            },
        ),
        ("fetch c", fetch(Direction::Forward(1), false)),
        ("fetch 10 from c", fetch(Direction::Forward(10), false)),
        ("fetch forward all in c", fetch(Direction::ForwardAll, false)),
        ("fetch -3 c", fetch(Direction::Forward(-3), false)),
        ("fetch absolute -1 from c", fetch(Direction::Absolute(-1), false)),
        ("move backward 2 from c", fetch(Direction::Backward(2), true)),
        ("move prior in c", fetch(Direction::Backward(1), true)),
        ("close all", Command::CloseCursor(None)),
        ("close c", Command::CloseCursor(Some("c".to_owned()))),
        ("listen \"Ch\"", Command::Listen("Ch".to_owned())),
        ("unlisten *", Command::Unlisten(None)),
        ("notify c, 'x'", Command::Notify { channel: "c".to_owned(), payload: "x".to_owned() }),
    ]);
}

fn copy(source: CopySource, is_from: bool, change: impl FnOnce(&mut Copy)) -> Command {
    let mut copy = Copy {
        source,
        is_from,
        place: CopyPlace::Client,
        format: CopyFormat::Text,
        delimiter: None,
        null: None,
        header: CopyHeader::No,
        quote: None,
        escape: None,
        force_quote: Columns::None,
        force_null: Columns::None,
        force_not_null: Columns::None,
        encoding: None,
        freeze: false,
        condition: None,
    };
    change(&mut copy);
    Command::Copy(Box::new(copy))
}

fn table(name: &[&str], columns: &[&str]) -> CopySource {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    CopySource::Table { name: owned(name), columns: owned(columns) }
}

#[test]
fn copies_in_all_syntaxes() {
    check_commands(&[
        ("copy t from stdin", copy(table(&["t"], &[]), true, |_| {})),
        ("copy S.\"T\" (a, \"B\") to stdout", copy(table(&["s", "T"], &["a", "B"]), false, |_| {})),
        ("copy binary t from stdin", copy(table(&["t"], &[]), true, |copy| copy.format = CopyFormat::Binary)),
        (
            "copy (select ')' from t) to stdout with (format csv, header, force_quote *, delimiter ';', null '\\N')",
            copy(CopySource::Query(6..23), false, |copy| {
                copy.format = CopyFormat::Csv;
                copy.header = CopyHeader::Yes;
                copy.force_quote = Columns::All;
                copy.delimiter = Some(";".to_owned());
                copy.null = Some("\\N".to_owned());
            }),
        ),
        (
            "copy t from stdin (format csv, header match, quote '\"', escape E'\\\\', force_null (a, b), freeze false)",
            copy(table(&["t"], &[]), true, |copy| {
                copy.format = CopyFormat::Csv;
                copy.header = CopyHeader::Match;
                copy.quote = Some("\"".to_owned());
                copy.escape = Some("\\".to_owned());
                copy.force_null = Columns::Some(vec!["a".to_owned(), "b".to_owned()]);
            }),
        ),
        (
            "copy t from stdin with csv header delimiter as '|' null '' force not null a where a > 1",
            copy(table(&["t"], &[]), true, |copy| {
                copy.format = CopyFormat::Csv;
                copy.header = CopyHeader::Yes;
                copy.delimiter = Some("|".to_owned());
                copy.null = Some(String::new());
                copy.force_not_null = Columns::Some(vec!["a".to_owned()]);
                copy.condition = Some(82..87);
            }),
        ),
        (
            "copy t to '/x' using delimiters ','",
            copy(table(&["t"], &[]), false, |copy| copy.place = CopyPlace::File("/x".to_owned())),
        ),
        (
            "copy t to program 'gzip'",
            copy(table(&["t"], &[]), false, |copy| copy.place = CopyPlace::Program("gzip".to_owned())),
        ),
    ]);
}

#[test]
fn tags_are_those_of_postgresql() {
    check_tags(&[
        ("", ""),
        ("-- only this", ""),
        ("select 1", "SELECT"),
        ("(select 1) union (select 2)", "SELECT"),
        ("values (1)", "SELECT"),
        ("table t", "SELECT"),
        ("with x as (insert into t values (1) returning a) select * from x", "SELECT"),
        ("with x as (select 1) insert into t select * from x", "INSERT"),
        ("select 1 as a into t", "SELECT"),
        ("create table t as select 1", "SELECT"),
        ("create temp table if not exists t (a int)", "CREATE TABLE"),
        ("create or replace view v as select 1", "CREATE VIEW"),
        ("create unique index i on t (a)", "CREATE INDEX"),
        ("drop materialized view v", "DROP MATERIALIZED VIEW"),
        ("alter sequence s restart", "ALTER SEQUENCE"),
        ("create type e as enum ('a')", "CREATE TYPE"),
        ("truncate t", "TRUNCATE TABLE"),
        ("merge into t using s on true when matched then delete", "MERGE"),
        ("explain analyze select 1", "EXPLAIN"),
        ("explain estimate select 1", "SELECT"),
        ("kill '0'", "KILL"),
        ("vacuum full t", "VACUUM"),
        ("comment on table t is 'x'", "COMMENT"),
        ("begin", "BEGIN"),
        ("move 1 from c", "MOVE"),
        ("rollback to s", "ROLLBACK"),
        ("deallocate all", "DEALLOCATE ALL"),
        ("set constraints all deferred", "SET CONSTRAINTS"),
    ]);
    for (sql, counts) in
        [("select 1", true), ("fetch c", true), ("create table t (a int)", false), ("set a = 1", false)]
    {
        assert_eq!(translate(sql, &Options::default()).unwrap().command.returns_count(), counts, "of {sql}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    check_refused(&[
        ("select 'a", "42601", 7),
        ("select /* a", "42601", 7),
        ("select \"a", "42601", 7),
        ("select \"\"", "42601", 7),
        ("select $a$ x", "42601", 7),
        ("select $99999", "42P02", 7),
        ("begin isolation level nonsense", "42601", 22),
        ("set x", "42601", 5),
        ("copy t from", "42601", 11),
        ("copy t from stdin (format xml)", "22023", 19),
        ("fetch", "42601", 5),
        ("create table t (a int) inherits (u)", "0A000", 23),
        ("create table t (a int) partition by range (a)", "0A000", 23),
        ("create unique index i on t (a) where a > 0", "0A000", 31),
        ("grant select on t to u", "0A000", 0),
        ("rollback prepared 'x'", "0A000", 9),
    ]);
}
