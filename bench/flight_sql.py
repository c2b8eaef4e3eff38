"""The few Flight SQL messages the benchmark needs, written as bytes by hand.

pyarrow has Flight but no Flight SQL, and a generated protobuf module would be
one more dependency for messages of one or two fields each.
"""

_TYPE_URL = "type.googleapis.com/arrow.flight.protocol.sql."


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """One length-delimited protobuf field (text or bytes)."""
    data = value.encode() if isinstance(value, str) else bytes(value)
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def any_message(name, body):
    """`body` wrapped in google.protobuf.Any as the Flight SQL message `name`."""
    return field(1, _TYPE_URL + name) + field(2, body)


def statement_query(sql):
    """The FlightDescriptor command that asks for the rows of `sql`."""
    return any_message("CommandStatementQuery", field(1, sql))


def _read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def fields(data):
    """Length-delimited fields of a message as {number: bytes}; others are passed over."""
    found, at = {}, 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 2:
            size, at = _read_varint(data, at)
            found[number] = bytes(data[at : at + size])
            at += size
        elif wire_type == 0:
            _, at = _read_varint(data, at)
        else:
            raise ValueError(f"unexpected protobuf wire type {wire_type}")
    return found


def open_any(data):
    """The Flight SQL message inside an Any, as (name, fields)."""
    outer = fields(data)
    url = outer.get(1, b"").decode()
    if not url.startswith(_TYPE_URL):
        raise ValueError("not a Flight SQL message")
    return url[len(_TYPE_URL) :], fields(outer.get(2, b""))
