"""What SQL itself keeps in a session: cursors, settings, prepared statements, savepoints, temporary tables."""

import pytest

from harness.pg_wire import connect, query, transcript

TEN = "select i from generate_series(1, 10) i order by 1"


def check(server, lines: list[str], expected: str) -> None:
    """Runs one simple query after the other; `expected` has what comes, without T and Z."""
    with connect(server) as wire:
        seen = wire.talk(*map(query, lines), times=len(lines))
    shown = transcript([one for one in seen if one[0] not in "TZ"])
    assert shown == expected


def fetched(*commands: str) -> list[str]:
    return ["begin", f"declare c scroll cursor for {TEN}", *commands, "rollback"]


HEAD, TAIL = "C(BEGIN) C(DECLARE CURSOR) ", " C(ROLLBACK)"
CURSORS = {
    "next": (["fetch c", "fetch next from c"], "D(1) C(FETCH 1) D(2) C(FETCH 1)"),
    "count": (
        ["fetch 3 from c", "fetch forward 2 in c"],
        "D(1) D(2) D(3) C(FETCH 3) D(4) D(5) C(FETCH 2)",
    ),
    "all": (
        ["fetch 8 c", "fetch all c"],
        " ".join(f"D({i})" for i in range(1, 9)) + " C(FETCH 8) D(9) D(10) C(FETCH 2)",
    ),
    "past the end": (
        ["move all c", "fetch c", "fetch prior c"],
        "C(MOVE 10) C(FETCH 0) D(10) C(FETCH 1)",
    ),
    "zero": (["fetch 2 c", "fetch 0 c"], "D(1) D(2) C(FETCH 2) D(2) C(FETCH 1)"),
    "backward": (
        ["fetch 4 c", "fetch backward 2 c"],
        "D(1) D(2) D(3) D(4) C(FETCH 4) D(3) D(2) C(FETCH 2)",
    ),
    "first and last": (["fetch last c", "fetch first c"], "D(10) C(FETCH 1) D(1) C(FETCH 1)"),
    "absolute": (["fetch absolute 5 c", "fetch absolute -2 c"], "D(5) C(FETCH 1) D(9) C(FETCH 1)"),
    "relative": (
        ["fetch 3 c", "fetch relative 2 c", "fetch relative -1 c"],
        "D(1) D(2) D(3) C(FETCH 3) D(5) C(FETCH 1) D(4) C(FETCH 1)",
    ),
    "move": (
        ["move 4 in c", "fetch c", "move backward 2 c", "fetch c"],
        "C(MOVE 4) D(5) C(FETCH 1) C(MOVE 2) D(4) C(FETCH 1)",
    ),
    "backward all": (["move 3 c", "fetch backward all c"], "C(MOVE 3) D(2) D(1) C(FETCH 2)"),
    "close": (["fetch c", "close c"], "D(1) C(FETCH 1) C(CLOSE CURSOR)"),
    "close all": (["close all"], "C(CLOSE CURSOR ALL)"),
    "closed": (["close c", "fetch c"], "C(CLOSE CURSOR) E(34000)"),
    "twice": ([f"declare c cursor for {TEN}"], "E(42P03)"),
    "another": (
        ["declare d cursor for select 'x'", "fetch d", "fetch c"],
        "C(DECLARE CURSOR) D(x) C(FETCH 1) D(1) C(FETCH 1)",
    ),
    "quoted name": (
        ['declare "My Cursor" cursor for select 7', 'fetch "My Cursor"'],
        "C(DECLARE CURSOR) D(7) C(FETCH 1)",
    ),
    "binary": (
        ["declare b binary cursor for select 65 * 16777216 + 66", "fetch b"],
        "C(DECLARE CURSOR) D(A\0\0B) C(FETCH 1)",
    ),
}
LISTED = {
    f"cursor: {label}": (fetched(*commands), HEAD + expected + TAIL)
    for label, (commands, expected) in CURSORS.items()
} | {
    "cursor: without a transaction": ([f"declare c cursor for {TEN}"], "E(25P01)"),
    "cursor: ends with its transaction": (
        *(
            ["begin", f"declare c cursor for {TEN}", "commit", "fetch c"],
            "C(BEGIN) C(DECLARE CURSOR) C(COMMIT) E(34000)",
        ),
    ),
    "cursor: with hold": (
        [
            "begin",
            f"declare c cursor with hold for {TEN}",
            "fetch c",
            "commit",
            "fetch 2 c",
            "close c",
            "fetch c",
        ],
        "C(BEGIN) C(DECLARE CURSOR) D(1) C(FETCH 1) C(COMMIT) D(2) D(3) C(FETCH 2) C(CLOSE CURSOR) E(34000)",
    ),
    "cursor: with hold, rolled back": (
        ["begin", f"declare c cursor with hold for {TEN}", "rollback", "fetch c"],
        "C(BEGIN) C(DECLARE CURSOR) C(ROLLBACK) E(34000)",
    ),
    "cursor: with hold, outside": (
        [f"declare c cursor with hold for {TEN}", "fetch 2 c", "move 3 c", "fetch c", "close c"],
        "C(DECLARE CURSOR) D(1) D(2) C(FETCH 2) C(MOVE 3) D(6) C(FETCH 1) C(CLOSE CURSOR)",
    ),
    "cursor: no scroll": (
        [
            "begin",
            f"declare c no scroll cursor for {TEN}",
            "fetch 2 c",
            "fetch backward c",
            "rollback",
        ],
        "C(BEGIN) C(DECLARE CURSOR) D(1) D(2) C(FETCH 2) E(55000) C(ROLLBACK)",
    ),
    "set: until reset": (
        [
            "set statement_timeout = '3s'",
            "show statement_timeout",
            "reset statement_timeout",
            "show statement_timeout",
        ],
        "C(SET) D(3s) C(SHOW) C(RESET) D(0) C(SHOW)",
    ),
    "set: local": (
        [
            "begin",
            "set local statement_timeout = 7000",
            "show statement_timeout",
            "commit",
            "show statement_timeout",
        ],
        "C(BEGIN) C(SET) D(7s) C(SHOW) C(COMMIT) D(0) C(SHOW)",
    ),
    "set: rolled back": (
        ["begin", "set statement_timeout = 7000", "rollback", "show statement_timeout"],
        "C(BEGIN) C(SET) C(ROLLBACK) D(0) C(SHOW)",
    ),
    "set: kept by a commit": (
        ["begin", "set statement_timeout = 7000", "commit", "show statement_timeout"],
        "C(BEGIN) C(SET) C(COMMIT) D(7s) C(SHOW)",
    ),
    "set: set_config": (
        [
            "select set_config('my.name', 'v', false)",
            "select current_setting('my.name')",
            "show my.name",
        ],
        "D(v) C(SELECT 1) D(v) C(SELECT 1) D(v) C(SHOW)",
    ),
    "set: set_config in its own time": (
        [
            "select set_config('my.name', 'before', false), set_config('DateStyle', 'SQL, DMY', false)",
            "begin",
            "select pg_catalog.set_config('my.name', 'within', true)",
            "select current_setting('my.name'), date '2024-02-01'",
            "rollback",
            "select current_setting('my.name'), current_setting('my.other', true)",
            "select current_setting('my.other')",
            "select set_config('no_such_setting', 'x', false)",
        ],
        "D(before,SQL, DMY) C(SELECT 1) C(BEGIN) D(within) C(SELECT 1) D(within,01/02/2024) C(SELECT 1)"
        " C(ROLLBACK) D(before,null) C(SELECT 1) E(42704) E(42704)",
    ),
    "set: to default": (
        [
            "set timezone to 'Asia/Tokyo'",
            "set timezone to default",
            "set time zone local",
            "show timezone",
        ],
        "C(SET) C(SET) C(SET) D(UTC) C(SHOW)",
    ),
    "set: the zone matters": (
        [
            "set timezone to 'Asia/Tokyo'",
            "select '2024-01-01 00:00+00'::timestamptz",
            "select '2024-01-01 00:00'::timestamptz = '2023-12-31 15:00+00'",
        ],
        "C(SET) D(2024-01-01 09:00:00+09) C(SELECT 1) D(t) C(SELECT 1)",
    ),
    "set: units": (
        [
            "set statement_timeout = '2min'",
            "show statement_timeout",
            "set statement_timeout = 90000",
            "show statement_timeout",
            "set statement_timeout = '1x'",
        ],
        "C(SET) D(2min) C(SHOW) C(SET) D(90s) C(SHOW) E(22023)",
    ),
    "set: search path": (
        [
            "create schema s_one",
            "create table s_one.only_here (a int)",
            "set search_path = s_one, public",
            "select count(*) from only_here",
            "select current_schema()",
            "show search_path",
            "drop table only_here",
            "drop schema s_one",
        ],
        "C(CREATE SCHEMA) C(CREATE TABLE) C(SET) D(0) C(SELECT 1) D(s_one) C(SELECT 1) D(s_one, public) C(SHOW) C(DROP TABLE) C(DROP SCHEMA)",
    ),
    "set: unknown": (
        ["set nothing_like_it = 1", "show nothing_like_it", "set timezone = 'Nowhere'"],
        "E(42704) E(42704) E(22023)",
    ),
    "prepare": (
        [
            "prepare p (int, text) as select $1 + 1, $2",
            "execute p (41, 'x')",
            "execute p (null, null)",
            "deallocate p",
            "execute p (1, 'x')",
        ],
        "C(PREPARE) D(42,x) C(SELECT 1) D(null,null) C(SELECT 1) C(DEALLOCATE) E(26000)",
    ),
    "prepare: types found": (
        ["prepare p as select $1::int * 2", "execute p ('21')", "deallocate prepare p"],
        "C(PREPARE) D(42) C(SELECT 1) C(DEALLOCATE)",
    ),
    "prepare: twice": (["prepare p as select 1", "prepare p as select 2"], "C(PREPARE) E(42P05)"),
    "prepare: wrong count": (
        ["prepare p (int) as select $1", "execute p", "execute p (1, 2)"],
        "C(PREPARE) E(42601) E(42601)",
    ),
    "prepare: a write": (
        [
            "create temp table w (a int)",
            "prepare p (int) as insert into w values ($1)",
            "execute p (1)",
            "execute p (2)",
            "select sum(a) from w",
        ],
        "C(CREATE TABLE) C(PREPARE) C(INSERT 0 1) C(INSERT 0 1) D(3) C(SELECT 1)",
    ),
    "prepare: discarded": (
        ["prepare p as select 1", "discard all", "execute p"],
        "C(PREPARE) C(DISCARD ALL) E(26000)",
    ),
    "discard: temporary tables": (
        ["create temp table w (a int)", "discard temp", "select * from w"],
        "C(CREATE TABLE) C(DISCARD TEMP) E(42P01)",
    ),
    "discard: plans and sequences": (
        ["discard plans", "discard sequences"],
        "C(DISCARD PLANS) C(DISCARD SEQUENCES)",
    ),
    "discard all: settings": (
        ["set statement_timeout = 5000", "discard all", "show statement_timeout"],
        "C(SET) C(DISCARD ALL) D(0) C(SHOW)",
    ),
    "discard all: not in a transaction": (
        ["begin", "discard all", "rollback"],
        "C(BEGIN) E(25001) C(ROLLBACK)",
    ),
    "savepoint: released": (
        ["begin", "savepoint a", "select 1", "release a", "commit"],
        "C(BEGIN) C(SAVEPOINT) D(1) C(SELECT 1) C(RELEASE) C(COMMIT)",
    ),
    "savepoint: unknown": (
        ["begin", "rollback to nope", "rollback"],
        "C(BEGIN) E(3B001) C(ROLLBACK)",
    ),
    "temporary table before a table": (
        [
            "create table shadowed (a int)",
            "create temp table shadowed (b text)",
            "insert into shadowed values ('t')",
            "select * from shadowed",
            "select * from public.shadowed",
            "drop table shadowed",
            "select count(*) from shadowed",
            "drop table shadowed",
        ],
        "C(CREATE TABLE) C(CREATE TABLE) C(INSERT 0 1) D(t) C(SELECT 1) C(SELECT 0) C(DROP TABLE) D(0) C(SELECT 1) C(DROP TABLE)",
    ),
    "ddl is rolled back": (
        [
            "begin",
            "create table gone (a int)",
            "insert into gone values (1)",
            "rollback",
            "select * from gone",
        ],
        "C(BEGIN) C(CREATE TABLE) C(INSERT 0 1) C(ROLLBACK) E(42P01)",
    ),
    "chained": (
        ["begin", "commit and chain", "select 1", "rollback and no chain"],
        "C(BEGIN) C(COMMIT) D(1) C(SELECT 1) C(ROLLBACK)",
    ),
    "read only": (
        ["begin read only", "create table never (a int)", "rollback"],
        "C(BEGIN) E(25006) C(ROLLBACK)",
    ),
    "read only session": (
        [
            "set default_transaction_read_only = on",
            "create table never (a int)",
            "set default_transaction_read_only = off",
        ],
        "C(SET) E(25006) C(SET)",
    ),
}


