"""Bulk ingest of more than one group of batches: order, durability, company, transactions, odd data."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from harness import adbc, arrow_flight, oracle, raw_grpc, wire
from harness.failures import refused
from harness.topology import eventually

ROWS = 3_000_000
VIEWS = "select count(*) from duckdb_views() where not internal and view_name like 'tavana%'"


def numbered(rows, batch_rows, start=0):
    """A reader of increasing numbers and texts of them, some null, in batches of this size."""
    schema = pa.schema([("i", pa.int64()), ("s", pa.string())])

    def batches():
        for first in range(start, start + rows, batch_rows):
            i = np.arange(first, min(first + batch_rows, start + rows))
            text = pa.array(i).cast(pa.string())
            text = pc.if_else(pa.array(i % 7 == 0), pa.scalar(None, pa.string()), text)
            yield pa.record_batch([pa.array(i), text], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def in_order(con, name, rows):
    """All rows are there, each at its place and whole."""
    damaged = "i <> rowid or s is distinct from case when i % 7 <> 0 then i::varchar end"
    sql = f"select count(*), count(*) filter ({damaged}) from {name}"
    assert adbc.rows(con, sql) == [(rows, 0)]


def encoded(batch):
    """The header and the body of a batch's message, as fields of a FlightData."""
    message = batch.serialize().to_pybytes()
    size = 8 + int.from_bytes(message[4:8], "little")
    return wire.field(2, message[8:size]), message[size:]


# Order


@pytest.mark.parametrize("batch_rows", [999, 61_440, 500_000])
def test_rows_keep_their_order(con, name, batch_rows):
    assert adbc.ingest(con, name, numbered(ROWS, batch_rows)) == ROWS
    in_order(con, name, ROWS)


