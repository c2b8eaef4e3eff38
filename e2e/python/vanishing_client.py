"""A client that starts to read a long result, says so, and waits to be killed."""

import sys
import time

from harness import arrow_flight, wire

with arrow_flight.Client(sys.argv[1]) as client:
    info = client.info(wire.query(sys.argv[2]))
    if len(sys.argv) == 3:
        print("reading", flush=True)
    reader = client.reader(info)
    reader.read_chunk()
    print("reading", flush=True)
    time.sleep(60)
