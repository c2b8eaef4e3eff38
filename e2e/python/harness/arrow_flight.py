"""A pyarrow Flight client that speaks Flight SQL through hand-made commands."""

from dataclasses import dataclass

import pyarrow as pa
from pyarrow import flight

from harness import wire

CALL_SECONDS = 30


class _Memory(flight.ClientMiddlewareFactory):
    """Sends back what the server gave: the `authorization` of its replies, or its cookies."""

    def __init__(self, keeps: str | None):
        self.keeps = keeps
        self.headers: dict[str, str] = {}

    def start_call(self, info):
        return _MemoryCall(self)

    def learn(self, headers: dict) -> None:
        if self.keeps == "token" and "authorization" in headers:
            self.headers["authorization"] = headers["authorization"][0]
        if self.keeps == "cookie" and "set-cookie" in headers:
            self.headers["cookie"] = headers["set-cookie"][0].partition(";")[0]


class _MemoryCall(flight.ClientMiddleware):
    def __init__(self, memory: _Memory):
        self.memory = memory

    def sending_headers(self):
        return self.memory.headers

    def received_headers(self, headers):
        self.memory.learn(headers)


@dataclass
class Prepared:
    handle: bytes
    dataset_schema: pa.Schema | None
    parameter_schema: pa.Schema | None
    is_update: bool | None


def read_schema(data: bytes) -> pa.Schema | None:
    return pa.ipc.read_schema(pa.py_buffer(data)) if data else None


class Client:
    """A Flight SQL client. `keeps` is "token", "cookie" or None: a client that keeps nothing."""

    def __init__(
        self, server_or_uri, keeps="token", *, headers=None, seconds=CALL_SECONDS, **options
    ):
        uri = server_or_uri if isinstance(server_or_uri, str) else server_or_uri.uri
        self.memory = _Memory(keeps)
        self.memory.headers |= headers or {}
        self.flight = flight.FlightClient(uri, middleware=[self.memory], **options)
        self.options = flight.FlightCallOptions(timeout=seconds)
        if keeps and not headers:
            # The first reply brings the token. Until a client has shown that it keeps it, the
            # server ties no state to it; ADBC too makes a harmless call first.
            list(self.flight.list_actions(self.options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.flight.close()

    def info(self, cmd: bytes) -> flight.FlightInfo:
        return self.flight.get_flight_info(flight.FlightDescriptor.for_command(cmd), self.options)

    def schema(self, cmd: bytes) -> pa.Schema:
        return self.flight.get_schema(flight.FlightDescriptor.for_command(cmd), self.options).schema

    def reader(self, info: flight.FlightInfo) -> flight.FlightStreamReader:
        (endpoint,) = info.endpoints
        return self.flight.do_get(endpoint.ticket, self.options)

    def fetch(self, cmd: bytes) -> pa.Table:
        """GetFlightInfo and DoGet; without an endpoint the result has no rows."""
        info = self.info(cmd)
        if not info.endpoints:
            return info.schema.empty_table()
        result = self.reader(info).read_all()
        assert result.schema.equals(info.schema, check_metadata=True), (
            "GetFlightInfo announced another schema"
        )
        return result

    def query(self, sql: str, transaction=None) -> pa.Table:
        return self.fetch(wire.query(sql, transaction))

    def value(self, sql: str, transaction=None):
        """The one value of a one-row, one-column result."""
        ((only,),) = self.query(sql, transaction).to_pydict().values()
        return only

    def put(self, cmd: bytes, data: pa.Table | None = None) -> bytes | None:
        """One DoPut; returns the metadata of its answer."""
        data = pa.table({}) if data is None else data
        descriptor = flight.FlightDescriptor.for_command(cmd)
        writer, answers = self.flight.do_put(descriptor, data.schema, self.options)
        with writer:
            if data.num_columns:
                writer.write_table(data)
            writer.done_writing()
            answer = answers.read()
        return None if answer is None else answer.to_pybytes()

    def update(self, sql: str, transaction=None) -> int:
        return wire.signed(wire.one(self.put(wire.update(sql, transaction)), 1, 0))

    def action(self, name: str, body: bytes = b"") -> bytes:
        """One action with at most one result."""
        results = [
            r.body.to_pybytes()
            for r in self.flight.do_action(flight.Action(name, body), self.options)
        ]
        assert len(results) <= 1
        return results[0] if results else b""

    def prepare(self, sql: str, transaction=None) -> Prepared:
        body = wire.command("ActionCreatePreparedStatementRequest", sql, transaction)
        result = wire.decode(wire.unwrap(self.action("CreatePreparedStatement", body)))
        last = {number: values[-1] for number, values in result.items()}
        is_update = bool(last[4]) if 4 in last else None
        return Prepared(
            last[1], read_schema(last.get(2, b"")), read_schema(last.get(3, b"")), is_update
        )

    def bind(self, prepared: Prepared, data: pa.Table) -> None:
        """Binds parameters; the server may answer with a new handle."""
        answer = self.put(wire.prepared_query(prepared.handle), data)
        prepared.handle = wire.one(answer or b"", 1) or prepared.handle

    def close_prepared(self, prepared: Prepared) -> None:
        body = wire.command("ActionClosePreparedStatementRequest", prepared.handle)
        self.action("ClosePreparedStatement", body)

    def begin(self) -> bytes:
        body = wire.command("ActionBeginTransactionRequest")
        return wire.one(wire.unwrap(self.action("BeginTransaction", body)), 1)

    def end(self, transaction: bytes, *, commit: bool) -> None:
        body = wire.command("ActionEndTransactionRequest", transaction, 1 if commit else 2)
        self.action("EndTransaction", body)

    def set_options(self, **options) -> dict[str, int]:
        return wire.session_option_errors(
            self.action("SetSessionOptions", wire.set_session_options(options))
        )

    def get_options(self) -> dict[str, str]:
        return wire.session_options(self.action("GetSessionOptions"))

    def close_session(self) -> int:
        return wire.one(self.action("CloseSession"), 1, 0)
