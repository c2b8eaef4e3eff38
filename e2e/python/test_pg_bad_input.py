"""Bytes that make no sense to a PostgreSQL server, before login and after it.

Each ends in an error, a closed connection or both, soon; never in a crash, a hang or memory taken
on the word of a client. After each the server must serve the next connection.
"""

import random
import struct

import pytest

from harness.pg_wire import (
    GSS_REQUEST,
    PROTOCOL_3_0,
    PROTOCOL_3_2,
    SSL_REQUEST,
    SYNC,
    Closed,
    Wire,
    bind,
    connect,
    execute,
    fields_of,
    message,
    parse,
    query,
    startup,
    text,
    transcript,
)

CLIENT_KINDS = "QPBDECSHFdcfpX"
CLOSE_SECONDS = 10
HUGE_BYTES = (1 << 30) - 8


@pytest.fixture(autouse=True)
def still_served(pg):
    yield
    with connect(pg) as wire:
        assert wire.run("select 42") == [["42"]], "the next connection must be served"


def raw(server) -> Wire:
    return Wire(server.address, seconds=CLOSE_SECONDS)


def login_parameters(server) -> dict[str, str]:
    return {"user": server.user, "database": server.database}


# Before login


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 7, -1, -(1 << 31), (1 << 31) - 1, 10_001])
def test_a_wrong_length_at_start_closes(pg, length):
    with raw(pg) as wire:
        wire.send(struct.pack("!i", length), b"\0\3\0\0user\0x\0\0")
        wire.finish()
        assert all(kind == "E" for kind, _ in wire.rest())


@pytest.mark.parametrize("length", [0, 1, 2, 3, -1, -(1 << 31), (1 << 31) - 1])
def test_a_wrong_length_at_start_closes_without_waiting_for_more(pg, length):
    with raw(pg) as wire:
        wire.send(struct.pack("!i", length))
        assert all(kind == "E" for kind, _ in wire.rest())


@pytest.mark.parametrize("letter", CLIENT_KINDS)
@pytest.mark.parametrize("length", [0, 3, 4, -1])
def test_a_message_before_login_closes(pg, letter, length):
    with raw(pg) as wire:
        wire.send(message(letter, b"\0" * 64, length % (1 << 32)))
        wire.finish()
        assert all(kind in "E" for kind, _ in wire.rest())


@pytest.mark.parametrize("length", [*range(4), 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF])
@pytest.mark.parametrize("letter", "pd")
def test_a_wrong_length_instead_of_a_password_closes(pg_secured, letter, length):
    with raw(pg_secured) as wire:
        wire.send(startup(login_parameters(pg_secured)))
        assert wire.receive()[0] == "R"
        wire.send(message(letter, b"SCRAM-SHA-256\0", length))
        assert all(kind in "E" for kind, _ in wire.rest())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"SCRAM-SHA-256",
        b"SCRAM-SHA-256\0",
        b"SCRAM-SHA-256\0\xff\xff\xff\xff",
        b"SCRAM-SHA-256\0\x7f\xff\xff\xff",
        b"SCRAM-SHA-256\0\0\0\0\3n,,",
        b"SCRAM-SHA-256\0\0\0\0\7n,,n=,r",
        b"SCRAM-SHA-1\0\0\0\0\0",
        b"\xff\xfe\0",
    ],
)
def test_a_wrong_first_message_of_scram_is_refused(pg_secured, body):
    with raw(pg_secured) as wire:
        wire.send(startup(login_parameters(pg_secured)))
        assert wire.receive()[0] == "R"
        wire.send(message("p", body))
        wire.finish()
        states = [fields_of(body)["C"] for kind, body in wire.rest() if kind == "E"]
        assert states in ([], ["08P01"], ["28000"], ["28P01"])


def test_a_query_instead_of_a_password_is_refused(pg_secured):
    with raw(pg_secured) as wire:
        wire.send(startup(login_parameters(pg_secured)), query("select 1"))
        said = transcript(wire.rest())
        assert "D(" not in said and "Z(" not in said


@pytest.mark.parametrize("letter", CLIENT_KINDS)
def test_a_huge_message_before_login_takes_no_memory(pg_secured, letter):
    with raw(pg_secured) as wire:
        wire.send(startup(login_parameters(pg_secured)))
        assert wire.receive()[0] == "R"
        wire.send(message(letter, b"x", HUGE_BYTES))
        assert all(kind in "E" for kind, _ in wire.rest())


@pytest.mark.parametrize("seed", range(40))
def test_noise_closes(pg, seed):
    dice = random.Random(seed)
    with raw(pg) as wire:
        wire.send(dice.randbytes(dice.randrange(1, 400)))
        wire.finish()
        wire.rest()


