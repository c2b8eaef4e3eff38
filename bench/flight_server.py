"""The peer: Arrow's own C++ Flight server (pyarrow.flight) over DuckDB.

In its best form. Results are a RecordBatchStream over DuckDB's reader, so every
batch is pulled, encoded and sent by C++ without a line of Python in between.
A ticket carries the SQL, as a stateless server of this kind would do it. It
answers just enough Flight SQL for the raw client and the ADBC driver: queries,
prepared statements (the DBAPI prepares everything) and bulk ingest.

    python flight_server.py DATABASE MEMORY_LIMIT_BYTES

prints `grpc://127.0.0.1:PORT` and serves until SIGTERM.
"""

import json
import queue
import signal
import sys
import threading

import duckdb
import pyarrow as pa
import pyarrow.flight as flight

import flight_sql

DEFAULT_BATCH_ROWS = 32_768


class DuckDbFlightServer(flight.FlightServerBase):
    def __init__(self, connection):
        super().__init__("grpc://127.0.0.1:0")
        self._connection = connection
        self._batch_rows = DEFAULT_BATCH_ROWS
        # Cursors to prepare with; one that streams a result cannot be shared.
        self._idle = queue.SimpleQueue()

    def _schema(self, sql):
        """Arrow schema of a query; None for a statement that is not one."""
        # As a subquery with LIMIT 0 it is prepared and runs nothing: the quickest
        # way to an Arrow schema that DuckDB's Python API has (measured).
        query = sql.strip().rstrip(";")
        try:
            cursor = self._idle.get_nowait()
        except queue.Empty:
            cursor = self._connection.cursor()
        try:
            return cursor.execute(f"from ({query}) limit 0").to_arrow_reader(1).schema
        except duckdb.ParserException:
            if self._connection.extract_statements(sql)[0].type == duckdb.StatementType.SELECT:
                raise
            return None
        finally:
            self._idle.put(cursor)

    def get_flight_info(self, context, descriptor):
        name, message = flight_sql.open_any(descriptor.command)
        if name not in ("CommandStatementQuery", "CommandPreparedStatementQuery"):
            raise NotImplementedError(name)
        # A prepared statement's handle is its SQL, so both carry SQL in field 1.
        sql = message[1].decode()
        schema = self._schema(sql)
        if schema is None:
            self._connection.cursor().execute(sql)
            return flight.FlightInfo(pa.schema([]), descriptor, [], 0, 0)
        endpoint = flight.FlightEndpoint(sql.encode(), [])
        return flight.FlightInfo(schema, descriptor, [endpoint], -1, -1)

    def do_get(self, context, ticket):
        cursor = self._connection.cursor().execute(ticket.ticket.decode())
        return flight.RecordBatchStream(cursor.to_arrow_reader(self._batch_rows))

    def do_put(self, context, descriptor, reader, writer):
        name, message = flight_sql.open_any(descriptor.command)
        if name != "CommandStatementIngest":
            raise NotImplementedError(name)
        table = message[2].decode().replace('"', '""')
        incoming = reader.to_reader()
        cursor = self._connection.cursor().register("incoming", incoming)
        (rows,) = cursor.execute(f'insert into "{table}" from incoming').fetchone()
        cursor.unregister("incoming")
        # DoPutUpdateResult { int64 record_count = 1 }
        writer.write(b"\x08" + flight_sql._varint(rows))

    def do_action(self, context, action):
        body = action.body.to_pybytes()
        if action.type == "CreatePreparedStatement":
            sql = flight_sql.open_any(body)[1][1].decode()
            result = flight_sql.field(1, sql)
            schema = self._schema(sql)
            if schema is not None:
                result += flight_sql.field(2, schema.serialize().to_pybytes())
            return [flight_sql.any_message("ActionCreatePreparedStatementResult", result)]
        if action.type == "ClosePreparedStatement":
            return []
        if action.type == "bench.batch_rows":
            self._batch_rows = json.loads(body)
            return []
        raise NotImplementedError(action.type)


def main():
    path, memory_limit_bytes = sys.argv[1:]
    connection = duckdb.connect(path, config={"memory_limit": f"{memory_limit_bytes}B"})
    server = DuckDbFlightServer(connection)
    print(f"grpc://127.0.0.1:{server.port}", flush=True)
    # Only a thread may call shutdown: it waits for the very loop the signal interrupts.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve()


if __name__ == "__main__":
    main()
