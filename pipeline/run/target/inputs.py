"""What a build is given of the plan: the images that its Dockerfile names, its context, and its named contexts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.model import Digest, Reference
from pipeline.plan.output.disk import Generated
from pipeline.plan.output.generate import RECORD, context_files, named_context_files, write

if TYPE_CHECKING:
    from pathlib import Path

    import dagger

    from pipeline.plan import Target

    from ..context import RunContext


def references(context: RunContext, target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """What FROM is to name: this run's digests for internal bases, the lock's for external ones.

    The latter keep their own names: BuildKit knows the site's mirrors.
    """
    out = {}
    for base in target.bases:
        if base.target_id:
            out[base.target_id] = str(context.builds.at(bases[base.target_id]))
        elif base.reference:
            out[base.name] = str(base.reference.by_digest)
    return out


def named_contexts(context: RunContext, target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """The named contexts that are images or addresses, as BuildKit writes them."""
    out = {named.name: named.url for named in target.contexts if named.url}
    for name, reference in _images(context, target, bases).items():
        out[name] = f"docker-image://{reference}"
    return out


def images(context: RunContext, target: Target, bases: Mapping[str, Digest]) -> list[Reference]:
    """The images that are named contexts, where this site has them."""
    return [context.mirrors.locate(reference) for reference in _images(context, target, bases).values()]


def _images(context: RunContext, target: Target, bases: Mapping[str, Digest]) -> dict[str, Reference]:
    out = {}
    for named in target.contexts:
        if named.target_id:
            out[named.name] = context.builds.at(bases[named.target_id])
        elif named.reference:
            out[named.name] = named.reference.by_digest
    return out


async def build_context(context: RunContext, target: Target) -> dagger.Directory:
    """The build context, written out under the target's key: the Dockerfile and the merged rootfs. The test is left
    out, which is no input of the key."""
    files = {path: file for path, file in context_files(target).items() if path != "test.yml"}
    folder = await context.engines.of(target.platform).folder(
        await _written(context, target, "context", files)
    )
    return folder.without_file(RECORD)


async def folders(context: RunContext, target: Target) -> dict[str, dagger.Directory]:
    """The named contexts that are folders, written out likewise."""
    files = named_context_files(target)
    if not files:
        return {}
    place = await _written(context, target, "named", files)
    engine = context.engines.of(target.platform)
    return {
        found.name: await engine.folder(place / found.path)
        for found in target.contexts
        if found.kind == "folder"
    }


async def _written(context: RunContext, target: Target, kind: str, files: Mapping[str, Generated]) -> Path:
    folder = context.contexts / str(target.key) / kind
    await anyio.to_thread.run_sync(partial(write, files, folder, context.plan.source))
    return folder
