"""ADBC's DBAPI: queries, bound parameters, partitions, schemas and cancelling."""

import datetime as dt
import threading
from contextlib import contextmanager
from decimal import Decimal

import adbc_driver_manager
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import adbc
from harness.failures import refused
from harness.topology import eventually

UTC = dt.UTC
FOREVER = "select sum(hash(a.i * b.i)) from range(3000000) a(i), range(3000000) b(i)"


def test_a_query_returns_rows_columns_and_types(con):
    with con.cursor() as cursor:
        cursor.execute("select i, i::varchar as s, i % 2 = 0 as even from range(3) t(i)")
        assert [column[:2] for column in cursor.description] == [
            ("i", pa.int64()),
            ("s", pa.string()),
            ("even", pa.bool_()),
        ]
        assert cursor.fetchall() == [(0, "0", True), (1, "1", False), (2, "2", True)]


def test_every_row_of_a_long_result_arrives_in_order(con):
    numbers = adbc.table(con, "select i from range(1000003) t(i)")["i"].to_numpy()
    assert len(numbers) == 1_000_003
    assert (numbers == range(1_000_003)).all()


def test_rows_come_in_batches_far_larger_than_duckdbs_chunks(con):
    with con.cursor() as cursor:
        sizes = [
            batch.num_rows for batch in cursor.execute("from range(500000)").fetch_record_batch()
        ]
    assert sum(sizes) == 500_000
    assert len(sizes) <= 100


def test_an_empty_result_has_its_schema(con):
    result = adbc.table(con, "select 1::int as a, 'x' as b where false")
    assert result.num_rows == 0
    assert result.schema == pa.schema([("a", pa.int32()), ("b", pa.string())])


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as one",
        "from range(3)",
        "from test_all_types()",
        "from duckdb_settings() where name = 'threads'",
        "summarize from range(3)",
        "describe select 1",
        "explain select 1",
        "show tables",
        "pragma version",
        "values (1)",
    ],
)
def test_a_text_that_is_sent_again_and_again_gives_the_same_again(con, sql):
    first = adbc.table(con, sql)
    for _ in range(2):
        assert adbc.table(con, sql).num_rows == first.num_rows > 0


def test_no_file_function_brings_the_engine_down_when_it_runs_twice(launch, tmp_path):
    """Statements are kept prepared, and DuckDB's Parquet functions do not bear a second run of one."""
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"i": [1, 2]}), file)
    with adbc.connect(launch(allow_paths=[tmp_path])) as con:
        for function in (
            "metadata",
            "schema",
            "file_metadata",
            "kv_metadata",
            "bloom_probe",
            "scan",
        ):
            more = ", 'i', 1" if function == "bloom_probe" else ""
            for _ in range(3):
                adbc.rows(con, f"from parquet_{function}('{file}'{more})")
        assert adbc.value(con, "select 42") == 42


def test_two_columns_of_one_name_both_arrive(con):
    assert adbc.rows(con, "select 1 as a, 2 as a") == [(1, 2)]


def test_a_row_wider_than_a_grpc_message_of_tonics_default_arrives(con):
    assert len(adbc.value(con, "select repeat('x', 6000000)")) == 6_000_000


def test_statements_that_are_no_select_but_give_rows_give_them(con):
    assert adbc.rows(con, "describe select 1 as one")[0][0] == "one"
    assert adbc.rows(con, "values (1), (2)") == [(1,), (2,)]
    assert "RANGE" in str(adbc.rows(con, "explain select * from range(3)"))
    assert adbc.rows(con, "with a as (select 7 as x) select x from a") == [(7,)]


def test_a_pivot_whose_columns_come_from_the_data_works(con):
    assert adbc.rows(con, "pivot (values ('a', 1), ('b', 2)) t(k, v) on k using sum(v)") == [(1, 2)]


