"""Manifests and configs with values that no tool writes, through the commands that read them: never a traceback."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from aiohttp import web

from pipeline.errors import Exit, LockageError, RegistryError
from pipeline.model import Descriptor, Digest, Platform, Repository
from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from pipeline.oci.artifact import TITLE
from pipeline.oci.compare import Image
from pipeline.oci.compare import compare as compare_images
from pipeline.registry import ClientSettings, Registry
from pipeline.registry.artifacts.files import safe_paths
from pipeline.registry.artifacts.pull import pull_artifact
from pipeline.registry.artifacts.push import ArtifactFiles, Part, push_artifact
from pipeline.registry.artifacts.show import show_artifact
from pipeline.registry.limits import TITLE_CHARACTERS, TITLE_DEPTH
from pipeline.registry.platform_image import read_platform_image
from pipeline.run.target.epoch import image_created
from tests.registry.conftest import fresh
from tests.registry.raw_server import canned, raw, response
from tests.registry.scripted_server import scripted
from tests.tools import warm

pytestmark = [pytest.mark.anyio, pytest.mark.real]

LARGE = "x" * 3_900_000
DEEP = b'{"a":' * 30 + b"1" + b"}" * 30


class Shelf:
    """A registry without checks: it has what a test puts there, and takes everything."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[bytes, str]] = {}

    def blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Keep a blob; its descriptor."""
        descriptor = Descriptor.of(content, media_type)
        self.blobs[str(descriptor.digest)] = content
        return descriptor.to_oci()

    def manifest(self, raw: bytes, tag: str, media_type: str = OCI_MANIFEST) -> None:
        """Keep a manifest by tag and by digest."""
        self.manifests[tag] = self.manifests[str(Digest.of(raw))] = (raw, media_type)

    def image(self, tag: str, config: bytes = b"{}", **changes: Any) -> None:
        """An image with this config and other fields of its manifest."""
        layer = self.blob(tag.encode(), OCI_LAYER_GZIP) | {"annotations": {TITLE: f"{tag}.txt"}}
        data = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": self.blob(config, OCI_CONFIG)}
        self.manifest(json.dumps(data | {"layers": [layer]} | changes).encode(), tag)

    def __call__(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        found = self.manifests.get(name, (None, ""))
        if request.method in ("POST", "PUT"):
            return web.Response(status=201)
        if "/manifests/" in request.path and found[0] is not None:
            headers = {"Content-Type": found[1], "Docker-Content-Digest": str(Digest.of(found[0]))}
            return web.Response(body=found[0], headers=headers)
        if "/blobs/" in request.path and name in self.blobs:
            return web.Response(body=self.blobs[name])
        return web.Response(status=404)


def _config(**fields: Any) -> bytes:
    return json.dumps({"os": "linux", "architecture": "amd64"} | fields).encode()


SUBJECT = Descriptor.of(b"subject", OCI_MANIFEST).to_oci()
IMAGES: dict[str, dict[str, Any]] = {
    "created-9999-99-99": {"config": _config(created="9999-99-99"), "annotations": {"created": "9999-99-99"}},
    "created-by-zone": {"config": _config(created="0001-01-01T00:00:00+23:59")},
    "created-huge": {"config": _config(created=10**4000)},
    "created-list": {"config": _config(created=[[]])},
    "config-of-digits": {"config": b"9" * 5000},
    "config-infinite": {"config": b'{"os":1e999}'},
    "config-surrogate": {"config": b'{"os":"\\ud800","architecture":"\\udfff"}'},
    "config-platform": {
        "config": json.dumps({"os": "x" * 1_000_000, "architecture": "y" * 1_000_000}).encode()
    },
    "config-types": {"config": _config(rootfs=[], history={"a": 1}, config=7, os=5)},
    "config-history": {
        "config": _config(history=[1, None, "a", [], {"created": {}}], rootfs={"diff_ids": [1]})
    },
    "config-list": {"config": b"[]"},
    "config-deep": {"config": DEEP},
    "config-binary": {"config": bytes(range(256))},
    "config-large": {"config": _config(a="x" * 10_000_000)},
    "annotation-large": {"annotations": {"a": LARGE}},
    "annotation-name-large": {"annotations": {LARGE: ""}},
    "annotations-many": {"annotations": {f"{n:08}": "" for n in range(200_000)}},
    "annotation-surrogate": {"annotations": {"\ud800": "\udfff"}},
    "annotation-numbers": {"annotations": {"a": 1}},
    "size-huge": {"subject": SUBJECT | {"size": 10**4000}},
    "size-of-words": {"subject": SUBJECT | {"size": "four"}},
    "size-of-an-exbibyte": {"layers": [SUBJECT | {"size": 1 << 60}]},
    "subject-list": {"subject": []},
    "type-large": {"artifactType": LARGE},
    "type-list": {"artifactType": []},
    "type-surrogate": {"artifactType": "\ud800"},
    "layers-null": {"layers": None},
    "layers-many": {"layers": [SUBJECT] * 20_000},
    "title-large": {"layers": [SUBJECT | {"annotations": {TITLE: LARGE}}]},
    "title-deep": {"layers": [SUBJECT | {"annotations": {TITLE: "a/" * 1_900_000 + "a"}}]},
    "title-surrogate": {"layers": [SUBJECT | {"annotations": {TITLE: "\ud800"}}]},
    "version-huge": {"schemaVersion": 10**4000},
    "fields-deep": {"x": json.loads(DEEP)},
}


async def lockage(folder: Path, *arguments: str) -> warm.Ended:
    """Run the program to its end."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    return await anyio.to_thread.run_sync(partial(warm.run, arguments, cwd=folder, env=env))


