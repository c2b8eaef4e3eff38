"""asyncpg, which speaks the binary format only and looks types up in the catalog."""

import asyncio
import datetime as dt
import uuid
from decimal import Decimal

import pytest

asyncpg = pytest.importorskip("asyncpg")


def run(pg, test):
    """Runs `test(connection)`, a coroutine function, on a connection of its own."""

    async def connected():
        connection = await asyncpg.connect(pg.uri, timeout=20, command_timeout=40)
        try:
            return await test(connection)
        finally:
            await connection.close(timeout=10)

    return asyncio.run(connected())


VALUES = {
    "bool": True,
    "int2": -32768,
    "int4": 2147483647,
    "int8": -9223372036854775808,
    "float4": 1.5,
    "float8": 0.1,
    "numeric": Decimal("-12345678901234567890.0123456789"),
    "text": "ä\tb\n",
    "varchar": "",
    "bytea": b"\0\1\xff",
    "date": dt.date(2024, 2, 29),
    "time": dt.time(12, 34, 56, 789012),
    "timestamp": dt.datetime(1999, 12, 31, 23, 59, 59, 999999),
    "timestamptz": dt.datetime(2024, 2, 29, 12, 0, tzinfo=dt.UTC),
    "interval": dt.timedelta(days=3, seconds=4, microseconds=5),
    "uuid": uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "json": '{"a": [1, null]}',
    "jsonb": '{"a": [1, null]}',
    "int4[]": [1, None, -3],
    "text[]": ["a b", None, ""],
    "float8[]": [1.5, float("inf")],
    "numeric[]": [Decimal("1.50")],
    "timestamptz[]": [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)],
    "uuid[]": [],
}


@pytest.mark.parametrize("kind_of_value", VALUES)
def test_a_value_there_and_back(pg, kind_of_value):
    async def test(con):
        value = VALUES[kind_of_value]
        row = await con.fetchrow(
            f"select $1::{kind_of_value} as a, null::{kind_of_value} as b", value
        )
        assert tuple(row) == (value, None)

    run(pg, test)


def test_rows_and_values(pg, table):
    async def test(con):
        assert await con.fetchval(f"select count(*) from {table}") == 3
        assert [
            dict(r) for r in await con.fetch(f"select * from {table} where a < $1 order by a", 3)
        ] == [
            {"a": 1, "b": "one"},
            {"a": 2, "b": None},
        ]
        assert await con.execute(f"update {table} set b = 'x' where a > 1") == "UPDATE 2"
        assert await con.fetch("select 1 where false") == []

    run(pg, test)


def test_prepared_statements(pg):
    async def test(con):
        statement = await con.prepare("select $1::int + 1 as a, $2::text as b")
        assert [p.name for p in statement.get_parameters()] == ["int4", "text"]
        assert [(a.name, a.type.name) for a in statement.get_attributes()] == [
            ("a", "int4"),
            ("b", "text"),
        ]
        for i in range(50):
            assert tuple(await statement.fetchrow(i, str(i))) == (i + 1, str(i))
        assert await statement.fetch(1, "x", timeout=10) == [(2, "x")]

    run(pg, test)


def test_cursors(pg):
    async def test(con):
        async with con.transaction():
            rows = [
                r[0]
                async for r in con.cursor(
                    "select i from generate_series(1, 500) i order by 1", prefetch=33
                )
            ]
            assert rows == list(range(1, 501))
            cursor = await con.cursor("select i from generate_series(1, 10) i order by 1")
            assert await cursor.forward(3) == 3
            assert (await cursor.fetchrow())[0] == 4
            assert [r[0] for r in await cursor.fetch(2)] == [5, 6]

    run(pg, test)


def test_copy(pg, table):
    rows = [(i, f"row {i}" if i % 3 else None) for i in range(100, 5000)]

    async def test(con):
        assert (
            await con.copy_records_to_table(table, records=rows, columns=["a", "b"]) == "COPY 4900"
        )
        assert await con.fetchval(f"select count(b) from {table} where a >= 100") == sum(
            b is not None for _, b in rows
        )
        got = []

        async def sink(data):
            got.append(data)

        sql = f"select * from {table} where a < 103 order by a"
        assert await con.copy_from_query(sql, output=sink, format="csv") == "COPY 6"
        assert b"".join(got) == b"1,one\n2,\n3,three\n100,row 100\n101,row 101\n102,\n"

    run(pg, test)


def test_executemany_is_all_or_nothing(pg, table):
    async def test(con):
        await con.executemany(
            f"insert into {table} values ($1, $2)", [(i, "x") for i in range(10, 300)]
        )
        assert await con.fetchval(f"select count(*) from {table}") == 293
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await con.executemany(
                f"insert into {table} values ($1, ($2::text)::int::text)",
                [(1000, "1"), (1001, "x")],
            )
        assert await con.fetchval(f"select count(*) from {table} where a >= 1000") == 0

    run(pg, test)


def test_transactions(pg, table):
    async def test(con):
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with con.transaction():
                await con.execute(f"delete from {table}")
                await con.fetch("select 1/0")
        assert await con.fetchval(f"select count(*) from {table}") == 3
        async with con.transaction(isolation="repeatable_read", readonly=True):
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                async with con.transaction():
                    await con.execute(f"delete from {table}")

    run(pg, test)


def test_errors(pg):
    async def test(con):
        for sql, error in {
            "selekt": asyncpg.PostgresSyntaxError,
            "select nope": asyncpg.UndefinedColumnError,
            "select * from nope": asyncpg.UndefinedTableError,
            "select 1/0": asyncpg.DivisionByZeroError,
        }.items():
            with pytest.raises(error):
                await con.fetch(sql)
        assert await con.fetchval("select 1") == 1

    run(pg, test)


def test_a_timeout_cancels(pg):
    async def test(con):
        with pytest.raises(asyncio.TimeoutError):
            await con.fetchval(
                "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y)"
                " where x * 3 <> y * 7 + 1",
                timeout=0.5,
            )
        assert await con.fetchval("select 1") == 1

    run(pg, test)


def test_a_pool_resets_its_connections(pg):
    async def all_():
        async with asyncpg.create_pool(pg.uri, min_size=2, max_size=5) as pool:

            async def one(i):
                async with pool.acquire() as con:
                    await con.execute("create temp table if not exists left_over (a int)")
                    return await con.fetchval("select $1::int * 2", i)

            assert await asyncio.gather(*(one(i) for i in range(40))) == [i * 2 for i in range(40)]

    asyncio.run(all_())


def test_settings_and_version(pg):
    async def test(con):
        assert con.get_server_version().major >= 15
        assert con.get_settings().client_encoding == "UTF8"
        await con.execute("set application_name = 'asyncpg here'")
        assert con.get_settings().application_name == "asyncpg here"
        await con.reset()

    run(pg, test)
