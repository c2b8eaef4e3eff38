"""Catalogs that a file names: what is attached, seen and refused; what is wrong with the file is told at the start."""

import datetime
import re
import subprocess

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import adbc, pg_server, secured
from harness.failures import refused
from harness.processes import binary

CATALOGS = """
default = "lake"
extensions = ["spatial", "fts", "excel"]

[catalog.lake]
type = "ducklake"
metadata = "sqlite:{folder}/meta.sqlite"
data-path = "{folder}/lake"

[catalog.logs]
type = "files"
tables.events = "{folder}/events/*.parquet"
tables.prices = {{ location = "{folder}/prices.txt", format = "csv", options = {{ delim = ";" }} }}
tables.later = "{folder}/later/*.parquet"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "events").mkdir()
    pq.write_table(pa.table({"i": [1, 2, 3]}), tmp_path / "events" / "1.parquet")
    (tmp_path / "prices.txt").write_text("what;price\ntea;1.5\n")
    (tmp_path / "catalogs.toml").write_text(CATALOGS.format(folder=tmp_path))
    return tmp_path


@pytest.fixture
def lakehouse(folder, launch):
    return launch(catalogs=folder / "catalogs.toml")


UNREADABLE = pytest.mark.allow_log("WARN", "table `later`.*cannot be opened.*No files found")


@UNREADABLE
def test_sessions_begin_in_the_default_catalog(lakehouse):
    with adbc.connect(lakehouse) as con:
        assert adbc.value(con, "select current_database()") == "lake"
        adbc.run(con, "create table t as select i from range(100) t(i)")
        assert adbc.value(con, "select count(*) from lake.main.t") == 100
        adbc.run(con, "use memory")
        assert adbc.value(con, "select current_database()") == "memory"
        adbc.run(con, "reset schema")
        assert adbc.value(con, "select current_database()") == "lake"


@UNREADABLE
def test_all_catalogs_are_listed(lakehouse):
    with adbc.connect(lakehouse) as con:
        adbc.run(con, "create table t (i int)")
        found = con.adbc_get_objects(depth="tables").read_all().to_pylist()
    tables = {
        f"{catalog['catalog_name']}.{schema['db_schema_name']}.{table['table_name']}"
        for catalog in found
        for schema in catalog["catalog_db_schemas"] or []
        for table in schema["db_schema_tables"] or []
    }
    assert {
        "lake.main.t",
        "logs.main.events",
        "logs.main.prices",
        "tavana.main.extensions",
    } <= tables
    assert not any("ducklake_metadata" in table for table in tables)


@UNREADABLE
def test_files_are_read_as_they_are_now(lakehouse, folder):
    with adbc.connect(lakehouse) as con:
        assert adbc.value(con, "select sum(i) from logs.events") == 6
        assert adbc.rows(con, "from logs.prices") == [("tea", 1.5)]
        pq.write_table(pa.table({"i": [10]}), folder / "events" / "2.parquet")
        assert adbc.value(con, "select sum(i) from logs.events") == 16
        pq.write_table(pa.table({"i": [20]}), folder / "events" / "2.parquet")
        assert adbc.value(con, "select sum(i) from logs.events") == 26


@UNREADABLE
def test_an_error_in_mid_stream_keeps_its_reason(lakehouse):
    sql = "select case when i = 2000000 then error('boom') else i end as i from range(3000000) t(i)"
    with adbc.connect(lakehouse) as con:
        for _ in range(5):
            with refused("INVALID_ARGUMENT", match="boom"):
                adbc.table(con, sql)


def test_keys_of_the_servers_environment_are_not_to_be_read(tmp_path, launch, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "canary-of-the-environment")
    users = {name: secured.password_of(name) for name in secured.USERS}
    server = launch(users_file=secured.users_file(tmp_path), users=users)
    with adbc.login(server, "ada") as con:
        settings = dict(adbc.rows(con, "select name, value from duckdb_settings()"))
        assert "s3_secret_access_key" in settings, "httpfs is loaded where there are users"
        assert "canary-of-the-environment" not in str(settings)
        with refused("PERMISSION_DENIED", match="s3_endpoint"):
            adbc.rows(con, "from 's3://lake/x.parquet?s3_endpoint=127.0.0.1:1'")


@UNREADABLE
def test_a_table_that_cannot_be_read_says_why(lakehouse):
    why = "table `later`.*No files found.*tries it again"
    with adbc.connect(lakehouse) as con:
        for sql in [
            "from logs.later",
            "select count(*) from logs.later",
            "select 1 from logs.later",
            "select exists (from logs.later)",
        ]:
            with refused("INVALID_ARGUMENT", match=why):
                adbc.rows(con, sql)


@UNREADABLE
def test_nobody_changes_the_tables_that_the_file_gives(lakehouse):
    with adbc.connect(lakehouse) as con:
        for sql in [
            "create or replace view logs.events as select 1 as i",
            "create table logs.x (i int)",
            "drop view logs.main.events",
            "alter view logs.events rename to e",
            "use logs; create table x (i int)",
            "use logs; create table main.x as from events",
            "create schema logs.s",
            "copy from database lake to logs",
        ]:
            with refused("PERMISSION_DENIED", match="`logs` are given by the server"):
                for statement in sql.split("; "):
                    adbc.run(con, statement)
        assert adbc.value(con, "select count(*) from logs.main.events") == 3
        adbc.run(con, "create temp table own as from events")
        adbc.run(con, "create table lake.copied as from events")
        assert adbc.value(con, "select count(*) from lake.copied") == 3
        with (
            con.cursor() as cursor,
            refused("PERMISSION_DENIED", match="`logs` are given by the server"),
        ):
            cursor.adbc_ingest("x", pa.table({"i": [1]}), mode="create", catalog_name="logs")


@UNREADABLE
def test_the_extensions_of_the_worker_are_listed(lakehouse):
    with adbc.connect(lakehouse) as con:
        names = {name for (name,) in adbc.rows(con, "select name from tavana.extensions")}
        assert {"ducklake", "sqlite_scanner", "spatial", "fts", "excel", "parquet"} <= names
        assert adbc.value(con, "select st_area(st_makeenvelope(0, 0, 2, 3))") == 6
        with refused("PERMISSION_DENIED", match="read-only"):
            adbc.run(con, "create table tavana.x (i int)")


@UNREADABLE
@pytest.mark.parametrize(
    "sql",
    [
        "from __ducklake_metadata_lake.ducklake_table",
        'delete from "__DUCKLAKE_METADATA_LAKE".ducklake_table',
        "use __ducklake_metadata_lake",
    ],
)
def test_the_metadata_of_a_lake_is_the_servers_own(lakehouse, sql):
    with adbc.connect(lakehouse) as con, refused("PERMISSION_DENIED", match="DuckLake"):
        adbc.run(con, sql)


@UNREADABLE
def test_users_read_what_catalogs_name_and_nothing_else(folder, launch):
    server = launch(
        catalogs=folder / "catalogs.toml",
        users_file=secured.users_file(folder),
        users={name: secured.password_of(name) for name in secured.USERS},
    )
    with adbc.login(server, "uli") as con:
        adbc.run(con, "create table t as select 42 as i")
        assert adbc.value(con, "select i from t") == 42
        assert adbc.value(con, f"select count(*) from '{folder}/events/*.parquet'") == 3
        for sql in (
            f"from sqlite_scan('{folder}/meta.sqlite', 'ducklake_table')",
            f"from read_csv('{folder}/catalogs.toml')",
            f"copy (select 1) to '{folder}/meta.sqlite' (format csv)",
            f"copy (select 1) to '{folder}/meta.sqlite' (format csv, use_tmp_file false)",
            f"copy (select 1) to '{folder}/meta.sqlite' (format csv, \"USE_TMP_FILE\" false)",
            "from postgres_scan('host=127.0.0.1', 'public', 't')",
            f"from delta_scan('{folder}')",
        ):
            with refused(
                "PERMISSION_DENIED",
                "INVALID_ARGUMENT",
                "NOT_FOUND",
                match="function|disabled|use_tmp_file",
            ):
                adbc.rows(con, sql)
        with refused("PERMISSION_DENIED", match="administrator"):
            adbc.run(con, "call ducklake_set_option('lake', 'parquet_compression', 'zstd')")
        with refused("PERMISSION_DENIED", match="tavana maintain"):
            adbc.run(con, "call ducklake_expire_snapshots('lake', older_than => now())")


@pytest.mark.topologies("serve")
@UNREADABLE
def test_postgresql_sees_the_default_catalog_as_its_database(folder):
    server = pg_server.start_tavana(folder, args=("--catalogs", folder / "catalogs.toml"))
    try:
        with psycopg.connect(server.conninfo, autocommit=True) as con:
            assert con.execute("select current_database()").fetchone() == ("tavana",)
            con.execute("create table t as select 1 as i")
            assert con.execute("select i from public.t").fetchall() == [(1,)]
            tables = (
                "select table_name from information_schema.tables where table_schema = 'public'"
            )
            assert con.execute(tables).fetchall() == [("t",)]
            assert con.execute("select sum(i) from logs.events").fetchone() == (6,)
            assert con.execute("select i from tavana.public.t").fetchall() == [(1,)]
            assert con.execute("select tavana.public.t.i from t").fetchall() == [(1,)]
            con.execute("create schema s")
            con.execute("create table tavana.s.u (i int)")
            assert con.execute("select count(*) from lake.s.u").fetchone() == (0,)
            assert con.execute("select count(*) from tavana.main.extensions").fetchone()[0] > 5
            databases = con.execute(
                "select datname from pg_database where not datistemplate order by 1"
            )
            assert databases.fetchall() == [("logs",), ("memory",), ("tavana",)]
    finally:
        server.stop()


@pytest.mark.topologies("serve")
@UNREADABLE
def test_a_catalog_is_a_database_to_clients_of_postgresql(folder):
    server = pg_server.start_tavana(folder, args=("--catalogs", folder / "catalogs.toml"))
    tables = "select relname from pg_class where relkind in ('r', 'v') and relnamespace = 'public'::regnamespace"
    logs = server.conninfo.replace("dbname=tavana", "dbname=logs")
    try:
        with psycopg.connect(server.conninfo, autocommit=True) as con:
            con.execute("create table t as select 1 as i")
        for _ in range(2):
            with psycopg.connect(logs, autocommit=True) as con:
                assert con.execute("select current_database()").fetchone() == ("logs",)
                assert con.execute("select sum(i) from public.events").fetchone() == (6,)
                assert con.execute("select sum(i) from events").fetchone() == (6,)
                assert sorted(con.execute(tables).fetchall()) == [
                    ("events",),
                    ("later",),
                    ("prices",),
                ]
            with psycopg.connect(server.conninfo, autocommit=True) as con:
                assert con.execute(tables).fetchall() == [("t",)]
        for name in ("nothere", "pgc", "__ducklake_metadata_lake"):
            with pytest.raises(psycopg.OperationalError, match="does not exist"):
                psycopg.connect(server.conninfo.replace("dbname=tavana", f"dbname={name}"))
    finally:
        server.stop()


CRM = """
[catalog.crm]
type = "postgres"
connection = "host=127.0.0.1 port={port} dbname=tavana user=tavana"

