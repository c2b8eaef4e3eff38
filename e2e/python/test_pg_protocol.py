"""The protocol's rules, message by message: order, states, portals, errors and row limits.

A case is what a client says and the transcript of what a server must answer; the letters are the
protocol's own (T RowDescription, D DataRow, C CommandComplete, E error, Z ReadyForQuery, …).
"""

import pytest

from harness.pg_wire import (
    FLUSH,
    SYNC,
    bind,
    close,
    connect,
    describe,
    execute,
    fields_of,
    parse,
    query,
    transcript,
)

ONE, THREE = "select 1 as x", "select i as x from generate_series(1, 3) t(i) order by 1"
FAILS = "select 1 / i from generate_series(0, 0) t(i)"  # no planner can tell
RAN = [parse(ONE), bind(), execute()]


def check(server, said: list[bytes], expected: str) -> None:
    """Sends everything at once and compares what comes, up to the last ReadyForQuery expected."""
    with connect(server) as wire:
        seen = transcript(wire.talk(*said, times=expected.count("Z(")))
    assert seen == expected


SIMPLE = {
    "a row": ([query(ONE)], "T(x) D(1) C(SELECT 1) Z(I)"),
    "no row": ([query("select 1 as x where false")], "T(x) C(SELECT 0) Z(I)"),
    "null": ([query("select null as x")], "T(x) D(null) C(SELECT 1) Z(I)"),
    "empty": ([query("")], "I Z(I)"),
    "blank": ([query("  \n ")], "I Z(I)"),
    "semicolons": ([query(" ; ; ")], "I Z(I)"),
    "comment": ([query("-- nothing")], "I Z(I)"),
    "trailing semicolon": ([query(ONE + ";")], "T(x) D(1) C(SELECT 1) Z(I)"),
    "two statements": (
        [query(f"{ONE}; select 2 as y")],
        "T(x) D(1) C(SELECT 1) T(y) D(2) C(SELECT 1) Z(I)",
    ),
    "semicolon in a string": (
        [query("select ';' as x; select $$a;b$$ as y")],
        "T(x) D(;) C(SELECT 1) T(y) D(a;b) C(SELECT 1) Z(I)",
    ),
    "error": ([query("select 1/0")], "E(22012) Z(I)"),
    "syntax error": ([query("selekt 1")], "E(42601) Z(I)"),
    "an error ends the string": (
        [query(f"{ONE}; select 1/0; select 3")],
        "T(x) D(1) C(SELECT 1) E(22012) Z(I)",
    ),
    "a syntax error runs nothing": ([query(f"{ONE}; selekt 2")], "E(42601) Z(I)"),
    "two queries in one packet": (
        [query(ONE), query("select 2 as y")],
        "T(x) D(1) C(SELECT 1) Z(I) T(y) D(2) C(SELECT 1) Z(I)",
    ),
    "the next query after an error": (
        [query("select 1/0"), query(ONE)],
        "E(22012) Z(I) T(x) D(1) C(SELECT 1) Z(I)",
    ),
}

