"""Several workers write to one DuckLake: nothing is lost, nothing is doubled, whoever dies."""

import os
import random
import threading
import time

import psycopg
import pyarrow as pa
import pytest

from harness import adbc, lake, pg_server
from harness.failures import refused
from harness.history import History
from harness.topology import eventually

pytestmark = [
    pytest.mark.topologies("gateway"),
    pytest.mark.allow_log("WARN", "(?i)worker|connect|lost|unavailable|transport|gateway|session"),
]

# A fault of the postgres extension's, seen once when the metadata database came back and known elsewhere too: it ends
# the worker. What such an end may lose is what the tests look for.
loses_its_engine = pytest.mark.allow_log(
    "ERROR", "terminate called|database has been invalidated|index 0 within vector of size 0"
)

# `make test-lake` takes longer.
SECONDS = float(os.environ.get("TAVANA_LAKE_SECONDS", "6"))
ACCOUNTS, BALANCE = 10, 100


@pytest.fixture(scope="module")
def metadata():
    oracle = pg_server.Oracle()
    yield oracle
    oracle.stop()


def start_fleet(folder, metadata):
    """Three workers on a lake of their own."""
    database = f"lake_{random.randrange(1 << 60)}"
    with psycopg.connect(metadata.server.conninfo, autocommit=True) as con:
        con.execute(f"create database {database}")
    connection = lake.postgresql(metadata).replace(
        f"dbname={pg_server.DATABASE}", f"dbname={database}"
    )
    return lake.Fleet.start(folder, connection, 3)


@pytest.fixture
def fleet(tmp_path, metadata):
    fleet = start_fleet(tmp_path, metadata)
    yield fleet
    fleet.stop()


@pytest.fixture(scope="module")
def calm_fleet(tmp_path_factory, metadata):
    """One that several tests share, of which none disturbs it."""
    fleet = start_fleet(tmp_path_factory.mktemp("calm"), metadata)
    yield fleet
    fleet.stop()


def make_tables(fleet):
    with adbc.connect(fleet.uri) as con:
        adbc.run(con, "create table history (number bigint, part bigint)")
        adbc.run(
            con,
            f"create table accounts as select i as id, {BALANCE} as balance from range({ACCOUNTS}) t(i)",
        )


def run_clients(fleet, seconds, disturb=lambda: None, history=None):
    """Writers, movers and readers at once; `disturb` is called again and again meanwhile."""
    history = history or History()
    history.stop.clear()
    work = [
        (history.by_adbc, fleet.uri),
        (history.by_ingest, fleet.uri),
        (history.by_psycopg, fleet.conninfo),
        (history.by_psycopg, fleet.conninfo),
        (history.moves, fleet.conninfo, ACCOUNTS),
        (history.moves, fleet.conninfo, ACCOUNTS),
        (history.reads, fleet.uri, ACCOUNTS, ACCOUNTS * BALANCE),
    ]
    threads = [threading.Thread(target=target, args=args) for target, *args in work]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            disturb()
            time.sleep(0.2)
    finally:
        history.stop.set()
        for thread in threads:
            thread.join()
    return history


def found(fleet):
    with adbc.connect(fleet.uri) as con:
        assert adbc.rows(con, "select count(*), sum(balance) from accounts") == [
            (ACCOUNTS, ACCOUNTS * BALANCE)
        ]
        rows = adbc.rows(
            con, "select number, count(*), count(distinct part) from history group by all"
        )
    assert all(count == parts for _, count, parts in rows), "a row is there twice"
    return {number: count for number, count, _ in rows}


def test_writers_on_all_workers_lose_nothing(fleet):
    make_tables(fleet)
    history = run_clients(fleet, SECONDS / 3)
    history.check(found(fleet))
    told = [outcome for outcome, _ in history.outcomes.values()]
    assert told.count("ok") > 20, history.reasons
    assert "unknown" not in told, history.reasons


def test_workers_killed_at_random_lose_and_double_nothing(fleet):
    make_tables(fleet)
    down: list[int] = []

    def disturb():
        if down:
            fleet.restart_worker(down.pop())
        else:
            down.append(random.randrange(3))
            fleet.kill_worker(down[0])
        time.sleep(random.random())

    history = run_clients(fleet, SECONDS, disturb)
    for index in down:
        fleet.restart_worker(index)
    eventually(lambda: fleet.gateway.get("/readyz", ok_only=False)[0] == 200, 30)
    history.check(found(fleet))
    assert [outcome for outcome, _ in history.outcomes.values()].count("ok") > 20, history.reasons


