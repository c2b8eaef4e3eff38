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
    "avro": {
        "linux-x64": "f9c59d9735863896fb10c78f2d6e23132cc9ede4a4fb8c10a6f523b6d0793c77",
        "linux-arm64": "3b914e31ca60e6866090a14a9fd8198574eef4898a3840547e2d2b660f7666fe",
        "darwin-x64": "172429e3f72ba386b667351adacfcb2f0633495edb399ceda70d35e1d72b608e",
        "darwin-arm64": "70d760068024347b7c766e822ba842a62e6cd01fcee11fc3d7d6439aad4574ae",
    },
    "aws": {
        "linux-x64": "1bbf923fb64efd33a6ae69fb96d74cbd474fd003cfd3d5127c06f9a9a6901156",
        "linux-arm64": "4c891b0833524e00db01269033dfafcbe6acea8c8fed7afd23874664ee7d1545",
        "darwin-x64": "14b64c2033d60b70da6d200a1be09aceef7f0b319a616483bc0bf7710ffb1963",
        "darwin-arm64": "39c5d8143f5af2cbfd95db4693aa61168ab75f06c87eb14fc02b64769bc48032",
    },
    "azure": {
        "linux-x64": "fd7620dbc98c4ecc32f64c223e0a9401fd2512736a3518017921b528b8115b30",
        "linux-arm64": "34128d7467f843d10a67bf336d1ceb7a11bb5dd7ba135d6bff52887f6f82f632",
        "darwin-x64": "b3a3ee3c73c069ea605cf1feb6e39dad18dd2e17f4ae73d69eef42bf9c812e56",
        "darwin-arm64": "3eba9d7c57ccdbd036cd96166db7412828d0decd94fbe901cc0aa636ce8acde2",
    },
    "delta": {
        "linux-x64": "24b10f221b799a82f2aec588102702540fb79b34ba4be7f47328333a02fd4e1e",
        "linux-arm64": "6264ebf0c219d3e8c22bd3b2c5f9eea684c37b5bd74b6a6670f331f94a281259",
        "darwin-x64": "619ce008c9d6edfcbf136db1794f1e421b5fca7d6ea6c0fcbcabe2e7d6cc1745",
        "darwin-arm64": "9cb1c3dc3341c7c58896a4b2c2836737b6fa200bf1afcfd26c45d7594ad5fdef",
    },
    "ducklake": {
        "linux-x64": "e51bf9e8d933d0e83780ae096455501b542cf962569a2ce5613532d702c08302",
        "linux-arm64": "d0b57c8e261b89a1ae367c7224f0857cfde72ab6cf2609f188e0de9b897b1088",
        "darwin-x64": "c7baf45b87f19cb3191c228b820857d573761d344c7855570dcc7eb3b8f1ff9e",
        "darwin-arm64": "1b72fc42164dbf21948e5a912cefc383b24071852f9e70209874ebd0a73b7caa",
    },
    "excel": {
        "linux-x64": "9063a4f13804d3d1bdc37d37bde735f0779791971d3b909f5cc87ff3f8814483",
        "linux-arm64": "2dafda01ad0caacdba3fa4c52b1b8048d18268c95dfa95c9079943415a57dac0",
        "darwin-x64": "b0a2a4ac801a8e1dbe9e1121d972a87c0e3ec74a989db3403386a35f24598104",
        "darwin-arm64": "9500a2841e8b3dda698e1e541fb58e76920f25ac752931de61d9b0fc7d8e97ec",
    },
    "fts": {
        "linux-x64": "cd7e87ea9623b8c6985a4ea05910d8a4acf6e50d474869d12f55cb4f200ebf70",
        "linux-arm64": "c2aab6c179585178111ea9ed84a8b560a69c8c16051ef40c70714e86bd3b8292",
        "darwin-x64": "169269ed4832a17295e6827aa03e3f1d352f520c47cc32c894b27e683f38764b",
        "darwin-arm64": "11b2be6278306c44bc2af7fd9c0fd6c4f0762a8235cbfa6208433ff33cd3db53",
    },
    "httpfs": {
        "linux-x64": "887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8",
        "linux-arm64": "eba6e263e395a83966090f1f11ade63630b1b21422f0f2813858d179d42ea1e9",
        "darwin-x64": "a2f48ae06834c165ae73db71f2320360a4b30e7acf4c87187b2241caa48a990d",
        "darwin-arm64": "10514b4ef19f80bf4ec4bf90c124f5d34625f2606263b40ae8ec7979905bb779",
    },
    "iceberg": {
        "linux-x64": "ebc4993903de0d71d42fe3027b6691b8d5e5936ed366e98bdb9eab5aeedeb422",
        "linux-arm64": "84e53979bccccf99cb0ffb389a5d4396092660750e571d34dea8ed38ba58dc60",
        "darwin-x64": "b28f47a49ff94c9ed36bf80efa57aa4f1634473572be5b991ca46bca8b3bc97a",
        "darwin-arm64": "b324a24c4c1941d8e11a8a79483ee76ab73e786ef647032f7de491398491228a",
    },
    "postgres_scanner": {
        "linux-x64": "b1ced4cfc6311313e117c2afb3eac76508718778dde0716421503c7dbfb5605c",
        "linux-arm64": "e2469cce1e855e8c842a1487dd8168cf27904c03baaf1f2c227529403315d819",
        "darwin-x64": "0df780444ce04a75c5a4e7b89896eab5cebe1ca21163fc6c267f3365ffe4a3c1",
        "darwin-arm64": "f39dd59bf57679d0242e19e180d90b4222e5cdb691ab67c7506658f3548c0e05",
    },
    "spatial": {
        "linux-x64": "03cbb687fbb1583af6154266dc17b9c99e11fdcc1cd4a43cec19f38ef272d4de",
        "linux-arm64": "b9129a7da7fde8eb7fb951d99a115cbf2e6fa34c8d41671086169174a1f5725d",
        "darwin-x64": "f17b5d54548d6b5a2adc6bd1ebe2a6a8f1f23d8f2e084f0e3bc2d83dc699e2d1",
        "darwin-arm64": "81b73514ef95301f0e8b3229bdbdf7946827600dfd63a42d3b3193fa322c4c5a",
    },
    "sqlite_scanner": {
        "linux-x64": "693d2bf90779df23ca5ebe0688639b9adfc11c2d55ae3466b33e28be16afaa5e",
        "linux-arm64": "8d3dafb7dce28c7e74abac9f78a9063b8eda02c257e7aaa026e441bf277aece7",
        "darwin-x64": "fb287ea61bff87ad91b700491d44d584fb6e0b5926a4bf186f9d052ff6e976f7",
        "darwin-arm64": "a3548846bd643cb717265a0a11352af2e830a466ca068f4cae2552af658879f2",
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
