"""The tables about statements, KILL and SHOW: the rows of one principal are nobody else's, whatever runs beside it.

A test speaks to a worker as its gateway does: with the shared key it seals a service token and the session of any principal.
"""

import os
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import adbc, forgery, raw_grpc, wire
from harness.failures import refused
from harness.raw_grpc import RawFlight
from harness.topology import eventually

LONG = "select count(*) from range(1000000) a(x), range(1000000) b(y) where x * 3 <> y * 7 + 1"
NAMES = "select principal, sql from tavana.queries order by sql"
SEE = ("queries", "queue", "workers")
ROLES = {"reader": 0, "user": 1, "admin": 2}


class Gateway(RawFlight):
    """A gateway's calls for one session of a principal."""

    def __init__(self, server, principal: str, role: str = "user"):
        super().__init__(server.worker)
        self.key = server.key
        self.principal = principal
        session = wire.message(os.urandom(16), principal, ROLES[role])
        self.metadata["x-tavana-service"] = self.sealed(wire.field(4, True))
        self.metadata["x-tavana-session"] = self.sealed(
            wire.field(1, session) + wire.field(3, True)
        )
        self.metadata["x-tavana-session-kept"] = "kept"

    def sealed(self, work: bytes) -> str:
        return forgery.seal_text(forgery.seal(wire.field(2, 2**63 - 1) + work, self.key))

    def begins(self, query_id: str | None = None) -> str:
        """The calls to come are about this statement."""
        self.metadata["x-tavana-query-id"] = query_id or secrets.token_hex(16)
        return self.metadata["x-tavana-query-id"]

    def put(self, *texts: str) -> None:
        """Sends rows of tavana.queries and tavana.queue with these texts ahead of the statement."""
        queries = [
            wire.field(1, os.urandom(16))
            + wire.field(2, self.principal)
            + wire.field(5, text)
            + wire.field(11, 1_700_000_000_000_000)
            for text in texts
        ]
        queue = [
            wire.field(1, at) + wire.field(3, self.principal) + wire.field(9, text)
            for at, text in enumerate(texts, 1)
        ]
        worker = wire.message("w", b"", "up")
        self.action("tavana.PutOverview", wire.message(1, queries, queue[::-1], [worker]))

    def run(self, sql: str) -> list[tuple]:
        """The rows of a statement that is its own ticket."""
        ticket = wire.message("type.googleapis.com/tavana.RunStatement", wire.message(sql))
        return rows(raw_grpc.read_table(self.get(ticket)))

    def shown(self, sql: str, *texts: str) -> list[tuple]:
        self.begins()
        self.put(*texts)
        return self.run(sql)


def rows(table) -> list[tuple]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.fixture
def fleet(launch):
    """A gateway and its worker, whose key is known."""
    return launch()


@pytest.fixture
def ada(fleet):
    with Gateway(fleet, "ada") as gateway:
        yield gateway


@pytest.fixture
def bob(fleet):
    with Gateway(fleet, "bob") as gateway:
        yield gateway


def test_the_tables_are_in_the_catalog_and_empty_without_a_gateway(con, server):
    names = {
        name
        for (name,) in adbc.rows(
            con, "select view_name from duckdb_views() where database_name = 'tavana'"
        )
    }
    assert set(SEE) <= names
    for name in SEE:
        rows = adbc.rows(con, f"select * from tavana.{name}")
        assert server.kind != "worker" or rows == []
    objects = con.adbc_get_objects(catalog_filter="tavana", depth="tables").read_all().to_pylist()
    tables = {
        table["table_name"]
        for catalog in objects
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    }
    assert set(SEE) <= tables
    with refused("INVALID_ARGUMENT", "PERMISSION_DENIED"):
        adbc.rows(con, "insert into tavana.queue select * from tavana.queue")


def test_show_queue_gives_its_columns(con):
    with con.cursor() as cursor:
        cursor.execute("SHOW tavana.queue")
        assert [column[0] for column in cursor.description] == (
            "position query_id principal state waited_ms expected_wait_ms need_bytes because sql".split()
        )
        assert cursor.fetchall() == []


def test_only_gateways_send_rows(server):
    with RawFlight(server) as raw, refused("PERMISSION_DENIED"):
        raw.action("tavana.PutOverview", b"")


@pytest.mark.topologies("gateway")
def test_rows_are_seen_by_the_statement_they_came_for(ada, bob):
    assert ada.shown(NAMES, "one", "two") == [("ada", "one"), ("ada", "two")]
    # The rows are joined and counted like any; a second table of the same statement has its own.
    joined = "select q.sql, count(*) from tavana.queue join tavana.queries q using (sql) group by 1"
    assert ada.shown(joined, "one") == [("one", 1)]
    assert ada.shown("SHOW tavana.queue", "one", "two")[0][0] == 1
    assert ada.shown(
        "select arrived_at::varchar, name, tavana.workers.state from tavana.queries, tavana.workers",
        "x",
    ) == [("2023-11-14 22:13:20+00", "w", "up")]
    # The next statement has none, in this session and in others, and neither has a statement of the same id of somebody else.
    query_id = ada.begins()
    ada.put("mine")
    bob.begins(query_id)
    assert bob.run(NAMES) == []
    assert ada.run(NAMES) == [("ada", "mine")]
    ada.begins()
    assert ada.run(NAMES) == []


