"""Flight SQL by hand: raw `pyarrow.flight`, and bare gRPC for what pyarrow lacks."""

import threading

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import arrow_flight, raw_grpc, wire
from harness.failures import refused
from harness.topology import eventually
from test_adbc import FOREVER


@pytest.fixture
def client(server):
    with arrow_flight.Client(server) as one:
        yield one


@pytest.fixture
def raw(server):
    with raw_grpc.RawFlight(server, keeps_token=True) as one:
        yield one


# Queries


def test_flight_info_and_do_get(client):
    info = client.info(wire.query("select 42 as answer"))
    assert info.schema == pa.schema([("answer", pa.int32())])
    assert len(info.endpoints) == 1
    assert info.total_records in (-1, 1), "a count that is told must be exact: clients show it"
    assert client.reader(info).read_all().to_pydict() == {"answer": [42]}


def test_an_endpoint_is_fetched_where_its_info_came_from(client):
    (endpoint,) = client.info(wire.query("select 1")).endpoints
    assert endpoint.locations == []


def test_the_announced_count_of_rows_is_exact_or_unknown(client):
    assert client.info(wire.query("from range(1000) where range % 3 = 0")).total_records in (
        -1,
        334,
    )


def test_messages_stay_below_four_mebibytes(raw):
    info = raw.info(wire.query("select i, repeat('x', 200) as s from range(200000) t(i)"))
    sizes = [len(message) for message in raw.get(raw_grpc.ticket_of(info))]
    assert max(sizes) <= 4 << 20
    assert sum(sizes) > 40_000_000


def test_get_schema_equals_the_result_and_runs_nothing(client, name):
    client.update(f"create sequence {name}")
    sql = f"select nextval('{name}') as n, [1.5] as l"
    assert client.schema(wire.query(sql)).equals(
        client.info(wire.query("select 1::bigint as n, [1.5] as l")).schema
    )
    assert client.value(f"select nextval('{name}')") == 1


def test_get_schema_of_a_write_does_not_run_it(client, name):
    client.schema(wire.query(f"create table {name} (i int)"))
    with refused("NOT_FOUND"):
        client.query(f"from {name}")


def test_an_update_returns_its_count(client, name):
    client.update(f"create table {name} (i int)")
    assert client.update(f"insert into {name} from range(12)") == 12
    assert client.update(f"delete from {name} where i < 2") == 2


def test_a_write_by_flight_info_runs_once_however_often_it_is_fetched(client, name):
    client.update(f"create table {name} (i int)")
    info = client.info(wire.query(f"insert into {name} values (1) returning i"))
    for _ in info.endpoints:
        assert client.reader(info).read_all().to_pydict() == {"i": [1]}
    assert client.value(f"select count(*) from {name}") == 1


def test_polling_ends_with_the_same_info(raw):
    descriptor = wire.descriptor(wire.query("select sum(i)::bigint as s from range(2000000) t(i)"))
    for _ in range(1000):
        poll = wire.decode(raw.unary("PollFlightInfo", descriptor))
        assert 1 in poll, "a PollInfo without an info is an error to ADBC"
        if 2 not in poll:
            break
        descriptor = poll[2][0]
    table = raw_grpc.read_table(raw.get(raw_grpc.ticket_of(poll[1][0])))
    assert table.to_pydict() == {"s": [sum(range(2_000_000))]}


def test_polling_a_write_runs_it_once(raw, name):
    raw.query(f"create table {name} (i int); select 1")
    descriptor = wire.descriptor(wire.query(f"insert into {name} values (7)"))
    for _ in range(1000):
        poll = wire.decode(raw.unary("PollFlightInfo", descriptor))
        if 2 not in poll:
            break
        descriptor = poll[2][0]
    assert raw.query(f"select count(*) as n from {name}").to_pydict() == {"n": [1]}


# Prepared statements


