"""Maintenance, backup and restore of lakes, as their owner runs them."""

import contextlib
import json
import os
import re
import shutil
import threading
import time
from pathlib import Path

import psycopg
import pytest

from harness import adbc, pg_server, stores
from harness.failures import refused
from harness.processes import Program, run
from harness.topology import eventually
from harness.upkeep import DAY, PAST, Lake, fill


@pytest.fixture(scope="module")
def postgresql():
    oracle = pg_server.Oracle()
    with psycopg.connect(oracle.server.conninfo, autocommit=True) as con:
        # Times must not depend on where somebody is.
        con.execute("alter system set timezone = 'America/Los_Angeles'")
        con.execute("select pg_reload_conf()")
    yield oracle
    oracle.stop()


@pytest.fixture
def metadata(request, tmp_path):
    """Makes metadata of a kind, by name."""

    def make(kind, name):
        if kind != "postgres":
            return f"{kind}:{tmp_path}/{name}.{kind}"
        oracle = request.getfixturevalue("postgresql")
        database = f"{tmp_path.name}_{name}".lower().replace("-", "_")
        with psycopg.connect(oracle.server.conninfo, autocommit=True) as con:
            con.execute(f'create database "{database}"')
        return f"postgres:host=127.0.0.1 port={oracle.port} dbname={database} user={pg_server.USER}"

    return make


@pytest.fixture(params=["sqlite", "postgres", "duckdb"])
def any_kind(request):
    return request.param


# `make test-lake` runs all of it on SQLite, too.
SHARED_KINDS = ["sqlite", "postgres"] if "TAVANA_LAKE_SECONDS" in os.environ else ["postgres"]


@pytest.fixture(params=SHARED_KINDS)
def shared_kind(request):
    """Of the metadata that several processes share."""
    return request.param


@pytest.fixture
def lake(tmp_path, metadata, shared_kind):
    return Lake(tmp_path, metadata(shared_kind, "lake")).settings()


def test_maintenance_keeps_the_data_and_frees_what_nobody_needs(tmp_path, metadata, any_kind):
    lake = Lake(tmp_path, metadata(any_kind, "lake")).settings(keep=30, age=30)
    fill(lake)
    before, past, files = lake.content(), lake.rows(PAST), lake.files
    young = lake.maintain()
    assert young["snapshots expired"] == young["files deleted"] == 0
    assert young["files compacted"] > 2
    assert files < lake.files, "files that old snapshots name stay as long as these"
    assert lake.content()[:5] == before[:5]
    assert lake.rows(PAST) == past, "the past can be read as before"

    lake.settings(keep=0, age=0)
    told = lake.maintain("--dry-run")
    assert told["snapshots expired"] > 10
    done = lake.maintain()
    assert done["snapshots expired"] >= told["snapshots expired"], (
        "compaction itself has made snapshots"
    )
    assert done["files deleted"] > 3
    after = lake.content()
    assert after[:5] == before[:5]
    assert len(after[5]) == 1
    assert lake.maintain()["files deleted"] == 0
    assert lake.content()[:5] == before[:5]


def test_files_are_deleted_at_their_age_and_not_before(lake):
    fill(lake)
    lake.settings(keep=0, age=0.5)
    stray = lake.data / "main" / "t" / "stray.parquet"
    stray.write_bytes(b"of a writer that died")
    assert lake.maintain()["snapshots expired"] > 10
    assert lake.maintain("--dry-run") == {
        "snapshots expired": 0,
        "files deleted": 0,
        "orphans deleted": 0,
    }
    # As if half a day had gone by; nothing but the stray file is older than that.
    then = time.time() - DAY * 0.6
    os.utime(stray, (then, then))
    before = lake.files
    assert lake.maintain()["orphans deleted"] == 1
    assert before - lake.files == {stray}


def test_only_files_of_writers_that_died_are_deleted(lake):
    fill(lake, "create table t as select i from range(1000) r(i);\n")
    lake.settings(scheduled=False)
    dead = Program("tavana-worker", "--catalogs", lake.catalogs, log_dir=lake.folder)
    with contextlib.suppress(Exception), adbc.connect(dead.uri, autocommit=False) as tx:
        committed = lake.files
        adbc.run(tx, "insert into t select i from range(1000, 200000) r(i)")
        orphans = lake.files - committed
        dead.kill()
    assert orphans
    with lake.served() as worker, adbc.connect(worker.uri, autocommit=False) as tx:
        adbc.run(tx, "insert into t select i from range(200000, 400000) r(i)")
        running = lake.files - committed - orphans
        assert running
        # The dead writer's files are old by now, those of the running one are not.
        then = time.time() - DAY
        for file in orphans:
            os.utime(file, (then, then))
        lake.settings(keep=30, age=0.5)
        assert lake.maintain()["orphans deleted"] == len(orphans)
        assert not orphans & lake.files
        assert running <= lake.files
        tx.commit()
        assert adbc.value(tx, "select count(*) from t") == 201_000


