"""Looks at the programs of a setup while it is under load: memory, what they spill, what waits."""

import threading
import time
from dataclasses import dataclass, field
from statistics import median

import psutil

from setups import MIB, Setup

EVERY_SECONDS = 0.2
# So much more the gateway may take for the same load once more: the allocator's business.
FLAT_MIB = 16


@dataclass
class Seen:
    """What was seen, at all times: bytes by program, and the queue's length."""

    seconds: list[float] = field(default_factory=list)
    gateway: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)  # resident bytes of the largest
    anonymous: list[int] = field(default_factory=list)  # those that the kernel cannot take back
    used: list[int] = field(default_factory=list)  # by DuckDB's own count, the largest
    spilled: list[int] = field(default_factory=list)  # on disk at a time, all together
    granted: list[int] = field(default_factory=list)  # the largest
    waiting: list[int] = field(default_factory=list)
    permits: list[int] = field(default_factory=list)
    written_bytes: int = 0  # to disk by all workers from the start to the end
    alarms: list[str] = field(default_factory=list)

    def memory(self) -> dict:
        """The gateway's memory: before, the middle of each quarter, of all and of the second half, and the peak."""
        quarter, half = max(len(self.gateway) // 4, 1), len(self.gateway) // 2
        quarters = [self.gateway[at * quarter : (at + 1) * quarter] for at in range(4)]
        return {
            "before_mib": self.gateway[0] / MIB,
            "quarters_mib": [median(part) / MIB for part in quarters if part],
            "middle_mib": median(self.gateway) / MIB,
            "late_mib": median(self.gateway[half:]) / MIB,
            "peak_mib": max(self.gateway) / MIB,
        }

    def engines(self) -> dict:
        """What the workers took, at their peaks."""
        return {
            "used_mib": max(self.used) / MIB,
            "granted_mib": max(self.granted) / MIB,
            "resident_mib": max(self.workers) / MIB,
            "anonymous_mib": max(self.anonymous) / MIB,
            "spilled_mib": max(self.spilled) / MIB,
            "written_mib": self.written_bytes / MIB,
        }


class Watch:
    """Watches a setup within a `with` block."""

    def __init__(self, setup: Setup):
        self._setup, self.seen = setup, Seen()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Seen:
        self._begun = time.perf_counter()
        self._written = self._written_bytes()
        self._look()
        self._thread.start()
        return self.seen

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._look()
        self.seen.written_bytes = self._written_bytes() - self._written

    def _run(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - the load itself tells what broke
                self.seen.alarms.append(f"could not be watched: {error}"[:200])

    def _look(self) -> None:
        seen, workers, gateway = self.seen, self._setup.workers, self._setup.gateway
        pages = [worker.get("/metrics")[1] for worker in workers]
        seen.seconds.append(time.perf_counter() - self._begun)
        seen.workers.append(max(worker.resident_bytes() for worker in workers))
        seen.anonymous.append(max(value(page, "tavana_worker_anonymous_bytes") for page in pages))
        seen.used.append(max(value(page, "tavana_worker_duckdb_used_bytes") for page in pages))
        seen.granted.append(max(value(page, "tavana_worker_granted_bytes") for page in pages))
        seen.spilled.append(sum(value(page, "tavana_worker_spilled_bytes") for page in pages))
        if gateway:
            page = gateway.get("/metrics")[1]
            seen.gateway.append(gateway.resident_bytes())
            seen.waiting.append(value(page, "tavana_gateway_queue_waiting"))
            seen.permits.append(value(page, "tavana_gateway_permits"))

    def _written_bytes(self) -> int:
        counters = [psutil.Process(worker.pid).io_counters() for worker in self._setup.workers]
        return sum(counter.write_bytes for counter in counters)


def value(page: str, name: str) -> int:
    """A metric without labels."""
    line = next(line for line in page.splitlines() if line.startswith(f"{name} "))
    return int(float(line.split()[1]))
