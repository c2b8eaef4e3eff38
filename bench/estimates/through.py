"""What estimates become by running: each statement twice through a gateway and a worker, and what `tavana.queries` says of both runs."""

import shutil
import sys
import tempfile
from pathlib import Path

import schemas
from schemas import Statement

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "e2e" / "python"))

from harness import adbc, topology  # noqa: E402

RUNS = 2
# The first estimate waits for statistics as long as it takes: how long is not what is asked here.
ARGUMENTS = {
    "tavana-worker": ["--threads", "2"],
    "tavana-gateway": ["--estimated-threads", "2", "--estimate-budget-ms", "10000"],
}
QUERY = """
    select sql, estimated_peak_memory_bytes, estimate_source, peak_memory_bytes
    from tavana.queries where outcome = 'ok' order by started_at
"""


def runs(statements: list[Statement]) -> dict[str, list[dict]]:
    """By statement its runs in their order: estimate, source, peak."""
    found = {}
    places = sorted({(statement.schema, statement.variant) for statement in statements})
    for schema, variant in places:
        chosen = [s for s in statements if (s.schema, s.variant) == (schema, variant)]
        print(f"through a gateway: {schema}, {variant}", flush=True)
        with tempfile.TemporaryDirectory(dir=schemas.folder()) as directory:
            server = start("gateway", schema, variant, Path(directory))
            try:
                found |= _runs(server, schema, variant, chosen)
            finally:
                server.stop()
    return found


def start(kind: str, schema: str, variant: str, directory: Path) -> topology.Server:
    """Programs over a schema: a copy of its database, or an empty one beside its files."""
    data_dir = directory / "data"
    data_dir.mkdir()
    if variant == "native":
        shutil.copy(schemas.database(schema), data_dir / "local.duckdb")
    return topology.start(
        kind,
        directory,
        data_dir=data_dir,
        allow_paths=[schemas.folder()],
        engine_args=ARGUMENTS["tavana-worker"],
        **({"front_args": ARGUMENTS["tavana-gateway"]} if kind == "gateway" else {}),
    )


def _runs(server, schema: str, variant: str, statements: list[Statement]) -> dict[str, list[dict]]:
    with adbc.connect(server, seconds=300) as connection:
        for view in schemas.views(schema) if variant == "parquet" else ():
            adbc.run(connection, view)
        for statement in statements:
            for _ in range(RUNS):
                adbc.table(connection, statement.sql)
        rows = adbc.rows(connection, QUERY)
    found = {}
    for statement in statements:
        own = [row for row in rows if row[0] == statement.sql]
        found[statement.key] = [
            {"estimate": estimate, "source": source, "peak": peak}
            for _, estimate, source, peak in own
        ]
    return found
