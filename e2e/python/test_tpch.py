"""The 22 queries of TPC-H over the server's own sample, against DuckDB in process on the same data."""

import pytest

from conftest import SAMPLE
from harness import adbc, arrow_flight, oracle

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


@pytest.fixture(scope="module")
def reference():
    connection = oracle.duckdb_in_process()
    oracle.load_tpch(connection)
    connection.execute(f"CALL dbgen(sf = {SAMPLE.partition(':')[2]})")
    return connection


def text_of(reference, number):
    return reference.execute(
        "select query from tpch_queries() where query_nr = ?", [number]
    ).fetchone()[0]


@pytest.mark.parametrize("table", TABLES)
def test_the_sample_holds_exactly_the_generated_rows(con, reference, table):
    sql = f"select * from {table} order by all"
    oracle.same(adbc.table(con, sql), reference.sql(sql).to_arrow_table())


@pytest.mark.parametrize("number", range(1, 23))
def test_adbc_gets_the_right_answer(con, reference, number):
    sql = text_of(reference, number)
    oracle.same(adbc.table(con, sql), reference.sql(sql).to_arrow_table())


@pytest.mark.parametrize("number", [1, 5, 18, 22])
def test_pyarrow_flight_gets_the_right_answer(server, reference, number):
    sql = text_of(reference, number)
    with arrow_flight.Client(server) as client:
        oracle.same(client.query(sql), reference.sql(sql).to_arrow_table())