def accepted(ended: warm.Ended) -> None:
    """It ended with a result or an error, and nothing came through of what Python itself says."""
    assert ended.code in set(Exit) - {Exit.INTERNAL}, ended.err[-3000:]
    assert "Traceback" not in ended.err
    if ended.code not in (Exit.OK, Exit.GATE):
        assert len(ended.err) < 5000, ended.err[:1000]


async def used(host: str, tag: str, folder: Path) -> None:
    """Show, pull, copy and compare an image; what they raise is an error of ours, and short."""
    repo = Repository(host, "a")
    async with Registry(settings=ClientSettings(attempts=1)) as registry:

        async def show() -> None:
            json.dumps(
                (await show_artifact(registry, repo.tagged(tag))).to_json(), ensure_ascii=False
            ).encode()

        async def pull() -> None:
            await pull_artifact(registry, repo.tagged(tag), folder / tag)

        async def digest_of(name: str) -> Digest:
            descriptor = await registry.head(repo.tagged(name))
            assert descriptor is not None
            return descriptor.digest

        async def copy() -> None:
            await registry.copy(repo, await digest_of(tag), Repository(host, "b"), tag="1")

        async def compare() -> None:
            source = registry.source(repo)
            odd, good = await digest_of(tag), await digest_of("good")
            comparison = await compare_images(Image(source, odd, tag), Image(source, good, "good"), folder)
            json.dumps(comparison.to_json(), ensure_ascii=False).encode()

        async def platform() -> None:
            await read_platform_image(registry, repo.tagged(tag), Platform("linux", "amd64"))

        for use in (show, pull, copy, compare, platform):
            try:
                await use()
            except LockageError as error:
                assert len(error.message) < 8000 and len(error.detail or "") < 8000
                json.dumps(error.to_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", IMAGES)
async def test_an_odd_image(name: str, tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.image("good", _config(created="2026-01-01T00:00:00Z"))
    shelf.image("odd", **IMAGES[name])
    async with scripted(shelf) as server:
        await used(server.host, "odd", tmp_path)


@pytest.mark.parametrize("name", ["created-9999-99-99", "annotation-surrogate", "size-huge", "type-large"])
async def test_commands_that_read_an_image(name: str, tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.image("good", _config(created="2026-01-01T00:00:00Z"))
    shelf.image("odd", **IMAGES[name])
    async with scripted(shelf) as server:
        odd, good = f"{server.host}/a:odd", f"{server.host}/a:good"
        accepted(await lockage(tmp_path, "artifact", "show", odd))
        accepted(await lockage(tmp_path, "copy", odd, f"{server.host}/b:1", "--json"))
        accepted(await lockage(tmp_path, "compare", good, odd))


INDEXES = {
    "platform-large": [SUBJECT | {"platform": {"os": "x" * 1_000_000, "architecture": "y"}}],
    "platform-types": [SUBJECT | {"platform": {"os": 1, "architecture": []}}],
    "platform-surrogate": [SUBJECT | {"platform": {"os": "\ud800", "architecture": "a"}}],
    "platforms-many": [SUBJECT | {"platform": {"os": "linux", "architecture": f"a{n}"}} for n in range(6000)],
    "same-platform": [SUBJECT | {"platform": {"os": "linux", "architecture": "s390x"}}] * 4000,
    "numbered-platform": [
        SUBJECT | {"platform": {"os": "linux", "architecture": arch}} for arch in ("a", "a (2)", "a", "a (2)")
    ],
    "entries-many": [SUBJECT] * 20_001,
    "entries-types": [1, None, "a", []],
    "entry-of-digits": [SUBJECT | {"size": 10**4000}],
}


@pytest.mark.parametrize("name", INDEXES)
async def test_an_odd_index(name: str, tmp_path: Path) -> None:
    shelf = Shelf()
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": INDEXES[name]}
    shelf.manifest(json.dumps(index).encode(), "odd", OCI_INDEX)
    shelf.manifest(json.dumps(index | {"manifests": []}).encode(), "good", OCI_INDEX)
    async with scripted(shelf) as server:
        await used(server.host, "odd", tmp_path)


@pytest.mark.parametrize("name", [name for name in IMAGES if name.startswith(("created", "config"))])
async def test_when_an_image_was_created(name: str) -> None:
    """A time that is none counts as none."""
    shelf = Shelf()
    shelf.image("odd", **IMAGES[name])
    async with scripted(shelf) as server, Registry() as registry:
        reference = Repository(server.host, "a").tagged("odd")
        assert await image_created(registry, reference, Platform("linux", "amd64")) <= 0


@pytest.mark.parametrize("media_type", [b"\xff\xfe", b"a/b\xc3\xbc", b"a" * 300, b"a/b c", b""])
async def test_the_subject_of_an_artifact_has_a_type(media_type: bytes, tmp_path: Path) -> None:
    """The Content-Type that a registry sends is written into what is pushed."""
    (tmp_path / "file").write_bytes(b"x")
    answer = response(b"", b"Content-Type: " + media_type, f"Docker-Content-Digest: {Digest.of(b'')}")
    async with raw(canned(answer)) as server, Registry(settings=ClientSettings(attempts=1)) as registry:
        repo = fresh(server.host)
        files = ArtifactFiles([Part(tmp_path / "file", "text/plain", "file")])
        with pytest.raises(RegistryError):
            await push_artifact(registry, repo.tagged("new"), files, subject=repo.tagged("1"))


async def test_only_files_are_pushed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for flags in (("pipe:text/plain",), ("file:text/plain", "--config", "pipe:text/plain")):
        (tmp_path / "file").write_bytes(b"x")
        done = await lockage(tmp_path, "artifact", "push", "localhost:1/a:1", *flags)
        assert done.code == Exit.USAGE and "pipe is not a regular file" in done.err


@pytest.mark.parametrize(
    ("make", "allowed"),
    [
        (lambda n: "/".join(["a" * 99] * (n // 100)) + "/" + "b" * (n % 100), TITLE_CHARACTERS),
        ("a/".__mul__, 0),
    ],
)
def test_the_name_of_a_file(make: Any, allowed: int) -> None:
    if not allowed:
        make, allowed = (lambda n: "/".join("a" * n)), TITLE_DEPTH
    title = make(allowed)
    assert len(title) == allowed or title.count("/") + 1 == allowed
    safe_paths([title], "artifact")
    with pytest.raises(RegistryError, match="does not name a file below the folder"):
        safe_paths([make(allowed + 1)], "artifact")
