"""What ends a statement early: a cancel request, a timeout, a client that vanishes."""

import dataclasses
import re
import time
from pathlib import Path

import pytest

from harness.pg_wire import (
    FLUSH,
    SYNC,
    TERMINATE,
    Wire,
    bind,
    cancel_request,
    connect,
    describe,
    execute,
    fields_of,
    parse,
    query,
    transcript,
)
from harness.topology import eventually

# Each would take hours.
LONG = (
    "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y)"
    " where x * 3 <> y * 7 + 1"
)
ENDLESS = "select x, y from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y)"
STOP_SECONDS = 5
VANISH_SECONDS = 1.0


def cancel(server, pid: int, key: bytes) -> None:
    with Wire(server.address) as other:
        other.send(cancel_request(pid, key))
        assert other.rest() == [], "a cancel request has no answer"


def until_running(server):
    eventually(lambda: server.running_queries() > 0)
    # A cancel that arrives between two messages of a pipeline is lost, in PostgreSQL too.
    time.sleep(0.2)


def until_idle(server):
    eventually(lambda: server.running_queries() == 0, seconds=STOP_SECONDS)


@pytest.mark.parametrize(
    "said, before",
    [([query(LONG)], "T(count) "), ([parse(LONG), bind(), execute(), SYNC], "1 2 ")],
    ids=["simple", "extended"],
)
def test_cancel(pg, said, before):
    with connect(pg) as wire:
        wire.send(*said)
        until_running(pg)
        start = time.monotonic()
        cancel(pg, wire.pid, wire.key)
        # A server may describe the rows before it has one, or not.
        assert transcript(wire.until("Z")).removeprefix(before) == "E(57014) Z(I)"
        assert time.monotonic() - start < STOP_SECONDS
        until_idle(pg)
        assert wire.run("select 1") == [["1"]]


def test_cancel_in_the_middle_of_rows(pg):
    with connect(pg) as wire:
        wire.send(query(ENDLESS))
        assert transcript(wire.until("D")) == "T(x,y) D(1,1)"
        cancel(pg, wire.pid, wire.key)
        seen = wire.until("Z")
        assert transcript(seen[-2:]) == "E(57014) Z(I)"
        until_idle(pg)
        assert wire.run("select 1") == [["1"]]


def test_cancel_in_a_transaction_aborts_it(pg):
    with connect(pg) as wire:
        wire.run("begin")
        wire.send(query(LONG))
        until_running(pg)
        cancel(pg, wire.pid, wire.key)
        assert transcript(wire.until("Z")).removeprefix("T(count) ") == "E(57014) Z(E)"
        assert transcript(wire.talk(query("select 1"))) == "E(25P02) Z(E)"
        assert transcript(wire.talk(query("rollback"))) == "C(ROLLBACK) Z(I)"


def test_cancel_with_a_wrong_key_does_nothing(pg):
    with connect(pg) as wire, connect(pg) as other:
        wire.send(query(LONG))
        until_running(pg)
        wrong = bytes([wire.key[0] ^ 1]) + wire.key[1:]
        for pid, key in [(wire.pid, wrong), (wire.pid, other.key), (other.pid, wire.key), (0, b"")]:
            cancel(pg, pid, key)
        time.sleep(0.5)
        assert pg.running_queries() == 1
        cancel(pg, wire.pid, wire.key)
        assert transcript(wire.until("Z")).removeprefix("T(count) ") == "E(57014) Z(I)"


def test_cancel_between_statements_does_nothing(wire, pg):
    wire.run("select 1")
    cancel(pg, wire.pid, wire.key)
    time.sleep(0.2)
    assert wire.run("select 2") == [["2"]]


def test_keys_differ(pg):
    with connect(pg) as one, connect(pg) as two:
        assert len(one.key) == len(two.key) == 4, "protocol 3.0 has keys of 4 bytes"
        assert (one.pid, one.key) != (two.pid, two.key)
        assert one.key != two.key


def test_statement_timeout(pg):
    with connect(pg) as wire:
        wire.run("set statement_timeout = '300ms'")
        start = time.monotonic()
        error = next(body for kind, body in wire.talk(query(LONG)) if kind == "E")
        assert fields_of(error)["C"] == "57014"
        assert 0.3 <= time.monotonic() - start < STOP_SECONDS
        wire.run("set statement_timeout = 0")
        assert wire.run("select 1") == [["1"]]


# What a client says before it vanishes, and the last message that it reads.
VANISHING = {
    "no row yet": ([query(LONG)], ""),
    "in the rows": ([query(ENDLESS)], "D"),
    "in the rows, binary": ([parse(ENDLESS), bind(results=[1]), execute(), SYNC], "D"),
    "in a copy": ([query(f"copy ({ENDLESS}) to stdout")], "d"),
    "in a copy, binary": ([query(f"copy ({ENDLESS}) to stdout (format binary)")], "d"),
    "no row of a copy yet": ([query(f"copy ({LONG}) to stdout")], ""),
    "between two fetches of a cursor": (
        [query(f"begin; declare c cursor for {ENDLESS}; fetch 10 from c")],
        "Z",
    ),
    "in a fetch": ([query(f"begin; declare c cursor for {ENDLESS}; fetch all from c")], "D"),
    "between two executes of a portal": (
        [query("begin"), parse(ENDLESS), bind(), execute(rows=10), FLUSH],
        "s",
    ),
    "in a later statement": ([query(f"select 1; {LONG}")], ""),
    "in a transaction that wrote": (
        [query(f"begin; create temp table w (a int); insert into w values (1); {LONG}")],
        "",
    ),
}


