"""Clients as people have them: ADBC's driver and psycopg, one connection each, many at once."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg
from adbc_driver_flightsql import DatabaseOptions, dbapi

from setups import Setup

# No limit that a healthy run comes near, but one that ends a run in which something hangs.
STATEMENT_SECONDS = 600
MESSAGE_BYTES = 64 << 20
OUT_OF_MEMORY = "out of memory"
# How DuckDB says so; a commit that finds none says only the second.
NO_MEMORY = ("Out of Memory Error", "could not allocate block of size")
READ_CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Statement:
    """`copy` reads it by COPY over PostgreSQL's protocol, as who fetches millions of rows there does."""

    sql: str
    copy: bool = False


@dataclass
class Answer:
    """How many rows came, and the values where it was one row."""

    rows: int
    only: tuple | None = None


@dataclass
class Outcome:
    """What became of a load. A statement is known by its number."""

    seconds: float = 0.0
    answers: dict[int, Answer] = field(default_factory=dict)
    took: dict[int, float] = field(default_factory=dict)  # seconds until answered
    failures: dict[int, str] = field(default_factory=dict)
    by_protocol: Counter = field(default_factory=Counter)

    def reasons(self) -> list[tuple[str, int]]:
        return Counter(map(reason, self.failures.values())).most_common()


def reason(message: str) -> str:
    """A failure in a few words, alike for all that are alike."""
    if any(words in message for words in NO_MEMORY):
        return OUT_OF_MEMORY
    return message.splitlines()[0][:100]


class Flight:
    """ADBC."""

    protocol = "flight"

    def __init__(self, uri: str):
        bounds = (DatabaseOptions.TIMEOUT_FETCH, DatabaseOptions.TIMEOUT_QUERY)
        options = {bound.value: str(float(STATEMENT_SECONDS)) for bound in bounds}
        options[DatabaseOptions.WITH_MAX_MSG_SIZE.value] = str(MESSAGE_BYTES)
        self._connection = dbapi.connect(uri, options, autocommit=True)

    def run(self, statement: Statement) -> Answer:
        with self._connection.cursor() as cursor:
            cursor.execute(statement.sql)
            rows, only = 0, None
            for batch in cursor.fetch_record_batch():
                if rows == 0 and batch.num_rows == 1:
                    only = tuple(str(column[0].as_py()) for column in batch.columns)
                rows += batch.num_rows
            return Answer(rows, only if rows == 1 else None)

    def close(self) -> None:
        self._connection.close()


class Postgres:
    """psycopg."""

    protocol = "postgresql"

    def __init__(self, conninfo: str):
        timeout = f" options='-c statement_timeout={STATEMENT_SECONDS}s'"
        self._connection = psycopg.connect(conninfo + timeout, autocommit=True)

    def run(self, statement: Statement) -> Answer:
        with self._connection.cursor() as cursor:
            if statement.copy:
                with cursor.copy(f"copy ({statement.sql}) to stdout") as copy:
                    return Answer(sum(bytes(part).count(b"\n") for part in copy))
            cursor.execute(statement.sql)
            if cursor.rowcount == 1:
                return Answer(1, tuple(str(value) for value in cursor.fetchone()))
            rows = 0
            while part := cursor.fetchmany(READ_CHUNK_ROWS):
                rows += len(part)
            return Answer(rows)

    def close(self) -> None:
        self._connection.close()


def connect(setup: Setup, number: int):
    """Every other client speaks PostgreSQL's protocol, where the setup does."""
    if setup.pg and number % 2:
        return Postgres(setup.pg)
    return Flight(setup.uris[number % len(setup.uris)])


def load(setup: Setup, statements: list[Statement], count: int) -> Outcome:
    """All statements, taken in order by `count` clients that run at once. Connecting is not part of the time."""
    clients = [connect(setup, number) for number in range(count)]
    for client in clients:
        client.run(Statement("select 1"))
    outcome, lock = Outcome(), threading.Lock()
    line, start = iter(enumerate(statements)), threading.Barrier(count + 1)

    def work(client) -> None:
        start.wait()
        while True:
            with lock:
                number, statement = next(line, (None, None))
            if statement is None:
                return
            begun = time.perf_counter()
            try:
                answer, failure = client.run(statement), None
            except Exception as error:  # noqa: BLE001 - every failure counts
                answer, failure = None, f"{type(error).__name__}: {error}"
            with lock:
                outcome.by_protocol[client.protocol] += 1
                if failure is None:
                    outcome.answers[number] = answer
                    outcome.took[number] = time.perf_counter() - begun
                else:
                    outcome.failures[number] = failure

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - begun
    for client in clients:
        client.close()
    return outcome


def spread(values) -> dict:
    """The middle, the 99th of a hundred and the greatest."""
    ranked = sorted(values) or [0.0]
    p99 = ranked[min(int(len(ranked) * 0.99), len(ranked) - 1)]
    return {"p50": ranked[len(ranked) // 2], "p99": p99, "max": ranked[-1]}
