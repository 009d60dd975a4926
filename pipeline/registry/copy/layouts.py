"""Copies between OCI layouts and repositories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.model import Descriptor, Digest, Repository
from pipeline.oci.image_tree import TreeReader
from pipeline.oci.layout import REF_NAME, Layout
from pipeline.oci.verify import uncorrupted
from pipeline.util.concurrency import each

from ..client import Registry
from .image import REFERRER_DEPTH, CopyResult


async def push_layout(
    registry: Registry, folder: Path, repo: Repository, tag: str | None = None, *, name: str | None = None
) -> CopyResult:
    """Push the image of a layout, with its referrers; `name` chooses one if there are several.

    Raises RegistryError if the folder is not a layout, is incomplete, or its content does not match its digests.
    """
    layout = Layout(folder)
    return await registry.copy(layout, layout.resolve(name).digest, repo, tag=tag)


async def pull_layout(
    registry: Registry,
    repo: Repository,
    digest: Digest,
    folder: Path,
    *,
    name: str | None = None,
    referrers: bool = True,
) -> Descriptor:
    """Write an image with all platforms into a layout, with its referrers and those of its children.

    `name` becomes its reference name in `index.json`, which is written last, so that it lists only what is complete.
    """
    layout, source = Layout.create(folder), registry.source(repo)
    reader = TreeReader(source.manifest)

    async def blob(descriptor: Descriptor) -> None:
        if layout.file(descriptor) is None:
            await uncorrupted(lambda: layout.put_stream(descriptor, source.stream(descriptor)))

    async def fetch(digest: Digest) -> list[Descriptor]:
        top = await source.manifest(digest)
        tree = await reader.tree(top)
        await each(blob, tree.blobs)
        for manifest in (*(m for level in tree.levels for m in level), top):
            layout.put(manifest.raw, manifest.media_type)
        return [top.descriptor, *tree.below]

    manifests = await fetch(digest)
    attached: dict[Digest, Descriptor] = {}
    subjects = [m.digest for m in manifests] if referrers else []
    for _ in range(REFERRER_DEPTH):
        listed = await source.referrers(subjects)
        new = {d.digest: d for part in listed.values() for d in part.entries if d.digest not in attached}
        await each(lambda entry: fetch(entry.digest), new.values())
        attached |= new
        subjects = list(new)
    top = manifests[0]
    layout.add(*attached.values(), replace(top, annotations={REF_NAME: name}) if name else top)
    return top
