"""Flight over bare gRPC: bytes in, bytes out.

pyarrow sends only what is well formed, hides the exact status code and lacks PollFlightInfo;
this client has no such limits.
"""

import base64
import struct

import grpc
import pyarrow as pa

from harness import wire

CALL_SECONDS = 30
_SERVICE = "/arrow.flight.protocol.FlightService/"
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)]


class RawFlight:
    """One channel. With `keeps_token` it adopts the `authorization` of replies, as ADBC does."""

    def __init__(self, server, *, metadata=(), keeps_token=False):
        self.channel = grpc.insecure_channel(
            getattr(server, "front", server).target, options=_OPTIONS
        )
        self.metadata = dict(metadata)
        self.keeps_token = keeps_token

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def _learn(self, call) -> None:
        token = dict(call.initial_metadata() or ()).get("authorization")
        if self.keeps_token and token:
            self.metadata["authorization"] = token

    def unary(self, method: str, message: bytes, seconds=CALL_SECONDS) -> bytes:
        stub = self.channel.unary_unary(_SERVICE + method)
        answer, call = stub.with_call(
            message, timeout=seconds, metadata=tuple(self.metadata.items())
        )
        self._learn(call)
        return answer

    def open(self, method: str, message: bytes, seconds=CALL_SECONDS):
        """A server stream, to iterate over and to cancel."""
        stub = self.channel.unary_stream(_SERVICE + method)
        return stub(message, timeout=seconds, metadata=tuple(self.metadata.items()))

    def stream(self, method: str, message: bytes, seconds=CALL_SECONDS) -> list[bytes]:
        """A server stream, read to its end."""
        call = self.open(method, message, seconds)
        answers = list(call)
        self._learn(call)
        return answers

    def exchange(
        self, method: str, messages, seconds=CALL_SECONDS
    ) -> tuple[list[bytes], dict[str, str]]:
        """A stream in both directions: the answers, and the headers of the reply."""
        stub = self.channel.stream_stream(_SERVICE + method)
        call = stub(iter(messages), timeout=seconds, metadata=tuple(self.metadata.items()))
        answers = list(call)
        self._learn(call)
        return answers, dict(call.initial_metadata() or ())

    def info(self, cmd: bytes) -> bytes:
        """GetFlightInfo of a command: the FlightInfo's bytes."""
        return self.unary("GetFlightInfo", wire.descriptor(cmd))

    def get(self, ticket: bytes) -> list[bytes]:
        return self.stream("DoGet", wire.ticket(ticket))

    def query(self, sql: str) -> pa.Table:
        return read_table(self.get(ticket_of(self.info(wire.query(sql)))))

    def action(self, name: str, body: bytes = b"") -> list[bytes]:
        return [
            wire.one(result, 1, b"") for result in self.stream("DoAction", wire.action(name, body))
        ]

    def handshake(self, authorization: str) -> str | None:
        """The bearer token that the server gives for these credentials, from wherever it puts it."""
        before, self.metadata = self.metadata, self.metadata | {"authorization": authorization}
        try:
            _, headers = self.exchange("Handshake", [b""])
        finally:
            self.metadata = before
        return headers.get("authorization")


def basic(user: str, password: str, *, padded=True) -> str:
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return "Basic " + (text if padded else text.rstrip("="))


def login(server, user: str) -> RawFlight:
    """A client that has logged in as one of the server's users."""
    raw = RawFlight(server)
    raw.metadata["authorization"] = raw.handshake(basic(user, server.users[user]))
    return raw


def ticket_of(info: bytes) -> bytes:
    """The ticket of a FlightInfo's only endpoint."""
    (endpoint,) = wire.decode(info)[3]
    return wire.one(wire.one(endpoint, 1), 1)


def read_table(messages: list[bytes]) -> pa.Table:
    """The table in a list of FlightData messages: they are Arrow's IPC stream in other envelopes."""
    stream = bytearray()
    for data in messages:
        fields = wire.decode(data)
        header, body = fields.get(2, [b""])[-1], fields.get(1000, [b""])[-1]
        padding = -len(header) % 8
        stream += struct.pack("<iI", -1, len(header) + padding) + header + bytes(padding) + body
    return pa.ipc.open_stream(pa.py_buffer(bytes(stream))).read_all()
