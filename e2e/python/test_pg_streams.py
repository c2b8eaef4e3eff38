"""Results that are long, wide, late or broken off, and requests that are large or many."""

import concurrent.futures
import struct
import time

import pytest

from harness.pg_wire import (
    SYNC,
    Wire,
    bind,
    close,
    columns_of,
    connect,
    describe,
    execute,
    parse,
    query,
    transcript,
    values_of,
)

ROWS = 1_000_000
# Fails long after the first rows are under way: 90 MB come before.
BROKEN = "select 1 / (i - 900000) as x, repeat('x', 100) from generate_series(1, 1000000) t(i)"
MEMORY_BYTES = 400 << 20


def kinds(messages) -> str:
    """The letters of the messages that are no rows."""
    return "".join(kind for kind, _ in messages if kind not in "Dd")


# An error after the first rows is an error


BREAKS = {
    "simple": ([query(BROKEN)], "TEZ"),
    "extended": ([parse(BROKEN), bind(), execute(), SYNC], "12EZ"),
    "binary": ([parse(BROKEN), bind(results=[1]), execute(), SYNC], "12EZ"),
    "limit": ([parse(BROKEN), bind(), execute(rows=950_000), SYNC], "12EZ"),
    "copy": ([query(f"copy ({BROKEN}) to stdout")], "HEZ"),
    "copy binary": ([query(f"copy ({BROKEN}) to stdout (format binary)")], "HEZ"),
    "and more statements": ([query(f"{BROKEN}; select 2")], "TEZ"),
}


@pytest.mark.parametrize("label", BREAKS)
def test_an_error_after_the_first_rows_is_an_error(wire, label):
    said, expected = BREAKS[label]
    seen = wire.talk(*said)
    assert kinds(seen) == expected
    assert transcript(seen[-2:]) == "E(22012) Z(I)"
    assert wire.run("select 1") == [["1"]]


def test_an_error_after_the_first_fetch_is_an_error(wire):
    wire.run("begin")
    wire.run(f"declare c cursor for {BROKEN}")
    assert len(wire.run("fetch 1000 c")) == 1000
    assert transcript(wire.talk(query("fetch all c"))[-2:]) == "E(22012) Z(E)"


# Long


def test_rows_come_before_the_last_is_made(wire):
    start = time.monotonic()
    endless = "select x, y from generate_series(1, 100000) a(x), generate_series(1, 1000000) b(y)"
    wire.send(query(endless))
    wire.until("D")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("way", ["simple", "extended", "copy"])
def test_many_rows_take_no_memory(pg, way):
    sql = f"select i, i * 2.5 as d, 'row ' || i as t from generate_series(1, {ROWS}) t(i)"
    said = {
        "simple": [query(sql)],
        "extended": [parse(sql), bind(results=[1]), execute(), SYNC],
        "copy": [query(f"copy ({sql}) to stdout")],
    }[way]
    before = pg.program.resident_bytes() if pg.program else 0
    with connect(pg) as wire:
        wire.send(*said)
        rows = sum(1 for kind, _ in wire.until("Z") if kind in "Dd")
    assert rows == ROWS
    if pg.program:
        assert pg.program.resident_bytes() - before < MEMORY_BYTES


def test_a_portal_of_many_small_fetches(wire):
    wire.run("begin")
    sql = "select i from generate_series(1, 20000) i order by 1"
    wire.talk(parse(sql), bind(), SYNC)
    seen = 0
    for _ in range(200):
        messages = wire.talk(execute(rows=100), SYNC)
        seen += sum(1 for kind, _ in messages if kind == "D")
        assert kinds(messages) == "sZ"
    assert seen == 20000
    assert transcript(wire.talk(execute(), SYNC)) == "C(SELECT 0) Z(T)"


# Large and wide


