"""Whether statements started in the order in which they came, and how long they waited, by `tavana.queries`.

A statement *passed* an earlier one when that started after it. The queue lets a statement pass only where it has proven
that the one that is passed does not start later for it (a backfill), or within the memory of its own session (a rider),
and counts both. So there may be no more statements that passed than it has counted. One that is too big for every
worker is aside from that: it waits for a larger worker, until none is expected.
"""

from dataclasses import dataclass

from clients import STATEMENT_SECONDS
from harness import adbc
from harness.processes import Program

# When a statement came and started is noted beside the queue, by threads that may be held up in between.
NOTED_WITHIN_US = 50_000
KINDS = ("direct", "fifo", "backfill", "rider")

_LOG = """
    select epoch_us(arrived_at) as arrived, epoch_us(started_at) as started, waited_ms / 1e3 as waited,
        grant_bytes < estimated_peak_memory_bytes as too_big
    from tavana.queries where epoch_us(arrived_at) >= {since} and started_at is not null and ended_at is not null"""


@dataclass
class Decisions:
    """How many permits the queue has given, by kind, and how many workers refused."""

    counts: dict[str, int]
    refused: int
    clamped: int

    @classmethod
    def of(cls, gateway: Program) -> "Decisions":
        name = "tavana_gateway_queue_decisions_total"
        page = gateway.get("/metrics")[1]
        counts = {kind: _labelled(page, f'{name}{{kind="{kind}"}} ') for kind in KINDS}
        refused = _labelled(page, "tavana_gateway_queue_refusals_total ")
        return cls(counts, refused, _labelled(page, "tavana_gateway_queue_clamped_total "))

    def since(self, before: "Decisions") -> "Decisions":
        counts = {kind: count - before.counts[kind] for kind, count in self.counts.items()}
        return Decisions(counts, self.refused - before.refused, self.clamped - before.clamped)

    def may_pass(self) -> int:
        return self.counts["backfill"] + self.counts["rider"]


def _labelled(page: str, start: str) -> int:
    return int(next(line for line in page.splitlines() if line.startswith(start)).split()[-1])


def log(uri: str, since_us: int) -> list[dict]:
    """The statements that came since then, ran and are over."""
    with adbc.connect(uri, seconds=STATEMENT_SECONDS) as connection:
        return adbc.table(connection, _LOG.format(since=since_us)).to_pylist()


def passed(rows: list[dict], within_us: int = NOTED_WITHIN_US) -> int:
    """How many statements started ahead of one that had come before them."""
    started = sorted(rows, key=lambda row: row["started"])
    # From each place on, when the earliest of those that started there or later came.
    earliest, least = [0] * len(started), None
    for at in reversed(range(len(started))):
        if not started[at]["too_big"]:
            came = started[at]["arrived"]
            least = came if least is None else min(least, came)
        earliest[at] = least
    count, later = 0, 0
    for row in started:
        while later < len(started) and started[later]["started"] <= row["started"] + within_us:
            later += 1
        first = earliest[later] if later < len(started) else None
        if first is not None and first < row["arrived"] - within_us:
            count += 1
    return count
