"""pgbench's own scripts in the three query modes, on a small table made by plain SQL."""

import re

import pytest

from harness.pg_programs import run
from harness.pg_wire import connect

ROWS = 1000
READ = "\\set aid random(1, 1000)\nselect abalance from bench where aid = :aid;\n"
WRITE = (
    "\\set aid random(1, 1000)\nbegin;\n"
    "insert into bench_log values (:aid, :client_id);\nselect count(*) from bench where aid < :aid;\nend;\n"
)
PIPELINE = (
    "\\startpipeline\n"
    + "select abalance from bench where aid = 1;\nselect abalance from bench where aid = 2;\n" * 5
    + "\\endpipeline\n"
)


@pytest.fixture(scope="module")
def bench(pg):
    with connect(pg) as wire:
        wire.run("create table bench (aid int not null, bid int, abalance int, filler char(84))")
        wire.run(f"insert into bench select i, 1, i * 7, '' from generate_series(1, {ROWS}) i")
        wire.run("create table bench_log (aid int, client int)")
    yield
    with connect(pg) as wire:
        wire.run("drop table bench")
        wire.run("drop table bench_log")


def pgbench(pg, tmp_path, script, *args, transactions=50, clients=4):
    file = tmp_path / "script.sql"
    file.write_text(script)
    words = ["-n", "-c", clients, "-j", 2, "-t", transactions, "-f", file, *args]
    done = run(pg, "pgbench", *words, seconds=100)
    assert done.returncode == 0, done.stderr
    count = re.search(r"actually processed: (\d+)/(\d+)", done.stdout)
    assert count and count[1] == count[2] == str(clients * transactions), done.stdout
    failed = re.search(r"failed transactions: (\d+)", done.stdout)
    assert not failed or failed[1] == "0", done.stdout


MODES = ["simple", "extended", "prepared"]


@pytest.mark.parametrize("mode", MODES)
def test_select_only(pg, bench, tmp_path, mode):
    pgbench(pg, tmp_path, READ, "-M", mode)


@pytest.mark.parametrize("mode", MODES)
def test_each_transaction_connects_anew(pg, bench, tmp_path, mode):
    pgbench(pg, tmp_path, READ, "-M", mode, "-C", transactions=10)


@pytest.mark.parametrize("mode", MODES)
def test_transactions(pg, bench, tmp_path, mode):
    with connect(pg) as wire:
        before = int(wire.run("select count(*) from bench_log")[0][0])
        pgbench(pg, tmp_path, WRITE, "-M", mode, transactions=10)
        assert wire.run("select count(*) from bench_log") == [[str(before + 40)]]


@pytest.mark.parametrize("mode", MODES[1:])
def test_pipelines(pg, bench, tmp_path, mode):
    pgbench(pg, tmp_path, PIPELINE, "-M", mode, transactions=20)


def test_many_clients(pg, bench, tmp_path):
    pgbench(pg, tmp_path, READ, "-M", "prepared", clients=30, transactions=10)