TRANSACTIONS = {
    "states": (
        [query("begin"), query(ONE), query("commit")],
        "C(BEGIN) Z(T) T(x) D(1) C(SELECT 1) Z(T) C(COMMIT) Z(I)",
    ),
    "rollback": ([query("begin"), query("rollback")], "C(BEGIN) Z(T) C(ROLLBACK) Z(I)"),
    "an error aborts": (
        [query("begin"), query("select 1/0"), query(ONE), query("rollback"), query(ONE)],
        "C(BEGIN) Z(T) E(22012) Z(E) E(25P02) Z(E) C(ROLLBACK) Z(I) T(x) D(1) C(SELECT 1) Z(I)",
    ),
    "a syntax error aborts": (
        [query("begin"), query("selekt"), query(ONE), query("rollback")],
        "C(BEGIN) Z(T) E(42601) Z(E) E(25P02) Z(E) C(ROLLBACK) Z(I)",
    ),
    "an unknown table aborts": (
        [query("begin"), query("select * from no_such_table"), query(ONE), query("rollback")],
        "C(BEGIN) Z(T) E(42P01) Z(E) E(25P02) Z(E) C(ROLLBACK) Z(I)",
    ),
    "commit of an aborted one rolls back": (
        [query("begin"), query("select 1/0"), query("commit")],
        "C(BEGIN) Z(T) E(22012) Z(E) C(ROLLBACK) Z(I)",
    ),
    "an empty query when aborted": (
        [query("begin"), query("select 1/0"), query(""), query("end")],
        "C(BEGIN) Z(T) E(22012) Z(E) I Z(E) C(ROLLBACK) Z(I)",
    ),
    "parse when aborted": (
        [query("begin"), query("select 1/0"), *RAN, SYNC, query("rollback")],
        "C(BEGIN) Z(T) E(22012) Z(E) E(25P02) Z(E) C(ROLLBACK) Z(I)",
    ),
    "rollback when aborted, extended": (
        [query("begin"), query("select 1/0"), parse("rollback"), bind(), execute(), SYNC],
        "C(BEGIN) Z(T) E(22012) Z(E) 1 2 C(ROLLBACK) Z(I)",
    ),
    "begin inside a string": (
        [query(f"begin; {ONE}"), query("rollback")],
        "C(BEGIN) T(x) D(1) C(SELECT 1) Z(T) C(ROLLBACK) Z(I)",
    ),
    "begin twice": (
        [query("begin"), query("begin"), query("rollback")],
        "C(BEGIN) Z(T) C(BEGIN) Z(T) C(ROLLBACK) Z(I)",
    ),
    "commit and rollback outside": (
        [query("commit"), query("rollback")],
        "C(COMMIT) Z(I) C(ROLLBACK) Z(I)",
    ),
    "start transaction and abort": (
        [query("start transaction"), query("abort")],
        "C(START TRANSACTION) Z(T) C(ROLLBACK) Z(I)",
    ),
    "isolation level": (
        [query("begin isolation level repeatable read read only"), query("end")],
        "C(BEGIN) Z(T) C(COMMIT) Z(I)",
    ),
    "savepoint and release": (
        [query("begin"), query("savepoint s"), query("release savepoint s"), query("commit")],
        "C(BEGIN) Z(T) C(SAVEPOINT) Z(T) C(RELEASE) Z(T) C(COMMIT) Z(I)",
    ),
    "savepoint outside": ([query("savepoint s")], "E(25P01) Z(I)"),
    "extended": (
        [parse("begin"), bind(), execute(), SYNC, *RAN, SYNC, query("commit")],
        "1 2 C(BEGIN) Z(T) 1 2 D(1) C(SELECT 1) Z(T) C(COMMIT) Z(I)",
    ),
}

