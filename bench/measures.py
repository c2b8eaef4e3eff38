"""What is measured: each measure is one job for the load process of a peer.

A measure runs in several rounds. In every round each peer takes its turn, and
the order moves on by one from round to round, so that no peer always follows
the same other one. Before the rounds each peer warms up once, uncounted.
"""

import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psutil

SCAN = "select * from lineitem"
POINT = "select 1"
POINT_CALLS = 2_000
MIXED_QUERIES, MIXED_CLIENTS = 500, 64
SCANS_AT_ONCE = 10
SLOW_BYTES_PER_SECOND = 200_000_000
RSS_EVERY_SECONDS = 0.05
MIB = 1 << 20

SERVERS = ("cpp", "worker", "serve", "gateway")
FLIGHT = ("inprocess", *SERVERS)
PG = ("postgres", "serve", "gateway")
ALL = (*FLIGHT, "postgres")
PG_STATEMENTS = 20_000
PG_CLIENTS = 16


@dataclass(frozen=True)
class Measure:
    """`run(peer, context)` gives a sample; `before` is neither timed nor counted.

    `rounds` stands where the number is fixed; such a measure has no warm-up.
    """

    title: str
    run: Callable
    peers: tuple = FLIGHT
    base: str = "inprocess"  # the peer that ratios are to
    metric: str = "seconds"
    before: Callable = lambda peer, context: None
    rounds: int | None = None


@dataclass(frozen=True)
class Context:
    """The data set; bytes of one full scan as each peer sends it; bytes for the slow client."""

    data: object
    scan_bytes: dict
    slow_bytes: float


def _scan(peer, context):
    return peer.load.call("queries", sqls=[SCAN], clients=1)


def _adbc(peer, context):
    return peer.load.call("adbc_query", sql=SCAN)


def _tpch(peer, context):
    return peer.load.call("queries", sqls=context.data.tpch_queries, clients=1)


def _point(peer, context):
    return peer.load.call("point", sql=POINT, calls=POINT_CALLS)


def _mixed(peer, context):
    sqls = mixed_queries(context.data.scale)
    return peer.load.call("queries", sqls=sqls, clients=MIXED_CLIENTS)


def _scans(peer, context):
    return peer.load.call("queries", sqls=[SCAN] * SCANS_AT_ONCE, clients=SCANS_AT_ONCE)


def _empty_table(peer, context):
    peer.load.call("execute", sql="drop table if exists ingested")
    peer.load.call("execute", sql="create table ingested as from lineitem limit 0")


def _ingest(peer, context):
    return peer.load.call("ingest", table="ingested", file=str(context.data.lineitem))


def _fresh(peer, context):
    # What earlier measures left in the allocator would hide growth.
    peer.stop()
    peer.start()
    peer.load.call("value", sql=POINT)


