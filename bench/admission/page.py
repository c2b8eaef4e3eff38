"""From what was measured to docs/load.md. Each load has a part of the page, between two marks, and writes no other.

python page.py mixed|scans|storm RESULT.json docs/load.md
"""

import json
import re
import sys
from pathlib import Path
from string import Template

from setups import WORKERS
from watch import FLAT_MIB

TEMPLATE = Path(__file__).with_name("load.template.md")
GOAL_BYTES_EACH = 4096
GOAL_GONE_SECONDS = 1


def write(report: Path, name: str, found: dict) -> None:
    """Writes the part of a load; the others stay as they are."""
    text = TEMPLATE.read_text()
    if report.is_file():
        for mark, kept in _PART.findall(report.read_text()):
            text = _put(text, mark, kept)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(_put(text, name, f"\n{part(name, found)}\n"))


_PART = re.compile(r"<!-- (\w+) -->(.*?)<!-- end -->", re.DOTALL)


def _put(text: str, name: str, part: str) -> str:
    def put(found: re.Match) -> str:
        return f"<!-- {name} -->{part}<!-- end -->" if found[1] == name else found[0]

    return _PART.sub(put, text)


def part(name: str, found: dict) -> str:
    verdict = "**Passed.**" if not found["faults"] else "**Did not pass**:"
    faults = [f"- {fault}" for fault in found["faults"]]
    return "\n".join([_what(found), "", *_PARTS[name](found), "", verdict, *faults])


def _what(found: dict) -> str:
    return Template(
        "$date, Tavana $version ($profile build), DuckDB $duckdb, $cores cores, $memory GiB, $arch; "
        "$data$limit MiB for each of the $workers workers."
    ).substitute(
        found,
        memory=f"{found['memory_gib']:.0f}",
        data=f"TPC-H at scale {found['scale']:g}; " if "storms" not in found["runs"][0] else "",
        limit=f"{found['memory_mib']:,}",
        workers=WORKERS,
    )


def _runs(found: dict, count: int, heavy: int = 0) -> list[str]:
    """One column a run."""
    runs = found["runs"]
    again = [run["title"] == before["title"] for run, before in zip(runs[1:], runs, strict=False)]
    titles = [
        f"{run['title']}{', again' * more}" for run, more in zip(runs, [False, *again], strict=True)
    ]
    rows = [["", *titles]]

    def row(title: str, of) -> None:
        rows.append([title, *(of(run) for run in runs)])

    def queued(of):
        return lambda run: of(run) if "decisions" in run else "–"

    row("answered right", lambda run: f"{run['right']:,} of {count:,}")
    if heavy:
        row("of the heavy ones", lambda run: f"{run['right_heavy']} of {heavy}")
    row("failed", _failed)
    if heavy:
        row("light ones among them", lambda run: f"{run['failed_light']}")
    row("seconds for all", lambda run: f"{run['seconds']:.0f}")
    if heavy:
        row("seconds for a light one, p50 / p99 / max", lambda run: _spread(run["light_seconds"]))
    row("over Flight SQL / PostgreSQL", _protocols)
    row(
        "most at once: running / waiting",
        queued(lambda run: f"{run['running']} / {run['waiting']}"),
    )
    row("seconds in the queue, p50 / p99 / max", queued(lambda run: _spread(run["waits"])))
    row("permits: direct / in turn / backfill / rider", queued(_decisions))
    row(
        "started ahead of one that had come before",
        queued(lambda run: f"{run['passed']} of {run['logged']}"),
    )
    row("permits for less than needed", queued(lambda run: f"{run['clamped']}"))
    row("permits that a worker refused", queued(lambda run: f"{run['refused']}"))
    row(
        "most that was granted in a worker", queued(lambda run: _mib(run["engines"]["granted_mib"]))
    )
    row("most that DuckDB used in a worker", lambda run: _mib(run["engines"]["used_mib"]))
    row("most memory of a worker: anonymous / resident", _resident)
    row("most that was spilled at a time", lambda run: _mib(run["engines"]["spilled_mib"]))
    row("written to disk in all", lambda run: _mib(run["engines"]["written_mib"]))
    row("gateway's memory: before, by quarter", queued(_quarters))
    row("its peak", queued(lambda run: _mib(run["memory"]["peak_mib"])))
    row("its growth from the pass before", queued(_grown))
    return _table(rows)


def _mixed(found: dict) -> list[str]:
    head = (
        f"{found['statements']} statements, {found['heavy']} of them heavy, by {found['clients']} clients at once. DuckDB "
        f"in process, with all memory, takes {found['in_process_seconds']:.0f} s for them one after the other."
    )
    return [head, "", *_runs(found, found["statements"], found["heavy"])]


def _scans(found: dict) -> list[str]:
    head = f"{found['clients']} scans of {found['rows']:,} rows at once."
    return [head, "", *_runs(found, found["clients"])]


