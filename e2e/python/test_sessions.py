"""Sessions: their state, their isolation, clients without one, and what outlives a restart."""

import adbc_driver_manager
import pyarrow as pa
import pytest

from harness import adbc, arrow_flight, raw_grpc, wire
from harness.failures import refused

# An ordinary ADBC script has no user and keeps no cookies; its session is in the bearer token
# that it adopts from the replies.


def test_adbc_without_user_or_cookies_keeps_temporary_tables(con, name):
    adbc.run(con, f"create temp table {name} as select 42 as i")
    adbc.run(con, f"insert into {name} values (43)")
    assert adbc.rows(con, f"from {name} order by i") == [(42,), (43,)]


def test_adbc_without_user_or_cookies_keeps_settings(con, name):
    adbc.script(con, f"create schema {name}; create table {name}.t as select 1 as i")
    adbc.run(con, f"use {name}")
    assert adbc.rows(con, "from t") == [(1,)]
    adbc.run(con, "set timezone = 'Europe/Berlin'")
    assert adbc.value(con, "select current_setting('timezone')") == "Europe/Berlin"
    adbc.run(con, "reset timezone")
    assert adbc.value(con, "select current_setting('timezone')") == "UTC"


def test_adbc_without_user_or_cookies_keeps_variables(con):
    adbc.run(con, "set variable answer = 42")
    assert adbc.value(con, "select getvariable('answer')") == 42


def test_adbc_without_user_or_cookies_keeps_a_transaction(tx, con, name):
    adbc.run(tx, f"create table {name} (i int)")
    adbc.run(tx, f"insert into {name} values (1)")
    with tx.cursor() as first, tx.cursor() as second:
        assert (
            first.execute(f"from {name}").fetchall()
            == second.execute(f"from {name}").fetchall()
            == [(1,)]
        )
    tx.commit()
    assert adbc.rows(con, f"from {name}") == [(1,)]


def test_a_temporary_table_works_inside_a_transaction(tx, name):
    adbc.run(tx, f"create temp table {name} as select 1 as i")
    tx.commit()
    assert adbc.rows(tx, f"from {name}") == [(1,)]


def test_a_user_that_logged_in_keeps_all_of_this_from_one_statement_to_the_next(
    secured_server, name
):
    with adbc.login(secured_server, "uli") as con:
        adbc.script(con, f"create schema {name}; create table {name}.t as select 1 as i")
    for _ in range(5):
        with adbc.login(secured_server, "uli") as con:
            adbc.run(con, "set timezone = 'Asia/Tokyo'")
            assert adbc.value(con, "select current_setting('timezone')") == "Asia/Tokyo"
            adbc.run(con, f"use {name}")
            assert adbc.rows(con, "from t") == [(1,)]
            adbc.run(con, "create temp table mine as select 2 as i")
            assert adbc.rows(con, "from mine") == [(2,)]


def test_two_sessions_do_not_see_each_others_state(server, con, name):
    with adbc.connect(server) as other:
        for number, connection in enumerate((con, other)):
            adbc.run(connection, f"create temp table {name} as select {number} as i")
            adbc.run(connection, f"set variable mine = {number}")
        for number, connection in enumerate((con, other)):
            assert adbc.value(connection, f"select i from {name}") == number
            assert adbc.value(connection, "select getvariable('mine')") == number


def test_a_setting_of_one_session_is_not_that_of_another(server, con):
    adbc.run(con, "set timezone = 'Asia/Tokyo'")
    with adbc.connect(server) as other:
        assert adbc.value(other, "select current_setting('timezone')") == "UTC"


def test_a_connection_that_was_used_before_is_clean_for_the_next(server, name):
    """Sessions lease DuckDB connections; nothing of one may stay for the next."""
    for i in range(5):
        with adbc.connect(server) as con:
            adbc.run(con, f"create temp table {name} as select {i} as i")
            adbc.run(con, "set variable left_over = 1")
            adbc.run(con, "set timezone = 'Asia/Tokyo'")
        with adbc.connect(server) as con:
            assert adbc.value(con, "select getvariable('left_over')") is None
            assert adbc.value(con, "select current_setting('timezone')") == "UTC"
            with refused("NOT_FOUND", match=name):
                adbc.rows(con, f"from {name}")


def test_connections_of_one_adbc_database_are_sessions_of_their_own(con, name):
    adbc.run(con, f"create temp table {name} (i int)")
    with con.adbc_clone() as clone, refused("NOT_FOUND", match=name):
        adbc.rows(clone, f"from {name}")


def test_a_result_is_read_to_its_end_while_its_session_does_other_things(con, name):
    """On one DuckDB connection the second statement would kill the first one's stream."""
    adbc.run(con, f"create temp table {name} as from range(300000) t(i)")
    with con.cursor() as reading:
        reading.execute(f"from {name} order by i")
        assert reading.fetchone() == (0,)
        adbc.run(con, f"insert into {name} values (-1)")
        assert adbc.value(con, f"select count(*) from {name}") == 300_001
        assert len(reading.fetchall()) == 299_999


# Clients that keep something else, or nothing


