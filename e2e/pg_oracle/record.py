#!/usr/bin/env python3
"""Records what PostgreSQL 15 answers to the statements of this folder.

    python e2e/pg_oracle/record.py    starts a PostgreSQL of its own and writes expected.jsonl.gz
                                      and sequences.jsonl

Each statement is asked in two sessions. One whose answers are not the same depends on more than
its text: it is named, and nothing is written.
"""

import gzip
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from harness import pg_differential as differential  # noqa: E402
from harness import pg_sequences as sequences  # noqa: E402
from harness.pg_server import Oracle  # noqa: E402
from harness.pg_wire import connect  # noqa: E402


def recorded(server) -> dict[str, dict]:
    answers: dict[str, dict] = {}
    for path in differential.files():
        asker = differential.Asker(server)
        for sql in differential.statements(path):
            if sql not in answers:
                answers[sql] = asker.ask(sql, differential.in_transactions(path))
        asker.close()
    return answers


def answered_sequences(server) -> str:
    lines = {}
    for seed in range(sequences.COUNT):
        words = sequences.drawn(seed)
        with connect(server) as wire:
            lines[" ".join(words)] = sequences.heard(wire, words)
    rows = ({"said": said, "heard": heard} for said, heard in lines.items())
    return "".join(json.dumps(row) + "\n" for row in rows)


def main() -> None:
    oracle = Oracle()
    try:
        sequences.SEQUENCES.write_text(answered_sequences(oracle.server))
        answers, again = recorded(oracle.server), recorded(oracle.server)
    finally:
        oracle.stop()
    unsteady = [sql for sql, answer in answers.items() if answer != again[sql]]
    lost = [sql for sql, answer in answers.items() if answer["state"] in ("timeout", "closed")]
    if unsteady or lost:
        sys.exit("not the same twice:\n" + "\n".join(unsteady) + "\nlost:\n" + "\n".join(lost))
    lines = (
        json.dumps({"sql": sql} | answer, ensure_ascii=False) for sql, answer in answers.items()
    )
    text = "".join(f"{line}\n" for line in lines)
    # Without name and time, so that the same answers make the same file.
    differential.EXPECTED.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    errors = sum(bool(answer["state"]) for answer in answers.values())
    print(f"{len(answers)} statements, {errors} of them errors")


if __name__ == "__main__":
    main()
