"""TLS: who trusts the certificate is served, nobody else."""

import ssl
import urllib.error
import urllib.request

import adbc_driver_manager
import pytest

from harness import adbc, arrow_flight, secured
from harness.failures import refused
from harness.raw_grpc import RawFlight, basic

pytestmark = pytest.mark.allow_log("WARN", "(?i)tls|handshake|certificate")


@pytest.fixture
def tls_server(launch, tmp_path, users_file):
    users = {name: secured.password_of(name) for name in secured.USERS}
    return launch(tls=secured.certificate(tmp_path), users_file=users_file, users=users)


def test_tls_serves_those_who_trust_its_certificate(tls_server):
    assert tls_server.uri.startswith("grpc+tls://")
    roots = tls_server.tls.cert.read_text()
    trusted = {"adbc.flight.sql.client_option.tls_root_certs": roots}
    with adbc.connect(tls_server, "uli", tls_server.users["uli"], **trusted) as con:
        assert adbc.value(con, "select sum(i)::int from range(100000) t(i) where i < 10") == 45
    with arrow_flight.Client(tls_server, keeps=None, tls_root_certs=roots) as client:
        header, token = client.flight.authenticate_basic_token("uli", tls_server.users["uli"])
        client.memory.headers[header.decode()] = token.decode()
        assert client.value("select 1") == 1


def test_tls_serves_neither_the_distrustful_nor_plain_text(tls_server):
    with (
        pytest.raises(adbc_driver_manager.Error),
        adbc.connect(tls_server, "uli", tls_server.users["uli"]) as con,
    ):
        adbc.rows(con, "select 1")
    with RawFlight(tls_server) as raw, refused("UNAVAILABLE"):
        raw.handshake(basic("uli", tls_server.users["uli"]))


def test_tls_refuses_versions_below_1_2(tls_server):
    host, _, port = tls_server.front.target.rpartition(":")
    context = ssl.create_default_context(cadata=tls_server.tls.cert.read_text())
    with pytest.warns(DeprecationWarning):
        context.minimum_version, context.maximum_version = (
            ssl.TLSVersion.TLSv1,
            ssl.TLSVersion.TLSv1_1,
        )
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"https://{host}:{port}/", context=context, timeout=10)
