"""Several workers on one DuckLake, behind one gateway and one PostgreSQL frontend."""

from dataclasses import dataclass, field
from pathlib import Path

from harness import pg_server, topology
from harness.processes import Program

CATALOG = """
default = "lake"

[catalog.lake]
type = "ducklake"
metadata = "{metadata}"
data-path = "{data}"
"""


def sqlite(folder: Path) -> str:
    return f"sqlite:{folder}/meta.sqlite"


def postgresql(oracle: pg_server.Oracle) -> str:
    return f"postgres:host=127.0.0.1 port={oracle.port} dbname={pg_server.DATABASE} user={pg_server.USER}"


@dataclass
class Fleet:
    """Its programs; `uri` is the gateway, `pg` the frontend."""

    folder: Path
    workers: list[Program]
    gateway: Program
    frontend: Program
    stopped: list[Program] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path, metadata: str, count: int) -> "Fleet":
        catalogs, key = folder / "catalogs.toml", topology.new_key(folder)
        catalogs.write_text(CATALOG.format(metadata=metadata, data=folder / "data"))
        programs: list[Program] = []
        try:
            for _ in range(count):
                words = ["--gateway-only", "--key-file", key, "--catalogs", catalogs]
                programs.append(Program("tavana-worker", *words, log_dir=folder))
            names = [word for worker in programs for word in ("--worker", worker.uri)]
            gateway = Program("tavana-gateway", *names, "--key-file", key, log_dir=folder)
            programs.append(gateway)
            words = ["--gateway", gateway.uri, "--key-file", key]
            frontend = Program("tavana-pg", *words, log_dir=folder)
        except BaseException:
            for program in programs:
                program.kill()
            raise
        return cls(folder, programs[:count], gateway, frontend)

    @property
    def uri(self) -> str:
        return self.gateway.uri

    @property
    def conninfo(self) -> str:
        port = self.frontend.target.rpartition(":")[2]
        return f"host=127.0.0.1 port={port} user={pg_server.USER} dbname={pg_server.DATABASE}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def kill_worker(self, index: int) -> None:
        self.workers[index].kill()

    def restart_worker(self, index: int) -> None:
        self.workers[index] = self.workers[index].again()

    def stop(self) -> None:
        """Clients first, so that each can drain into a living one."""
        for program in [self.frontend, self.gateway, *self.workers]:
            program.stop()
