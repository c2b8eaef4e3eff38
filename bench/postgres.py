"""PostgreSQL 15 as a peer: a cluster in a temporary folder with the same `lineitem`.

It runs with its defaults but for `fsync`, which reading does not use. As root it runs under
PostgreSQL's own account, which it insists on; that is why its files are not in the cache folder.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import duckdb
import psutil

DEBIAN = Path("/usr/lib/postgresql/15/bin")
USER = DATABASE = "tavana"
READY_SECONDS = 30
STOP_SECONDS = 30
LINEITEM = """create table lineitem (
    l_orderkey bigint not null, l_partkey bigint not null, l_suppkey bigint not null,
    l_linenumber bigint not null, l_quantity decimal(15,2) not null,
    l_extendedprice decimal(15,2) not null, l_discount decimal(15,2) not null,
    l_tax decimal(15,2) not null, l_returnflag varchar not null, l_linestatus varchar not null,
    l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null,
    l_shipinstruct varchar not null, l_shipmode varchar not null, l_comment varchar not null)"""


def program(name):
    """Where a program of PostgreSQL is; None when it is not installed."""
    if (DEBIAN / name).is_file():
        return DEBIAN / name
    found = shutil.which(name)
    return Path(found) if found else None


class Cluster:
    """A running PostgreSQL. Looks like a `peers.Process` to whoever measures it."""

    def __init__(self, log):
        self.log = log
        self.folder = Path(tempfile.mkdtemp(prefix="tavana-bench-postgres-"))
        self._account = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self._account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        data = self.folder / "data"
        words = ["initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", data]
        self._run(*words)
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", "fsync=off"]
        settings += [f"unix_socket_directories={self.folder}", "max_wal_size=8GB"]
        words = [program("postgres"), "-D", data]
        words += [part for setting in settings for part in ("-c", setting)]
        with open(log, "wb") as output:
            self._popen = subprocess.Popen(
                words, stdout=output, stderr=output, cwd=self.folder, **self._account
            )
        self.info = psutil.Process(self._popen.pid)
        self._wait()
        self._run("createdb", *self._address(), DATABASE)

    def load(self, database):
        """Copies `lineitem` from a DuckDB file, and leaves it as a reader finds a table at rest."""
        psql = ["psql", *self._address(), "-XqAt", "-v", "ON_ERROR_STOP=1", DATABASE]
        self._run(*psql, "-c", LINEITEM)
        # A pipe: PostgreSQL may not read the folders that we may.
        ours, theirs = os.pipe()
        words = [program("psql"), *psql[1:], "-c", "copy lineitem from stdin (format csv)"]
        with subprocess.Popen(words, stdin=ours, cwd=self.folder) as copy:
            os.close(ours)
            with duckdb.connect(str(database), read_only=True) as source:
                source.execute(f"copy lineitem to '/dev/fd/{theirs}' (format csv, header false)")
            os.close(theirs)
        assert copy.returncode == 0, "PostgreSQL did not take the data"
        self._run(*psql, "-c", "vacuum (freeze, analyze) lineitem", "-c", "checkpoint")

    def url(self):
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    def cpu_seconds(self):
        """Of its processes that live and of those that ended."""
        times = self.info.cpu_times()
        total = sum(times[:4])
        for process in self.info.children(recursive=True):
            try:
                total += sum(process.cpu_times()[:2])
            except psutil.NoSuchProcess:
                pass
        return total

    def rss_bytes(self):
        return self.info.memory_info().rss

    def output(self):
        return Path(self.log).read_text(errors="replace")

    def stop(self):
        self._popen.send_signal(signal.SIGINT)
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.send_signal(signal.SIGQUIT)
            self._popen.wait(STOP_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _address(self):
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER]

    def _run(self, name, *arguments):
        words = [program(name), *arguments]
        done = subprocess.run(
            words, capture_output=True, text=True, cwd=self.folder, **self._account
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr}")

    def _wait(self):
        until = time.monotonic() + READY_SECONDS
        words = [program("pg_isready"), "-q", *self._address()]
        while subprocess.run(words, cwd=self.folder).returncode:
            if self._popen.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.output()[-2000:]}")
            time.sleep(0.05)