class Conflict(Exception):
    """Nothing was written, as the server says."""


def settled(con, sql):
    try:
        adbc.run(con, sql)
    except con.Error as error:
        raise Conflict if "nothing was written" in str(error) else error from error


@pytest.mark.allow_log("WARN", "(?i)conflict|locked")
@pytest.mark.parametrize("shared_kind", ["sqlite", "postgres"], indirect=True)
def test_maintenance_and_writers_do_not_disturb_each_other(lake):
    fill(lake, "create table t (writer integer, i integer);\ncreate table u (i integer);\n")
    lake.settings(every_minutes=0.02, keep=0, age=60 / DAY)
    stop, counts, failed = threading.Event(), {0: 0, 1: 0, 2: 0}, []

    def write(uri, writer):
        """Rows of its own, of which those below 3 go again."""
        low = 0
        try:
            with adbc.connect(uri) as con:
                while not stop.is_set():
                    rows = 1 + counts[writer] % 40
                    adbc.run(con, f"insert into t select {writer}, i from range({rows}) r(i)")
                    counts[writer] += rows
                    low += min(rows, 3)
                    if counts[writer] % 4 == writer:
                        # Others may come first again and again; then nothing is deleted.
                        with contextlib.suppress(Conflict):
                            settled(con, f"delete from t where writer = {writer} and i < 3")
                            counts[writer] -= low
                            low = 0
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    told = []

    def maintain():
        for _ in range(8):
            told.append(run("tavana", "maintain", "--catalogs", lake.catalogs))

    with lake.served() as one, lake.served() as two:
        threads = [
            threading.Thread(target=write, args=(uri, writer))
            for writer, uri in enumerate([one.uri, two.uri, two.uri])
        ]
        threads += [threading.Thread(target=maintain) for _ in "ab"]
        for thread in threads:
            thread.start()
        runs = "tavana_maintenance_runs_total"

        def done():
            telling = [one for one in (one, two) if runs in one.get("/metrics")[1]]
            return sum(program.metric(runs) for program in telling)

        try:
            eventually(lambda: done() >= 2, 60)
            eventually(lambda: len(told) == 16, 60)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not failed
        with adbc.connect(one.uri) as con:
            found = dict(adbc.rows(con, "select writer, count(*) from t group by all"))
            rows = adbc.rows(con, "select count(*), count(distinct rowid) from t")[0]
    # SQLite is not fair: a writer may have had no turn.
    assert found == {writer: rows for writer, rows in counts.items() if rows}
    assert rows[0] == rows[1]
    # Two at once are kept apart, so that some were refused; what else fails is a conflict with a writer.
    others = [one.stderr for one in told if one.returncode != 0]
    for why in others:
        assert re.search("is being maintained|(?i:conflict|locked)", why), why
    assert len(others) < len(told)


def test_nobody_maintains_a_lake_that_another_maintains(lake):
    fill(lake, "create table t as select i from range(100) r(i);\n")
    lake.maintain()
    lake.claim("somebody")
    told = lake.do("maintain", ok=False)
    assert "is being maintained" in told and "--take-over" in told
    assert lake.maintain("--dry-run")["files deleted"] == 0
    lake.maintain("--take-over")
    lake.maintain()
    with lake.served() as worker, adbc.connect(worker.uri) as con:
        for sql in [
            f"checkpoint {lake.name}",
            f"call ducklake_merge_adjacent_files('{lake.name}')",
            f"use {lake.name}; checkpoint",
            f"call {lake.name}.rewrite_data_files()",
        ]:
            with refused("PERMISSION_DENIED", match="rows twice"):
                for statement in sql.split("; "):
                    adbc.run(con, statement)


