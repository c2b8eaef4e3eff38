"""How good estimates are: `run.py [--again]` prints the q-errors of scan bytes and peak memory, and the worst of them.

Statistics come from a real worker, plans from the gateway's estimator (its ignored test `sizes_of_given_statements`), and what is
compared with from `measured.py`. A q-error is how many times one is the other, whichever is larger.
"""

import argparse
import json
import os
import shutil
import statistics as numbers
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import measured
import schemas

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "e2e" / "python"))

from harness import raw_grpc, statistics, topology, wire  # noqa: E402

MIB = 1 << 20
# Less than that is what any statement takes, and no room is planned by it.
LEAST_PEAK = 8 * MIB


def collect(folder: Path) -> None:
    """What a worker knows of every table, and DuckDB's own plan of every query."""
    statements = []
    for schema in schemas.SCHEMAS:
        for variant in schemas.VARIANTS:
            place = folder / schema / variant
            place.mkdir(parents=True)
            _ask(schema, variant, place)
            with _opened(schema, variant) as connection:
                for name, sql in schemas.queries(schema).items():
                    plan = connection.execute(f"explain (format json) {sql}").fetchone()[1]
                    statements.append(
                        {"name": f"{schema}/{variant}/{name}", "sql": sql, "plan": plan}
                    )
    (folder / "statements.json").write_text(json.dumps(statements))


def _opened(schema: str, variant: str):
    if variant == "native":
        return duckdb.connect(str(schemas.database(schema)), read_only=True)
    connection = duckdb.connect()
    for view in schemas.views(schema):
        connection.execute(view)
    return connection


def _ask(schema: str, variant: str, place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=schemas.folder()) as directory:
        options = {"allow_paths": [schemas.folder()]}
        if variant == "native":
            data_dir = Path(directory) / "data"
            data_dir.mkdir()
            shutil.copy(schemas.database(schema), data_dir / "local.duckdb")
            options = {"data_dir": data_dir}
        server = topology.start("worker", Path(directory), **options)
        try:
            with raw_grpc.RawFlight(server, keeps_token=True) as raw:
                for view in schemas.views(schema) if variant == "parquet" else ():
                    raw.info(wire.query(view))
                for table in schemas.tables(schema):
                    request = wire.message(1, [statistics.name(table)], None)
                    (answer,) = raw.action(statistics.ACTION, request)
                    (place / table).write_bytes(answer)
        finally:
            server.stop()


def estimated(folder: Path, release: bool) -> dict:
    """By statement what the estimator says."""
    command = ["cargo", "test", "--package", "tavana-gateway", "--lib"]
    command += ["--release"] if release else []
    command += ["--", "--ignored", "--exact", "estimate::tests::sizes_of_given_statements"]
    environment = {**os.environ, "TAVANA_STATEMENTS": str(folder)}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    return json.loads((folder / "sizes.json").read_text())


def report(sizes: dict, truth: dict, verbose: bool) -> None:
    rows = []
    for key, size in sizes.items():
        took = truth[key]
        if "error" in took:
            continue
        held = max(took["held"], LEAST_PEAK)
        peak = max(size["peak"], LEAST_PEAK)
        # A footer is read, too, and not counted as data.
        scan = _q(size["scan"], took["read"]) if size["scan"] is not None else None
        rows.append((key, scan, _q(peak, held), peak / held, size, took))
    for variant in ("", *(f"/{variant}/" for variant in schemas.VARIANTS)):
        chosen = [row for row in rows if variant in row[0]]
        scans = [row[1] for row in chosen if row[1] is not None]
        peaks = [row[2] for row in chosen]
        low = sum(row[3] < 0.8 for row in chosen) / len(chosen)
        sources = {row[4]["source"] for row in chosen}
        counts = {
            source: sum(row[4]["source"] == source for row in chosen) for source in sorted(sources)
        }
        print(
            f"{variant.strip('/') or 'all':8} {len(chosen):3} statements {counts}"
            f"  scan p50 {_part(scans, 0.5):.2f} p95 {_part(scans, 0.95):.2f}"
            f"  peak p50 {_part(peaks, 0.5):.2f} p90 {_part(peaks, 0.9):.2f}  too low {low:.0%}"
        )
    times = [size["us"] for size in sizes.values()]
    print(
        f"planning, statistics cached: p50 {numbers.median(times):.0f} us, p90 {_part(times, 0.9):.0f} us"
    )
    rows.sort(key=lambda row: -row[2])
    for key, scan, _, ratio, size, took in rows if verbose else rows[:12]:
        print(
            f"{key:22} peak {size['peak'] / MIB:7.1f} of {took['held'] / MIB:7.1f} ({ratio:5.2f})"
            f"  scan {(size['scan'] or 0) / MIB:6.1f} of {took['read'] / MIB:6.1f} ({scan or 0:4.2f})"
            f"  rows {size['rows']} of {took['rows']}  {size['source']}"
        )
        if verbose:
            print("    " + "; ".join(size["because"]))


def _q(one: float, other: float) -> float:
    one, other = max(one, 1), max(other, 1)
    return max(one / other, other / one)


def _part(values: list, part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="measure and ask again")
    parser.add_argument("--release", action="store_true", help="an optimised estimator")
    parser.add_argument("--verbose", action="store_true", help="every statement with its reasons")
    options = parser.parse_args()
    schemas.provide(1.0)
    truth = measured.measured(options.again)
    folder = schemas.folder() / "asked"
    if options.again:
        shutil.rmtree(folder, ignore_errors=True)
    if not (folder / "statements.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        collect(folder)
    report(estimated(folder, options.release), truth, options.verbose)


if __name__ == "__main__":
    main()
