"""Who may come in, and what they may do: users, roles, tokens, tickets and service keys."""

import base64

import adbc_driver_manager
import pyarrow as pa
import pytest

from harness import adbc, arrow_flight, forgery, secured, topology, wire
from harness.failures import refused
from harness.processes import Program
from harness.raw_grpc import RawFlight, basic, login

REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT")

pytestmark = pytest.mark.allow_log(
    "WARN", r"(?i)log ?in|authenticat|password|user|token|ticket|handle|denied|refus|sign"
)


# Logging in


@pytest.mark.parametrize("user", secured.USERS)
def test_every_user_logs_in_with_adbc(secured_server, user):
    with adbc.login(secured_server, user) as con:
        assert adbc.value(con, "select 1") == 1


@pytest.mark.parametrize("padded", [True, False])
def test_the_handshake_takes_base64_with_and_without_padding(secured_server, padded):
    credentials = basic("uli", secured_server.users["uli"], padded=padded)
    assert credentials.endswith("=") or not padded
    with RawFlight(secured_server) as raw:
        raw.metadata["authorization"] = raw.handshake(credentials)
        assert raw.query("select 1 as a").to_pydict() == {"a": [1]}


def test_pyarrow_logs_in(secured_server):
    with arrow_flight.Client(secured_server, keeps=None) as client:
        header, token = client.flight.authenticate_basic_token("uli", secured_server.users["uli"])
        client.memory.headers[header.decode()] = token.decode()
        assert client.value("select 1") == 1


def test_a_bearer_token_is_exchanged_for_another(secured_server):
    with RawFlight(secured_server) as raw:
        token = raw.handshake(basic("uli", secured_server.users["uli"]))
        raw.metadata["authorization"] = raw.handshake(token)
        assert raw.metadata["authorization"].startswith("Bearer ")
        assert raw.query("select 1 as a").to_pydict() == {"a": [1]}


def test_wrong_password_and_unknown_user_are_told_in_the_same_words(secured_server):
    failures = []
    for user, password in [
        ("uli", "wrong"),
        ("nobody", "wrong"),
        ("nobody", ""),
        ("", ""),
        ("uli", ""),
    ]:
        with RawFlight(secured_server) as raw, refused("UNAUTHENTICATED") as failure:
            raw.handshake(basic(user, password))
        failures.append(failure.message)
    assert len(set(failures)) == 1
    assert "nobody" not in failures[0]


def test_adbc_shows_a_wrong_password_as_unauthenticated(secured_server):
    with refused("UNAUTHENTICATED"):
        adbc.connect(secured_server, "uli", "wrong").close()


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Bearer",
        "Bearer x",
        "Digest x",
        "Basic " + "A" * 7000,
    ],
)
def test_a_malformed_login_is_refused(secured_server, authorization):
    with RawFlight(secured_server) as raw, refused("UNAUTHENTICATED", "INVALID_ARGUMENT"):
        raw.handshake(authorization)


def test_nobody_gets_in_without_logging_in(secured_server):
    with RawFlight(secured_server) as raw:
        for call in (
            lambda: raw.info(wire.query("select 1")),
            lambda: raw.info(wire.sql_info()),
            lambda: raw.action("GetSessionOptions"),
            lambda: raw.action(
                "CreatePreparedStatement", wire.command("ActionCreatePreparedStatementRequest", "x")
            ),
            lambda: raw.unary("GetSchema", wire.descriptor(wire.tables())),
            lambda: raw.get(b"any ticket"),
            lambda: raw.exchange(
                "DoPut", [wire.field(1, wire.descriptor(wire.update("select 1")))]
            ),
            lambda: raw.exchange("Handshake", [b""]),
            lambda: raw.stream("ListActions", b""),
        ):
            with refused("UNAUTHENTICATED"):
                call()


