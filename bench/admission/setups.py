"""What load is put on: Tavana with admission, and its workers alone, which is DuckDB left to itself.

Both get the same data, the same limit of memory and the same clients; what differs is who decides how many statements
run at a time.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from harness import topology
from harness.processes import Program

WORKERS = 2
MIB = 1 << 20
# Nobody adds workers here, so nothing is gained by waiting for larger ones.
SATURATION_AFTER_SECONDS = 1


@dataclass
class Setup:
    """Running programs. `uris` are where Flight clients connect, `pg` is for those of PostgreSQL."""

    title: str
    uris: list[str]
    workers: list[Program]
    gateway: Program | None = None
    frontend: Program | None = None
    pg: str | None = None
    folders: list[Path] = field(default_factory=list)  # where the workers' databases are

    @property
    def programs(self) -> list[Program]:
        """From the client inwards, each once."""
        named = [self.frontend, self.gateway, *self.workers]
        return list({program.pid: program for program in named if program}.values())

    @property
    def has_admission(self) -> bool:
        return self.gateway is not None

    @property
    def gateway_has_engine(self) -> bool:
        """Then its memory is DuckDB's for the most part."""
        return self.gateway in self.workers

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        for program in self.programs:
            if failed:
                program.kill()
            else:
                program.stop()


class Place:
    """Starts setups in a scratch folder, each worker with a copy of one database."""

    def __init__(self, folder: Path, database: Path, memory_bytes: int):
        self._folder, self._database, self._memory_bytes = folder, database, memory_bytes
        self._number = 0

    def apart(self, *, slots: int | None = None) -> Setup:
        """`tavana-gateway` before two workers, and `tavana-pg` before it: four processes."""
        folder = self._new()
        key = ["--key-file", topology.new_key(folder)]
        words = [*key, "--gateway-only", *(["--slots", slots] if slots else [])]
        started, folders = self._workers(folder, words)
        try:
            words = [word for worker in started for word in ("--worker", worker.uri)]
            words += ["--saturation-after-seconds", SATURATION_AFTER_SECONDS]
            words += ["--state-dir", folder / "state"]
            gateway = Program("tavana-gateway", *words, *key, log_dir=folder)
            started.append(gateway)
            words = ["tavana-pg", "--gateway", gateway.uri, *key]
            frontend = Program(*words, log_dir=folder)
        except BaseException:
            _kill(started)
            raise
        workers = started[:WORKERS]
        conninfo = _conninfo(frontend)
        return Setup("gateway", [gateway.uri], workers, gateway, frontend, conninfo, folders)

    def serve(self) -> Setup:
        """All in one process."""
        folder = self._new()
        data = self._data(folder, 0)
        words = ["serve", "--data-dir", data, *self._limit(), "--state-dir", folder / "state"]
        words += ["--saturation-after-seconds", SATURATION_AFTER_SECONDS]
        program = Program("tavana", *words, log_dir=folder)
        conninfo = _conninfo(program)
        return Setup("tavana serve", [program.uri], [program], program, None, conninfo, [data])

    def alone(self) -> Setup:
        """The same workers without a gateway: every statement runs as soon as it comes."""
        workers, folders = self._workers(self._new(), [])
        uris = [worker.uri for worker in workers]
        return Setup("no gateway", uris, workers, folders=folders)

    def _workers(self, folder: Path, words: list) -> tuple[list[Program], list[Path]]:
        started, folders = [], []
        try:
            for number in range(WORKERS):
                folders.append(self._data(folder, number))
                own = ["--data-dir", folders[-1], *self._limit(), *words]
                started.append(Program("tavana-worker", *own, log_dir=folder))
        except BaseException:
            _kill(started)
            raise
        return started, folders

    def _limit(self) -> list:
        return ["--memory-limit-bytes", self._memory_bytes]

    def _new(self) -> Path:
        self._number += 1
        folder = self._folder / f"setup-{self._number}"
        folder.mkdir()
        return folder

    def _data(self, folder: Path, number: int) -> Path:
        data = folder / f"data-{number}"
        data.mkdir()
        shutil.copyfile(self._database, data / "local.duckdb")
        return data


def _conninfo(program: Program) -> str:
    host, _, rest = program.addresses["pg"].partition("://")[2].partition(":")
    port, _, database = rest.partition("/")
    return f"host={host} port={port} user=tavana dbname={database}"


def _kill(programs: list[Program]) -> None:
    for program in programs:
        program.kill()
