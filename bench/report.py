"""From raw samples to ratios, the goals and the text of docs/benchmarks.md.

    python report.py RESULTS.json > benchmarks.md

Seconds depend on the machine, so a goal is a ratio of two peers of the same
run, or a figure that hardly depends on it (memory, CPU seconds a gigabyte).
A ratio is that of the two medians; beside it stand the lowest and the highest
ratio of any one round, which is the noise.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from string import Template

from measures import MEASURES, POINT_CALLS, SLOW_BYTES_PER_SECOND
from peers import TITLES

TEMPLATE = Path(__file__).with_name("benchmarks.template.md")
# More than this share of the machine taken by others makes a sample doubtful.
NOISY_SHARE = 0.10
# Derived: CPU seconds of the gateway process for each GB (10⁹ bytes of Arrow data) it relayed.
GATEWAY_CPU = "gateway_cpu_seconds_per_gb"
UNITS = {"seconds": "s", "p50_ms": "ms", "growth_mib": "MiB", "statement_ms": "ms"}


@dataclass(frozen=True)
class Goal:
    """`peer`'s metric, divided by that of `to` if there is one, is to be at most `bound`.

    Against another server the goal is to be ahead: a bound of 1 is not met by a tie.
    """

    title: str
    measure: str
    peer: str
    to: str | None
    bound: float
    metric: str = "seconds"
    unit: str = "×"


GOALS = [
    Goal("Full scan, worker alone, to in-process", "scan", "worker", "inprocess", 1.25),
    Goal("Full scan, `tavana serve`, to in-process", "scan", "serve", "inprocess", 1.3),
    Goal("Full scan, worker alone, to the C++ server", "scan", "worker", "cpp", 1.0),
    Goal("Full scan, `tavana serve`, to the C++ server", "scan", "serve", "cpp", 1.0),
    Goal(
        "Full scan, gateway in its own process, to in-process", "scan", "gateway", "inprocess", 1.6
    ),
    Goal(
        "CPU of that gateway for each GB relayed",
        "scan",
        "gateway",
        None,
        0.5,
        GATEWAY_CPU,
        " CPU-s",
    ),
    Goal("22 TPC-H queries, `tavana serve`, to in-process", "tpch", "serve", "inprocess", 1.05),
    Goal("`select 1`, `tavana serve`, to the C++ server", "point", "serve", "cpp", 0.8, "p50_ms"),
    Goal("Bulk ingest, `tavana serve`, to in-process append", "ingest", "serve", "inprocess", 1.5),
    Goal("500 mixed queries, 64 clients, `tavana serve`", "mixed", "serve", "inprocess", 1.1),
    Goal("10 full scans at once, `tavana serve`", "scans", "serve", "inprocess", 1.1),
    Goal(
        "Memory of the gateway with a slow client, growth",
        "slow",
        "gateway",
        None,
        64,
        "growth_mib",
        " MiB",
    ),
    Goal(
        "The same, growth in the second half (flat)",
        "slow",
        "gateway",
        None,
        8,
        "late_growth_mib",
        " MiB",
    ),
    Goal(
        "`COPY lineitem TO STDOUT`, `tavana serve`, to PostgreSQL",
        "pgcopy",
        "serve",
        "postgres",
        0.5,
    ),
    Goal(
        "psql `-AtX`, all of lineitem, `tavana serve`, to PostgreSQL",
        "pgrows",
        "serve",
        "postgres",
        0.85,
    ),
    Goal(
        "`select 1`, pgbench, 1 client, `tavana serve`, to PostgreSQL",
        "pgone",
        "serve",
        "postgres",
        4,
        "statement_ms",
    ),
    Goal(
        "The same, 16 clients, time a statement",
        "pgmany",
        "serve",
        "postgres",
        4,
        "statement_ms",
    ),
]


def values(results, measure, peer, metric=None):
    """The metric of every counted sample, in the order of the rounds."""
    samples = results["samples"].get(measure, {}).get(peer, [])
    if metric == GATEWAY_CPU:
        gigabytes = results["scan_bytes"].get(peer, 0) / 1e9
        return [sample["cpu_seconds"]["gateway"] / gigabytes for sample in samples]
    return [sample[metric or MEASURES[measure].metric] for sample in samples]


def ratio(results, measure, peer, to, metric=None):
    """(ratio of medians, lowest, highest of any round), or None if one was not measured."""
    mine = values(results, measure, peer, metric)
    theirs = values(results, measure, to, metric) if to else [1.0] * len(mine)
    if not mine or not theirs:
        return None
    each = [a / b for a, b in zip(mine, theirs, strict=False)]
    return median(mine) / median(theirs), min(each), max(each)


def _number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def _spread(figures):
    return f"{_number(figures[0])} ({_number(figures[1])}–{_number(figures[2])})"


def goal_rows(results):
    """Each goal as [title, goal, measured, verdict]."""
    rows = []
    for goal in GOALS:
        found = ratio(results, goal.measure, goal.peer, goal.to, goal.metric)
        if found is None:
            measured, verdict = "–", "not measured"
        else:
            measured = f"{_spread(found)}{goal.unit if goal.to is None else ' ×'}"
            met = found[0] < 1 if goal.bound == 1 else found[0] <= goal.bound
            verdict = "met" if met else "**missed**"
        unit = goal.unit if goal.to is None else " ×"
        rows.append(
            [
                goal.title,
                f"{'<' if goal.bound == 1 else '≤'} {goal.bound:g}{unit}",
                measured,
                verdict,
            ]
        )
    return rows


def measure_rows(results, measure):
    """One row a peer: median and spread, ratio to in-process, CPU seconds of each process."""
    rows, peers = [], results["samples"].get(measure, {})
    base = "scan" if measure == "adbc" else measure
    limit = MEASURES[measure].base
    for peer, samples in peers.items():
        own = values(results, measure, peer)
        theirs = values(results, base, limit, MEASURES[measure].metric)
        to_limit = "–"
        if theirs and MEASURES[measure].metric in ("seconds", "p50_ms", "statement_ms"):
            each = [a / b for a, b in zip(own, theirs, strict=False)]
            to_limit = _spread((median(own) / median(theirs), min(each), max(each)))
        cpu = ", ".join(
            f"{role} {median(s['cpu_seconds'][role] for s in samples):.2f}"
            for role in samples[0]["cpu_seconds"]
        )
        rows.append([TITLES[peer], _spread((median(own), min(own), max(own))), to_limit, cpu])
    return rows


def measure_header(measure):
    unit = UNITS[MEASURES[measure].metric]
    to = "in-process" if MEASURES[measure].base == "inprocess" else "PostgreSQL"
    return ["peer", f"{unit}: median (min–max)", f"to {to}", "CPU seconds"]


def _markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(header, rows):
    """The same table for a terminal."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def noise(results):
    """One sentence on who else used the machine."""
    shares = [
        (sample["foreign_cpu_share"], measure)
        for measure, peers in results["samples"].items()
        for samples in peers.values()
        for sample in samples
    ]
    if not shares:
        return "Nothing was measured."
    share, measure = max(shares)
    loud = sum(1 for other, _ in shares if other > NOISY_SHARE)
    text = f"Other programs took at most {share:.0%} of the machine's CPU in any sample"
    text += f" ({MEASURES[measure].title})"
    if loud:
        text += f"; in {loud} of {len(shares)} it was more than {NOISY_SHARE:.0%}, so take care"
    return text + "."


