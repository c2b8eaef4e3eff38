"""500 mixed statements by 64 clients over both protocols: with admission, then by the same workers left to themselves.

Every eighth statement needs hundreds of MiB: it sorts, groups, joins or collects most of lineitem. The others look up
an order or aggregate a part. What is right is known from DuckDB in process, one statement at a time.
"""

import time

import duckdb

import clients
import order
from clients import Answer, Statement
from data import Data
from measures import mixed_queries
from setups import Place, Setup
from watch import FLAT_MIB, Watch

NAME = "mixed"
HEAVY_EVERY = 8
# What a gateway warns of when a statement is too big for every worker.
SPILLS = "needs more than any worker has"
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


def run(data: Data, place: Place, *, count: int, at_once: int, passes: int) -> dict:
    """What was measured; `faults` are why it does not pass."""
    load = statements(data.scale, count)
    heavy = set(range(0, count, HEAVY_EVERY))
    print("  in process, for the right answers ...", flush=True)
    begun = time.perf_counter()
    right = expected(data, load)
    alone_seconds = time.perf_counter() - begun
    with place.apart() as setup:
        runs, faults = admitted(setup, load, right, at_once, passes, heavy)
    with place.alone() as setup:
        print(f"  {setup.title} ...", flush=True)
        runs.append(measured(setup, load, right, at_once, heavy))
    return {
        "statements": count,
        "heavy": len(heavy),
        "clients": at_once,
        "in_process_seconds": alone_seconds,
        "runs": runs,
        "faults": faults,
    }


def admitted(
    setup: Setup,
    load: list[Statement],
    right: dict[int, Answer],
    at_once: int,
    passes: int,
    heavy: frozenset | set = frozenset(),
) -> tuple[list[dict], list[str]]:
    """The load in several passes; the first of them and the last, and why they do not pass."""
    runs = []
    for number in range(passes):
        print(f"  {setup.title}, {number + 1} of {passes} ...", flush=True)
        runs.append(measured(setup, load, right, at_once, heavy))
    faults = [f"{run['title']}: {fault}" for run in runs for fault in run["faults"]]
    before, last = runs[-2]["memory"], runs[-1]["memory"]
    last["grown_mib"] = last["middle_mib"] - before["late_mib"]
    if last["grown_mib"] > FLAT_MIB and not setup.gateway_has_engine:
        faults.append(
            f"the gateway took {last['grown_mib']:.0f} MiB more for the same load once more"
        )
    alarms = [line for program in setup.programs for line in program.alarms() if SPILLS not in line]
    if alarms:
        faults.append(f"{len(alarms)} warnings or errors in the logs, the first: {alarms[0][:300]}")
    return [runs[0], runs[-1]], faults


def measured(
    setup: Setup, load: list[Statement], right: dict, at_once: int, heavy=frozenset()
) -> dict:
    """One setup under the load. Its faults are those that admission must not have."""
    before = order.Decisions.of(setup.gateway) if setup.has_admission else None
    since_us = time.time_ns() // 1000
    with Watch(setup) as seen:
        outcome = clients.load(setup, load, at_once)
    good = {number for number, answer in outcome.answers.items() if answer == right[number]}
    wrong = len(outcome.answers) - len(good)
    lost = len(load) - len(outcome.answers) - len(outcome.failures)
    faults = {f"failed: {why}": count for why, count in outcome.reasons()}
    faults |= {"were answered wrongly": wrong, "were lost": lost}
    run = {
        "title": setup.title,
        "seconds": outcome.seconds,
        "right": len(good),
        "right_heavy": len(good & heavy),
        "light_seconds": clients.spread(outcome.took[number] for number in good - heavy),
        "by_protocol": dict(outcome.by_protocol),
        "failed": outcome.reasons(),
        "failed_light": len(outcome.failures.keys() - heavy),
        "wrong": wrong,
        "engines": seen.engines(),
        "faults": [f"{count} statements {what}" for what, count in faults.items() if count],
    }
    if setup.has_admission:
        decisions = order.Decisions.of(setup.gateway).since(before)
        rows = order.log(setup.uris[0], since_us)
        run |= admission(seen, decisions, rows)
        if len(rows) < len(load):
            run["faults"].append(f"tavana.queries has {len(rows)} of {len(load)} statements")
        if run["passed"] > decisions.may_pass():
            count = run["passed"] - decisions.may_pass()
            run["faults"].append(f"{count} statements passed earlier ones without a proof")
    return run


def admission(seen, decisions: order.Decisions, rows: list[dict]) -> dict:
    """What the queue did."""
    return {
        "logged": len(rows),
        "waits": clients.spread(row["waited"] for row in rows),
        "passed": order.passed(rows),
        "decisions": decisions.counts,
        "refused": decisions.refused,
        "clamped": decisions.clamped,
        "waiting": max(seen.waiting),
        "running": max(seen.permits),
        "memory": seen.memory(),
    }