EXTENDED = {
    "a row": ([*RAN, SYNC], "1 2 D(1) C(SELECT 1) Z(I)"),
    "sync alone": ([SYNC], "Z(I)"),
    "describe a statement": ([parse(ONE), describe("S"), SYNC], "1 t() T(x) Z(I)"),
    "describe a portal": ([parse(ONE), bind(), describe("P"), SYNC], "1 2 T(x) Z(I)"),
    "describe what has no rows": (
        [parse("create table never_made (a int)"), describe("S"), SYNC],
        "1 t() n Z(I)",
    ),
    "describe parameters": (
        [parse("select $1::int as x, $2::text as y"), describe("S"), SYNC],
        "1 t(23,25) T(x,y) Z(I)",
    ),
    "types told by the client": (
        [parse("select $1 as x", oids=[20]), describe("S"), SYNC],
        "1 t(20) T(x) Z(I)",
    ),
    "parameters of unknown type": (
        [parse("select $1 as x"), describe("S"), bind(["a"]), execute(), SYNC],
        "1 t(25) T(x) 2 D(a) C(SELECT 1) Z(I)",
    ),
    "a parameter beside a number": (
        [parse("select $1 + 1 as x"), describe("S"), bind(["41"]), execute(), SYNC],
        "1 t(23) T(x) 2 D(42) C(SELECT 1) Z(I)",
    ),
    "a parameter as an array": (
        [parse("select 2 = any($1::int[]) as x"), describe("S"), bind(["{1,2}"]), execute(), SYNC],
        "1 t(1007) T(x) 2 D(t) C(SELECT 1) Z(I)",
    ),
    "a null parameter": (
        [parse("select $1::int is null as x"), bind([None]), execute(), SYNC],
        "1 2 D(t) C(SELECT 1) Z(I)",
    ),
    "a binary parameter": (
        [parse("select $1::int as x"), bind([b"\0\0\1\0"], formats=[1]), execute(), SYNC],
        "1 2 D(256) C(SELECT 1) Z(I)",
    ),
    "one format for all parameters": (
        [
            parse("select $1::int2 + $2::int2 as x"),
            bind([b"\0\1", b"\0\2"], formats=[1]),
            execute(),
            SYNC,
        ],
        "1 2 D(3) C(SELECT 1) Z(I)",
    ),
    "a binary result": (
        [parse("select 65 * 16777216 + 66 as x"), bind(results=[1]), execute(), SYNC],
        "1 2 D(A\0\0B) C(SELECT 1) Z(I)",
    ),
    "a statement twice": (
        [
            parse("select $1::int as x", "s"),
            bind(["1"], "", "s"),
            execute(),
            bind(["2"], "", "s"),
            execute(),
            SYNC,
        ],
        "1 2 D(1) C(SELECT 1) 2 D(2) C(SELECT 1) Z(I)",
    ),
    "a named statement survives sync": (
        [parse(ONE, "s"), SYNC, bind(statement="s"), execute(), SYNC],
        "1 Z(I) 2 D(1) C(SELECT 1) Z(I)",
    ),
    "a name twice": ([parse(ONE, "s"), parse(ONE, "s"), SYNC], "1 E(42P05) Z(I)"),
    "a name again after close": (
        [parse(ONE, "s"), close("S", "s"), parse(ONE, "s"), SYNC],
        "1 3 1 Z(I)",
    ),
    "close what is not there": ([close("S", "no"), close("P", "no"), SYNC], "3 3 Z(I)"),
    "an unknown statement": ([bind(statement="no"), SYNC], "E(26000) Z(I)"),
    "describe an unknown statement": ([describe("S", "no"), SYNC], "E(26000) Z(I)"),
    "an unknown portal": ([execute("no"), SYNC], "E(34000) Z(I)"),
    "describe an unknown portal": ([describe("P", "no"), SYNC], "E(34000) Z(I)"),
    "empty": (
        [parse(""), describe("S"), bind(), describe("P"), execute(), SYNC],
        "1 t() n 2 n I Z(I)",
    ),
    "two statements": ([parse(f"{ONE}; select 2"), SYNC], "E(42601) Z(I)"),
    "skip until sync": (
        [parse(FAILS), bind(), execute(), *RAN, describe("S"), SYNC, *RAN, SYNC],
        "1 2 E(22012) Z(I) 1 2 D(1) C(SELECT 1) Z(I)",
    ),
    "skip after an error of parse": (
        [parse("selekt"), bind(), execute(), SYNC, *RAN, SYNC],
        "E(42601) Z(I) 1 2 D(1) C(SELECT 1) Z(I)",
    ),
    "a simple query closes the unnamed statement": (
        [parse(ONE), SYNC, query("select 2 as y"), bind(), SYNC],
        "1 Z(I) T(y) D(2) C(SELECT 1) Z(I) E(26000) Z(I)",
    ),
    "too few parameters": (
        [parse("select $1::int, $2::int"), bind(["1"]), SYNC, *RAN, SYNC],
        "1 E(08P01) Z(I) 1 2 D(1) C(SELECT 1) Z(I)",
    ),
    "too many parameters": ([parse("select $1::int"), bind(["1", "2"]), SYNC], "1 E(08P01) Z(I)"),
    "too many parameter formats": (
        [parse("select $1::int"), bind(["1"], formats=[0, 0, 0]), SYNC],
        "1 E(08P01) Z(I)",
    ),
    "too many result formats": ([parse(ONE), bind(results=[0, 0]), SYNC], "1 E(08P01) Z(I)"),
    "a parameter that does not fit": (
        [parse("select $1::int as x"), bind(["a"]), execute(), SYNC],
        "1 E(22P02) Z(I)",
    ),
    "a binary parameter of the wrong length": (
        [parse("select $1::int as x"), bind([b"\0\1"], formats=[1]), execute(), SYNC],
        "1 E(08P01) Z(I)",
    ),
    "a binary parameter that is too long": (
        [parse("select $1::int as x"), bind([b"\0\0\0\1\0"], formats=[1]), execute(), SYNC],
        "1 E(22P03) Z(I)",
    ),
    "no columns": (
        [parse("select"), describe("S"), bind(), describe("P"), execute(), SYNC],
        "1 t() T() 2 T() D() C(SELECT 1) Z(I)",
    ),
}

