"""One target from the plan to a manifest in the repository of builds, as its Dockerfile says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from pipeline.catalogue import Target
from pipeline.engine.buildkit import CACHE, BuildOrder, Built, Daemon, build
from pipeline.errors import BuildError, EnvironmentProblem, LockageError
from pipeline.model import Digest
from pipeline.policy import Evidence
from pipeline.release.children import Child, read_child

from . import inputs
from .builder import credentials, daemon_config, proxy_arguments
from .caching import keep, with_caches
from .known import size_of
from .labels import annotations, labels
from .locate import located, place
from .memory import Record
from .results import Stage
from .secrets import mounts
from .workshop import Workshop

if TYPE_CHECKING:
    import dagger

ATTESTED = "-attested"
"""Behind a key: the tag of the index of an image and BuildKit's attestations of it."""
_OCI = "org.opencontainers.image"


async def build_target(
    shop: Workshop, target: Target, bases: Mapping[str, Digest], tag: str | None = None, *, why: str = ""
) -> Record:
    """Build one target on these bases and leave it under `tag` (default: its key) in the repository of builds.

    Raises BuildError with the template's line, RegistryError, EnvironmentProblem.
    """
    if target.key is None:
        raise BuildError(f"{target.id} has no key: its bases are not locked", hint="lockage lock")
    async with shop.limits.builds:
        on = shop.others.get(target.platform)
        shop.report(
            target.id, Stage.BUILD, "; ".join(part for part in (f"on {on.name}" if on else "", why) if part)
        )
        built = await _build(shop, target, bases)
        await keep(shop, target, built)
    for warning in built.report.warnings:
        where = place(shop.plan, target, warning.line) if warning.line else target.id
        shop.report(target.id, "warning", f"{where}: {warning.message}")
    child = await _settled(shop, target, built, tag or target.key)
    return Record(
        target.key,
        child.manifest.digest,
        Evidence(size_of(child.manifest)),
        revision=shop.revision.label,
        attestations=child.attestations,
        warnings=tuple(warning for warning in built.report.warnings if warning.rule != CACHE),
    )


async def _build(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> Built:
    """The build itself; once more where the daemon died under it, by whoever's doing that was."""
    engine = shop.engines.of(target.platform)
    client = await engine.client()
    daemon = await engine.builder(daemon_config(shop))
    order = await _order(shop, target, bases, client)
    secret = await credentials(shop, client)
    tell = partial(shop.report, target.id, Stage.BUILD)
    try:
        address = await daemon.start()  # which waits where another build has it started again
        try:
            return await build(daemon, order, secret, tell)
        except EnvironmentProblem:
            if not await _ended(daemon, address):
                raise
            shop.report(target.id, Stage.BUILD, "BuildKit ended; starting it again")
            await daemon.restart(address)
            return await build(daemon, order, secret, tell)
    except BuildError as fault:
        raise located(shop.plan, target, fault) from None


async def _ended(daemon: Daemon, address: str) -> bool:
    """Whether a build failed because its daemon did; where the engine does not answer, the build's own error counts."""
    try:
        return await daemon.failed(address)
    except LockageError:
        return False


async def _order(
    shop: Workshop, target: Target, bases: Mapping[str, Digest], client: dagger.Client
) -> BuildOrder:
    given = await mounts(shop, target, client)
    order = BuildOrder(
        target=target.id,
        dockerfile=target.dockerfile_on(inputs.references(shop, target, bases)),
        context=await inputs.context(shop, target),
        platform=target.platform,
        destination=shop.builds,
        epoch=await shop.epochs.of(shop, target, bases),
        labels=labels(target, _created(shop)),
        annotations=annotations(target, _created(shop), _base_annotations(target, bases)),
        build_arguments={**proxy_arguments(shop), **target.arguments},
        syntax=target.syntax,
        contexts=inputs.named_contexts(shop, target, bases),
        folders=await inputs.folders(shop, target),
        secrets=given.secrets,
        ssh_agents=given.agents,
        ssh_keys=given.keys,
        entitlements=target.entitlements,
        attestations=_attestations(shop),
        no_cache=shop.fresh,
        hint=f"the Dockerfile comes from {target.template}; `lockage generate` writes it out",
    )
    return with_caches(shop, target, order, client)


async def _settled(shop: Workshop, target: Target, built: Built, tag: str) -> Child:
    """The image that the tag names from now on: the one that was built, or what another machine put there first.

    Where BuildKit attested it, the index of both is kept under a tag of its own, so that neither is garbage.
    """
    if not shop.fresh and (
        theirs := await read_child(shop.registry, shop.builds.tagged(tag), target.platform)
    ):
        return theirs
    pushed = shop.builds.at(built.digest)
    child = await read_child(shop.registry, pushed, target.platform)
    if child is None:
        raise BuildError(f"{pushed} is not there after it was pushed", hint="run the same command again")
    if child.attestations and (index := await shop.registry.get_manifest(pushed)):
        await shop.registry.put_manifest(shop.builds, index.raw, index.media_type, tag=f"{tag}{ATTESTED}")
    await shop.registry.put_manifest(shop.builds, child.manifest.raw, child.manifest.media_type, tag=tag)
    return child


def _attestations(shop: Workshop) -> dict[str, str]:
    """What BuildKit is asked to attest (its docs/attestations)."""
    asked = shop.plan.project.attestations
    out = {"provenance": f"mode={asked.provenance}"} if asked.provenance != "none" else {}
    return out | ({"sbom": f"generator={shop.tool('sbom-generator')}"} if asked.sbom else {})


def _created(shop: Workshop) -> dict[str, str]:
    """Labels that belong to this build (OCI image-spec v1.1, annotations.md); not part of the key."""
    moment = datetime.fromtimestamp(shop.revision.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = {f"{_OCI}.created": moment}
    if shop.revision.sha:
        out[f"{_OCI}.revision"] = shop.revision.label
    return out


def _base_annotations(target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """The image that the last stage is based on: its name and digest (annotations.md, base.*)."""
    base = target.final_base
    if base is None:
        return {}
    digest = bases[base.target_id] if base.target_id else base.reference.digest if base.reference else None
    out = {f"{_OCI}.base.name": base.name}
    return out | {f"{_OCI}.base.digest": str(digest)} if digest else out
