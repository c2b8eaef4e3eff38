#!/usr/bin/env python3
"""Side-by-side benchmarks of Tavana: peers take turns in one run, ratios are what counts.

    python bench/run.py [--only scan,point] [--peers inprocess,cpp,serve] [--rounds 5] [--scale 1]

A full run writes docs/benchmarks.md. Tavana's programs come from TAVANA_BIN_DIR,
else from the release folder of cargo's target folder.
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
from importlib.metadata import version
from pathlib import Path

import psutil

import data
import postgres
import report
from measures import ALL, FLIGHT, MEASURES, SCAN, Context, Meter
from peers import PROGRAMS, TITLES, Peer, PeerError, missing_programs

PROJECT = Path(__file__).resolve().parent.parent
BATCH_ROWS_TRIED = (8_192, 16_384, 32_768, 65_536, 122_880)
TUNING_RUNS = 3
LOG_TAIL_CHARS = 2_000


@dataclass(frozen=True)
class Settings:
    """What every peer is started with."""

    bin_dir: Path
    scratch: Path
    memory_limit_bytes: int
    job_seconds: float


def arguments():
    def choice(known):
        def parse(text):
            chosen = text.split(",")
            unknown = set(chosen) - set(known)
            if unknown:
                raise argparse.ArgumentTypeError(
                    f"{', '.join(unknown)} is not in {','.join(known)}"
                )
            return [name for name in known if name in chosen]

        return parse

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1, help="TPC-H scale factor (1)")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds a measure (5)")
    parser.add_argument(
        "--only", type=choice(MEASURES), default=list(MEASURES), metavar=",".join(MEASURES)
    )
    parser.add_argument("--peers", type=choice(ALL), default=list(ALL), metavar=",".join(ALL))
    parser.add_argument("--slow-gb", type=float, default=4, help="GB to the slow client (4)")
    parser.add_argument("--job-seconds", type=float, default=900, help="limit of one job (900)")
    parser.add_argument("--json", type=Path, help="raw samples (default: in the cache folder)")
    parser.add_argument(
        "--report",
        type=Path,
        help="the page (default: docs/benchmarks.md for a full run at scale 1 without failures, "
        "else beside the raw samples)",
    )
    parser.add_argument(
        "--tpch-extension",
        type=Path,
        default=PROJECT / ".deps/duckdb/extensions/tpch.duckdb_extension",
    )
    args = parser.parse_args()
    if args.rounds < 1 or args.scale <= 0:
        parser.error("--rounds and --scale must be positive")
    return args


def programs_folder():
    if os.environ.get("TAVANA_BIN_DIR"):
        return Path(os.environ["TAVANA_BIN_DIR"])
    target = os.environ.get("CARGO_TARGET_DIR")
    return (Path(target) if target else data.cache_folder().parent / "target") / "release"


def versions(peers, bin_dir):
    found = {"Python": platform.python_version()}
    for package in ("duckdb", "pyarrow", "adbc-driver-flightsql"):
        found[f"{package} (Python)"] = version(package)
    for program in sorted({name for peer in peers for name in PROGRAMS.get(peer.name, [])}):
        said = subprocess.run([bin_dir / program, "--version"], capture_output=True, text=True)
        found[program] = said.stdout.strip().removeprefix(program).strip()
    engines = {
        peer.title: peer.load.call("value", sql="select version()")["value"]
        for peer in peers
        if peer.name in FLIGHT
    }
    if any(peer.name == "postgres" for peer in peers):
        said = subprocess.run(
            [postgres.program("postgres"), "--version"], capture_output=True, text=True
        )
        found["PostgreSQL"] = said.stdout.removeprefix("postgres (PostgreSQL)").strip()
    if len(set(engines.values())) == 1:
        found["DuckDB engine of every peer"] = next(iter(engines.values()))
    else:
        found |= {f"DuckDB engine of {title}": engine for title, engine in engines.items()}
    return found


def tune(peer):
    """The batch size with the fastest full scan, where the peer leaves the choice."""
    fastest = {}
    for rows in BATCH_ROWS_TRIED:
        peer.load.call("set_batch_rows", rows=rows)
        runs = [
            peer.load.call("queries", sqls=[SCAN], clients=1)["seconds"] for _ in range(TUNING_RUNS)
        ]
        fastest[rows] = min(runs)
    best = min(fastest, key=fastest.get)
    peer.load.call("set_batch_rows", rows=best)
    tried = ", ".join(f"{rows:,}: {seconds:.2f} s" for rows, seconds in fastest.items())
    print(f"{peer.title}: batches of {best:,} rows ({tried})", flush=True)
    return best


def turn(measure, peer, context, expected_rows):
    """One turn of a peer: its sample. Raises PeerError if any of it failed or is not right."""
    measure.before(peer, context)
    meter = Meter(peer)
    sample = measure.run(peer, context)
    meter.stop(sample)
    if sample.get("failures"):
        count, first = len(sample["failures"]), sample["failures"][0]
        raise PeerError(f"{count} statements failed, the first with: {first}")
    if expected_rows and sample["rows"] != expected_rows:
        raise PeerError("the numbers of rows differ from those of the other peers")
    return sample


def run_measure(name, peers, rounds, context, errors):
    """Samples of every peer. One that fails drops out of this measure with an error."""
    measure = MEASURES[name]
    able = [peer for peer in peers if peer.name in measure.peers]
    samples = {peer.name: [] for peer in able}
    numbers = range(rounds + 1) if measure.rounds is None else range(1, measure.rounds + 1)
    expected_rows = None
    for number in numbers:
        label = f"round {number}/{numbers[-1]}" if number else "warm-up"
        shift = number % len(able) if able else 0
        for peer in able[shift:] + able[:shift]:
            if peer.name not in samples:
                continue
            try:
                sample = turn(measure, peer, context, expected_rows)
            except PeerError as error:
                del samples[peer.name]
                errors.append(f"{measure.title}, {peer.title}: {error}")
                print(f"  FAILED {errors[-1]}")
                for role, server in peer.servers.items():
                    print(f"  --- {role}'s log ends:\n{server.output()[-LOG_TAIL_CHARS:]}")
                continue
            expected_rows = sample.pop("rows", None)
            shown = f"{sample[measure.metric]:.3f} {report.UNITS[measure.metric]}"
            print(f"  {name}, {label}: {peer.name} {shown}", flush=True)
            if number:
                samples[peer.name].append(sample)
    return samples


def measure_all(args, data_set, settings, peers):
    """Starts the peers, runs every measure, and gives the raw results."""
    for peer in peers:
        print(f"Starting {peer.title} ...", flush=True)
        peer.start()
    batch_rows = {peer.name: tune(peer) for peer in peers if peer.name in ("inprocess", "cpp")}
    flight = [peer for peer in peers if peer.name in FLIGHT]
    scan_bytes = {peer.name: peer.load.call("size", sql=SCAN)["bytes"] for peer in flight}
    counted = flight[0].load.call("value", sql="select count(*) from lineitem")
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": {
            "cores": psutil.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "arch": platform.machine(),
        },
        "versions": versions(peers, settings.bin_dir),
        "scale": args.scale,
        "rounds": args.rounds,
        "memory_limit_bytes": settings.memory_limit_bytes,
        "lineitem_rows": int(counted["value"]),
        "scan_bytes": scan_bytes,
        "batch_rows": batch_rows,
        "ready_seconds": {peer.name: peer.ready_seconds for peer in flight if peer.servers},
        "errors": [],
        "samples": {},
    }
    context = Context(data_set, scan_bytes, args.slow_gb * 1e9)
    for name in args.only:
        print(f"\n{MEASURES[name].title}", flush=True)
        found = run_measure(name, peers, args.rounds, context, results["errors"])
        results["samples"][name] = found
        rows = report.measure_rows(results, name)
        print("\n" + report.plain(report.measure_header(name), rows), flush=True)
    return results


def write(args, results):
    """The raw samples, the page, and the goals on the terminal."""
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    raw = args.json or data.cache_folder() / f"results-{now}.json"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_text(json.dumps(results, indent=1) + "\n")
    full = args.only == list(MEASURES) and args.peers == list(ALL) and args.scale == 1
    if args.report:
        page = args.report
    elif full and not results["errors"]:
        page = PROJECT / "docs/benchmarks.md"
    else:
        page = raw.with_suffix(".md")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report.page(results))
    print("\n" + report.plain(["goal", "", "measured", ""], report.goal_rows(results)))
    print(f"\n{report.noise(results)}\nRaw samples: {raw}\nPage: {page}")


def main():
    args = arguments()
    bin_dir = programs_folder()
    if not set(args.peers) & set(FLIGHT):
        sys.exit("PostgreSQL alone is nothing to compare: name another peer, too")
    if "postgres" in args.peers and not postgres.program("pgbench"):
        sys.exit(
            "PostgreSQL 15 is not installed: `make pg-clients` installs it, --peers leaves it out"
        )
    missing = missing_programs(args.peers, bin_dir)
    if missing:
        sys.exit(
            f"not built: {', '.join(missing)}\n"
            "`make bench` builds them; TAVANA_BIN_DIR names another folder; "
            "--peers inprocess,cpp leaves Tavana out"
        )
    for name in ALL:
        if name not in args.peers:
            print(f"Left out by --peers: {TITLES[name]}")
    # Ends through the finally below, so that no server outlives the run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    data_set = data.provide(args.scale, args.tpch_extension.resolve())
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=data.cache_folder()))
    # A quarter of the memory each: at most two processes of the run are at work at a time.
    limit = psutil.virtual_memory().total // 4
    settings = Settings(bin_dir, scratch, limit, args.job_seconds)
    peers = []
    try:
        peers = [Peer(name, data_set, settings) for name in args.peers]
        results = measure_all(args, data_set, settings, peers)
    except PeerError as error:
        sys.exit(f"bench: {error}")
    finally:
        for peer in peers:
            peer.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    write(args, results)
    if results["errors"]:
        sys.exit(f"bench: {len(results['errors'])} failed (see above)")


if __name__ == "__main__":
    main()
