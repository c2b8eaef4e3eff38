#!/usr/bin/env python3
"""Brings differences.txt up to date with what `tavana serve` answers now.

    python e2e/pg_oracle/review.py           rewrites the list
    python e2e/pg_oracle/review.py --show    shows it, with both answers, and writes nothing

What does not differ any more is taken out, aspects are corrected, reasons stay. What is new comes
first, under a reason that the test does not accept: a person has to find the right one, or a fix.
"""

import collections
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from harness import pg_differential as differential  # noqa: E402
from harness.pg_server import start_tavana  # noqa: E402


def answers(server) -> dict[str, dict]:
    found = {}
    for path in differential.files():
        asker = differential.Asker(server)
        for sql in differential.statements(path):
            if sql not in found:
                found[sql] = asker.ask(sql, differential.in_transactions(path))
        asker.close()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        server = start_tavana(Path(directory))
        try:
            got = answers(server)
        finally:
            server.program.stop()
    known, wanted = differential.known(), differential.expected()
    reasons = {differential.UNEXPLAINED: []} | {reason: [] for _, reason in known.values()}
    counts = collections.Counter()
    for sql, answer in got.items():
        aspects = differential.differing(wanted[sql], answer)
        if not aspects:
            continue
        counts.update(aspects)
        reason = known.get(sql, ([], differential.UNEXPLAINED))[1]
        reasons[reason].append(f"{','.join(aspects)}\t{sql}")
        if "--show" in sys.argv:
            print(sql)
            for aspect in aspects:
                print(f"    {aspect}: {wanted[sql].get(aspect)!r} → {answer.get(aspect)!r}")
    blocks = [f"# {reason}\n" + "\n".join(lines) for reason, lines in reasons.items() if lines]
    if "--show" not in sys.argv:
        differential.DIFFERENCES.write_text("\n\n".join(blocks) + "\n" * bool(blocks))
    differing = sum(map(len, reasons.values()))
    print(f"{differing} of {len(got)} statements differ: {dict(counts)}", file=sys.stderr)


if __name__ == "__main__":
    main()
