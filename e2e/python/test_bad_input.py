"""Requests that make no sense, or too much of it: each gets a clear refusal, and the next one its answer."""

import random

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import adbc, arrow_flight, disk, topology, wire
from harness.failures import refused
from harness.raw_grpc import RawFlight

MALFORMED = ("INVALID_ARGUMENT", "UNIMPLEMENTED", "NOT_FOUND")
# What is no FlightDescriptor, Ticket or Action never reaches the service: gRPC's codec refuses it.
UNDECODABLE = ("INTERNAL", "INVALID_ARGUMENT")


@pytest.fixture
def raw(server):
    with RawFlight(server, keeps_token=True) as one:
        one.query("select 1")
        yield one
        assert one.query("select 42 as a").to_pydict() == {"a": [42]}, (
            "the next request must be served"
        )


def noise(count):
    """Byte strings that look more and more like messages; the same in every run."""
    dice = random.Random(20240229)
    sample = wire.query("select 1")
    for i in range(count):
        if i % 3 == 0:
            yield dice.randbytes(dice.randrange(1, 200))
        elif i % 3 == 1:
            yield sample[: dice.randrange(1, len(sample))]
        else:
            at = dice.randrange(len(sample))
            yield sample[:at] + dice.randbytes(3) + sample[at + 3 :]


def survives(call):
    """The call may be refused as malformed or, if the noise happens to be SQL, succeed; nothing else."""
    try:
        with refused(*MALFORMED):
            call()
    except AssertionError as outcome:
        if "not refused" not in str(outcome):
            raise


# Protobuf


def test_noise_as_a_command_is_refused(raw):
    for data in noise(150):
        survives(lambda data=data: raw.unary("GetFlightInfo", wire.descriptor(data)))
    for data in noise(30):
        survives(lambda data=data: raw.unary("GetSchema", wire.descriptor(data)))
        survives(lambda data=data: raw.unary("PollFlightInfo", wire.descriptor(data)))


def test_noise_as_a_ticket_is_refused(raw):
    for data in noise(60):
        with refused(*MALFORMED, "PERMISSION_DENIED"):
            raw.get(data)


@pytest.mark.parametrize(
    "name",
    ["CreatePreparedStatement", "ClosePreparedStatement", "EndTransaction", "CancelFlightInfo"],
)
def test_noise_as_the_body_of_an_action_is_refused(raw, name):
    for data in [
        b"\xff" * 50,
        b"\x0a\xff\xff\xff\xff\x0f",
        wire.command("ActionOfSomebodyElse", "x"),
    ]:
        with refused(*MALFORMED):
            raw.action(name, data)


def test_noise_in_session_options_is_refused(raw):
    with refused(*MALFORMED):
        raw.action("SetSessionOptions", b"\xff" * 50)


def test_noise_in_do_put_is_refused(raw):
    for data in noise(30):
        survives(lambda data=data: raw.exchange("DoPut", [wire.field(1, wire.descriptor(data))]))


def test_do_put_without_a_message_a_descriptor_or_a_schema_is_refused(raw):
    for messages in ([], [b""], [wire.field(2, b"no arrow")]):
        with refused(*MALFORMED):
            raw.exchange("DoPut", messages)
    with refused(*MALFORMED):
        raw.exchange(
            "DoPut",
            [wire.field(1, wire.descriptor(wire.ingest("t"))) + wire.field(2, b"\xff" * 40)],
        )


def test_an_ingest_cut_off_after_its_schema_adds_nothing(raw, name):
    """A client that stops in the middle of a message, or lies about lengths."""
    schema = pa.schema([("i", pa.int64())])
    header = schema.serialize().to_pybytes()[8:]
    first = wire.field(1, wire.descriptor(wire.ingest(name))) + wire.field(2, header)
    batch = pa.record_batch({"i": [1, 2, 3]}).serialize().to_pybytes()
    size = int.from_bytes(batch[4:8], "little")
    lying = wire.field(2, batch[8 : 8 + size]) + wire.field(1000, batch[8 + size :][:7])
    with refused(*MALFORMED):
        raw.exchange("DoPut", [first, lying])
    with refused("NOT_FOUND"):
        raw.query(f"from {name}")


