"""Random sequences of messages, answered as PostgreSQL answered them (harness/pg_sequences.py)."""

import pytest

from harness import pg_sequences
from harness.pg_wire import connect

GROUPS = 12
SHOWN = 15


@pytest.mark.parametrize("group", range(GROUPS))
def test_sequences(pg, group):
    wrong = []
    cases = pg_sequences.recorded()
    assert len(cases) >= pg_sequences.COUNT
    for words, expected in cases[group::GROUPS]:
        with connect(pg) as wire:
            try:
                got = pg_sequences.heard(wire, words)
            except Exception as failure:  # a lost connection is an answer too
                got = repr(failure)
        if got != expected:
            wrong.append(f"{' '.join(words)}\n    expected {expected}\n    heard    {got}")
    assert not wrong, f"{len(wrong)} sequences:\n" + "\n".join(wrong[:SHOWN])
