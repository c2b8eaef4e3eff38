"""Statements, PostgreSQL's recorded answers to them, and how an answer differs.

A .sql file of e2e/pg_oracle holds one statement a line. Blocks are parted by empty lines; a block
may begin with lists, `@name = value ¦ value`, and then each of its lines is a template that stands
for all combinations of the lists it names. A file that says `-- transaction` has its statements
run in transactions of their own, which are rolled back.
"""

import gzip
import itertools
import json
from pathlib import Path
from string import Template

from harness.pg_wire import (
    SYNC,
    Closed,
    bind,
    columns_of,
    connect,
    execute,
    fields_of,
    parse,
    query,
    values_of,
)

FOLDER = Path(__file__).resolve().parents[2] / "pg_oracle"
EXPECTED = FOLDER / "expected.jsonl.gz"
DIFFERENCES = FOLDER / "differences.txt"
SETUP = FOLDER / "setup.sql"
ASPECTS = ("state", "tag", "names", "oids", "modifiers", "text", "binary")
UNEXPLAINED = "not yet explained"
SECONDS = 20
_LIST_SEPARATOR = "¦"


def files() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*.sql") if path != SETUP)


def setup() -> list[str]:
    return [line for line in SETUP.read_text().splitlines() if not line.startswith("--")]


def statements(path: Path) -> list[str]:
    """The statements of a file, templates expanded, each once."""
    found: dict[str, None] = {}
    for block in path.read_text().split("\n\n"):
        lists: dict[str, list[str]] = {}
        for line in block.splitlines():
            if line.startswith("@"):
                name, _, values = line[1:].partition(" =")
                lists[name] = [value.strip() for value in values.split(_LIST_SEPARATOR)]
            elif line and not line.startswith("-- "):
                found |= dict.fromkeys(_expanded(line, lists) if lists else [line])
    return list(found)


def _expanded(template: str, lists: dict[str, list[str]]):
    used = [name for name in lists if f"${name}" in template]
    for values in itertools.product(*(lists[name] for name in used)):
        yield Template(template).safe_substitute(dict(zip(used, values, strict=True))).strip()


def in_transactions(path: Path) -> bool:
    return path.read_text().startswith("-- transaction\n")


class Asker:
    """Asks one server statement after statement; a connection that is lost is made anew."""

    def __init__(self, server):
        self.server = server
        self.wire = None

    def ask(self, sql: str, in_transaction: bool) -> dict:
        """The answer by the simple protocol in text and by the extended one in binary."""
        before = [query("begin")] if in_transaction else []
        after = [query("rollback")]
        extended = [parse(sql), bind(results=[1]), execute(), SYNC]
        try:
            wire = self._connected()
            count = 2 + len(before)
            simple = wire.talk(*before, query(sql), *after, times=count)
            binary = wire.talk(*before, *extended, *after, times=count)
        except (Closed, TimeoutError) as lost:
            self.close()
            return {"state": "timeout" if isinstance(lost, TimeoutError) else "closed"}
        return _answer(_part(simple, len(before)), _part(binary, len(before)))

    def _connected(self):
        if not self.wire:
            self.wire = connect(self.server)
            self.wire.socket.settimeout(SECONDS)
            for line in setup():
                self.wire.run(line)
        return self.wire

    def close(self) -> None:
        if self.wire:
            self.wire.socket.close()
            self.wire = None


def _part(seen, number: int):
    """The messages of the `number`-th request."""
    parts: list[list] = [[]]
    for one in seen:
        parts[-1].append(one)
        if one[0] == "Z":
            parts.append([])
    return parts[number]


def _answer(simple, binary) -> dict:
    answer: dict = {"state": _state(simple)}
    if answer["state"]:
        return answer
    answer["tag"] = next((body[:-1].decode() for kind, body in simple if kind == "C"), "")
    for kind, body in simple:
        if kind == "T":
            columns = columns_of(body)
            answer["names"] = [name for name, *_ in columns]
            answer["oids"] = [oid for _, oid, *_ in columns]
            answer["modifiers"] = [modifier for *_, modifier, _ in columns]
    answer["text"] = [
        [None if v is None else v.decode(errors="replace") for v in values_of(body)]
        for kind, body in simple
        if kind == "D"
    ]
    answer["binary"] = _state(binary) or [
        [None if v is None else v.hex() for v in values_of(body)]
        for kind, body in binary
        if kind == "D"
    ]
    return answer


def _state(seen) -> str:
    return next((fields_of(body)["C"] for kind, body in seen if kind == "E"), "")


def expected() -> dict[str, dict]:
    """What PostgreSQL answered, by statement."""
    with gzip.open(EXPECTED, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return {row.pop("sql"): row for row in rows}


def differing(wanted: dict, got: dict) -> list[str]:
    """The aspects in which two answers differ; only the state if one of them is an error."""
    if wanted["state"] != got["state"]:
        return ["state"]
    return [aspect for aspect in ASPECTS if wanted.get(aspect) != got.get(aspect)]


class BadList(Exception):
    """A line of differences.txt that cannot be."""


def known() -> dict[str, tuple[list[str], str]]:
    """The differences that are known: statement → aspects and reason.

    A line `# reason` holds for the lines below it, each of which is `aspect,aspect<tab>statement`.
    """
    found: dict[str, tuple[list[str], str]] = {}
    reason = ""
    lines = DIFFERENCES.read_text().splitlines() if DIFFERENCES.exists() else []
    for number, line in enumerate(lines, 1):
        if line.startswith("# "):
            reason = line[2:].strip()
        elif line.strip():
            aspects, _, sql = line.partition("\t")
            names = aspects.split(",")
            wrong = not sql or not reason or not set(names) <= set(ASPECTS)
            if wrong or sql in found:
                raise BadList(f"{DIFFERENCES.name}:{number}: {line}")
            found[sql] = (names, reason)
    return found