def test_a_prepared_query_tells_its_schemas(client):
    prepared = client.prepare("select ?::int as a, ?::varchar as b")
    assert prepared.dataset_schema == pa.schema([("a", pa.int32()), ("b", pa.string())])
    assert len(prepared.parameter_schema) == 2
    assert prepared.is_update is False


def test_a_prepared_write_says_that_it_is_one(client, name):
    client.update(f"create table {name} (i int)")
    assert client.prepare(f"insert into {name} values (?)").is_update is True
    assert client.prepare(f"delete from {name}").is_update is True


def test_a_prepared_write_with_rows_is_fetched_like_a_query(client, name):
    """ADBC takes the update call for `is_update`, and would lose the rows."""
    client.update(f"create table {name} (i int)")
    prepared = client.prepare(f"insert into {name} values (?) returning i")
    assert prepared.is_update is not True
    assert prepared.dataset_schema == pa.schema([("i", pa.int32())])


def test_a_prepared_query_runs_with_each_binding(client):
    prepared = client.prepare("select ?::int + 1 as a")
    for i in (1, 41):
        client.bind(prepared, pa.table({"x": [i]}))
        assert client.fetch(wire.prepared_query(prepared.handle)).to_pydict() == {"a": [i + 1]}
    client.close_prepared(prepared)


def test_a_prepared_update_runs_for_every_row(client, name):
    client.update(f"create table {name} (i int)")
    prepared = client.prepare(f"insert into {name} values (?)")
    answer = client.put(wire.prepared_update(prepared.handle), pa.table({"x": [1, 2, 3]}))
    assert wire.one(answer, 1) == 3
    assert client.value(f"select sum(i)::int from {name}") == 6


def test_get_schema_of_a_prepared_query(client):
    prepared = client.prepare("select 1::tinyint as t")
    assert client.schema(wire.prepared_query(prepared.handle)) == pa.schema([("t", pa.int8())])


def test_a_prepared_statement_sees_a_table_that_changed(client, name):
    client.update(f"create table {name} as select 1 as a")
    prepared = client.prepare(f"from {name}")
    client.update(f"alter table {name} add column b int default 2")
    try:
        assert client.fetch(wire.prepared_query(prepared.handle)).to_pylist() == [{"a": 1, "b": 2}]
    except pa.ArrowException as refusal:
        assert "schema" in str(refusal) or "column" in str(refusal)


def test_closing_a_prepared_statement_twice_is_no_error(client):
    prepared = client.prepare("select 1")
    client.close_prepared(prepared)
    client.close_prepared(prepared)


# Transactions


def test_a_transaction_by_actions(server, client, name):
    client.update(f"create table {name} (i int)")
    transaction = client.begin()
    assert client.update(f"insert into {name} values (1)", transaction) == 1
    assert client.value(f"select count(*) from {name}", transaction) == 1
    with arrow_flight.Client(server) as other:
        assert other.value(f"select count(*) from {name}") == 0
    client.end(transaction, commit=False)
    assert client.value(f"select count(*) from {name}") == 0
    transaction = client.begin()
    client.update(f"insert into {name} values (1)", transaction)
    client.end(transaction, commit=True)
    assert client.value(f"select count(*) from {name}") == 1


def test_calls_without_the_transactions_id_run_inside_it_all_the_same(client, name):
    """ADBC's ingest sends no id inside a transaction; a session has one transaction at a time."""
    client.update(f"create table {name} (i int)")
    transaction = client.begin()
    client.put(wire.ingest(name, missing=2, existing=2), pa.table({"i": pa.array([1], pa.int32())}))
    client.end(transaction, commit=False)
    assert client.value(f"select count(*) from {name}") == 0


def test_a_second_transaction_in_one_session_is_refused(client):
    transaction = client.begin()
    with refused("FAILED_PRECONDITION", match="transaction"):
        client.begin()
    client.end(transaction, commit=True)