@pytest.mark.parametrize("farewell", [b"", TERMINATE], ids=["silent", "terminate"])
@pytest.mark.parametrize("moment", VANISHING)
def test_a_client_that_vanishes_stops_its_statement(pg, moment, farewell):
    said, last = VANISHING[moment]
    # PostgreSQL holds what a cursor has not read yet without running it, and gathers what a FETCH gives before it sends it.
    is_held = pg.is_oracle and moment.startswith("between")
    is_gathered = pg.is_oracle and moment == "in a fetch"
    wire = connect(pg)
    wire.send(*said)
    if last and not is_gathered:
        wire.until(last)
    if not is_held:
        until_running(pg)
    begin = time.monotonic()
    wire.send(farewell)
    wire.socket.close()
    until_idle(pg)
    if not pg.is_oracle:
        assert time.monotonic() - begin < VANISH_SECONDS


def test_a_silent_client_is_asked_for_a_sign_of_life(pg):
    """A machine that is gone closes nothing: the system's keep-alive finds out."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("only Linux tells the timers of its sockets")
    with connect(pg) as wire:
        wire.run("select 1")
        theirs, ours = pg.port, wire.socket.getsockname()[1]
        ends = re.compile(rf":{theirs:04X} [0-9A-F]+:{ours:04X} 01 \S+ (\d\d):")

        def timer():
            found = ends.search(table.read_text())
            return found and found[1]

        eventually(lambda: timer() == "02", seconds=STOP_SECONDS)


def test_a_client_that_reads_nothing_holds_up_nobody(pg):
    """Rows that nobody reads are not piled up; others are served meanwhile."""
    with connect(pg) as slow, connect(pg) as other:
        slow.send(query(ENDLESS))
        until_running(pg)
        memory = pg.program.resident_bytes() if pg.program else 0
        time.sleep(3)
        assert other.run("select 1") == [["1"]]
        if pg.program:
            assert pg.program.resident_bytes() - memory < 300 << 20
    until_idle(pg)


def test_a_client_can_be_cancelled_while_it_reads_nothing(pg):
    with connect(pg) as slow:
        slow.send(query(ENDLESS))
        time.sleep(1)
        until_running(pg)
        cancel(pg, slow.pid, slow.key)
        time.sleep(0.5)
        seen = slow.until("Z")
        assert transcript(seen[-2:]) == "E(57014) Z(I)"


# Signals by SQL


def signal_of(wire, sql, *values) -> str:
    return transcript(wire.talk(parse(sql), bind(values), describe("P"), execute(), SYNC))


@pytest.mark.parametrize("how", ["number", "parameter", "activity"])
def test_pg_cancel_backend(pg, how):
    with connect(pg) as victim, connect(pg) as other:
        victim.send(query(LONG))
        until_running(pg)
        if how == "number":
            assert other.run(f"select pg_cancel_backend({victim.pid})") == [["t"]]
        elif how == "parameter":
            told = signal_of(
                other, "select pg_catalog.pg_cancel_backend($1::int) as gone", str(victim.pid)
            )
            assert told == "1 2 T(gone) D(t) C(SELECT 1) Z(I)"
        else:
            rows = other.run(
                "select pg_cancel_backend(pid) from pg_stat_activity"
                f" where state = 'active' and pid <> pg_backend_pid() and pid = {victim.pid}"
            )
            assert rows == [["t"]]
        assert transcript(victim.until("Z")).endswith("E(57014) Z(I)")
        assert victim.run("select 1") == [["1"]]


def test_pg_terminate_backend(pg):
    with connect(pg) as idle, connect(pg) as busy, connect(pg) as other:
        busy.send(query(LONG))
        until_running(pg)
        for victim in (idle, busy):
            assert other.run(f"select pg_terminate_backend({victim.pid})") == [["t"]]
            *_, last = victim.rest()
            assert (last[0], fields_of(last[1])["C"], fields_of(last[1])["S"]) == (
                "E",
                "57P01",
                "FATAL",
            )
        until_idle(pg)


def test_a_signal_to_nobody(wire):
    seen = wire.talk(query("select pg_cancel_backend(2147483647)"))
    assert transcript(seen) == "T(pg_cancel_backend) D(f) C(SELECT 1) Z(I)"
    (warning,) = [fields_of(body) for kind, body in seen if kind == "N"]
    assert (warning["S"], warning["C"]) == ("WARNING", "01000")


def test_who_may_signal_whom(pg_secured):
    def of(name):
        return connect(dataclasses.replace(pg_secured, user=name, password=pg_secured.users[name]))

    with of("uli") as uli, of("vera") as vera:
        seen = uli.talk(query(f"select pg_cancel_backend({vera.pid})"))
        assert transcript(seen).endswith("E(42501) Z(I)")
        with of("uli") as also:
            assert also.run(f"select pg_cancel_backend({uli.pid})") == [["t"]]
