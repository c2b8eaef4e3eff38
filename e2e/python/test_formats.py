"""Delta and Iceberg tables that other libraries wrote, on disk and on S3: read back equal, by catalog and by function."""

import datetime
import re
from decimal import Decimal

import deltalake
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from harness import clients, raw_grpc, statistics, stores

ROWS = pa.table(
    {
        "i": pa.array(range(1000), pa.int64()),
        "city": pa.array([("Aachen", "Bonn", "Celle")[i % 3] for i in range(1000)]),
        "price": pa.array([Decimal(i).scaleb(-2) for i in range(1000)], pa.decimal128(9, 2)),
        "day": pa.array([datetime.date(2024, 1, 1 + i % 28) for i in range(1000)]),
        "moment": pa.array(
            [datetime.datetime(2024, 1, 1, 0, i % 60, 1, i) for i in range(1000)],
            pa.timestamp("us"),
        ),
        "tags": pa.array(
            [["a", None] if i % 2 else [] for i in range(1000)], pa.list_(pa.string())
        ),
        "maybe": pa.array([None if i % 5 else i / 4 for i in range(1000)], pa.float64()),
    }
)
WIDER = pa.table({"i": [5000, 5001], "city": ["Delft", None], "more": ["new", None]})


class Place:
    """Where the tables of a test run lie, and how each library says that."""

    def __init__(self, kind: str, folder):
        self.store = stores.KINDS[kind](folder)
        self.delta_options, self.iceberg_options = {}, {}
        if kind == "s3":
            endpoint = f"http://{self.store.endpoint}"
            keys = {"AWS_ACCESS_KEY_ID": stores.KEY_ID, "AWS_SECRET_ACCESS_KEY": stores.SECRET}
            self.delta_options = keys | {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ALLOW_HTTP": "true",
                "aws_conditional_put": "etag",
            }
            self.iceberg_options = {
                "s3.endpoint": endpoint,
                "s3.region": "us-east-1",
                "s3.access-key-id": stores.KEY_ID,
                "s3.secret-access-key": stores.SECRET,
                "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
            }
        self.catalog = SqlCatalog(
            "made",
            uri=f"sqlite:///{folder}/iceberg.sqlite",
            warehouse=self.store.url("iceberg"),
            **self.iceberg_options,
        )
        self.catalog.create_namespace("n")

    def write_delta(self, name: str, data: pa.Table, **options) -> None:
        options.setdefault("mode", "append")
        deltalake.write_deltalake(
            self.store.url(f"delta/{name}"), data, storage_options=self.delta_options, **options
        )

    def delta(self, name: str) -> deltalake.DeltaTable:
        url = self.store.url(f"delta/{name}")
        return deltalake.DeltaTable(url, storage_options=self.delta_options)


def _write_delta(place: Place) -> dict[str, pa.Table]:
    place.write_delta("plain", ROWS)
    for start in range(0, 1000, 250):
        place.write_delta("parts", ROWS.slice(start, 250), partition_by=["city"])
    place.write_delta("gone", ROWS)
    place.delta("gone").delete("i >= 10 and i < 990")
    place.write_delta("wider", ROWS)
    place.write_delta("wider", WIDER, schema_mode="merge")
    place.write_delta("again", ROWS)
    place.write_delta("again", ROWS.slice(0, 7), mode="overwrite")
    return {
        "plain": ROWS,
        "parts": ROWS,
        "gone": pa.concat_tables([ROWS.slice(0, 10), ROWS.slice(990)]),
        "wider": pa.concat_tables([ROWS, WIDER], promote_options="default"),
        "again": ROWS.slice(0, 7),
    }


def _write_iceberg(place: Place) -> tuple[dict[str, pa.Table], dict[str, str]]:
    tables = {name: place.catalog.create_table(f"n.{name}", ROWS.schema) for name in ICEBERG}
    with tables["parts"].update_spec() as spec:
        spec.add_identity("city")
    for table in tables.values():
        table.append(ROWS)
    tables["gone"].delete("i >= 10 and i < 990")
    with tables["wider"].update_schema() as schema:
        schema.union_by_name(WIDER.schema)
    tables["wider"].append(WIDER)
    tables["again"].overwrite(ROWS.slice(0, 7))
    expected = {
        "plain": ROWS,
        "parts": ROWS,
        "gone": pa.concat_tables([ROWS.slice(0, 10), ROWS.slice(990)]),
        "wider": pa.concat_tables([ROWS, WIDER], promote_options="default"),
        "again": ROWS.slice(0, 7),
    }
    return expected, {name: table.metadata_location for name, table in tables.items()}


