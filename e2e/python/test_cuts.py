"""Results that are cut in the middle: the client sees an error or every row, never less as if it were all."""

from contextlib import suppress

import adbc_driver_manager
import pyarrow as pa
import pytest
from pyarrow import flight

from harness import adbc, arrow_flight, wire
from harness.proxy import CuttingProxy
from harness.topology import eventually

CUT = (flight.FlightError, pa.ArrowException, OSError, adbc_driver_manager.Error)
KILL_ROWS, KILL_POINTS = 2_000_000, 40
KILL_SQL = f"select i, repeat('x', 100) as s from range({KILL_ROWS}) t(i)"
# Small enough to be sent many times, in several batches.
WIRE_ROWS = 70_000
WIRE_SQL = f"select i, hash(i) as h from range({WIRE_ROWS}) t(i)"
POINTS = 40


def rows_or_error(read):
    """How many rows a client took for the whole result, or the error that it saw."""
    try:
        return read()
    except CUT as error:
        return error


def serves(server):
    """Whether a new client gets an answer."""
    try:
        with arrow_flight.Client(server, seconds=5) as client:
            return client.value("select 1") == 1
    except CUT:
        return False


def read_and_kill_after(server, batches):
    """Reads so many batches, kills the worker, and reads on."""
    with arrow_flight.Client(server) as client:
        reader = client.reader(client.info(wire.query(KILL_SQL)))
        rows = sum(reader.read_chunk().data.num_rows for _ in range(batches))
        server.worker.kill()
        for chunk in reader:
            rows += chunk.data.num_rows
        return rows


@pytest.mark.timeout(300)
@pytest.mark.allow_log("WARN", "(?i)worker|connect|lost|unavailable|transport")
@pytest.mark.topologies("worker", "gateway")
def test_a_worker_killed_after_any_number_of_batches_never_leaves_a_short_result(launch):
    server = launch()
    outcomes = []
    for batches in range(KILL_POINTS):
        outcomes.append(rows_or_error(lambda batches=batches: read_and_kill_after(server, batches)))
        server.restart_worker()
        eventually(lambda: serves(server), 30)
    short = [rows for rows in outcomes if not isinstance(rows, CUT) and rows != KILL_ROWS]
    assert short == []
    assert sum(isinstance(outcome, CUT) for outcome in outcomes) >= KILL_POINTS // 2, (
        "the kills came too late"
    )


@pytest.mark.allow_log("WARN", "(?i)worker|connect|lost|unavailable|transport")
def test_a_worker_killed_while_adbc_reads_is_an_error(launch):
    server = launch()
    with adbc.connect(server) as con:
        with pytest.raises(CUT), adbc.cursor(con) as cursor:
            reader = cursor.execute(KILL_SQL).fetch_record_batch()
            reader.read_next_batch()
            server.worker.kill()
            reader.read_all()
    assert not server.worker.alive(), "the error came before the kill"


@pytest.mark.topologies("gateway")
@pytest.mark.allow_log("WARN", "(?i)worker|connect|lost|unavailable|transport")
def test_a_gateway_killed_in_the_middle_is_an_error_and_frees_the_worker(launch):
    server = launch()
    with arrow_flight.Client(server) as client:
        sql = "select repeat('x', 100) from range(50000000)"
        reader = client.reader(client.info(wire.query(sql)))
        reader.read_chunk()
        server.front.kill()
        with pytest.raises(CUT):
            reader.read_all()
    eventually(lambda: server.running_queries() == 0)


def read_with_pyarrow(uri, fetched=lambda: None):
    with arrow_flight.Client(uri) as client:
        rows = client.query(WIRE_SQL).num_rows
        fetched()
        return rows


def read_with_adbc(uri, fetched=lambda: None):
    con = adbc.connect(uri)
    try:
        rows = adbc.table(con, WIRE_SQL).num_rows
        fetched()
        return rows
    finally:
        with suppress(adbc_driver_manager.Error):
            con.close()


def cut_points(fetched, total):
    """Evenly over the whole connection, and every other byte around the result's end, where the trailers are."""
    return sorted(
        {total * i // POINTS for i in range(1, POINTS)}
        | set(range(fetched - 2 * POINTS, fetched, 2))
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("read", "reset", "every"),
    [(read_with_pyarrow, False, 1), (read_with_pyarrow, True, 1), (read_with_adbc, False, 2)],
    ids=["pyarrow, ended", "pyarrow, reset", "adbc, ended"],
)
def test_a_connection_cut_at_any_byte_never_leaves_a_short_result(server, read, reset, every):
    fetched_at = []
    with CuttingProxy(server.front.target) as whole:
        assert read(whole.uri, lambda: fetched_at.append(whole.passed)) == WIRE_ROWS
    assert whole.passed > WIRE_ROWS * 16
    outcomes = {}
    for cut_after in cut_points(fetched_at[0], whole.passed)[::every]:
        with CuttingProxy(server.front.target, cut_after, reset=reset) as proxy:
            outcomes[cut_after] = rows_or_error(lambda proxy=proxy: read(proxy.uri))
    short = {
        at: rows for at, rows in outcomes.items() if not isinstance(rows, CUT) and rows != WIRE_ROWS
    }
    assert short == {}
    assert sum(isinstance(outcome, CUT) for outcome in outcomes.values()) >= (POINTS - 2) // every
    eventually(lambda: server.running_queries() == 0)