def test_a_start_without_a_user_is_refused(pg):
    with raw(pg) as wire:
        wire.send(startup({"database": pg.database}))
        assert transcript(wire.rest()) == "E(28000)"


@pytest.mark.parametrize(
    "body", [b"", b"user", b"user\0", b"user\0x", b"user\0x\0", b"user\0\xff\0\0", b"\0\0\0"]
)
def test_a_start_that_is_cut_is_refused(pg, body):
    with raw(pg) as wire:
        wire.send(struct.pack("!ii", 8 + len(body), PROTOCOL_3_0), body)
        wire.finish()
        seen = wire.rest()
        assert [kind for kind, _ in seen if kind == "E"] or b"\xff" in body


@pytest.mark.parametrize("version", [2 << 16, 4 << 16, 1, 0, 1234 << 16])
def test_another_protocol_is_refused(pg, version):
    with raw(pg) as wire:
        wire.send(startup(login_parameters(pg), version))
        wire.finish()
        assert all(kind == "E" for kind, _ in wire.rest())


# After login


@pytest.mark.parametrize("length", [0, 1, 2, 3, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF])
@pytest.mark.parametrize("letter", CLIENT_KINDS)
def test_a_wrong_length_closes(wire, letter, length):
    wire.send(message(letter, b"", length))
    assert all(kind in "EN" for kind, _ in wire.rest())


@pytest.mark.parametrize("letter", "AGKRTVWZart0 \0\x7f")
def test_an_unknown_message_closes(wire, letter):
    wire.send(message(letter, b"12345"))
    states = [fields_of(body)["C"] for kind, body in wire.rest() if kind == "E"]
    assert states == ["08P01"]


SHORT = {
    "query without its end": message("Q", b"select 1"),
    "query with more": message("Q", b"select 1\0more"),
    "parse, empty": message("P"),
    "parse without types": message("P", text("") + text("select 1")),
    "parse with fewer types than told": message("P", text("") + text("select 1") + b"\0\5"),
    "parse with minus one types": message("P", text("") + text("select 1") + b"\xff\xff"),
    "bind, empty": message("B"),
    "bind without counts": message("B", text("") + text("")),
    "bind with a value cut": message("B", b"\0\0" + b"\0\0" + b"\0\1" + b"\0\0\0\7abc"),
    "bind with a negative length": message("B", b"\0\0" + b"\0\0" + b"\0\1" + b"\xff\xff\xff\xfe"),
    "bind with a huge length": message("B", b"\0\0" + b"\0\0" + b"\0\1" + b"\x7f\xff\xff\xff"),
    "bind with minus one formats": message("B", b"\0\0" + b"\xff\xff" + b"\0\0\0\0"),
    "bind with a lot of formats": message("B", b"\0\0" + b"\x7f\xff"),
    "bind with an unknown format": message("B", b"\0\0" + b"\0\1\0\7" + b"\0\1\0\0\0\1a\0\0"),
    "describe, empty": message("D"),
    "describe of a neither": message("D", b"X\0"),
    "execute, empty": message("E"),
    "execute without a limit": message("E", text("")),
    "close, empty": message("C"),
    "close of a neither": message("C", b"X\0"),
}


@pytest.mark.parametrize("label", SHORT)
def test_a_malformed_message_is_a_protocol_error(pg, label):
    # Parse first, so that it is the message which is wrong.
    with connect(pg) as wire:
        wire.send(parse("select $1::text"), SHORT[label], SYNC)
        seen = []
        try:
            while not seen or seen[-1][0] != "Z":
                seen.append(wire.receive())
        except Closed:
            pass
        states = [fields_of(body)["C"] for kind, body in seen if kind == "E"]
        assert states in (["08P01"], ["22023"], ["0A000"])


def test_text_that_is_no_utf8_is_refused(wire):
    seen = wire.talk(message("Q", b"select '\xff\xfe'\0"))
    assert transcript(seen) == "E(22021) Z(I)"
    seen = wire.talk(parse("select $1::text"), bind([b"\xc3("]), execute(), SYNC)
    assert transcript(seen) == "1 E(22021) Z(I)"


def test_a_huge_length_takes_no_memory(pg):
    """The length is a promise: what counts is what has come."""
    if pg.is_oracle:
        pytest.skip("PostgreSQL reserves it at once")
    before = pg.program.resident_bytes()
    wires = [connect(pg) for _ in range(8)]
    for one in wires:
        one.send(message("Q", b"select 1", HUGE_BYTES))
    with connect(pg) as wire:
        assert wire.run("select 1") == [["1"]]
    assert pg.program.resident_bytes() - before < 200 << 20
    for one in wires:
        one.socket.close()