def _slow(peer, context):
    """Resident memory of the process nearest to the client while the client dawdles."""
    role, server = next(
        (role, server) for role, server in reversed(peer.servers.items()) if role != "pg"
    )
    repeat = math.ceil(context.slow_bytes / context.scan_bytes[peer.name])
    seen, done = [server.rss_bytes()], threading.Event()

    def watch():
        while not done.wait(RSS_EVERY_SECONDS):
            seen.append(server.rss_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        sample = peer.load.call(
            "slow",
            sql=f"select lineitem.* from lineitem, range({repeat})",
            bytes_per_second=SLOW_BYTES_PER_SECOND,
        )
    finally:
        done.set()
        watcher.join()
    seen.append(server.rss_bytes())
    half = len(seen) // 2
    sample["watched"] = role
    sample["rss_before_mib"] = seen[0] / MIB
    sample["rss_peak_mib"] = max(seen) / MIB
    sample["growth_mib"] = (max(seen) - seen[0]) / MIB
    sample["late_growth_mib"] = max(0, max(seen[half:]) - max(seen[:half])) / MIB
    return sample


def _pg_copy(peer, context):
    return peer.load.call("psql", url=peer.pg_url, sql="copy lineitem to stdout")


def _pg_rows(peer, context):
    return peer.load.call("psql", url=peer.pg_url, sql=SCAN)


def _pgbench(clients):
    def run(peer, context):
        script = str(context.data.folder / "point.sql")
        with open(script, "w") as file:
            file.write(POINT + ";\n")
        arguments = {"script": script, "clients": clients, "transactions": PG_STATEMENTS}
        return peer.load.call("pgbench", url=peer.pg_url, **arguments)

    return run


def mixed_queries(scale):
    """500 statements, always the same: half look up an order, the rest aggregate or fetch."""
    pick = random.Random(1)
    last_order, last_customer = int(6_000_000 * scale), int(150_000 * scale)
    found = []
    for _ in range(MIXED_QUERIES):
        kind, order = pick.random(), pick.randint(1, last_order)
        year, customer = pick.randint(1993, 1997), pick.randint(1, last_customer)
        if kind < 0.5:
            sql = f"""select * from orders join lineitem on l_orderkey = o_orderkey
                where o_orderkey = {order}"""
        elif kind < 0.75:
            sql = f"""select o_orderpriority, count(*), sum(o_totalprice) from orders
                where o_custkey between {customer} and {customer + 1000} group by all"""
        elif kind < 0.9:
            sql = f"""select sum(l_extendedprice * l_discount) from lineitem
                where l_shipdate >= date '{year}-01-01' and l_shipdate < date '{year + 1}-01-01'
                and l_discount between 0.05 and 0.07 and l_quantity < 24"""
        elif kind < 0.95:
            sql = f"""select l_returnflag, l_linestatus, sum(l_quantity), avg(l_discount), count(*)
                from lineitem where l_shipdate <= date '{year}-09-02' group by all order by all"""
        else:
            sql = f"""select * from lineitem
                where l_orderkey between {order} and {order + 100_000}"""
        found.append(sql)
    return found


MEASURES = {
    "scan": Measure("Full scan, raw pyarrow client", _scan),
    "adbc": Measure("Full scan, ADBC driver", _adbc, peers=SERVERS),
    "tpch": Measure("22 TPC-H queries, sum", _tpch),
    "point": Measure(f"`{POINT}`, p50 of {POINT_CALLS:,} calls", _point, metric="p50_ms"),
    "mixed": Measure(f"{MIXED_QUERIES} mixed queries by {MIXED_CLIENTS} clients", _mixed),
    "scans": Measure(f"{SCANS_AT_ONCE} full scans at once", _scans),
    "ingest": Measure("Bulk ingest of lineitem by ADBC", _ingest, before=_empty_table),
    "slow": Measure(
        "Memory growth while a slow client reads",
        _slow,
        peers=SERVERS,
        metric="growth_mib",
        before=_fresh,
        rounds=1,
    ),
    "pgcopy": Measure("`COPY lineitem TO STDOUT`, psql", _pg_copy, peers=PG, base="postgres"),
    "pgrows": Measure(f"`{SCAN}`, psql", _pg_rows, peers=PG, base="postgres"),
    "pgone": Measure(
        f"`{POINT}`, pgbench with prepared statements, 1 client",
        _pgbench(1),
        peers=PG,
        base="postgres",
        metric="statement_ms",
    ),
    "pgmany": Measure(
        f"`{POINT}`, pgbench with prepared statements, {PG_CLIENTS} clients",
        _pgbench(PG_CLIENTS),
        peers=PG,
        base="postgres",
        metric="statement_ms",
    ),
}


class Meter:
    """CPU seconds of each process of a peer, and of everything else, between two points."""

    def __init__(self, peer):
        self._peer = peer
        self._own, self._machine = self._read()

    def _read(self):
        own = {role: p.cpu_seconds() for role, p in self._peer.processes().items()}
        times = psutil.cpu_times()
        mine = psutil.Process().cpu_times()
        busy = times.user + times.system + times.nice
        return own, busy - sum(own.values()) - mine.user - mine.system

    def stop(self, sample):
        own, machine = self._read()
        sample["cpu_seconds"] = {role: own[role] - self._own[role] for role in own}
        # Above about a tenth of the machine somebody else was at work in this sample.
        capacity = sample["seconds"] * psutil.cpu_count()
        sample["foreign_cpu_share"] = max(0.0, machine - self._machine) / capacity
