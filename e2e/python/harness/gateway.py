"""A worker's gateway as a test is one: calls with a grant, an estimate and an id of its own."""

import base64
import secrets
import struct
import threading
from dataclasses import dataclass, fields

import grpc

from harness import forgery, wire
from harness.raw_grpc import CALL_SECONDS, RawFlight, ticket_of
from harness.topology import eventually

_SERVICE = "/arrow.flight.protocol.FlightService/"
_NEVER = 2**63 - 1
_ADMIN = 2


class Gateway(RawFlight):
    """Speaks to a worker that was started with `--gateway-only` and this key."""

    def __init__(self, worker, key: bytes, *, role=_ADMIN):
        super().__init__(worker)
        self.id = secrets.token_bytes(16)
        service = forgery.seal(wire.field(2, _NEVER) + wire.field(4, True), key)
        state = wire.message(secrets.token_bytes(16), "ada", role)
        session = forgery.seal(wire.message(state, _NEVER, True), key)
        self.metadata |= {
            "x-tavana-service": forgery.seal_text(service),
            "x-tavana-session": forgery.seal_text(session),
            "x-tavana-session-kept": "kept",
            "x-tavana-gateway": self.id.hex(),
        }

    def granted(self, count: int | None, estimate: bytes | None = None) -> "Gateway":
        """The same gateway, whose calls ask for so many bytes."""
        other = object.__new__(Gateway)
        other.__dict__ = {**self.__dict__, "metadata": dict(self.metadata)}
        if count is not None:
            other.metadata["x-tavana-grant"] = str(count)
        if estimate is not None:
            other.metadata["x-tavana-estimate"] = _text(estimate)
        return other

    def ticket(self, sql: str) -> bytes:
        """Plans a read."""
        return ticket_of(self.granted(0).info(wire.query(sql)))

    def fetch(self, ticket: bytes) -> tuple[list[bytes], "Actual | None"]:
        """The messages of a result, and how big its statement was."""
        call = self.open("DoGet", wire.ticket(ticket), seconds=120)
        return list(call), Actual.of(call.trailing_metadata())

    def run(self, sql: str) -> "Actual | None":
        """Runs what is no read, by GetFlightInfo; how big it was."""
        stub = self.channel.unary_unary(_SERVICE + "GetFlightInfo")
        _, call = stub.with_call(
            wire.descriptor(wire.query(sql)),
            timeout=CALL_SECONDS,
            metadata=tuple(self.metadata.items()),
        )
        return Actual.of(call.initial_metadata())


def _text(message: bytes) -> str:
    return base64.urlsafe_b64encode(message).decode().rstrip("=")


def run_ticket(sql: str) -> bytes:
    """A statement that is its own ticket."""
    return wire.message("type.googleapis.com/tavana.RunStatement", wire.message(sql))


def estimate(*, peak: int, rows: int | None = None, because=()) -> bytes:
    confidence = wire.varint(6 << 3 | 1) + struct.pack("<d", 0.5)
    head = wire.message(1, None, rows, None, peak)
    return head + confidence + wire.field(7, 2) + wire.field(8, list(because))


@dataclass
class Actual:
    """How big a statement was."""

    version: int = 0
    peak: int | None = None
    spilled: int | None = None
    rows: int = 0
    run_us: int = 0
    output_bytes: int = 0

    @classmethod
    def of(cls, metadata) -> "Actual | None":
        text = dict(metadata or ()).get("x-tavana-actual")
        return None if text is None else _read(cls, forgery.unseal_text(text))


@dataclass
class Capacity:
    """What a worker has room for."""

    version: int = 0
    memory_bytes: int = 0
    granted_bytes: int = 0
    granted_to_others_bytes: int = 0
    slots: int = 0
    grants: int = 0
    grants_of_others: int = 0
    used_bytes: int = 0
    anonymous_bytes: int = 0
    spilled_bytes: int = 0
    spill_limit_bytes: int = 0
    process_limit_bytes: int = 0
    draining: int = 0


def _read(cls, data: bytes):
    found = wire.decode(data)
    names = {number: field.name for number, field in enumerate(fields(cls), 1)}
    return cls(**{names[number]: values[-1] for number, values in found.items()})


class Watch:
    """The capacity of a worker, as it is told to a gateway."""

    def __init__(self, gateway: Gateway):
        body = wire.message(1, gateway.id)
        self.call = gateway.open(
            "DoAction", wire.action("tavana.WatchCapacity", body), seconds=None
        )
        self.told: list[Capacity] = []
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for result in self.call:
                self.told.append(_read(Capacity, wire.one(result, 1, b"")))
        except grpc.RpcError:
            pass
        self.ended.set()

    def until(self, condition, seconds=10.0) -> Capacity:
        """The first capacity from now on for which a condition holds."""
        at = max(len(self.told) - 1, 0)
        return eventually(lambda: next(filter(condition, self.told[at:]), None), seconds)

    def close(self) -> None:
        self.call.cancel()
