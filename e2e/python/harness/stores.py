"""Stand-ins for the places where files lie: a folder, S3, GCS and Azure. All have the same face.

S3 is moto's server. GCS is moto's server too: DuckDB speaks to gs:// through the S3-compatible XML interface with HMAC keys, and
what differs for DuckDB is the scheme and the kind of secret. (PyPI's gcp-storage-emulator will not do: beside JSON it has no HEAD, no
list and no upload in parts.) Azure is azurite, a program for node, which checks signatures.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import boto3
import botocore.exceptions
import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient
from botocore.config import Config

from harness.pg_server import _free_port
from harness.processes import _die_with_parent
from harness.topology import eventually

BUCKET, FAULTY, REFUSED = "lake", "faulty", "refused"
NOWHERE = "nowhere"  # never made
KEY_ID, SECRET = "canary-key-id", "canary/secret+key"
_AZURITE = Path(__file__).resolve().parents[2] / "azurite"
_AZURE_ACCOUNT = "devstoreaccount1"
_AZURE_KEY = "Y2FuYXJ5LWtleS1vZi1henVyaXRlLWluLXRlc3Rz"  # base64
_WRONG_AZURE_KEY = "d3JvbmcgY2FuYXJ5LWtleS1vZi1henVyaXRl"
SECRETS = (SECRET, _AZURE_KEY, _WRONG_AZURE_KEY)


class Disk:
    """A folder."""

    name, is_remote = "disk", False

    def __init__(self, folder: Path):
        self._root = folder
        (folder / BUCKET).mkdir()

    def url(self, path: str, bucket=BUCKET) -> str:
        return f"{self._root / bucket}/{path}"

    def put(self, path: str, data: bytes, bucket=BUCKET) -> None:
        place = self._root / bucket / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def get(self, path: str) -> bytes:
        return (self._root / BUCKET / path).read_bytes()

    def list(self, prefix: str) -> list[str]:
        root = self._root / BUCKET
        names = [str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()]
        return sorted(name for name in names if name.startswith(prefix))

    def delete(self, path: str) -> None:
        (self._root / BUCKET / path).unlink()

    def toml(self) -> str:
        return ""

    def stop(self) -> None:
        pass


class S3:
    """moto's server, a process of its own; it takes any key."""

    name, scheme, is_remote = "s3", "s3", True

    def __init__(self, folder: Path):
        self.port = _free_port()
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", self.port]
        self._process = _spawn(words, folder / f"{self.name}.log")
        self.client = boto3.client(
            "s3",
            endpoint_url=f"http://{self.endpoint}",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1}),
        )
        for bucket in (BUCKET, FAULTY):
            _once_up(
                lambda name=bucket: self.client.create_bucket(Bucket=name),
                botocore.exceptions.BotoCoreError,
            )

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def scope(self, bucket=BUCKET) -> str:
        return f"{self.scheme}://{bucket}/"

    def url(self, path: str, bucket=BUCKET) -> str:
        return self.scope(bucket) + path

    def store_toml(self, name: str, bucket=BUCKET, endpoint: str | None = None) -> str:
        keys = {
            "scope": self.scope(bucket),
            "endpoint": endpoint or self.endpoint,
            "region": "us-east-1",
            "url-style": "path",
            "use-ssl": False,
            "access-key-id": KEY_ID,
            "secret-access-key": SECRET,
        }
        return _table(name, keys)

    def put(self, path: str, data: bytes, bucket=BUCKET) -> None:
        self.client.put_object(Bucket=bucket, Key=path, Body=data)

    def get(self, path: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=path)["Body"].read()

    def list(self, prefix: str) -> list[str]:
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def delete(self, path: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=path)

    def stop(self) -> None:
        _end(self._process)


class Gcs(S3):
    """The XML interface of GCS, which is S3's; the keys are HMAC keys."""

    name, scheme = "gcs", "gs"


