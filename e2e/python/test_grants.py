"""Memory of a worker: what gateways are granted of it, what they are told of it, and what statements took."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pyarrow as pa
import pytest

from harness import forgery, topology, wire
from harness import gateway as gateways
from harness.failures import refused
from harness.gateway import Gateway, Watch, run_ticket
from harness.processes import Program
from harness.raw_grpc import RawFlight, read_table, ticket_of
from harness.topology import eventually

MIB = 1 << 20
LIMIT = 800 * MIB
# An eighth of the limit is kept back, and no more than 128 MiB.
GRANTABLE = 700 * MIB
# Hours of work, and a result that nobody reads to its end.
LONG = "select max(hash(a.i + b.i)) from range(1000000) a(i), range(1000000) b(i)"
STREAM = "select i, repeat('x', 1000) as s from range(10000000) t(i)"


@pytest.fixture
def start(tmp_path):
    """Starts workers that belong to a gateway, which is the test."""
    running = []

    def start(*args, limit=LIMIT, **options):
        key_file = topology.new_key(tmp_path)
        words = ["--gateway-only", "--key-file", key_file, *args]
        if limit:
            words += ["--memory-limit-bytes", limit]
        worker = Program("tavana-worker", *words, log_dir=tmp_path, **options)
        worker.key = key_file.read_text().strip().encode()
        running.append(worker)
        return worker

    yield start
    for worker in running:
        worker.stop()


@pytest.fixture
def worker(start):
    return start("--threads", 2)


@pytest.fixture
def gateway(worker):
    with Gateway(worker, worker.key) as client:
        yield client


@pytest.fixture
def watch(gateway):
    watching = Watch(gateway)
    yield watching
    watching.close()


def is_no_room(error) -> bool:
    return dict(error.value.trailing_metadata()).get("x-tavana-failure") == "no_room"


def free(capacity) -> bool:
    return capacity.grants == 0 and capacity.granted_bytes == 0


# What is granted, and for how long


def test_a_grant_is_held_by_its_call(gateway, watch):
    first = watch.until(free)
    assert (first.memory_bytes, first.slots) == (GRANTABLE, 16)
    ticket = gateway.ticket(STREAM)
    call = gateway.granted(500 * MIB).open("DoGet", wire.ticket(ticket))
    next(call)
    held = watch.until(lambda told: told.grants == 1)
    assert (held.granted_bytes, held.grants_of_others) == (500 * MIB, 0)
    with pytest.raises(grpc.RpcError) as error:
        gateway.granted(GRANTABLE - 500 * MIB + 1).fetch(ticket)
    assert is_no_room(error)
    # What is left is left.
    gateway.granted(GRANTABLE - 500 * MIB).fetch(gateway.ticket("select 1"))
    call.cancel()
    watch.until(free)
    gateway.granted(GRANTABLE).fetch(gateway.ticket("select 1"))
    watch.until(free)


def test_more_than_all_of_it_is_refused_and_does_nothing(gateway):
    with pytest.raises(grpc.RpcError) as error:
        gateway.granted(GRANTABLE + 1).run("create table t (i int)")
    assert is_no_room(error)
    gateway.granted(MIB).run("create table t (i int)")


def test_every_way_to_end_frees_the_grant(gateway, watch):
    granted = gateway.granted(100 * MIB)
    with refused("INVALID_ARGUMENT"):
        granted.run("select no_such_column")
    watch.until(free)
    with refused("INVALID_ARGUMENT"):
        granted.fetch(gateway.ticket("select cast(i::varchar || 'x' as int) from range(99) t(i)"))
    watch.until(free)
    info = gateway.granted(0).info(wire.query(LONG))
    running = threading.Thread(target=lambda: _quietly(lambda: granted.fetch(ticket_of(info))))
    running.start()
    watch.until(lambda told: told.grants == 1)
    gateway.granted(0).action("CancelFlightInfo", wire.cancel_flight_info(info))
    watch.until(free)
    running.join()
    # A deadline.
    with refused("DEADLINE_EXCEEDED"):
        list(granted.open("DoGet", wire.ticket(gateway.ticket(LONG)), seconds=0.5))
    watch.until(free)


def _quietly(work):
    try:
        work()
    except grpc.RpcError:
        pass


def test_a_killed_client_frees_its_grant(worker, gateway, watch):
    ticket = gateway.ticket(LONG)
    granted = gateway.granted(100 * MIB)
    script = (
        "import sys, grpc, ast\n"
        "target, metadata, ticket = ast.literal_eval(sys.stdin.read())\n"
        "stub = grpc.insecure_channel(target).unary_stream('/arrow.flight.protocol.FlightService/DoGet')\n"
        "list(stub(ticket, metadata=metadata))\n"
    )
    client = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    metadata = tuple(granted.metadata.items())
    client.stdin.write(repr((worker.target, metadata, wire.ticket(ticket))).encode())
    client.stdin.close()
    watch.until(lambda told: told.grants == 1)
    client.kill()
    client.wait()
    watch.until(free)
    eventually(lambda: worker.metric("tavana_worker_queries_running") == 0)


def test_slots_are_counted_too(start):
    worker = start("--slots", 1)
    with Gateway(worker, worker.key) as gateway:
        ticket = gateway.ticket(STREAM)
        call = gateway.granted(1).open("DoGet", wire.ticket(ticket))
        next(call)
        with pytest.raises(grpc.RpcError) as error:
            gateway.granted(1).fetch(ticket)
        assert is_no_room(error)
        # What only plans takes none.
        gateway.ticket("select 1")
        call.cancel()
        eventually(lambda: not _fails(lambda: gateway.granted(1).fetch(gateway.ticket("select 1"))))
        eventually(lambda: worker.metric("tavana_worker_grants_refused_total") >= 1)


def _fails(work) -> bool:
    try:
        work()
    except grpc.RpcError:
        return True
    return False


def test_gateways_are_told_what_others_hold(worker, gateway, watch):
    with Gateway(worker, worker.key) as other:
        call = other.granted(300 * MIB).open("DoGet", wire.ticket(other.ticket(STREAM)))
        next(call)
        told = watch.until(lambda told: told.grants == 1)
        assert (told.granted_to_others_bytes, told.grants_of_others) == (300 * MIB, 1)
        with pytest.raises(grpc.RpcError) as error:
            gateway.granted(GRANTABLE - 299 * MIB).fetch(gateway.ticket("select 1"))
        assert is_no_room(error)
        call.cancel()
        watch.until(free)


def test_many_ask_at_once_and_never_get_more_than_there_is(gateway, watch):
    granted, tickets = gateway.granted(90 * MIB), [gateway.ticket(STREAM) for _ in range(10)]

    def ask(ticket):
        for _ in range(3):
            call = granted.open("DoGet", wire.ticket(ticket))
            _quietly(lambda call=call: next(call))
            call.cancel()

    threads = [threading.Thread(target=ask, args=(ticket,)) for ticket in tickets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watch.until(free)
    assert max(told.granted_bytes for told in watch.told) <= GRANTABLE
    assert max(told.grants for told in watch.told) > 1


# Grant 0: plans, and does not run


def test_without_memory_a_call_only_plans(gateway):
    plans = gateway.granted(0)
    gateway.run("create table t (i int)")
    for sql in (
        "insert into t values (1)",
        "drop table t",
        "create table u as select 1",
        "explain analyze select 1",
    ):
        with pytest.raises(grpc.RpcError) as error:
            plans.info(wire.query(sql))
        assert is_no_room(error), sql
    with pytest.raises(grpc.RpcError) as error:
        list(
            plans.exchange(
                "DoPut", [wire.message(wire.descriptor(wire.update("insert into t values (1)")))]
            )
        )
    assert is_no_room(error)
    for ticket in (
        gateway.ticket("select 1"),
        run_ticket("select 1"),
        run_ticket("insert into t values (1)"),
    ):
        with pytest.raises(grpc.RpcError) as error:
            plans.fetch(ticket)
        assert is_no_room(error)
    # Nothing of several statements has run when one of them may not.
    with pytest.raises(grpc.RpcError) as error:
        plans.info(wire.query("begin; insert into t values (1); commit"))
    assert is_no_room(error)
    assert read_table(gateway.granted(MIB).fetch(gateway.ticket("select count(*) as n from t"))[0])[
        "n"
    ].to_pylist() == [0]


def test_without_memory_a_call_ingests_nothing(gateway):
    gateway.run("create table t (i bigint)")
    batch = pa.record_batch({"i": [1]})
    first = wire.message(
        wire.descriptor(wire.ingest("t", missing=2)), batch.schema.serialize()[8:].to_pybytes()
    )
    with pytest.raises(grpc.RpcError) as error:
        gateway.granted(0).exchange("DoPut", [first])
    assert is_no_room(error)


@pytest.mark.parametrize(
    "sql",
    [
        "begin; rollback",
        "set timezone = 'UTC'",
        "reset timezone",
        "use memory.main",
        "set variable v = 5",
        "prepare p as select 1",
        "begin; commit",
    ],
)
def test_what_is_trivial_runs_without_memory(gateway, sql):
    gateway.granted(0).fetch(run_ticket(sql))
    gateway.granted(0).run(sql)


def test_a_plan_is_shown_without_memory(gateway):
    messages, _ = gateway.granted(0).fetch(gateway.ticket("explain select 42"))
    assert "42" in read_table(messages)["explain_value"][0].as_py()


def test_nobody_else_is_granted_anything(worker):
    stale = forgery.seal_text(forgery.seal(wire.field(2, 1) + wire.field(4, True), worker.key))
    for metadata in ({}, {"x-tavana-service": stale}):
        metadata |= {"x-tavana-grant": str(100 * MIB)}
        with RawFlight(worker, metadata=metadata) as raw, refused("UNAUTHENTICATED"):
            raw.info(wire.query("select 1"))


def test_a_grant_is_a_number(gateway):
    gateway.metadata["x-tavana-grant"] = "much"
    with refused("INVALID_ARGUMENT"):
        gateway.info(wire.query("select 1"))


# Capacity


def test_capacity_is_told_at_once_and_every_second(watch):
    told = watch.until(lambda told: told.used_bytes > 0 and told.anonymous_bytes > 0)
    assert told.process_limit_bytes > LIMIT and told.spill_limit_bytes > 0 and not told.draining
    count = len(watch.told)
    eventually(lambda: len(watch.told) > count + 1)


def test_capacity_is_not_for_users(worker):
    with Gateway(worker, worker.key, role=1) as user, refused("PERMISSION_DENIED"):
        user.action("tavana.WatchCapacity")


def test_a_worker_that_ends_says_so_and_grants_nothing(start):
    worker = start()
    with Gateway(worker, worker.key) as gateway:
        watching = Watch(gateway)
        watching.until(free)
        ticket = gateway.ticket(STREAM)
        call = gateway.granted(MIB).open("DoGet", wire.ticket(ticket))
        next(call)
        worker.terminate()
        watching.until(lambda told: told.draining)
        assert watching.ended.wait(10)
        call.cancel()
    assert worker.wait() == 0


# What statements took


def test_the_peak_of_a_sort_alone_is_known(gateway):
    rows = 4_000_000
    gateway.run(f"create table t as select hash(i) as h, i from range({rows}) t(i)")
    _, actual = gateway.granted(MIB).fetch(
        gateway.ticket("select * from t order by h limit 10 offset 3999000")
    )
    assert actual.rows == 10 and actual.run_us > 0 and actual.output_bytes > 0
    # Two numbers of 8 bytes a row, at least, and what a sort needs beside them.
    assert 16 * rows <= actual.peak <= 10 * 16 * rows, actual
    assert actual.spilled == 0


def test_a_short_statement_is_told_as_small(gateway):
    ticket = gateway.ticket("select 1")
    _, actual = eventually(
        lambda: _if(gateway.granted(MIB).fetch(ticket), lambda got: got[1].run_us < 10_000)
    )
    assert actual.rows == 1 and actual.peak <= 64 * MIB


def _if(value, condition):
    return value if condition(value) else None


def test_of_statements_that_overlap_no_peak_is_told(gateway):
    ticket = gateway.ticket("select max(hash(i)) from range(300000000) t(i)")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(gateway.granted(MIB).fetch(ticket)[1]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [actual.peak for actual in found] == [None, None]
    assert all(actual.rows == 1 for actual in found)


def test_a_spill_is_told(start):
    worker = start("--threads", 2, limit=128 * MIB)
    with Gateway(worker, worker.key) as gateway:
        sql = "select * from (select hash(i) as h, i from range(10000000) t(i)) order by h offset 9999990"
        _, actual = gateway.granted(MIB).fetch(gateway.ticket(sql))
        assert actual.spilled > 10 * MIB, actual
        # DuckDB goes a little over its limit.
        assert actual.peak <= 160 * MIB


def test_writes_are_measured_in_the_reply(gateway):
    actual = gateway.granted(MIB).run("create table t as select i from range(3000000) t(i)")
    assert actual.run_us > 0 and actual.rows == 3_000_000
    assert gateway.granted(MIB).run("update t set i = 0 where i < 5").rows == 5
    # What was only planned did not run.
    assert gateway.run("select 1") is None


def test_clients_are_told_nothing(tmp_path):
    worker = Program("tavana-worker", log_dir=tmp_path)
    with RawFlight(worker) as raw:
        raw.metadata["x-tavana-grant"] = "0"
        call = raw.open("DoGet", wire.ticket(ticket_of(raw.info(wire.query("select 1")))))
        list(call)
        assert "x-tavana-actual" not in dict(call.trailing_metadata())
    worker.stop()


# Estimates, and plans


def test_tickets_and_infos_carry_the_estimate(gateway):
    estimate = gateways.estimate(peak=7 * MIB, rows=3, because=["it is a test"])
    info = gateway.granted(0, estimate).info(wire.query("select 1"))
    size = wire.decode(wire.one(info, 7))
    assert len(size[1][0]) == 16 and size[2] == [estimate]
    handle = wire.decode(forgery.message_of(ticket_of(info)))
    assert wire.one(handle[5][0], 5) == estimate
    # Without one only the id is told.
    assert list(wire.decode(wire.one(gateway.info(wire.query("select 1")), 7))) == [1]


def test_explain_estimate_tells_what_the_gateway_thinks(gateway):
    estimate = gateways.estimate(peak=7 * MIB, rows=3, because=["one", "two"])
    knows = gateway.granted(0, estimate)
    for sql in ("EXPLAIN ESTIMATE select 1", "explain\n/* */ estimate insert into t values (1)"):
        gateway.run("create table if not exists t (i int)")
        for ticket in (ticket_of(knows.info(wire.query(sql))), run_ticket(sql)):
            rows = read_table(knows.fetch(ticket)[0]).to_pylist()
            assert {row["item"]: row["value"] for row in rows[:6]} == {
                "scan_bytes": None,
                "rows": "3",
                "output_bytes": None,
                "peak_memory_bytes": str(7 * MIB),
                "confidence": "0.50",
                "source": "planned",
            }
            assert [row["value"] for row in rows[6:]] == ["one", "two"]
    with refused("INVALID_ARGUMENT"):
        knows.info(wire.query("explain estimate select no_such_column"))
    with refused("UNIMPLEMENTED"):
        knows.info(wire.query("explain estimate vacuum"))
    assert wire.one(
        gateway.unary("GetSchema", wire.descriptor(wire.query("explain estimate select 1"))), 1
    )


def test_explain_estimate_needs_a_gateway(gateway):
    with refused("UNIMPLEMENTED", "gateway"):
        gateway.info(wire.query("explain estimate select 1"))


def explain(client, sql: str) -> str:
    (answer,) = client.action("tavana.Explain", wire.message(1, sql))
    return wire.one(answer, 2).decode()


def test_a_plan_is_given_and_nothing_runs(worker, gateway):
    gateway.run("create table t as select i from range(5000) t(i)")
    plan = explain(gateway.granted(0), "select * from t where i > 3")
    assert "Estimated Cardinality" in plan and "SEQ_SCAN" in plan
    explain(gateway, "insert into t select * from t")
    rows = read_table(gateway.granted(MIB).fetch(gateway.ticket("select count(*) as n from t"))[0])
    assert rows["n"].to_pylist() == [5000]
    for sql, status in (
        ("select no_such_column", "INVALID_ARGUMENT"),
        ("select * from missing", "NOT_FOUND"),
        ("select $1", "INVALID_ARGUMENT"),
        ("select 1; select 2", "INVALID_ARGUMENT"),
        ("vacuum", "UNIMPLEMENTED"),
        ("select * from duckdb_logs()", "PERMISSION_DENIED"),
    ):
        with refused(status):
            explain(gateway, sql)
    with Gateway(worker, worker.key, role=0) as reader, refused("PERMISSION_DENIED"):
        explain(reader, "insert into t values (1)")


# The limit of the process

GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def group():
    """A control group of the first version that a test may write, and that is gone afterwards."""
    path = GROUPS / f"tavana-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"control groups of the first version cannot be written here: {error}")
    yield path
    # Its processes have ended; the kernel needs a moment.
    eventually(lambda: not _stays(path))


def _stays(path: Path) -> bool:
    try:
        path.rmdir()
    except OSError:
        return True
    return False


def test_the_limit_follows_the_control_group(group, tmp_path):
    limit = group / "memory.limit_in_bytes"
    limit.write_text(str(512 * MIB))
    key_file = topology.new_key(tmp_path)
    worker = Program(
        "tavana-worker",
        "--gateway-only",
        "--key-file",
        key_file,
        log_dir=tmp_path,
        prefix=["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"],
    )
    try:
        with Gateway(worker, key_file.read_text().strip().encode()) as gateway:
            watching = Watch(gateway)
            duckdb = 332 * MIB
            first = watching.until(lambda told: told.memory_bytes == duckdb - duckdb // 8)
            assert first.process_limit_bytes == 512 * MIB
            # What DuckDB is expected to take beside it may lower it.
            assert duckdb / 2 < worker.metric("tavana_worker_memory_limit_bytes") <= duckdb
            limit.write_text(str(2048 * MIB))
            grown = 2048 * MIB // 100 * 70
            watching.until(lambda told: told.memory_bytes == grown - 128 * MIB)
            eventually(lambda: worker.metric("tavana_worker_memory_limit_bytes") == grown)
            # What is granted stays when it shrinks; nothing new is.
            call = gateway.granted(1000 * MIB).open("DoGet", wire.ticket(gateway.ticket(STREAM)))
            next(call)
            limit.write_text(str(1024 * MIB))
            shrunk = 1024 * MIB // 100 * 70
            watching.until(lambda told: told.memory_bytes == shrunk - shrunk // 8)
            with pytest.raises(grpc.RpcError) as error:
                gateway.granted(MIB).fetch(gateway.ticket("select 1"))
            assert is_no_room(error)
            # Past the group's limit the process would be killed, so that the statement has to do with less.
            eventually(lambda: worker.metric("tavana_worker_memory_limit_bytes") < 1024 * MIB)
            call.cancel()
            eventually(lambda: worker.metric("tavana_worker_memory_limit_bytes") <= shrunk)
            gateway.granted(MIB).fetch(gateway.ticket("select 1"))
            watching.close()
    finally:
        worker.stop()


def test_users_cannot_change_the_limit(gateway):
    for sql in ("set memory_limit = '1TB'", "set global max_memory = '1TB'", "reset memory_limit"):
        with refused("PERMISSION_DENIED", "memory-limit-bytes|GLOBAL"):
            gateway.run(sql)


def test_instances_of_sessions_come_out_of_the_whole(start):
    worker = start("--max-private-instances", 4, "--private-memory-bytes", 300 * MIB)
    secret = "create secret (type s3, key_id 'a', secret 'b')"
    with Gateway(worker, worker.key) as first, Gateway(worker, worker.key) as second:
        watching = Watch(first)
        watching.until(lambda told: told.memory_bytes == GRANTABLE)
        first.run(secret)
        rest = LIMIT - 300 * MIB
        watching.until(lambda told: told.memory_bytes == rest - rest // 8)
        eventually(lambda: worker.metric("tavana_worker_memory_limit_bytes") == rest)
        call = second.granted(350 * MIB).open("DoGet", wire.ticket(second.ticket(STREAM)))
        next(call)
        with refused("RESOURCE_EXHAUSTED", "private-memory-bytes"):
            second.run(secret)
        call.cancel()
        first.action("CloseSession")
        watching.until(lambda told: told.memory_bytes == GRANTABLE)
        eventually(lambda: worker.metric("tavana_worker_memory_limit_bytes") == LIMIT)
        watching.close()