@pytest.mark.parametrize("label", LISTED)
def test_statements(pg, label):
    check(pg, *LISTED[label])


def test_sessions_do_not_see_each_others_things(pg):
    with connect(pg) as one, connect(pg) as two:
        one.run("create temp table private_one (a int)")
        one.run("prepare private_plan as select 1")
        one.run("set statement_timeout = 12345")
        assert transcript(two.talk(query("select * from private_one"))) == "E(42P01) Z(I)"
        assert transcript(two.talk(query("execute private_plan"))) == "E(26000) Z(I)"
        assert two.run("show statement_timeout") == [["0"]]


def test_a_session_leaves_nothing_behind(pg):
    with connect(pg) as one:
        one.run("create temp table left_behind (a int)")
        one.run("begin")
        one.run("create table half_made (a int)")
    with connect(pg) as two:
        for table in ("left_behind", "half_made"):
            assert transcript(two.talk(query(f"select * from {table}"))) == "E(42P01) Z(I)"


def test_idle_timeouts(pg):
    with connect(pg) as wire:
        wire.run("set idle_in_transaction_session_timeout = 300")
        wire.run("begin")
        assert transcript(wire.rest()) == "E(25P03)"
    with connect(pg) as wire:
        wire.run("set idle_session_timeout = 300")
        assert transcript(wire.rest()) == "E(57P05)"


def test_activity_shows_the_sessions(pg):
    with connect(pg, application_name="watched") as one, connect(pg) as two:
        sql = "select pid, usename, datname, state from pg_stat_activity where application_name = 'watched'"
        assert two.run(sql) == [[str(one.pid), pg.user, pg.database, "idle"]]
        one.run("begin")
        assert two.run(sql)[0][3] == "idle in transaction"
        assert one.run("select pg_backend_pid()") == [[str(one.pid)]]