def test_a_worker_that_drains_ends_its_maintenance_and_another_takes_over(tmp_path, metadata):
    lake = Lake(tmp_path, metadata("postgres", "lake")).settings(every_minutes=0.01)
    fill(lake, "create table t as select i from range(100) r(i);\n")
    with lake.served() as other:
        with lake.served() as worker:
            eventually(
                lambda: '"maintenance begins"' in worker.log.read_text() + other.log.read_text()
            )
        before = other.log.read_text().count('"maintenance ended"')
        eventually(lambda: other.log.read_text().count('"maintenance ended"') > before)
        assert other.metric("tavana_maintenance_runs_total") > 0


def test_a_failure_is_told_once(tmp_path, metadata, request):
    lake = Lake(tmp_path, metadata("sqlite", "lake")).settings(every_minutes=0.01, age=0)
    fill(
        lake,
        "create table t as select i from range(100) r(i);\ninsert into t select i from range(100) r(i);\n",
    )
    for file in lake.files:
        file.write_bytes(b"damaged")
    request.node.add_marker(pytest.mark.allow_log("WARN", "maintenance failed"))
    with lake.served() as worker:
        runs = 'tavana_maintenance_runs_total{catalog="lake",outcome="failed"} '
        eventually(
            lambda: any(f"{runs}{count}" in worker.get("/metrics")[1] for count in (3, 4, 5))
        )
        assert worker.log.read_text().count("maintenance failed") == 1


def test_a_backup_brings_everything_back(tmp_path, metadata, any_kind):
    lake = Lake(tmp_path, metadata(any_kind, "lake")).settings()
    fill(lake)
    before, past, backup = lake.content(), lake.rows(PAST), tmp_path / "backup"
    assert "Backed up at snapshot" in lake.backup(backup)
    shutil.rmtree(lake.data)
    back = Lake(tmp_path, metadata(any_kind, "back"), name="back").settings()
    assert "Restored at snapshot" in back.restore(backup)
    assert back.content() == before
    assert back.rows(PAST) == past
    with back.served() as worker, adbc.connect(worker.uri) as con:
        assert adbc.run(con, "insert into t (i) values (5000)") == 1
        assert (
            adbc.run(con, "insert into other.parts select '2030-01-01', 1000 from range(20)") == 20
        )
        assert adbc.value(con, "select count(*) from t") == len(before[0]) + 1
    assert {path.name for path in back.data.rglob("year=2030")}, "partitions are made as before"
    back.maintain()
    assert len(back.content()[0]) == len(before[0]) + 1


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_backup_can_be_restored_to_the_other_kind(tmp_path, metadata, source, target):
    lake = Lake(tmp_path, metadata(source, "lake")).settings()
    fill(lake)
    lake.backup(tmp_path / "backup")
    back = Lake(tmp_path, metadata(target, "back"), name="back").settings()
    back.restore(tmp_path / "backup")
    assert back.content() == lake.content()
    back.maintain()
    assert back.content()[:5] == lake.content()[:5]
    duckdb = Lake(tmp_path, metadata("duckdb", "file"), name="file").settings()
    assert "cannot be restored" in duckdb.restore(tmp_path / "backup", ok=False)
    assert not (tmp_path / "file.duckdb").exists()


def test_a_backup_beside_writers_is_of_one_snapshot(lake):
    fill(lake, "create table a (i integer);\ncreate table b (i integer);\n")
    stop, failures = threading.Event(), []

    def write(uri):
        try:
            with adbc.connect(uri, autocommit=False, seconds=60) as tx:
                for number in range(10_000):
                    if stop.is_set():
                        return
                    size = 5 if number % 2 else 50
                    adbc.run(tx, f"insert into a select i from range({size}) r(i)")
                    adbc.run(tx, f"insert into b select i from range({size}) r(i)")
                    tx.commit()
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    with lake.served() as worker:
        writer = threading.Thread(target=write, args=(worker.uri,))
        writer.start()
        try:
            with adbc.connect(worker.uri) as con:
                eventually(lambda: adbc.value(con, "select count(*) from a") > 0)
            backups = [lake.folder / f"backup{number}" for number in range(3)]
            for backup in backups:
                lake.backup(backup)
        finally:
            stop.set()
            writer.join()
        assert not failures
        for backup in backups:
            back = Lake(lake.folder, lake.metadata, name="lake").settings()
            snapshot = json.loads((backup / "manifest.json").read_text())["holds"]["lake"][
                "snapshot"
            ]
            back = Lake(
                lake.folder, f"sqlite:{backup}.sqlite", name=f"back_{backup.name}"
            ).settings()
            back.restore(backup)
            with back.served() as other, adbc.connect(other.uri) as con:
                found = adbc.rows(con, "select (select count(*) from a), (select count(*) from b)")
            with adbc.connect(worker.uri) as con:
                at = f"at (version => {snapshot})"
                assert found == adbc.rows(
                    con, f"select (select count(*) from a {at}), (select count(*) from b {at})"
                )
            assert found[0][0] == found[0][1] > 0


