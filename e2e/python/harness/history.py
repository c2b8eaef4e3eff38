"""What clients sent, what they were told, and whether the table agrees.

Each operation writes some rows under a number of its own. A client that was told `ok` must find them all, one that was told
`failed` none, and one that was told `unknown` all or none.
"""

import itertools
import random
import threading
import time
from dataclasses import dataclass, field

import adbc_driver_manager
import psycopg
import pyarrow as pa

from harness import adbc
from harness.failures import failure_of

# Codes of an outcome that the server itself does not know; with all others it did not happen.
UNKNOWN_CODES = ("UNKNOWN", "CANCELLED", "DEADLINE_EXCEEDED", "none")
UNKNOWN_STATES = ("08006", "08007", None)


@dataclass
class History:
    """The operations of all clients; `stop` ends them."""

    outcomes: dict[int, tuple[str, int]] = field(default_factory=dict)  # number → outcome, rows
    reasons: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    _numbers: itertools.count = field(default_factory=itertools.count)

    def note(self, number: int, outcome: str, rows: int, reason: str = "") -> None:
        self.outcomes[number] = (outcome, rows)
        if reason:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def note_adbc(self, number: int, rows: int, error: adbc_driver_manager.Error) -> None:
        code = failure_of(error).code
        outcome = "unknown" if code in UNKNOWN_CODES else "failed"
        self.note(number, outcome, rows, f"{code}: {error}"[:160])
        time.sleep(0.1)

    def next(self) -> tuple[int, int, str]:
        """A new operation: its number, its count of rows, its statement."""
        number, rows = next(self._numbers), random.choice((1, 3, 40))
        return number, rows, f"insert into history select {number}, i from range({rows}) t(i)"

    def by_adbc(self, uri: str) -> None:
        """Writes over Flight SQL until told to stop."""
        while not self.stop.is_set():
            number, rows, sql = self.next()
            try:
                with adbc.connect(uri) as con:
                    told = adbc.run(con, sql)
                    assert told == rows, f"{told} rows were reported, {rows} sent"
                self.note(number, "ok", rows)
            except adbc_driver_manager.Error as error:
                self.note_adbc(number, rows, error)
            except Exception as error:  # noqa: BLE001 - told by the main thread
                self.broken.append(f"adbc: {error!r}")
                return

    def by_ingest(self, uri: str) -> None:
        """Writes by bulk ingest until told to stop."""
        while not self.stop.is_set():
            number, rows, _ = self.next()
            data = pa.table({"number": pa.array([number] * rows, pa.int64()), "part": range(rows)})
            try:
                with adbc.connect(uri) as con:
                    told = adbc.ingest(con, "history", data, "append")
                    assert told == rows, f"{told} rows were reported, {rows} sent"
                self.note(number, "ok", rows)
            except adbc_driver_manager.Error as error:
                self.note_adbc(number, rows, error)
            except Exception as error:  # noqa: BLE001 - told by the main thread
                self.broken.append(f"ingest: {error!r}")
                return

    def by_psycopg(self, conninfo: str) -> None:
        """Writes over PostgreSQL's protocol until told to stop."""
        while not self.stop.is_set():
            number, rows, sql = self.next()
            try:
                with psycopg.connect(conninfo, autocommit=True) as con:
                    con.execute(sql)
                self.note(number, "ok", rows)
            except psycopg.Error as error:
                outcome = "unknown" if error.sqlstate in UNKNOWN_STATES else "failed"
                self.note(number, outcome, rows, f"{error.sqlstate}: {error}"[:160])
                time.sleep(0.1)
            except Exception as error:  # noqa: BLE001 - told by the main thread
                self.broken.append(f"psycopg: {error!r}")
                return

    def moves(self, conninfo: str, accounts: int) -> None:
        """Moves amounts between accounts, each move a transaction of two statements."""
        while not self.stop.is_set():
            give, take = random.sample(range(accounts), 2)
            try:
                with psycopg.connect(conninfo) as con:
                    con.execute(f"update accounts set balance = balance - 7 where id = {give}")
                    con.execute(f"update accounts set balance = balance + 7 where id = {take}")
                    con.commit()
            except psycopg.Error as error:
                self.reasons[f"move {error.sqlstate}"] = (
                    self.reasons.get(f"move {error.sqlstate}", 0) + 1
                )
                time.sleep(0.05)

    def reads(self, uri: str, accounts: int, total: int) -> None:
        """Sums the accounts: the total never changes, whatever is under way."""
        while not self.stop.is_set():
            try:
                with adbc.connect(uri) as con:
                    found = adbc.rows(con, "select count(*), sum(balance) from accounts")
                if found != [(accounts, total)]:
                    self.broken.append(f"a read saw {found} instead of {[(accounts, total)]}")
            except adbc_driver_manager.Error:
                time.sleep(0.1)

    def check(self, found: dict[int, int]) -> None:
        """Compares with the rows that are there: number of operation → count of rows."""
        wrong = list(self.broken)
        for number, (outcome, rows) in sorted(self.outcomes.items()):
            there = found.pop(number, 0)
            allowed = {"ok": {rows}, "failed": {0}, "unknown": {0, rows}}[outcome]
            if there not in allowed:
                wrong.append(
                    f"operation {number} was told {outcome}: {there} of {rows} rows are there"
                )
        wrong += [f"operation {number} was never sent" for number in found]
        assert not wrong, wrong[:20]
