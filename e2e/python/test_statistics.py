"""What a worker knows of relations before they are read, against pyarrow's own reading of the same files."""

import functools
import http.server
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import adbc, raw_grpc, statistics, topology, wire
from harness.failures import refused
from harness.statistics import ask, call, name

ROWS = 1000


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    """A server that may read the folders of tests."""
    directory = tmp_path_factory.mktemp(f"statistics-{request.param}")
    running = topology.start(request.param, directory, allow_paths=[tmp_path_factory.getbasetemp()])
    yield running
    running.stop()


@pytest.fixture
def raw(server):
    with raw_grpc.RawFlight(server, keeps_token=True) as client:
        # From its first reply on it has a session.
        client.query("select 1")
        yield client


def write(path, first: int, rows: int = ROWS, group: int = 400) -> pq.FileMetaData:
    """A Parquet file of some row groups; its footer as pyarrow reads it."""
    numbers = list(range(first, first + rows))
    table = pa.table(
        {
            "i": pa.array(numbers, pa.int64()),
            "s": [None if i % 3 else f"x{i}" for i in numbers],
            "d": pa.array(numbers, pa.int32()).cast(pa.date32()),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group)
    return pq.read_metadata(path)


@pytest.fixture
def partitioned(tmp_path):
    """Files in Hive's folders, by their name."""
    files = [
        (tmp_path / f"year={year}" / f"{part}.parquet") for year in (2023, 2024) for part in "ab"
    ]
    return {str(path): write(path, at * ROWS) for at, path in enumerate(files)}


def check_columns(found, footer_columns) -> None:
    for theirs in footer_columns:
        ours, bounds = found[theirs.path_in_schema], theirs.statistics
        assert (ours.compressed, ours.uncompressed) == (
            theirs.total_compressed_size,
            theirs.total_uncompressed_size,
        )
        assert (ours.min, ours.max) == (str(bounds.min), str(bounds.max))
        assert ours.nulls == bounds.null_count


def test_footers_are_those_that_pyarrow_reads(raw, partitioned, tmp_path):
    (found,) = ask(raw, call("read_parquet", f"{tmp_path}/*/*.parquet", hive_partitioning=True))
    assert (found.kind, found.failure, found.is_sampled) == ("parquet", None, False)
    assert (found.rows, found.is_exact, found.file_count) == (4 * ROWS, True, 4)
    assert found.schema.names == ["i", "s", "d", "year"]
    assert {file.name for file in found.files} == set(partitioned)
    sizes = {path.as_posix(): path.stat() for path in tmp_path.glob("*/*.parquet")}
    assert found.bytes == sum(size.st_size for size in sizes.values())
    for file in found.files:
        footer = partitioned[file.name]
        assert (file.rows, file.bytes) == (footer.num_rows, sizes[file.name].st_size)
        assert file.modified_us // 1_000_000 == int(sizes[file.name].st_mtime)
        assert f"year={file.partitions['year']}" in file.name
        assert [group.rows for group in file.groups] == [400, 400, 200]
        for at, group in enumerate(file.groups):
            theirs = footer.row_group(at)
            check_columns(group.columns, [theirs.column(at) for at in range(theirs.num_columns)])
    assert (found.columns["i"].min, found.columns["i"].max) == ("0", str(4 * ROWS - 1))
    assert found.columns["s"].nulls == sum(i % 3 != 0 for i in range(4 * ROWS))
    chunks = [
        footer.row_group(group).column(0).total_compressed_size
        for footer in partitioned.values()
        for group in range(footer.num_row_groups)
    ]
    assert found.columns["i"].compressed == sum(chunks)


def test_a_path_tells_no_column_where_it_is_not_asked_to(raw, partitioned, tmp_path):
    options = {"hive_partitioning": False}
    (found,) = ask(raw, call("parquet_scan", [f"{tmp_path}/*/a.parquet"], **options))
    assert (found.file_count, found.schema.names) == (2, ["i", "s", "d"])
    assert all(not file.partitions for file in found.files)


def test_many_files_are_sampled(raw, tmp_path):
    for number in range(300):
        write(tmp_path / f"{number}.parquet", number * 10, rows=10)
    (found,) = ask(raw, call("read_parquet", f"{tmp_path}/*.parquet"))
    assert (found.file_count, found.is_sampled, found.is_exact) == (300, True, False)
    assert 2700 <= found.rows <= 3300
    assert sum(bool(file.groups) for file in found.files) == 256
    assert found.bytes == sum(path.stat().st_size for path in tmp_path.glob("*.parquet"))
    assert any("footers of 256 of 300 files" in reason for reason in found.because)


def test_an_answer_fits_into_one_message(raw, tmp_path):
    for number in range(25):
        write(tmp_path / f"{number}.parquet", 0, rows=2600, group=1)
    (found,) = ask(raw, call("read_parquet", f"{tmp_path}/*.parquet"))
    assert (found.rows, found.is_exact) == (25 * 2600, True)
    assert (found.columns["i"].min, found.columns["i"].max) == ("0", "2599")
    assert [len(file.groups) for file in found.files] == [0] * 25
    assert any("row groups are left out" in reason for reason in found.because)


def test_each_relation_fails_alone(raw, con, name, tmp_path):
    write(tmp_path / "good.parquet", 0)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + b"x" * 200 + b"PAR1")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "good.parquet").read_bytes()[:-9])
    adbc.run(con, f"create table {name} as select range i from range(10)")
    asked = [
        statistics.name(f"{tmp_path}/broken.parquet"),
        call("read_parquet", f"{tmp_path}/cut.parquet"),
        call("read_csv", f"{tmp_path}/none*.csv"),
        statistics.name("nowhere"),
        call("enable_logging", "QueryLog"),
        call("read_parquet", 7),
        b"",
        statistics.name(f"{tmp_path}/good.parquet"),
        statistics.name(name),
    ]
    found = ask(raw, *asked)
    assert [one.failure and one.failure[0] for one in found] == [
        "data",
        "data",
        "not_found",
        "not_found",
        "permission_denied",
        "invalid_request",
        "invalid_request",
        None,
        None,
    ]
    assert [one.rows for one in found[-2:]] == [ROWS, 10]


