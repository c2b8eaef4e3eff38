"""500 mixed statements by 64 clients over both protocols: with admission, then by the same workers left to themselves.

Every eighth statement needs hundreds of MiB: it sorts, groups, joins or collects most of lineitem. The others look up an order or
aggregate a part. What is right is known from DuckDB in process, one statement at a time.
"""

import time

import clients
import duckdb
import order
from clients import Answer, Statement
from data import Data
from measures import mixed_queries
from setups import Place, Setup
from watch import FLAT_MIB, Watch

NAME = "mixed"
HEAVY_EVERY = 8
HEAVY = (
    """select count(*), max(s), max(c) from (select l_orderkey, l_partkey, sum(l_quantity) s, max(l_comment) c
        from lineitem where l_orderkey % 9 <> {} group by all)""",
    """select count(*), max(l.l_comment || r.l_comment) from lineitem l join lineitem r
        on l.l_orderkey = r.l_orderkey and l.l_linenumber = r.l_linenumber where r.l_orderkey % 9 <> {}""",
    """select max(r) from (select row_number() over (order by l_comment, l_orderkey) r
        from lineitem where l_orderkey % 9 <> {})""",
    "select count(distinct l_comment) from lineitem where l_orderkey % 9 <> {}",
    "select median(l_extendedprice), median(l_comment) from lineitem where l_orderkey % 9 <> {}",
    """select max(len(l)) from (select l_suppkey, list(l_comment) l
        from lineitem where l_orderkey % 9 <> {} group by all)""",
)


def statements(scale: float, count: int) -> list[Statement]:
    """Always the same."""
    found = mixed_queries(scale)[:count]
    for heavy, at in enumerate(range(0, len(found), HEAVY_EVERY)):
        found[at] = HEAVY[heavy % len(HEAVY)].format(heavy % 9)
    return [Statement(sql) for sql in found]


def expected(data: Data, load: list[Statement]) -> dict[int, Answer]:
    answers = {}
    with duckdb.connect(str(data.database), read_only=True) as connection:
        for number, statement in enumerate(load):
            rows = connection.execute(statement.sql).fetchall()
            only = tuple(str(value) for value in rows[0]) if len(rows) == 1 else None
            answers[number] = Answer(len(rows), only)
    return answers


def run(data: Data, place: Place, *, count: int, at_once: int) -> dict:
    """What was measured; `faults` are why it does not pass."""
    load = statements(data.scale, count)
    print("  in process, for the right answers ...", flush=True)
    right = expected(data, load)
    with place.apart() as setup:
        print("  with admission ...", flush=True)
        admitted = measured(setup, load, right, at_once)
    with place.alone() as setup:
        print("  without admission ...", flush=True)
        alone = measured(setup, load, right, at_once)
    return {
        "statements": count,
        "heavy": len(range(0, count, HEAVY_EVERY)),
        "clients": at_once,
        "runs": [admitted, alone],
        "faults": admitted["faults"],
    }


def measured(setup: Setup, load: list[Statement], right: dict[int, Answer], at_once: int) -> dict:
    """One setup under the load. Its faults are those that admission must not have."""
    before = order.Decisions.of(setup.gateway) if setup.has_admission else None
    since_us = time.time_ns() // 1000
    with Watch(setup) as seen:
        outcome = clients.load(setup, load, at_once)
    wrong = clients.differing(outcome.answers, right)
    run = {
        "title": setup.title,
        "seconds": outcome.seconds,
        "answered": len(outcome.answers),
        "by_protocol": dict(outcome.by_protocol),
        "failed": outcome.reasons(),
        "wrong": len(wrong),
        "engines": seen.engines(),
        "faults": [f"{count} statements failed: {why}" for why, count in outcome.reasons()],
    }
    if wrong:
        run["faults"].append(f"{len(wrong)} answers are not right: statements {wrong[:10]}")
    if lost := len(load) - len(outcome.answers) - len(outcome.failures):
        run["faults"].append(f"{lost} statements were lost")
    if setup.has_admission:
        decisions = order.Decisions.of(setup.gateway).since(before)
        run |= admission(seen, decisions, order.log(setup.uris[0], since_us))
        run["faults"] += run.pop("more_faults")
        if run["logged"] < len(load):
            run["faults"].append(f"tavana.queries has {run['logged']} of {len(load)} statements")
        if run["memory"]["late_growth_mib"] > FLAT_MIB and not setup.gateway_has_engine:
            grew = run["memory"]["late_growth_mib"]
            run["faults"].append(f"the gateway's memory grew by {grew:.0f} MiB in the second half")
    return run


def admission(seen, decisions: order.Decisions, rows: list[dict]) -> dict:
    """What the queue did."""
    passed = order.passed(rows)
    faults = []
    if passed > decisions.may_pass():
        allowed = decisions.may_pass()
        faults.append(f"{passed} statements passed earlier ones, {allowed} of them were proven not to delay")
    return {
        "logged": len(rows),
        "waits_ms": order.waits(rows),
        "passed": passed,
        "decisions": decisions.counts,
        "refused": decisions.refused,
        "clamped": decisions.clamped,
        "waiting": max(seen.waiting),
        "running": max(seen.permits),
        "memory": seen.memory(),
        "more_faults": faults,
    }
