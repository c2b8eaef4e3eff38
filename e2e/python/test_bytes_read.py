"""How many bytes a query takes from S3, beside what an ideal reader would take; the ratios are printed (`pytest -s`).

The ideal reader takes the footer once and then only the chunks of the needed columns in the needed row groups.
"""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import clients, stores
from harness.faulty_proxy import FaultyProxy

ROWS, GROUP_ROWS, COLUMNS = 200_000, 10_000, 8
CATALOG = """
[catalog.logs]
type = "files"
tables.events = "{url}"
"""


def _file() -> bytes:
    """A sorted `id` and columns of noise, which do not compress."""
    noise = np.random.default_rng(4).integers(0, 2**62, (COLUMNS, ROWS))
    columns = {"id": range(ROWS)} | {f"c{n}": noise[n] for n in range(COLUMNS)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, row_group_size=GROUP_ROWS)
    return sink.getvalue()


FILE = _file()


class Ground:
    """S3 behind a counting proxy, and a server that reads through it."""

    def __init__(self, folder):
        self.store = stores.S3(folder)
        self.proxy = FaultyProxy(self.store.endpoint)
        try:
            self.store.put("events.parquet", FILE)
            text = self.store.store_toml("counted", endpoint=self.proxy.endpoint)
            text += CATALOG.format(url=self.store.url("events.parquet"))
            self.server = clients.Lakehouse(folder, text)
        except BaseException:
            self.store.stop()
            raise

    def read_by(self, client, sql: str) -> int:
        """Bytes of bodies that one statement took."""
        before = self.proxy.received()
        client.rows(sql)
        return self.proxy.received() - before

    def stop(self) -> None:
        self.server.stop()
        self.proxy.stop()
        self.store.stop()


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    running = Ground(tmp_path_factory.mktemp("bytes"))
    yield running
    running.stop()


@pytest.fixture
def fresh(ground, name):
    """The address of a file that nobody has read, so that no cache has it."""
    ground.store.put(f"{name}.parquet", FILE)
    return ground.store.url(f"{name}.parquet")


@pytest.fixture
def client(ground):
    with ground.server.connect("flight") as one:
        yield one


def ideal(columns: list[str], groups=range(ROWS // GROUP_ROWS)) -> int:
    about = pq.ParquetFile(io.BytesIO(FILE)).metadata
    chunks = [
        chunk.total_compressed_size
        for group in groups
        for chunk in map(about.row_group(group).column, range(about.num_columns))
        if chunk.path_in_schema in columns
    ]
    footer = int.from_bytes(FILE[-8:-4], "little") + 8
    return footer + sum(chunks)


QUERIES = {
    "all rows counted": ("select count(*) from {}", ideal([])),
    "one column": ("select sum(c3) from {}", ideal(["c3"])),
    "two columns far apart": ("select sum(c0 + c7) from {}", ideal(["c0", "c7"])),
    "a range of the sorted column": (
        "select sum(c1) from {} where id between 50100 and 50900",
        ideal(["id", "c1"], [5]),
    ),
    "one row": ("select c1, c2 from {} where id = 123456", ideal(["id", "c1", "c2"], [12])),
    "a range without rows": ("select sum(c1) from {} where id > 999999", ideal([])),
    "everything": ("select * from {}", ideal(["id"] + [f"c{n}" for n in range(COLUMNS)])),
}
SLACK_BYTES, SLACK = 128 << 10, 1.5


@pytest.mark.parametrize("what", QUERIES)
def test_a_query_reads_little_more_than_it_needs(ground, client, fresh, what):
    sql, least = QUERIES[what]
    sql = sql.format(f"'{fresh}'")
    first, second = ground.read_by(client, sql), ground.read_by(client, sql)
    print(f"\n{what}: {first} bytes, ideal {least}, ratio {first / least:.2f}; again: {second}")
    assert 0 < first <= least * SLACK + SLACK_BYTES
    assert second <= first / 10


def test_a_table_of_a_catalog_is_read_as_its_file(ground, client):
    sql, least = QUERIES["one column"]
    read = ground.read_by(client, sql.format("logs.events"))
    assert read <= least * SLACK + SLACK_BYTES


def test_a_file_that_changed_is_read_anew(ground, client, fresh):
    sql = f"select count(*), sum(id) from '{fresh}'"
    assert client.rows(sql) == [(ROWS, ROWS * (ROWS - 1) // 2)]
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2]}), sink)
    ground.store.put(fresh.removeprefix(ground.store.scope()), sink.getvalue())
    assert client.rows(sql) == [(2, 3)]
