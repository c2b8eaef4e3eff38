"""PostgreSQL's protocol as bytes: messages made and read by hand, wrong ones too.

A driver hides what this is about: the order of messages, the state in ReadyForQuery, what comes
after an error. `transcript` writes what a server said as one line, so that a test is a line too.
"""

import base64
import hashlib
import hmac
import secrets
import socket
import struct

PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = PROTOCOL_3_0 + 2
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSS_REQUEST = struct.pack("!ii", 8, 80877104)
REPLY_SECONDS = 30


# What a client says


def message(kind: str, body: bytes = b"", length: int | None = None) -> bytes:
    """One message; `length` is told instead of the true one."""
    return kind.encode() + struct.pack("!I", 4 + len(body) if length is None else length) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def startup(parameters: dict[str, str], version: int = PROTOCOL_3_0) -> bytes:
    body = struct.pack("!i", version)
    body += b"".join(text(key) + text(value) for key, value in parameters.items()) + b"\0"
    return struct.pack("!i", 4 + len(body)) + body


def cancel_request(pid: int, key: bytes) -> bytes:
    return struct.pack("!iii", 12 + len(key), 80877102, pid) + key


def query(sql: str) -> bytes:
    return message("Q", text(sql))


def parse(sql: str, name: str = "", oids=()) -> bytes:
    return message("P", text(name) + text(sql) + struct.pack(f"!h{len(oids)}I", len(oids), *oids))


def _short_list(values) -> bytes:
    return struct.pack(f"!h{len(values)}h", len(values), *values)