@pytest.mark.parametrize(
    "method", ["GetFlightInfo", "GetSchema", "PollFlightInfo", "DoGet", "DoAction"]
)
def test_bytes_that_are_no_flight_message_are_refused(raw, method):
    call = raw.unary if method.startswith(("Get", "Poll")) else raw.stream
    for data in (b"\xff\xff\xff\xff", b"\x0a\x7f", b"\x07"):
        with refused(*UNDECODABLE):
            call(method, data)


def test_unknown_commands_actions_and_methods_are_refused_by_name(raw):
    with refused("INVALID_ARGUMENT", "UNIMPLEMENTED", match="CommandTeleport"):
        raw.info(wire.command("CommandTeleport", "x"))
    with refused("INVALID_ARGUMENT", "UNIMPLEMENTED", match="Teleport"):
        raw.action("Teleport")
    with refused("UNIMPLEMENTED"):
        raw.unary("Teleport", b"")


def test_a_path_and_an_empty_descriptor_are_refused(raw):
    for descriptor in (wire.field(1, 1) + wire.field(3, "a"), b"", wire.field(1, 2)):
        with refused("INVALID_ARGUMENT", "UNIMPLEMENTED"):
            raw.unary("GetFlightInfo", descriptor)


def test_do_exchange_is_not_served(raw):
    with refused("UNIMPLEMENTED"):
        raw.exchange("DoExchange", [wire.field(1, wire.descriptor(wire.query("select 1")))])


def test_handles_that_were_never_issued_are_refused(raw):
    with refused(*MALFORMED, "PERMISSION_DENIED"):
        raw.info(wire.prepared_query(b"never issued"))
    with refused(*MALFORMED, "PERMISSION_DENIED"):
        raw.info(wire.prepared_query(b""))
    with refused(*MALFORMED, "PERMISSION_DENIED", "FAILED_PRECONDITION"):
        raw.action(
            "EndTransaction", wire.command("ActionEndTransactionRequest", b"never issued", 1)
        )


# What Tavana does not do


def test_substrait_is_unimplemented_everywhere(raw):
    plan = wire.message(b"plan", "0.60")
    command = wire.command("CommandStatementSubstraitPlan", plan)
    for call in (
        lambda: raw.info(command),
        lambda: raw.unary("GetSchema", wire.descriptor(command)),
        lambda: raw.exchange("DoPut", [wire.field(1, wire.descriptor(command))]),
        lambda: raw.action(
            "CreatePreparedSubstraitPlan",
            wire.command("ActionCreatePreparedSubstraitPlanRequest", plan),
        ),
    ):
        with refused("UNIMPLEMENTED", match="substrait"):
            call()


def test_savepoints_are_unimplemented(server):
    with arrow_flight.Client(server) as client:
        transaction = client.begin()
        with refused("UNIMPLEMENTED", match="savepoint"):
            client.action(
                "BeginSavepoint", wire.command("ActionBeginSavepointRequest", transaction, "s")
            )
        with refused("UNIMPLEMENTED", match="savepoint"):
            client.action("EndSavepoint", wire.command("ActionEndSavepointRequest", b"s", 1))
        client.end(transaction, commit=True)


# SQL


def test_sql_that_does_not_parse_is_told_with_its_place(con):
    with refused("INVALID_ARGUMENT", match='syntax error at or near "range"') as failure:
        adbc.rows(con, "select 1\nfrm range(3)")
    assert "LINE 2: frm range(3)\n            ^" in failure.message, (
        "the caret stands below the word"
    )


def test_a_missing_table_and_column_are_told_by_name(con):
    with refused("NOT_FOUND", match="no_such_table"):
        adbc.rows(con, "from no_such_table")
    with refused("INVALID_ARGUMENT", "NOT_FOUND", match="no_such_column"):
        adbc.rows(con, "select no_such_column from range(1)")
    with refused("INVALID_ARGUMENT", "NOT_FOUND", match="no_such_function"):
        adbc.rows(con, "select no_such_function(1)")


@pytest.mark.parametrize(
    "sql", ["", " \n\t", ";", ";;;", "-- only this", "/* and this */", "-- a\n;/* b */;"]
)
def test_sql_without_a_statement_is_refused(server, sql):
    with arrow_flight.Client(server) as client:
        for call in (client.query, client.update, client.prepare):
            with refused("INVALID_ARGUMENT", match="statement|empty"):
                call(sql)


