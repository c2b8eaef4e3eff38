"""The frontend as a process of its own: a gateway or a worker that goes must cost an error, never a wrong answer."""

import socket
import struct
import time

import pytest

from harness import pg_server, processes, topology
from harness.pg_wire import (
    SYNC,
    Closed,
    connect,
    fields_of,
    parse,
    query,
    transcript,
)
from harness.topology import eventually

GONE = pytest.mark.allow_log("WARN", "(?i)worker|gateway|lost|cut|unavailable")
ENDLESS = "select x, y from generate_series(1, 100000) a(x), generate_series(1, 1000000) b(y)"


@pytest.fixture
def apart(tmp_path):
    """`tavana-pg`, a gateway and a worker of one test."""
    server = pg_server.start_apart(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def secured(tmp_path, users_file):
    server = pg_server.start_apart(tmp_path, users_file=users_file)
    yield server
    server.stop()


def gateway(server):
    return server.behind[0]


def worker(server):
    return server.behind[1]


def end_of(wire, statement) -> str:
    """What came of a statement, rows left out."""
    wire.send(query(statement))
    return rest_of(wire)


def rest_of(wire) -> str:
    seen = []
    while not seen or seen[-1][0] != "Z":
        message = wire.receive()
        if message[0] != "D":
            seen.append(message)
    return transcript(seen)


def error_of(wire, statement) -> dict[str, str]:
    (error,) = [fields_of(body) for kind, body in wire.talk(query(statement)) if kind == "E"]
    return error


def test_everybody_is_who_they_say(secured):
    for user, password in secured.users.items():
        one = pg_server.PgServer(secured.host, secured.port, user, password)
        with connect(one) as wire:
            assert wire.run("select current_user") == [[user]]
    wrong = pg_server.PgServer(secured.host, secured.port, secured.user, "wrong")
    with pytest.raises(Exception, match="28P01"):
        connect(wrong)


def test_a_gateway_that_is_gone_is_an_error_and_its_return_is_enough(apart):
    with connect(apart) as wire:
        wire.run("set application_name to 'still here'")
        gateway(apart).kill()
        error = error_of(wire, "select 2")
        assert (error["S"], error["C"]) == ("ERROR", "08006")
        assert "gateway" in error["M"]
        eventually(lambda: apart.program.get("/readyz", ok_only=False)[0] == 503)
        with pytest.raises(Exception, match="08006"):
            connect(apart)
        apart.behind[0] = gateway(apart).again()
        assert wire.run("select 3") == [["3"]]
        assert wire.run("show application_name") == [["still here"]]
        eventually(lambda: apart.program.get("/readyz", ok_only=False)[0] == 200)
        connect(apart).socket.close()


def test_a_transaction_across_a_lost_gateway_fails_as_a_whole(apart):
    with connect(apart) as wire:
        wire.run("create table kept (a int)")
        wire.run("begin")
        wire.run("insert into kept values (1)")
        gateway(apart).kill()
        assert end_of(wire, "insert into kept values (2)") == "E(08006) Z(E)"
        apart.behind[0] = gateway(apart).again()
        assert end_of(wire, "insert into kept values (3)") == "E(25P02) Z(E)"
        assert end_of(wire, "commit") == "C(ROLLBACK) Z(I)"
        assert wire.run("select count(*) from kept") == [["0"]]


@GONE
def test_a_commit_that_nobody_answers_is_no_success(apart):
    with connect(apart) as wire:
        wire.run("begin")
        gateway(apart).kill()
        assert "C(" not in end_of(wire, "commit")
        apart.behind[0] = gateway(apart).again()


@GONE
@pytest.mark.parametrize("victim", [0, 1], ids=["gateway", "worker"])
@pytest.mark.parametrize(
    "statement", [ENDLESS, f"copy ({ENDLESS}) to stdout"], ids=["select", "copy"]
)
def test_a_result_that_is_cut_is_an_error(apart, victim, statement):
    with connect(apart) as wire:
        wire.send(query(statement))
        wire.until("D" if statement == ENDLESS else "d")
        apart.behind[victim].kill()
        seen = []
        while not seen or seen[-1][0] != "Z":
            message = wire.receive()
            if message[0] not in "Dd":
                seen.append(message)
        told = transcript(seen)
        assert told in ("E(08006) Z(I)", "E(08007) Z(I)"), told
        apart.behind[victim] = apart.behind[victim].again()
        eventually(lambda: end_of(wire, "select 1") == "T(?column?) C(SELECT 1) Z(I)")


@GONE
def test_a_session_that_lost_what_it_held_is_ended(apart):
    with connect(apart) as wire:
        wire.run("create temp table mine (a int)")
        worker(apart).kill()
        apart.behind[1] = worker(apart).again()
        eventually(lambda: gateway(apart).get("/readyz", ok_only=False)[0] == 200)
        wire.send(query("select * from mine"))
        error = fields_of(wire.until("E")[-1][1])
        assert (error["S"], error["C"]) == ("FATAL", "57P02")
        with pytest.raises(Closed):
            wire.receive()


@GONE
def test_a_session_that_held_nothing_outlives_its_worker(apart):
    with connect(apart) as wire:
        wire.run("set datestyle to 'SQL, DMY'")
        worker(apart).kill()
        apart.behind[1] = worker(apart).again()
        eventually(lambda: end_of(wire, "select 1") == "T(?column?) C(SELECT 1) Z(I)")
        assert wire.run("select date '2024-02-01'") == [["01/02/2024"]]


def test_a_client_that_leaves_ends_its_statement(apart):
    with connect(apart) as wire:
        wire.send(query(ENDLESS))
        wire.until("D")
        assert apart.running_queries() == 1
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end = time.monotonic() + 20
    while apart.running_queries():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_thousands_of_descriptions(apart):
    """HTTP/2 counts answers that are not read to their end; a connection must not break of them."""
    with connect(apart) as wire:
        seen = wire.talk(*(parse(f"select {i}", f"s{i}") for i in range(2500)), SYNC)
        assert [kind for kind, _ in seen] == ["1"] * 2500 + ["Z"]


def test_a_key_that_the_gateway_does_not_have_is_told(apart, tmp_path):
    words = ["--gateway", gateway(apart).uri, "--key-file", topology.new_key(tmp_path)]
    other = processes.Program("tavana-pg", *words, log_dir=tmp_path)
    try:
        stranger = pg_server.PgServer("127.0.0.1", other.port)
        with pytest.raises(Exception, match="28000"):
            connect(stranger)
    finally:
        other.stop()


def test_what_it_cannot_start_without_is_asked_for(tmp_path):
    done = processes.run("tavana-pg")
    assert done.returncode != 0 and "--key-file" in done.stderr
    words = ["--key-file", topology.new_key(tmp_path), "--http-addr", "127.0.0.1:0"]
    done = processes.run("tavana-pg", *words, "--pg-addr", "off")
    assert done.returncode != 0 and "nothing to serve" in done.stderr
    done = processes.run("tavana-pg", *words, "--gateway", "nonsense")
    assert done.returncode != 0 and "grpc://host:port" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = processes.run("tavana-pg", *words, "--pg-addr", address)
        assert done.returncode != 0 and address in done.stderr and "in use" in done.stderr
