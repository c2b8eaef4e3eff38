"""node's `pg`, pg-cursor and pg-copy-streams; the conversations are in e2e/node/client.js."""

import json
import os
import shutil
from pathlib import Path

import pytest

from harness.pg_programs import NODE, needed, run


@pytest.fixture(scope="module")
def program(pg, tmp_path_factory):
    """The program beside its packages, which TAVANA_NODE_MODULES names or npm installs."""
    needed("node")
    directory = tmp_path_factory.mktemp("node")
    for file in ("client.js", "package.json"):
        shutil.copy(NODE / file, directory)
    made = os.environ.get("TAVANA_NODE_MODULES")
    there = Path(made) if made else NODE / "node_modules"
    if there.is_dir():
        (directory / "node_modules").symlink_to(there)
    else:
        done = run(pg, "npm", "install", "--no-fund", "--no-audit", cwd=directory, seconds=100)
        if done.returncode:
            pytest.skip(f"npm cannot install the packages: {done.stderr[-300:]}")
    return directory / "client.js"


EXPECTED = {
    "simple": [
        [{"a": 1, "b": "x", "c": None, "d": True, "e": "1.50"}],
        [["a", 23], ["b", 25], ["c", 25], ["d", 16], ["e", 1700]],
        [[{"a": 1}], [{"b": 2}]],
        "SELECT",
        1,
    ],
    "parameters": {
        **{"a": 1, "b": "it's", "c": None, "d": True, "e": 2.5, "f": [1, 2]},
        **{"g": "2024-02-29T12:00:00.000Z", "h": "00ff", "i": {"k": 1}},
    },
    "prepared": [i * 2 for i in range(20)],
    "binary": [{"a": 7, "b": 1.5, "c": True, "d": "ä"}],
    "types": {
        "a": "9007199254740993",
        "b": "2024-02-29",
        "c": "2024-02-29 12:34:56.789",
        "d": "1 day 02:03:04",
        "e": '{"a": [1]}',
        "f": '{a,NULL,"b c"}',
        "g": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "h": "NaN",
        "i": "12:34:56",
    },
    "cursor": [[100, 100, 50, 0], 31375, [{"a": 1}]],
    "copy": [[{"n": 5000, "m": 4999}], "0,row 0\n1,row 1\n2,row 2\n"],
    "errors": [
        *(["42601", "1", "ERROR"], "42601"),
        *(["42703", "8", "ERROR"], "42703"),
        *(["42P01", "15", "ERROR"], "42P01"),
        *(["22012", None, "ERROR"], "22012"),
        *(["22P02", "8", "ERROR"], "22P02"),
    ],
    "transaction": [2, 3],
    "queued": 19900,
    "timeout": ["57014", [{"a": 1}]],
    "pool": 1225,
}


@pytest.mark.parametrize("section", EXPECTED)
def test_node(pg, program, section):
    done = run(pg, "node", program, section)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EXPECTED[section]