LIMITS = {
    "suspended": (
        [parse(THREE), bind(), execute(rows=2), execute(rows=2), SYNC],
        "1 2 D(1) D(2) s D(3) C(SELECT 1) Z(I)",
    ),
    "a limit equal to the rows": (
        [parse(THREE), bind(), execute(rows=3), execute(rows=3), SYNC],
        "1 2 D(1) D(2) D(3) s C(SELECT 0) Z(I)",
    ),
    "a limit above the rows": (
        [parse(THREE), bind(), execute(rows=4), SYNC],
        "1 2 D(1) D(2) D(3) C(SELECT 3) Z(I)",
    ),
    "one by one": (
        [parse(THREE), bind(), *[execute(rows=1)] * 4, SYNC],
        "1 2 D(1) s D(2) s D(3) s C(SELECT 0) Z(I)",
    ),
    "the rest": (
        [parse(THREE), bind(), execute(rows=1), execute(), SYNC],
        "1 2 D(1) s D(2) D(3) C(SELECT 2) Z(I)",
    ),
    "negative is all": (
        [parse(THREE), bind(), execute(rows=-1), SYNC],
        "1 2 D(1) D(2) D(3) C(SELECT 3) Z(I)",
    ),
    "the most negative is all": (
        [parse(THREE), bind(), execute(rows=-(1 << 31)), SYNC],
        "1 2 D(1) D(2) D(3) C(SELECT 3) Z(I)",
    ),
    "the largest": (
        [parse(THREE), bind(), execute(rows=(1 << 31) - 1), SYNC],
        "1 2 D(1) D(2) D(3) C(SELECT 3) Z(I)",
    ),
    "sync ends a portal": (
        [parse(THREE), bind(portal="p"), execute("p", 1), SYNC, execute("p", 1), SYNC],
        "1 2 D(1) s Z(I) E(34000) Z(I)",
    ),
    "a portal lives in its transaction": (
        [
            query("begin"),
            *(parse(THREE), bind(portal="p"), execute("p", 1), SYNC),
            *(execute("p", 1), SYNC, query("commit"), execute("p", 1), SYNC),
        ],
        "C(BEGIN) Z(T) 1 2 D(1) s Z(T) D(2) s Z(T) C(COMMIT) Z(I) E(34000) Z(I)",
    ),
    "two portals take turns": (
        [
            query("begin"),
            *(parse(THREE, "s"), bind(portal="p", statement="s"), bind(portal="q", statement="s")),
            *(execute("p", 1), execute("q", 2), execute("p", 1), execute("q", 2), SYNC),
            query("rollback"),
        ],
        "C(BEGIN) Z(T) 1 2 2 D(1) s D(1) D(2) s D(2) s D(3) C(SELECT 1) Z(T) C(ROLLBACK) Z(I)",
    ),
    "a statement between two fetches": (
        [
            query("begin"),
            *(parse(THREE), bind(portal="p"), execute("p", 1), SYNC),
            query("select 5 as y"),
            *(execute("p"), SYNC, query("rollback")),
        ],
        "C(BEGIN) Z(T) 1 2 D(1) s Z(T) T(y) D(5) C(SELECT 1) Z(T) D(2) D(3) C(SELECT 2) Z(T)"
        " C(ROLLBACK) Z(I)",
    ),
    "a portal's name twice": (
        [parse(ONE), bind(portal="p"), bind(portal="p"), SYNC],
        "1 2 E(42P03) Z(I)",
    ),
    "a closed portal": (
        [parse(ONE), bind(portal="p"), close("P", "p"), execute("p"), SYNC],
        "1 2 3 E(34000) Z(I)",
    ),
}

ALL = {
    f"{group}: {label}": case
    for group, cases in {
        "simple": SIMPLE,
        "transaction": TRANSACTIONS,
        "extended": EXTENDED,
        "limit": LIMITS,
    }.items()
    for label, case in cases.items()
}


@pytest.mark.parametrize("label", ALL)
def test_conversation(pg, label):
    check(pg, *ALL[label])


