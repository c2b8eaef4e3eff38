"""The peers of a benchmark: how each is started, what it consists of, how it stops.

Each peer gets its own copy of the data, the same memory limit and a load
process of its own (`load.py`), and stays up for the whole run, so that every
round finds it warm. Servers choose free ports on loopback and say where they
listen in their output, which goes to a log file in the scratch folder.
"""

import json
import os
import re
import secrets
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from postgres import Cluster

HERE = Path(__file__).resolve().parent
START_SECONDS = 60
STOP_SECONDS = 20

TITLES = {
    "inprocess": "DuckDB in process",
    "cpp": "Arrow C++ Flight server",
    "worker": "tavana-worker",
    "serve": "tavana serve",
    "gateway": "tavana-gateway + tavana-worker",
    "postgres": "PostgreSQL 15",
}
PROGRAMS = {
    "worker": ["tavana-worker"],
    "serve": ["tavana"],
    "gateway": ["tavana-worker", "tavana-gateway", "tavana-pg"],
}


class PeerError(Exception):
    """A peer did not start, ended, or did not answer in time."""


def missing_programs(names, bin_dir):
    """Paths of Tavana's programs that the chosen peers need and that are not built."""
    needed = {bin_dir / program for name in names for program in PROGRAMS.get(name, [])}
    return sorted(str(path) for path in needed if not os.access(path, os.X_OK))


class Process:
    """A child process with its output in a log file."""

    def __init__(self, title, command, log, env=None):
        self.title, self.log = title, log
        with open(log, "wb") as output:
            self._popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        self.info = psutil.Process(self._popen.pid)

    def wait_for(self, pattern):
        """First group of `pattern` once the process has printed it."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            ended = self._popen.poll() is not None
            found = re.search(pattern, self.output())
            if found:
                return found.group(1)
            if ended:
                break
            time.sleep(0.02)
        raise PeerError(f"{self.title} did not get ready:\n{self.output()[-2000:]}")

    def output(self):
        return Path(self.log).read_text(errors="replace")

    def cpu_seconds(self):
        """Its own, and those of programs that it ran."""
        return sum(self.info.cpu_times()[:4])

    def rss_bytes(self):
        return self.info.memory_info().rss

    def stop(self):
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                print(f"{self.title} did not stop in {STOP_SECONDS} s; killed", file=sys.stderr)
                self._popen.kill()
        self._popen.wait()


class Load(Process):
    """The client process of a peer; `call` gives it one job and waits for the result."""

    def __init__(self, arguments, log, job_seconds):
        self.title, self.log, self._job_seconds = "the load process", log, job_seconds
        with open(log, "wb") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, HERE / "load.py", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.info = psutil.Process(self._popen.pid)

    def call(self, job, **arguments):
        """The job's result. Raises PeerError when it failed or took too long."""
        if self._popen.poll() is not None:
            raise PeerError(f"the load process is gone:\n{self.output()[-2000:]}")
        self._popen.stdin.write(json.dumps({"job": job, **arguments}).encode() + b"\n")
        self._popen.stdin.flush()
        ready, _, _ = select.select([self._popen.stdout], [], [], self._job_seconds)
        if not ready:
            self._popen.kill()
            raise PeerError(f"{job} took longer than {self._job_seconds} s")
        line = self._popen.stdout.readline()
        if not line:
            raise PeerError(f"the load process ended in {job}:\n{self.output()[-2000:]}")
        result = json.loads(line)
        if "error" in result:
            raise PeerError(f"{job}: {result['error']}")
        return result


class Peer:
    """One participant: its servers (by role) and its load process."""

    def __init__(self, name, data, settings):
        self.name, self.title = name, TITLES[name]
        self.servers, self.load = {}, None
        self.pg_url = None  # where psql and pgbench connect
        self._data, self._settings = data, settings
        self._folder = settings.scratch / name
        self._folder.mkdir()

    def start(self):
        """Starts servers and load process on a fresh copy of the data."""
        if self.name == "postgres":
            cluster = self.servers["postgres"] = Cluster(self._folder / "postgres.log")
            cluster.load(self._data.database)
            self.pg_url = cluster.url()
            self.load = Load([], self._folder / "load.log", self._settings.job_seconds)
            return
        database = self._folder / "local.duckdb"
        Path(f"{database}.wal").unlink(missing_ok=True)
        shutil.copyfile(self._data.database, database)
        if self.name == "inprocess":
            arguments = ["--database", database]
            arguments += ["--memory-limit-bytes", self._settings.memory_limit_bytes]
        else:
            begun = time.perf_counter()
            url = getattr(self, f"_start_{self.name}")(database)
            self.ready_seconds = time.perf_counter() - begun
            arguments = ["--url", url]
        self.load = Load(arguments, self._folder / "load.log", self._settings.job_seconds)

    def stop(self):
        # The client first, then whoever is nearest to it.
        for process in [self.load, *reversed(self.servers.values())]:
            if process is not None:
                process.stop()
        self.servers, self.load = {}, None

    def processes(self):
        return {"client": self.load, **self.servers}

    def _start_cpp(self, database):
        self.servers["server"] = server = Process(
            self.title,
            [
                sys.executable,
                HERE / "flight_server.py",
                database,
                self._settings.memory_limit_bytes,
            ],
            self._folder / "server.log",
            # On ingest Arrow would warn once a batch that gRPC's buffers are not aligned.
            {"ACERO_ALIGNMENT_HANDLING": "ignore"},
        )
        return server.wait_for(r"^(grpc://\S+)")

    def _start_worker(self, database, *more):
        return self._tavana("worker", ["tavana-worker", *self._storage(database), *more])

    def _start_serve(self, database):
        command = ["tavana", "serve", "--pg-addr", "127.0.0.1:0", *self._storage(database)]
        uri = self._tavana("serve", command)
        self.pg_url = self._pg_url("serve")
        return uri

    def _start_gateway(self, database):
        key = self._folder / "key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32) + "\n")
        worker = self._start_worker(database, "--gateway-only", "--key-file", key)
        command = ["tavana-gateway", "--worker", worker, "--key-file", key]
        uri = self._tavana("gateway", command)
        self._spawn(
            "pg", ["tavana-pg", "--pg-addr", "127.0.0.1:0", "--gateway", uri, "--key-file", key]
        )
        self.pg_url = self._pg_url("pg")
        return uri

    def _storage(self, database):
        limit = self._settings.memory_limit_bytes
        return ["--data-dir", database.parent, "--memory-limit-bytes", limit]

    def _tavana(self, role, command):
        self._spawn(role, [*command, "--flight-addr", "127.0.0.1:0"])
        return self.servers[role].wait_for(r"Flight SQL\s+(grpc://\S+)")

    def _spawn(self, role, command):
        program, *flags = command
        words = [self._settings.bin_dir / program, *flags, "--http-addr", "127.0.0.1:0"]
        self.servers[role] = Process(program, words, self._folder / f"{role}.log")

    def _pg_url(self, role):
        url = self.servers[role].wait_for(r"PostgreSQL\s+(postgresql://\S+)")
        return url.replace("://", "://tavana@")