def test_rows_keep_their_order_in_a_file_and_over_several_ingests(launch, tmp_path, name):
    server = launch(data_dir=tmp_path / "data")
    with adbc.connect(server) as con:
        for start in range(0, ROWS, ROWS // 3):
            adbc.ingest(con, name, numbered(ROWS // 3, 70_000, start), "create_append")
        in_order(con, name, ROWS)
        assert adbc.value(con, VIEWS) == 0


# Durability


@pytest.mark.topologies("worker", "serve")
@pytest.mark.parametrize("rows", [3, 100_000, ROWS])
def test_what_was_ingested_survives_a_kill(launch, tmp_path, name, rows):
    """The log of the database then holds the view that the ingest made and dropped."""
    server = launch(data_dir=tmp_path / "data")
    with adbc.connect(server) as con:
        adbc.ingest(con, name, numbered(rows, 100_000))
        adbc.ingest(con, name, numbered(rows, 100_000, rows), "append")
        if rows < ROWS:  # else its size had it written into the database
            [log] = (tmp_path / "data").rglob("*.wal")
            assert b"tavana_ingest_" in log.read_bytes()
        server.worker.kill()
    server.restart_worker()
    with adbc.connect(server) as con:
        in_order(con, name, 2 * rows)
        assert adbc.value(con, VIEWS) == 0


# Company


@pytest.mark.parametrize("tables", [8, 1], ids=["own tables", "one table"])
def test_eight_ingest_at_once(server, con, name, tables):
    for table in range(tables):
        adbc.run(con, f"create table {name}_{table} (i bigint, s varchar)")

    def one(number):
        with adbc.connect(server) as mine:
            return adbc.ingest(
                mine, f"{name}_{number % tables}", numbered(300_000, 50_000), "append"
            )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [300_000] * 8
    for table in range(tables):
        sql = f"select count(*), count(distinct i), sum(i)::bigint from {name}_{table}"
        times = 8 // tables
        assert adbc.rows(con, sql) == [(300_000 * times, 300_000, sum(range(300_000)) * times)]


def test_nobody_waits_for_a_slow_client(server, con, name):
    go_on = threading.Event()
    schema = pa.schema([("i", pa.int64())])
    rows = 1_000_000

    def batches():
        for start in range(0, 6 * rows, rows):
            if start == 5 * rows:
                go_on.wait(20)
            yield pa.record_batch([pa.array(np.arange(start, start + rows))], schema=schema)

    def ingest():
        with adbc.connect(server) as mine:
            return adbc.ingest(mine, name, pa.RecordBatchReader.from_batches(schema, batches()))

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ingest)
        eventually(lambda: server.running_queries() == 1)
        time.sleep(1)
        for _ in range(20):
            begun = time.monotonic()
            assert adbc.value(con, "select count(*) from range(1000000)") == 1_000_000
            assert time.monotonic() - begun < 5
        assert not slow.done()
        assert adbc.value(con, VIEWS) == 0
        go_on.set()
        assert slow.result(30) == 6 * rows
    assert adbc.value(con, f"select count(*) filter (i <> rowid) from {name}") == 0


@pytest.mark.allow_log("WARN", "outcome_unknown")  # a gateway may see the worker's end of it first
@pytest.mark.parametrize("batches", [1, 8], ids=["in its first group", "after a group"])
def test_a_client_that_vanishes_leaves_nothing(server, con, name, batches):
    batch = pa.record_batch({"i": np.arange(1_000_000)})
    header, body = encoded(batch)
    sent, go_on = threading.Event(), threading.Event()

    def messages():
        first = wire.descriptor(wire.ingest(name))
        yield wire.field(1, first) + wire.field(2, batch.schema.serialize().to_pybytes()[8:])
        yield from [header + wire.field(1000, body)] * batches
        sent.set()
        go_on.wait(20)

    raw = raw_grpc.RawFlight(server)
    call = raw.channel.stream_stream("/arrow.flight.protocol.FlightService/DoPut")(messages())
    assert sent.wait(20)
    eventually(lambda: server.running_queries() == 1)
    call.cancel()
    raw.channel.close()
    go_on.set()
    eventually(lambda: server.running_queries() == 0)

    def again():
        """Works once the abandoned ingest is rolled back, which takes a moment."""
        try:
            return adbc.ingest(con, name, numbered(10, 10))
        except con.Error as error:
            assert "conflict" in str(error)

    assert eventually(again) == 10


# Transactions


def test_two_ingests_in_one_transaction(tx, con, name):
    adbc.ingest(tx, name, numbered(1_000_000, 100_000))
    adbc.ingest(tx, name, numbered(1_000_000, 100_000, 1_000_000), "append")
    assert adbc.value(tx, VIEWS) == 0
    assert adbc.value(tx, f"select count(distinct i) from {name}") == 2_000_000
    tx.rollback()
    with refused("NOT_FOUND"):
        adbc.rows(con, f"from {name}")
    adbc.ingest(tx, name, numbered(1_000_000, 100_000))
    adbc.ingest(tx, name, numbered(1_000_000, 100_000, 1_000_000), "append")
    tx.commit()
    in_order(con, name, 2_000_000)


@pytest.mark.parametrize("batches", [1, 8], ids=["in its first group", "after a group"])
def test_an_ingest_that_breaks_in_a_transaction_is_not_committed_in_part(
    server, con, name, batches
):
    """A batch has 8 MB, a group 32 MiB; the last message says it has more bytes than it brings."""
    adbc.run(con, f"create table {name} (i bigint)")
    batch = pa.record_batch({"i": np.arange(1_000_000)})
    header, body = encoded(batch)
    with arrow_flight.Client(server) as client, raw_grpc.RawFlight(server) as raw:
        transaction = client.begin()
        command = wire.ingest(name, missing=2, existing=2, transaction=transaction)
        schema = batch.schema.serialize().to_pybytes()[8:]
        messages = [wire.field(1, wire.descriptor(command)) + wire.field(2, schema)]
        messages += [header + wire.field(1000, body)] * batches
        with refused("INVALID_ARGUMENT"):
            raw.exchange("DoPut", [*messages, header + wire.field(1000, body[:7])])
        with refused("FAILED_PRECONDITION", match="aborted"):
            client.query("select 1", transaction)
        with refused("FAILED_PRECONDITION", match="nothing was committed"):
            client.end(transaction, commit=True)
    assert adbc.value(con, f"select count(*) from {name}") == 0
    assert adbc.value(con, VIEWS) == 0


@pytest.mark.parametrize("rows", [1_000, ROWS])
def test_a_key_that_repeats_refuses_the_whole_ingest(con, name, rows):
    adbc.run(con, f"create table {name} (i bigint primary key, s varchar)")
    twice = pa.concat_tables(
        [numbered(rows, 100_000).read_all(), numbered(1, 1, rows // 2).read_all()]
    )
    with refused("FAILED_PRECONDITION", match="duplicate key"):
        adbc.ingest(con, name, twice, "append")
    assert adbc.value(con, f"select count(*) from {name}") == 0
    assert adbc.ingest(con, name, numbered(rows, 100_000), "append") == rows
    in_order(con, name, rows)


def test_a_value_that_does_not_fit_refuses_the_whole_ingest(tx, con, name):
    adbc.run(con, f"create table {name} (i int, s varchar)")
    data = numbered(ROWS, 100_000, 2**31 - ROWS // 2).read_all()
    with refused("INVALID_ARGUMENT", match="(?s)conversion error.*int32"):
        adbc.ingest(con, name, data, "append")
    assert adbc.value(con, f"select count(*) from {name}") == 0
    with refused("INVALID_ARGUMENT", match="conversion"):
        adbc.ingest(tx, name, data, "append")
    tx.rollback()
    assert adbc.value(tx, VIEWS) == 0
    assert adbc.value(tx, f"select count(*) from {name}") == 0


# Where the view cannot be


def test_into_another_catalog_than_the_current_one(con, name):
    adbc.run(con, f"attach ':memory:' as c_{name}")
    adbc.ingest(con, name, numbered(500_000, 50_000), catalog_name=f"c_{name}")
    in_order(con, f"c_{name}.main.{name}", 500_000)
    adbc.run(con, f"create schema c_{name}.s")
    adbc.run(con, f"use c_{name}.s")
    adbc.ingest(con, name, numbered(500_000, 50_000))
    in_order(con, f"c_{name}.s.{name}", 500_000)
    adbc.ingest(con, name, numbered(500_000, 50_000), catalog_name="memory")
    in_order(con, f"memory.main.{name}", 500_000)


def test_into_a_temporary_table_beside_another_database(con, tx, name):
    adbc.ingest(con, name, numbered(500_000, 50_000), temporary=True)
    in_order(con, f"temp.{name}", 500_000)
    adbc.run(tx, f"create table {name} (i int)")
    adbc.ingest(tx, f"{name}_t", numbered(500_000, 50_000), temporary=True)
    tx.commit()
    in_order(tx, f"temp.{name}_t", 500_000)


@pytest.mark.topologies("worker", "serve")
def test_into_a_temporary_table_where_the_current_catalog_is_read_only(con, tmp_path, name):
    file = tmp_path / "read_only.duckdb"
    duckdb.connect(str(file)).close()
    adbc.run(con, f"attach '{file}' as r_{name} (read_only)")
    adbc.run(con, f"use r_{name}")
    adbc.ingest(con, name, numbered(500_000, 50_000), temporary=True)
    in_order(con, f"temp.{name}", 500_000)
    adbc.ingest(con, name, numbered(500_000, 50_000), catalog_name="memory")
    in_order(con, f"memory.main.{name}", 500_000)


# Odd data


def odd_table(rows):
    """Every kind of column that takes a way of its own, nulls in all of them."""
    i = np.arange(rows)
    null = pa.array(i % 5 == 0)
    texts = pa.array(i).cast(pa.string())

    def some(values):
        return pc.if_else(null, pa.scalar(None, values.type), values)

    lists = pa.ListArray.from_arrays(pa.array(np.arange(0, 2 * rows + 1, 2)), np.arange(2 * rows))
    return pa.table(
        {
            "i": i,
            "nothing": pa.nulls(rows),
            "b": some(pa.array(i % 3 == 0)),
            "d": some(pa.array(i).cast(pa.decimal128(25, 3))),
            "t": some(pa.array(i * 1_000_003).cast(pa.timestamp("us"))),
            "z": some(pa.array(i * 1_000_003).cast(pa.timestamp("ns", "UTC"))),
            "l": lists,
            "st": pa.StructArray.from_arrays([some(pa.array(i)), texts], ["a", "b"]),
            "v": some(texts).cast(pa.string_view()),
            "big": some(texts).cast(pa.large_string()),
            "bin": some(texts).cast(pa.binary()),
            "fixed": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(3 * rows)), 3),
            "h": pa.array(i % 100).cast(pa.float32()),
            "dur": some(pa.array(i).cast(pa.duration("us"))),
        }
    )


@pytest.mark.parametrize("batch_rows", [777, 60_001])
def test_columns_of_every_kind_are_the_same_in_large(con, name, batch_rows):
    data = odd_table(400_000)
    reference = oracle.duckdb_in_process()
    assert adbc.ingest(con, name, data.to_reader(max_chunksize=batch_rows)) == 400_000
    reference.register("data", data)
    got = adbc.table(con, f"select * exclude (nothing) from {name} order by rowid")
    assert got.equals(reference.sql("select * exclude (nothing) from data").to_arrow_table())
    assert adbc.value(con, f"select count(nothing) from {name}") == 0


def test_dictionaries_that_change_from_batch_to_batch(server, con, name):
    def batch(number):
        words = pa.array([f"{number}-{word}" for word in range(100)])
        codes = pa.array(np.arange(100_000) % 100, pa.int32())
        column = pa.DictionaryArray.from_arrays(codes, words)
        return pa.record_batch([column, pa.StructArray.from_arrays([column], ["d"])], ["d", "s"])

    with arrow_flight.Client(server) as client:
        data = pa.Table.from_batches([batch(number) for number in range(40)])
        client.put(wire.ingest(name, missing=1, existing=2), data)
    wrong = "d <> (rowid // 100_000) || '-' || (rowid % 100) or d <> s.d"
    sql = f"select count(*), count(distinct d), count(*) filter ({wrong}) from {name}"
    assert adbc.rows(con, sql) == [(4_000_000, 4_000, 0)]


def test_columns_in_another_order_than_the_tables_and_some_left_out(con, name):
    adbc.run(con, f"create table {name} (n int default 7, s varchar, i bigint, g int as (i + 1))")
    rows = 400_000
    assert adbc.ingest(con, name, numbered(rows, 50_000), "append") == rows
    in_order(con, name, rows)
    assert adbc.rows(con, f"select distinct n, g - i from {name}") == [(7, 1)]