@loses_its_engine
@pytest.mark.allow_log("WARN", "Postgres|DuckLake")
def test_a_metadata_database_that_goes_and_comes_back_loses_nothing(fleet, metadata):
    make_tables(fleet)
    begun = time.monotonic()
    restarted = []

    def disturb():
        if not restarted and time.monotonic() - begun > SECONDS / 6:
            metadata.restart()
            restarted.append(True)

    history = run_clients(fleet, SECONDS / 2, disturb)
    history.check(found(fleet))
    assert restarted
    with adbc.connect(fleet.uri) as con:
        assert adbc.run(con, "insert into history values (-1, 0)") == 1


@loses_its_engine
@pytest.mark.allow_log("WARN", "Postgres|DuckLake")
def test_what_a_metadata_database_that_went_leaves_open_is_told(fleet, metadata):
    make_tables(fleet)
    insert = "insert into history values (1, 1)"
    with psycopg.connect(fleet.conninfo) as tx:
        tx.execute(insert)
        metadata.restart()
        with pytest.raises(psycopg.errors.TransactionResolutionUnknown):
            tx.commit()
        assert tx.execute("select count(*) from history").fetchone() == (0,)
        tx.execute(insert)
        metadata.restart()
        with pytest.raises(psycopg.errors.CannotConnectNow) as refusal:
            tx.execute("select count(*) from accounts")
        assert "host=" not in str(refusal.value)
        tx.rollback()
        tx.execute(insert)
        tx.commit()
    with adbc.connect(fleet.uri) as con:
        assert adbc.value(con, "select count(*) from history") == 1


@loses_its_engine
@pytest.mark.allow_log("WARN", "Postgres|DuckLake")
def test_statements_wait_for_a_metadata_database_that_comes_back(fleet, metadata):
    make_tables(fleet)
    told = []

    def write():
        with adbc.connect(fleet.uri) as con:
            told.append(adbc.run(con, "insert into history values (1, 1)"))
            told.append(adbc.value(con, "select count(*) from history"))

    metadata.halt()
    try:
        writer = threading.Thread(target=write)
        writer.start()
        eventually(
            lambda: sum(worker.metric("tavana_worker_queries_running") for worker in fleet.workers)
        )
    finally:
        metadata.go_on()
    writer.join()
    assert told == [1, 1]


def test_two_workers_share_a_lake_whose_metadata_is_in_sqlite(tmp_path):
    fleet = lake.Fleet.start(tmp_path, lake.sqlite(tmp_path), 2)
    try:
        make_tables(fleet)

        def disturb():
            fleet.kill_worker(0)
            fleet.restart_worker(0)

        history = run_clients(fleet, SECONDS / 3)
        history.check(found(fleet))
        told = [outcome for outcome, _ in history.outcomes.values()]
        assert told.count("ok") > 20, history.reasons
        assert "unknown" not in told, history.reasons
        history = run_clients(fleet, SECONDS / 6, disturb, history)
        history.check(found(fleet))
    finally:
        fleet.stop()


ADD = "update accounts set balance = balance + 1 where id = 1"


def two_transactions_meet(fleet):
    """Both change one row: the first commits, the second is told, and its connection goes on."""
    with psycopg.connect(fleet.conninfo) as one, psycopg.connect(fleet.conninfo) as two:
        one.execute(ADD)
        two.execute(ADD)
        one.commit()
        with pytest.raises(psycopg.errors.SerializationFailure):
            two.commit()
        balance = two.execute("select balance from accounts where id = 1").fetchone()
        assert balance == (BALANCE + 1,)


def test_two_commits_that_meet_in_sqlite_do_not_lock_the_lake(tmp_path):
    fleet = lake.Fleet.start(tmp_path, lake.sqlite(tmp_path), 2)
    try:
        make_tables(fleet)
        two_transactions_meet(fleet)
    finally:
        fleet.stop()


def test_the_second_of_two_transactions_on_one_row_is_told_of_the_conflict(calm_fleet):
    make_tables(calm_fleet)
    two_transactions_meet(calm_fleet)
    with adbc.connect(calm_fleet.uri) as con:
        with adbc.connect(calm_fleet.uri, autocommit=False) as tx:
            adbc.run(tx, ADD)
            adbc.run(con, ADD)
            with refused("ABORTED", match="onflict"):
                tx.commit()
        assert adbc.value(con, "select balance from accounts where id = 1") == BALANCE + 2


def test_what_one_worker_makes_is_seen_by_all_at_once(calm_fleet):
    uris = [worker.uri for worker in calm_fleet.workers]
    assert len(set(uris)) == 3
    for number in range(12):
        with adbc.connect(calm_fleet.uri) as con:
            adbc.run(con, f"create table t{number} as select {number} as i")
        with adbc.connect(calm_fleet.uri) as con:
            assert adbc.value(con, f"select i from t{number}") == number
    with adbc.connect(calm_fleet.uri) as con:
        tables = {name for (name,) in adbc.rows(con, "show tables")}
    assert {f"t{number}" for number in range(12)} <= tables
    with psycopg.connect(calm_fleet.conninfo, autocommit=True) as pg:
        count = "select count(*) from pg_class where relname ~ '^t[0-9]+$'"
        # Each worker asks anew every second, and statements go to one and to another.
        for _ in calm_fleet.workers:
            eventually(lambda: pg.execute(count).fetchone() == (12,))


