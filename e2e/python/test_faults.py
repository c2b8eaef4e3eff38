"""Faults: errors in mid-stream, clients that leave or do not read, workers that are gone, shutdown, deadlines."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import adbc_driver_manager
import grpc
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import flight

from harness import adbc, arrow_flight, raw_grpc, wire
from harness.failures import refused
from harness.topology import eventually
from test_adbc import FOREVER

ENDLESS = "select repeat('x', 1000) as s from range(1000000000)"
BOOM = "select case when i = 5000000 then error('boom') else i end as i from range(6000000) t(i)"
WORKER_LOST = pytest.mark.allow_log("WARN", "(?i)worker|connect|lost|unavailable|transport")


def drain(reader):
    """Reads a pyarrow stream to its end; the count of its rows."""
    return sum(chunk.data.num_rows for chunk in reader)


def idle(server):
    return server.running_queries() == 0


# Errors in the middle of a result


def test_an_error_in_mid_stream_reaches_adbc(con):
    with refused("INVALID_ARGUMENT", match="boom"):
        adbc.table(con, BOOM)


def test_an_error_in_mid_stream_reaches_adbc_after_its_first_rows(con):
    with con.cursor() as cursor:
        reader = cursor.execute(BOOM).fetch_record_batch()
        assert reader.read_next_batch().num_rows > 0
        with pytest.raises((adbc_driver_manager.Error, pa.ArrowException, OSError), match="boom"):
            reader.read_all()


def test_an_error_in_mid_stream_reaches_pyarrow(server):
    with arrow_flight.Client(server) as client:
        reader = client.reader(client.info(wire.query(BOOM)))
        with refused("INVALID_ARGUMENT", match="boom"):
            drain(reader)


def test_an_error_in_mid_stream_reaches_bare_grpc_with_its_kind(server):
    with raw_grpc.RawFlight(server) as raw:
        call = raw.open("DoGet", wire.ticket(raw_grpc.ticket_of(raw.info(wire.query(BOOM)))))
        with refused("INVALID_ARGUMENT", match="boom"):
            for _ in call:
                pass
        trailers = dict(call.trailing_metadata())
    assert trailers["x-tavana-failure"] == "data"
    assert len(trailers["x-tavana-sqlstate"]) == 5


def test_an_error_in_mid_stream_reaches_pandas(con):
    with refused("INVALID_ARGUMENT", match="boom"):
        pd.read_sql(BOOM, con)


def test_an_error_in_mid_stream_leaves_nothing_running(server):
    with arrow_flight.Client(server) as client:
        with refused("INVALID_ARGUMENT", match="boom"):
            client.query(BOOM)
        eventually(lambda: idle(server))
        assert client.value("select 1") == 1


# Clients that leave, and clients that do not read


@pytest.mark.parametrize(
    ("sql", "after_first_batch"),
    [(ENDLESS, ["yes"]), (FOREVER, [])],
    ids=["in mid-stream", "before the first row"],
)
def test_a_client_that_is_killed_stops_its_query(server, sql, after_first_batch):
    script = Path(__file__).with_name("vanishing_client.py")
    command = [sys.executable, str(script), server.uri, sql, *after_first_batch]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline() == "reading\n"
        eventually(lambda: server.running_queries() == 1)
        client.kill()
    eventually(lambda: idle(server))


def test_a_client_that_hangs_up_during_a_write_stops_it_and_nothing_stays(server, con, name):
    raw = raw_grpc.RawFlight(server)
    stub = raw.channel.unary_unary("/arrow.flight.protocol.FlightService/GetFlightInfo")
    call = stub.future(wire.descriptor(wire.query(f"create table {name} as {FOREVER}")), timeout=60)
    eventually(lambda: server.running_queries() == 1)
    call.cancel()
    raw.channel.close()
    eventually(lambda: idle(server))
    with refused("NOT_FOUND"):
        adbc.rows(con, f"from {name}")


def test_a_client_that_never_reads_costs_no_memory_and_nobody_else_waits(server):
    with arrow_flight.Client(server) as lazy, arrow_flight.Client(server) as busy:
        reader = lazy.reader(lazy.info(wire.query(ENDLESS)))
        eventually(lambda: server.running_queries() == 1)
        before = [program.resident_bytes() for program in server.programs]
        for i in range(200):
            assert busy.value(f"select {i}") == i
        assert busy.query("from range(2000000)").num_rows == 2_000_000
        assert server.running_queries() == 1, "it still waits for its reader"
        grown = [
            program.resident_bytes() - was
            for program, was in zip(server.programs, before, strict=True)
        ]
        assert max(grown) < 256 << 20, grown
        reader.cancel()
        eventually(lambda: idle(server))


def test_many_clients_that_never_read_leave_room_for_others(server):
    clients = [arrow_flight.Client(server) for _ in range(12)]
    try:
        sql = "select i from range(100000000000) t(i)"
        readers = [client.reader(client.info(wire.query(sql))) for client in clients]
        with arrow_flight.Client(server) as other:
            assert other.value("select 42") == 42
        for reader in readers:
            reader.cancel()
    finally:
        for client in clients:
            client.flight.close()
    eventually(lambda: idle(server))


# Deadlines


def test_a_deadline_ends_a_read_and_its_query(server):
    with arrow_flight.Client(server) as client:
        info = client.info(wire.query(FOREVER))
        client.options = flight.FlightCallOptions(timeout=1)
        with refused("DEADLINE_EXCEEDED"):
            drain(client.reader(info))
    eventually(lambda: idle(server))


def test_a_deadline_ends_a_write_and_nothing_stays(server, con, name):
    with adbc.connect(server, seconds=1) as hasty, refused("DEADLINE_EXCEEDED", match="deadline"):
        adbc.run(hasty, f"create table {name} as {FOREVER}")
    eventually(lambda: idle(server))
    with refused("NOT_FOUND"):
        adbc.rows(con, f"from {name}")


# Workers that are gone


@pytest.mark.topologies("gateway")
@WORKER_LOST
def test_without_its_worker_a_gateway_says_so_and_serves_again_after_its_return(tmp_path, launch):
    server = launch(data_dir=tmp_path / "data")
    with adbc.connect(server) as con:
        adbc.run(con, "create table kept as select 42 as i")
    server.worker.kill()
    with arrow_flight.Client(server, keeps=None) as client:
        with refused("UNAVAILABLE", match="worker"):
            client.query("select 1")
        eventually(lambda: server.front.get("/readyz", ok_only=False)[0] == 503)
        assert server.front.get("/livez")[0] == 200
    server.restart_worker()
    eventually(lambda: server.front.get("/readyz", ok_only=False)[0] == 200, 30)
    with adbc.connect(server) as con:
        assert adbc.value(con, "select i from kept") == 42


@pytest.mark.topologies("gateway")
@WORKER_LOST
def test_a_write_whose_worker_died_is_told_as_unknown_and_never_retried(tmp_path, launch):
    server = launch(data_dir=tmp_path / "data")
    with raw_grpc.RawFlight(server, keeps_token=True) as raw:
        raw.query("create table kept (i bigint); select 1")
        stub = raw.channel.unary_unary("/arrow.flight.protocol.FlightService/GetFlightInfo")
        # Minutes of work.
        sql = "insert into kept select i from range(40000000000) t(i) where hash(i) % 1000000 = 0"
        call = stub.future(wire.descriptor(wire.query(sql)), timeout=60)
        # A plan of it was asked for before; what runs once it has its permit is the statement.
        eventually(lambda: server.front.metric("tavana_gateway_permits") == 1)
        eventually(lambda: server.running_queries() == 1)
        time.sleep(1)
        server.worker.kill()
        with refused("UNKNOWN", match="unknown|may or may not|outcome"):
            call.result()
    server.restart_worker()
    eventually(lambda: server.front.get("/readyz", ok_only=False)[0] == 200, 30)
    with adbc.connect(server) as con:
        assert adbc.value(con, "select count(*) from kept") == 0


@pytest.mark.topologies("gateway")
@WORKER_LOST
def test_a_session_whose_worker_died_is_told_that_its_state_is_gone(launch):
    server = launch()
    with adbc.connect(server) as con:
        adbc.run(con, "create temp table mine as select 1 as i")
        server.worker.kill()
        server.restart_worker()
        eventually(lambda: server.front.get("/readyz", ok_only=False)[0] == 200, 30)
        with refused(
            "FAILED_PRECONDITION",
            "NOT_FOUND",
            "UNAVAILABLE",
            "ABORTED",
            match="session|worker|state",
        ):
            adbc.rows(con, "from mine")
    with adbc.connect(server) as con:
        assert adbc.value(con, "select 1") == 1


# Shutdown


def test_sigterm_lets_a_running_query_finish_or_tells_one_clear_error(launch):
    server = launch()
    rows = 3_000_000
    with arrow_flight.Client(server) as client:
        reader = client.reader(
            client.info(wire.query(f"select i, repeat('x', 100) as s from range({rows}) t(i)"))
        )
        read = reader.read_chunk().data.num_rows
        server.front.terminate()
        try:
            assert read + drain(reader) == rows
        except (flight.FlightError, pa.ArrowException) as error:
            assert (
                "shut" in str(error).lower()
                or "drain" in str(error).lower()
                or "unavailable" in str(error).lower()
            )
    assert server.front.wait() == 0


def test_a_draining_server_says_that_it_is_not_ready(launch):
    server = launch()
    with arrow_flight.Client(server) as client:
        reader = client.reader(client.info(wire.query(ENDLESS)))
        reader.read_chunk()
        server.front.terminate()
        eventually(lambda: server.front.get("/readyz", ok_only=False)[0] == 503)
        reader.cancel()
    assert server.front.wait() == 0


def test_a_second_signal_ends_at_once(launch):
    server = launch()
    with arrow_flight.Client(server) as client:
        reader = client.reader(client.info(wire.query(ENDLESS)))
        reader.read_chunk()
        server.front.terminate()
        eventually(lambda: server.front.get("/readyz", ok_only=False)[0] == 503)
        server.front.terminate()
        server.front.wait(5)
        with pytest.raises((flight.FlightError, pa.ArrowException)):
            drain(reader)


# Many at once


def test_many_clients_at_once_all_get_their_own_answers(server):
    failures = []

    def work(number):
        try:
            with adbc.connect(server) as con:
                for i in range(10):
                    assert adbc.value(con, f"select {number} * 1000 + {i}") == number * 1000 + i
                assert adbc.table(con, f"select {number} as n from range(50000)").num_rows == 50_000
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_one_channel_carries_many_calls_at_once(server):
    with raw_grpc.RawFlight(server) as raw:
        stub = raw.channel.unary_unary("/arrow.flight.protocol.FlightService/GetFlightInfo")
        calls = [
            stub.future(wire.descriptor(wire.query(f"select {i} as i")), timeout=60)
            for i in range(200)
        ]
        answers = [
            raw_grpc.read_table(raw.get(raw_grpc.ticket_of(call.result())))["i"][0].as_py()
            for call in calls
        ]
    assert answers == list(range(200))
    assert all(call.code() is grpc.StatusCode.OK for call in calls)
