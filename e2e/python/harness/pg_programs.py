"""Runs the client programs of the PostgreSQL tests, each bounded in time."""

import shutil
import subprocess
from pathlib import Path

import pytest

SECONDS = 60
NODE = Path(__file__).resolve().parents[2] / "node"


def needed(program: str) -> str:
    """The path of a program; a test that needs one which is not there is skipped."""
    found = shutil.which(program) or shutil.which(
        program, path=f"{Path('/usr/lib/postgresql/15/bin')}"
    )
    if not found:
        pytest.skip(f"{program} is not installed; tools/pg_clients.sh installs it")
    return found


def run(
    server, program: str, *args, stdin: str | bytes = "", seconds=SECONDS, cwd=None, **environment
) -> subprocess.CompletedProcess:
    """One program with libpq's environment for `server`; output is text unless stdin is bytes."""
    as_text = isinstance(stdin, str)
    return subprocess.run(
        [needed(program), *map(str, args)],
        input=stdin,
        capture_output=True,
        text=as_text,
        encoding="utf-8" if as_text else None,
        timeout=seconds,
        cwd=cwd,
        env=server.environment(**environment),
    )


def psql(server, *args, **options) -> subprocess.CompletedProcess:
    return run(server, "psql", "-X", *args, **options)


def rows(server, sql: str, *args) -> str:
    """What psql prints for one statement, unaligned and without headings; it must succeed."""
    done = psql(server, "-At", *args, "-c", sql)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.rstrip("\n")
