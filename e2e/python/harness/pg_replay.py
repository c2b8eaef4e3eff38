"""What tools ask at connect and browse, PostgreSQL's recorded answers to it, and how an answer differs.

Numbers of objects are another's on every server: in statements they are those of the run that was
recorded (`NUMBERED`), in answers they are told by the object's name.
"""

import gzip
import hashlib
import json
import re
from pathlib import Path

from harness import secured
from harness.pg_wire import Closed, columns_of, connect, fields_of, query, values_of

FOLDER = Path(__file__).resolve().parents[2] / "pg_statements"
EXPECTED = FOLDER / "expected.jsonl.gz"
DIFFERENCES = FOLDER / "differences.txt"
SCHEMA = FOLDER / "schema.sql"
ASPECTS = ("state", "names", "types", "modifiers", "rows")
KEPT_ROWS = 300
SECONDS = 60
FIRST_OWN = 16384

# The numbers in the recordings and what they were.
NUMBERED = {
    "16385": "'mood[]'::regtype",
    "16386": "'mood'::regtype",
    "16393": "'order_numbers'::regclass",
    "16394": "'customers'::regclass",
    "16406": "'orders'::regclass",
    "16421": "'order_lines'::regclass",
    "16433": "'orders_placed'::regclass",
    "16434": "'open_orders'::regclass",
}
_NUMBER = re.compile(r"\b\d{5,10}\b")
_NAMES = """
    select oid, 'class ' || relname from pg_class where oid >= 16384
    union all select oid, 'type ' || typname from pg_type where oid >= 16384
    union all select oid, 'schema ' || nspname from pg_namespace where oid >= 16384 or oid = 13207
    union all select oid, 'constraint ' || conname from pg_constraint where oid >= 16384
    union all select oid, 'default of ' || adrelid::regclass || ' ' || adnum from pg_attrdef
    union all select oid, 'label ' || enumlabel from pg_enum
    union all select oid, 'rule of ' || ev_class::regclass from pg_rewrite where oid >= 16384
    union all select oid, 'database ' || datname from pg_database where oid >= 16384"""


def files() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*.sql") if path != SCHEMA)


def statements(path: Path) -> list[str]:
    """The statements of a file that only ask."""
    found = [part.strip() for part in path.read_text().split("\n--;\n")]
    asks = re.compile(r"\s*(/\*.*?\*/\s*)?(\(|select\b|with\b|show\b)", re.IGNORECASE | re.DOTALL)
    return [sql for sql in found if asks.match(sql) and " into temp" not in sql.lower()]


def key(path: Path, sql: str) -> str:
    return f"{path.stem}:{hashlib.sha256(sql.encode()).hexdigest()[:12]}"


class Asker:
    """Asks one server, on which it has made the schema."""

    def __init__(self, server):
        self.server = server
        self.wire = connect(server)
        self.wire.socket.settimeout(SECONDS)
        if server.is_oracle:
            # What Tavana has none of: other databases, and users in SQL.
            self.wire.run("drop database postgres")
            for name in secured.USERS:
                self.wire.run(f"drop role if exists {name}")
        for line in SCHEMA.read_text().splitlines():
            self.wire.run(line)
        self.numbers = {
            old: self.wire.run(f"select {what}::oid")[0][0] for old, what in NUMBERED.items()
        }
        self.names = {int(oid): name for oid, name in self.wire.run(_NAMES)}

    def ask(self, sql: str) -> dict:
        sql = _NUMBER.sub(lambda found: self.numbers.get(found[0], found[0]), sql)
        try:
            seen = self.wire.talk(query(sql))
        except (Closed, TimeoutError) as lost:
            self.wire = connect(self.server)
            self.wire.socket.settimeout(SECONDS)
            return {"state": "timeout" if isinstance(lost, TimeoutError) else "closed"}
        state = next((fields_of(body)["C"] for kind, body in seen if kind == "E"), "")
        if state:
            self.wire.talk(query("rollback"))
            return {"state": state}
        columns = next((columns_of(body) for kind, body in seen if kind == "T"), [])
        rows = [list(map(self._told, values_of(body))) for kind, body in seen if kind == "D"]
        if not _is_ordered(sql):
            rows.sort(key=json.dumps)
        return {
            "state": "",
            "names": [name for name, *_ in columns],
            "types": [self.names.get(oid, oid) for _, oid, *_ in columns],
            "modifiers": [modifier for *_, modifier, _ in columns],
            "rows": rows if len(rows) <= KEPT_ROWS else _digest(rows),
        }

    def _told(self, value: bytes | None) -> str | None:
        if value is None:
            return None
        named = lambda found: self.names.get(int(found[0]), found[0])  # noqa: E731
        return _NUMBER.sub(named, value.decode(errors="replace"))

    def close(self) -> None:
        self.wire.socket.close()


def _digest(rows: list) -> dict:
    text = "\n".join(sorted(json.dumps(row) for row in rows))
    return {"count": len(rows), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def expected() -> dict[str, dict]:
    with gzip.open(EXPECTED, "rt") as lines:
        answers = [json.loads(line) for line in lines]
    return {answer.pop("key"): answer for answer in answers}


def _is_ordered(sql: str) -> bool:
    """Whether the statement itself says an order, not a part of it in parentheses."""
    outside, removed = re.sub(r"'[^']*'", "''", sql), 1
    while removed:
        outside, removed = re.subn(r"\([^()]*\)", "", outside)
    return "order by" in " ".join(outside.lower().split())


def differing(sql: str, wanted: dict, got: dict) -> list[str]:
    """The aspects in which two answers differ; an answer that is not the same twice has no rows recorded."""
    if wanted["state"] != got["state"]:
        return ["state"]
    if isinstance(wanted.get("rows"), list) and not _is_ordered(sql):
        wanted = wanted | {"rows": sorted(wanted["rows"], key=json.dumps)}
    return [a for a in ASPECTS if a in wanted and wanted[a] != got.get(a)]


def known() -> dict[str, tuple[list[str], str]]:
    """Key → aspects and reason. A line `# reason` holds for those below: aspects, key, the statement's start."""
    found: dict[str, tuple[list[str], str]] = {}
    reason = ""
    for number, line in enumerate(DIFFERENCES.read_text().splitlines(), 1):
        if line.startswith("# "):
            reason = line[2:].strip()
        elif line.strip():
            aspects, name, _ = line.split("\t", 2)
            names = aspects.split(",")
            assert reason and set(names) <= set(ASPECTS) and name not in found, f"line {number}"
            found[name] = (names, reason)
    return found


def line_of(path: Path, sql: str, aspects: list[str]) -> str:
    return f"{','.join(aspects)}\t{key(path, sql)}\t{' '.join(sql.split())[:100]}"
