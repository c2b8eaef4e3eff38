"""psqlODBC by pyodbc, as Excel, Power BI and SAS come: savepoints, cursors, catalog functions."""

import datetime as dt
from decimal import Decimal

import pytest

pyodbc = pytest.importorskip("pyodbc")

DRIVER = "PostgreSQL Unicode"


def connect(pg, **more):
    if DRIVER not in pyodbc.drivers():
        pytest.skip("psqlODBC is not installed; tools/pg_clients.sh installs it")
    settings = {"Server": pg.host, "Port": pg.port, "Database": pg.database, "UID": pg.user} | more
    text = ";".join(f"{key}={value}" for key, value in settings.items())
    autocommit = more.pop("autocommit", True)
    return pyodbc.connect(f"Driver={{{DRIVER}}};{text}", autocommit=autocommit)


def rows(source, sql: str, *parameters) -> list[tuple]:
    """All rows of a statement as tuples, which pyodbc's own are not."""
    return [tuple(row) for row in source.execute(sql, *parameters).fetchall()]


WAYS = {
    "plain": {},
    "declare and fetch": {"UseDeclareFetch": 1, "Fetch": 7},
    "prepared on the client": {"UseServerSidePrepare": 0},
    "statements rolled back": {"Protocol": "7.4-2"},
    "transactions rolled back": {"Protocol": "7.4-1"},
}


@pytest.fixture(params=WAYS)
def con(pg, request):
    connection = connect(pg, **WAYS[request.param])
    yield connection
    connection.close()


def test_values(con):
    row = con.execute(
        "select 1, 'ä'::varchar(10), 1.50::numeric(5,2), 2.5::float8, true, date '2024-02-29',"
        " timestamp '2024-02-29 12:34:56', null, '\\x00ff'::bytea, 9000000000::int8"
    ).fetchone()
    assert row[:2] == (1, "ä") and row[2:4] == (Decimal("1.50"), 2.5)
    assert row[4] in (True, "1") and row[5] == dt.date(2024, 2, 29)
    assert row[6] == dt.datetime(2024, 2, 29, 12, 34, 56) and row[7] is None
    assert row[8] == b"\0\xff" and row[9] == 9000000000


def test_parameters(con, table):
    assert rows(con, f"select b from {table} where a = ?", 1) == [("one",)]
    sql, day = "select ?::int + 1, ?::text, ?::date", dt.date(2024, 1, 1)
    assert rows(con, sql, 41, "x'y", day) == [(42, "x'y", day)]


def test_many_rows(con):
    found = con.execute("select i, i::text from generate_series(1, 20000) i order by 1")
    assert sum(i for i, _ in found) == 200010000


def test_writes(con, table):
    cursor = con.cursor()
    cursor.executemany(
        f"insert into {table} values (?, ?)", [(i, f"row {i}") for i in range(10, 60)]
    )
    assert cursor.execute(f"update {table} set b = 'x' where a >= 10").rowcount == 50
    assert rows(cursor, f"select count(*) from {table}") == [(53,)]


def test_transactions(pg, table):
    con = connect(pg)
    con.autocommit = False
    con.execute(f"delete from {table}")
    con.rollback()
    assert rows(con, f"select count(*) from {table}") == [(3,)]
    con.execute(f"insert into {table} values (4, 'x')")
    con.commit()
    assert rows(con, f"select count(*) from {table}") == [(4,)]
    con.close()


@pytest.mark.parametrize(
    "sql, state", [("select * from nope", "42P01"), ("selekt", "42601"), ("select 1/0", "22012")]
)
def test_errors(con, sql, state):
    with pytest.raises(pyodbc.Error) as caught:
        con.execute(sql).fetchall()
    # The driver maps some to ODBC's own states.
    assert caught.value.args[0] in (state, "42S02", "HY000")
    assert rows(con, "select 1") == [(1,)]


def test_catalog(con, table):
    cursor = con.cursor()
    found = cursor.tables(table=table).fetchall()
    assert [(r.table_schem, r.table_name, r.table_type) for r in found] == [
        ("public", table, "TABLE")
    ]
    found = cursor.columns(table=table).fetchall()
    assert [(r.column_name, r.type_name, r.ordinal_position) for r in found] == [
        ("a", "int4", 1),
        ("b", "text", 2),
    ]
    assert cursor.primaryKeys(table).fetchall() == []
    cursor.statistics(table).fetchall()
    cursor.procedures().fetchone()
    assert {r.type_name for r in cursor.getTypeInfo().fetchall()} >= {"int4", "text", "timestamptz"}
    assert con.getinfo(pyodbc.SQL_DBMS_NAME) == "PostgreSQL"


def test_primary_key(con, name):
    con.execute(f"create table {name} (x int, k int primary key)")
    assert [(r.column_name, r.key_seq) for r in con.cursor().primaryKeys(name).fetchall()] == [
        ("k", 1)
    ]