def test_ingest_copy_and_time_travel_work_in_a_lake(calm_fleet):
    with adbc.connect(calm_fleet.uri) as con:
        with con.cursor() as cursor:
            data = pa.table({"i": range(50_000), "s": ["x"] * 50_000})
            assert cursor.adbc_ingest("t", data, mode="create") == 50_000
            assert cursor.adbc_ingest("t", data.slice(0, 10), mode="append") == 10
        (first,) = [
            snapshot
            for (snapshot,) in adbc.rows(con, "select max(snapshot_id) from lake.snapshots()")
        ]
        with psycopg.connect(calm_fleet.conninfo, autocommit=True) as pg:
            with pg.cursor() as cursor, cursor.copy("copy t (i, s) from stdin") as copy:
                for i in range(1000):
                    copy.write_row((i, "y"))
            assert pg.execute("select count(*) from t").fetchone() == (51_010,)
            assert pg.execute(f"select count(*) from t at (version => {first})").fetchone() == (
                50_010,
            )
            pg.execute(
                "merge into t using (values (0, 'z')) n(i, s) on t.i = n.i and t.s = 'y'"
                " when matched then update set s = n.s when not matched then insert values (n.i, n.s)"
            )
            assert pg.execute("select count(*) from t where s = 'z'").fetchone() == (1,)
        assert adbc.value(con, f"select count(*) from t at (version => {first})") == 50_010
        assert adbc.run(con, "delete from t where s = 'x'") == 50_010
        with refused("UNIMPLEMENTED", match="RETURNING"):
            adbc.rows(con, "insert into t values (1, 'r') returning i")
        with refused("UNIMPLEMENTED", match="sequences"):
            adbc.run(con, "create sequence s")
        with refused("PERMISSION_DENIED", match="server's own"), con.cursor() as cursor:
            cursor.adbc_ingest(
                "ducklake_table", data, catalog_name="__ducklake_metadata_lake", mode="replace"
            )


def test_what_a_lake_has_no_place_for_is_left_out_with_a_notice_or_refused(calm_fleet):
    notices = []
    with psycopg.connect(calm_fleet.conninfo) as pg:
        pg.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        pg.execute("create table plain (i int not null default 7, name varchar(3), code char(2))")
        pg.execute("create index on plain (name)")
        pg.commit()
        assert [notice for notice in notices if "lengths" in notice]
        assert [notice for notice in notices if "indexes" in notice]
        pg.execute("insert into plain (name) values ('longer')")
        assert pg.execute("select * from plain").fetchall() == [(7, "longer", None)]
        pg.commit()
        pg.execute("create temporary table kept (name varchar(3))")
        with pytest.raises(psycopg.errors.StringDataRightTruncation):
            pg.execute("insert into kept values ('longer')")
        pg.rollback()
        for sql in (
            "create table u (id serial)",
            "create table u (id int generated always as identity)",
            "create table u (id int primary key)",
            "create table u (id int unique)",
            "create table u (id int check (id > 0))",
            "create unique index on plain (name)",
            "create type mood as enum ('sad')",
            "create sequence s",
            "insert into plain (name) values ('x') returning i",
            "update plain set i = 1 returning i",
            "delete from plain returning i",
        ):
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                pg.execute(sql)
            pg.rollback()
        assert pg.execute("select count(*) from plain").fetchone() == (1,)
        with pytest.raises(psycopg.errors.NotNullViolation):
            pg.execute("insert into plain (i) values (null)")


def test_a_worker_killed_before_its_commit_leaves_only_files_that_nobody_names(fleet):
    with adbc.connect(fleet.uri) as con:
        adbc.run(con, "create table t as select i from range(1000) t(i)")
    with adbc.connect(fleet.uri, autocommit=False) as tx:
        adbc.run(tx, "insert into t select i from range(1000, 200000) t(i)")
        for index in range(3):
            fleet.kill_worker(index)
        with pytest.raises(Exception, match="(?i)worker|session|unavailable|unknown"):
            tx.commit()
    for index in range(3):
        fleet.restart_worker(index)
    eventually(lambda: fleet.gateway.get("/readyz", ok_only=False)[0] == 200, 30)
    with adbc.connect(fleet.uri) as con:
        assert adbc.value(con, "select count(*) from t") == 1000
        named = {
            file
            for (file,) in adbc.rows(con, "select data_file from ducklake_list_files('lake', 't')")
        }
    on_disk = {str(file) for file in fleet.data.rglob("*.parquet")}
    assert named < on_disk, "the rows that were not committed were written, and are named by nobody"
