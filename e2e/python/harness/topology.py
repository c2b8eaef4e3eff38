"""The three ways Tavana is run; one suite serves them all.

worker    a client talks to `tavana-worker`
gateway   a client talks to `tavana-gateway`, which talks to a worker of its own
serve     a client talks to `tavana serve`, gateway and worker in one process
"""

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness.processes import Program

KINDS = ("worker", "gateway", "serve")


@dataclass
class Tls:
    """A certificate for 127.0.0.1, which signs itself, and its key."""

    cert: Path
    key: Path


@dataclass
class Server:
    """A running topology: `front` is what clients connect to, `worker` is where DuckDB is."""

    kind: str
    front: Program
    worker: Program
    key: bytes = b""
    tls: Tls | None = None
    users: dict[str, str] = field(default_factory=dict)  # name → password

    @property
    def uri(self) -> str:
        return self.front.uri

    @property
    def programs(self) -> list[Program]:
        return [self.front] if self.front is self.worker else [self.front, self.worker]

    def running_queries(self) -> int:
        return int(self.worker.metric("tavana_worker_queries_running"))

    def stop(self) -> None:
        """Clients first, so that the gateway can drain into a living worker."""
        for program in self.programs:
            program.stop()

    def kill(self) -> None:
        for program in self.programs:
            program.kill()

    def restart_worker(self) -> None:
        """Starts the (ended) worker again on its ports; in the other topologies it is the whole server."""
        alone = self.front is self.worker
        self.worker = self.worker.again()
        if alone:
            self.front = self.worker


def new_key(directory: Path) -> Path:
    """A key file as an operator would make one."""
    path = directory / f"key-{secrets.token_hex(4)}"
    path.write_text(secrets.token_hex(32))
    return path


def start(
    kind: str,
    directory: Path,
    *,
    data_dir: Path | None = None,
    sample: str | None = None,
    allow_paths=(),
    catalogs: Path | None = None,
    users_file: Path | None = None,
    users: dict[str, str] | None = None,
    key_file: Path | None = None,
    tls: Tls | None = None,
    args=(),
    engine_args=(),
    **program_options,
) -> Server:
    """Starts one topology. `args` go to every program, `program_options` to the one that has the DuckDB."""
    engine, front = [*engine_args], []
    if data_dir:
        engine += ["--data-dir", data_dir]
    if sample:
        engine += ["--sample", sample]
    if catalogs:
        engine += ["--catalogs", catalogs]
    for path in allow_paths:
        engine += ["--allow-path", path]
    if users_file:
        front += ["--users", users_file]
    if tls:
        front += ["--tls-cert", tls.cert, "--tls-key", tls.key]
    if kind == "gateway" and not key_file:
        key_file = new_key(directory)
    if key_file:
        front += ["--key-file", key_file]

    options = {"log_dir": directory}
    if kind == "worker":
        worker = Program("tavana-worker", *engine, *front, *args, **options, **program_options)
        gate = worker
    elif kind == "serve":
        worker = Program("tavana", "serve", *engine, *front, *args, **options, **program_options)
        gate = worker
    else:
        worker = Program(
            "tavana-worker",
            "--gateway-only",
            "--key-file",
            key_file,
            *engine,
            *args,
            **options,
            **program_options,
        )
        try:
            gate = Program("tavana-gateway", "--worker", worker.uri, *front, *args, **options)
        except BaseException:
            worker.kill()
            raise
    key = key_file.read_text().strip().encode() if key_file else b""
    return Server(kind, gate, worker, key, tls, dict(users or {}))


def eventually(condition, seconds=20.0):
    """Waits until `condition()` holds and returns what it gave; a bound, not a measurement."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not so within {seconds} s: {condition}"
        time.sleep(0.05)
