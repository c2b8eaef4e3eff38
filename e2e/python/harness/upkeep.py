"""A lake with a catalogs file of its own, and what its owner does to it."""

import contextlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from harness import adbc
from harness.processes import Program, run

DAY = 86_400
CATALOG = """
[catalog.{name}]
type = "ducklake"
metadata = "{metadata}"
data-path = "{data}"
"""
MAINTENANCE = """
[catalog.{name}.maintenance]
every-minutes = {every_minutes}
keep-snapshots-days = {keep}
delete-files-after-days = {age}
compaction = true
"""
# Of every kind that a backup has to bring back.
SCRIPT = """
create table t (i integer, s varchar, l integer[], n struct(a integer, b varchar), d decimal(10, 2), moment timestamptz);
insert into t select i, 's' || i, [i, i], {'a': i, 'b': 'x'}, i / 4, '2024-01-01 00:00:00+00'::timestamptz + to_hours(i)
    from range(0, 500) r(i);
insert into t select i, 's' || i, [i, i], {'a': i, 'b': 'x'}, i / 4, null from range(500, 900) r(i);
insert into t values (1000, 'kept in the metadata', [1], {'a': 1, 'b': 'y'}, 1.25, null);
delete from t where i < 300;
update t set s = 'changed' where i = 400;
create schema other;
create table other.parts (day date, n integer);
alter table other.parts set partitioned by (year(day));
insert into other.parts select date '2020-06-01' + (i * 20)::integer, i from range(100) r(i);
create view totals as select count(*) as n, sum(i) as total from t;
comment on table t is 'all kinds';
create table gone as select 1 as i;
drop table gone;
"""
ALL = [
    "select * from t order by i",
    "select * from other.parts order by n",
    "select * from totals",
    "select column_name, data_type from duckdb_columns() where database_name = '{name}' order by all",
    "select comment from duckdb_tables() where database_name = '{name}' and table_name = 't'",
    "select snapshot_id, schema_version from ducklake_snapshots('{name}') order by all",
]
PAST = "select count(*) from t at (version => 2)"


@dataclass
class Lake:
    """Its catalogs file is `NAME.toml` in the folder, its data `NAME-data` there, or in another place."""

    folder: Path
    metadata: str
    name: str = "lake"
    place: str | None = None
    store: str = ""

    @property
    def catalogs(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def data(self) -> Path:
        return self.folder / f"{self.name}-data"

    @property
    def files(self) -> set[Path]:
        return set(self.data.rglob("*.parquet"))

    def settings(self, every_minutes=10_000.0, keep=0.0, age=0.0, scheduled=True) -> "Lake":
        text = f'default = "{self.name}"\n' + CATALOG.format(
            name=self.name, metadata=self.metadata, data=self.place or self.data
        )
        text += self.store
        if scheduled:
            text += MAINTENANCE.format(
                name=self.name, every_minutes=every_minutes, keep=keep, age=age
            )
        self.catalogs.write_text(text)
        return self

    @contextlib.contextmanager
    def served(self):
        """A worker that serves it."""
        program = Program("tavana-worker", "--catalogs", self.catalogs, log_dir=self.folder)
        try:
            yield program
        finally:
            program.stop()

    def content(self):
        return self.rows(*ALL)

    def rows(self, *queries):
        with self.served() as worker, adbc.connect(worker.uri) as con:
            return [adbc.rows(con, sql.format(name=self.name)) for sql in queries]

    def do(self, command, *args, ok=True):
        done = run("tavana", command, "--catalogs", self.catalogs, *args)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    def maintain(self, *args):
        """What it says that it did."""
        lines = [line.split() for line in self.do("maintain", *args).splitlines()[1:]]
        return {" ".join(words[:2]): int(words[2]) for words in lines if words[0] != "freed"}

    def claim(self, holder: str) -> None:
        """Leaves a claim on its maintenance that holds for a minute."""
        kind, place = self.metadata.split(":", 1)
        until = int((time.time() + 60) * 1000)
        sql = f"update tavana_maintenance set holder = '{holder}', held_until_ms = {until}"
        connect = psycopg.connect if kind == "postgres" else sqlite3.connect
        with contextlib.closing(connect(place)) as con:
            assert con.execute(sql).rowcount == 1
            con.commit()

    def backup(self, to, **options):
        return self.do("backup", "--catalog", self.name, "--to", to, **options)

    def restore(self, source, *args, **options):
        return self.do("restore", "--catalog", self.name, "--from", source, *args, **options)


def fill(lake, script=SCRIPT):
    with lake.served() as worker, adbc.connect(worker.uri) as con:
        for statement in filter(str.strip, script.split(";\n")):
            adbc.run(con, statement)
