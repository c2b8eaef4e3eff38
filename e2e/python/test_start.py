"""What stops a start: each says why in words, ends with a code and binds nothing."""

import re
import socket

import pytest

from harness import processes, topology
from harness.processes import StartFailed

PROGRAMS = {
    "worker": ["tavana-worker"],
    "gateway": ["tavana-gateway"],
    "serve": ["tavana", "serve"],
}
LOOPBACK = ["--flight-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"]


@pytest.fixture
def run(kind, tmp_path):
    """Runs the topology's front program, which should end at once; gives its exit code and its words."""

    key = topology.new_key(tmp_path)

    def start(*args):
        words = [*PROGRAMS[kind]]
        if kind == "gateway":
            words += ["--worker", "grpc://127.0.0.1:1"]
        if kind == "gateway" and "--key-file" not in args:
            words += ["--key-file", key]
        done = processes.run(*words, *args, seconds=30)
        return done.returncode, done.stdout + done.stderr

    return start


def refused(outcome, pattern):
    code, words = outcome
    assert code != 0
    assert re.search(pattern, words, re.IGNORECASE), words
    assert "panicked" not in words


@pytest.fixture
def taken():
    """An address on which somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_flight_port_in_use_is_named(run, taken):
    refused(
        run("--flight-addr", taken, "--http-addr", "127.0.0.1:0"),
        rf"{taken}[\s\S]*in use|in use[\s\S]*{taken}",
    )


def test_an_http_port_in_use_is_named(run, taken):
    refused(
        run("--flight-addr", "127.0.0.1:0", "--http-addr", taken),
        rf"{taken}[\s\S]*in use|in use[\s\S]*{taken}",
    )


def test_other_addresses_than_loopback_need_users(run):
    refused(run("--flight-addr", "0.0.0.0:0", "--http-addr", "127.0.0.1:0"), "--users|users")


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(run, address):
    refused(
        run("--flight-addr", address, "--http-addr", "127.0.0.1:0"),
        "flight-addr",
    )


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("log-level = ", r"line 1|:1"),
        ("[[[", r"line 1|:1"),
        ('flight-adr = "127.0.0.1:0"', "flight-adr"),
        ("log-format = 7", "log-format"),
        ('log-format = "xml"', "xml|log-format"),
        ("\x00\xff", "utf-8|line 1|:1"),
    ],
    ids=["cut off", "no TOML", "unknown key", "wrong type", "unknown value", "binary"],
)
def test_a_broken_config_file_is_told_with_its_place(run, tmp_path, text, pattern):
    path = tmp_path / "tavana.toml"
    path.write_bytes(text.encode("latin-1"))
    outcome = run("--config", path, *LOOPBACK)
    refused(outcome, pattern)
    refused(outcome, "tavana.toml")


def test_a_config_file_that_is_missing_is_named(run, tmp_path):
    refused(run("--config", tmp_path / "none.toml", *LOOPBACK), "none.toml")


def test_an_unknown_flag_is_named(run):
    refused(run("--flight-adress", "127.0.0.1:0"), "--flight-adress")


@pytest.mark.parametrize(
    "line", ["zoe", "zoe:user:plain text", "zoe:king:SCRAM-SHA-256$4096:eA==$eA==:eA=="]
)
def test_a_broken_users_file_is_told_with_its_line(run, tmp_path, line):
    path = tmp_path / "people"
    path.write_text(f"# comment\n{line}\n")
    outcome = run("--users", path, *LOOPBACK)
    refused(outcome, r"line 2|:2\b")
    refused(outcome, "people")


def test_a_key_that_is_too_short_is_refused(run, tmp_path):
    path = tmp_path / "short"
    path.write_text("short")
    refused(run("--key-file", path, *LOOPBACK), "32")


def test_a_certificate_without_its_key_is_refused(run, tmp_path):
    refused(run("--tls-cert", tmp_path / "cert.pem", *LOOPBACK), "tls-key")


def test_a_certificate_that_is_none_is_refused(run, tmp_path):
    path = tmp_path / "cert.pem"
    path.write_text("no certificate")
    refused(run("--tls-cert", path, "--tls-key", path, *LOOPBACK), "cert")


def test_a_worker_for_gateways_needs_a_key():
    done = processes.run("tavana-worker", "--gateway-only", *LOOPBACK)
    refused((done.returncode, done.stderr), "key-file")


def test_a_second_server_on_the_same_data_is_refused(launch, tmp_path):
    launch(data_dir=tmp_path / "data")
    with pytest.raises(StartFailed) as failure:
        launch(data_dir=tmp_path / "data")
    refused((failure.value.code, failure.value.output), "lock|in use|another process")


def test_a_data_directory_that_is_a_file_is_refused(launch, tmp_path):
    path = tmp_path / "data"
    path.write_text("no directory")
    with pytest.raises(StartFailed) as failure:
        launch(data_dir=path)
    refused((failure.value.code, failure.value.output), "data")


def test_a_database_file_that_is_none_is_refused_and_left_alone(launch, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "local.duckdb").write_bytes(b"precious but no database" * 1000)
    with pytest.raises(StartFailed) as failure:
        launch(data_dir=data)
    refused((failure.value.code, failure.value.output), "local.duckdb|database")
    assert (data / "local.duckdb").read_bytes() == b"precious but no database" * 1000


@pytest.mark.parametrize("sample", ["tpch", "tpch:-1", "tpch:x", "nosuch:1"])
def test_a_sample_that_is_none_is_refused(launch, sample):
    with pytest.raises(StartFailed) as failure:
        launch(sample=sample)
    refused((failure.value.code, failure.value.output), "sample")


def test_a_dumped_config_is_a_config_that_says_the_same(run, tmp_path):
    code, first = run("--dump-config", *LOOPBACK, "--log-level", "debug")
    assert code == 0
    assert "debug" in first
    path = tmp_path / "dumped.toml"
    path.write_text(first)
    assert run("--config", path, "--dump-config") == (0, first)
