"""5,000 statements queued at once before workers that run one statement each at a time.

Each statement inserts its own number, so that the workers' tables show what ran, how often, and in which order. They
are sent in waves: the next one goes out when the gateway counts the whole last one as waiting. So it is known without
any clock which came first. A tenth comes over PostgreSQL's protocol. A tenth leaves before anything has run. Each statement
also collects a list of some 30 MiB, so that all of them together would need 150 GiB.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import grpc
import psycopg

import order
from clients import STATEMENT_SECONDS, reason, spread
from harness import wire
from harness.raw_grpc import ticket_of
from setups import MIB, Place, Setup
from watch import FLAT_MIB, Watch, value

NAME = "storm"
# For a few of its statements, and far from enough for all.
MEMORY_MIB = 160
WAVE = 100
STREAMS = 75  # a connection; a gateway takes 100 unless told
PG_SHARE = 10  # one in so many
LEAVES_SHARE = 10
LEAVE_OFFSET = 5
ROUNDS = 2
GIVE_UP_SECONDS = 300
LISTED_ROWS = 1_000_000
BLOCK = "select max(hash(a.i + b.i)) from range(10000000) a(i), range(10000000) b(i)"
TABLE = "create table storm (number bigint, wave bigint, listed bigint)"
_SERVICE = "/arrow.flight.protocol.FlightService/"
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),
]


def statement(number: int, wave: int) -> str:
    return f"""insert into storm select {number}, {wave}, len(list(i))
        from range({number}, {number + LISTED_ROWS}) t(i)"""


@dataclass
class Round:
    """One storm."""

    first: int
    count: int
    done: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    failures: dict[int, str] = field(default_factory=dict)


class Clients:
    """Many sessions over few connections: every Flight call is a session of its own."""

    def __init__(self, setup: Setup, count: int):
        self._setup = setup
        self._pg_count = count // PG_SHARE if setup.pg else 0
        channels = max(-(-count // STREAMS), len(setup.uris))
        targets = [uri.partition("://")[2] for uri in setup.uris]
        self._channels = [
            grpc.aio.insecure_channel(targets[at % len(targets)], options=_OPTIONS)
            for at in range(channels)
        ]
        self._pg: list[psycopg.AsyncConnection] = []

    async def __aenter__(self):
        await asyncio.gather(*(channel.channel_ready() for channel in self._channels))
        for _ in range(self._pg_count):
            # A client that left is not used again, so there is one for each statement of every round.
            self._pg.append(await psycopg.AsyncConnection.connect(self._setup.pg, autocommit=True))
        return self

    async def __aexit__(self, *_):
        for connection in self._pg:
            await connection.close()
        for channel in self._channels:
            await channel.close()

    def is_pg(self, number: int) -> bool:
        return bool(self._pg_count) and number % PG_SHARE == 0

    async def run(self, number: int, wave: int) -> None:
        sql = statement(number, wave)
        if self.is_pg(number):
            await self._pg[(number // PG_SHARE) % self._pg_count].execute(sql)
            return
        channel = self._channels[number % len(self._channels)]
        call = channel.unary_unary(_SERVICE + "GetFlightInfo")
        await call(wire.descriptor(wire.query(sql)), timeout=STATEMENT_SECONDS)

    async def block(self) -> "asyncio.Task":
        """Keeps a slot until it is cancelled."""
        channel = self._channels[0]
        plan = channel.unary_unary(_SERVICE + "GetFlightInfo")
        ticket = ticket_of(await plan(wire.descriptor(wire.query(BLOCK))))
        read = channel.unary_stream(_SERVICE + "DoGet")

        async def hold():
            async for _ in read(wire.ticket(ticket)):
                pass

        return asyncio.create_task(hold())


def run(folder: Path, *, count: int) -> dict:
    """What was measured; `faults` are why it does not pass."""
    database = folder / "storm.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(TABLE)
    place = Place(folder, database, MEMORY_MIB * MIB)
    print("  with admission ...", flush=True)
    with place.apart(slots=1) as setup:
        admitted = asyncio.run(_with_admission(setup, count))
    _verify(admitted, setup)
    print("  without admission ...", flush=True)
    with place.alone() as setup:
        alone = asyncio.run(_without_admission(setup, count))
    _verify(alone, setup)
    for found in (admitted, alone):
        del found["rounds"]
    return {"statements": count, "runs": [admitted, alone], "faults": admitted["faults"]}


async def _with_admission(setup: Setup, count: int) -> dict:
    gateway, faults, rounds, figures = setup.gateway, [], [], []
    before, since_us = order.Decisions.of(gateway), time.time_ns() // 1000
    async with Clients(setup, count) as clients:
        # Every connection has been used, and what programs make ready at the first statements is there.
        await asyncio.gather(*(clients.run(-number, -1) for number in range(1, 2 * WAVE)))
        with Watch(setup) as seen:
            for number in range(ROUNDS):
                print(f"    round {number + 1} of {ROUNDS} ...", flush=True)
                found = Round(number * count, count)
                figures.append(await _storm(setup, clients, found))
                rounds.append(found)
    rows = await asyncio.to_thread(order.log, setup.uris[0], since_us)
    decisions = order.Decisions.of(gateway).since(before)
    for found in figures:
        if found["gone_seconds"] is None:
            faults.append("statements whose clients had left stayed in the queue")
    grown = figures[-1]["queued_mib"] - figures[0]["queued_mib"]
    if grown > FLAT_MIB:
        faults.append(
            f"the gateway took {grown:.0f} MiB more for the second storm than for the first"
        )
    return {
        "title": setup.title,
        "storms": figures,
        "grown_mib": grown,
        "memory": seen.memory(),
        "engines": seen.engines(),
        "waiting": max(seen.waiting),
        "waits": spread(row["waited"] for row in rows),
        "decisions": decisions.counts,
        "refused": decisions.refused,
        "rounds": rounds,
        "faults": faults,
    }


async def _storm(setup: Setup, clients: Clients, found: Round) -> dict:
    """Queues all, lets some leave, then lets the others run."""
    gateway = setup.gateway
    blocks = [await clients.block() for _ in setup.workers]
    await _until(gateway, "tavana_gateway_permits", len(setup.workers))
    empty_bytes = gateway.resident_bytes()
    begun, tasks = time.perf_counter(), {}
    for wave in range(-(-found.count // WAVE)):
        for number in range(wave * WAVE, min((wave + 1) * WAVE, found.count)):
            work = _noted(clients, found, found.first + number, found.first // WAVE + wave)
            tasks[found.first + number] = asyncio.create_task(work)
        if not await _until(gateway, "tavana_gateway_queue_waiting", len(tasks), tasks.values()):
            raise RuntimeError(f"not all of {len(tasks)} statements came to wait in the queue")
    queued_seconds = time.perf_counter() - begun
    queued_bytes, sql_bytes = (
        gateway.resident_bytes(),
        _gauge(gateway, "tavana_gateway_queue_waiting_bytes"),
    )

    found.left = {number for number in tasks if _leaves(number)}
    begun = time.perf_counter()
    for number in found.left:
        tasks[number].cancel()
    gone = await _until(gateway, "tavana_gateway_queue_waiting", len(tasks) - len(found.left))
    gone_seconds = time.perf_counter() - begun if gone else None
    begun = time.perf_counter()
    for block in blocks:
        block.cancel()
    await asyncio.gather(*tasks.values(), *blocks, return_exceptions=True)
    return {
        "queued_seconds": queued_seconds,
        "ran_seconds": time.perf_counter() - begun,
        "left": len(found.left),
        "gone_seconds": gone_seconds,
        "empty_mib": empty_bytes / MIB,
        "queued_mib": queued_bytes / MIB,
        "after_mib": gateway.resident_bytes() / MIB,
        "sql_bytes_each": sql_bytes / found.count,
        "bytes_each": (queued_bytes - empty_bytes - sql_bytes) / found.count,
    }


async def _without_admission(setup: Setup, count: int) -> dict:
    found = Round(0, count)
    async with Clients(setup, count) as clients:
        with Watch(setup) as seen:
            begun = time.perf_counter()
            work = (_noted(clients, found, number, number // WAVE) for number in range(count))
            await asyncio.gather(*work)
            seconds = time.perf_counter() - begun
    return {
        "title": setup.title,
        "seconds": seconds,
        "engines": seen.engines(),
        "rounds": [found],
        "faults": [],
    }


async def _noted(clients: Clients, found: Round, number: int, wave: int) -> None:
    try:
        await clients.run(number, wave)
        found.done.add(number)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - every failure counts
        text = error.details() if isinstance(error, grpc.RpcError) else str(error)
        found.failures[number] = text


def _leaves(number: int) -> bool:
    # Of both protocols some.
    return number % LEAVES_SHARE == LEAVE_OFFSET or number % (PG_SHARE * LEAVES_SHARE) == 0


def _gauge(program, name: str) -> int:
    return value(program.get("/metrics")[1], name)


async def _until(gateway, name: str, expected: int, tasks=()) -> bool:
    """Waits until a gauge has a value. Not so when it never does, or when a client was answered that should wait."""
    end = time.perf_counter() + GIVE_UP_SECONDS
    while await asyncio.to_thread(_gauge, gateway, name) != expected:
        if time.perf_counter() > end:
            return False
        if any(task.done() for task in tasks):
            raise RuntimeError("a statement was answered while it should have waited")
        await asyncio.sleep(0.01)
    return True


def _verify(run: dict, setup: Setup) -> None:
    """Reads the tables of the workers that ended: what ran, how often, and in which order."""
    ran: list[int] = []
    run["out_of_order"] = 0
    for folder in setup.folders:
        with duckdb.connect(str(folder / "local.duckdb"), read_only=True) as connection:
            sql = "select number, wave from storm where number >= 0 order by rowid"
            rows = connection.execute(sql).fetchall()
        ran += [number for number, _ in rows]
        waves = [wave for _, wave in rows]
        # Each worker runs one at a time, so its rows lie there in the order of their statements.
        run["out_of_order"] += sum(one > next for one, next in zip(waves, waves[1:], strict=False))
    done = set().union(*(found.done for found in run["rounds"]))
    left = set().union(*(found.left for found in run["rounds"]))
    failures = {number: why for found in run["rounds"] for number, why in found.failures.items()}
    run["answered"] = len(done)
    run["failed"] = _counted(failures)
    run["doubled"] = len(ran) - len(set(ran))
    run["lost"] = len(done - set(ran))
    run["ran_unanswered"] = len(set(ran) - done)
    run["ran_although_left"] = len(set(ran) & left)
    sent = sum(found.count for found in run["rounds"])
    faults = {
        "failed": len(failures),
        "were never answered": sent - len(done | left | failures.keys()),
        "ran twice": run["doubled"],
        "were lost": run["lost"],
        "ran though their clients had left the queue": run["ran_although_left"],
        "started after ones that came later": run["out_of_order"],
    }
    run["faults"] += [f"{count} statements {what}" for what, count in faults.items() if count]


def _counted(failures: dict[int, str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for why in map(reason, failures.values()):
        counts[why] = counts.get(why, 0) + 1
    return sorted(counts.items(), key=lambda pair: -pair[1])