def test_without_users_anybody_on_loopback_is_let_in_whatever_they_say(server):
    with adbc.connect(server, "anyone", "anything") as con:
        assert adbc.value(con, "select 1") == 1


# Roles


def test_a_reader_reads_and_does_not_write(secured_server, name):
    with adbc.login(secured_server, "uli") as user, adbc.login(secured_server, "rex") as reader:
        adbc.run(user, f"create table {name} as select 1 as i")
        assert adbc.rows(reader, f"from {name}") == [(1,)]
        for sql in (
            f"insert into {name} values (2)",
            f"insert into {name} values (2) returning i",
            f"update {name} set i = 2",
            f"delete from {name}",
            f"truncate {name}",
            f"drop table {name}",
            f"alter table {name} add column j int",
            f"create table {name}_2 (i int)",
            f"create or replace view {name}_v as select 1",
            f"create schema s_{name}",
            f"create macro m_{name}() as 1",
            f"with d as (select 1) insert into {name} select * from d",
            f"explain analyze delete from {name}",
            f"copy {name} from 'x.csv'",
            f"merge into {name} using (select 5 as i) s on false when not matched then insert",
        ):
            with refused("PERMISSION_DENIED", match="read|role|permi|writ"):
                adbc.run(reader, sql)
            with refused("PERMISSION_DENIED"):
                adbc.script(reader, sql)
        with refused("PERMISSION_DENIED"):
            adbc.ingest(reader, name, pa.table({"i": [3]}), "append")
        assert adbc.rows(user, f"from {name}") == [(1,)]


def test_a_reader_cannot_write_by_preparing(secured_server, name):
    with adbc.login(secured_server, "uli") as user, adbc.login(secured_server, "rex") as reader:
        adbc.run(user, f"create table {name} as select 1 as i")
        for sql in (f"prepare p as delete from {name}", "execute p"):
            with pytest.raises(adbc_driver_manager.Error):
                adbc.run(reader, sql)
        with reader.cursor() as cursor, refused("PERMISSION_DENIED"):
            cursor.executemany(f"insert into {name} values (?)", [(2,)])
        assert adbc.rows(user, f"from {name}") == [(1,)]


def test_a_user_writes(secured_server, name):
    with adbc.login(secured_server, "uli") as con:
        adbc.ingest(con, name, pa.table({"i": [1]}))
        adbc.run(con, f"insert into {name} values (2)")
        assert adbc.value(con, f"select count(*) from {name}") == 2


# Headers that only a gateway may set

FORGED = {
    "x-tavana-session": "ada",
    "x-tavana-session-kept": "kept",
    "x-tavana-query-id": "0" * 32,
    "x-tavana-service": "let me in",
    "x-tavana-principal": "ada",
    "x-tavana-user": "ada",
    "x-tavana-role": "admin",
}


def test_forged_headers_change_nothing_for_a_user(secured_server, name):
    with login(secured_server, "ada") as admin, login(secured_server, "rex") as reader:
        admin_token = admin.metadata["authorization"].removeprefix("Bearer ")
        reader.metadata |= FORGED | {"x-tavana-session": admin_token}
        assert reader.query("select 1 as a").to_pydict() == {"a": [1]}
        with refused("PERMISSION_DENIED"):
            reader.info(wire.query(f"create table {name} (i int)"))


def test_forged_headers_let_nobody_in(secured_server):
    with login(secured_server, "ada") as admin, RawFlight(secured_server) as raw:
        admin_token = admin.metadata["authorization"].removeprefix("Bearer ")
        raw.metadata |= FORGED | {"x-tavana-session": admin_token}
        with refused("UNAUTHENTICATED"):
            raw.info(wire.query("select 1"))


def test_forged_headers_tie_no_state_to_a_client_that_keeps_nothing(server, name):
    with RawFlight(server, metadata={"x-tavana-session-kept": "kept"}) as raw:
        with refused("FAILED_PRECONDITION"):
            raw.info(wire.query(f"create temp table {name} (i int)"))


