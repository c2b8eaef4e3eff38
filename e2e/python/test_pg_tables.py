"""The tables about statements over PostgreSQL's protocol: their names, SHOW, KILL, and the setting for notices."""

import pytest

from harness.pg_programs import rows
from harness.pg_wire import columns_of, fields_of, query

QUEUE = (
    "position query_id principal state waited_ms expected_wait_ms need_bytes because sql".split()
)


@pytest.fixture(autouse=True)
def tavana_only(request):
    if request.config.getoption("pg_oracle"):
        pytest.skip("PostgreSQL has no such tables")


def error_of(wire, sql: str) -> dict:
    return next(fields_of(body) for kind, body in wire.talk(query(sql)) if kind == "E")


def test_the_tables_are_read_and_shown(pg, wire):
    for name in ("queries", "queue", "workers"):
        assert rows(pg, f"select count(*) >= 0 from tavana.{name}") == "t"
    said = wire.talk(query("SHOW tavana.queue"))
    description = next(body for kind, body in said if kind == "T")
    assert [name for name, *_ in columns_of(description)] == QUEUE


def test_drivers_prepare_what_shows_and_kills(pg):
    psycopg = pytest.importorskip("psycopg")
    host, port = pg.address
    with psycopg.connect(
        host=host, port=port, user="tavana", dbname="tavana", autocommit=True
    ) as con:
        shown = con.execute("SHOW tavana.queue", prepare=True)
        assert [column.name for column in shown.description] == QUEUE
        with pytest.raises(psycopg.Error, match="waits or runs"):
            con.execute("KILL '" + "0" * 32 + "'", prepare=True)


def test_notices_are_a_setting(wire):
    assert wire.run("show tavana.notices") == [["off"]]
    wire.run("set tavana.notices = on")
    assert wire.run("show tavana.notices") == [["on"]]
    # A statement that does not wait is told nothing.
    assert [kind for kind, _ in wire.talk(query("select 1"))] == list("TDCZ")


def test_kill_says_what_is_wrong(wire):
    assert error_of(wire, "kill 7")["C"] == "42601"
    assert error_of(wire, "kill '" + "0" * 32 + "'")["C"] == "42P01"
    assert wire.run("select 1") == [["1"]]
