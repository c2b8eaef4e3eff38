"""Users, passwords and encryption at the PostgreSQL port."""

import ssl
import subprocess

import pytest

from harness import pg_server, secured
from harness.pg_wire import (
    GSS_REQUEST,
    SSL_REQUEST,
    Closed,
    Wire,
    fields_of,
    query,
    startup,
    transcript,
)

# Who cannot log in is told to the operator as well.
pytestmark = pytest.mark.allow_log("WARN", "(?i)login|password|auth|refused|user")


def login(server, user: str, password: str, **more):
    with Wire(server.address) as wire:
        seen = wire.login({"user": user, "database": server.database} | more, password)
        return wire, seen


def test_scram(pg_secured):
    for name, password in pg_secured.users.items():
        with Wire(pg_secured.address) as wire:
            seen = wire.login({"user": name, "database": pg_secured.database}, password)
            assert seen[-1][0] == "Z", transcript(seen)
            assert wire.run("select current_user, session_user") == [[name, name]]


@pytest.mark.parametrize("user", ["ada", "nobody_of_this_name", "", "ada\N{NO-BREAK SPACE}"])
@pytest.mark.parametrize("password", ["wrong", "", "x" * 900])
def test_a_wrong_password_is_refused(pg_secured, user, password):
    _, seen = login(pg_secured, user, password)
    fields = fields_of(seen[-1][1])
    assert seen[-1][0] == "E" and fields["S"] == "FATAL"
    assert fields["C"] in ("28P01", "28000")
    assert pg_secured.users["ada"] not in str(fields)


def test_a_wrong_and_an_unknown_user_look_the_same(pg_secured):
    """What tells who exists helps to guess passwords."""
    (_, wrong), (_, unknown) = (login(pg_secured, user, "guess") for user in ("ada", "ida"))
    assert [kind for kind, _ in wrong] == [kind for kind, _ in unknown]
    one, two = (fields_of(seen[-1][1]) for seen in (wrong, unknown))
    assert one["C"] == two["C"] and one["M"].replace("ada", "ida") == two["M"]


def test_an_unknown_database_is_told_after_the_login_only(pg_secured):
    user, password = pg_secured.user, pg_secured.password
    with Wire(pg_secured.address) as wire:
        seen = wire.login({"user": user, "database": "no_such_database"}, password)
        assert fields_of(seen[-1][1])["C"] == "3D000"
    with Wire(pg_secured.address) as wire:
        seen = wire.login({"user": user, "database": "no_such_database"}, "wrong")
        assert fields_of(seen[-1][1])["C"] == "28P01"


def test_psql_with_a_password(pg_secured):
    for password, code in ((pg_secured.password, 0), ("wrong", 2)):
        done = subprocess.run(
            ["psql", "-XAtc", "select current_user"],
            env=pg_secured.environment(PGPASSWORD=password),
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == code, done.stderr
        assert done.stdout.strip() == (pg_secured.user if code == 0 else "")


def test_a_reader_may_not_write(pg_secured):
    if pg_secured.program is None:
        pytest.skip("roles are Tavana's")
    with Wire(pg_secured.address) as wire:
        wire.login({"user": "rex", "database": pg_secured.database}, pg_secured.users["rex"])
        assert wire.run("select 1") == [["1"]]
        assert transcript(wire.talk(query("create table forbidden (a int)"))) == "E(42501) Z(I)"
        assert wire.run("select 1") == [["1"]]


# TLS


@pytest.fixture(scope="module")
def pg_tls(request, tmp_path_factory, users_file):
    directory = tmp_path_factory.mktemp("pg-tls")
    tls = secured.certificate(directory)
    if request.config.getoption("pg_oracle"):
        oracle = pg_server.Oracle(tls)
        yield oracle.secured, tls
        oracle.stop()
        return
    words = ["--tls-cert", tls.cert, "--tls-key", tls.key]
    server = pg_server.start_tavana(directory, users_file=users_file, args=words)
    yield server, tls
    server.program.stop()


def encrypted(wire: Wire, tls, *, protocols=()) -> None:
    """Turns a connection into TLS, the certificate checked."""
    context = ssl.create_default_context(cafile=tls.cert)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    wire.socket = context.wrap_socket(wire.socket, server_hostname="127.0.0.1")


@pytest.mark.parametrize("before", [b"", GSS_REQUEST], ids=["ssl", "gss-ssl"])
def test_tls(pg_tls, before):
    server, tls = pg_tls
    if server.is_oracle and before:
        pytest.skip("the oracle is built with GSSAPI")
    with Wire(server.address) as wire:
        if before:
            wire.send(before)
            assert wire.bytes(1) == b"N"
        wire.send(SSL_REQUEST)
        assert wire.bytes(1) == b"S"
        encrypted(wire, tls)
        seen = wire.login({"user": server.user, "database": server.database}, server.password)
        assert seen[-1][0] == "Z", transcript(seen)
        assert wire.run("select 1") == [["1"]]


def test_tls_at_once(pg_tls):
    server, tls = pg_tls
    if server.is_oracle:
        pytest.skip("PostgreSQL has it from 17 on")
    with Wire(server.address) as wire:
        encrypted(wire, tls, protocols=["postgresql"])
        assert wire.socket.selected_alpn_protocol() == "postgresql"
        seen = wire.login({"user": server.user, "database": server.database}, server.password)
        assert seen[-1][0] == "Z", transcript(seen)


def test_tls_at_once_needs_its_protocol_named(pg_tls):
    server, tls = pg_tls
    if server.is_oracle:
        pytest.skip("PostgreSQL has it from 17 on")
    with Wire(server.address, seconds=10) as wire:
        with pytest.raises((ssl.SSLError, OSError)):
            encrypted(wire, tls)
            wire.send(startup({"user": server.user}))
            if not wire.socket.recv(1):
                raise OSError("closed")


@pytest.mark.parametrize("more", ["a start", "a byte", "half a handshake", "two starts"])
def test_what_follows_the_request_for_tls_is_never_trusted(pg_tls, more):
    """Bytes sent before the handshake may come from somebody in between: the server hangs up."""
    server, tls = pg_tls
    begin = startup({"user": server.user, "database": server.database})
    injected = {
        "a start": begin,
        "a byte": b"\0",
        "half a handshake": b"\x16\x03\x01\x02",
        "two starts": begin * 2,
    }[more]
    with Wire(server.address, seconds=10) as wire:
        wire.send(SSL_REQUEST + injected)
        try:
            # It may refuse at once, or after a handshake that the injected bytes are no part of.
            answer = wire.bytes(1)
            if answer == b"E":
                assert b"SCRAM" not in wire.rest_bytes()
                return
            assert answer == b"S"
            encrypted(wire, tls)
            wire.send(begin)
            heard = wire.rest()
        except TimeoutError:
            raise
        except (Closed, OSError):
            return
    assert not [kind for kind, _ in heard if kind != "E"], transcript(heard)


@pytest.mark.parametrize("mode", ["require", "verify-full", "prefer"])
def test_psql_over_tls(pg_tls, mode):
    server, tls = pg_tls
    done = subprocess.run(
        ["psql", "-XAtc", "select 'encrypted'"],
        env=server.environment(
            PGPASSWORD=server.password,
            PGSSLMODE=mode,
            PGSSLROOTCERT=str(tls.cert),
            PGCHANNELBINDING="require",
        ),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.strip() == "encrypted", done.stderr
