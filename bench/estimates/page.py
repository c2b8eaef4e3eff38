"""docs/estimates.md from what was found, by its template.

python page.py   writes it anew from the results of the last run
"""

import json
import statistics as numbers
import sys
from pathlib import Path
from string import Template

import figures
import plot
import schemas
from figures import Point

TEMPLATE = Path(__file__).with_name("estimates.template.md")
TITLES = {
    "tpch": "TPC-H",
    "retail": "star with skew (retail)",
    "movies": "join order (movies)",
    "writes": "statements that write",
}
VARIANTS = {"native": "native tables", "parquet": "Parquet files"}
HEADER = [
    "statements",
    "",
    "n",
    "scan p50",
    "p90",
    "p95",
    "peak p50",
    "p90",
    "p95",
    "too low",
    "under",
]


def tables(chosen: list[Point]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, header and rows of each table of cold estimates."""
    return [
        (title, HEADER, rows_of([point for point in chosen if point.statement.is_unseen == unseen]))
        for unseen, title in ((True, "Not fitted on"), (False, "Fitted on"))
    ]


def rows_of(chosen: list[Point]) -> list[list[str]]:
    groups = [("all", "", chosen)]
    for variant, title in VARIANTS.items():
        own = [
            p for p in chosen if p.statement.variant == variant and p.statement.schema != "writes"
        ]
        groups.append(("all that read", title, own))
    for schema, title in TITLES.items():
        for variant in schemas.variants(schema):
            own = [
                p for p in chosen if (p.statement.schema, p.statement.variant) == (schema, variant)
            ]
            groups.append((title, VARIANTS[variant], own))
    return [[title, variant, *_cells(own)] for title, variant, own in groups if own]


def _cells(own: list[Point]) -> list[str]:
    scans, peaks = figures.scan_errors(own), figures.peak_errors(own)
    parts = (0.5, 0.9, 0.95)
    return [
        str(len(own)),
        *(f"{figures.part(scans, part):.2f}" if scans else "–" for part in parts),
        *(f"{figures.part(peaks, part):.2f}" for part in parts),
        f"{figures.low_share(own):.0%}",
        f"{figures.low_share(own, 1.0):.0%}",
    ]


def _after_rows(warm: list[Point]) -> tuple[list[str], list[list[str]]]:
    header = ["statements", "", "n", "peak p50", "p90", "p95", "too low", "under"]
    groups = [("all", "", warm)]
    for schema in schemas.READS:
        for variant in schemas.variants(schema):
            own = [
                p for p in warm if (p.statement.schema, p.statement.variant) == (schema, variant)
            ]
            groups.append((TITLES[schema], VARIANTS[variant], own))
    cells = [(title, variant, _cells(own)) for title, variant, own in groups if own]
    return header, [
        [title, variant, count, *peaks] for title, variant, (count, _, _, _, *peaks) in cells
    ]


def _goal_rows(chosen, warm, planning_us, is_release) -> list[list[str]]:
    unseen = [point for point in chosen if point.statement.is_unseen]

    def row(title, goal, figure, bound, shown="{:.2f}"):
        values = [figure(own) for own in (chosen, unseen)]
        verdict = "met" if all(value <= bound for value in values) else "**missed**"
        return [title, goal, *(shown.format(value) for value in values), verdict]

    def scans(share):
        return lambda own: figures.part(figures.scan_errors(own), share)

    def peaks(share):
        return lambda own: figures.part(figures.peak_errors(own), share)

    low = row("peak memory, cold, too low", "< 5 %", figures.low_share, 0.05, "{:.1%}")
    after = figures.part(figures.peak_errors(warm), 0.9)
    planning = numbers.median(planning_us) / 1000
    return [
        row("scan bytes, p50", "≤ 1.1", scans(0.5), 1.1),
        row("scan bytes, p95", "≤ 1.5", scans(0.95), 1.5),
        row("peak memory, cold, p50", "≤ 2", peaks(0.5), 2),
        row("peak memory, cold, p90", "≤ 5", peaks(0.9), 5),
        low,
        ["peak memory, after one run, p90", "≤ 1.3", f"{after:.2f}", "–", _verdict(after <= 1.3)],
        [
            "planning, statistics cached, p50",
            "≤ 2 ms",
            f"{planning:.2f} ms",
            "–",
            _verdict(planning <= 2) if is_release else "debug build",
        ],
    ]


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(header: list[str], rows: list[list[str]]) -> str:
    """The same table for a terminal."""
    lines = [header, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def write(statements, results: dict, folder: Path) -> None:
    """The page and its picture."""
    sizes = results["sizes"]
    chosen = figures.points(statements, sizes, results["took"])
    warm = figures.after(statements, sizes, results["took"])
    us = [size["us"] for size in sizes.values()]
    worst = sorted(
        (point for point in chosen if point.ratio < figures.LOW), key=lambda point: point.ratio
    )
    unseen, seen = tables(chosen)
    text = Template(TEMPLATE.read_text()).substitute(
        date=results["date"],
        machine=results["machine"],
        duckdb=results["duckdb"],
        count=len(chosen),
        unseen_count=sum(point.statement.is_unseen for point in chosen),
        goals=_markdown(
            ["what", "goal", "all", "not fitted on", ""],
            _goal_rows(chosen, warm, us, results["is_release"]),
        ),
        unseen=_markdown(*unseen[1:]),
        seen=_markdown(*seen[1:]),
        after=_markdown(*_after_rows(warm)),
        low=f"{figures.LOW:g}",
        least_peak=figures.LEAST_PEAK // figures.MIB,
        least_scan=figures.LEAST_SCAN // figures.MIB,
        planning_p50=f"{numbers.median(us) / 1000:.2f}",
        planning_p90=f"{figures.part(us, 0.9) / 1000:.2f}",
        planning_most=f"{max(us) / 1000:.1f}",
        build="release" if results["is_release"] else "debug",
        worst=_markdown(
            ["statement", "estimated MiB", "took MiB", "ratio"],
            [
                [
                    f"`{point.statement.key}`",
                    *(f"{value / figures.MIB:.0f}" for value in point.peak),
                    f"{point.ratio:.2f}",
                ]
                for point in worst
            ],
        ),
    )
    (folder / "estimates.md").write_text(text)
    (folder / "estimates.svg").write_text(plot.picture(chosen))


def main() -> None:
    results = json.loads((schemas.folder() / "results.json").read_text())
    statements = [one for schema in schemas.SCHEMAS for one in schemas.statements(schema)]
    write(statements, results, Path(__file__).parent.parent.parent / "docs")


if __name__ == "__main__":
    sys.exit(main())
