#!/usr/bin/env python3
"""Load that admission has to bear, beside the same load without it: `run.py [mixed] [scans] [storm] [--quick]`.

A full run of a load writes its part of docs/load.md. It ends with 1 when a statement failed, was lost, doubled or
started out of order, or when the gateway's memory grew. Tavana's programs come from TAVANA_BIN_DIR, else from the debug
folder of cargo's target folder; how they were built is told by that folder's name, or by TAVANA_PROFILE.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(PROJECT / "bench"), str(PROJECT / "e2e" / "python")]

import duckdb  # noqa: E402
import psutil  # noqa: E402

import data  # noqa: E402
import mixed  # noqa: E402
import page  # noqa: E402
import scans  # noqa: E402
import storm  # noqa: E402
from harness.processes import binary  # noqa: E402
from setups import MIB, Place  # noqa: E402

LOADS = (mixed.NAME, scans.NAME, storm.NAME)
PROGRAMS = ("tavana", "tavana-gateway", "tavana-pg", "tavana-worker")


@dataclass(frozen=True)
class Size:
    """How much load there is."""

    scale: float
    memory_mib: int
    statements: int
    clients: int
    scans: int
    storm: int
    passes: int


FULL = Size(scale=1, memory_mib=1024, statements=500, clients=64, scans=10, storm=5_000, passes=2)
QUICK = Size(scale=0.1, memory_mib=160, statements=80, clients=24, scans=4, storm=500, passes=3)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "loads", nargs="*", metavar="|".join(LOADS), help="all of them when not given"
    )
    parser.add_argument("--quick", action="store_true", help="a small load, in about two minutes")
    parser.add_argument("--memory-mib", type=int, help="the limit of each worker, but in the storm")
    parser.add_argument(
        "--report",
        type=Path,
        help="the page (docs/load.md; a file in the cache folder if not full)",
    )
    args = parser.parse_args()
    if unknown := set(args.loads) - set(LOADS):
        parser.error(f"{', '.join(unknown)} is none of {', '.join(LOADS)}")
    return args


def profile() -> str:
    """How the programs were built, as far as the name of their folder tells."""
    name = os.environ.get("TAVANA_PROFILE") or binary("tavana").parent.name
    return name if name in ("debug", "release") else "unknown"


def about(size: Size) -> dict:
    said = subprocess.run([binary("tavana"), "--version"], capture_output=True, text=True)
    return {
        "date": datetime.date.today().isoformat(),
        "version": said.stdout.strip().removeprefix("tavana").strip(),
        "profile": profile(),
        "duckdb": duckdb.__version__,
        "cores": psutil.cpu_count(),
        "memory_gib": psutil.virtual_memory().total / 2**30,
        "arch": platform.machine(),
        "scale": size.scale,
        "memory_mib": size.memory_mib,
    }


def run(name: str, size: Size, data_set, scratch: Path) -> dict:
    if name == storm.NAME:
        return {"memory_mib": storm.MEMORY_MIB, **storm.run(scratch, count=size.storm)}
    place = Place(scratch, data_set.database, size.memory_mib * MIB)
    if name == mixed.NAME:
        return mixed.run(
            data_set, place, count=size.statements, at_once=size.clients, passes=size.passes
        )
    with duckdb.connect(str(data_set.database), read_only=True) as connection:
        (rows,) = connection.execute("select count(*) from lineitem").fetchone()
    return scans.run(data_set, place, rows=rows, at_once=size.scans, passes=size.passes)


def main() -> None:
    args = arguments()
    missing = [name for name in PROGRAMS if not binary(name).is_file()]
    if missing:
        sys.exit(
            f"not built: {', '.join(missing)}; `make load` builds them, TAVANA_BIN_DIR names another folder"
        )
    # Ends through the finally below, so that no server outlives the run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    size = QUICK if args.quick else FULL
    if args.memory_mib:
        size = Size(**{**vars(size), "memory_mib": args.memory_mib})
    extension = PROJECT / ".deps/duckdb/extensions/tpch.duckdb_extension"
    data_set = data.provide(size.scale, extension.resolve())
    report = args.report or (
        PROJECT / "docs/load.md" if size == FULL else data.cache_folder() / "load.md"
    )
    faults = []
    for name in LOADS:
        if args.loads and name not in args.loads:
            continue
        print(f"{name}:", flush=True)
        scratch = Path(tempfile.mkdtemp(prefix="load-", dir=data.cache_folder()))
        try:
            found = {**about(size), **run(name, size, data_set, scratch)}
        finally:
            if not os.environ.get("TAVANA_KEEP_LOGS"):
                shutil.rmtree(scratch, ignore_errors=True)
        (data.cache_folder() / f"load-{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        page.write(report, name, found)
        print(page.part(name, found), flush=True)
        faults += [f"{name}: {fault}" for fault in found["faults"]]
    print(f"Page: {report}")
    if faults:
        sys.exit("load: does not pass\n" + "\n".join(f"  {fault}" for fault in faults))


if __name__ == "__main__":
    main()
