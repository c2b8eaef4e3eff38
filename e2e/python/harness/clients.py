"""One statement over either protocol of a `tavana serve`: ADBC or psycopg, with the same two calls and the same failure."""

from pathlib import Path

import adbc_driver_manager
import psycopg

from harness import adbc, pg_server

KINDS = ("flight", "pg")
TEST_SECONDS = 60
ERRORS = (adbc_driver_manager.Error, psycopg.Error)


class Lakehouse:
    """A server with a catalogs file; `connect` gives a client of either kind."""

    def __init__(self, folder: Path, catalogs: str):
        file = folder / "catalogs.toml"
        file.write_text(catalogs)
        self.pg = pg_server.start_tavana(folder, args=("--catalogs", file))
        self.program = self.pg.program

    def connect(self, kind: str) -> "Client":
        return Client(kind, self)

    def stop(self) -> None:
        self.pg.stop()


class Client:
    """A connection with autocommit; statements that take too long end."""

    def __init__(self, kind: str, server: Lakehouse):
        self.kind = kind
        if kind == "flight":
            self.connection = adbc.connect(server.program.uri, seconds=TEST_SECONDS)
        else:
            timeout = f" connect_timeout=10 options='-c statement_timeout={TEST_SECONDS}s'"
            self.connection = psycopg.connect(server.pg.conninfo + timeout, autocommit=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def rows(self, sql: str) -> list[tuple]:
        if self.kind == "flight":
            return adbc.rows(self.connection, sql)
        return self.connection.execute(sql).fetchall()

    def run(self, *statements: str) -> None:
        for sql in statements:
            if self.kind == "flight":
                adbc.run(self.connection, sql)
            else:
                self.connection.execute(sql)

    def refusal(self, sql: str) -> str:
        """The message of a statement that must fail."""
        try:
            rows = self.rows(sql)
        except ERRORS as error:
            return str(error)
        raise AssertionError(f"not refused, but answered with {len(rows)} rows")
