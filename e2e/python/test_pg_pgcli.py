"""pgcli, which asks for databases, schemas, tables, functions and types to complete words."""

import shutil
import sys
from pathlib import Path

import pytest

from harness.pg_programs import run

pytest.importorskip("pgcli")
PGCLI = shutil.which("pgcli") or str(Path(sys.executable).parent / "pgcli")


@pytest.fixture
def pgcli(pg, tmp_path):
    """Runs pgcli with a configuration of its own."""

    def call(*args, stdin=""):
        home = {
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path),
            "TERM": "dumb",
            "PAGER": "cat",
        }
        return run(pg, PGCLI, "--less-chatty", "--no-password", *args, pg.uri, stdin=stdin, **home)

    return call


def test_a_statement(pgcli, table):
    done = pgcli("-c", f"select a, b from {table} order by a")
    assert done.returncode == 0, done.stderr
    assert "three" in done.stdout and "SELECT 3" in done.stdout


@pytest.mark.parametrize(
    "command",
    [r"\d", r"\dt", r"\dn", r"\du", r"\l", r"\dv", r"\df now", r"\dT int4", r"\di", r"\conninfo"],
)
def test_commands(pgcli, table, command):
    done = pgcli("-c", command)
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stderr
    assert "does not exist" not in done.stdout + done.stderr
    if command in (r"\d", r"\dt"):
        assert table in done.stdout


def test_describes_a_table(pgcli, table):
    done = pgcli("-c", rf"\d {table}")
    assert "integer" in done.stdout and "text" in done.stdout, done.stdout + done.stderr


def test_lists_databases_and_pings(pgcli):
    assert "tavana" in pgcli("--list").stdout
    assert "PONG" in pgcli("--ping").stdout


def test_errors(pgcli):
    done = pgcli("-c", "select nope")
    assert '"nope"' in done.stdout + done.stderr


def test_completion_metadata(pg):
    """The questions that fill the completions, by pgcli's own code."""
    from pgcli.pgexecute import PGExecute

    executor = PGExecute(pg.database, pg.user, "", pg.host, pg.port, "")
    assert list(executor.run("create table completed (a int, b text)"))
    assert "public" in executor.schemata() and "pg_catalog" in executor.schemata()
    assert ("public", "completed") in list(executor.tables())
    columns = [c[:4] for c in executor.table_columns() if c[1] == "completed"]
    assert columns == [
        ("public", "completed", "a", "integer"),
        ("public", "completed", "b", "text"),
    ]
    for ask in (executor.views, executor.view_columns, executor.foreignkeys, executor.datatypes):
        list(ask())
    assert "tavana" in executor.databases()
    assert any(f.func_name == "now" for f in executor.functions())
    assert "public" in executor.search_path()