def page(results):
    """docs/benchmarks.md."""
    details = []
    for measure in results["samples"]:
        table = _markdown(measure_header(measure), measure_rows(results, measure))
        details.append(f"### {MEASURES[measure].title}\n\n{table}")
    point = [
        f"{TITLES[peer]} {_number(median(sample['p99_ms'] for sample in samples))} ms"
        for peer, samples in results["samples"].get("point", {}).items()
        if samples
    ]
    errors = "\n".join(f"- {line}" for line in results["errors"])
    machine = results["machine"]
    return Template(TEMPLATE.read_text()).substitute(
        date=results["date"],
        scale=f"{results['scale']:g}",
        rows=f"{results['lineitem_rows']:,}",
        gigabytes=f"{max(results['scan_bytes'].values()) / 1e9:.2f}",
        rounds=results["rounds"],
        cores=machine["cores"],
        memory=f"{machine['memory_bytes'] / 2**30:.0f}",
        arch=machine["arch"],
        limit=f"{results['memory_limit_bytes'] / 2**30:.1f}",
        versions="\n".join(f"- {name} {v}" for name, v in results["versions"].items()),
        batch_rows=", ".join(
            f"{rows:,} rows for {TITLES[peer]}" for peer, rows in results["batch_rows"].items()
        ),
        calls=f"{POINT_CALLS:,}",
        slow_rate=f"{SLOW_BYTES_PER_SECOND // 10**6}",
        goals=_markdown(["what", "goal", "measured (min–max)", ""], goal_rows(results)),
        noise=noise(results),
        errors=f"\nFailed:\n\n{errors}\n" if errors else "",
        details="\n\n".join(details),
        p99=("p99 of `select 1`: " + ", ".join(point) + ".") if point else "",
    )


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text())), end="")
