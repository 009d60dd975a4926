"""One target from the plan to a manifest in the repository of builds, in its normal form."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.catalogue import Target
from pipeline.catalogue.generate import context_files, write
from pipeline.engine.build import BuildOrder, build, existing
from pipeline.errors import BuildError
from pipeline.model import Digest
from pipeline.policy import Evidence
from pipeline.release.layer import CONTEXT

from .known import size_of
from .locate import located
from .memory import Record
from .normal import RAW, forget, settle
from .results import Stage
from .workshop import Workshop

if TYPE_CHECKING:
    import dagger


async def build_target(
    shop: Workshop, target: Target, bases: Mapping[str, Digest], tag: str | None = None, *, why: str = ""
) -> tuple[dagger.Container, Record]:
    """Build one target on these bases and leave it, in its normal form, under `tag` (default: its key)."""
    if target.key is None:
        raise BuildError(f"{target.id} has no key: its bases are not locked", hint="lockage lock")
    async with shop.limits.builds:
        on = shop.others.get(target.platform)
        shop.report(
            target.id, Stage.BUILD, "; ".join(part for part in (f"on {on.name}" if on else "", why) if part)
        )
        client = await shop.engines.of(target.platform).client()
        context = await _context(shop, target, client)
        tag = tag or target.key
        order = BuildOrder(
            target=target.id,
            dockerfile=target.dockerfile_on(_references(shop, target, bases)),
            context=context,
            platform=target.platform,
            destination=shop.builds.tagged(f"{tag}{RAW}"),
            labels={**target.labels, **_moment(shop)},
            annotations={**target.labels, **_moment(shop), **_base_annotations(target, bases)},
            fresh=uuid.uuid4().hex if shop.fresh else None,
            epoch=shop.revision.created,
            hint=f"the Dockerfile comes from {target.template}; `lockage generate` writes it out",
        )
        try:
            container, digest = await build(client, order)
        except BuildError as fault:
            raise located(shop.plan, target, fault) from None
    async with shop.limits.settling:  # no longer in the way of the engine
        manifest = None if shop.fresh else await shop.registry.get_manifest(shop.builds.tagged(tag))
        if manifest is None:
            manifest = await settle(shop, target, bases, digest, order.destination, tag)
        else:  # another machine was first, and what it built is what this target is
            await forget(shop, order.destination, manifest)
    if manifest.digest != digest:
        container = existing(client, shop.builds.at(manifest.digest), target.platform)
    return container, Record(
        target.key, manifest.digest, Evidence(size_of(manifest)), revision=shop.revision.label
    )


async def _context(shop: Workshop, target: Target, client: dagger.Client) -> dagger.Directory:
    """The build context: the merged rootfs, written out under the target's key; the Dockerfile comes beside it."""
    files = {path: file for path, file in context_files(target).items() if path.startswith("rootfs")}
    if not files:
        return client.directory()
    folder = shop.contexts / str(target.key)
    await anyio.to_thread.run_sync(write, files, folder, shop.plan.source)
    await anyio.to_thread.run_sync(_set_times, folder, CONTEXT)
    return await shop.engines.of(target.platform).folder(folder)


def _set_times(folder: Path, epoch: int) -> None:
    """One time for all files, links themselves included: the engine's own call follows links and fails on them."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _references(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """What FROM shall say: this run's digests for internal bases, this site's addresses for external ones."""
    out = {}
    for base in target.bases:
        if base.target_id:
            out[base.target_id] = str(shop.builds.at(bases[base.target_id]))
        elif base.reference:
            out[base.name] = str(shop.mirrors.locate(base.reference).by_digest)
    return out


def _moment(shop: Workshop) -> dict[str, str]:
    """Labels that belong to this build (OCI image-spec v1.1, annotations.md); not part of the key."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(shop.revision.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = {"org.opencontainers.image.created": moment}
    if shop.revision.sha:
        out["org.opencontainers.image.revision"] = shop.revision.label
    return out


def _base_annotations(target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """The image that the last stage stands on: its name and digest (annotations.md, base.*)."""
    base = target.final_base
    if base is None:
        return {}
    digest = bases[base.target_id] if base.target_id else base.reference.digest if base.reference else None
    out = {"org.opencontainers.image.base.name": base.name}
    return out | {"org.opencontainers.image.base.digest": str(digest)} if digest else out
