"""Flight SQL's messages as bytes, encoded and decoded by hand.

Two dozen small messages need no code generator, and a test that writes its own bytes can also
write wrong ones. Field numbers are those of Arrow's Flight.proto and FlightSql.proto.
"""

import struct

SQL = "type.googleapis.com/arrow.flight.protocol.sql."


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number: int, value) -> bytes:
    """One field. None is left out, a list is repeated, ints and bools are varints, the rest has a length."""
    if value is None:
        return b""
    if isinstance(value, (list, tuple)):
        return b"".join(field(number, one) for one in value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    data = value.encode() if isinstance(value, str) else bytes(value)
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(*values) -> bytes:
    """A message whose fields are numbered from 1 in this order."""
    return b"".join(field(number, value) for number, value in enumerate(values, 1))


def command(name: str, *values) -> bytes:
    """A Flight SQL command or action body: the message in its `Any`."""
    return message(SQL + name, message(*values))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def decode(data: bytes) -> dict[int, list]:
    """All fields of a message: number → values (ints, or bytes for anything with a length or fixed size)."""
    fields: dict[int, list] = {}
    at, data = 0, bytes(data)
    while at < len(data):
        key, at = _read_varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _read_varint(data, at)
        else:
            size, at = {1: (8, at), 5: (4, at)}.get(kind) or _read_varint(data, at)
            if kind not in (1, 2, 5) or at + size > len(data):
                raise ValueError("not a protobuf message")
            value, at = data[at : at + size], at + size
        fields.setdefault(number, []).append(value)
    return fields


def one(data: bytes, number: int, default=None):
    """The last value of one field, as protobuf readers take it."""
    return decode(data).get(number, [default])[-1]


def unwrap(data: bytes) -> bytes:
    """The message inside an `Any`."""
    return one(data, 2, b"")


def signed(number: int) -> int:
    """A varint read as int64."""
    return number - (1 << 64) if number >= 1 << 63 else number


# Commands, as FlightDescriptor.cmd. Arguments follow the order of the fields.


def query(sql, transaction=None) -> bytes:
    return command("CommandStatementQuery", sql, transaction)


def update(sql, transaction=None) -> bytes:
    return command("CommandStatementUpdate", sql, transaction)


def prepared_query(handle) -> bytes:
    return command("CommandPreparedStatementQuery", handle)


def prepared_update(handle) -> bytes:
    return command("CommandPreparedStatementUpdate", handle)


def sql_info(codes=()) -> bytes:
    return command("CommandGetSqlInfo", list(codes))


def tables(catalog=None, schema=None, table=None, types=(), include_schema=False) -> bytes:
    return command("CommandGetTables", catalog, schema, table, list(types), include_schema)


def ingest(
    table, *, missing=1, existing=2, schema=None, catalog=None, temporary=False, transaction=None
) -> bytes:
    """`missing`: 1 create, 2 fail; `existing`: 1 fail, 2 append, 3 replace."""
    options = message(missing, existing)
    return command(
        "CommandStatementIngest", options, table, schema, catalog, temporary, transaction
    )


# Flight's own messages.


def descriptor(cmd: bytes) -> bytes:
    return message(2, cmd)


def action(name: str, body: bytes = b"") -> bytes:
    return message(name, body)


def ticket(data: bytes) -> bytes:
    return message(data)


def cancel_flight_info(info: bytes) -> bytes:
    return message(info)


def session_option(value) -> bytes:
    """SessionOptionValue: a string, bool, int, float, list of strings, or None for "unset"."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return field(2, value)
    if isinstance(value, int):
        return varint(3 << 3 | 1) + struct.pack("<q", value)
    if isinstance(value, float):
        return field(4, value)
    if isinstance(value, list):
        return field(5, message(value))
    return field(1, value)


def set_session_options(options: dict) -> bytes:
    return message([message(name, session_option(value)) for name, value in options.items()])


def session_options(data: bytes) -> dict[str, str]:
    """The text options of a GetSessionOptionsResult."""
    entries = [decode(entry) for entry in decode(data).get(1, [])]
    return {
        entry[1][0].decode(): one(entry[2][0], 1, b"").decode() for entry in entries if 2 in entry
    }


def session_option_errors(data: bytes) -> dict[str, int]:
    """SetSessionOptionsResult: name → 1 invalid name, 2 invalid value, 3 error."""
    entries = [decode(entry) for entry in decode(data).get(1, [])]
    return {entry[1][0].decode(): one(entry.get(2, [b""])[0], 1, 0) for entry in entries}
