"""Fixtures: servers in every topology, names that do not collide, and a watch over the logs."""

import itertools
import re

import pytest

from harness import adbc, secured, topology
from harness.processes import Program, binary, level

pytest_plugins = ["harness.pg_fixtures"]

SAMPLE = "tpch:0.01"
_numbers = itertools.count()


def pytest_addoption(parser):
    parser.addoption(
        "--topology",
        action="append",
        choices=topology.KINDS,
        help="run against this topology only (repeatable); all of them without it",
    )


def pytest_collection_finish(session):
    if not session.config.getoption("collectonly") and not binary("tavana").exists():
        pytest.exit(f"{binary('tavana')} is not built", returncode=4)


def pytest_generate_tests(metafunc):
    meant = metafunc.definition.get_closest_marker("topologies")
    chosen = metafunc.config.getoption("topology") or topology.KINDS
    chosen = [kind for kind in chosen if not meant or kind in meant.args]
    for fixture in ("server", "secured_server", "kind"):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, chosen, indirect=True, scope="session")


@pytest.fixture(scope="session")
def kind(request):
    """The name of a topology, for tests that start servers of their own."""
    return request.param


@pytest.fixture(scope="session")
def server(request, tmp_path_factory):
    """The server that most tests share: no users, in memory, with the TPC-H sample."""
    running = topology.start(
        request.param, tmp_path_factory.mktemp(f"server-{request.param}"), sample=SAMPLE
    )
    yield running
    running.stop()
    _no_alarms([])


@pytest.fixture(scope="session")
def users_file(tmp_path_factory):
    return secured.users_file(tmp_path_factory.mktemp("users"))


@pytest.fixture(scope="session")
def allowed_dir(tmp_path_factory):
    """What the users of `secured_server` may read."""
    return tmp_path_factory.mktemp("allowed")


@pytest.fixture(scope="session")
def secured_server(request, tmp_path_factory, users_file, allowed_dir):
    """A server with users and a known key."""
    directory = tmp_path_factory.mktemp(f"secured-{request.param}")
    running = topology.start(
        request.param,
        directory,
        users_file=users_file,
        users={name: secured.password_of(name) for name in secured.USERS},
        allow_paths=[allowed_dir],
        key_file=topology.new_key(directory),
    )
    yield running
    running.stop()
    _no_alarms([])


@pytest.fixture
def launch(kind, tmp_path):
    """Starts servers that belong to one test: `launch(data_dir=…)`; they end with it."""
    running = []

    def start(**options):
        running.append(topology.start(kind, tmp_path, **options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def con(server):
    """An ordinary ADBC connection to the shared server, with autocommit."""
    with adbc.connect(server) as connection:
        yield connection


@pytest.fixture
def tx(server):
    """An ADBC connection as DBAPI's default makes it: in a transaction."""
    with adbc.connect(server, autocommit=False) as connection:
        yield connection


@pytest.fixture
def name():
    """A table name that no other test has."""
    return f"t{next(_numbers)}"


@pytest.fixture(autouse=True)
def quiet_logs(request):
    """Fails a test that made a program log a WARN or ERROR, unless it is marked `allow_log`."""
    yield
    _no_alarms([mark.args for mark in request.node.iter_markers("allow_log")])


def _no_alarms(allowed) -> None:
    alarms = []
    for program in Program.started:
        for line in program.alarms():
            if not any(
                level(line) == allowed_level and re.search(pattern, line)
                for allowed_level, pattern in allowed
            ):
                alarms.append(f"{program.label}: {line}")
    assert not alarms, "unexpected log entries:\n" + "\n".join(alarms)
