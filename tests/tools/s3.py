"""An S3 service for tests: versitygw, compiled from its pinned module, over a folder and on loopback.

It checks signatures (AWS Signature Version 4) and keeps objects as files, so that a test can see them, and spoil them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import anyio

from pipeline.lab.settings import LabSettings
from pipeline.lab.tools import toolbox
from pipeline.lab.tools.recipes import GoTool
from tests.registry import servers

VERSITYGW = GoTool(
    "versitygw",
    "1.8.0",
    ("github.com/versity/versitygw/cmd/versitygw",),
    minutes=1.5,
    folder=Path(__file__).parent / "s3",
)
REGION = "us-east-1"


@dataclass(frozen=True)
class Store:
    """A service that runs: where it listens, one bucket of it, and who may use it."""

    port: int
    bucket: str
    folder: Path
    access_key: str
    secret_key: str

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://localhost:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """The credentials as the AWS SDKs read them."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def objects(self) -> list[str]:
        """The names of all objects in the bucket."""
        bucket = self.folder / self.bucket
        return sorted(p.relative_to(bucket).as_posix() for p in bucket.rglob("*") if p.is_file())


@cache
def versitygw() -> Path:
    """The program, compiled once and kept as the lab's tools are; in a thread, for a loop may be running here."""
    with ThreadPoolExecutor(1) as pool:
        settings = LabSettings.from_env(os.environ)
        return pool.submit(anyio.run, toolbox.ensure, VERSITYGW, settings).result() / "versitygw"


@contextmanager
def running(folder: Path, bucket: str = "cache") -> Iterator[Store]:
    """A service over `folder` with one empty bucket and credentials of its own; stopped afterwards."""
    port = servers.free_port()
    data, meta = folder / "data", folder / "meta"
    (data / bucket).mkdir(parents=True)
    meta.mkdir()
    store = Store(port, bucket, data, secrets.token_hex(10), secrets.token_hex(20))
    environ = {
        "PATH": os.environ["PATH"],
        "ROOT_ACCESS_KEY": store.access_key,
        "ROOT_SECRET_KEY": store.secret_key,
    }
    # Its metadata lie beside the objects: not every file system of a test machine has extended attributes.
    argv = [versitygw(), "--region", REGION, "--port", f"127.0.0.1:{port}", "posix", "--sidecar", meta, data]
    with servers.running(list(map(str, argv)), port, folder / "log", environ):
        yield store