@pytest.mark.parametrize(
    "value",
    [
        True,
        0,
        -(2**63),
        2**63 - 1,
        1.5,
        -1e308,
        "",
        "naïve 🦆 text'; --",
        b"\x00\xff bytes",
        Decimal("-12345678901234567890.0123456789"),
        dt.date(1, 1, 1),
        dt.date(9999, 12, 31),
        dt.time(23, 59, 59, 999999),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
        dt.datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
        None,
        [1, None, 3],
    ],
    ids=repr,
)
def test_a_bound_value_comes_back_as_it_went(con, value):
    assert adbc.value(con, "select ? as v", (value,)) == value


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1], pa.int8()),
        pa.array([2], pa.uint16()),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([1.5], pa.float32()),
        pa.array(["x"], pa.large_string()),
        pa.array(["x"], pa.string_view()),
        pa.array([b"x"], pa.large_binary()),
        pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("ns")),
        pa.array(["a"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_a_bound_arrow_type_keeps_its_value(con, array):
    data = pa.record_batch([array], names=["p"])
    assert adbc.table(con, "select ? as v", data)["v"].to_pylist() == array.to_pylist()


def test_a_value_that_cannot_be_bound_is_refused_by_its_type(con):
    with refused("UNIMPLEMENTED", match="struct"):
        adbc.rows(con, "select ? as v", ({"a": 1, "b": "x"},))


def test_a_bound_duration_is_an_interval(con):
    assert (
        adbc.value(
            con,
            "select ? = interval '3 days 1 microsecond'",
            (dt.timedelta(days=3, microseconds=1),),
        )
        is True
    )


def test_parameters_take_part_in_conditions_and_may_repeat(con):
    assert adbc.rows(con, "select i from range(10) t(i) where i between ? and ?", (3, 5)) == [
        (3,),
        (4,),
        (5,),
    ]
    assert adbc.rows(con, "select $2, $1, $2", (1, 2)) == [(2, 1, 2)]


def test_a_statement_prepared_once_takes_new_parameters(con):
    with con.cursor() as cursor:
        doubled = [cursor.execute("select ?::int * 2", (i,)).fetchone()[0] for i in range(20)]
    assert doubled == [2 * i for i in range(20)]


def test_prepare_names_the_parameters(con):
    with con.cursor() as cursor:
        schema = cursor.adbc_prepare("select ?::int + ?::int")
    assert len(schema) == 2


@pytest.mark.parametrize("given", [(), (1,), (1, 2, 3)], ids=len)
def test_a_wrong_number_of_parameters_is_refused(con, given):
    with refused("INVALID_ARGUMENT", match="param|value"):
        adbc.rows(con, "select ?::int + ?::int", given)


def test_a_value_that_does_not_convert_is_refused(con):
    with refused("INVALID_ARGUMENT", match="convert"):
        adbc.rows(con, "select ?::int", ("no number",))


def test_rowcount_is_what_a_statement_affected_and_unknown_for_a_query(con, name):
    with con.cursor() as cursor:
        assert cursor.execute("select 1").rowcount == -1
        assert cursor.execute("from range(3) where range > 1").rowcount == -1
        assert cursor.execute(f"create table {name} (i int)").rowcount in (-1, 0)
        assert cursor.execute(f"insert into {name} from range(7)").rowcount == 7
        assert cursor.execute(f"update {name} set i = -i where i > 2").rowcount == 4
        assert cursor.execute(f"delete from {name} where i = 99").rowcount == 0
        assert cursor.execute(f"delete from {name}").rowcount == 7
        assert cursor.fetchall() == []


def test_execute_schema_tells_the_types_without_running(con, name):
    adbc.run(con, f"create sequence {name}")
    with con.cursor() as cursor:
        schema = cursor.adbc_execute_schema(f"select nextval('{name}') as n, 'x' as s")
    assert schema == pa.schema([("n", pa.int64()), ("s", pa.string())])
    assert adbc.value(con, f"select nextval('{name}')") == 1


def test_partitions_are_read_where_they_were_made_and_elsewhere(server, con):
    sql = "select i, i * i as square from range(1000) t(i)"
    with con.cursor() as cursor, adbc.connect(server) as other, other.cursor() as elsewhere:
        partitions, schema = cursor.adbc_execute_partitions(sql)
        assert schema.names == ["i", "square"]
        for reader in (cursor, elsewhere):
            tables = []
            for partition in partitions:
                reader.adbc_read_partition(partition)
                tables.append(reader.fetch_arrow_table())
            assert pa.concat_tables(tables).sort_by("i") == adbc.table(con, sql)


def test_incremental_execution_ends_with_all_rows(con):
    with con.cursor() as cursor:
        cursor.adbc_statement.set_options(
            **{adbc_driver_manager.StatementOptions.INCREMENTAL.value: "true"}
        )
        rows = []
        while True:
            partitions, schema = cursor.adbc_execute_partitions("select i from range(5000) t(i)")
            if not partitions:
                break
            with con.cursor() as reader:
                for partition in partitions:
                    reader.adbc_read_partition(partition)
                    rows += reader.fetchall()
    assert sorted(rows) == [(i,) for i in range(5000)]


@contextmanager
def cancelled_from_another_thread(server, cursor):
    """Cancels what runs in the block, which must end with an error of the cancel's making."""
    ended = threading.Event()

    def cancel():
        eventually(lambda: server.running_queries() > 0 or ended.is_set())
        # A cancel between two calls of the driver finds nothing to cancel, so it is said again.
        while not ended.wait(0.2):
            cursor.adbc_cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        with pytest.raises(adbc_driver_manager.Error) as error:
            yield
    finally:
        ended.set()
        canceller.join()
    assert "deadline" not in str(error.value).lower(), "the cancel had no effect"
    eventually(lambda: server.running_queries() == 0)


def test_another_thread_cancels_a_query_and_the_connection_lives(server, con):
    with con.cursor() as cursor, cancelled_from_another_thread(server, cursor):
        cursor.execute(FOREVER).fetchall()
    assert adbc.value(con, "select 1") == 1


def test_another_thread_cancels_a_write_and_nothing_stays(server, con, name):
    with con.cursor() as cursor, cancelled_from_another_thread(server, cursor):
        cursor.execute(f"create table {name} as {FOREVER}")
    with refused("NOT_FOUND", match=name):
        adbc.rows(con, f"from {name}")


def test_a_result_that_is_not_read_to_its_end_does_not_hold_up_the_next(server, con):
    with con.cursor() as first:
        reader = first.execute("select repeat('x', 100) from range(20000000)").fetch_record_batch()
        reader.read_next_batch()
        assert adbc.value(con, "select 42") == 42
    eventually(lambda: server.running_queries() == 0)


def test_two_cursors_of_one_connection_read_in_turns(con):
    with con.cursor() as a, con.cursor() as b:
        a.execute("select i from range(200000) t(i)")
        b.execute("select -i from range(200000) t(i)")
        for i in range(1000):
            assert a.fetchone() == (i,)
            assert b.fetchone() == (-i,)
        assert len(a.fetchall()) == len(b.fetchall()) == 199_000


def test_info_tells_who_serves(con):
    info = con.adbc_get_info()
    assert info["vendor_name"] == "Tavana"
    assert info["vendor_version"][0].isdigit()
    assert info["vendor_arrow_version"][0].isdigit()