def test_flush_delivers_without_sync(wire):
    wire.send(parse(THREE), describe("S"), FLUSH)
    assert transcript(wire.until("T")) == "1 t() T(x)"
    wire.send(bind(), execute(rows=2), FLUSH)
    assert transcript(wire.until("s")) == "2 D(1) D(2) s"
    wire.send(execute(), FLUSH)
    assert transcript(wire.until("C")) == "D(3) C(SELECT 1)"
    assert transcript(wire.talk(SYNC)) == "Z(I)"


def test_an_error_is_told_at_once_and_the_rest_skipped(wire):
    wire.send(parse("selekt"), FLUSH)
    assert transcript(wire.until("E")) == "E(42601)"
    wire.send(*RAN, FLUSH)
    assert transcript(wire.talk(SYNC)) == "Z(I)"


def test_an_error_rolls_back_all_of_a_simple_query(pg, table):
    with connect(pg) as wire:
        said = (
            f"insert into {table} values (9, 'x'); select 1/0; insert into {table} values (8, 'y')"
        )
        assert transcript(wire.talk(query(said))) == "C(INSERT 0 1) E(22012) Z(I)"
        assert wire.run(f"select count(*) from {table} where a > 7") == [["0"]]
        said = f"insert into {table} values (9, 'x'); insert into {table} values (8, 'y')"
        assert transcript(wire.talk(query(said))) == "C(INSERT 0 1) C(INSERT 0 1) Z(I)"
        assert wire.run(f"select count(*) from {table} where a > 7") == [["2"]]


def test_commit_in_a_simple_query_keeps_what_came_before(pg, table):
    with connect(pg) as wire:
        said = f"begin; insert into {table} values (9, 'x'); commit; select 1/0"
        expected = "C(BEGIN) C(INSERT 0 1) C(COMMIT) E(22012) Z(I)"
        assert transcript(wire.talk(query(said))) == expected
        assert wire.run(f"select count(*) from {table} where a = 9") == [["1"]]


def test_a_pipeline_is_one_transaction_up_to_sync(pg, table):
    insert = [parse(f"insert into {table} values (9, 'x')"), bind(), execute()]
    with connect(pg) as wire:
        said = [*insert, parse(FAILS), bind(), execute(), *insert, SYNC]
        assert transcript(wire.talk(*said)) == "1 2 C(INSERT 0 1) 1 2 E(22012) Z(I)"
        assert wire.run(f"select count(*) from {table} where a = 9") == [["0"]]


def test_describe_does_not_execute(pg, table):
    with connect(pg) as wire:
        said = [parse(f"insert into {table} values (9, 'x') returning a"), describe("S"), bind()]
        assert transcript(wire.talk(*said, describe("P"), SYNC)) == "1 t() T(a) 2 T(a) Z(I)"
        assert wire.run(f"select count(*) from {table} where a = 9") == [["0"]]


def test_tags_count_rows(pg, table):
    with connect(pg) as wire:
        for sql, tag in {
            f"insert into {table} values (4, 'a'), (5, 'b')": "INSERT 0 2",
            f"update {table} set b = 'z' where a > 3": "UPDATE 2",
            f"delete from {table} where a > 3": "DELETE 2",
            f"delete from {table} where a > 3 ": "DELETE 0",
            f"create table {table}_2 as select * from {table}": "SELECT 3",
            f"drop table {table}_2": "DROP TABLE",
            "create schema if not exists s_tags": "CREATE SCHEMA",
            "drop schema s_tags": "DROP SCHEMA",
            f"create view {table}_v as select 1 as x": "CREATE VIEW",
            f"drop view {table}_v": "DROP VIEW",
            f"truncate {table}": "TRUNCATE TABLE",
            "set extra_float_digits = 1": "SET",
            "reset extra_float_digits": "RESET",
            "deallocate all": "DEALLOCATE ALL",
            "discard all": "DISCARD ALL",
            "listen something": "LISTEN",
            "unlisten *": "UNLISTEN",
        }.items():
            assert transcript(wire.talk(query(sql))) == f"C({tag}) Z(I)", sql


