"""What the registry's client does in one input."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path

from pipeline.model import Descriptor, Digest, Platform, Reference, Repository
from pipeline.model.descriptor import OCI_LAYER_GZIP
from pipeline.registry import Registry
from pipeline.registry.artifacts.pull import pull_artifact
from pipeline.registry.artifacts.show import show_artifact
from pipeline.registry.copy.layouts import pull_layout
from pipeline.registry.platform_image import read_platform_image
from pipeline.run.target.epoch import image_created
from pipeline.state.build_inputs import read_build_inputs
from pipeline.state.run_state import load_run_state
from pipeline.state.signers import Signers
from pipeline.state.store import Store
from pipeline.trust import PublicKey
from pipeline.trust.verify import examine
from tests.fuzz.images import PEM

Documents = Mapping[str, bytes]
Operation = Callable[[Registry, str, Documents, Path], Awaitable[object]]
_AMD64 = Platform("linux", "amd64")


def _at(documents: Documents, name: str) -> Digest:
    return Digest.of(documents.get(name, b""))


def _tag(host: str) -> Reference:
    return Repository(host, "a").tagged("1.0.0")


async def head(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """HEAD of a tag."""
    return await registry.head(_tag(host))


async def manifest(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """A manifest by tag, then its children, layers and referrers as data."""
    found = await registry.get_manifest(_tag(host))
    return found and (found.children, found.layers, found.blobs, found.subject, found.artifact_type)


async def by_digest(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """A manifest by digest."""
    return await registry.get_manifest(Repository(host, "a").at(_at(documents, "index")))


async def tags(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """All tags."""
    return await registry.tags(Repository(host, "a"))


async def referrers(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """Referrers by API and tag."""
    return await registry.referrers(Repository(host, "a"), _at(documents, "index"))


async def blob(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """A blob."""
    content = documents.get("layer", b"")
    return await registry.blob(Repository(host, "a"), Descriptor.of(content, OCI_LAYER_GZIP))


async def write_blob(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """A blob that is written."""
    return await registry.put_blob(Repository(host, "a"), b"content", source=Repository(host, "b"))


async def write_manifest(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """A manifest with a subject that is written."""
    raw = documents.get("referrer", b"")
    return await registry.put_manifest(Repository(host, "a"), raw, "")


async def remove(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """A referrer that is deleted."""
    return await registry.delete_referrer(
        Repository(host, "a"), _at(documents, "referrer"), _at(documents, "index")
    )


async def copy(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """An image that is copied to another repository of the registry."""
    return await registry.copy(
        Repository(host, "a"), _at(documents, "index"), Repository(host, "b"), tag="x", check=True
    )


async def layout(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """An image that is pulled into a layout."""
    return await pull_layout(
        registry, Repository(host, "a"), _at(documents, "index"), folder / "layout", name="x"
    )


async def show(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """An artifact that is shown."""
    return (await show_artifact(registry, Repository(host, "a").at(_at(documents, "referrer")))).to_json()


async def pull(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """An artifact whose files are written."""
    reference = Repository(host, "a").at(_at(documents, "referrer"))
    return await pull_artifact(registry, reference, folder / "pulled")


async def verify(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """The signatures of an image."""
    found = await examine(registry, Repository(host, "a"), _at(documents, "index"), PublicKey(PEM, "test"))
    return found.to_json()


async def platform(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """The image of a platform, and when it was created."""
    await image_created(registry, _tag(host), _AMD64)
    return await read_platform_image(registry, _tag(host), _AMD64)


async def remembered(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """Run state and build inputs."""
    store = Store(registry, Repository(host, "a"), Signers("demo", PublicKey(PEM, "test")))
    await load_run_state(store, date(2026, 11, 26))
    return await read_build_inputs(store, "app/1.0.0/linux-amd64")


async def ping(registry: Registry, host: str, documents: Documents, folder: Path) -> object:
    """Whether credentials are accepted."""
    await registry.ping(host)
    return None


OPERATIONS: dict[str, Operation] = {
    function.__name__: function
    for function in (
        *(head, manifest, by_digest, tags, referrers, blob, write_blob, write_manifest, remove, copy, layout),
        *(show, pull, verify, platform, remembered, ping),
    )
}
