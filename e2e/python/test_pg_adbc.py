"""ADBC's PostgreSQL driver: it reads by binary COPY and looks types up in pg_type by pages."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

adbc_postgres = pytest.importorskip("adbc_driver_postgresql.dbapi")


@pytest.fixture
def con(pg):
    with adbc_postgres.connect(pg.uri, autocommit=True) as connection:
        yield connection


def test_types(con):
    with con.cursor() as cursor:
        cursor.execute(
            "select 1::int2 as a, 2::int4 as b, 3::int8 as c, 1.5::float4 as d, 2.5::float8 as e, true as f,"
            " 'ä'::text as g, '\\x00ff'::bytea as h, date '2024-02-29' as i, timestamp '2024-02-29 12:34:56.789' as j,"
            " timestamptz '2024-02-29 12:00+00' as k, time '12:34:56' as l, array[1,null,3] as m, null::int as n"
        )
        table = cursor.fetch_arrow_table()
    assert [str(f.type) for f in table.schema] == [
        *("int16", "int32", "int64", "float", "double", "bool", "string", "binary", "date32[day]"),
        *("timestamp[us]", "timestamp[us, tz=UTC]", "time64[us]", "list<item: int32>", "int32"),
    ]
    row = table.to_pylist()[0]
    assert (
        row["g"] == "ä" and row["h"] == b"\0\xff" and row["m"] == [1, None, 3] and row["n"] is None
    )
    assert row["j"] == dt.datetime(2024, 2, 29, 12, 34, 56, 789000)


def test_numeric_is_text(con):
    with con.cursor() as cursor:
        cursor.execute(
            "select 123456789.987::numeric(20,3) as a, -0.001::numeric as b, 'NaN'::numeric as c"
        )
        row = cursor.fetch_arrow_table().to_pylist()[0]
    assert [Decimal(row[c]) for c in "ab"] == [Decimal("123456789.987"), Decimal("-0.001")]
    assert row["c"].lower() == "nan"


def test_many_rows(con):
    with con.cursor() as cursor:
        cursor.execute("select i, i::text as t from generate_series(1, 300000) i")
        rows = 0
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
    assert rows == 300000


def test_parameters(con):
    with con.cursor() as cursor:
        cursor.execute("select $1::int8 + 1 as a, $2::text as b", (41, "x"))
        assert cursor.fetchone() == (42, "x")


@pytest.mark.parametrize("mode", ["create", "append", "replace", "create_append"])
def test_ingest(con, name, mode):
    data = pa.table(
        {
            "i": pa.array([1, None, 3], pa.int64()),
            "s": ["a", None, "ü"],
            "f": [1.5, None, -2.0],
            "b": [True, False, None],
            "d": pa.array([dt.date(2024, 2, 29), None, dt.date(1969, 12, 31)]),
            "t": pa.array([dt.datetime(2024, 1, 1, 12), None, None], pa.timestamp("us")),
            "x": pa.array([b"\0\xff", None, b""], pa.binary()),
        }
    )
    with con.cursor() as cursor:
        if mode != "create":
            cursor.adbc_ingest(name, data, mode="create")
        assert cursor.adbc_ingest(name, data, mode=mode) == 3
        cursor.execute(f"select * from {name} order by i nulls last")
        found = cursor.fetch_arrow_table()
    assert found.num_rows == (6 if "append" in mode else 3)
    assert found.slice(0, 1).to_pylist() == data.slice(0, 1).to_pylist()


def test_schema_and_objects(con, table):
    schema = con.adbc_get_table_schema(table)
    assert [(f.name, str(f.type)) for f in schema] == [("a", "int32"), ("b", "string")]
    found = con.adbc_get_objects(depth="columns", table_name_filter=table).read_all().to_pylist()
    schemas = [s for c in found if c["catalog_name"] == "tavana" for s in c["catalog_db_schemas"]]
    tables = [(s["db_schema_name"], t) for s in schemas for t in s["db_schema_tables"] or []]
    assert [(name, t["table_name"], t["table_type"]) for name, t in tables] == [
        ("public", table, "table")
    ]
    assert [c["column_name"] for c in tables[0][1]["table_columns"]] == ["a", "b"]
    assert "table" in con.adbc_get_table_types()


def test_transactions_and_errors(pg, table):
    with adbc_postgres.connect(pg.uri) as con, con.cursor() as cursor:
        cursor.execute(f"delete from {table}")
        con.rollback()
        cursor.execute(f"select count(*) from {table}")
        assert cursor.fetchone() == (3,)
        with pytest.raises(adbc_postgres.Error) as caught:
            cursor.execute("select * from nope")
            cursor.fetchone()
        assert caught.value.sqlstate == "42P01"
        con.rollback()
