"""From statements, estimates and what was measured to q-errors.

A q-error is how many times one is the other, whichever is larger; 1 is right. Memory below [`LEAST_PEAK`] is what any statement
takes, and no room is planned by it.
"""

from dataclasses import dataclass

from schemas import Statement

MIB = 1 << 20
LEAST_PEAK = 8 * MIB
# Bytes in which the footers of files and the headers of databases lie count as data, so that fewer say nothing.
LEAST_SCAN = MIB
# An estimate of less than this part of what was taken is too low: the rest is what a worker keeps free in any case.
LOW = 0.8


@dataclass(frozen=True)
class Point:
    """One statement: its estimate against what it took."""

    statement: Statement
    scan: tuple[float, float] | None
    peak: tuple[float, float]
    source: str

    @property
    def scan_error(self) -> float | None:
        return None if self.scan is None else error(*self.scan)

    @property
    def peak_error(self) -> float:
        return error(*self.peak)

    @property
    def ratio(self) -> float:
        return self.peak[0] / self.peak[1]


def error(one: float, other: float) -> float:
    return max(one / other, other / one)


def points(statements: list[Statement], sizes: dict, took: dict) -> list[Point]:
    """Cold estimates against what a process of their own took."""
    found = []
    for statement in statements:
        size, real = sizes[statement.key], took[statement.key][0]
        # What else a statement that writes has to read is not what it scans.
        is_compared = size["scan"] is not None and statement.schema != "writes"
        scan = (
            (max(size["scan"], LEAST_SCAN), max(real["read"], LEAST_SCAN)) if is_compared else None
        )
        peak = (max(size["peak"], LEAST_PEAK), max(real["held"], LEAST_PEAK))
        found.append(Point(statement, scan, peak, size["source"]))
    return found


def after(statements: list[Statement], sizes: dict, took: dict) -> list[Point]:
    """Estimates that know a first run against a second one."""
    found = []
    for statement in statements:
        size, runs = sizes[statement.key], took[statement.key]
        if size["after"] is not None and len(runs) > 1:
            peak = (max(size["after"], LEAST_PEAK), max(runs[1]["held"], LEAST_PEAK))
            found.append(Point(statement, None, peak, "History"))
    return found


def part(values: list[float], share: float) -> float:
    """The value that this share of them keeps to."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def scan_errors(chosen: list[Point]) -> list[float]:
    return [point.scan_error for point in chosen if point.scan_error is not None]


def peak_errors(chosen: list[Point]) -> list[float]:
    return [point.peak_error for point in chosen]


def low_share(chosen: list[Point], below: float = LOW) -> float:
    return sum(point.ratio < below for point in chosen) / len(chosen)
