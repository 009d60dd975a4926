"""One bad referrer, of every kind that somebody may attach or a disk may make: it is named, and the good ones count."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from pipeline.model import Descriptor, Digest, Manifest, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from pipeline.oci.source import fallback_tag
from pipeline.registry import Registry
from pipeline.trust import (
    BUNDLE_TYPE,
    SIGNATURE,
    PublicKey,
    SignatureRefused,
    Statement,
    attach,
    examine,
    verify,
)
from tests.registry import images, servers
from tests.registry.conftest import fresh
from tests.tools.signing.bundles import public, signed

pytestmark = [pytest.mark.anyio, pytest.mark.real]

KEY = PublicKey(public(), "test")


@pytest.fixture(params=["olareg", "distribution"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A registry of its own and the folder of its data."""
    with getattr(servers, request.param)(tmp_path / "server") as host:
        yield host, tmp_path / "server" / "data"


class Place:
    """An image in a repository, to attach things to."""

    def __init__(self, registry: Registry, repo: Repository, data: Path) -> None:
        self.registry, self.repo, self.data = registry, repo, data
        self.image = images.image(str(repo), platforms=("linux/amd64",), layers=1)
        self.subject = self.image.index.descriptor
        self.bad: dict[str, Digest] = {}

    async def good(self) -> Digest:
        """A signature that is as it should be."""
        statement = Statement(self.subject.digest, SIGNATURE, {})
        raw = signed(statement.to_json())
        return (await attach(self.registry, self.repo, self.subject, raw, created=0)).digest

    async def bundle(self, content: bytes, kind: str = BUNDLE_TYPE, size: int = 0) -> Manifest:
        """A referrer that holds a bundle."""
        for blob in (EMPTY_JSON, content):
            await self.registry.put_blob(self.repo, blob)
        layer = Descriptor(kind, Digest.of(content), size or len(content))
        manifest = images.manifest_of(
            Descriptor.of(EMPTY_JSON, OCI_EMPTY),
            [layer],
            artifactType=BUNDLE_TYPE,
            subject=Descriptor(self.subject.media_type, self.subject.digest, self.subject.size).to_oci(),
        )
        await self.registry.put_manifest(self.repo, manifest.raw, OCI_MANIFEST)
        return manifest

    def spoil(self, digest: Digest, content: bytes | None) -> None:
        """Replace content on the registry's own disk, or remove it."""
        found = [
            path
            for path in self.data.rglob("*")
            if path.is_file()
            and digest.hex in (path.name, path.parent.name)
            and hashlib.sha256(path.read_bytes()).hexdigest() == digest.hex
        ]
        assert found
        for path in found:
            path.write_bytes(content) if content is not None else path.unlink()

    async def list_by_tag(self, *entries: Descriptor) -> None:
        """Write the fallback tag, whose entries nobody compares with what they stand for."""
        tag = self.repo.tagged(fallback_tag(self.subject.digest))
        old = await self.registry.get_manifest(tag)
        listed = [*(old.children if old else ()), *entries]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [e.to_oci() for e in listed]}
        await put_raw(self.repo, json.dumps(index).encode(), OCI_INDEX, str(tag.tag))

    async def attach_bad(self) -> None:
        """Everything that is bad; what a registry would refuse to list is spoilt last."""
        spoilt: dict[Digest, bytes | None] = {}
        for name, content in (("changed", b"?" * 99), ("shorter", b"x"), ("gone", None)):
            raw = f"bundle {name} {self.repo}".encode().ljust(99)
            self.bad[f"blob {name}"] = (await self.bundle(raw)).digest
            spoilt[Digest.of(raw)] = content
        for name, content in (("changed", b"{}"), ("gone", None)):
            manifest = await self.bundle(f"manifest {name} {self.repo}".encode())
            self.bad[f"manifest {name}"] = manifest.digest
            spoilt[manifest.digest] = content
        self.bad["no bundle"] = (await self.bundle(b"{}  ")).digest
        self.bad["layer of another type"] = (await self.bundle(b"text", "text/plain")).digest
        self.bad["too large"] = (await self.bundle(b"large", size=1 << 40)).digest
        self.bad["of another size"] = (await self.bundle(b"other size", size=99_999)).digest
        other = signed(Statement(Digest.of(b"other"), SIGNATURE, {}).to_json())
        self.bad["of another subject"] = (await self.bundle(other)).digest

        elsewhere = Descriptor(OCI_MANIFEST, Digest.of(b"x"), 1)
        about = images.referrer(elsewhere, "elsewhere", BUNDLE_TYPE)[0]
        await self.registry.put_blob(self.repo, b"elsewhere")
        assert await put_raw(self.repo, about.raw, OCI_MANIFEST, str(about.digest))
        listed = [about.as_referrer()]
        self.bad["listed wrongly"] = about.digest
        half = await self.bundle(b"half")
        raw = half.raw.replace(b'"schemaVersion"', b'"annotations": {"a": "\\ud800"}, "schemaVersion"')
        if await put_raw(self.repo, raw, OCI_MANIFEST, str(Digest.of(raw))):
            self.bad["half a pair"] = Digest.of(raw)
            listed.append(Descriptor(OCI_MANIFEST, Digest.of(raw), len(raw), artifact_type=BUNDLE_TYPE))
        await self.list_by_tag(*listed)
        for digest, content in spoilt.items():
            self.spoil(digest, content)


