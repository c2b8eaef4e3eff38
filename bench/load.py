"""The client of a benchmark: one process that puts load on one peer.

It is the same program for every peer, so that only what is measured differs:
`--url` reads from a Flight server, `--database` opens DuckDB in this process
(the limit to compare with), and with neither it only runs programs. Jobs come as JSON lines on stdin, a result goes as
one JSON line to stdout; end of stdin ends the process. Connections are kept
from job to job. Times are wall seconds unless a name says otherwise.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi
import duckdb
import pyarrow as pa
import pyarrow.flight as flight

import flight_sql

# The ADBC driver takes 16 MiB a message unless told; one peer's batches may be larger.
ADBC_MESSAGE_BYTES = 256 << 20


class InProcess:
    """DuckDB in this very process: no server, no copy, no encoding."""

    def __init__(self, database, memory_limit_bytes):
        config = {"memory_limit": f"{memory_limit_bytes}B"}
        self._connection = duckdb.connect(database, config=config)
        self.batch_rows = 65_536

    def session(self, _number):
        return self._connection.cursor()

    def batches(self, cursor, sql):
        return cursor.execute(sql).to_arrow_reader(self.batch_rows)

    def set_batch_rows(self, rows):
        self.batch_rows = rows

    def execute(self, sql):
        self._connection.execute(sql)

    def ingest(self, table, source):
        self._connection.register("incoming", source)
        (rows,) = self._connection.execute(f"insert into {table} from incoming").fetchone()
        self._connection.unregister("incoming")
        return rows


class RawFlight:
    """pyarrow's own Flight client: GetFlightInfo, then DoGet on every endpoint."""

    def __init__(self, url):
        self._url = url
        self._sessions = {}
        self._adbc = None

    def session(self, number):
        # Without a pool of its own a client would share one TCP connection
        # with every other client of this process.
        if number not in self._sessions:
            options = [("grpc.use_local_subchannel_pool", 1)]
            client = flight.FlightClient(self._url, generic_options=options)
            self._sessions[number] = client
        return self._sessions[number]

    def batches(self, client, sql):
        command = flight_sql.statement_query(sql)
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
        for endpoint in info.endpoints:
            for chunk in client.do_get(endpoint.ticket):
                yield chunk.data

    def set_batch_rows(self, rows):
        action = flight.Action("bench.batch_rows", json.dumps(rows).encode())
        list(self.session(0).do_action(action))

    def adbc(self):
        if self._adbc is None:
            option = adbc_driver_flightsql.DatabaseOptions.WITH_MAX_MSG_SIZE.value
            self._adbc = adbc_driver_flightsql.dbapi.connect(
                self._url, {option: str(ADBC_MESSAGE_BYTES)}, autocommit=True
            )
        return self._adbc

    def execute(self, sql):
        with self.adbc().cursor() as cursor:
            cursor.execute(sql)
            cursor.fetchall()

    def ingest(self, table, source):
        with self.adbc().cursor() as cursor:
            return cursor.adbc_ingest(table, source, mode="append")


