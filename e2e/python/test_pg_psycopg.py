"""psycopg 3 and 2: synchronous and asynchronous, cursors on the server, pipelines, COPY, types, errors."""

import asyncio
import datetime as dt
import io
import threading
import uuid
from decimal import Decimal

import pytest

psycopg = pytest.importorskip("psycopg")
psycopg2 = pytest.importorskip("psycopg2")

from psycopg import rows  # noqa: E402
from psycopg.types.json import Json  # noqa: E402
from psycopg2 import extras  # noqa: E402

from harness.topology import eventually  # noqa: E402

LONG = (
    "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y)"
    " where x * 3 <> y * 7 + 1"
)


@pytest.fixture
def con(pg):
    """A psycopg 3 connection with autocommit, as is usual for reading."""
    with psycopg.connect(pg.conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture
def tx(pg):
    with psycopg.connect(pg.conninfo) as connection:
        yield connection


@pytest.fixture
def old(pg):
    connection = psycopg2.connect(pg.conninfo)
    yield connection
    connection.close()


# psycopg 3

UTC = dt.UTC
VALUES = {
    "bool": True,
    "int2": -32768,
    "int4": 2147483647,
    "int8": -9223372036854775808,
    "float4": 1.5,
    "float8": 0.1,
    "numeric": Decimal("-12345678901234567890.0123456789"),
    "text": "ä\tb\n'c' \\ \"d\"",
    "varchar": "",
    "bytea": b"\0\1\xff'\\",
    "date": dt.date(2024, 2, 29),
    "time": dt.time(12, 34, 56, 789012),
    "timestamp": dt.datetime(1999, 12, 31, 23, 59, 59, 999999),
    "timestamptz": dt.datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    "interval": dt.timedelta(days=3, seconds=4, microseconds=5),
    "uuid": uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "int4[]": [1, None, -3],
    "int8[]": [],
    "text[]": ["a b", 'c"d', None, "", "NULL"],
    "float8[]": [1.5, float("inf")],
    "numeric[]": [Decimal("1.50"), None],
    "date[]": [dt.date(2024, 1, 1)],
    "timestamp[]": [dt.datetime(2024, 1, 1, 12)],
    "bool[]": [True, False],
}


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("kind_of_value", VALUES)
def test_a_value_there_and_back(con, kind_of_value, binary):
    value = VALUES[kind_of_value]
    place = "%b" if binary else "%t"
    sql = f"select {place}::{kind_of_value}, null::{kind_of_value}"
    assert con.execute(sql, [value], binary=binary).fetchone() == (value, None)


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_json(con, binary):
    document = {"a": [1, 2.5, None, {"b": "ü"}], "": True}
    for kind in ("json", "jsonb"):
        row = con.execute(f"select %s::{kind}", [Json(document)], binary=binary).fetchone()
        assert row == (document,)


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_nested_arrays(con, binary):
    row = con.execute("select array[array[1,2],array[3,4]]", binary=binary).fetchone()
    assert row == ([[1, 2], [3, 4]],)


def test_description(con):
    found = con.execute(
        "select 1::int as a, 'x'::varchar(5) as b, 1.5::numeric(7,2) as c"
    ).description
    assert [(c.name, c.type_code, c.precision, c.scale) for c in found] == [
        ("a", 23, None, None),
        ("b", 1043, None, None),
        ("c", 1700, 7, 2),
    ]
    assert found[1].display_size == 5


def test_row_counts_and_status(con, table):
    assert con.execute(f"insert into {table} values (4, 'x'), (5, 'y')").rowcount == 2
    assert con.execute(f"update {table} set b = 'z' where a > 3").statusmessage == "UPDATE 2"
    assert con.execute(f"delete from {table} where a > 99").rowcount == 0
    assert con.execute(f"select * from {table}").rowcount == 5


def test_executemany(con, table):
    with con.cursor() as cursor:
        cursor.executemany(
            f"insert into {table} values (%s, %s)", [(i, str(i)) for i in range(10, 500)]
        )
        assert cursor.rowcount == 490
        cursor.executemany(
            f"insert into {table} values (%s, %s) returning a",
            [(501, "x"), (502, None)],
            returning=True,
        )
        assert cursor.fetchone() == (501,)
        assert cursor.nextset() and cursor.fetchone() == (502,)
    assert con.execute(f"select count(*), max(a) from {table}").fetchone() == (495, 502)


def test_prepared_by_itself(con):
    for i in range(12):
        assert con.execute("select %s::int + 1", [i]).fetchone() == (i + 1,)
    assert con.execute("select %s::int + 1", [1], prepare=True).fetchone() == (2,)
    assert con.execute("select %s + 1", [None], prepare=True).fetchone() == (None,)


def test_prepared_before_the_table_changes(con, table):
    sql = f"select * from {table} where a = %s"
    assert con.execute(sql, [1], prepare=True).fetchone() == (1, "one")
    con.execute(f"drop table {table}")
    con.execute(f"create table {table} (a int, b text)")
    assert con.execute(sql, [1], prepare=True).fetchone() is None


def test_parameters_without_types(con, table):
    assert con.execute(f"select b from {table} where a = %s", ["1"]).fetchone() == ("one",)
    assert con.execute(
        f"select a from {table} where a = any(%s) order by a", [[1, 3]]
    ).fetchall() == [(1,), (3,)]
    assert con.execute(f"select a from {table} where b like %s", ["o%"]).fetchall() == [(1,)]
    assert con.execute(
        f"select a from {table} order by a limit %s offset %s", [1, 1]
    ).fetchall() == [(2,)]
    assert con.execute(
        "select date_trunc(%s, %s::timestamp)", ["day", "2024-02-29 12:00"]
    ).fetchone() == (dt.datetime(2024, 2, 29),)
    assert con.execute("select %s::text is null", [None]).fetchone() == (True,)
    assert con.execute("select coalesce(%s, 'x')", [None]).fetchone() == ("x",)
    assert con.execute("select case when %s then 1 else 2 end", [True]).fetchone() == (1,)


def test_server_side_cursor(tx):
    with tx.cursor("on_server") as cursor:
        cursor.itersize = 100
        cursor.execute("select i from generate_series(1, 1000) i order by 1")
        assert cursor.fetchone() == (1,)
        assert cursor.fetchmany(2) == [(2,), (3,)]
        assert sum(i for (i,) in cursor) == sum(range(4, 1001))


def test_server_side_cursor_binary_and_parameters(tx):
    with tx.cursor("on_server", binary=True) as cursor:
        cursor.execute("select i, i::text from generate_series(1, %s) i order by 1", [3])
        assert cursor.fetchall() == [(1, "1"), (2, "2"), (3, "3")]


def test_server_side_cursor_with_hold(con):
    with con.cursor("held", withhold=True) as cursor:
        cursor.execute("select i from generate_series(1, 5) i order by 1")
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert con.execute("select 9").fetchone() == (9,)
        assert cursor.fetchall() == [(3,), (4,), (5,)]


def test_stream(con):
    with con.cursor() as cursor:
        rows_ = cursor.stream("select i from generate_series(1, 10000) i order by 1")
        assert sum(i for (i,) in rows_) == 50005000
    with con.cursor() as cursor:
        for row in cursor.stream("select i from generate_series(1, 100000) i order by 1"):
            if row == (5,):
                break
    assert con.execute("select 1").fetchone() == (1,)


def test_pipeline(con, table):
    with con.pipeline():
        con.execute(f"insert into {table} values (%s, %s)", [10, "ten"])
        one = con.execute(f"select b from {table} where a = %s", [10])
        two = con.execute("select 2")
    assert one.fetchone() == ("ten",) and two.fetchone() == (2,)


def test_pipeline_with_an_error(con, table):
    with pytest.raises(psycopg.errors.DivisionByZero):
        with con.pipeline():
            con.execute(f"insert into {table} values (20, 'x')")
            con.execute("select 1 / i from generate_series(0, 0) i")
            con.execute(f"insert into {table} values (21, 'y')")
    assert con.execute(f"select count(*) from {table} where a >= 20").fetchone() == (0,)


def test_pipeline_of_many(con):
    with con.pipeline():
        asked = [con.execute("select %s::int", [i]) for i in range(2000)]
    assert [one.fetchone()[0] for one in asked] == list(range(2000))


def test_copy(con, table):
    with con.cursor() as cursor:
        with cursor.copy(f"copy {table} from stdin") as copy:
            for row in [(10, "ä\tb\n\\c"), (11, None), (12, "")]:
                copy.write_row(row)
        assert cursor.rowcount == 3
        with cursor.copy(
            f"copy (select * from {table} where a >= 10 order by a) to stdout"
        ) as copy:
            copy.set_types(["int4", "text"])
            assert list(copy.rows()) == [(10, "ä\tb\n\\c"), (11, None), (12, "")]


def test_copy_binary(con, table):
    with con.cursor() as cursor:
        with cursor.copy(f"copy {table} from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            for i in range(1000, 3000):
                copy.write_row((i, f"row {i}"))
        sql = f"copy (select * from {table} where a >= 1000 order by a) to stdout (format binary)"
        with cursor.copy(sql) as copy:
            copy.set_types(["int4", "text"])
            found = list(copy.rows())
        assert found == [(i, f"row {i}") for i in range(1000, 3000)]


def test_copy_that_the_client_gives_up(con, table):
    with pytest.raises(ZeroDivisionError), con.cursor() as cursor:
        with cursor.copy(f"copy {table} from stdin") as copy:
            copy.write_row((10, "x"))
            raise ZeroDivisionError
    assert con.execute(f"select count(*) from {table}").fetchone() == (3,)


ERRORS = {
    "selekt 1": ("42601", 1),
    "select nope": ("42703", 8),
    "select * from nope": ("42P01", 15),
    "select nope(1)": ("42883", 8),
    "select 1 where 'a' = 2": ("22P02", 16),
    "select 1/0": ("22012", None),
    "select 'x'::int": ("22P02", 8),
    "select 'ä', nope": ("42703", 13),
    "select 1,\n  nope": ("42703", 13),
}


@pytest.mark.parametrize("sql", ERRORS)
def test_errors(con, sql):
    with pytest.raises(psycopg.Error) as caught:
        con.execute(sql)
    state, position = ERRORS[sql]
    diagnosis = caught.value.diag
    assert (diagnosis.sqlstate, diagnosis.severity) == (state, "ERROR")
    assert diagnosis.statement_position == (str(position) if position else None)
    assert con.execute("select 1").fetchone() == (1,)


def test_constraint_errors(con, name):
    con.execute(f"create table {name} (a int primary key, b int not null, c int check (c > 0))")
    con.execute(f"insert into {name} values (1, 1, 1)")
    for values, error in {
        "(1, 1, 1)": psycopg.errors.UniqueViolation,
        "(2, null, 1)": psycopg.errors.NotNullViolation,
        "(2, 1, 0)": psycopg.errors.CheckViolation,
    }.items():
        with pytest.raises(error):
            con.execute(f"insert into {name} values {values}")
    con.execute(f"drop table {name}")


def test_transactions(pg, tx, table):
    tx.execute(f"insert into {table} values (10, 'x')")
    with psycopg.connect(pg.conninfo) as other:
        assert other.execute(f"select count(*) from {table}").fetchone() == (3,)
    tx.commit()
    tx.execute(f"delete from {table}")
    tx.rollback()
    assert tx.execute(f"select count(*) from {table}").fetchone() == (4,)
    with pytest.raises(psycopg.errors.DivisionByZero):
        tx.execute("select 1/0")
    assert tx.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        tx.execute("select 1")
    tx.rollback()
    with tx.transaction():
        tx.execute(f"insert into {table} values (11, 'y')")
    assert tx.execute(f"select count(*) from {table}").fetchone() == (5,)


def test_read_only_transaction(tx, table):
    tx.read_only = True
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        tx.execute(f"delete from {table}")
    tx.rollback()
    tx.read_only = None
    tx.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    assert tx.execute("select 1").fetchone() == (1,)


def test_cancel(pg, con):
    def later():
        eventually(lambda: pg.running_queries() > 0)
        con.cancel_safe(timeout=10)

    thread = threading.Thread(target=later)
    thread.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        con.execute(LONG)
    thread.join()
    assert con.execute("select 1").fetchone() == (1,)


def test_notices(con):
    heard = []
    con.add_notice_handler(lambda notice: heard.append(notice.sqlstate))
    con.execute("drop table if exists no_such_table_at_all")
    con.execute("rollback")
    assert heard == ["00000", "25P01"]


def test_time_zones(con):
    con.execute("set timezone to 'America/New_York'")
    (found,) = con.execute("select '2024-07-01 12:00+00'::timestamptz").fetchone()
    assert found == dt.datetime(2024, 7, 1, 12, tzinfo=UTC)
    assert found.utcoffset() == dt.timedelta(hours=-4)
    assert con.info.timezone.key == "America/New_York"
    assert con.execute("select '2024-07-01 12:00+00'::timestamptz::text").fetchone() == (
        "2024-07-01 08:00:00-04",
    )


def test_row_factories(con):
    with con.cursor(row_factory=rows.dict_row) as cursor:
        assert cursor.execute("select 1 as a, 'x' as b").fetchall() == [{"a": 1, "b": "x"}]


def test_temporary_tables_are_of_the_connection(pg, con):
    con.execute("create temp table mine (a int)")
    con.execute("insert into mine values (1)")
    assert con.execute("select a from mine").fetchall() == [(1,)]
    with psycopg.connect(pg.conninfo) as other, pytest.raises(psycopg.errors.UndefinedTable):
        other.execute("select a from mine")


def test_async(pg):
    async def one(number):
        async with await psycopg.AsyncConnection.connect(pg.conninfo) as connection:
            cursor = await connection.execute("select %s::int * 2", [number])
            (double,) = await cursor.fetchone()
            async with connection.cursor("on_server") as cursor:
                await cursor.execute("select i from generate_series(1, 50) i")
                total = sum([i async for (i,) in cursor])
            return double, total

    async def all_():
        return await asyncio.gather(*(one(i) for i in range(20)))

    assert asyncio.run(all_()) == [(i * 2, 1275) for i in range(20)]


# psycopg 2


def test_2_values(old):
    with old.cursor() as cursor:
        cursor.execute(
            "select %s, %s, %s, %s, %s::date, %s::timestamp, %s, %s::int[], %s::bytea",
            [
                1,
                "a'b",
                1.5,
                None,
                dt.date(2024, 2, 29),
                dt.datetime(2024, 1, 1, 12),
                True,
                [1, 2],
                b"\0\xff",
            ],
        )
        row = cursor.fetchone()
    assert row[:8] == (
        1,
        "a'b",
        Decimal("1.5"),
        None,
        dt.date(2024, 2, 29),
        dt.datetime(2024, 1, 1, 12),
        True,
        [1, 2],
    )
    assert bytes(row[8]) == b"\0\xff"


def test_2_server_side_cursor(old):
    with old.cursor("on_server") as cursor:
        cursor.itersize = 7
        cursor.execute("select i from generate_series(1, 100) i order by 1")
        assert [i for (i,) in cursor] == list(range(1, 101))
    with old.cursor("scrolling", scrollable=True) as cursor:
        cursor.execute("select i from generate_series(1, 10) i order by 1")
        cursor.scroll(5)
        assert cursor.fetchone() == (6,)


def test_2_copy(old, table):
    with old.cursor() as cursor:
        cursor.copy_expert(f"copy {table} from stdin csv", io.StringIO('10,"x,y"\n11,\n'))
        out = io.StringIO()
        cursor.copy_expert(
            f"copy (select * from {table} where a >= 10 order by a) to stdout csv", out
        )
        assert out.getvalue() == '10,"x,y"\n11,\n'
        cursor.copy_from(io.StringIO("12\tz\n"), table)
        cursor.execute(f"select b from {table} where a = 12")
        assert cursor.fetchone() == ("z",)


def test_2_execute_values(old, table):
    with old.cursor() as cursor:
        extras.execute_values(
            cursor, f"insert into {table} values %s", [(i, "x") for i in range(10, 400)]
        )
        extras.execute_batch(
            cursor, f"delete from {table} where a = %s", [(i,) for i in range(10, 200)]
        )
        cursor.execute(f"select count(*) from {table}")
        assert cursor.fetchone() == (203,)
    old.rollback()


def test_2_errors_and_transactions(old, table):
    with old.cursor() as cursor:
        with pytest.raises(psycopg2.errors.UndefinedTable) as caught:
            cursor.execute("select * from nope")
        assert caught.value.pgcode == "42P01" and caught.value.diag.statement_position == "15"
        with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
            cursor.execute("select 1")
    old.rollback()
    with old, old.cursor() as cursor:
        cursor.execute(f"delete from {table} where a = 1")
    with old.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        assert cursor.fetchone() == (2,)
    old.rollback()
    assert old.server_version >= 150000 and old.encoding == "UTF8"


def test_2_notices_and_isolation(old):
    old.set_session(isolation_level="SERIALIZABLE", autocommit=True)
    with old.cursor() as cursor:
        cursor.execute("drop table if exists no_such_table_at_all")
    assert "no_such_table_at_all" in old.notices[-1]