def _storm(found: dict) -> list[str]:
    admitted, alone = found["runs"]
    storms = admitted["storms"]
    small = all(storm["bytes_each"] <= GOAL_BYTES_EACH for storm in storms)
    soon = all((storm["gone_seconds"] or 1e9) <= GOAL_GONE_SECONDS for storm in storms)
    return [
        f"{found['statements']:,} statements at once, twice; one runs at a time on each worker.",
        "",
        *_table(_verified(found["statements"], admitted, alone)),
        "",
        *_table(_queued(storms)),
        "",
        f"A statement that waits is to take at most {GOAL_BYTES_EACH:,} bytes: {_met(small)}. One whose client left is to "
        f"be gone within {GOAL_GONE_SECONDS} s: {_met(soon)}. With a full queue the gateway's memory grew by "
        f"{admitted['grown_mib']:.1f} MiB from the first storm to the second (bound: {FLAT_MIB} MiB).",
    ]


def _verified(count: int, admitted: dict, alone: dict) -> list[list[str]]:
    both = (admitted, alone)
    stayed = sum(count - storm["left"] for storm in admitted["storms"])
    seconds = " + ".join(f"{storm['ran_seconds']:.0f}" for storm in admitted["storms"])

    def engines(name: str) -> list[str]:
        return [_mib(run["engines"][name]) for run in both]

    return [
        ["", admitted["title"], alone["title"]],
        [
            "answered",
            f"{admitted['answered']:,} of {stayed:,}",
            f"{alone['answered']:,} of {count:,}",
        ],
        ["failed", *map(_failed, both)],
        ["answered, but not in a table", *(f"{run['lost']}" for run in both)],
        ["twice in a table", *(f"{run['doubled']}" for run in both)],
        ["in a table, though their clients had left", f"{admitted['ran_although_left']}", "–"],
        ["started after ones that came later", f"{admitted['out_of_order']}", "–"],
        ["seconds in the queue, p50 / p99 / max", _spread(admitted["waits"]), "–"],
        ["permits: direct / in turn / backfill / rider", _decisions(admitted), "–"],
        ["seconds", seconds, f"{alone['seconds']:.0f}"],
        ["most that DuckDB used in a worker", *engines("used_mib")],
        ["most memory of a worker: anonymous / resident", *map(_resident, both)],
        ["written to disk in all", *engines("written_mib")],
    ]


def _queued(storms: list[dict]) -> list[list[str]]:
    rows = [["", *(f"storm {number}" for number in range(1, len(storms) + 1))]]

    def row(title: str, of) -> None:
        rows.append([title, *map(of, storms)])

    row("queued within", lambda storm: f"{storm['queued_seconds']:.1f} s")
    row("clients that left / gone from the queue after", _gone)
    row("gateway's memory: queue empty / full / run", _storm_memory)
    row("for each that waits, beyond its SQL", lambda storm: f"{storm['bytes_each']:,.0f} bytes")
    row("SQL of each", lambda storm: f"{storm['sql_bytes_each']:,.0f} bytes")
    return rows


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _failed(run: dict) -> str:
    count = sum(count for _, count in run["failed"])
    if not count:
        return "0"
    return f"**{count:,}**: " + ", ".join(f"{count:,} {why}" for why, count in run["failed"][:4])


def _protocols(run: dict) -> str:
    return " / ".join(f"{run['by_protocol'].get(name, 0):,}" for name in ("flight", "postgresql"))


def _spread(seconds: dict) -> str:
    return " / ".join(f"{seconds[name]:.1f}" for name in ("p50", "p99", "max"))


def _resident(run: dict) -> str:
    return " / ".join(_mib(run["engines"][name]) for name in ("anonymous_mib", "resident_mib"))


def _grown(run: dict) -> str:
    grown = run["memory"].get("grown_mib")
    return "–" if grown is None else f"{grown:+.1f} MiB"


def _decisions(run: dict) -> str:
    return " / ".join(f"{count:,}" for count in run["decisions"].values())


def _quarters(run: dict) -> str:
    memory = run["memory"]
    return (
        f"{memory['before_mib']:.0f}, "
        + " ".join(f"{mib:.0f}" for mib in memory["quarters_mib"])
        + " MiB"
    )


def _gone(storm: dict) -> str:
    gone = storm["gone_seconds"]
    return f"{storm['left']:,} / " + ("never" if gone is None else f"{gone:.2f} s")


def _storm_memory(storm: dict) -> str:
    return (
        " / ".join(f"{storm[name]:.0f}" for name in ("empty_mib", "queued_mib", "after_mib"))
        + " MiB"
    )


def _mib(mib: float, digits: int = 0) -> str:
    return f"{mib:,.{digits}f} MiB"


def _table(rows: list[list[str]]) -> list[str]:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return ["| " + " | ".join(line) + " |" for line in lines]


_PARTS = {"mixed": _mixed, "scans": _scans, "storm": _storm}


if __name__ == "__main__":
    write(Path(sys.argv[3]), sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))