ICEBERG = DELTA = ("plain", "parts", "gone", "wider", "again")


@pytest.fixture(scope="module", params=["disk", "s3"])
def lakehouse(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"formats-{request.param}")
    place = Place(request.param, folder)
    try:
        expected = {"delta": _write_delta(place)}
        expected["iceberg"], metadata = _write_iceberg(place)
        places = {("delta", name): place.store.url(f"delta/{name}") for name in DELTA}
        places |= {("iceberg", name): metadata[name] for name in ICEBERG}
        text = place.store.store_toml("here") if request.param == "s3" else ""
        for kind in ("delta", "iceberg"):
            text += f'[catalog.{kind[0]}_tables]\ntype = "{kind}"\n'
            text += "".join(
                f'tables.{n} = "{url}"\n' for (k, n), url in places.items() if k == kind
            )
        server = clients.Lakehouse(folder, text)
    except BaseException:
        place.store.stop()
        raise
    yield server, places, expected
    server.stop()
    place.store.stop()


def _comparable(rows: list[dict]) -> list:
    """Sorted by the key; what a dictionary lacks is null."""
    return sorted(rows, key=lambda row: row["i"])


@pytest.mark.parametrize("client", clients.KINDS)
@pytest.mark.parametrize("name", DELTA)
@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_a_table_reads_back_equal(lakehouse, client, format, name):
    server, places, expected = lakehouse
    table = expected[format][name]
    columns = table.column_names
    wanted = _comparable(table.to_pylist())
    for source in (f"{format[0]}_tables.{name}", f"{format}_scan('{places[format, name]}')"):
        with server.connect(client) as one:
            rows = one.rows(f"select {', '.join(columns)} from {source}")
        found = _comparable([dict(zip(columns, row, strict=True)) for row in rows])
        assert found == wanted, source


@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_a_filter_on_a_partition(lakehouse, format):
    server, _, _ = lakehouse
    with server.connect("flight") as one:
        sql = f"select count(*), sum(price) from {format[0]}_tables.parts where city = 'Bonn'"
        wanted = sum(Decimal(i).scaleb(-2) for i in range(1, 1000, 3))
        assert one.rows(sql) == [(333, wanted)]


@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_the_log_of_a_table_tells_its_size(lakehouse, format):
    server, places, _ = lakehouse
    asked = [statistics.name(f"{format[0]}_tables", name) for name in ("parts", "again")]
    scan = statistics.call(f"{format}_scan", places[format, "parts"])
    with raw_grpc.RawFlight(server.program) as raw:
        parts, again, called, *below = statistics.ask(raw, *asked, scan)
    assert (parts.kind, again.kind) == ("view", "view")
    for found, rows in (
        (below[parts.reads[0] - 3], 1000),
        (below[again.reads[0] - 3], 7),
        (called, 1000),
    ):
        assert (found.kind, found.failure, found.rows) == (format, None, rows)
        assert found.schema.names == ROWS.column_names
        assert sum(file.rows for file in found.files) == rows
        assert found.bytes == sum(file.bytes for file in found.files) > 0
    assert called.file_count >= 3
    if format == "delta":
        assert {file.partitions["city"] for file in called.files} == {"Aachen", "Bonn", "Celle"}


def test_versions_of_a_delta_table(lakehouse):
    server, places, _ = lakehouse
    with server.connect("flight") as one:
        scan = f"delta_scan('{places['delta', 'again']}', version => {{}})"
        assert one.rows(f"select count(*) from {scan.format(0)}") == [(1000,)]
        assert one.rows(f"select count(*) from {scan.format(1)}") == [(7,)]


@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_a_place_without_a_table(lakehouse, format, tmp_path):
    server, _, _ = lakehouse
    (tmp_path / "empty").mkdir()
    with server.connect("flight") as one:
        message = one.refusal(f"from {format}_scan('{tmp_path}/empty')")
    assert re.search("log segment|version", message)