def test_an_ended_or_unknown_transaction_is_refused(client):
    transaction = client.begin()
    client.end(transaction, commit=True)
    with refused("NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT", match="transaction"):
        client.end(transaction, commit=True)
    with refused("NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT", match="transaction"):
        client.query("select 1", transaction)
    with refused("NOT_FOUND", "INVALID_ARGUMENT", "PERMISSION_DENIED"):
        client.query("select 1", b"no transaction of yours")


# Ingest


@pytest.mark.parametrize(
    ("missing", "existing", "rows_after_two"),
    [(1, 2, 4), (1, 3, 2)],
    ids=["create or append", "create or replace"],
)
def test_ingest_by_hand(client, name, missing, existing, rows_after_two):
    data = pa.table({"i": [1, 2]})
    for _ in range(2):
        assert (
            wire.one(client.put(wire.ingest(name, missing=missing, existing=existing), data), 1)
            == 2
        )
    assert client.value(f"select count(*) from {name}") == rows_after_two


def test_ingest_takes_the_id_of_its_transaction(client, name):
    client.update(f"create table {name} (i bigint)")
    transaction = client.begin()
    client.put(
        wire.ingest(name, missing=2, existing=2, transaction=transaction), pa.table({"i": [1]})
    )
    client.end(transaction, commit=False)
    assert client.value(f"select count(*) from {name}") == 0


# Cancelling


def test_cancel_flight_info_stops_a_running_query(server, client):
    info = client.info(wire.query(FOREVER))
    outcome = []

    def fetch():
        with arrow_flight.Client(server, headers=client.memory.headers) as reader:
            try:
                reader.reader(info).read_all()
            except (flight.FlightError, pa.ArrowException) as error:
                outcome.append(error)

    reader = threading.Thread(target=fetch)
    reader.start()
    eventually(lambda: server.running_queries() > 0)
    answer = client.action("CancelFlightInfo", wire.cancel_flight_info(info.serialize()))
    reader.join(timeout=30)
    assert wire.one(answer, 1) in (1, 2), "cancelled or cancelling"
    assert outcome, "the reader must see an error"
    assert server.running_queries() == 0


def test_dropping_the_reader_stops_the_query(server, client):
    reader = client.reader(client.info(wire.query("select repeat('x', 100) from range(50000000)")))
    reader.read_chunk()
    assert server.running_queries() == 1
    reader.cancel()
    eventually(lambda: server.running_queries() == 0)


# Actions


def test_list_actions_names_every_action_it_answers(client):
    assert {
        "CreatePreparedStatement",
        "ClosePreparedStatement",
        "BeginTransaction",
        "EndTransaction",
        "CancelFlightInfo",
        "SetSessionOptions",
        "GetSessionOptions",
        "CloseSession",
    } <= {action.type for action in client.flight.list_actions()}


def test_session_options_are_set_read_and_unset(client, name):
    client.update(f"create schema {name}")
    assert client.set_options(schema=name) == {}
    assert client.get_options()["schema"] == name
    assert client.value("select current_schema()") == name
    assert client.set_options(schema=None) == {}
    assert client.value("select current_schema()") == "main"


def test_an_unknown_session_option_is_told_and_the_others_are_set(client, name):
    client.update(f"create schema {name}")
    assert client.set_options(schema=name, no_such_option="x") == {"no_such_option": 1}
    assert client.get_options()["schema"] == name


def test_a_bad_value_of_a_session_option_is_told(client):
    assert client.set_options(schema="no_such_schema") == {"schema": 2}
    assert client.set_options(catalog=1.5) == {"catalog": 2}


def test_closing_a_session_is_idempotent_and_ends_its_state(client, name):
    client.update(f"create temp table {name} (i int)")
    assert client.close_session() in (1, 2)
    assert client.close_session() in (1, 2)
    with refused("NOT_FOUND", "FAILED_PRECONDITION", "UNAUTHENTICATED"):
        client.query(f"from {name}")


def test_there_are_no_flights_to_list(client):
    assert list(client.flight.list_flights()) == []