def test_tables_are_known_by_the_catalog(raw, con, name):
    adbc.run(
        con,
        f"create table {name} as select range::int i, null::int n, 'abc' s, date '2020-01-01' + range::int d "
        "from range(5000)",
    )
    (found,) = ask(raw, statistics.name(name.upper()))
    assert (found.kind, found.name, found.rows) == ("table", ("memory", "main", name), 5000)
    i, n, s, d = (found.columns[column] for column in "insd")
    assert (i.min, i.max, i.nulls) == ("0", "4999", 0)
    assert (n.nulls, s.nulls) == (5000, 0)
    assert (d.min, d.max) == ("2020-01-01", "2033-09-08")
    assert 4000 <= i.distinct <= 6000
    assert i.average == 4 and s.average >= 3
    assert found.schema.field("d").type == pa.date32()


def test_blocks_tell_the_bytes_of_a_table_in_a_file(kind, launch, tmp_path):
    server = launch(data_dir=tmp_path / "data")
    with adbc.connect(server) as con, raw_grpc.RawFlight(server) as raw:
        adbc.run(con, "create table t as select range i, random() r from range(200000)")
        adbc.run(con, "checkpoint")
        (found,) = ask(raw, name("t"))
        # Random numbers hardly compress; what is stored is whole blocks.
        assert 200_000 * 6 <= found.bytes <= 200_000 * 24
        assert found.bytes % (256 * 1024) == 0


def test_views_tell_what_they_read(raw, con, name, partitioned, tmp_path):
    adbc.run(con, f"create table {name} (i int)")
    files = f"read_parquet('{tmp_path}/*/*.parquet')"
    adbc.run(con, f"create view {name}_v as select * from {files} where i not in (from {name})")
    view, *below = ask(raw, statistics.name(f"{name}_v"))
    assert (view.kind, view.schema.names) == ("view", ["i", "s", "d", "year"])
    assert view.reads == [1, 2] and "read_parquet" in view.definition
    assert sorted((one.kind, one.rows) for one in below) == [("parquet", 4 * ROWS), ("table", 0)]


def test_text_is_known_by_its_size(raw, tmp_path):
    (tmp_path / "t.csv").write_text("i,s\n" + "".join(f"{i},name{i}\n" for i in range(50_000)))
    (tmp_path / "t.ndjson").write_text("".join(f'{{"i":{i},"s":"x"}}\n' for i in range(1500)))
    csv, json = ask(raw, *(statistics.name(f"{tmp_path}/t.{end}") for end in ("csv", "ndjson")))
    assert (csv.kind, csv.is_exact, csv.schema.names) == ("csv", False, ["i", "s"])
    assert 30_000 <= csv.rows <= 80_000
    assert csv.bytes == (tmp_path / "t.csv").stat().st_size
    assert (json.kind, json.rows, json.is_exact) == ("json", 1500, True)