def test_a_client_that_leaves_in_the_middle_of_a_message(pg):
    for cut in (1, 3, 5, 9):
        with connect(pg) as wire:
            wire.send(query("select 1 as a")[:cut])


def test_many_messages_after_an_error_are_skipped(wire):
    wire.send(parse("selekt"), *[bind() + execute()] * 20_000, SYNC)
    assert transcript(wire.until("Z")) == "E(42601) Z(I)"


# Encryption that was asked for


def test_start_byte_by_byte(pg):
    with raw(pg) as wire:
        for byte in startup(login_parameters(pg)):
            wire.send(bytes([byte]))
        assert wire.authenticate()[-1][0] == "Z"
        for byte in query("select 1 as x"):
            wire.send(bytes([byte]))
        assert transcript(wire.until("Z")) == "T(x) D(1) C(SELECT 1) Z(I)"


@pytest.mark.parametrize(
    "asked",
    [[SSL_REQUEST], [GSS_REQUEST], [SSL_REQUEST, GSS_REQUEST], [GSS_REQUEST, SSL_REQUEST]],
    ids=["ssl", "gss", "ssl-gss", "gss-ssl"],
)
def test_no_encryption_then_plain(pg, asked):
    if pg.is_oracle and GSS_REQUEST in asked:
        pytest.skip("the oracle is built with GSSAPI")
    with raw(pg) as wire:
        for request in asked:
            wire.send(request)
            assert wire.bytes(1) == b"N"
        assert wire.login(login_parameters(pg))[-1][0] == "Z"


@pytest.mark.parametrize("request_bytes", [SSL_REQUEST, GSS_REQUEST], ids=["ssl", "gss"])
def test_asking_for_encryption_again_and_again_ends(pg, request_bytes):
    if pg.is_oracle and request_bytes is GSS_REQUEST:
        pytest.skip("the oracle is built with GSSAPI")
    with raw(pg) as wire:
        wire.send(request_bytes)
        assert wire.bytes(1) == b"N"
        wire.send(request_bytes)
        wire.finish()
        wire.rest_bytes()


# Versions


@pytest.mark.parametrize("version", [PROTOCOL_3_2, (3 << 16) + 9999, (3 << 16) + 1])
def test_a_newer_protocol_is_negotiated(pg, version):
    with raw(pg) as wire:
        seen = wire.login(login_parameters(pg), version=version)
        assert seen[-1][0] == "Z"
        offers = [struct.unpack_from("!ii", body) for kind, body in seen if kind == "v"]
        if not (offers == [] and version == PROTOCOL_3_2):
            assert offers in ([(0, 0)], [(PROTOCOL_3_0, 0)], [(PROTOCOL_3_2, 0)], [(2, 0)])
        assert wire.run("select 1") == [["1"]]


def test_unknown_protocol_options_are_named(pg):
    with raw(pg) as wire:
        seen = wire.login(login_parameters(pg) | {"_pq_.unheard": "1", "_pq_.of": "2"})
        assert seen[-1][0] == "Z"
        (body,) = (body for kind, body in seen if kind == "v")
        assert struct.unpack_from("!i", body, 4) == (2,)
        assert sorted(body[8:-1].split(b"\0")) == [b"_pq_.of", b"_pq_.unheard"]


def test_parameters_at_start(pg):
    with raw(pg) as wire:
        wire.login(login_parameters(pg))
        told = wire.parameters
    assert told["server_version"].split(".")[0].isdigit()
    assert told["client_encoding"] == told["server_encoding"] == "UTF8"
    assert told["standard_conforming_strings"] == told["integer_datetimes"] == "on"
    assert {
        "application_name",
        "DateStyle",
        "IntervalStyle",
        "TimeZone",
        "is_superuser",
        "session_authorization",
        "default_transaction_read_only",
        "in_hot_standby",
    } <= set(told)


def test_start_sets_parameters(pg):
    with connect(pg, application_name="a test", timezone="Asia/Tokyo") as wire:
        assert wire.parameters["application_name"] == "a test"
        assert wire.run("show timezone") == [["Asia/Tokyo"]]
    with connect(pg, options="-c statement_timeout=12345 --search_path=public") as wire:
        assert wire.run("show statement_timeout") == [["12345ms"]]


def test_an_unknown_database_is_refused(pg):
    with raw(pg) as wire:
        wire.send(startup({"user": pg.user, "database": "no_such_database"}))
        seen = wire.rest()
        assert seen[-1][0] == "E" and fields_of(seen[-1][1])["C"] == "3D000"
        assert fields_of(seen[-1][1])["S"] == "FATAL"