[catalog.crm_read]
type = "postgres"
connection = "host=127.0.0.1 port={port} dbname=tavana user=clerk"
password = "canary-password"
read-only = true
"""


@pytest.fixture(scope="module")
def crm():
    oracle = pg_server.Oracle()
    with psycopg.connect(oracle.server.conninfo, autocommit=True) as con:
        con.execute("create table people (id int primary key, name text, born date, tags text[])")
        con.execute(
            "insert into people values (1, 'ann', '2000-01-01', '{a,b}'), (2, 'bob', null, null)"
        )
        con.execute("create role clerk login password 'canary-password'")
        con.execute("grant select on people to clerk")
    yield oracle
    oracle.stop()


@pytest.mark.topologies("serve")
def test_a_postgresql_database_is_a_catalog(crm, tmp_path):
    (tmp_path / "c.toml").write_text(CRM.format(port=crm.port))
    server = pg_server.start_tavana(tmp_path, args=("--catalogs", tmp_path / "c.toml"))
    ann = (1, "ann", datetime.date(2000, 1, 1), ["a", "b"])
    try:
        with (
            adbc.connect(server.program.addresses["flight"]) as flight,
            psycopg.connect(server.conninfo, autocommit=True) as pg,
        ):
            for name in ("crm.public.people", "crm.people", "crm_read.public.people"):
                sql = f"select * from {name} where id = 1"
                assert adbc.rows(flight, sql) == [ann] == pg.execute(sql).fetchall()
            joined = "select name, i from crm.people join range(3) t(i) on i = id order by 2"
            assert adbc.rows(flight, joined) == [("ann", 1), ("bob", 2)]
            pg.execute("insert into crm.public.people values (3, 'cy', null, null)")
            assert adbc.run(flight, "update crm.people set name = 'CY' where id = 3") == 1
            assert pg.execute("delete from crm.public.people where id = 3").rowcount == 1
            with pytest.raises(psycopg.errors.IntegrityError, match="people_pkey"):
                pg.execute("insert into crm.public.people values (1, 'again', null, null)")
            with refused("PERMISSION_DENIED", match="read-only"):
                adbc.run(flight, "delete from crm_read.public.people")
            for view in ("duckdb_secrets()", "duckdb_databases()", "duckdb_settings()"):
                assert "canary-password" not in str(adbc.rows(flight, f"from {view}"))
    finally:
        server.stop()
    assert "canary-password" not in server.program.log.read_text()


@pytest.mark.topologies("worker")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("default = 'x'", "there is no catalog `x`"),
        ("[catalog.a]\ntype = 'files'\ntables.t = '/x'", "add format"),
        ("[catalog.a]\ntype = 'postgres'\nconnection = 'host=h password=canary'", "key `password`"),
        ("[store.a]\nscope = 's3://b'\naccess-key-id = 'k'\nsecret-access-key = 7", "store|secret"),
        (
            "[catalog.a]\ntype = 'ducklake'\ndata-path = 's3://x/y'\npassword = 'canary'\n"
            "metadata = 'postgres:host=127.0.0.1 port=1 dbname=x'",
            "catalog `a` cannot be opened",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_told_at_the_start(tmp_path, text, reason):
    (tmp_path / "c.toml").write_text(text)
    command = [
        binary("tavana-worker"),
        "--catalogs",
        tmp_path / "c.toml",
        "--flight-addr",
        "127.0.0.1:0",
        "--http-addr",
        "127.0.0.1:0",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert re.search(reason, ended.stderr), ended.stderr
    assert "canary" not in ended.stderr
