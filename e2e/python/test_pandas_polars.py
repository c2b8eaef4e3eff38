"""pandas and Polars over an ADBC connection."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import polars.testing
import pytest

from harness import adbc
from harness.failures import refused

FRAME = pd.DataFrame(
    {
        "i": np.array([1, 2, 3], dtype="int64"),
        "f": [0.5, np.nan, -1.0],
        "s": ["duck", None, "gänse"],
        "t": np.array(
            ["2024-02-29T12:00", "NaT", "1969-12-31T23:59:59.999999"], dtype="datetime64[us]"
        ),
        "b": [True, False, True],
    }
)


def polars_frame():
    return pl.DataFrame(
        {
            "i": [1, None, 3],
            "s": ["a", "b", None],
            "d": [dt.date(2024, 1, 1), None, dt.date(1, 1, 1)],
            "l": [[1, 2], [], None],
            "n": [{"x": 1.5}, None, {"x": None}],
        }
    )


def test_pandas_reads_a_query(con):
    frame = pd.read_sql("select i, i * 0.5::double as half from range(5) t(i) order by i", con)
    pd.testing.assert_frame_equal(
        frame, pd.DataFrame({"i": range(5), "half": [0.0, 0.5, 1.0, 1.5, 2.0]})
    )


def test_pandas_reads_with_arrow_types(con):
    sql = "select 1::utinyint as u, date '2024-01-01' as d, [1, 2] as l, null::varchar as s, 1.10::decimal(5, 2) as dec"
    frame = pd.read_sql(sql, con, dtype_backend="pyarrow")
    types = [str(kind) for kind in frame.dtypes]
    assert types[:2] == ["uint8[pyarrow]", "date32[day][pyarrow]"]
    assert "decimal128(5, 2)" in types[4]
    assert list(frame["l"][0]) == [1, 2]
    assert frame["s"].isna().all()


def test_pandas_sums_of_integers_are_usable_numbers(con):
    frame = pd.read_sql("select sum(i) as total from range(10) t(i)", con)
    assert int(frame["total"][0]) == 45


def test_pandas_reads_a_table_by_name(con, name):
    adbc.run(con, f"create table {name} as from range(3) t(i)")
    assert pd.read_sql_table(name, con)["i"].tolist() == [0, 1, 2]


def test_pandas_reads_an_empty_result_with_its_columns(con):
    frame = pd.read_sql("select 1 as a, 'x' as b where false", con)
    assert list(frame.columns) == ["a", "b"]
    assert frame.empty


def test_pandas_writes_what_it_reads_back(con, name):
    assert FRAME.to_sql(name, con, index=False) == 3
    frame = pd.read_sql(f"from {name} order by i", con)
    pd.testing.assert_frame_equal(frame, FRAME, check_dtype=False)


def test_pandas_fails_appends_and_replaces_as_it_is_told(con, name):
    FRAME.to_sql(name, con, index=False)
    with pytest.raises(ValueError, match="already exists"):
        FRAME.to_sql(name, con, index=False, if_exists="fail")
    FRAME.to_sql(name, con, index=False, if_exists="append")
    assert adbc.value(con, f"select count(*) from {name}") == 6
    FRAME[["i"]].to_sql(name, con, index=False, if_exists="replace")
    assert adbc.rows(con, f"from {name} order by i") == [(1,), (2,), (3,)]


def test_pandas_writes_into_a_schema(con, name):
    adbc.run(con, f"create schema s_{name}")
    FRAME.to_sql(name, con, schema=f"s_{name}", index=False)
    assert adbc.value(con, f"select count(*) from s_{name}.{name}") == 3


def test_pandas_follows_the_transaction_of_its_connection(tx, con, name):
    adbc.run(con, f"create table {name} (i bigint)")
    FRAME[["i"]].to_sql(name, tx, index=False, if_exists="append")
    tx.rollback()
    assert adbc.value(con, f"select count(*) from {name}") in (0, 3), (
        "pandas may commit by itself, but never half"
    )


def test_pandas_sees_an_error_that_comes_after_the_first_rows(con):
    sql = "select case when i = 2900000 then error('boom') else i end as i from range(3000000) t(i)"
    with refused("INVALID_ARGUMENT", match="boom"):
        pd.read_sql(sql, con)


def test_polars_reads_a_query_with_its_types(con):
    frame = pl.read_database(
        "select 1::int as i, 'x' as s, [1::bigint, null] as l, date '2024-01-01' as d", con
    )
    assert frame.schema == {"i": pl.Int32, "s": pl.String, "l": pl.List(pl.Int64), "d": pl.Date}
    assert frame.row(0) == (1, "x", [1, None], dt.date(2024, 1, 1))


def test_polars_reads_a_long_result_whole(con):
    frame = pl.read_database("select i, i % 7 as m from range(700000) t(i)", con)
    assert frame["i"].sum() == sum(range(700_000))
    assert frame["m"].n_unique() == 7


def test_polars_reads_in_batches(con):
    batches = pl.read_database("from range(300000) t(i)", con, iter_batches=True, batch_size=1000)
    assert sum(batch.height for batch in batches) == 300_000


def test_polars_reads_with_parameters(con):
    frame = pl.read_database("select ?::int + ? as s", con, execute_options={"parameters": [40, 2]})
    assert frame.item() == 42


def test_polars_writes_what_it_reads_back(con, name):
    frame = polars_frame()
    frame.write_database(name, con, engine="adbc")
    polars.testing.assert_frame_equal(
        pl.read_database(f"from {name}", con), frame, check_row_order=False
    )


def test_polars_fails_appends_and_replaces_as_it_is_told(con, name):
    frame = polars_frame()
    frame.write_database(name, con, engine="adbc")
    with refused("ALREADY_EXISTS", match=name):
        frame.write_database(name, con, engine="adbc", if_table_exists="fail")
    assert frame.write_database(name, con, engine="adbc", if_table_exists="append") in (3, -1)
    assert adbc.value(con, f"select count(*) from {name}") == 6
    frame.select("i").write_database(name, con, engine="adbc", if_table_exists="replace")
    assert adbc.value(con, f"select count(*) from {name}") == 3


def test_polars_sees_an_error_that_comes_after_the_first_rows(con):
    sql = "select case when i = 2900000 then error('boom') else i end as i from range(3000000) t(i)"
    with pytest.raises(pl.exceptions.ComputeError, match="boom"):
        pl.read_database(sql, con)
