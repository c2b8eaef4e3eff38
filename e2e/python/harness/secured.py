"""What an operator makes before a server takes users: a users file, a certificate."""

import subprocess
from pathlib import Path

from harness import processes
from harness.topology import Tls

USERS = {"ada": "admin", "uli": "user", "vera": "user", "rex": "reader"}  # name → role


def password_of(name: str) -> str:
    return f"{name}'s pass:word ü"


def add_user(users_file: Path, name: str, role: str, password: str) -> None:
    """`tavana users add`, the password on stdin."""
    done = processes.run(
        "tavana",
        *("users", "add", name, "--role", role, "--users", users_file, "--password-stdin"),
        stdin=password + "\n",
    )
    assert done.returncode == 0, done.stderr


def users_file(directory: Path) -> Path:
    path = directory / "users"
    for name, role in USERS.items():
        add_user(path, name, role, password_of(name))
    return path


def certificate(directory: Path) -> Tls:
    """A certificate for 127.0.0.1 that signs itself."""
    tls = Tls(directory / "cert.pem", directory / "key.pem")
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=tavana-test"
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(
        [*words.split(), *names, "-keyout", str(tls.key), "-out", str(tls.cert)],
        check=True,
        capture_output=True,
    )
    return tls