async def put_raw(repo: Repository, raw: bytes, kind: str, name: str) -> bool:
    """Write a manifest that the client would not; False if the registry refuses it."""
    url = f"http://{repo.host}/v2/{repo.path}/manifests/{name}"
    request = urllib.request.Request(url, raw, {"Content-Type": kind}, method="PUT")

    def put() -> bool:
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as refused:
            assert refused.code == 400, refused.read()
            return False
        return True

    return await anyio.to_thread.run_sync(put)


async def place(registry: Registry, server: tuple[str, Path]) -> Place:
    """An image with nothing attached."""
    made = Place(registry, fresh(server[0]), server[1])
    await images.push(registry, made.repo, made.image, "1")
    return made


async def test_a_good_one_among_bad_ones_counts(registry: Registry, server: tuple[str, Path]) -> None:
    here = await place(registry, server)
    await here.good()
    await here.attach_bad()
    async with Registry() as new:
        seen = await verify(new, here.repo, here.subject.digest, KEY)
    assert seen.signed
    unnamed = [name for name, digest in here.bad.items() if str(digest) not in "\n".join(seen.refused)]
    assert unnamed == [], seen.refused


async def test_without_a_good_one_each_bad_one_is_explained(
    registry: Registry, server: tuple[str, Path]
) -> None:
    here = await place(registry, server)
    await here.attach_bad()
    async with Registry() as new:
        with pytest.raises(SignatureRefused) as refused:
            await verify(new, here.repo, here.subject.digest, KEY)
    assert [n for n, digest in here.bad.items() if str(digest) not in refused.value.message] == []


@pytest.mark.parametrize("where", ["beside", "olareg", "distribution"])
async def test_what_can_be_copied_is(
    registry: Registry, server: tuple[str, Path], where: str, request: pytest.FixtureRequest
) -> None:
    here = await place(registry, server)
    good = await here.good()
    await here.attach_bad()
    other = fresh(server[0] if where == "beside" else request.getfixturevalue(where))
    async with Registry() as new:
        result = await new.copy(here.repo, here.subject.digest, other, tag="1")
    named = "\n".join([*result.left_out, *map(str, result.dangling)])
    copied = {referrer.digest for referrer in result.referrers}
    assert good in copied
    # what is whole is copied, whatever it says, and so is what the destination has already or does not look at
    whole = {"no bundle", "layer of another type", "of another subject"}
    if where == "beside":
        whole |= {"too large", "of another size", "blob changed", "blob shorter", "blob gone"}
    unnamed = {name for name, digest in here.bad.items() if str(digest) not in named}
    assert unnamed <= whole, result
    assert await registry.head(other.tagged("1"))
    async with Registry() as new:
        assert (await examine(new, other, here.subject.digest, KEY)).signed


@pytest.mark.parametrize(
    "tag, kind",
    [
        (b"{}", OCI_INDEX),
        (b"null", OCI_INDEX),
        (b'{"schemaVersion": 2, "manifests": [{"mediaType": 7}]}', OCI_INDEX),
        (b'{"schemaVersion": 2, "manifests": {}}', OCI_INDEX),
    ],
)
async def test_a_fallback_tag_that_is_no_list(
    registry: Registry, olareg: str, tmp_path: Path, tag: bytes, kind: str
) -> None:
    here = await place(registry, (olareg, tmp_path))
    await here.good()
    name = fallback_tag(here.subject.digest)
    if not await put_raw(here.repo, tag, kind, name):
        pytest.skip("this registry does not take it")
    seen = await verify(registry, here.repo, here.subject.digest, KEY)
    assert seen.signed and name in seen.refused[0]
    other = fresh(olareg)
    result = await registry.copy(here.repo, here.subject.digest, other, tag="1")
    assert len(result.referrers) == 1 and name in result.left_out[0]