def test_a_nul_byte_in_sql_is_refused_and_nothing_before_it_runs(server, name):
    with arrow_flight.Client(server) as client:
        for call in (client.query, client.update, client.prepare):
            with refused("INVALID_ARGUMENT", match="nul|zero byte|character"):
                call(f"create table {name} (i int);\0 select 1")
        with refused("NOT_FOUND"):
            client.query(f"from {name}")


def test_sql_that_is_not_utf8_is_refused(raw):
    with refused("INVALID_ARGUMENT"):
        raw.info(wire.command("CommandStatementQuery", b"select '\xff\xfe'"))


def test_fifty_megabytes_of_sql_are_refused_and_others_are_served(server, con):
    sql = f"select '{'x' * 50_000_000}' as long"
    with arrow_flight.Client(server) as client:
        with refused(
            "INVALID_ARGUMENT",
            "RESOURCE_EXHAUSTED",
            "OUT_OF_RANGE",
            match="large|long|limit|size|bytes",
        ):
            client.info(wire.query(sql))
        assert client.value("select 1") == 1
    assert adbc.value(con, "select 1") == 1


def test_a_megabyte_of_sql_is_served(con):
    text = "x" * 1_000_000
    assert adbc.value(con, f"select '{text}'") == text


def test_an_error_message_stays_short(con):
    with refused("INVALID_ARGUMENT", "NOT_FOUND") as failure:
        adbc.rows(con, f"select {'y' * 500_000}")
    assert len(failure.message) < 8192


def test_errors_of_every_kind_have_their_code(con, name):
    adbc.run(con, f"create table {name} (i int check (i > 0))")
    for sql, code in {
        "select 'x'::int": "INVALID_ARGUMENT",
        "select 127::tinyint + 1::tinyint": "INVALID_ARGUMENT",
        "select error('mine')": "INVALID_ARGUMENT",
        "select i, count(*) from range(3) t(i)": "INVALID_ARGUMENT",
        f"create table {name} (i int)": "ALREADY_EXISTS",
        f"insert into {name} values (-1)": "FAILED_PRECONDITION",
        "drop schema no_such_schema": "NOT_FOUND",
        "commit": "FAILED_PRECONDITION",
    }.items():
        with refused(code):
            adbc.rows(con, sql)


# Headers


@pytest.mark.parametrize(
    "headers",
    [{"cookie": "other=1"}, {"cookie": ";=;" * 100}, {"grpc-accept-encoding": "nonsense"}],
)
def test_headers_of_no_use_do_no_harm(server, headers):
    with RawFlight(server, metadata=headers) as raw:
        assert raw.query("select 1 as a").to_pydict() == {"a": [1]}


def test_a_megabyte_of_headers_is_refused_and_others_are_served(server, con):
    with arrow_flight.Client(server, keeps=None, headers={"x-long": "x" * 1_000_000}) as client:
        with pytest.raises((flight.FlightError, pa.ArrowException, OSError)):
            client.query("select 1")
    assert adbc.value(con, "select 1") == 1


# A full disk


@pytest.mark.allow_log("ERROR", "(?i)space|disk|full|large|storage")
@pytest.mark.allow_log("WARN", "(?i)space|disk|full|large|storage")
def test_a_full_disk_is_told_and_loses_nothing(kind, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    with disk.small_disk(data) as options:
        server = topology.start(kind, tmp_path, data_dir=data, **options)
        try:
            with adbc.connect(server) as con:
                adbc.run(con, "create table kept as from range(1000) t(i)")
                with refused("RESOURCE_EXHAUSTED", match="space|disk|full") as failure:
                    adbc.run(
                        con,
                        "create table big as select repeat('x', 900) || hash(i) as s from range(100000) t(i)",
                    )
                assert str(data) not in failure.message, "a message for users holds no path"
                assert adbc.value(con, "select count(*) from kept") == 1000
                adbc.run(con, "insert into kept values (-1)")
            server.kill()
            server = topology.start(kind, tmp_path, data_dir=data, **options)
            with adbc.connect(server) as con:
                assert adbc.rows(con, "select count(*), min(i) from kept") == [(1001, -1)]
                with refused("NOT_FOUND"):
                    adbc.rows(con, "from big")
        finally:
            server.stop()


# Time


def test_a_request_that_was_refused_leaves_nothing_running(server, raw):
    for data in noise(30):
        survives(lambda data=data: raw.unary("GetFlightInfo", wire.descriptor(data)))
    topology.eventually(lambda: server.running_queries() == 0)