@pytest.mark.parametrize("way", ["simple", "extended", "several", "in a transaction"])
def test_arrays_are_written_as_text(wire, way):
    """What a constant means is told by its column alone."""
    wire.run("create temp table t (a int, b int[], c text, d json, e text[])")
    sql = "insert into t (e, b, c, d) values ('{\"x y\",NULL}', '{1,2}', '{1,2}', '{\"k\": [1]}'), ('{}', null, 'x', null)"
    said, expected = {
        "simple": ([query(sql)], "C(INSERT 0 2) Z(I)"),
        "extended": ([parse(sql), bind(), execute(), SYNC], "1 2 C(INSERT 0 2) Z(I)"),
        "several": ([query(f"select 1 as x; {sql}")], "T(x) D(1) C(SELECT 1) C(INSERT 0 2) Z(I)"),
        "in a transaction": ([query("begin"), query(sql)], "C(BEGIN) Z(T) C(INSERT 0 2) Z(T)"),
    }[way]
    assert transcript(wire.talk(*said, times=expected.count("Z("))) == expected
    assert wire.run("select b, c, d, e from t order by c desc") == [
        ["{1,2}", "{1,2}", '{"k": [1]}', '{"x y",NULL}'],
        [None, "x", None, "{}"],
    ]


NOTICES = {
    "drop table if exists nope_1, nope_2": [
        ("00000", 'table "nope_1" does not exist, skipping'),
        ("00000", 'table "nope_2" does not exist, skipping'),
    ],
    "drop view if exists nope cascade": [("00000", 'view "nope" does not exist, skipping')],
    'drop schema if exists "No pe"': [("00000", 'schema "No pe" does not exist, skipping')],
    "drop sequence if exists nope": [("00000", 'sequence "nope" does not exist, skipping')],
    "drop index if exists nope": [("00000", 'index "nope" does not exist, skipping')],
    "drop type if exists nope": [("00000", 'type "nope" does not exist, skipping')],
    "create table if not exists public.{} (a int)": [
        ("42P07", 'relation "{}" already exists, skipping')
    ],
    "create table if not exists {} as select 1": [
        ("42P07", 'relation "{}" already exists, skipping')
    ],
    "create schema if not exists s_noticed": [
        ("42P06", 'schema "s_noticed" already exists, skipping')
    ],
    "create index if not exists i_noticed on {} (a)": [
        ("42P07", 'relation "i_noticed" already exists, skipping')
    ],
    "commit": [("25P01", "there is no transaction in progress")],
    "set local a.b = 1": [("25P01", "SET LOCAL can only be used in transaction blocks")],
}


@pytest.mark.parametrize("way", ["simple", "extended", "in a transaction"])
def test_notices(pg, table, way):
    with connect(pg) as wire:
        wire.run("create schema if not exists s_noticed")
        wire.run("drop index if exists i_noticed")
        wire.run(f"create index i_noticed on {table} (a)")
        if way == "in a transaction":
            wire.run("begin")
        for sql, expected in NOTICES.items():
            if way == "in a transaction" and expected[0][0] == "25P01":
                continue
            sql = sql.format(table)
            said = [parse(sql), bind(), execute(), SYNC] if way == "extended" else [query(sql)]
            seen = wire.talk(*said)
            told = [fields_of(body) for kind, body in seen if kind == "N"]
            expected = [(state, text.format(table)) for state, text in expected]
            assert [(one["C"], one["M"]) for one in told] == expected, sql
            assert not [body for kind, body in seen if kind == "E"], sql


def test_an_error_has_severity_state_message_and_position(wire):
    error = next(b for k, b in wire.talk(query("select nope from (select 1) t")) if k == "E")
    fields = fields_of(error)
    assert {name: fields.get(name) for name in "SVCP"} == {
        "S": "ERROR",
        "V": "ERROR",
        "C": "42703",
        "P": "8",
    }
    assert "nope" in fields["M"]


def test_parameters_are_told_again_when_they_change(wire):
    wire.run("set application_name = 'seen'")
    assert wire.parameters["application_name"] == "seen"
    wire.run("set timezone = 'Europe/Berlin'")
    assert wire.parameters["TimeZone"] == "Europe/Berlin"
    wire.run("begin; set local application_name = 'inside'")
    assert wire.parameters["application_name"] == "inside"
    wire.run("rollback")
    assert wire.parameters["application_name"] == "seen"
