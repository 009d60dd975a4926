"""One target from the plan to a manifest in the repository of builds, as its Dockerfile says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from pipeline.engine.buildkit import CACHE, BuildOrder, Built, Daemon, build
from pipeline.errors import BuildError, EnvironmentProblem, LockageError
from pipeline.model import Digest
from pipeline.plan import Target
from pipeline.policy import Evidence
from pipeline.registry.platform_image import PlatformImage, read_platform_image
from pipeline.state.records import Record
from pipeline.util.timestamps import format_timestamp

from ..context import RunContext
from ..known_records import size_of
from ..results import Stage
from . import inputs
from .builder_config import builder_config, credentials, proxy_arguments
from .caches import keep, with_caches
from .labels import annotations, labels
from .secrets import mounts
from .template_location import located, place

if TYPE_CHECKING:
    import dagger

ATTESTED = "-attested"
"""Behind a key: the tag of the index of an image and BuildKit's attestations of it."""
_OCI = "org.opencontainers.image"


async def build_target(
    context: RunContext, target: Target, bases: Mapping[str, Digest], tag: str | None = None, *, why: str = ""
) -> Record:
    """Build one target on these bases and leave it under `tag` (default: its key) in the repository of builds.

    Raises BuildError with the template's line, RegistryError, EnvironmentProblem.
    """
    if target.key is None:
        raise BuildError(f"{target.id} has no key: its bases are not locked", hint="lockage lock")
    async with context.limits.builds:
        on = context.others.get(target.platform)
        context.report(
            target.id, Stage.BUILD, "; ".join(part for part in (f"on {on.name}" if on else "", why) if part)
        )
        built = await _build(context, target, bases)
        await keep(context, target, built)
    for warning in built.report.warnings:
        where = place(context.plan, target, warning.line) if warning.line else target.id
        context.report(target.id, "warning", f"{where}: {warning.message}")
    child = await _settled(context, target, built, tag or target.key)
    return Record(
        target.key,
        child.manifest.digest,
        Evidence(size_of(child.manifest)),
        revision=context.revision.label,
        attestations=child.attestations,
        warnings=tuple(warning for warning in built.report.warnings if warning.rule != CACHE),
    )


async def _build(context: RunContext, target: Target, bases: Mapping[str, Digest]) -> Built:
    """The build itself; once more where the daemon died under it, by whoever's doing that was."""
    engine = context.engines.of(target.platform)
    client = await engine.client()
    daemon = await engine.builder(builder_config(context))
    order = await _order(context, target, bases, client)
    secret = await credentials(context, client)
    tell = partial(context.report, target.id, Stage.BUILD)
    try:
        address = await daemon.start()  # which waits where another build has it started again
        try:
            return await build(daemon, order, secret, tell)
        except EnvironmentProblem:
            if not await _ended(daemon, address):
                raise
            context.report(target.id, Stage.BUILD, "BuildKit ended; starting it again")
            await daemon.restart(address)
            return await build(daemon, order, secret, tell)
    except BuildError as fault:
        raise located(context.plan, target, fault) from None


async def _ended(daemon: Daemon, address: str) -> bool:
    """Whether a build failed because its daemon did; where the engine does not answer, the build's own error counts."""
    try:
        return await daemon.failed(address)
    except LockageError:
        return False


async def _order(
    context: RunContext, target: Target, bases: Mapping[str, Digest], client: dagger.Client
) -> BuildOrder:
    given = await mounts(context, target, client)
    order = BuildOrder(
        target=target.id,
        dockerfile=target.dockerfile_on(inputs.references(context, target, bases)),
        context=await inputs.build_context(context, target),
        platform=target.platform,
        destination=context.builds,
        epoch=await context.epochs.of(context, target, bases),
        labels=labels(target, _created(context)),
        annotations=annotations(target, _created(context), _base_annotations(target, bases)),
        build_arguments={**proxy_arguments(context), **target.arguments},
        syntax=target.syntax,
        contexts=inputs.named_contexts(context, target, bases),
        folders=await inputs.folders(context, target),
        secrets=given.secrets,
        ssh_agents=given.agents,
        ssh_keys=given.keys,
        entitlements=target.entitlements,
        attestations=_attestations(context),
        no_cache=context.fresh,
        hint=f"the Dockerfile comes from {target.template}; `lockage generate` writes it out",
    )
    return with_caches(context, target, order, client)


async def _settled(context: RunContext, target: Target, built: Built, tag: str) -> PlatformImage:
    """The image that the tag names from now on: the one that was built, or what another machine put there first.

    Where BuildKit attested it, the index of both is kept under a tag of its own, so that neither is garbage.
    """
    if not context.fresh and (
        theirs := await read_platform_image(context.registry, context.builds.tagged(tag), target.platform)
    ):
        return theirs
    pushed = context.builds.at(built.digest)
    child = await read_platform_image(context.registry, pushed, target.platform)
    if child is None:
        raise BuildError(f"{pushed} is not there after it was pushed", hint="run the same command again")
    if child.attestations and (index := await context.registry.get_manifest(pushed)):
        await context.registry.put_manifest(
            context.builds, index.raw, index.media_type, tag=f"{tag}{ATTESTED}"
        )
    await context.registry.put_manifest(
        context.builds, child.manifest.raw, child.manifest.media_type, tag=tag
    )
    return child


def _attestations(context: RunContext) -> dict[str, str]:
    """What BuildKit is asked to attest (its docs/attestations)."""
    asked = context.plan.project.attestations
    out = {"provenance": f"mode={asked.provenance}"} if asked.provenance != "none" else {}
    return out | ({"sbom": f"generator={context.tool('sbom-generator')}"} if asked.sbom else {})


def _created(context: RunContext) -> dict[str, str]:
    """Labels that belong to this build (OCI image-spec v1.1, annotations.md); not part of the key."""
    out = {f"{_OCI}.created": format_timestamp(context.revision.created)}
    if context.revision.sha:
        out[f"{_OCI}.revision"] = context.revision.label
    return out


def _base_annotations(target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """The image that the last stage is based on: its name and digest (annotations.md, base.*)."""
    base = target.final_base
    if base is None:
        return {}
    digest = bases[base.target_id] if base.target_id else base.reference.digest if base.reference else None
    out = {f"{_OCI}.base.name": base.name}
    return out | {f"{_OCI}.base.digest": str(digest)} if digest else out
