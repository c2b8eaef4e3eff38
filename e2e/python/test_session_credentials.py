"""Storage credentials of one session: they work there, are found nowhere else, and go with it."""

import base64
import io
import re
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import adbc, arrow_flight, pg_server, secured, stores, wire
from harness.failures import refused

CANARY = "canary7f3a"
URL_SAFE = bytes.maketrans(b"+/", b"-_")
LOUD = ("--log-level", "trace,h2=trace,hyper=trace,tonic=trace,tower=trace")
GIVEN = [
    f"set s3_secret_access_key = '{CANARY}'",
    f"set s3_session_token to '{CANARY}'",
    f"create secret one (type s3, key_id 'k', secret '{CANARY}')",
    f"create or replace temporary secret one (type gcs, key_id 'k', secret '{CANARY}')",
    f"create secret two (type azure, connection_string 'AccountName=a;AccountKey={CANARY}')",
]
MISTAKEN = [
    f"creat secret x (type s3, secret '{CANARY}')",
    f"create secret x (type s3, secret '{CANARY}'",
    f"create secret x (type s3, secret '{CANARY}' oops)",
    f"create secret x (type s3, secrat '{CANARY}')",
    f"create secret x (type s3, {CANARY} 'a')",
    f"create secret x (type s3, use_ssl '{CANARY}')",
    f"create secret x (type '{CANARY}')",
    f"create secret x (type s3, provider '{CANARY}')",
    f"create secret x (type s3, secret '{CANARY}', endpoint 'a b')",
    f"create persistent secret x (type s3, secret '{CANARY}')",
    f"create secret x in '{CANARY}' (type s3)",
    f"set s3_secret_access_key '{CANARY}'",
    f"set s3_secret_access_key = {CANARY} oops",
    f"set s3_secret_acces_key = '{CANARY}'",
    f"set s3_secret_access_key = '{CANARY}' || 'a'",
    f"set global s3_secret_access_key = '{CANARY}'",
    f"explain create secret x (type s3, secret '{CANARY}')",
    f"prepare p as create secret x (type s3, secret '{CANARY}')",
    f"select '{CANARY}' as secret from",
]
LOOKS = [
    "from duckdb_secrets()",
    "from duckdb_settings()",
    "from duckdb_variables()",
    "from duckdb_functions() where database_name <> 'system'",
    "from duckdb_databases()",
    "explain from duckdb_secrets()",
    "select current_query()",
]
PG_LOOKS = [
    "table pg_settings",
    "table pg_stat_activity",
    "table pg_prepared_statements",
    "show all",
]


def bucket(store, name: str, value: int) -> str:
    store.client.create_bucket(Bucket=name)
    sink = io.BytesIO()
    pq.write_table(pa.table({"i": [value]}), sink)
    store.put("x.parquet", sink.getvalue(), name)
    return f"s3://{name}/x.parquet"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    running = stores.S3(tmp_path_factory.mktemp("moto"))
    yield running
    running.stop()


@pytest.fixture
def start(launch):
    """Starts a server that takes credentials; a worker behind a gateway takes none by itself."""

    def started(*engine_args, **options):
        engine_args = (
            "--max-private-instances",
            "8",
            "--allow-endpoint",
            "127.0.0.1",
            *engine_args,
        )
        return launch(engine_args=engine_args, **options)

    return started


@pytest.fixture
def loud(start):
    return start(args=LOUD)


def options(store) -> str:
    return (
        f"type s3, key_id 'k', secret '{CANARY}', region 'us-east-1', "
        f"endpoint '{store.endpoint}', url_style 'path', use_ssl false"
    )


def settings(store) -> list[str]:
    return [
        "set s3_access_key_id = 'k'",
        f"set s3_secret_access_key = '{CANARY}'",
        "set s3_region = 'us-east-1'",
        f"set s3_endpoint = '{store.endpoint}'",
        "set s3_url_style = 'path'",
        "set s3_use_ssl = false",
    ]


def refusal(connection, sql: str, error) -> str:
    with pytest.raises(error) as told:
        connection(sql)
    # psycopg adds the line of its own text where the server names a position.
    diag = getattr(told.value, "diag", None)
    parts = [diag.message_primary, diag.message_detail, diag.message_hint] if diag else told.value
    return str(parts)


