"""Starts, watches and ends Tavana's programs.

A `Program` is up when it has printed its addresses on stdout. Its log, on stderr, goes to
a file, from which `alarms` reads the entries that should not be there.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 40

_READY = {
    "flight": re.compile(r"^\s*Flight SQL\s+(grpc(?:\+tls)?://\S+)"),
    "pg": re.compile(r"^\s*PostgreSQL\s+(postgresql://\S+)"),
    "http": re.compile(r"^\s*HTTP\s+(http://\S+)"),
}
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def binary(name: str) -> Path:
    """Where the program `name` was built."""
    target = os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/tavana/target")
    return Path(os.environ.get("TAVANA_BIN_DIR", Path(target) / "debug")) / name


def _environment() -> dict[str, str]:
    """The caller's environment without settings that would change what a program does."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAVANA_", "OTEL_"))}
    return kept | {"TZ": "UTC"}


def _die_with_parent() -> None:
    """A test run that is killed must not leave servers behind."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class StartFailed(Exception):
    """The program ended, or stayed silent, before it was ready."""

    def __init__(self, code: int | None, output: str):
        super().__init__(f"exit code {code}: {output[-2000:]}")
        self.code = code
        self.output = output


class Program:
    """One running program: its addresses, its log and its end."""

    started: list["Program"] = []  # all of this run, for the check of the logs

    def __init__(
        self,
        name: str,
        *args,
        log_dir: Path,
        prefix=(),
        port=0,
        http_port=0,
        before_exec=None,
    ):
        self._recipe = (name, args, log_dir, prefix, before_exec)
        self.label = f"{name}-{len(Program.started)}"
        self.log = log_dir / f"{self.label}.log"
        words = [*prefix, binary(name), *args, "--log-format", "json"]
        self.main = "pg" if name == "tavana-pg" else "flight"  # its first port
        words += [
            f"--{self.main}-addr",
            f"127.0.0.1:{port}",
            "--http-addr",
            f"127.0.0.1:{http_port}",
        ]
        if "serve" in args and "--pg-addr" not in args:
            words += ["--pg-addr", "127.0.0.1:0"]

        def prepare() -> None:
            _die_with_parent()
            if before_exec:
                before_exec()

        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in words],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                env=_environment(),
                preexec_fn=prepare,
                restore_signals=before_exec is None,
            )
        self.addresses: dict[str, str] = {}
        self.stdout: list[str] = []
        self._read_bytes = 0
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read_stdout, daemon=True)
        self._reader.start()
        self._wait_until_ready()
        Program.started.append(self)

    def _read_stdout(self) -> None:
        for line in self.process.stdout:
            self.stdout.append(line)
            for what, pattern in _READY.items():
                if found := pattern.match(line):
                    self.addresses[what] = found[1]
            if "http" in self.addresses:  # the last that is told
                self._ready.set()
        self.process.stdout.close()
        self._ready.set()

    def _wait_until_ready(self) -> None:
        self._ready.wait(START_SECONDS)
        if "http" in self.addresses:
            return
        try:
            code = self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            code = None
            self.kill()
        raise StartFailed(code, "".join(self.stdout) + self.log.read_text(errors="replace"))

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def uri(self) -> str:
        return self.addresses[self.main]

    @property
    def target(self) -> str:
        """`host:port` of its first port."""
        return self.uri.partition("://")[2].partition("/")[0]

    @property
    def port(self) -> int:
        return int(self.target.rpartition(":")[2])

    @property
    def http(self) -> str:
        return self.addresses["http"]

    def again(self) -> "Program":
        """A new process with the same arguments on the same ports; this one must have ended."""
        name, args, log_dir, prefix, before_exec = self._recipe
        http_port = int(self.http.rpartition(":")[2])
        return Program(
            name,
            *args,
            log_dir=log_dir,
            prefix=prefix,
            port=self.port,
            http_port=http_port,
            before_exec=before_exec,
        )

    def alive(self) -> bool:
        return self.process.poll() is None

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=STOP_SECONDS) -> int:
        return self.process.wait(timeout=seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Asks it to end and waits; one that does not end in time is killed and reported."""
        if not self.alive():
            return
        self.terminate()
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.label} did not end within {STOP_SECONDS} s of SIGTERM"
            ) from None
        assert code == 0, f"{self.label} ended with exit code {code} after SIGTERM"

    def alarms(self) -> list[str]:
        """Log lines since the last call that are WARN or ERROR, or no log entry at all (a panic)."""
        with self.log.open("rb") as log:
            log.seek(self._read_bytes)
            text = log.read()
        complete = text[: text.rfind(b"\n") + 1] if self.alive() else text
        self._read_bytes += len(complete)
        return [
            line
            for line in complete.decode(errors="replace").splitlines()
            if level(line) in ("WARN", "ERROR")
        ]

    def get(self, path: str, *, ok_only=True) -> tuple[int, str]:
        """Status and body of one page of the HTTP endpoint."""
        try:
            with urllib.request.urlopen(self.http + path, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as refused:
            if ok_only:
                raise
            return refused.code, refused.read().decode()

    def metric(self, name: str) -> float:
        """The sum of a metric's values over all its labels; a metric that is not there is an error."""
        _, page = self.get("/metrics")
        lines = re.findall(rf"^{name}(?:\{{.*\}})? ([-+.\deE]+|NaN|[+-]?Inf)$", page, re.MULTILINE)
        assert lines, f"{self.label} has no metric {name}"
        return sum(map(float, lines))

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


# Between fork and exec of a program, gRPC's threads of the test's own process may write into the program's log.
_OF_GRPC = re.compile(r"[IWE]\d{4} [\d:.]+ +\d+ \w+\.cc:\d+\] ")


def level(line: str) -> str:
    """The level of a log line; what is not a JSON entry counts as an error."""
    if not line.strip() or _OF_GRPC.match(line):
        return "INFO"
    try:
        return json.loads(line)["level"].upper()
    except (ValueError, KeyError, TypeError, AttributeError):
        return "ERROR"


def run(name: str, *args, stdin: str | None = None, seconds=60) -> subprocess.CompletedProcess:
    """Runs a program that ends by itself and returns its output."""
    return subprocess.run(
        [str(binary(name)), *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        env=_environment(),
        stdin=subprocess.DEVNULL if stdin is None else None,
    )
