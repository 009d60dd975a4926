"""The lab's program around olareg: a blob is stored once, in whatever repositories it is mounted."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from pipeline.model import Descriptor, Digest, Repository
from pipeline.registry import Access, HostAccess, Registry
from pipeline.registry.auth.credentials import Credentials
from tests.registry import images, servers
from tests.registry.auth.test_tokens import ACCESS
from tests.registry.conftest import fresh
from tests.registry.copy.test_copy import same

pytestmark = [pytest.mark.anyio, pytest.mark.real]

ALICE = Credentials("alice", "wonderland")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with servers.embedded(tmp_path, ACCESS) as found:
        yield found


def client(host: str) -> Registry:
    return Registry(Access({host: HostAccess(credentials=ALICE, sends_basic=True)}))


def stored(folder: Path, repo: Repository, digest: Digest) -> Path:
    """Where the registry has a blob."""
    return folder / "data" / repo.path / "blobs" / "sha256" / digest.hex


async def test_a_copy_stores_nothing_twice(host: str, tmp_path: Path) -> None:
    repo, other, image = fresh(host), fresh(host), images.image("stored once")
    async with client(host) as registry:
        await images.push(registry, repo, image, "1")
        result = await registry.copy(repo, image.index.digest, other, tag="1", referrers=False)
        assert (result.mounted, result.uploaded) == (8, 0)
        for descriptor in image.blobs:
            here, there = (stored(tmp_path, where, descriptor.digest) for where in (repo, other))
            assert here.samefile(there), descriptor
            here.unlink()
        await same(registry, other, image, "1")


async def test_what_was_mounted_is_new_to_the_collection_of_garbage(host: str, tmp_path: Path) -> None:
    repo, other, content = fresh(host), fresh(host), b"old"
    async with client(host) as registry:
        blob = await registry.put_blob(repo, content)
        os.utime(stored(tmp_path, repo, blob.digest), (0, 0))
        assert await registry.mount_blob(other, blob, repo)
        assert time.time() - stored(tmp_path, other, blob.digest).stat().st_mtime < 60
        assert await registry.mount_blob(other, blob, repo), "a second time"
        assert await registry.blob(other, blob) == content


async def test_what_is_not_there_is_uploaded(host: str) -> None:
    repo, other, content = fresh(host), fresh(host), b"not there"
    async with client(host) as registry:
        await registry.put_blob(repo, b"something else")
        blob = Descriptor.of(content, "application/octet-stream")
        assert not await registry.mount_blob(other, blob, repo)
        await registry.put_blob(other, content, source=repo)
        assert await registry.blob(other, blob) == content


@pytest.mark.parametrize("left", [b"", b"hal", b"fulL"])
async def test_what_lost_its_content_is_not_mounted(host: str, tmp_path: Path, left: bytes) -> None:
    """As after a loss of power: what is uploaded instead is whole."""
    repo, other, content = fresh(host), fresh(host), b"full"
    async with client(host) as registry:
        blob = await registry.put_blob(repo, content)
        stored(tmp_path, repo, blob.digest).write_bytes(left)
        assert not await registry.mount_blob(other, blob, repo)
        await registry.put_blob(other, content, source=repo)
        assert await registry.blob(other, blob) == content


def ask(host: str, path: str, source: str, digest: str) -> int:
    """The status with which a mount of anything at all is answered."""
    query = urlencode({"mount": digest, "from": source})
    request = urllib.request.Request(f"http://{host}/v2/{path}/blobs/uploads/?{query}", method="POST")
    request.add_header("Authorization", "Basic " + b64encode(b"alice:wonderland").decode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.parametrize("source", ["../outside", "/", "a/../../outside", "a/blobs", "A", ""])
@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "sha256:../../../access.yml", ""])
async def test_a_mount_leads_nowhere_else(host: str, tmp_path: Path, source: str, digest: str) -> None:
    """Whatever is asked for, no file outside of a repository gets a second name."""
    outside = tmp_path / "outside" / "blobs" / "sha256" / ("0" * 64)
    outside.parent.mkdir(parents=True)
    outside.write_text("not a blob")
    assert ask(host, "mine", source, digest) in (202, 400)  # an upload is opened instead
    assert outside.stat().st_nlink == (tmp_path / "access.yml").stat().st_nlink == 1
    assert not list((tmp_path / "data").glob("**/blobs/**/*"))


@pytest.mark.parametrize("path", ["mine/blobs", "mine/index.json", "oci-layout"])
async def test_a_repository_named_like_a_part_of_a_layout(host: str, tmp_path: Path, path: str) -> None:
    """It is refused, and no folder is made for it."""
    repo = fresh(host)
    async with client(host) as registry:
        blob = await registry.put_blob(repo, b"here")
    folders = set((tmp_path / "data").glob("**"))
    assert ask(host, path, repo.path, str(blob.digest)) >= 400
    assert set((tmp_path / "data").glob("**")) == folders
