"""tokio-postgres; the conversations, and what must come of them, are in e2e/examples/tokio_client.rs."""

import pytest

from harness.pg_programs import run
from harness.processes import binary

SECTIONS = [
    *("simple", "prepared", "types", "arrays", "streamed", "copy", "binary copy", "broken copy"),
    *("transactions", "portals", "pipelined", "cancel", "dropped", "errors", "notices"),
]


@pytest.mark.parametrize("section", SECTIONS)
def test_tokio(pg, section):
    program = binary("examples") / "tokio_client"
    if not program.exists():
        pytest.skip("cargo test, or cargo build --package tavana-e2e --examples, builds it")
    done = run(pg, str(program), section)
    assert done.returncode == 0, done.stderr