def test_a_client_that_keeps_cookies_has_a_session(server, name):
    with arrow_flight.Client(server, keeps="cookie") as client:
        client.update(f"create temp table {name} as select 1 as i")
        assert client.value(f"select i from {name}") == 1


def test_adbc_with_cookies_has_one_session(server, name):
    with adbc.connect(server, **{"adbc.flight.sql.rpc.with_cookie_middleware": "true"}) as con:
        adbc.run(con, f"create temp table {name} as select 1 as i")
        assert adbc.value(con, f"select i from {name}") == 1


def test_a_client_that_keeps_nothing_still_reads_and_writes(server, name):
    with arrow_flight.Client(server, keeps=None) as client:
        client.update(f"create table {name} (i int)")
        assert client.update(f"insert into {name} values (1), (2)") == 2
        assert client.value(f"select sum(i)::int from {name}") == 3


@pytest.mark.parametrize("sql", ["create temp table {} (i int)", "set variable x = 1", "begin"])
def test_a_client_that_keeps_nothing_is_told_why_it_has_no_state(server, name, sql):
    with arrow_flight.Client(server, keeps=None) as client:
        for call in (client.update, client.query):
            with refused("FAILED_PRECONDITION", match="session|token|cookie"):
                call(sql.format(name))


def test_a_client_that_keeps_nothing_has_its_transaction_by_its_id(server, con, name):
    adbc.run(con, f"create table {name} (i int)")
    with arrow_flight.Client(server, keeps=None) as client:
        for commit, rows in ((False, 0), (True, 1)):
            transaction = client.begin()
            client.update(f"insert into {name} values (1)", transaction)
            assert client.value(f"select count(*) from {name}", transaction) == 1
            client.end(transaction, commit=commit)
            assert adbc.value(con, f"select count(*) from {name}") == rows


def test_every_reply_to_a_newcomer_brings_a_token_and_a_cookie(server):
    with raw_grpc.RawFlight(server) as raw:
        call = raw.channel.unary_unary("/arrow.flight.protocol.FlightService/GetFlightInfo")
        _, answer = call.with_call(wire.descriptor(wire.query("select 1")), timeout=30)
    headers = dict(answer.initial_metadata())
    assert headers["authorization"].startswith("Bearer ")
    assert headers["set-cookie"].startswith("tavana-session=")


@pytest.mark.parametrize(
    "headers", [{"authorization": "Bearer AAAA"}, {"cookie": "tavana-session=AAAA"}], ids=str
)
def test_a_garbled_token_is_refused_rather_than_taken_for_a_newcomer(server, headers):
    with arrow_flight.Client(server, headers=headers) as client:
        with refused("UNAUTHENTICATED", "INVALID_ARGUMENT", "PERMISSION_DENIED"):
            client.query("select 1")


def test_closing_is_idempotent_for_every_kind_of_client(server):
    for keeps in ("token", "cookie", None):
        with arrow_flight.Client(server, keeps=keeps) as client:
            for _ in range(3):
                assert client.close_session() in (1, 2)


def test_closing_rolls_back_and_drops_what_was_temporary(server, con, name):
    adbc.run(con, f"create table {name} (i int)")
    with arrow_flight.Client(server) as client:
        transaction = client.begin()
        client.update(f"insert into {name} values (1)", transaction)
        client.close_session()
    assert adbc.value(con, f"select count(*) from {name}") == 0
    adbc.run(con, f"alter table {name} add column j int")


# Restarts


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_of_one_client_is_read_by_another_after_a_restart(launch, tmp_path, end):
    data = tmp_path / "data"
    server = launch(data_dir=data)
    with adbc.connect(server) as con:
        adbc.ingest(con, "kept", pa.table({"i": range(100_000)}))
        adbc.run(con, "insert into kept values (-1)")
        adbc.run(con, "create view seen as select count(*) as n from kept")
    with adbc.connect(server, autocommit=False) as open_transaction:
        adbc.run(open_transaction, "insert into kept values (-2)")
        try:
            getattr(server, end)()
        finally:
            with pytest.raises(adbc_driver_manager.Error):
                open_transaction.commit()
    with adbc.connect(launch(data_dir=data)) as con:
        assert adbc.rows(con, "from seen") == [(100_001,)]
        assert adbc.value(con, "select min(i) from kept") == -1


def test_a_sample_is_made_once_and_survives_a_restart(launch, tmp_path):
    data = tmp_path / "data"
    for expected in (5, 4):
        server = launch(data_dir=data, sample="tpch:0.01")
        with adbc.connect(server) as con:
            assert adbc.value(con, "select count(*) from region") == expected
            if expected == 5:
                adbc.run(con, "delete from region where r_regionkey = 0")
        server.stop()


def test_a_token_from_before_a_restart_tells_that_its_state_is_gone(launch, tmp_path, name):
    """A token of another process, or for a session that died with it, never looks like an empty session."""
    server = launch(data_dir=tmp_path / "data")
    with adbc.connect(server) as con:
        adbc.run(con, f"create temp table {name} (i int)")
        for program in server.programs:
            program.stop()
        server.worker = server.worker.again()
        server.front = server.worker if server.kind != "gateway" else server.front.again()
        with pytest.raises(adbc_driver_manager.Error):
            adbc.rows(con, f"from {name}")
