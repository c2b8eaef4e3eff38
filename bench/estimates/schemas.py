"""The data and the statements that estimates are tried on.

`tpch` is TPC-H. `retail` is a star with skewed keys, as TPC-DS has; `movies` a snowflake of many-to-many tables, as the
join-order benchmark has. Both are made here, from a seed; the sales of `retail` lie in Hive's folders by year. Each is there as a
DuckDB file and as Parquet files. `writes` are statements that write, over a copy of TPC-H.

Statements in `*_unseen.sql` have never been looked at while the estimator was fitted. Keep it so: what is fitted on goes into the others.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent))
import data  # noqa: E402

READS = ("tpch", "retail", "movies")
SCHEMAS = (*READS, "writes")
HERE = Path(__file__).parent
EXTENSIONS = HERE.parent.parent / ".deps" / "duckdb" / "extensions"


@dataclass(frozen=True)
class Statement:
    schema: str
    variant: str  # native, parquet
    name: str
    sql: str
    is_unseen: bool

    @property
    def key(self) -> str:
        return f"{self.schema}/{self.variant}/{self.name}"


def folder() -> Path:
    return data.cache_folder() / "estimates"


def out() -> Path:
    """Where statements may write files."""
    return folder() / "out"


def database(schema: str) -> Path:
    return folder() / f"{schema}.duckdb"


def variants(schema: str) -> tuple[str, ...]:
    return ("native",) if schema == "writes" else ("native", "parquet")


def provide(scale: float) -> None:
    """Makes what is not there yet."""
    folder().mkdir(parents=True, exist_ok=True)
    for schema in READS:
        if not (folder() / schema).is_dir():
            _make(schema, scale)
    if not database("writes").is_file():
        unfinished = folder() / "writes.unfinished"
        shutil.copy(database("tpch"), unfinished)
        with duckdb.connect(str(unfinished)) as connection:
            connection.execute((HERE / "writes_schema.sql").read_text())
        unfinished.rename(database("writes"))


def files(schema: str) -> dict[str, str]:
    """The Parquet files of each table, as a table function takes them."""
    found = {}
    for path in sorted((folder() / schema).iterdir()):
        pattern = f"{path}/*/*.parquet" if path.is_dir() else str(path)
        found[path.name.removesuffix(".parquet")] = pattern
    return found


def tables(schema: str) -> list[str]:
    """What a statement can name; files by their paths."""
    if schema != "writes":
        return list(files(schema))
    with duckdb.connect(str(database(schema)), read_only=True) as connection:
        found = connection.execute("select table_name from duckdb_tables()").fetchall()
    return [name for (name,) in found] + list(files("tpch").values())


def views(schema: str) -> list[str]:
    """The tables of a schema as views over their files."""
    return [
        f"create view {name} as from read_parquet('{pattern}')"
        for name, pattern in files(schema).items()
    ]


def statements(schema: str) -> list[Statement]:
    """The statements over a schema, in both variants."""
    found = [(name, sql, False) for name, sql in _queries(f"{schema}.sql").items()]
    found += [(name, sql, True) for name, sql in _queries(f"{schema}_unseen.sql").items()]
    if schema == "tpch":
        with duckdb.connect() as connection:
            connection.load_extension(str(EXTENSIONS / "tpch.duckdb_extension"))
            rows = connection.execute("from tpch_queries() order by query_nr").fetchall()
        found += [(f"q{number:02}", query, False) for number, query in rows]
    return [
        Statement(schema, variant, name, sql, is_unseen)
        for variant in variants(schema)
        for name, sql, is_unseen in found
    ]


def _queries(file: str) -> dict[str, str]:
    path = HERE / file
    if not path.is_file():
        return {}
    pieces = [piece.split("\n", 1) for piece in path.read_text().split("-- name: ")[1:]]
    places = {"parquet": folder() / "tpch", "out": out()}
    return {
        name.strip(): Template(sql.strip().rstrip(";")).substitute(places) for name, sql in pieces
    }


def _make(schema: str, scale: float) -> None:
    print(f"Making {schema} (once) ...", flush=True)
    database(schema).unlink(missing_ok=True)
    unfinished = folder() / f"{schema}.unfinished"
    unfinished.mkdir(exist_ok=True)
    with duckdb.connect(str(database(schema))) as connection:
        if schema == "tpch":
            connection.load_extension(str(EXTENSIONS / "tpch.duckdb_extension"))
            connection.execute(f"call dbgen(sf = {scale})")
        else:
            connection.execute("set threads = 1")  # the seed counts for one thread
            connection.execute("select setseed(0.42)")
            connection.execute((HERE / f"{schema}_schema.sql").read_text())
        for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
            options, target = "format parquet", f"{unfinished / table}.parquet"
            if table == "sales":
                options, target = "format parquet, partition_by (year)", unfinished / table
            connection.execute(f"copy {table} to '{target}' ({options})")
        connection.execute("checkpoint")
    unfinished.rename(folder() / schema)