@pytest.mark.topologies("gateway")
def test_prepared_statements_and_tickets_hold_no_rows(ada, bob):
    ada.begins()
    ada.put("planned")
    ticket = raw_grpc.ticket_of(ada.info(wire.query(NAMES)))
    assert rows(raw_grpc.read_table(ada.get(ticket))) == [("ada", "planned")]
    ada.put("put again")
    assert rows(raw_grpc.read_table(ada.get(ticket))) == [("ada", "put again")]
    # A connection that has run the text several times keeps it prepared, for whoever comes next.
    for _ in range(4):
        assert ada.shown(NAMES, "kept") == [("ada", "kept")]
        bob.begins()
        assert bob.run(NAMES) == []
        assert bob.shown(NAMES, "b") == [("bob", "b")]


@pytest.mark.topologies("gateway")
def test_a_pinned_session_keeps_no_rows(ada):
    reply = ada.open(
        "DoGet",
        wire.ticket(
            wire.message(
                "type.googleapis.com/tavana.RunStatement",
                wire.message("create temp table t as select 1"),
            )
        ),
    )
    list(reply)
    session = dict(reply.initial_metadata())["authorization"].removeprefix("Bearer ")
    ada.metadata["x-tavana-session"] = session
    ada.run("prepare seen as " + NAMES)
    assert ada.run("execute seen") == []
    assert ada.shown("execute seen", "pinned") == [("ada", "pinned")]
    ada.begins()
    assert ada.run("execute seen") == []
    # What a result that waits has begun with, it ends with.
    wide = ["x" * 100_000 + str(at) for at in range(35)]
    ada.begins()
    ada.put(*wide)
    first = ada.open(
        "DoGet",
        wire.ticket(
            wire.message(
                "type.googleapis.com/tavana.RunStatement",
                wire.message("select sql from tavana.queries"),
            )
        ),
    )
    messages = [next(first)]
    assert ada.shown(NAMES, "next") == [("ada", "next")]
    messages += list(first)
    assert [text for (text,) in rows(raw_grpc.read_table(messages))] == wide


@pytest.mark.topologies("gateway")
def test_two_principals_at_once_never_see_each_others_rows(fleet):
    start = threading.Barrier(8)
    texts = [
        NAMES,
        "select principal, sql from tavana.queue",
        "with q as (from tavana.queries) select q.principal, q.sql from q join range(3000) r(n) on r.n = length(q.sql)",
    ]

    def work(worker: int) -> None:
        principal = f"user-{worker}"
        with Gateway(fleet, principal) as gateway:
            start.wait()
            for turn in range(60):
                marks = [f"{principal} {turn} {at}" for at in range(worker % 3 + 1)]
                sql = texts[turn % len(texts)]
                if turn % 5 == 4:
                    gateway.begins()
                    assert gateway.run(sql) == []
                    continue
                seen = gateway.shown(sql, *marks)
                assert sorted(seen) == [(principal, mark) for mark in marks], sql

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.topologies("gateway")
@pytest.mark.parametrize("role", ["reader", "user"])
def test_kill_ends_ones_own_statement(fleet, role):
    with (
        Gateway(fleet, "ada", role) as runner,
        Gateway(fleet, "ada", role) as killer,
        ThreadPoolExecutor(1) as pool,
    ):
        query_id = runner.begins()
        running = pool.submit(runner.run, LONG)
        eventually(lambda: fleet.running_queries() == 1)
        killer.run(f"KILL '{query_id}'")
        with refused("CANCELLED"):
            running.result(timeout=10)
        killer.begins()
        with refused("NOT_FOUND", match="waits or runs"):
            killer.run(f"KILL '{secrets.token_hex(16)}'")
        # The gateway has ended it in its queue.
        killer.metadata["x-tavana-killed"] = "killed"
        killer.run(f"KILL '{secrets.token_hex(16)}'")


@pytest.mark.topologies("gateway")
def test_kill_is_for_the_owner_and_administrators(fleet, bob):
    with (
        Gateway(fleet, "ada") as runner,
        Gateway(fleet, "root", "admin") as admin,
        ThreadPoolExecutor(1) as pool,
    ):
        query_id = runner.begins()
        running = pool.submit(runner.run, LONG)
        eventually(lambda: fleet.running_queries() == 1)
        bob.begins()
        with refused("NOT_FOUND"):
            bob.run(f"KILL '{query_id}'")
        assert not running.done()
        admin.run(f"KILL '{query_id}'")
        with refused("CANCELLED"):
            running.result(timeout=10)


def test_a_kill_that_is_none_says_how_it_is_written(con):
    for text in ("KILL", "KILL 7", "KILL 'x'", "KILL '" + "0" * 32 + "' now"):
        with refused("INVALID_ARGUMENT", match="query id"):
            con.execute(text)
    with refused("NOT_FOUND"):
        con.execute("KILL '" + "0" * 32 + "'")
