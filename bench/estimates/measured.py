"""Measures all queries and keeps what they took in the cache, since that takes minutes."""

import json
import subprocess
import sys
from pathlib import Path

import schemas

ROUNDS = 1


def measured(again: bool = False) -> dict:
    """By schema, variant and query: what `measure.py` says."""
    file = schemas.folder() / "measured.json"
    known = json.loads(file.read_text()) if file.is_file() and not again else {}
    for schema in schemas.SCHEMAS:
        for variant in schemas.VARIANTS:
            for name, sql in schemas.queries(schema).items():
                key = f"{schema}/{variant}/{name}"
                if known.get(key, {}).get("sql") != sql:
                    known[key] = {"sql": sql, **_measure(schema, variant, sql)}
                    print(
                        key,
                        {k: v for k, v in known[key].items() if k != "sql"},
                        file=sys.stderr,
                        flush=True,
                    )
                    file.write_text(json.dumps(known, indent=1))
    return known


def _measure(schema: str, variant: str, sql: str) -> dict:
    opened = (
        [str(schemas.database(schema))]
        if variant == "native"
        else [":memory:", *schemas.views(schema)]
    )
    command = [sys.executable, str(Path(__file__).with_name("measure.py")), *opened]
    ran = subprocess.run(command, input=sql, capture_output=True, text=True)
    if ran.returncode:
        return {"error": ran.stderr[-500:]}
    return json.loads(ran.stdout)


if __name__ == "__main__":
    schemas.provide(1.0)
    measured()
