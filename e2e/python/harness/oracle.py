"""DuckDB in process, and a comparison that forgives nothing.

`Table.equals` calls two NaN different and Python values cannot hold every timestamp, so `same`
descends to the arrays and compares them bit by bit.
"""

import os
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_REPOSITORY = Path(__file__).resolve().parents[3]
_EXTENSION_KEYS = (b"ARROW:extension:name", b"ARROW:extension:metadata")


def duckdb_in_process() -> duckdb.DuckDBPyConnection:
    """A DuckDB with the settings that the programs under test run with."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def load_tpch(connection: duckdb.DuckDBPyConnection) -> None:
    """Loads the TPC-H extension that `make deps` has fetched."""
    deps = Path(os.environ.get("TAVANA_DEPS_DIR", _REPOSITORY / ".deps"))
    connection.execute(f"LOAD '{deps}/duckdb/extensions/tpch.duckdb_extension'")


def _extension_metadata(field: pa.Field) -> list:
    metadata = field.metadata or {}
    return [metadata.get(key) for key in _EXTENSION_KEYS]


def _fields(kind: pa.DataType) -> list[pa.Field]:
    return [kind.field(i) for i in range(kind.num_fields)]


def same_field(got: pa.Field, want: pa.Field, path: str) -> None:
    """Equal names, types, nullability and extension types, all the way down."""
    assert (got.name, got.type, got.nullable) == (want.name, want.type, want.nullable), path
    assert _extension_metadata(got) == _extension_metadata(want), f"{path}: extension metadata"
    if pa.types.is_nested(want.type):
        for inner_got, inner_want in zip(_fields(got.type), _fields(want.type), strict=True):
            same_field(inner_got, inner_want, f"{path}.{inner_want.name}")


def same(got: pa.Table, want: pa.Table) -> None:
    """Asserts that two tables are equal in names, types, nullability, extension types and every value."""
    assert got.schema.names == want.schema.names
    for field_got, field_want in zip(got.schema, want.schema, strict=True):
        same_field(field_got, field_want, field_want.name)
    assert got.num_rows == want.num_rows
    if want.num_rows == 0:
        return
    for name, column_got, column_want in zip(
        want.schema.names, got.columns, want.columns, strict=True
    ):
        _same_array(_joined(column_got), _joined(column_want), name)


def _joined(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _same_array(got: pa.Array, want: pa.Array, path: str) -> None:
    assert len(got) == len(want), path
    assert got.is_null().equals(want.is_null()), f"{path}: nulls differ"
    kind = want.type
    if isinstance(kind, pa.BaseExtensionType):
        _same_array(got.storage, want.storage, path)
    elif pa.types.is_dictionary(kind):
        _same_array(got.dictionary_decode(), want.dictionary_decode(), path)
    elif pa.types.is_union(kind):
        assert got.type_codes.equals(want.type_codes), f"{path}: union tags differ"
        for i in range(kind.num_fields):
            chosen = pc.equal(want.type_codes, kind.type_codes[i])
            _same_array(
                got.field(i).filter(chosen),
                want.field(i).filter(chosen),
                f"{path}.{kind.field(i).name}",
            )
    elif pa.types.is_struct(kind):
        for i, (child_got, child_want) in enumerate(
            zip(got.flatten(), want.flatten(), strict=True)
        ):
            _same_array(child_got, child_want, f"{path}.{kind.field(i).name}")
    elif pa.types.is_map(kind):
        _same_lists(got.cast(_entries(kind)), want.cast(_entries(kind)), path)
    elif pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        _same_lists(got, want, path)
    elif pa.types.is_floating(kind):
        assert np.array_equal(_bits(got), _bits(want)), f"{path}: values differ"
    else:
        assert got.equals(want), f"{path}: values differ"


def _entries(kind: pa.MapType) -> pa.DataType:
    """A map's type as the list of entries it is stored as."""
    entry = pa.struct(
        [pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)]
    )
    return pa.list_(pa.field("entries", entry, nullable=False))


def _same_lists(got: pa.Array, want: pa.Array, path: str) -> None:
    assert pc.list_value_length(got).equals(pc.list_value_length(want)), f"{path}: lengths differ"
    _same_array(got.flatten(), want.flatten(), f"{path}[]")


def _bits(array: pa.Array) -> np.ndarray:
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    return values.view(f"i{values.itemsize}")
