#!/usr/bin/env python3
"""Builds the fuzz targets with libFuzzer's instrumentation and runs each for a while.

`cargo fuzz` wants a nightly compiler for its sanitizers; coverage alone, which is what finds
panics in safe code, works with any. Inputs that were found stay in fuzz/corpus, those that fail in
fuzz/artifacts. The seeds are conversations that go as far as a client can.
"""

import argparse
import os
import struct
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
TARGETS = ("startup", "messages", "copy", "value", "sizer")
FLAGS = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
]
WHOLE = b"\xff"  # pieces of 256 bytes


def packet(code: int, body: bytes = b"") -> bytes:
    return struct.pack("!II", 8 + len(body), code) + body


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!I", 4 + len(body)) + body


FIRST = b"SCRAM-SHA-256\0" + struct.pack("!I", 17) + b"n,,n=,r=abcdefghi"
START = packet(3 << 16, b"user\0ada\0database\0tavana\0\0")
SEEDS = {
    "startup": [
        WHOLE + packet(80877103) + packet(80877104) + START + message("p", FIRST),
        WHOLE + packet((3 << 16) + 2, b"user\0ada\0_pq_.x\x001\0\0") + message("p", FIRST),
        WHOLE + START + message("p", FIRST) + message("p", b"c=biws,r=abc,p=AAAA"),
        WHOLE + packet(80877102, b"\0\0\0\1abcd"),
    ],
    "messages": [
        WHOLE
        + message("Q", b"select $1, 'a' || E'\\n' from \"T\" where a = any('{1,2}'); begin\0"),
        WHOLE
        + message("P", b"s\0select $1::int + $2\0\0\2\0\0\0\x17\0\0\0\0")
        + message("B", b"\0s\0\0\1\0\1\0\2\0\0\0\4\0\0\0\7\xff\xff\xff\xff\0\0")
        + message("D", b"P\0")
        + message("E", b"\0\0\0\0\0")
        + message("S"),
        WHOLE
        + message("Q", b"copy t (a, b) from stdin (format csv, header match, null 'x')\0")
        + message("d", b"1,2\n")
        + message("c")
        + message("f", b"no\0")
        + message("X"),
    ],
    "copy": [
        b"\0" + WHOLE + b"1\tx\\ty\t{1,NULL}\t2024-02-29\n\\N\t\\N\t\\N\t\\N\n\\.\n",
        b"\1" + WHOLE + b'1,"x ""y"\n,z","{1,2}",2024-02-29 12:00\r\n',
        b"\2" + WHOLE + b"a|b|c|d\n1|'x\\''|'x'|x\n",
        b"\3"
        + WHOLE
        + b"PGCOPY\n\xff\r\n\0"
        + bytes(8)
        + b"\0\4\0\0\0\4\0\0\0\7\0\0\0\1x\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
    "value": [
        bytes([pick]) + text
        for pick in range(24)
        for text in (b"1", b"{1,NULL}", b"2024-02-29 12:34:56.789+02", b"1 day 02:03", b"\0\0\0\1")
    ],
    "sizer": [
        b"select s, count(distinct i) from big join small using (i) where j > 3 group by all order by 2 desc limit 5",
        b"with a as (select max(i) m from 'e/events.parquet') from a left join v on a.m = v.i where i in (1, 2)",
        b"select rank() over (partition by i order by j), list(s) from big where s like 'a%' qualify true",
        b"select i from big union all select i from small except select j from big where exists (from v)",
        b"merge into big using small on big.i = small.i when matched then update set j = 1 when not matched then insert values (1, 2, 'x')",
        b"update big set s = small.s from small where big.i = small.i; delete from big using v where v.i = big.i",
        b"copy (select * from big) to 'x.parquet' (format parquet); insert into big values (-1, 2, $$x$$)",
        b"create table t as select case when i then j::varchar else s || 'x' end, (select max(i) from v) from big, unnest([1, 2])",
    ],
}


def host() -> str:
    told = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return next(line.split()[1] for line in told.splitlines() if line.startswith("host:"))


def build(triple: str) -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", FUZZ / "target")) / "fuzz"
    environment = os.environ | {"CARGO_TARGET_DIR": str(target), "RUSTFLAGS": " ".join(FLAGS)}
    # With a target named, the flags are not used for build scripts and macros.
    words = ["cargo", "build", "--release", "--bins", "--target", triple]
    subprocess.run(words, check=True, cwd=FUZZ, env=environment)
    return target / triple / "release"


def fuzz(program: Path, name: str, seconds: int) -> bool:
    corpus, artifacts = FUZZ / "corpus" / name, FUZZ / "artifacts" / name
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = [program, corpus, f"-max_total_time={seconds}", f"-artifact_prefix={artifacts}/"]
    words += ["-timeout=30", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]
    return subprocess.run([str(word) for word in words]).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)} (all)")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    programs = build(host())
    failed = [
        name for name in asked.targets or TARGETS if not fuzz(programs / name, name, asked.seconds)
    ]
    if failed:
        sys.exit(f"fuzz: failed: {', '.join(failed)}; the inputs are in fuzz/artifacts")


if __name__ == "__main__":
    main()