def test_a_lake_in_a_bucket_is_backed_up_to_a_bucket_and_restored_from_it(tmp_path, metadata):
    s3 = stores.S3(tmp_path)
    try:
        store = s3.store_toml("minio")
        place = {"place": s3.url("lake/"), "store": store}
        lake = Lake(tmp_path, metadata("sqlite", "lake"), **place).settings(keep=0, age=0)
        fill(lake)
        assert lake.maintain()["files deleted"] > 0
        before, backup = lake.content(), s3.url("backup")
        lake.backup(backup)
        fill(lake, "create table more as select i from range(1000) r(i);\n")
        assert "2 of them" in lake.backup(backup)
        s3.put("lake/main/t/stray.parquet", b"of a writer that died")
        assert lake.maintain()["orphans deleted"] == 1
        assert lake.content()[:3] == before[:3]
        back = Lake(tmp_path, metadata("sqlite", "back"), name="back", store=store).settings()
        back.restore(backup)
        assert back.content()[:5] == lake.content()[:5]
        s3.delete(next(name for name in s3.list("backup/data") if name.endswith(".parquet")))
        again = Lake(tmp_path, metadata("sqlite", "again"), name="again", store=store).settings()
        assert "is missing" in again.restore(backup, ok=False)
    finally:
        s3.stop()


def test_a_file_from_elsewhere_is_backed_up_and_comes_back_with_the_others(tmp_path, metadata):
    lake = Lake(tmp_path, metadata("sqlite", "lake")).settings()
    elsewhere, backup = tmp_path / "elsewhere.parquet", tmp_path / "backup"
    fill(
        lake,
        "create table t (i bigint);\n"
        f"copy (select i from range(100) r(i)) to '{elsewhere}';\n"
        f"call ducklake_add_data_files('lake', 't', '{elsewhere}');\n"
        "insert into t select i from range(100, 200) r(i);\n",
    )
    total = "select count(*), sum(i) from t"
    before = lake.rows(total)
    lake.backup(backup)
    assert "1 of them" in lake.backup(backup), "the metadata alone"
    elsewhere.unlink()
    shutil.rmtree(lake.data)
    back = Lake(tmp_path, metadata("sqlite", "back"), name="back").settings()
    back.restore(backup)
    assert back.rows(total) == before == [[(200, 19_900)]]
    assert len(back.files) == 2


def test_a_further_backup_copies_only_what_is_new(lake):
    fill(lake)
    backup = lake.folder / "backup"
    lake.backup(backup)
    first = {path: path.stat().st_mtime_ns for path in backup.rglob("*.parquet")}
    fill(lake, "create table more as select i from range(1000) r(i);\n")
    assert "2 of them" in lake.backup(backup), "its file, and the metadata"
    second = {path: path.stat().st_mtime_ns for path in backup.rglob("*.parquet")}
    assert len(second) == len(first) + 1
    assert first.items() <= second.items()
    assert len(list(backup.glob("metadata-*"))) == 1
    before = lake.content()
    lake.maintain()
    lake.backup(backup)
    assert len(list(backup.rglob("*.parquet"))) == len(lake.files), "what it needs no more is gone"
    assert "has, or had, tables" in lake.restore(backup, ok=False)
    fill(lake, "drop table t;\n")
    lake.restore(backup, "--replace")
    assert lake.content()[:5] == before[:5]