@pytest.mark.parametrize("form", [0, 1], ids=["text", "binary"])
def test_a_large_value(wire, form):
    size = 50_000_000
    seen = wire.talk(
        parse(f"select repeat('ä', {size // 2}) as t"), bind(results=[form]), execute(), SYNC
    )
    (value,) = next(values_of(body) for kind, body in seen if kind == "D")
    assert value == "ä".encode() * (size // 2)


def test_a_large_parameter(wire):
    data = b"\0\xff" * 5_000_000
    said = [
        parse("select length($1::bytea) as n, $1::bytea as b"),
        bind([data], formats=[1], results=[1]),
    ]
    seen = wire.talk(*said, execute(), SYNC)
    length, value = next(values_of(body) for kind, body in seen if kind == "D")
    assert struct.unpack("!i", length) == (len(data),) and value == data


def test_a_long_statement(wire):
    text = "x" * 3_000_000
    assert wire.run(f"select length('{text}')") == [["3000000"]]
    values = ",".join(f"({i})" for i in range(20_000))
    assert wire.run(f"select sum(v) from (values {values}) t(v)") == [["199990000"]]


def test_many_columns(wire):
    columns = ", ".join(f"{i} as c{i}" for i in range(1600))
    seen = wire.talk(query(f"select {columns}"))
    assert len(columns_of(seen[0][1])) == 1600
    assert values_of(seen[1][1]) == [str(i).encode() for i in range(1600)]


@pytest.mark.parametrize("count", [1000, 30_000])
def test_many_parameters(wire, count):
    places = ", ".join(f"(${i}::int)" for i in range(1, count + 1))
    said = [
        parse(f"select sum(v) from (values {places}) t(v)"),
        bind([str(i) for i in range(count)]),
    ]
    assert (
        transcript(wire.talk(*said, execute(), SYNC))
        == f"1 2 D({count * (count - 1) // 2}) C(SELECT 1) Z(I)"
    )


def test_empty_rows_and_columns(wire):
    assert transcript(wire.talk(query("select"))) == "T() D() C(SELECT 1) Z(I)"
    assert (
        transcript(wire.talk(query("select from generate_series(1, 2)")))
        == "T() D() D() C(SELECT 2) Z(I)"
    )


# Many


def test_many_prepared_statements(wire):
    names = [f"s{i}" for i in range(2000)]
    seen = wire.talk(*(parse(f"select {i} as x", name) for i, name in enumerate(names)), SYNC)
    assert kinds(seen) == "1" * 2000 + "Z"
    said = [bind(statement="s1999"), execute(), bind(statement="s0"), execute()]
    assert transcript(wire.talk(*said, SYNC)) == "2 D(1999) C(SELECT 1) 2 D(0) C(SELECT 1) Z(I)"
    assert kinds(wire.talk(*(close("S", name) for name in names), SYNC)) == "3" * 2000 + "Z"


def test_many_statements_in_one_string(wire):
    seen = wire.talk(query(";".join(f"select {i}" for i in range(500))))
    assert kinds(seen) == "TC" * 500 + "Z"


def test_many_statements_in_one_pipeline(wire):
    one = [parse("select $1::int as x"), describe("S"), bind(["7"]), execute()]
    seen = wire.talk(*one * 1000, SYNC)
    assert kinds(seen) == "1tT2C" * 1000 + "Z"


def test_a_pipeline_longer_than_any_buffer(pg):
    """A server that stops reading until its answers are read must not wait for ever."""
    sql = "select repeat('x', 1000) from generate_series(1, 100)"
    with connect(pg) as wire, concurrent.futures.ThreadPoolExecutor() as pool:
        sent = pool.submit(wire.send, *[parse(sql), bind(), execute()] * 500, SYNC)
        seen = wire.until("Z")
        sent.result(timeout=10)
    assert kinds(seen) == "12C" * 500 + "Z"


def test_many_connections(pg):
    def one(number):
        with connect(pg) as wire:
            return wire.run(f"select {number}, count(*) from generate_series(1, 1000)")

    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        assert list(pool.map(one, range(200))) == [[[str(i), "1000"]] for i in range(200)]


def test_connections_that_never_say_anything(pg):
    silent = [Wire(pg.address) for _ in range(20)]
    with connect(pg) as wire:
        assert wire.run("select 1") == [["1"]]
    for one in silent:
        one.socket.close()
