"""10 full scans of lineitem at once, half of them by ADBC and half by COPY over PostgreSQL's protocol.

A scan streams, so it needs little memory where it runs; what is at stake is the memory of whom it passes through.
"""

import mixed
from clients import Answer, Statement
from data import Data
from measures import SCAN
from setups import Place

NAME = "scans"


def run(data: Data, place: Place, *, rows: int, at_once: int) -> dict:
    """What was measured; `faults` are why it does not pass."""
    load = [Statement(SCAN, copy=True)] * at_once
    right = dict.fromkeys(range(at_once), Answer(rows))
    runs = []
    for start in (place.apart, place.serve, place.alone):
        with start() as setup:
            print(f"  {setup.title} ...", flush=True)
            runs.append(mixed.measured(setup, load, right, at_once))
    faults = [f"{run['title']}: {fault}" for run in runs[:2] for fault in run["faults"]]
    return {"rows": rows, "clients": at_once, "runs": runs, "faults": faults}
