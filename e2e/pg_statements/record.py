#!/usr/bin/env python3
"""Records what PostgreSQL 15 answers to what tools ask.

    python e2e/pg_statements/record.py    starts a PostgreSQL of its own and writes expected.jsonl.gz

Every statement is asked on two servers: what is not the same on both (a time, a number of a process) is
recorded without its rows.
"""

import gzip
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from harness import pg_replay as replay  # noqa: E402
from harness.pg_server import Oracle  # noqa: E402


def recorded() -> dict[str, dict]:
    oracle = Oracle()
    try:
        asker = replay.Asker(oracle.server)
        return {
            replay.key(path, sql): asker.ask(sql)
            for path in replay.files()
            for sql in replay.statements(path)
        }
    finally:
        oracle.stop()


def main() -> None:
    answers, again = recorded(), recorded()
    unsteady = [name for name, answer in answers.items() if answer != again[name]]
    for name in unsteady:
        answers[name].pop("rows", None)
    lines = (
        json.dumps({"key": name} | answer, ensure_ascii=False) for name, answer in answers.items()
    )
    text = "".join(f"{line}\n" for line in lines)
    # Without name and time, so that the same answers make the same file.
    replay.EXPECTED.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    refused = [name for name, answer in answers.items() if answer["state"]]
    print(f"{len(answers)} statements, not the same twice {len(unsteady)}, refused {refused}")


if __name__ == "__main__":
    main()