def is_clean(server) -> None:
    """Nothing of the canary in logs, metrics, and files."""
    for program in server.programs:
        assert CANARY not in program.log.read_text(errors="replace")
        assert CANARY not in program.get("/metrics")[1]


def have_no_canary(folder) -> None:
    for file in folder.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


def test_a_secret_of_a_session_is_found_nowhere_else(loud, tmp_path):
    with adbc.connect(loud) as con, adbc.connect(loud) as other:
        for sql in GIVEN:
            adbc.run(con, sql)
        for sql in MISTAKEN:
            message = refusal(lambda sql: adbc.run(con, sql), sql, con.Error)
            assert CANARY not in message, sql
        assert adbc.value(con, "select count(*) from duckdb_secrets()") == 3
        for sql in LOOKS:
            assert CANARY not in str(adbc.rows(con, sql)), sql
            assert CANARY not in str(adbc.rows(other, sql)), sql
        assert adbc.rows(other, "from duckdb_secrets()") == []
        have_no_canary(tmp_path)
        is_clean(loud)


def test_tokens_handles_and_tickets_hold_no_secret(loud):
    seen = []
    with arrow_flight.Client(loud) as client:
        for sql in GIVEN:
            prepared = client.prepare(sql)
            seen.append(prepared.handle)
            client.info(wire.prepared_query(prepared.handle))
            seen.append(client.memory.headers["authorization"].encode())
        assert client.set_options(s3_session_token=CANARY) == {}
        assert CANARY not in str(client.get_options())
        info = client.info(wire.query(f"{GIVEN[0]}; from duckdb_secrets()"))
        assert client.reader(info).read_all().num_rows == 3
        seen.append(info.endpoints[0].ticket.ticket)
        client.close_prepared(prepared)
        with refused("FAILED_PRECONDITION", match="prepare it again"):
            client.info(wire.prepared_query(prepared.handle))
    for one in seen:
        assert CANARY.encode() not in one
        for part in re.findall(rb"[A-Za-z0-9+/_-]{8,}", one):
            whole = part[: len(part) // 4 * 4]
            assert CANARY.encode() not in base64.urlsafe_b64decode(whole.translate(URL_SAFE))


def test_two_sessions_read_two_buckets_at_once(start, store):
    server = start()
    urls = [bucket(store, f"mine-{server.kind}-{n}", n) for n in (1, 2)]
    with adbc.connect(server) as one, adbc.connect(server) as two, adbc.connect(server) as none:
        adbc.run(one, f"create secret s ({options(store)}, scope '{urls[0][:-9]}')")
        for sql in settings(store):
            adbc.run(two, sql)
        assert adbc.value(one, f"select i from '{urls[0]}'") == 1
        assert adbc.value(two, f"select i from '{urls[1]}'") == 2
        adbc.run(two, f"copy (select 3 as i) to '{urls[1]}' (format parquet)")
        assert adbc.value(two, f"select i from '{urls[1]}'") == 3
        adbc.run(one, "drop secret s")
        adbc.run(two, "reset s3_endpoint")
        for con in (one, none):
            with pytest.raises(con.Error):
                adbc.rows(con, f"select i from '{urls[0]}'")


def test_credentials_come_first(start):
    with adbc.connect(start()) as con:
        for sql, undo in (
            ("begin", "rollback"),
            ("create temp table t (i int)", "drop table t"),
            ("set variable v = 1", "reset variable v"),
        ):
            adbc.run(con, sql)
            with refused("FAILED_PRECONDITION", "UNKNOWN", match="set storage credentials first"):
                adbc.run(con, "set s3_region = 'a'")
            adbc.run(con, undo)


def test_the_database_of_the_server_is_not_there(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    with adbc.connect(server) as con:
        adbc.run(con, "create table t as select 1 as i")
        adbc.run(con, "set s3_region = 'a'")
        for sql in ("from t", "from local.t"):
            message = refusal(lambda sql: adbc.rows(con, sql), sql, con.Error)
            assert "own database is not in it" in message
        adbc.run(con, "create table t as select 2 as i")
        assert adbc.rows(con, "from t") == [(2,)]
    with adbc.connect(server) as con:
        assert adbc.rows(con, "from t") == [(1,)]


LAKE = """
default = "lake"
[store.own]
scope = "s3://{bucket}/"
endpoint = "{store.endpoint}"
region = "us-east-1"
url-style = "path"
use-ssl = false
access-key-id = "SERVERID"
secret-access-key = "SERVERKEY"
[catalog.lake]
type = "ducklake"
metadata = "{metadata}"
data-path = "s3://{bucket}/tables/"
"""


@pytest.fixture
def lakehouse(start, store, tmp_path, kind):
    """A server with users and a lake on the store, whose bucket also holds what no catalog names."""
    name = f"lake-{kind}"
    bucket(store, name, 9)
    file = tmp_path / "catalogs.toml"
    file.write_text(LAKE.format(store=store, bucket=name, metadata=f"sqlite:{tmp_path}/m.sqlite"))
    server = start(
        catalogs=file,
        users_file=secured.users_file(tmp_path),
        users={user: secured.password_of(user) for user in secured.USERS},
    )
    server.bucket = name
    return server


def test_catalogs_and_their_keys_stay_the_servers(lakehouse, store):
    private = bucket(store, f"{lakehouse.bucket}-other", 7)
    with adbc.login(lakehouse, "uli") as con, adbc.login(lakehouse, "rex") as reader:
        adbc.run(con, "create table t as select i from range(1000) r(i)")
        adbc.run(reader, f"create secret s ({options(store)}, scope '{private[:-9]}')")
        assert adbc.value(reader, "select count(*) from t") == 1000
        assert adbc.value(reader, f"select i from '{private}'") == 7
        # The server's keys are for the tables only; settings do not reach them.
        for sql in settings(store)[:3] + ["set s3_endpoint = '127.0.0.1:1'"]:
            adbc.run(reader, sql)
        assert adbc.value(reader, "select count(*) from t") == 1000
        with pytest.raises(con.Error):
            adbc.rows(reader, f"from 's3://{lakehouse.bucket}/x.parquet'")
        for scope in ("tables/", "tables/main/t/"):
            with refused("PERMISSION_DENIED", match="server has credentials for"):
                adbc.run(
                    reader,
                    f"create secret w ({options(store)}, scope 's3://{lakehouse.bucket}/{scope}')",
                )
        assert adbc.rows(reader, "select name from duckdb_secrets() order by 1") == [
            ("s",),
            ("~s3_settings",),
        ]
        for look in LOOKS[:2]:
            assert "SERVER" not in str(adbc.rows(reader, look))
        with refused("PERMISSION_DENIED", match="administrator"):
            adbc.rows(reader, f"from which_secret('s3://{lakehouse.bucket}/tables/a', 's3')")
        with refused("PERMISSION_DENIED", match="reader only reads"):
            adbc.run(reader, "create table u (i int)")
        for address in ("169.254.169.254", "10.0.0.1:9000", "evil.example"):
            with refused("PERMISSION_DENIED", match="--allow-endpoint"):
                adbc.run(reader, f"set s3_endpoint = '{address}'")


@pytest.mark.topologies("worker", "gateway")
def test_addresses_bring_no_settings_along(lakehouse):
    with adbc.login(lakehouse, "uli") as con:
        adbc.run(con, "create table addressed as select 1 as i from range(5000)")
        place = f"s3://{lakehouse.bucket}/tables/main/addressed/*.parquet"
        assert adbc.value(con, f"select count(*) from '{place}'") == 5000
        with refused("PERMISSION_DENIED", match="address"):
            adbc.rows(con, f"from '{place}?s3_endpoint=127.0.0.1:1'")


@pytest.mark.topologies("gateway")
def test_servers_with_users_take_credentials_when_told_to(launch):
    with (
        adbc.connect(launch()) as con,
        refused("PERMISSION_DENIED", match="--max-private-instances"),
    ):
        adbc.run(con, "set s3_region = 'a'")


def test_a_wider_secret_does_not_redirect_the_servers_keys(lakehouse, store):
    with adbc.login(lakehouse, "uli") as con:
        adbc.run(con, "create table t as select 1 as i from range(5000)")
        for scope in ("", f", scope 's3://{lakehouse.bucket}'", ", scope 's3://'"):
            nowhere = options(store).replace(store.endpoint, "127.0.0.1:1")
            adbc.run(con, f"create or replace secret w ({nowhere}{scope})")
            assert adbc.value(con, "select count(*) from t") == 5000
            adbc.run(con, "insert into t select 1 from range(5000)")
            adbc.run(con, "delete from t where rowid >= 5000")


def threads(server) -> int:
    status = Path(f"/proc/{server.worker.pid}/status").read_text()
    return int(re.search(r"Threads:\s+(\d+)", status)[1])


@pytest.mark.topologies("worker", "gateway")
def test_instances_go_with_their_sessions(start):
    server = start()
    for round in range(12):
        cons = [adbc.connect(server) for _ in range(2)]
        for con in cons:
            adbc.run(con, f"set s3_secret_access_key = '{CANARY}'")
            adbc.rows(con, "select sum(i) from range(100000) r(i)")
        if round == 4:
            before, memory = threads(server), server.worker.resident_bytes()
        for con in cons:
            con.close()
    assert threads(server) <= before + 16
    assert server.worker.resident_bytes() <= memory + (150 << 20)
    cons = [adbc.connect(server) for _ in range(9)]
    for con in cons[:8]:
        adbc.run(con, "set s3_region = 'a'")
    with refused("RESOURCE_EXHAUSTED", match="--max-private-instances"):
        adbc.run(cons[8], "set s3_region = 'a'")
    for con in cons:
        con.close()


@pytest.fixture
def pg_loud(tmp_path):
    server = pg_server.start_tavana(tmp_path, args=LOUD)
    yield server
    server.stop()


def test_postgresql_clients_bring_credentials_too(pg_loud, store, tmp_path):
    url = bucket(store, "of-psycopg", 5)
    with (
        psycopg.connect(pg_loud.conninfo, autocommit=True) as con,
        psycopg.connect(pg_loud.conninfo, autocommit=True) as other,
    ):
        for sql in [*settings(store), *GIVEN]:
            con.execute(sql)
        for sql in MISTAKEN:
            if sql.startswith("prepare"):
                continue  # the frontend keeps it, for this connection
            assert CANARY not in refusal(con.execute, sql, psycopg.Error), sql
        con.execute("drop secret two")
        assert con.execute(f"select i from '{url}'").fetchall() == [(5,)]
        for one in (con, other):
            for sql in [*LOOKS, *PG_LOOKS]:
                assert CANARY not in str(one.execute(sql).fetchall()), sql
        con.execute("drop secret one")
        assert other.execute("select * from duckdb_secrets()").fetchall() == []
        with pytest.raises(psycopg.Error, match="unrecognized"):
            con.execute("show s3_secret_access_key")
        con.execute("discard all")
        assert con.execute("select * from duckdb_secrets()").fetchall() == []
        with pytest.raises(psycopg.Error):
            con.execute(f"select i from '{url}'")
    have_no_canary(tmp_path)


def test_a_statement_with_credentials_is_not_shown_while_it_is_the_last(pg_loud):
    with (
        psycopg.connect(pg_loud.conninfo, autocommit=True) as con,
        psycopg.connect(pg_loud.conninfo, autocommit=True) as other,
    ):
        con.execute(GIVEN[0])
        shown = [query for (query,) in other.execute("select query from pg_stat_activity")]
        assert "<a statement that may hold credentials>" in shown
        con.execute(GIVEN[2], prepare=True)
        assert CANARY not in str(other.execute("table pg_stat_activity").fetchall())


@pytest.mark.topologies("worker", "serve")
def test_keys_of_the_servers_environment_are_not_shown(start):
    keys = {
        "AWS_ACCESS_KEY_ID": CANARY,
        "AWS_SECRET_ACCESS_KEY": CANARY,
        "AWS_SESSION_TOKEN": CANARY,
    }
    server = start(prefix=("env", *(f"{name}={value}" for name, value in keys.items())))
    with adbc.connect(server) as con:
        adbc.run(con, "set s3_region = 'a'")
        assert adbc.value(con, "select count(*) from duckdb_settings() where name like 's3_%'") > 5
        assert CANARY not in str(adbc.rows(con, "from duckdb_settings()"))
