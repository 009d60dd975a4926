"""What a build is given of the plan: the images that its Dockerfile names, its context, and its named contexts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.catalogue.generate import RECORD, Generated, context_files, named_context_files, write
from pipeline.model import Digest, Reference

if TYPE_CHECKING:
    from pathlib import Path

    import dagger

    from pipeline.catalogue import Target

    from .workshop import Workshop


def references(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """What FROM is to name: this run's digests for internal bases, the lock's for external ones.

    The latter keep their own names: BuildKit knows the site's mirrors.
    """
    out = {}
    for base in target.bases:
        if base.target_id:
            out[base.target_id] = str(shop.builds.at(bases[base.target_id]))
        elif base.reference:
            out[base.name] = str(base.reference.by_digest)
    return out


def named_contexts(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """The named contexts that are images or addresses, as BuildKit writes them."""
    out = {context.name: context.url for context in target.contexts if context.url}
    for name, reference in _images(shop, target, bases).items():
        out[name] = f"docker-image://{reference}"
    return out


def images(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> list[Reference]:
    """The images that are named contexts, where this site has them."""
    return [shop.mirrors.locate(reference) for reference in _images(shop, target, bases).values()]


def _images(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> dict[str, Reference]:
    out = {}
    for context in target.contexts:
        if context.target_id:
            out[context.name] = shop.builds.at(bases[context.target_id])
        elif context.reference:
            out[context.name] = context.reference.by_digest
    return out


async def context(shop: Workshop, target: Target) -> dagger.Directory:
    """The build context, written out under the target's key: the Dockerfile and the merged rootfs. The test is left
    out, which is no input of the key."""
    files = {path: file for path, file in context_files(target).items() if path != "test.yml"}
    folder = await shop.engines.of(target.platform).folder(await _written(shop, target, "context", files))
    return folder.without_file(RECORD)


async def folders(shop: Workshop, target: Target) -> dict[str, dagger.Directory]:
    """The named contexts that are folders, written out likewise."""
    files = named_context_files(target)
    if not files:
        return {}
    place = await _written(shop, target, "named", files)
    engine = shop.engines.of(target.platform)
    return {
        found.name: await engine.folder(place / found.path)
        for found in target.contexts
        if found.kind == "folder"
    }


async def _written(shop: Workshop, target: Target, kind: str, files: Mapping[str, Generated]) -> Path:
    folder = shop.contexts / str(target.key) / kind
    await anyio.to_thread.run_sync(partial(write, files, folder, shop.plan.source))
    return folder