def bind(values=(), portal: str = "", statement: str = "", formats=(), results=()) -> bytes:
    """Values are str, bytes or None; formats and results are lists of 0 (text) and 1 (binary)."""
    body = text(portal) + text(statement) + _short_list(formats)
    body += struct.pack("!h", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = value.encode() if isinstance(value, str) else value
            body += struct.pack("!i", len(data)) + data
    return message("B", body + _short_list(results))


def describe(what: str, name: str = "") -> bytes:
    """`what` is S, a statement, or P, a portal."""
    return message("D", what.encode() + text(name))


def close(what: str, name: str = "") -> bytes:
    return message("C", what.encode() + text(name))


def execute(portal: str = "", rows: int = 0) -> bytes:
    return message("E", text(portal) + struct.pack("!i", rows))


def copy_data(data: bytes) -> bytes:
    return message("d", data)


def copy_fail(reason: str) -> bytes:
    return message("f", text(reason))


SYNC = message("S")
FLUSH = message("H")
COPY_DONE = message("c")
TERMINATE = message("X")


# What a server says


def fields_of(error: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or NoticeResponse by their letter."""
    return {part[:1].decode(): part[1:].decode() for part in error.split(b"\0") if part}


def values_of(row: bytes) -> list[bytes | None]:
    (count,) = struct.unpack_from("!h", row)
    values, at = [], 2
    for _ in range(count):
        (size,) = struct.unpack_from("!i", row, at)
        at += 4
        values.append(None if size < 0 else row[at : at + size])
        at += max(size, 0)
    assert at == len(row), "a DataRow is longer than its values"
    return values


def columns_of(description: bytes) -> list[tuple[str, int, int, int]]:
    """Name, type OID, type modifier and format of each column."""
    (count,) = struct.unpack_from("!h", description)
    columns, at = [], 2
    for _ in range(count):
        end = description.index(b"\0", at)
        name = description[at:end].decode()
        _table, _number, oid, _size, modifier, form = struct.unpack_from(
            "!IhIhih", description, end + 1
        )
        columns.append((name, oid, modifier, form))
        at = end + 1 + 18
    assert at == len(description), "a RowDescription is longer than its columns"
    return columns


def _told(kind: str, body: bytes) -> str:
    match kind:
        case "D":
            shown = ("null" if v is None else v.decode(errors="replace") for v in values_of(body))
            return f"D({','.join(shown)})"
        case "T":
            return f"T({','.join(name for name, *_ in columns_of(body))})"
        case "t":
            (count,) = struct.unpack_from("!h", body)
            return f"t({','.join(map(str, struct.unpack_from(f'!{count}I', body, 2)))})"
        case "C":
            return f"C({body[:-1].decode()})"
        case "E":
            return f"E({fields_of(body)['C']})"
        case "Z":
            return f"Z({body.decode()})"
        case "G" | "H":
            form, count = struct.unpack_from("!bh", body)
            return f"{kind}({form},{count})"
        case "d":
            return f"d({body.decode(errors='replace').rstrip()})"
    return kind


def transcript(messages) -> str:
    """What a server said on one line; notices and parameters, which may come at any time, are left out."""
    return " ".join(_told(kind, body) for kind, body in messages if kind not in "NSAK")


class Closed(Exception):
    """The server has closed the connection."""


class Wire:
    """One connection. Everything it waits for is bounded by `seconds`."""

    def __init__(self, address: tuple[str, int], seconds: float = REPLY_SECONDS):
        self.socket = socket.create_connection(address, timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = bytearray()
        self.parameters: dict[str, str] = {}
        self.pid, self.key = 0, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *data: bytes) -> None:
        self.socket.sendall(b"".join(data))

    def finish(self) -> None:
        """Says that nothing more will come; the server may have hung up before."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def bytes(self, count: int) -> bytes:
        while len(self._read) < count:
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionError as reset:
                raise Closed(bytes(self._read)) from reset
            if not more:
                raise Closed(bytes(self._read))
            self._read += more
        taken = bytes(self._read[:count])
        del self._read[:count]
        return taken

    def receive(self) -> tuple[str, bytes]:
        """The next message: its letter and its body."""
        kind, length = struct.unpack("!cI", self.bytes(5))
        body = self.bytes(length - 4)
        if kind == b"S":
            name, value, _ = body.split(b"\0")
            self.parameters[name.decode()] = value.decode()
        if kind == b"K":
            (self.pid,) = struct.unpack_from("!i", body)
            self.key = body[4:]
        return kind.decode(), body

    def until(self, last: str, times: int = 1) -> list[tuple[str, bytes]]:
        """All messages to the `times`-th of the letter `last`, that one included."""
        seen = []
        while times:
            seen.append(self.receive())
            times -= seen[-1][0] == last
        return seen

    def rest(self) -> list[tuple[str, bytes]]:
        """All messages until the server closes, which it must."""
        seen = []
        try:
            while True:
                seen.append(self.receive())
        except Closed:
            return seen

    def rest_bytes(self) -> bytes:
        """The same for what need not be messages."""
        try:
            self.bytes(1 << 40)
        except Closed as end:
            return end.args[0]

    def talk(self, *data: bytes, times: int = 1) -> list[tuple[str, bytes]]:
        """Sends and returns what comes until ReadyForQuery."""
        self.send(*data)
        return self.until("Z", times)

    def run(self, sql: str) -> list[list[str | None]]:
        """The rows of a simple query, which must succeed."""
        seen = self.talk(query(sql))
        errors = [fields_of(body) for kind, body in seen if kind == "E"]
        assert not errors, f"{sql}: {errors}"
        rows = (values_of(body) for kind, body in seen if kind == "D")
        return [[None if v is None else v.decode() for v in row] for row in rows]

    def login(self, parameters: dict[str, str], password: str = "", version=PROTOCOL_3_0):
        """Start-up to ReadyForQuery; returns the messages, the last is an error if it was refused."""
        self.send(startup(parameters, version))
        return self.authenticate(password)

    def authenticate(self, password: str = "") -> list[tuple[str, bytes]]:
        seen = []
        while True:
            seen.append(self.receive())
            kind, body = seen[-1]
            if kind in "ZE":
                return seen
            if kind == "R" and body[:4] == struct.pack("!i", 10):
                seen += self._scram(password)
                if seen[-1][0] == "E":
                    return seen

    def _scram(self, password: str) -> list[tuple[str, bytes]]:
        """RFC 5802 without channel binding; the server's signature is checked."""
        nonce = secrets.token_urlsafe(18)
        bare = f"n=,r={nonce}"
        first = ("n,," + bare).encode()
        self.send(message("p", text("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first))
        seen = [self.receive()]
        if seen[-1][0] == "E":
            return seen
        challenge = seen[-1][1][4:].decode()
        parts = dict(part.split("=", 1) for part in challenge.split(","))
        assert parts["r"].startswith(nonce)
        salted = hashlib.pbkdf2_hmac(
            "sha256", password.encode(), base64.b64decode(parts["s"]), int(parts["i"])
        )
        without_proof = f"c=biws,r={parts['r']}"
        signed = f"{bare},{challenge},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        final = f"{without_proof},p={base64.b64encode(proof).decode()}".encode()
        self.send(message("p", final))
        seen.append(self.receive())
        if seen[-1][0] == "R":
            server_key = hmac.digest(salted, b"Server Key", "sha256")
            expected = base64.b64encode(hmac.digest(server_key, signed, "sha256"))
            assert seen[-1][1][4:] == b"v=" + expected, "the server does not know the password"
        return seen


def connect(server, **parameters) -> Wire:
    """A logged-in connection to a `PgServer`."""
    wire = Wire(server.address)
    asked = {"user": server.user, "database": server.database} | parameters
    seen = wire.login(asked, server.password)
    assert seen[-1][0] == "Z", transcript(seen)
    return wire