class Azure:
    """azurite's blob service over http."""

    name, scheme, is_remote = "azure", "az", True

    def __init__(self, folder: Path):
        self.port = _free_port()
        main = _azurite() / "node_modules/azurite/dist/src/blob/main.js"
        flags = "--inMemoryPersistence --silent --skipApiVersionCheck --disableTelemetry".split()
        words = ["node", main, *flags, "--blobHost", "127.0.0.1", "--blobPort", self.port]
        accounts = {"AZURITE_ACCOUNTS": f"{_AZURE_ACCOUNT}:{_AZURE_KEY}"}
        self._process = _spawn(words, folder / "azure.log", accounts)
        self.client = BlobServiceClient.from_connection_string(
            self._connection(self.endpoint), retry_total=0, connection_timeout=5, read_timeout=10
        )
        for bucket in (BUCKET, FAULTY, REFUSED):
            _once_up(lambda name=bucket: self.client.create_container(name), AzureError)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _connection(self, endpoint: str, key=_AZURE_KEY) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={_AZURE_ACCOUNT};AccountKey={key};"
            f"BlobEndpoint=http://{endpoint}/{_AZURE_ACCOUNT};"
        )

    def scope(self, bucket=BUCKET) -> str:
        return f"{self.scheme}://{bucket}/"

    def url(self, path: str, bucket=BUCKET) -> str:
        return self.scope(bucket) + path

    def store_toml(self, name: str, bucket=BUCKET, endpoint: str | None = None) -> str:
        key = _WRONG_AZURE_KEY if bucket == REFUSED else _AZURE_KEY
        connection = self._connection(endpoint or self.endpoint, key)
        return _table(name, {"scope": self.scope(bucket), "connection-string": connection})

    def put(self, path: str, data: bytes, bucket=BUCKET) -> None:
        self.client.get_blob_client(bucket, path).upload_blob(data, overwrite=True)

    def get(self, path: str) -> bytes:
        return self.client.get_blob_client(BUCKET, path).download_blob().readall()

    def list(self, prefix: str) -> list[str]:
        found = self.client.get_container_client(BUCKET).list_blob_names(name_starts_with=prefix)
        return sorted(found)

    def delete(self, path: str) -> None:
        self.client.get_blob_client(BUCKET, path).delete_blob()

    def stop(self) -> None:
        self.client.close()
        _end(self._process)


KINDS = {kind.name: kind for kind in (Disk, S3, Gcs, Azure)}


def _table(name: str, keys: dict) -> str:
    """A table of the catalogs file; TOML writes text and switches as JSON does."""
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in keys.items()]
    return f"[store.{name}]\n{''.join(lines)}\n"


def _spawn(words, log: Path, environment=None) -> subprocess.Popen:
    with log.open("wb") as out:
        return subprocess.Popen(
            [str(word) for word in words],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env=os.environ | (environment or {}),
            preexec_fn=_die_with_parent,
        )


def _once_up(call, errors) -> None:
    def works():
        with suppress(errors):
            call()
            return True
        return False

    eventually(works, seconds=40)


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait(timeout=10)


def _azurite() -> Path:
    """The folder with azurite's packages: beside its package.json, else in the cache, where npm puts them."""
    if (_AZURITE / "node_modules").is_dir():
        return _AZURITE
    if not shutil.which("npm"):
        pytest.skip("npm is needed for azurite, the stand-in for Azure")
    version = json.loads((_AZURITE / "package.json").read_text())["dependencies"]["azurite"]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tavana"
    made = cache / f"azurite-{version}"
    if made.is_dir():
        return made
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        fresh = Path(scratch) / "azurite"
        fresh.mkdir()
        shutil.copy(_AZURITE / "package.json", fresh)
        words = "npm install --no-fund --no-audit --ignore-scripts".split()
        done = subprocess.run(words, cwd=fresh, capture_output=True, text=True, timeout=100)
        if done.returncode:
            pytest.skip(f"npm cannot install azurite: {done.stderr[-300:]}")
        with suppress(OSError):  # another run was quicker
            fresh.rename(made)
    return made