@pytest.mark.parametrize(
    "fault", ["no manifest", "cut manifest", "missing", "short", "changed", "metadata"]
)
def test_a_backup_that_is_not_whole_changes_nothing(tmp_path, metadata, fault):
    lake = Lake(tmp_path, metadata("sqlite", "lake")).settings()
    fill(lake)
    backup = lake.folder / "backup"
    lake.backup(backup)
    manifest = backup / "manifest.json"
    data = sorted(backup.rglob("*.parquet"))[-1]
    kept = sorted(backup.glob("metadata-*"))[0]
    expected = {
        "no manifest": (manifest.unlink, "there is no manifest.json"),
        "cut manifest": (
            lambda: manifest.write_bytes(manifest.read_bytes()[:99]),
            "cannot be read",
        ),
        "missing": (data.unlink, "is missing"),
        "short": (lambda: data.write_bytes(data.read_bytes()[:-1]), "bytes, not"),
        "changed": (lambda: data.write_bytes(flipped(data)), "is not what was backed up"),
        "metadata": (lambda: kept.write_bytes(flipped(kept)), "is not what was backed up"),
    }
    break_it, reason = expected[fault]
    break_it()
    back = Lake(lake.folder, metadata("sqlite", "back"), name="back").settings()
    assert reason in back.restore(backup, ok=False)
    assert not back.files
    assert not (lake.folder / "back.sqlite").exists()
    before = lake.content()
    # A file that is there and right needs none of the backup.
    is_needed = fault != "changed"
    assert (reason in lake.restore(backup, "--replace", ok=not is_needed)) == is_needed
    assert lake.content() == before
    # A backup to the same place makes it whole again.
    if fault in ("no manifest", "cut manifest", "missing", "short"):
        lake.backup(backup)
        back.restore(backup)
        assert back.content() == before


def flipped(file: Path) -> bytes:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    return bytes(content)


def test_files_that_are_damaged_are_not_backed_up(lake):
    fill(lake)
    backup = lake.folder / "backup"
    lake.backup(backup)
    good = (backup / "manifest.json").read_bytes()
    fill(lake, "create table more as select i from range(1000) r(i);\n")
    (new,) = (lake.data / "main" / "more").glob("*.parquet")
    whole = new.read_bytes()
    new.write_bytes(whole[:-1])
    assert "damaged" in lake.backup(backup, ok=False)
    new.unlink()
    assert "cannot be read" in lake.backup(backup, ok=False)
    assert (backup / "manifest.json").read_bytes() == good, "the earlier backup is still whole"


def test_the_embedded_database_is_backed_up_and_restored(tmp_path):
    data, back, backup = tmp_path / "data", tmp_path / "back", tmp_path / "backup"
    serve = ["serve", "--data-dir"]
    program = Program("tavana", *serve, data, log_dir=tmp_path)
    with adbc.connect(program.uri) as con:
        adbc.run(con, "create table t (i integer primary key, s varchar default 'x')")
        adbc.run(con, "insert into t (i) select i from range(1000) r(i)")
        adbc.run(con, "create sequence numbers start 7")
    refused = run("tavana", "backup", "--data-dir", data, "--to", backup)
    assert refused.returncode == 1 and "end the server" in refused.stderr, refused.stderr
    program.kill()  # what was committed is in its log only
    done = run("tavana", "backup", "--data-dir", data, "--to", backup)
    assert done.returncode == 0, done.stderr
    done = run("tavana", "restore", "--data-dir", data, "--from", backup)
    assert done.returncode == 1 and "--replace" in done.stderr
    done = run("tavana", "restore", "--data-dir", back, "--from", backup)
    assert done.returncode == 0, done.stderr
    program = Program("tavana", *serve, back, log_dir=tmp_path)
    with adbc.connect(program.uri) as con:
        assert adbc.value(con, "select count(*) from t") == 1000
        assert adbc.value(con, "select nextval('numbers')") == 7
        with pytest.raises(Exception, match="(?i)duplicate"):
            adbc.run(con, "insert into t (i) values (5)")
        adbc.run(con, "delete from t")
    program.stop()
    done = run("tavana", "restore", "--data-dir", back, "--from", backup, "--replace")
    assert done.returncode == 0, done.stderr
    program = Program("tavana", *serve, back, log_dir=tmp_path)
    with adbc.connect(program.uri) as con:
        assert adbc.value(con, "select count(*) from t") == 1000
    program.stop()


def test_what_cannot_be_maintained_is_told(tmp_path, metadata):
    lake = Lake(tmp_path, metadata("sqlite", "lake")).settings()
    assert "no catalog `other`" in lake.do("maintain", "--catalog", "other", ok=False)
    lake.catalogs.write_text('[catalog.a]\ntype = "files"\ntables.t = "/nowhere/t.csv"\n')
    assert "no lake" in lake.do("maintain", ok=False)
    assert "--catalogs" in run("tavana", "maintain").stderr
