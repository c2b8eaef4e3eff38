"""10 full scans of lineitem at once, half of them by ADBC and half by COPY over PostgreSQL's protocol.

A scan streams, so it needs little memory where it runs; what is at stake is the memory of whom it passes through.
"""

import mixed
from clients import Answer, Statement
from data import Data
from measures import SCAN
from setups import Place

NAME = "scans"


def run(data: Data, place: Place, *, rows: int, at_once: int, passes: int) -> dict:
    """What was measured; `faults` are why it does not pass."""
    load = [Statement(SCAN, copy=True)] * at_once
    right = dict.fromkeys(range(at_once), Answer(rows))
    runs, faults = [], []
    for start in (place.apart, place.serve):
        with start() as setup:
            found, more = mixed.admitted(setup, load, right, at_once, passes)
            runs += found
            faults += more
    with place.alone() as setup:
        print(f"  {setup.title} ...", flush=True)
        runs.append(mixed.measured(setup, load, right, at_once))
    return {"rows": rows, "clients": at_once, "runs": runs, "faults": faults}
