"""A binary COPY of a query gives the very bytes that its rows have: drivers describe the one and read the other."""

import struct

from harness import pg_differential as differential
from harness.pg_wire import SYNC, bind, connect, execute, parse, query, values_of

SHARE = 8  # of the statements, one in so many
SHOWN = 10


def fields_of_copy(data: bytes) -> list[list[bytes | None]]:
    """The values in a binary copy."""
    assert data.startswith(b"PGCOPY\n\xff\r\n\0"), data[:20]
    at, rows = 19 + struct.unpack_from("!i", data, 15)[0], []
    while (count := struct.unpack_from("!h", data, at)[0]) >= 0:
        at += 2
        values = []
        for _ in range(count):
            (size,) = struct.unpack_from("!i", data, at)
            at += 4
            values.append(None if size < 0 else data[at : at + size])
            at += max(size, 0)
        rows.append(values)
    assert at + 2 == len(data), "there is something behind the trailer"
    return rows


def test_a_copy_has_the_bytes_of_the_rows(pg):
    selects = [
        sql
        for path in differential.files()
        if not differential.in_transactions(path)
        for sql in differential.statements(path)
        if sql.lstrip().lower().startswith(("select", "values", "with"))
    ][::SHARE]
    # What is another value each time.
    selects = [
        sql for sql in selects if not any(word in sql for word in ("now()", "random", "clock"))
    ]
    assert len(selects) > 400
    wrong, compared = [], 0
    with connect(pg) as wire:
        for sql in selects:
            seen = wire.talk(parse(sql), bind(results=[1]), execute(), SYNC)
            copied = wire.talk(query(f"copy ({sql}) to stdout (format binary)"))
            if "E" in [kind for kind, _ in seen + copied]:
                continue
            rows = [values_of(body) for kind, body in seen if kind == "D"]
            data = b"".join(body for kind, body in copied if kind == "d")
            compared += 1
            if fields_of_copy(data) != rows:
                wrong.append(f"{sql}\n    rows {rows}\n    copy {fields_of_copy(data)}")
    assert compared > 300
    assert not wrong, f"{len(wrong)} copies:\n" + "\n".join(wrong[:SHOWN])
