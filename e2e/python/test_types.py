"""Every DuckDB type arrives exactly as DuckDB in process exports it: schema, nulls and values.

VARIANT is left out: DuckDB 1.5.5 itself cannot export it to Arrow.
"""

import pytest

from harness import adbc, arrow_flight, oracle
from harness.failures import refused

ALL = "from test_all_types()"

QUERIES = {
    "every type: least, greatest, null": ALL,
    "every type, large enum whole": "from test_all_types(use_large_enum=true)",
    "every type, no rows": f"{ALL} limit 0",
    "every type, only nulls": f"{ALL} offset 2",
    "every type, many rows": "select * from test_all_types(), range(3000) t(i) where i % 7 <> 3 order by i",
    "infinite dates and timestamps": """
        select unnest(['infinity', '-infinity', 'epoch'])::date as d,
               unnest(['infinity', '-infinity', 'epoch'])::timestamp as ts,
               unnest(['infinity', '-infinity', 'epoch'])::timestamptz as tz""",
    "first and last dates and timestamps": """
        select '5877642-06-25 (BC)'::date as first, '5881580-07-10'::date as last,
               '290309-12-22 (BC) 00:00:00'::timestamp as ts_first, '294247-01-10 04:00:54.775806'::timestamp as ts_last""",
    "floats that are no number": """
        select unnest(['nan', 'inf', '-inf', '-0', '5e-324', '1.7976931348623157e308'])::double as d,
               unnest(['nan', 'inf', '-inf', '-0', '1e-45', '3.4028235e38'])::float as f""",
    "extreme decimals": """
        select '99999999999999999999999999999999999999'::decimal(38, 0) as high,
               '-0.99999999999999999999999999999999999999'::decimal(38, 38) as low,
               999999999999999999::decimal(18, 0) as d18, -9999.9::decimal(5, 1) as d5, 0::decimal(4, 4) as zero""",
    "sums and averages": """
        select sum(i) as int_sum, sum(i::hugeint) as huge_sum, avg(i) as average, sum(i::decimal(12, 2)) as dec_sum,
               count(*) as n, sum(i::double) as f from range(1000) t(i)""",
    "huge integers": """
        select 170141183460469231731687303715::hugeint as h, 340282366920938463463374607::uhugeint as u,
               123456789012345678901234567890123456789012345678901234567890::bignum as b""",
    "text": "select unnest(['', ' ', 'ü', '🦆', 'a' || chr(0) || 'b', repeat('x', 70000), null]) as s",
    "short and long text mixed": "select repeat(chr((97 + i % 26)::int), i % 300) as s from range(10000) t(i) order by i",
    "bytes": r"select unnest(['\x00\xFF'::blob, ''::blob, null]) as b",
    "json": """select '{"a": [1, null]}'::json as j, null::json as n, 'true'::json as t""",
    "uuid": "select '00000000-0000-0000-0000-000000000001'::uuid as u, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid as v",
    "bits": "select unnest(['0', '1', '010101010', null])::bit as b",
    "enum with nulls": "select x::enum('b', 'a') as e from (values (1, 'a'), (2, null), (3, 'b')) t(i, x) order by i",
    "enum in nested types": "select [x] as l, {'e': x} as s from (select unnest(['a', null])::enum('a', 'b') as x)",
    "times": """
        select time '23:59:59.999999' as t, '24:00:00'::time as midnight, '12:30:00+15:59:59'::timetz as tz,
               '01:02:03.123456789'::time_ns as ns""",
    "timestamps of every precision": """
        select '1677-09-22 00:00:00'::timestamp_ns as ns, '1969-12-31 23:59:59.999'::timestamp_ms as ms,
               '0001-01-01'::timestamp_s as s, '2024-02-29 12:00:00+05:30'::timestamptz as tz""",
    "intervals": "select unnest([interval '1 month', interval '-3 days', interval '1.000001 seconds', null]) as i",
    "nested lists": "select [[1, null], [], null, [2]] as l, []::int[] as empty, null::int[][] as none",
    "lists of text over many rows": "select range(i % 5)::varchar[] as l from range(5000) t(i) order by i",
    "fixed-size lists": "select [1, null, 3]::int[3] as a, null::int[3] as n, [[1, 2], [3, 4]]::int[2][2] as aa",
    "structs": "select {'a': 1, 'b': {'c': [{'d': null}]}} as s, null::struct(x int, y varchar) as n",
    "maps": "select map {'k': [1], 'z': null} as m, map {} as empty, null::map(int, varchar) as n",
    "unions": """
        select u from (values (1, union_value(num := 1)::union(num int, txt varchar)), (2, union_value(txt := 'x')),
        (3, null)) t(i, u) order by i""",
    "geometry": "select 'POINT(1 2)'::geometry as g, null::geometry as n",
    "a null without a type": "select null as n",
    "one column of each width": "select 1::tinyint, 2::utinyint, 3::smallint, 4::usmallint, 5::int, 6::uinteger, 7::bigint",
    "odd column names": """select 1 as " ", 2 as "a b", 3 as "ü", 4 as "a""b", 5 as "select" """,
    "columns without names": "select 1 + 1, upper('x'), count(*)",
    "many columns": "select " + ", ".join(f"{i} as c{i}" for i in range(1000)),
}


@pytest.fixture(scope="session")
def reference():
    return oracle.duckdb_in_process()


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES)
def test_adbc_gets_what_duckdb_in_process_gives(con, reference, sql):
    oracle.same(adbc.table(con, sql), reference.sql(sql).to_arrow_table())


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES)
def test_pyarrow_flight_gets_what_duckdb_in_process_gives(server, reference, sql):
    with arrow_flight.Client(server) as client:
        oracle.same(client.query(sql), reference.sql(sql).to_arrow_table())


def test_a_table_of_every_type_keeps_types_and_values(con, reference, name):
    adbc.run(con, f"create table {name} as {ALL}")
    want = reference.sql(ALL).to_arrow_table()
    oracle.same(adbc.table(con, f"from {name}"), want)
    assert con.adbc_get_table_schema(name).equals(want.schema)


def test_every_type_that_duckdb_reads_from_arrow_is_ingested_unchanged(con, reference, name):
    """Ingest and export are each other's inverse, in the server as in process."""
    lossy = "hugeint, uhugeint, bignum, time_tz, uuid, bit, small_enum, medium_enum, large_enum, union, geometry"
    data = reference.sql(
        f"select * exclude ({lossy.replace('union', chr(34) + 'union' + chr(34))}) {ALL}"
    ).to_arrow_table()
    adbc.ingest(con, name, data)
    reference.register("data", data)
    oracle.same(adbc.table(con, f"from {name}"), reference.sql("from data").to_arrow_table())


def test_the_session_time_zone_is_that_of_the_result(con, reference):
    adbc.run(con, "set timezone = 'Asia/Kathmandu'")
    sql = "select timestamptz '2024-01-01 00:00:00+00' as t, timestamptz '2024-01-01 00:00:00+00'::varchar as s"
    local = reference.cursor()
    local.execute("set timezone = 'Asia/Kathmandu'")
    try:
        oracle.same(adbc.table(con, sql), local.sql(sql).to_arrow_table())
    finally:
        local.execute("set timezone = 'UTC'")


def test_what_duckdb_cannot_export_is_refused_and_not_garbled(con):
    with refused("UNIMPLEMENTED", "INVALID_ARGUMENT", match="variant"):
        adbc.table(con, "select 1::variant as v")
