"""The data every peer serves: TPC-H in a DuckDB file, made once and kept in the cache.

A data set is a folder with `tpch.duckdb`, `lineitem.arrow` (the rows to ingest)
and `queries.json` (the 22 TPC-H queries as DuckDB words them). A DuckDB file
takes one writing process, so each server works on a copy of its own.
"""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

ARROW_BATCH_ROWS = 122_880  # DuckDB's row group


@dataclass(frozen=True)
class Data:
    """Where a data set lies. `scale` is TPC-H's scale factor (1 = 6 M lineitem rows)."""

    folder: Path
    scale: float

    @property
    def database(self):
        return self.folder / "tpch.duckdb"

    @property
    def lineitem(self):
        return self.folder / "lineitem.arrow"

    @property
    def tpch_queries(self):
        return json.loads((self.folder / "queries.json").read_text())


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tavana" / "bench"


def provide(scale, tpch_extension):
    """The data set of this scale, made now if it is not in the cache."""
    folder = cache_folder() / f"tpch-{scale:g}-duckdb-{duckdb.__version__}"
    if not folder.is_dir():
        if not tpch_extension.is_file():
            sys.exit(f"{tpch_extension} is missing: `make deps` fetches DuckDB's tpch extension")
        print(f"Making TPC-H data at scale {scale:g} in {folder} (once) ...", flush=True)
        unfinished = folder.with_name(folder.name + f".{os.getpid()}")
        unfinished.mkdir(parents=True)
        try:
            _make(Data(unfinished, scale), tpch_extension)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return Data(folder, scale)


def _make(data, tpch_extension):
    with duckdb.connect(str(data.database)) as connection:
        connection.load_extension(str(tpch_extension))
        connection.execute(f"call dbgen(sf = {data.scale})")
        found = connection.execute("select query from tpch_queries() order by query_nr")
        queries = [text for (text,) in found.fetchall()]
        (data.folder / "queries.json").write_text(json.dumps(queries))
        reader = connection.execute("from lineitem").to_arrow_reader(ARROW_BATCH_ROWS)
        with pa.ipc.new_file(str(data.lineitem), reader.schema) as file:
            for batch in reader:
                file.write_batch(batch)
        connection.execute("checkpoint")
