#!/usr/bin/env python3
"""Puts DuckDB's prebuilt library and extensions into .deps/duckdb.

Building DuckDB from source takes most of an hour, so the official binaries are used. Two sources
carry them: the packages of DuckDB's npm and PyPI publishers, fetched with `npm` and `pip` so that
a configured registry or proxy is respected, and the official release archive. Whichever it is, a
file is installed only if its SHA-256 is the one pinned below. Needs nothing beyond Python.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.util
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from typing import NamedTuple

DUCKDB = "1.5.5"
NPM_RELEASE = "1.5.5-r.5"


class Target(NamedTuple):
    """How the publishers name one platform."""

    library: str
    wheel: str
    release: str
    extensions: str


TARGETS = {
    "linux-x64": Target("libduckdb.so", "manylinux2014_x86_64", "linux-amd64", "linux_amd64"),
    "linux-arm64": Target("libduckdb.so", "manylinux2014_aarch64", "linux-arm64", "linux_arm64"),
    "darwin-x64": Target("libduckdb.dylib", "macosx_11_0_x86_64", "osx-universal", "osx_amd64"),
    "darwin-arm64": Target("libduckdb.dylib", "macosx_11_0_arm64", "osx-universal", "osx_arm64"),
}

# SHA-256 of the files themselves, not of the packages around them: the library first, then one
# block for each extension that gets installed. `tools/deps.py --pin NAME` prints a new block.
LIBRARY = "libduckdb"
PINS = {
    "libduckdb": {
        "linux-x64": "fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405",
        "linux-arm64": "d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e",
        "darwin-x64": "b9027d18ef3e8d960568f77e946a83ca68009cb22d71cf7f94de842afdd094d8",
        "darwin-arm64": "b9027d18ef3e8d960568f77e946a83ca68009cb22d71cf7f94de842afdd094d8",
    },
    "httpfs": {
        "linux-x64": "887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8",
        "linux-arm64": "eba6e263e395a83966090f1f11ade63630b1b21422f0f2813858d179d42ea1e9",
        "darwin-x64": "a2f48ae06834c165ae73db71f2320360a4b30e7acf4c87187b2241caa48a990d",
        "darwin-arm64": "10514b4ef19f80bf4ec4bf90c124f5d34625f2606263b40ae8ec7979905bb779",
    },
    "tpch": {
        "linux-x64": "3da16edae72039b20afccf092f49b9e17ebbcf56c93f89a9fcb54a39a027e088",
        "linux-arm64": "a7a919c6e272442efccbb1cf9ce2724206d6355a6ecb95d499228913d292afc9",
        "darwin-x64": "a7325244ab7c7f08c5441e0c5128f8ce456b58f49303d51580daf7c17e95c1ed",
        "darwin-arm64": "2ea825d6f14ab0bb3c4a04d136e60528655910a2892ca090331813f1e9ca929f",
    },
}

PROJECT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tavana" / "downloads"


class DepsError(Exception):
    """Something the person at the keyboard has to know; shown without a traceback."""


def host_target() -> str:
    system = platform.system().lower()
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    name = f"{system}-{machine}"
    # The published Linux library wants glibc; musl would fail much later, at link time.
    if name not in TARGETS or (system == "linux" and platform.libc_ver()[0] != "glibc"):
        raise DepsError(
            "no prebuilt DuckDB for this platform; build it from source with "
            "`cargo build --features bundled`"
        )
    return name


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise DepsError(
            f"`{' '.join(command)}` failed:\n{done.stdout.strip()}\n"
            "If the package registry cannot be reached, try: make deps DEPS_FLAGS='--from official'"
        )


def from_packages(name: str, target: str) -> bytes:
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        folder = Path(scratch)
        if name == LIBRARY:
            package_name = f"@duckdb/node-bindings-{target}@{NPM_RELEASE}"
            run(["npm", "pack", "--loglevel=error", package_name], folder)
            with tarfile.open(next(folder.glob("*.tgz"))) as package:
                return package.extractfile(f"package/{TARGETS[target].library}").read()
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
        pip += ["--no-deps", "--only-binary=:all:", "--platform", TARGETS[target].wheel]
        run([*pip, f"duckdb-extension-{name.replace('_', '-')}=={DUCKDB}"], folder)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wanted = f"/extensions/v{DUCKDB}/{name}.duckdb_extension"
            return wheel.read(next(n for n in wheel.namelist() if n.endswith(wanted)))


def from_official(name: str, target: str) -> bytes:
    about = TARGETS[target]
    if name == LIBRARY:
        base = f"https://github.com/duckdb/duckdb/releases/download/v{DUCKDB}"
        url = f"{base}/libduckdb-{about.release}.zip"
    else:
        base = f"https://extensions.duckdb.org/v{DUCKDB}/{about.extensions}"
        url = f"{base}/{name}.duckdb_extension.gz"
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:
            archive = reply.read()
    except OSError as error:
        raise DepsError(f"cannot fetch {url}: {error}") from error
    if name != LIBRARY:
        return gzip.decompress(archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        return package.read(about.library)


def fetch(name: str, target: str, source: str) -> bytes:
    tool_there = shutil.which("npm") if name == LIBRARY else importlib.util.find_spec("pip")
    # The pinned hash makes the sources interchangeable, so a missing tool need not stop anybody.
    if source == "packages" and not tool_there:
        print(f"deps: no {'npm' if name == LIBRARY else 'pip'} here, using the official release")
        source = "official"
    print(f"deps: fetching {name} {DUCKDB} for {target}", flush=True)
    return from_packages(name, target) if source == "packages" else from_official(name, target)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def find_or_fetch(name: str, target: str, source: str, accepted: list[str]) -> Path:
    """The file in the download cache, checked."""
    for digest in accepted:
        cached = CACHE / digest
        if cached.is_file() and sha256(cached.read_bytes()) == digest:
            return cached
    content = fetch(name, target, source)
    digest = sha256(content)
    if digest not in accepted:
        message = f"{name} for {target} has SHA-256 {digest}, expected {accepted[0]}; not installed"
        if source == "official":
            message += f". If you trust this file, add --accept-hash {name}={digest}"
        raise DepsError(message)
    cached = CACHE / digest
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        partial = Path(scratch) / digest
        partial.write_bytes(content)
        partial.chmod(0o444)  # shared by hard links: an edit in place would reach them all
        os.replace(partial, cached)
    return cached


def is_installed(installed: Path, accepted: list[str]) -> bool:
    for digest in accepted:
        cached = CACHE / digest
        # A hard link to the cache was checked when it was made; hashing 90 MB each time is slow.
        if installed.is_file() and cached.is_file() and installed.samefile(cached):
            return True
    return installed.is_file() and sha256(installed.read_bytes()) in accepted


def install(cached: Path, installed: Path) -> None:
    installed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=installed.parent) as scratch:
        partial = Path(scratch) / installed.name
        try:
            os.link(cached, partial)
        except OSError:  # the cache is on another file system
            shutil.copyfile(cached, partial)
        # A rename, so that a process that runs on the old file keeps it whole.
        os.replace(partial, installed)


def print_pins(name: str) -> None:
    print(f'    "{name}": {{')
    for target in TARGETS:
        print(f'        "{target}": "{sha256(from_packages(name, target))}",', flush=True)
    print("    },")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=f"Fetch DuckDB {DUCKDB} (library and extensions) into .deps/duckdb."
    )
    parser.add_argument(
        "--from",
        dest="source",
        choices=["packages", "official"],
        default="packages",
        help="packages: npm and PyPI, by their clients (default). official: DuckDB's release "
        "archive and extension server; not tried by the project's own tests, which have only "
        "packages: if its files differ from the pinned ones, see --accept-hash",
    )
    parser.add_argument(
        "--accept-hash",
        action="append",
        default=[],
        metavar="NAME=SHA256",
        help="with --from official: also install this file, e.g. libduckdb=0123… (repeatable)",
    )
    parser.add_argument("--target", choices=TARGETS, help="platform to fetch for (default: this)")
    parser.add_argument("--dest", type=Path, default=PROJECT / ".deps" / "duckdb", metavar="DIR")
    parser.add_argument("--pin", metavar="NAME", help="print the hashes of an extension and exit")
    options = parser.parse_args()
    if options.accept_hash and options.source != "official":
        parser.error("--accept-hash goes with --from official")
    CACHE.mkdir(parents=True, exist_ok=True)
    if options.pin:
        return print_pins(options.pin)
    target = options.target or host_target()
    for name, hashes in PINS.items():
        if name == LIBRARY:
            installed = options.dest / "lib" / TARGETS[target].library
        else:
            installed = options.dest / "extensions" / f"{name}.duckdb_extension"
        accepted = [hashes[target]]
        accepted += [h.partition("=")[2] for h in options.accept_hash if h.startswith(f"{name}=")]
        if not is_installed(installed, accepted):
            cached = find_or_fetch(name, target, options.source, accepted)
            install(cached, installed)
            print(f"deps: {installed.name} is in place")


if __name__ == "__main__":
    try:
        main()
    except DepsError as error:
        sys.exit(f"deps: {error}")
