"""Admission: a statement waits until there is room, everybody can see why, and whatever ends, gives its room back."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import psycopg
import pyarrow as pa
import pytest

from harness import adbc, wire
from harness.failures import refused
from harness.processes import Program, run
from harness.raw_grpc import RawFlight, login, read_table, ticket_of
from harness.topology import eventually

MIB = 1 << 20
LIMIT = 800 * MIB
# A result that stays open for as long as nobody reads it, on a worker with one slot.
STREAM = "select i, repeat('x', 1000) as s from range(10000000) t(i)"
LONG = "select count(*) from range(1000000) a(x), range(1000000) b(y) where x * 3 <> y * 7 + 1"
# Waits like any read.
SHORT = "select count(*) from range(1000) t(i) where i > 7"
QUEUED, RUNNING, FINISHED, FAILED = 1, 2, 3, 4

pytestmark = pytest.mark.topologies("gateway", "serve")


@pytest.fixture
def narrow(launch):
    """One statement at a time."""
    return launch(engine_args=["--slots", 1, "--memory-limit-bytes", LIMIT])


def waiting(server) -> int:
    return int(server.front.metric("tavana_gateway_queue_waiting"))


def granted(server) -> int:
    return int(server.worker.metric("tavana_worker_granted_bytes"))


class Status:
    """What the action tavana.QueryStatus tells."""

    def __init__(self, client: RawFlight, query_id: bytes):
        (result,) = client.action("tavana.QueryStatus", wire.message(1, query_id))
        told = wire.decode(result)
        self.state = told.get(2, [0])[-1]
        self.ahead = told.get(3, [0])[-1]
        self.waited_ms = told.get(5, [0])[-1]
        self.because = told.get(8, [b""])[-1].decode()
        self.estimate = told.get(9, [None])[-1]


def query_id(info: bytes) -> bytes:
    """That of a FlightInfo, out of its app_metadata."""
    return wire.one(wire.one(info, 7, b""), 1)


class Held:
    """A result that is open, and takes the one slot."""

    def __init__(self, server):
        self.client = RawFlight(server.front)
        info = self.client.info(wire.query(STREAM))
        self.id = query_id(info)
        self.call = self.client.open("DoGet", wire.ticket(ticket_of(info)), seconds=300)
        next(iter(self.call))

    def close(self):
        self.call.cancel()
        self.client.__exit__()


@pytest.fixture
def held(narrow):
    one = Held(narrow)
    yield one
    one.close()


def fetch(server, info: bytes) -> pa.Table:
    with RawFlight(server.front) as client:
        return read_table(client.get(ticket_of(info)))


def test_a_statement_waits_and_everybody_may_know_why(narrow, held):
    with RawFlight(narrow.front) as client, ThreadPoolExecutor(2) as pool:
        info = client.info(wire.query(SHORT))
        status = Status(client, query_id(info))
        assert (status.state, status.estimate) == (0, None)  # it was planned, and did not come yet
        running = pool.submit(fetch, narrow, info)
        eventually(lambda: waiting(narrow) == 1)
        status = Status(client, query_id(info))
        assert (status.state, status.ahead) == (QUEUED, 0)
        assert "it is next and needs" in status.because
        assert status.estimate
        assert Status(client, held.id).state == RUNNING
        with adbc.connect(narrow) as con:
            shown = adbc.table(con, "show tavana.queue").to_pylist()
            assert [row["position"] for row in shown] == [1]
            assert shown[0]["sql"] == SHORT
            assert shown[0]["query_id"] == query_id(info).hex()
            assert shown[0]["state"] == "reserving"
            states = adbc.rows(con, "select sql, state from tavana.queries where sql is not null")
            assert set(states) >= {(STREAM, "running"), (SHORT, "queued")}
            (worker,) = adbc.table(con, "from tavana.workers").to_pylist()
            assert (worker["state"], worker["slots"], worker["grants"]) == ("up", 1, 1)
        assert not running.done()
        held.close()
        assert running.result(60).num_rows == 1
        assert Status(client, query_id(info)).state == 0


def test_a_killed_statement_ends_wherever_it_is(narrow, held):
    with (
        RawFlight(narrow.front) as client,
        adbc.connect(narrow) as con,
        ThreadPoolExecutor(2) as pool,
    ):
        info = client.info(wire.query(SHORT))
        running = pool.submit(fetch, narrow, info)
        eventually(lambda: waiting(narrow) == 1)
        adbc.run(con, f"kill '{query_id(info).hex()}'")
        with refused("CANCELLED", match="KILL"):
            running.result(timeout=60)
        assert waiting(narrow) == 0
        adbc.run(con, f"kill '{held.id.hex()}'")
        with refused("CANCELLED", match="KILL"):
            for _ in held.call:
                pass
        eventually(lambda: granted(narrow) == 0)
        with refused("NOT_FOUND"):
            adbc.run(con, f"kill '{held.id.hex()}'")
        outcomes = dict(
            adbc.rows(con, "select query_id, outcome from tavana.queries where state = 'failed'")
        )
        assert outcomes[held.id.hex()] == "cancelled"
        assert outcomes[query_id(info).hex()] == "cancelled"


def test_a_client_that_leaves_the_queue_is_gone_from_it(narrow, held):
    with RawFlight(narrow.front) as client:
        calls = []
        for _ in range(5):
            info = client.info(wire.query(SHORT))
            calls.append(client.open("DoGet", wire.ticket(ticket_of(info)), seconds=300))
        eventually(lambda: waiting(narrow) == 5)
        for call in calls[1:]:
            call.cancel()
        eventually(lambda: waiting(narrow) == 1)
        held.close()
        assert list(calls[0])


def test_a_deadline_counts_while_a_statement_waits(narrow, held):
    with RawFlight(narrow.front) as client:
        info = client.info(wire.query(SHORT))
        with refused("DEADLINE_EXCEEDED"):
            list(client.open("DoGet", wire.ticket(ticket_of(info)), seconds=1))
        eventually(lambda: waiting(narrow) == 0)


def test_a_write_waits_too_and_runs_once(narrow, held):
    with adbc.connect(narrow) as con, ThreadPoolExecutor(2) as pool:
        adbc_made = pool.submit(adbc.run, con, "create table made as select 1 as a")
        eventually(lambda: waiting(narrow) == 1)
        held.close()
        adbc_made.result(60)
        assert adbc.value(con, "select count(*) from made") == 1
        assert adbc.run(con, "insert into made values (2)") == 1
        assert adbc.ingest(con, "loaded", pa.table({"a": [1, 2, 3]})) == 3


def test_what_ended_is_in_the_table_with_its_sizes(launch, tmp_path):
    server = launch(data_dir=tmp_path / "data")
    with adbc.connect(server) as con:
        adbc.run(con, "create table big as select i, i % 1000 as k from range(1000000) t(i)")
        for _ in range(3):
            adbc.rows(con, "select k, count(*) from big group by k")
        with refused("NOT_FOUND"):
            adbc.rows(con, "select * from nothing_here")
        rows = adbc.table(
            con,
            "select * from tavana.queries where sql like '%big group by%' order by arrived_at",
        ).to_pylist()
        assert [row["outcome"] for row in rows] == ["ok"] * 3
        for row in rows:
            assert row["rows"] == 1000
            assert row["class"] == "read"
            assert row["protocol"] == "flight"
            assert row["grant_bytes"] >= row["estimated_peak_memory_bytes"] > 0
            assert row["estimated_scan_bytes"] > 0
            assert row["worker"] == adbc.value(con, "select worker_id from tavana.workers")
            assert row["relayed_bytes"] > 1000
        assert len({row["fingerprint"] for row in rows}) == 1
        assert rows[-1]["estimate_source"] == "history"
        failed = adbc.rows(
            con, "select outcome, state from tavana.queries where sql like '%nothing_here%'"
        )
        assert ("not_found", "failed") in failed
        explained = dict(adbc.rows(con, "explain estimate select k, count(*) from big group by k"))
        assert explained["source"] == "history"


def test_metrics_tell_of_estimates_and_waits(launch):
    server = launch()
    with adbc.connect(server) as con:
        adbc.run(con, "create table big as select i, i % 1000 as k from range(1000000) t(i)")
        adbc.rows(con, "select k, count(*) from big group by k")
    _, page = server.front.get("/metrics")
    for name in (
        'tavana_gateway_estimate_seconds_count{source="planned"}',
        'tavana_gateway_estimate_ratio_count{source="planned",what="rows"}',
    ):
        assert name in page, page


@pytest.mark.allow_log("WARN", "more than any worker has")
def test_a_statement_larger_than_any_worker_runs_on_disk(launch, tmp_path):
    server = launch(
        data_dir=tmp_path / "data",
        engine_args=["--memory-limit-bytes", 400 * MIB, "--threads", 2],
    )
    with adbc.connect(server) as con:
        adbc.run(
            con,
            "create table wide as select i, hash(i) as h, repeat('x', 100) as s from range(8000000) t(i)",
        )
        sorted_rows = (
            "select count(*) from (select * from wide order by h, s limit 7000000 offset 1)"
        )
        assert adbc.value(con, sorted_rows) == 7_000_000


def test_a_user_may_have_limits_of_ones_own(launch, tmp_path):
    users = {name: secrets.token_hex(8) for name in ("ada", "bob")}
    users_file = tmp_path / "users"
    for name, password in users.items():
        limit = ["--max-running", 1] if name == "ada" else ["--query-timeout-seconds", 1]
        run(
            "tavana",
            "users",
            "add",
            name,
            "--users",
            users_file,
            "--password-stdin",
            *limit,
            stdin=password,
        )
    server = launch(users_file=users_file, users=users)
    with login(server, "ada") as ada, login(server, "bob") as bob:
        first, second = (ada.info(wire.query(sql)) for sql in (STREAM, SHORT))
        held = ada.open("DoGet", wire.ticket(ticket_of(first)), seconds=300)
        next(iter(held))
        waits = ada.open("DoGet", wire.ticket(ticket_of(second)), seconds=300)
        status = eventually(lambda: waiting(server) == 1 and Status(ada, query_id(second)))
        assert "as many as one may have" in status.because
        # Another user's statement is known to nobody else.
        assert Status(bob, query_id(second)).state == 0
        assert bob.query(SHORT).num_rows == 1
        with refused("DEADLINE_EXCEEDED", match="1 s"):
            bob.query(LONG)
        held.cancel()
        assert list(waits)


@pytest.mark.topologies("gateway")
def test_two_gateways_promise_no_memory_twice(narrow, held, tmp_path):
    key_file = tmp_path / "the-key"
    key_file.write_bytes(narrow.key)
    other = Program(
        "tavana-gateway", "--worker", narrow.worker.uri, "--key-file", key_file, log_dir=tmp_path
    )
    try:
        with RawFlight(other) as client:
            info = client.info(wire.query(SHORT))
            call = client.open("DoGet", wire.ticket(ticket_of(info)), seconds=300)
            eventually(lambda: other.metric("tavana_gateway_queue_waiting") == 1)
            # Ended through the gateway that does not have it.
            with adbc.connect(narrow) as con, adbc.connect(other.uri) as beside:
                adbc.run(beside, f"kill '{held.id.hex()}'")
                with refused("CANCELLED"):
                    for _ in held.call:
                        pass
                assert list(call)
                assert adbc.value(con, "select 1") == 1
        assert narrow.worker.metric("tavana_worker_grants") <= 1
    finally:
        other.stop()


@pytest.mark.topologies("gateway")
@pytest.mark.allow_log("WARN", "worker is down|call failed|capacity")
def test_a_gateway_that_dies_with_a_full_queue_leaves_nothing_behind(narrow, held, tmp_path):
    with RawFlight(narrow.front) as client:
        calls = []
        for _ in range(5):
            info = client.info(wire.query(SHORT))
            calls.append(client.open("DoGet", wire.ticket(ticket_of(info)), seconds=300))
        eventually(lambda: waiting(narrow) == 5)
        narrow.front.kill()
        for call in [*calls, held.call]:
            with pytest.raises(grpc.RpcError):
                for _ in call:
                    pass
    eventually(lambda: granted(narrow) == 0 and narrow.running_queries() == 0)


@pytest.mark.topologies("gateway")
@pytest.mark.allow_log("WARN", "worker is down|call failed|connect|lost|was cut")
def test_a_worker_that_dies_takes_its_grants_with_it_and_the_queue_goes_on(narrow, held):
    with RawFlight(narrow.front) as client:
        info = client.info(wire.query(SHORT))
        call = client.open("DoGet", wire.ticket(ticket_of(info)), seconds=300)
        eventually(lambda: waiting(narrow) == 1)
        narrow.worker.kill()
        with refused("UNAVAILABLE"):
            for _ in held.call:
                pass
        narrow.restart_worker()
        assert list(call)


@pytest.mark.topologies("serve")
def test_a_client_of_postgresql_is_told_what_it_waits_for(narrow, held):
    told = []
    uri = narrow.front.addresses["pg"].replace("//", "//tavana@")
    with psycopg.connect(uri, autocommit=True) as con:
        con.add_notice_handler(lambda notice: told.append(notice.message_primary))
        con.execute("set tavana.notices = on")
        threading.Thread(target=lambda: (eventually(lambda: told), held.close())).start()
        assert con.execute(SHORT).fetchone() == (992,)
    assert told[0].startswith("queued at position 1 for ")
    assert "it is next and needs" in told[0]


def test_a_session_never_waits_for_itself(narrow):
    """Its open result holds the one slot; a second statement runs within the memory of the first."""
    with adbc.connect(narrow) as con:
        with con.cursor() as first:
            first.execute(STREAM)
            reader = first.fetch_record_batch()
            reader.read_next_batch()
            assert adbc.rows(con, SHORT) == [(992,)]
            kinds = adbc.rows(con, f"select permit from tavana.queries where sql = '{SHORT}'")
            assert kinds == [("rider",)]