def test_a_failure_leaves_the_transaction_of_the_session_open(raw, con, name, tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + b"x" * 200 + b"PAR1")
    raw.info(wire.query("begin"))
    raw.info(wire.query(f"create table {name} as select range i from range(7)"))
    table, broken = ask(raw, statistics.name(name), statistics.name(f"{tmp_path}/broken.parquet"))
    # The catalog does not count rows that are not committed yet.
    assert (table.kind, table.rows, table.schema.names) == ("table", 0, ["i"])
    assert broken.failure[0] == "data"
    raw.info(wire.query("commit"))
    assert adbc.value(con, f"select count(*) from {name}") == 7


def test_temporary_tables_are_the_sessions_own(raw, server, name):
    raw.info(wire.query(f"create temp table {name} as select 1 as i"))
    (found,) = ask(raw, statistics.name(name))
    assert (found.kind, found.name) == ("table", ("temp", "main", name))
    with raw_grpc.RawFlight(server) as other:
        (found,) = ask(other, statistics.name(name))
        assert found.failure[0] == "not_found"


def test_users_learn_of_files_that_they_may_read_only(secured_server, allowed_dir, tmp_path):
    write(allowed_dir / "statistics" / "in.parquet", 0)
    write(tmp_path / "out.parquet", 0)
    with raw_grpc.login(secured_server, "uli") as raw:
        inside, *outside = ask(
            raw,
            call("read_parquet", f"{allowed_dir}/statistics/*.parquet"),
            call("read_parquet", f"{tmp_path}/out.parquet"),
            call("read_parquet", f"{tmp_path}/*.parquet"),
            statistics.name(f"{allowed_dir}/../{tmp_path.name}/out.parquet"),
            call("delta_scan", str(tmp_path)),
        )
        assert inside.rows == ROWS
        for one in outside:
            assert one.failure and not one.files and one.rows is None
        assert outside[0].failure[0] == "permission_denied"
    with raw_grpc.RawFlight(secured_server) as nobody, refused("UNAUTHENTICATED"):
        ask(nobody, statistics.name("t"))


def test_requests_that_make_no_sense_are_refused(raw):
    with refused("INVALID_ARGUMENT", match="malformed"):
        raw.action(statistics.ACTION, b"\xff\xff")
    with refused("RESOURCE_EXHAUSTED", match="64 relations"):
        ask(raw, *[name("t")] * 65)
    assert ask(raw, name("a"), name("b"), budget_ms=1)[0].kind == "unknown"
    actions = raw.stream("ListActions", b"")
    assert statistics.ACTION.encode() in [wire.one(action, 1) for action in actions]


LAKE = """
default = "lake"
extensions = ["httpfs"]

[catalog.lake]
type = "ducklake"
metadata = "sqlite:{folder}/meta.sqlite"
data-path = "{folder}/lake"

[catalog.files]
type = "files"
tables.t = "{folder}/year=*/*.parquet"
"""


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def web(tmp_path):
    """A web server over the folder of the test."""
    handler = functools.partial(Silent, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_catalogs_and_the_web_are_looked_at_in_one_call(launch, partitioned, tmp_path, web):
    (tmp_path / "c.toml").write_text(LAKE.format(folder=tmp_path))
    server = launch(catalogs=tmp_path / "c.toml", allow_paths=[f"{web}/", tmp_path])
    with adbc.connect(server) as con, raw_grpc.RawFlight(server) as raw:
        adbc.run(con, "create table t as select range i, 'x' || range s from range(10000)")
        adbc.run(con, "insert into t select range + 10000, null from range(500)")
        adbc.run(con, "create table small as select 1 as i")
        address = f"{web}/year=2023/a.parquet"
        asked = [name("t"), name("lake", "main", "small"), name("files", "t"), name(address)]
        lake, small, view, remote, *below = ask(raw, *asked)
    assert (lake.kind, lake.rows, lake.file_count) == ("ducklake", 10_500, 2)
    footers = [pq.read_metadata(path) for path in (tmp_path / "lake").rglob("*.parquet")]
    assert sorted(file.rows for file in lake.files) == sorted(f.num_rows for f in footers)
    assert (lake.columns["i"].min, lake.columns["i"].max) == ("0", "10499")
    assert lake.columns["s"].nulls == 500
    assert (small.kind, small.rows) == ("ducklake", 1)
    assert (view.kind, view.reads) == ("view", [4])
    assert below[0].rows == 4 * ROWS
    assert (remote.kind, remote.rows, remote.file_count) == ("parquet", ROWS, 1)
    assert remote.bytes == (tmp_path / "year=2023" / "a.parquet").stat().st_size
