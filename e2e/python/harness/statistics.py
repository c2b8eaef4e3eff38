"""The action `tavana.Statistics`: what is known of relations before they are read."""

import struct
from dataclasses import dataclass, field

import pyarrow as pa

from harness import wire

ACTION = "tavana.Statistics"
KINDS = (
    (
        "unknown table view parquet csv json ducklake delta iceberg foreign"  # in the order of their numbers
    ).split()
)


def name(*parts: str) -> bytes:
    """A table reference by its name."""
    return wire.message(wire.message(list(parts)))


def call(function: str, files, **options) -> bytes:
    """A table reference that calls a function with files and options."""
    arguments = [_argument("", files), *(_argument(key, value) for key, value in options.items())]
    return wire.field(2, wire.message(function, arguments))


def _argument(key: str, value) -> bytes:
    number = {str: 2, bool: 3, int: 4, float: 5, list: 6}[type(value)]
    value = wire.message(value) if isinstance(value, list) else value
    return wire.field(1, key) + wire.field(number, value)


@dataclass
class Column:
    name: str
    min: str | None = None
    max: str | None = None
    nulls: int | None = None
    distinct: int | None = None
    compressed: int | None = None
    uncompressed: int | None = None
    average: float | None = None

    @classmethod
    def of(cls, data: bytes) -> "Column":
        fields = wire.decode(data)
        average = struct.unpack("<d", fields[8][0])[0] if 8 in fields else None
        numbers = [_number(fields, number) for number in range(4, 8)]
        return cls(_text(fields, 1) or "", _text(fields, 2), _text(fields, 3), *numbers, average)


@dataclass
class Group:
    rows: int
    columns: dict[str, Column]


@dataclass
class File:
    name: str
    bytes: int | None
    modified_us: int | None
    rows: int | None
    partitions: dict[str, str | None]
    columns: dict[str, Column]
    groups: list[Group]

    @classmethod
    def of(cls, data: bytes) -> "File":
        fields = wire.decode(data)
        pairs = [wire.decode(pair) for pair in fields.get(5, [])]
        return cls(
            _text(fields, 1),
            _number(fields, 2),
            _number(fields, 3),
            _number(fields, 4),
            {_text(pair, 1): _text(pair, 2) for pair in pairs},
            _columns(fields.get(6, [])),
            [
                Group(wire.one(group, 1, 0), _columns(wire.decode(group).get(2, [])))
                for group in fields.get(7, [])
            ],
        )


@dataclass
class Found:
    """What is known of one relation."""

    kind: str
    name: tuple[str, ...]
    schema: pa.Schema | None
    rows: int | None
    is_exact: bool
    bytes: int | None
    columns: dict[str, Column]
    files: list[File]
    file_count: int
    is_sampled: bool
    because: list[str]
    definition: str
    reads: list[int] = field(default_factory=list)
    failure: tuple[str, str] | None = None

    @classmethod
    def of(cls, data: bytes) -> "Found":
        fields = wire.decode(data)
        schema = fields.get(3, [b""])[0]
        failure = wire.decode(fields[14][0]) if 14 in fields else None
        return cls(
            KINDS[_number(fields, 1) or 0],
            tuple(part.decode() for part in fields.get(2, [])),
            pa.ipc.read_schema(pa.py_buffer(schema)) if schema else None,
            _number(fields, 4),
            bool(_number(fields, 5)),
            _number(fields, 6),
            _columns(fields.get(7, [])),
            [File.of(file) for file in fields.get(8, [])],
            _number(fields, 9) or 0,
            bool(_number(fields, 10)),
            [reason.decode() for reason in fields.get(11, [])],
            _text(fields, 12) or "",
            _packed(fields.get(13, [])),
            (_text(failure, 1), _text(failure, 2)) if failure else None,
        )


def ask(raw, *relations: bytes, budget_ms: int = 0) -> list[Found]:
    """Asks for relations over a raw client."""
    (answer,) = raw.action(ACTION, wire.message(1, list(relations), budget_ms or None))
    return [Found.of(found) for found in wire.decode(answer)[2]]


def _text(fields: dict, number: int) -> str | None:
    return fields[number][-1].decode() if number in fields else None


def _number(fields: dict, number: int) -> int | None:
    return fields[number][-1] if number in fields else None


def _columns(values: list[bytes]) -> dict[str, Column]:
    return {column.name: column for column in map(Column.of, values)}


def _packed(values: list) -> list[int]:
    """Numbers of a repeated field, which protobuf writes into one value (all below 128 here)."""
    return [number for value in values for number in value]
