"""What the PostgreSQL tests run against: Tavana, or the real PostgreSQL 15 as the oracle.

Both are a `PgServer`: an address, a user and a database. A test that holds on the oracle states
PostgreSQL's behaviour; that Tavana has it too is the point of the suite.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from harness import pg_wire, secured, topology
from harness.processes import _PR_SET_PDEATHSIG, Program, _libc
from harness.topology import Tls, eventually

DATABASE = USER = "tavana"


@dataclass
class PgServer:
    """A running server. `program` is Tavana's process, None for the oracle."""

    host: str
    port: int
    user: str = USER
    password: str = ""
    database: str = DATABASE
    program: Program | None = None
    behind: list[Program] = field(default_factory=list)  # its gateway and worker, when apart
    users: dict[str, str] = field(default_factory=dict)  # name → password

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def is_oracle(self) -> bool:
        return self.program is None

    @property
    def programs(self) -> list[Program]:
        """Tavana's processes, from the client inwards; the last one has the DuckDB."""
        return [self.program, *self.behind] if self.program else []

    def stop(self) -> None:
        """Clients first, so that each can drain into a living one."""
        for program in self.programs:
            program.stop()

    @property
    def conninfo(self) -> str:
        return f"host={self.host} port={self.port} user={self.user} dbname={self.database}"

    @property
    def uri(self) -> str:
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a client program: libpq's variables, and no settings of the caller."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        libpq = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.database,
            "PGCONNECT_TIMEOUT": "10",
            "PSQLRC": os.devnull,
            "PSQL_HISTORY": os.devnull,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        return kept | libpq | more

    def running_queries(self) -> int:
        """How many statements run now, the question itself left out."""
        if self.program:
            return int(self.programs[-1].metric("tavana_worker_queries_running"))
        with pg_wire.connect(self) as wire:
            rows = wire.run(
                "select count(*) from pg_stat_activity where state = 'active'"
                " and backend_type = 'client backend' and pid <> pg_backend_pid()"
            )
        return int(rows[0][0])


def start_tavana(directory: Path, *, users_file: Path | None = None, args=()) -> PgServer:
    """`tavana serve` with its PostgreSQL frontend on a free port."""
    words = ["serve", "--pg-addr", "127.0.0.1:0", *args]
    users = {}
    if users_file:
        words += ["--users", users_file]
        users = {name: secured.password_of(name) for name in secured.USERS}
    program = Program("tavana", *words, log_dir=directory)
    return _of(program, [], users)


def start_apart(directory: Path, *, users_file: Path | None = None, args=()) -> PgServer:
    """`tavana-pg`, its gateway and their worker, a process each."""
    key, users = ["--key-file", topology.new_key(directory)], {}
    logins = []
    if users_file:
        logins = ["--users", users_file]
        users = {name: secured.password_of(name) for name in secured.USERS}
    started = [Program("tavana-worker", "--gateway-only", *key, log_dir=directory)]
    try:
        words = ["tavana-gateway", "--worker", started[0].uri, *key, *logins]
        started.insert(0, Program(*words, log_dir=directory))
        words = ["tavana-pg", "--gateway", started[0].uri, *key, *logins, *args]
        return _of(Program(*words, log_dir=directory), started, users)
    except BaseException:
        for program in started:
            program.kill()
        raise


def _of(program: Program, behind: list[Program], users: dict[str, str]) -> PgServer:
    url = urllib.parse.urlsplit(program.addresses["pg"])
    user = next(iter(users), USER)
    database = url.path.removeprefix("/")
    return PgServer(
        url.hostname, url.port, user, users.get(user, ""), database, program, behind, users
    )


class Oracle:
    """A PostgreSQL cluster of its own in a temporary folder. It ends with the test run."""

    def __init__(self, tls: Tls | None = None):
        self.programs = _programs()
        self.directory = Path(tempfile.mkdtemp(prefix="tavana-pg-oracle-"))
        self._account = _account()
        if self._account:
            shutil.chown(self.directory, **self._account)
        self.data = self.directory / "data"
        self._run("initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", self.data)
        self._write_hba()
        self.port = _free_port()
        self.process = self._postgres(self._tls_settings(tls) if tls else {})
        self.server = PgServer("127.0.0.1", self.port)
        eventually(self._accepts, seconds=30)
        with pg_wire.connect(PgServer("127.0.0.1", self.port, database="postgres")) as wire:
            wire.run(f"create database {DATABASE}")
        self.secured = self._with_users()

    def _write_hba(self) -> None:
        """The user of most tests is trusted as on a server without users, all others log in."""
        lines = [
            f"host all {USER} 127.0.0.1/32 trust\n",
            "host all all 127.0.0.1/32 scram-sha-256\n",
        ]
        (self.data / "pg_hba.conf").write_text("".join(lines))

    def _tls_settings(self, tls: Tls) -> dict[str, str]:
        """PostgreSQL wants to own its key."""
        for name in ("cert", "key"):
            path = self.data / f"server.{name}"
            shutil.copy(getattr(tls, name), path)
            path.chmod(0o600)
            if self._account:
                shutil.chown(path, **self._account)
        return {"ssl": "on", "ssl_cert_file": "server.cert", "ssl_key_file": "server.key"}

    def _postgres(self, more: dict[str, str]) -> subprocess.Popen:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.directory,
            "fsync": "off",
            "timezone": "UTC",
            "lc_messages": "C",
            "log_timezone": "UTC",
            "max_connections": 60,
            "client_connection_check_interval": "500ms",
        }
        words = [self.programs / "postgres", "-D", self.data]
        for name, value in (settings | more).items():
            words += ["-c", f"{name}={value}"]
        with (self.directory / "log").open("wb") as log:
            return subprocess.Popen(
                list(map(str, words)),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.directory,
                preexec_fn=_quit_with_parent,
                **self._credentials(),
            )

    def _with_users(self) -> PgServer:
        """The same cluster, seen by the users that must give a password."""
        users = {name: secured.password_of(name) for name in secured.USERS}
        with pg_wire.connect(self.server) as wire:
            for name, password in users.items():
                quoted = password.replace("'", "''")
                wire.run(f"create role {name} login password '{quoted}'")
        user = next(iter(users))
        return PgServer("127.0.0.1", self.port, user, users[user], users=users)

    def _credentials(self) -> dict:
        if not self._account:
            return {}
        return {**self._account, "extra_groups": []}

    def _run(self, program: str, *args) -> None:
        done = subprocess.run(
            [str(self.programs / program), *map(str, args)],
            capture_output=True,
            text=True,
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            **self._credentials(),
        )
        assert done.returncode == 0, done.stderr

    def _accepts(self) -> bool:
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            with pg_wire.Wire(self.server.address) as wire:
                return wire.login({"user": USER, "database": "postgres"})[-1][0] == "Z"
        except (OSError, pg_wire.Closed):
            return False

    def restart(self) -> None:
        """Ends it, and with it all sessions, and starts it again on its port."""
        self.halt()
        self.go_on()

    def halt(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)

    def go_on(self) -> None:
        self.process = self._postgres({})
        eventually(self._accepts, seconds=30)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # a fast shutdown: sessions are ended
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)


def _account() -> dict | None:
    """PostgreSQL refuses to run as root: then its own account takes over."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid}


def _programs() -> Path:
    """Where Debian puts PostgreSQL's programs, else what is on the path."""
    debian = Path("/usr/lib/postgresql/15/bin")
    if debian.is_dir():
        return debian
    found = shutil.which("postgres")
    assert found, "PostgreSQL 15 is not installed; tools/pg_clients.sh installs it"
    return Path(found).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _quit_with_parent() -> None:
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
