"""How good estimates are: measures, estimates, compares, and writes docs/estimates.md with its picture.

Cold estimates are those of the gateway's estimator (its ignored test `sizes_of_given_statements`) over what a real worker tells of
the tables; they are compared with what `measure.py` saw each statement take. For estimates after one run the gateway's history is given
the peak of a first run, and they are compared with a second one.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import figures
import measured
import schemas
from schemas import Statement

import page

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "e2e" / "python"))

from harness import raw_grpc, statistics, topology, wire  # noqa: E402

MIB = 1 << 20


def collect(statements: list[Statement], folder: Path) -> None:
    """What a worker knows of every table, and DuckDB's own plan of every statement."""
    shutil.rmtree(folder, ignore_errors=True)
    asked = []
    for schema, variant in sorted({(s.schema, s.variant) for s in statements}):
        place = folder / schema / variant
        place.mkdir(parents=True)
        _ask(schema, variant, place)
        with _opened(schema, variant) as connection:
            for statement in statements:
                if (statement.schema, statement.variant) != (schema, variant):
                    continue
                plan = connection.execute(f"explain (format json) {statement.sql}").fetchone()[1]
                asked.append({"name": statement.key, "sql": statement.sql, "plan": plan})
    (folder / "statements.json").write_text(json.dumps(asked))


def _opened(schema: str, variant: str):
    if variant == "native":
        return duckdb.connect(str(schemas.database(schema)), read_only=schema != "writes")
    connection = duckdb.connect()
    for view in schemas.views(schema):
        connection.execute(view)
    return connection


def _ask(schema: str, variant: str, place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=schemas.folder()) as directory:
        data_dir = Path(directory) / "data"
        data_dir.mkdir()
        if variant == "native":
            shutil.copy(schemas.database(schema), data_dir / "local.duckdb")
        allowed = [schemas.folder()]
        server = topology.start("worker", Path(directory), data_dir=data_dir, allow_paths=allowed)
        try:
            with raw_grpc.RawFlight(server, keeps_token=True) as raw:
                for view in schemas.views(schema) if variant == "parquet" else ():
                    raw.info(wire.query(view))
                for table in schemas.tables(schema):
                    request = wire.message(1, [statistics.name(table)], None)
                    (answer,) = raw.action(statistics.ACTION, request)
                    (place / Path(table).name).write_bytes(answer)
        finally:
            server.stop()


def estimated(folder: Path, took: dict[str, list[dict]], release: bool) -> dict:
    """By statement what the estimator says, cold and with what the first run took."""
    first = {key: runs[0]["held"] for key, runs in took.items() if len(runs) > 1}
    (folder / "ran.json").write_text(json.dumps(first))
    command = ["cargo", "test", "--package", "tavana-gateway", "--lib"]
    command += ["--release"] if release else []
    command += ["--", "--ignored", "--exact", "estimate::tests::bench::sizes_of_given_statements"]
    environment = {**os.environ, "TAVANA_STATEMENTS": str(folder)}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    return json.loads((folder / "sizes.json").read_text())


def show(chosen: list[figures.Point], sizes: dict, is_verbose: bool, unseen: bool) -> None:
    """For a terminal, without the reasons of statements that are not to be looked at while fitting."""
    for title, header, rows in page.tables(chosen):
        print(f"\n{title}\n{page.plain(header, rows)}")
    shown = [p for p in chosen if unseen or not p.statement.is_unseen]
    for point in sorted(shown, key=lambda point: -point.peak_error)[: None if is_verbose else 15]:
        size = sizes[point.statement.key]
        scan = (
            ""
            if point.scan is None
            else f"scan {point.scan[0] / MIB:6.1f} of {point.scan[1] / MIB:6.1f}"
        )
        print(
            f"{point.statement.key:24} peak {point.peak[0] / MIB:7.1f} of {point.peak[1] / MIB:7.1f}"
            f" ({point.ratio:5.2f})  {scan}  rows {size['rows']}  {size['source']}"
        )
        if is_verbose:
            print("    " + "; ".join(size["because"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cached", action="store_true", help="what was measured and asked before counts"
    )
    parser.add_argument(
        "--cold", action="store_true", help="cold estimates only; no page is written"
    )
    parser.add_argument("--verbose", action="store_true", help="every statement with its reasons")
    parser.add_argument(
        "--unseen", action="store_true", help="single statements not fitted on, too"
    )
    parser.add_argument("--release", action="store_true", help="an optimised estimator")
    parser.add_argument(
        "--scale", type=float, default=1, help="TPC-H scale factor when the data is made (1)"
    )
    options = parser.parse_args()
    begun = time.monotonic()
    schemas.provide(options.scale)
    statements = [one for schema in schemas.SCHEMAS for one in schemas.statements(schema)]
    took = measured.measured(statements, again=not options.cached)
    asked = schemas.folder() / "asked"
    if not options.cached or not (asked / "statements.json").is_file():
        collect(statements, asked)
    sizes = estimated(asked, took, options.release)
    chosen = figures.points(statements, sizes, took)
    show(chosen, sizes, options.verbose, options.unseen)
    if options.cold:
        return
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_memory_gib():.0f} GiB of memory, {platform.machine()}",
        "duckdb": duckdb.__version__,
        "is_release": options.release,
        "sizes": sizes,
        "took": took,
    }
    (schemas.folder() / "results.json").write_text(json.dumps(results))
    page.write(statements, results, ROOT / "docs")
    print(f"\ndocs/estimates.md is written; it took {(time.monotonic() - begun) / 60:.0f} minutes")


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


if __name__ == "__main__":
    main()