def queries(target, sqls, clients):
    """All of `sqls`, shared out among `clients` that run at once; every batch read.

    Returns seconds from the first statement to the last row, the rows of each
    statement, and the failures. Connecting is not part of the time.
    """
    sessions = [target.session(number) for number in range(clients)]
    for session in sessions:
        list(target.batches(session, "select 1"))
    rows, failures = [None] * len(sqls), []
    waiting, lock = iter(enumerate(sqls)), threading.Lock()
    start_line = threading.Barrier(clients + 1)

    def client(session):
        start_line.wait()
        while True:
            with lock:
                number, sql = next(waiting, (None, None))
            if sql is None:
                return
            try:
                rows[number] = sum(batch.num_rows for batch in target.batches(session, sql))
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}"[:300])

    threads = [threading.Thread(target=client, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    begun = time.perf_counter()
    start_line.wait()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - begun, "rows": rows, "failures": failures}


def adbc_query(target, sql):
    """One statement through the ADBC driver's DBAPI, every batch read."""
    rows, begun = 0, time.perf_counter()
    with target.adbc().cursor() as cursor:
        cursor.execute(sql)
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
    return {"seconds": time.perf_counter() - begun, "rows": [rows], "failures": []}


def size(target, sql):
    """Bytes of Arrow data and number of batches in a result, as this peer sends it."""
    sizes = [batch.nbytes for batch in target.batches(target.session(0), sql)]
    return {"bytes": sum(sizes), "batches": len(sizes)}


def point(target, sql, calls):
    """One small statement `calls` times on one connection; p50 and p99 in milliseconds."""
    session, took = target.session(0), []
    begun = time.perf_counter()
    for _ in range(calls):
        before = time.perf_counter()
        rows = sum(batch.num_rows for batch in target.batches(session, sql))
        took.append(time.perf_counter() - before)
        if rows != 1:
            raise RuntimeError(f"{sql!r} gave {rows} rows")
    seconds = time.perf_counter() - begun
    took.sort()
    return {
        "seconds": seconds,
        "p50_ms": took[calls // 2] * 1e3,
        "p99_ms": took[calls * 99 // 100] * 1e3,
    }


def ingest(target, table, file):
    """Append a whole Arrow file (mapped, in the page cache) to an empty table."""
    with pa.memory_map(file) as source:
        contents = pa.ipc.open_file(source)
        batches = [contents.get_batch(n) for n in range(contents.num_record_batches)]
        reader = pa.RecordBatchReader.from_batches(contents.schema, batches)
        begun = time.perf_counter()
        rows = target.ingest(table, reader)
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "rows": [rows], "failures": []}


def slow(target, sql, bytes_per_second):
    """Read one result no faster than `bytes_per_second`; waits between batches."""
    received = rows = 0
    begun = time.perf_counter()
    for batch in target.batches(target.session(0), sql):
        received += batch.nbytes
        rows += batch.num_rows
        ahead = received / bytes_per_second - (time.perf_counter() - begun)
        if ahead > 0:
            time.sleep(ahead)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "bytes": received, "rows": [rows], "failures": []}


def value(target, sql):
    """First column of the first row, as text."""
    table = pa.Table.from_batches(list(target.batches(target.session(0), sql)))
    return {"value": str(table.column(0)[0].as_py())}


def set_batch_rows(target, rows):
    target.set_batch_rows(rows)
    return {}


def execute(target, sql):
    """A statement whose result nobody needs."""
    target.execute(sql)
    return {}


def _program(words, url):
    """Runs a client of PostgreSQL to its end; what it printed, and its seconds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    begun = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, env=kept | {"PSQLRC": os.devnull})
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{words[0]} {url}: {done.stderr[-500:]}")
    return done.stdout, seconds


def psql(_, url, sql):
    """psql with its usual flags for scripts; the rows go nowhere."""
    words = ["psql", url, "-XAt", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-c", sql]
    return {"seconds": _program(words, url)[1]}


def pgbench(_, url, script, clients, transactions):
    """pgbench with prepared statements; milliseconds a statement over all clients."""
    words = ["pgbench", "-n", "-M", "prepared", "-f", script, "-c", str(clients), "-j", "1"]
    printed, seconds = _program([*words, "-t", str(transactions // clients), url], url)
    rate = float(re.search(r"tps = ([\d.]+) \(without", printed)[1])
    failed = int(re.search(r"failed transactions: (\d+)", printed)[1])
    failures = [f"{failed} transactions of pgbench"] * failed
    return {"seconds": seconds, "statement_ms": 1e3 / rate, "failures": failures}


JOBS = {
    job.__name__: job
    for job in (
        *(queries, adbc_query, size, point, ingest, slow, value, set_batch_rows, execute),
        *(psql, pgbench),
    )
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("--database")
    parser.add_argument("--memory-limit-bytes", type=int)
    args = parser.parse_args()
    if args.url:
        target = RawFlight(args.url)
    elif not args.database:
        target = None
    else:
        target = InProcess(args.database, args.memory_limit_bytes)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            result = JOBS[job.pop("job")](target, **job)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"[:1000]}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
