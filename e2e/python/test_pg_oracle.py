"""Thousands of statements whose answers were recorded from PostgreSQL 15, asked again.

Compared are SQLSTATE, command tag, column names, type OIDs, type modifiers, text and binary. What
differs must be listed with its reason in e2e/pg_oracle/differences.txt, and what is listed must differ.
"""

import pytest

from harness import pg_differential as differential

SHOWN = 60
FILES = differential.files()


@pytest.fixture(scope="module")
def expected():
    return differential.expected()


@pytest.fixture(scope="module")
def known(request):
    return {} if request.config.getoption("pg_oracle") else differential.known()


def told(sql: str, aspects: list[str], wanted: dict, got: dict) -> str:
    lines = [f"{','.join(aspects)}\t{sql}"]
    lines += [f"    {a}: {wanted.get(a)!r} became {got.get(a)!r}"[:300] for a in aspects]
    return "\n".join(lines)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_answers(pg, path, expected, known):
    asker = differential.Asker(pg)
    new, over = [], []
    for sql in differential.statements(path):
        wanted = expected[sql]
        got = asker.ask(sql, differential.in_transactions(path))
        aspects = differential.differing(wanted, got)
        listed, _ = known.get(sql, ([], ""))
        if set(aspects) - set(listed):
            new.append(told(sql, aspects, wanted, got))
        if set(listed) - set(aspects):
            over.append(f"{','.join(a for a in listed if a not in aspects)}\t{sql}")
    asker.close()
    shown = "\n".join(new[:SHOWN]) + f"\n… {len(new)} in all" * (len(new) > SHOWN)
    assert not new, f"{len(new)} differences that differences.txt does not list:\n{shown}"
    assert not over, "differences.txt lists what does not differ any more:\n" + "\n".join(over)


def test_expected_is_of_these_statements(expected):
    asked = {sql for path in FILES for sql in differential.statements(path)}
    assert asked == set(expected), "record.py must be run: the statements have changed"
    assert len(asked) > 3000


def test_the_list_is_of_these_statements_and_explained():
    asked = {sql for path in FILES for sql in differential.statements(path)}
    known = differential.known()
    assert not [sql for sql in known if sql not in asked]
    unexplained = [sql for sql, (_, reason) in known.items() if reason == differential.UNEXPLAINED]
    assert not unexplained, "review.py has put these into the list; they need a reason"
