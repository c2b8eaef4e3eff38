"""What psql, drivers, BI tools and browsers ask at connect and browse, replayed from e2e/pg_statements.

Compared with what PostgreSQL 15 answered are the SQLSTATE, the names, types and modifiers of columns, and
the rows. What differs must be listed with its reason in differences.txt, and what is listed must differ.
"""

import pytest

from harness import pg_replay as replay
from harness import pg_server

SHOWN = 40


@pytest.fixture(scope="module")
def asker(request, tmp_path_factory):
    """A server of its own, because browsing shows all there is."""
    if request.config.getoption("pg_oracle"):
        oracle = pg_server.Oracle()
        yield replay.Asker(oracle.server)
        oracle.stop()
        return
    server = pg_server.start_tavana(tmp_path_factory.mktemp("pg-replay"))
    yield replay.Asker(server)
    server.program.stop()


@pytest.fixture(scope="module")
def known(request):
    return {} if request.config.getoption("pg_oracle") else replay.known()


def told(wanted: dict, got: dict, aspects: list[str]) -> str:
    return "\n".join(f"    {a}: {wanted.get(a)!r}\n -> {got.get(a)!r}"[:700] for a in aspects)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", replay.files(), ids=lambda path: path.stem)
def test_answers(asker, known, path):
    expected = replay.expected()
    new, over = [], []
    for sql in replay.statements(path):
        wanted, got = expected[replay.key(path, sql)], asker.ask(sql)
        aspects = replay.differing(sql, wanted, got)
        listed, _ = known.get(replay.key(path, sql), ([], ""))
        if set(aspects) - set(listed):
            new.append(replay.line_of(path, sql, aspects) + "\n" + told(wanted, got, aspects))
        elif set(listed) - set(aspects):
            over.append(replay.line_of(path, sql, aspects))
    shown = "\n".join(new[:SHOWN])
    assert not new, f"{len(new)} answers that are not PostgreSQL's:\n{shown}"
    assert not over, "differences.txt lists what does not differ any more:\n" + "\n".join(over)


def test_the_record_and_the_list_are_of_these_statements():
    asked = {replay.key(path, sql) for path in replay.files() for sql in replay.statements(path)}
    assert asked == set(replay.expected()), "record.py must be run: the statements have changed"
    assert not set(replay.known()) - asked
