"""Measures all statements, each time in a process of its own, and keeps what they took in the cache, since that takes minutes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import schemas
from schemas import Statement


def measured(statements: list[Statement], again: bool) -> dict[str, list[dict]]:
    """By statement what `measure.py` says of its runs: two of one that reads, one of one that writes."""
    file = schemas.folder() / "measured.json"
    known = json.loads(file.read_text()) if file.is_file() and not again else {}
    for statement in statements:
        own = known.setdefault(statement.key, {"sql": statement.sql, "runs": []})
        if own["sql"] != statement.sql:
            own = known[statement.key] = {"sql": statement.sql, "runs": []}
        while len(own["runs"]) < (1 if statement.schema == "writes" else 2):
            took = _measure(statement)
            own["runs"].append(took)
            file.write_text(json.dumps(known, indent=1))
            print(
                f"{statement.key:24} {took['held'] / 2**20:8.1f} MiB {took['seconds']:6.2f} s",
                flush=True,
            )
    return {statement.key: known[statement.key]["runs"] for statement in statements}


def _measure(statement: Statement) -> dict:
    opened = [str(schemas.database(statement.schema))]
    if statement.schema == "writes":
        scratch = schemas.folder() / "scratch.duckdb"
        scratch.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        shutil.copy(opened[0], scratch)
        shutil.rmtree(schemas.out(), ignore_errors=True)
        schemas.out().mkdir()
        opened = [f"rw:{scratch}"]
    elif statement.variant == "parquet":
        opened = [":memory:", *schemas.views(statement.schema)]
    command = [sys.executable, str(Path(__file__).with_name("measure.py")), *opened]
    ran = subprocess.run(command, input=statement.sql, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{statement.key} failed: {ran.stderr[-500:]}")
    return json.loads(ran.stdout)
