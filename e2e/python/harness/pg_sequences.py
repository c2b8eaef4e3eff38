"""Sequences of messages as words, drawn at random once; PostgreSQL's answers to them are recorded.

Hand-written conversations test what their author thought of. These test what a server makes of any
order: a portal executed after its statement was closed, Describe in an aborted transaction, and so on.
"""

import json
import random
import re

from harness.pg_differential import FOLDER
from harness.pg_wire import FLUSH, SYNC, bind, close, describe, execute, parse, query, transcript

SEQUENCES = FOLDER / "sequences.jsonl"
COUNT = 600
THREE = "select i as x from generate_series(1, 3) t(i) order by 1"
# Fails at its first row: how many rows come before a later one is the engine's business.
FAILS = "select 1 / (i - 1) as f from generate_series(1, 3) t(i)"
END = "end-of-sequence"

WORDS = {
    "query:one": query("select 1 as x"),
    "query:two": query("select 1 as x; select 2 as y"),
    "query:three": query(THREE),
    "query:bad": query("selekt"),
    "query:zero": query("select 1 / 0"),
    "query:unknown": query("select * from no_such_table"),
    "query:empty": query(""),
    "query:begin": query("begin"),
    "query:commit": query("commit"),
    "query:rollback": query("rollback"),
    "parse:one": parse("select 1 as x"),
    "parse:three": parse(THREE),
    "parse:fails": parse(FAILS),
    "parse:bad": parse("selekt"),
    "parse:unknown": parse("select * from no_such_table"),
    "parse:parameter": parse("select $1::int as p"),
    "parse:empty": parse(""),
    "parse:begin": parse("begin"),
    "parse:commit": parse("commit"),
    "parse:rollback": parse("rollback"),
    "parse:s:three": parse(THREE, "s"),
    "parse:s:parameter": parse("select $1::text as p", "s"),
    "bind": bind(),
    "bind:5": bind(["5"]),
    "bind:x": bind(["x"]),
    "bind:s": bind(statement="s"),
    "bind:s:5": bind(["5"], statement="s"),
    "bind:p": bind(portal="p"),
    "bind:p:s": bind(portal="p", statement="s"),
    "describe:statement": describe("S"),
    "describe:statement:s": describe("S", "s"),
    "describe:portal": describe("P"),
    "describe:portal:p": describe("P", "p"),
    "execute": execute(),
    "execute:1": execute(rows=1),
    "execute:2": execute(rows=2),
    "execute:3": execute(rows=3),
    "execute:p": execute("p"),
    "execute:p:1": execute("p", 1),
    "close:statement": close("S"),
    "close:statement:s": close("S", "s"),
    "close:portal": close("P"),
    "close:portal:p": close("P", "p"),
    "flush": FLUSH,
    "sync": SYNC,
}
# Words alone would hardly get past the first error.
BEGINNINGS = ["", "query:begin", "query:begin parse:s:three", "parse:s:three", "parse:s:parameter"]
PHRASES = [
    *("parse:three bind execute:2", "parse:three bind execute:3", "parse:one bind execute"),
    *("parse:fails bind execute:1", "parse:fails bind execute", "parse:three bind:p execute:p:1"),
    *(
        "parse:parameter bind:5 execute",
        "parse:parameter bind:x",
        "parse:parameter describe:statement",
    ),
    *("parse:begin bind execute", "parse:commit bind execute", "parse:rollback bind execute"),
    *(
        "parse:empty bind execute",
        "describe:portal execute:1",
        "bind:s execute:2",
        "bind:s:5 execute",
    ),
    *(
        "bind:p:s execute:p:1",
        "execute:p:1",
        "execute:p",
        "describe:portal:p",
        "execute:1",
        "execute",
    ),
    *("bind execute", "bind:p describe:portal:p", "describe:statement:s", "sync", "sync", "sync"),
    *(
        "query:begin",
        "query:commit",
        "query:one",
        "query:zero sync",
        "close:portal:p",
        "close:statement:s",
    ),
]
STRAY = 0.12  # how often any word comes instead of a phrase


def drawn(seed: int) -> list[str]:
    dice = random.Random(seed)
    parts = [dice.choice(BEGINNINGS)]
    for _ in range(dice.randrange(3, 9)):
        parts.append(dice.choice(list(WORDS) if dice.random() < STRAY else PHRASES))
    return " ".join(parts).split()


def heard(wire, words: list[str]) -> str:
    """What a server answers to a sequence, all sent at once, up to a last query that must be served."""
    wire.send(*(WORDS[word] for word in words), SYNC, query("rollback"), query(f"select '{END}'"))
    seen = []
    while not (seen and seen[-1][0] == "D" and END.encode() in seen[-1][1]):
        seen.append(wire.receive())
    seen += wire.until("Z")
    # A server may describe the rows of a simple query before the first one fails, or not.
    return re.sub(r"T\(\S*\) E\(", "E(", transcript(seen))


def recorded() -> list[tuple[list[str], str]]:
    lines = map(json.loads, SEQUENCES.read_text().splitlines())
    return [(line["said"].split(), line["heard"]) for line in lines]
