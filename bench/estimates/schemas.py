"""The data that estimates are tried on: three schemas, each as a DuckDB file and as Parquet files.

`tpch` is TPC-H. `retail` is a star with skewed keys, as TPC-DS has; `movies` a snowflake of many-to-many tables, as the
join-order benchmark has. Both are made here, from a seed. The sales of `retail` lie in Hive's folders by year.
"""

import sys
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent))
import data  # noqa: E402

SCHEMAS = ("tpch", "retail", "movies")
VARIANTS = ("native", "parquet")
HERE = Path(__file__).parent
EXTENSIONS = HERE.parent.parent / ".deps" / "duckdb" / "extensions"


def folder() -> Path:
    return data.cache_folder() / "estimates"


def database(schema: str) -> Path:
    return folder() / f"{schema}.duckdb"


def provide(scale: float) -> None:
    """Makes what is not there yet."""
    folder().mkdir(parents=True, exist_ok=True)
    for schema in SCHEMAS:
        if not (folder() / schema).is_dir():
            _make(schema, scale)


def tables(schema: str) -> dict[str, str]:
    """The files of each table, as a table function takes them."""
    found = {}
    for path in sorted((folder() / schema).iterdir()):
        pattern = f"{path}/*/*.parquet" if path.is_dir() else str(path)
        found[path.name.removesuffix(".parquet")] = pattern
    return found


def views(schema: str) -> list[str]:
    """The tables of a schema as views over their files."""
    return [
        f"create view {name} as from read_parquet('{pattern}')"
        for name, pattern in tables(schema).items()
    ]


def queries(schema: str) -> dict[str, str]:
    """The queries over a schema by their names."""
    if schema == "tpch":
        with duckdb.connect() as connection:
            connection.load_extension(str(EXTENSIONS / "tpch.duckdb_extension"))
            found = connection.execute("from tpch_queries() order by query_nr").fetchall()
        return {f"q{number:02}": query for number, query in found}
    pieces = (HERE / f"{schema}.sql").read_text().split("-- name: ")[1:]
    return {
        name.strip(): query.strip().rstrip(";")
        for name, query in (p.split("\n", 1) for p in pieces)
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