@pytest.fixture
def owned_worker(tmp_path):
    """A worker that belongs to a gateway, which is not there."""
    key_file = topology.new_key(tmp_path)
    worker = Program("tavana-worker", "--gateway-only", "--key-file", key_file, log_dir=tmp_path)
    yield worker, key_file.read_text().strip().encode()
    worker.stop()


def test_a_gateways_worker_refuses_everyone_else(owned_worker):
    worker, _ = owned_worker
    other_key = forgery.seal_text(
        forgery.seal(wire.field(2, 2**63 - 1) + wire.field(4, True), b"another key" * 4)
    )
    for metadata in (
        {},
        {"authorization": "Bearer x"},
        {"authorization": basic("tavana", "")},
        FORGED,
        FORGED | {"x-tavana-service": other_key},
    ):
        with RawFlight(worker, metadata=metadata) as raw:
            for call in (
                lambda raw=raw: raw.info(wire.query("select 1")),
                lambda raw=raw: raw.action("GetSessionOptions"),
                lambda raw=raw: raw.exchange("Handshake", [b""]),
                lambda raw=raw: raw.get(b"x"),
            ):
                with refused(*REFUSED):
                    call()
    with pytest.raises(adbc_driver_manager.Error), adbc.connect(worker.uri, "tavana", "x") as con:
        adbc.rows(con, "select 1")


def test_a_service_token_is_needed_and_must_be_fresh(owned_worker):
    worker, key = owned_worker
    stale = forgery.seal_text(forgery.seal(wire.field(2, 1) + wire.field(4, True), key))
    session_as_service = forgery.seal_text(
        forgery.seal(wire.field(2, 2**63 - 1) + wire.field(3, True), key)
    )
    for token in (stale, session_as_service):
        with (
            RawFlight(worker, metadata={"x-tavana-service": token}) as raw,
            refused(*REFUSED, "FAILED_PRECONDITION"),
        ):
            raw.info(wire.query("select 1"))


@pytest.mark.allow_log("ERROR", "(?i)key|worker|service")
@pytest.mark.allow_log("WARN", "worker is down")
def test_a_gateway_with_another_key_gets_nowhere(tmp_path, owned_worker):
    worker, _ = owned_worker
    gateway = Program(
        "tavana-gateway",
        "--worker",
        worker.uri,
        "--key-file",
        topology.new_key(tmp_path),
        log_dir=tmp_path,
    )
    try:
        with RawFlight(gateway) as raw, refused("UNAVAILABLE", *REFUSED):
            raw.query("select 1")
    finally:
        gateway.stop()


# What is kept


def test_users_are_added_changed_and_never_stored_in_the_clear(launch, tmp_path):
    path = tmp_path / "users"
    secured.add_user(path, "zoe", "user", "first")
    secured.add_user(path, "yan", "reader", "other")
    secured.add_user(path, "zoe", "reader", "second")
    text = path.read_text()
    assert "first" not in text and "second" not in text
    assert [line.split(":")[:2] for line in text.splitlines() if not line.startswith("#")].count(
        ["zoe", "reader"]
    ) == 1
    assert text.count("SCRAM-SHA-256$") == 2
    server = launch(users_file=path, users={"zoe": "second"})
    with adbc.login(server, "zoe") as con:
        assert adbc.value(con, "select 1") == 1
    with refused("UNAUTHENTICATED"):
        adbc.connect(server, "zoe", "first").close()


def test_passwords_and_tokens_are_not_in_the_logs(secured_server):
    with login(secured_server, "uli") as raw:
        raw.query("select 'canary-in-sql' as c")
        token = raw.metadata["authorization"].removeprefix("Bearer ")
    for program in secured_server.programs:
        text = program.log.read_text()
        assert secured_server.users["uli"] not in text
        assert token not in text
        assert "canary-in-sql" not in text
