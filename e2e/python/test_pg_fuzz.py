"""Random conversations of right and wrong messages with a server process, from fixed seeds.

Whatever is said, the server answers with whole messages or hangs up, soon; it logs no alarm (the
watch over all logs sees to that) and serves the next client. TAVANA_FUZZ_CONVERSATIONS asks for more.
"""

import os
import random
import struct
import time

import pytest

from harness.pg_wire import (
    COPY_DONE,
    FLUSH,
    SYNC,
    TERMINATE,
    Closed,
    Wire,
    bind,
    cancel_request,
    close,
    connect,
    copy_data,
    copy_fail,
    describe,
    execute,
    message,
    parse,
    query,
    startup,
)

CONVERSATIONS = int(os.environ.get("TAVANA_FUZZ_CONVERSATIONS", "800"))
ROUNDS = 8
SECONDS = 20
SERVER_KINDS = set("RSKZTDCEINnstv123GHAdcVW")
STATEMENTS = [
    "select 1",
    "select $1::int, $2::text",
    "select i, 'x' from generate_series(1, 300) t(i)",
    "select",
    "",
    ";;",
    "selekt",
    "select 1/0",
    "select 'open",
    "select * from nowhere",
    "begin",
    "begin; select 1; commit",
    "commit",
    "rollback",
    "savepoint s; rollback to s",
    "select 1; selekt",
    "set application_name = 'x'",
    "show all",
    "create temp table if not exists c (a int, b text)",
    "insert into c values (1, 'x') returning a",
    "copy c from stdin",
    "copy c (b) from stdin (format csv, header match)",
    "copy c from stdin (format binary)",
    "copy (select 1, 'a' from generate_series(1, 50)) to stdout",
    "copy c to stdout (format binary)",
    "declare k cursor with hold for select i from generate_series(1, 10) t(i)",
    "fetch 3 from k",
    "move all from k",
    "close all",
    "prepare p (int) as select $1",
    "execute p (1)",
    "deallocate all",
    "discard all",
    "explain select 1",
    "set statement_timeout = '1ms'",
    "drop table if exists c",
]
NAMES = ["", "", "a", "b", "ä", "no"]


def sentence(dice: random.Random) -> bytes:
    """A message that is well formed, whether it makes sense or not."""
    name, sql = dice.choice(NAMES), dice.choice(STATEMENTS)
    values = [
        dice.choice([None, "1", "x", b"\0\0\0\1", b"\xff", b""]) for _ in range(dice.randrange(3))
    ]
    formats = [dice.choice([0, 0, 1, 7]) for _ in range(dice.randrange(3))]
    return dice.choice(
        [
            lambda: query(sql),
            lambda: query(sql),
            lambda: query(sql),
            lambda: parse(sql, name, dice.choice([(), (), (23, 25), (0, 17), (99999,)])),
            lambda: parse(sql, name),
            lambda: bind(values, name, dice.choice(NAMES), formats, formats[::-1]),
            lambda: bind((), name, dice.choice(NAMES)),
            lambda: describe(dice.choice("SP"), name),
            lambda: execute(name, dice.choice([0, 0, 1, 2, -1, -(1 << 31), (1 << 31) - 1])),
            lambda: close(dice.choice("SP"), name),
            lambda: FLUSH,
            lambda: SYNC,
            lambda: copy_data(dice.choice([b"1\tx\n", b"1,", b"\\.\n", b"", b"PGCOPY\n", b"\0"])),
            lambda: COPY_DONE,
            lambda: copy_fail(name),
        ]
    )()


def nonsense(dice: random.Random) -> bytes:
    """A message that is not, or none at all."""
    good = bytearray(sentence(dice))
    kind = dice.randrange(7)
    if kind == 0:
        good[dice.randrange(len(good))] = dice.randrange(256)
    elif kind == 1:
        del good[dice.randrange(len(good)) :]
    elif kind == 2:
        good[1:5] = struct.pack("!I", dice.choice([0, 3, 4, 5, 200, 1 << 30, (1 << 32) - 1]))
    elif kind == 3:
        good += dice.randbytes(dice.randrange(1, 20))
    elif kind == 4:
        return message(chr(dice.randrange(128)), dice.randbytes(dice.randrange(12)))
    elif kind == 5:
        return dice.choice([startup({"user": "x"}), cancel_request(1, b"abcd"), message("p", b"x")])
    else:
        return dice.randbytes(dice.randrange(1, 30))
    return bytes(good)


def conversation(dice: random.Random) -> tuple[bytes, bool]:
    """What is said, and whether all of it is well formed."""
    share = dice.choice([0, 0, 0.02, 0.2])
    length = dice.randrange(1, 40)
    said = [nonsense(dice) if dice.random() < share else sentence(dice) for _ in range(length)]
    return b"".join([*said, SYNC, TERMINATE]), share == 0


def told(server, seed: int) -> str:
    """The kinds of messages that the server answers with until it hangs up, which it must."""
    dice = random.Random(seed)
    said, is_whole = conversation(dice)
    size = dice.choice([1 << 20, 1 << 20, 64, 7])
    wire = Wire(server.address, SECONDS)
    with wire:
        assert wire.login({"user": server.user, "database": server.database})[-1][0] == "Z"
        try:
            for at in range(0, len(said), size):
                wire.send(said[at : at + size])
        except OSError:
            pass  # it has hung up on nonsense
        if not is_whole:
            # The server may wait for the rest of a message; a client that ends ends its statement.
            wire.finish()
        kinds = []
        try:
            while True:
                kinds.append(wire.receive()[0])
        except Closed as end:
            assert not end.args[0], f"the answer to {seed} ends in the middle of a message"
        except TimeoutError:
            pytest.fail(f"the conversation of seed {seed} hangs after {''.join(kinds)[-60:]}")
    return "".join(kinds)


@pytest.mark.parametrize("share", range(ROUNDS))
def test_conversations(pg, share):
    """In shares, so that one which fails is found sooner."""
    for seed in range(share, CONVERSATIONS, ROUNDS):
        kinds = told(pg, seed)
        assert set(kinds) <= SERVER_KINDS, f"seed {seed}: {kinds}"
    begin = time.monotonic()
    with connect(pg) as wire:
        assert wire.run("select 42") == [["42"]]
    assert time.monotonic() - begin < 5


def test_what_was_said_is_said_again():
    """The seeds are the test: they must not drift."""
    assert conversation(random.Random(7)) == conversation(random.Random(7))
    assert conversation(random.Random(7)) != conversation(random.Random(8))
