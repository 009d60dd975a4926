"""Builds targets: from the plan to a manifest in the repository of builds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pipeline.engine.buildkit import CACHE, BuildOrder, Built, Daemon, build, localcache
from pipeline.engine.faults import uncancelled
from pipeline.errors import BuildError, EnvironmentProblem, LockageError
from pipeline.model import Digest
from pipeline.plan import Target
from pipeline.plan.output.generate import RECORD
from pipeline.registry.platform_image import PlatformImage, read_platform_image
from pipeline.state.record import Record
from pipeline.util.concurrency import both
from pipeline.util.progress import ProgressState
from pipeline.util.timestamps import format_timestamp

from ..provenance.build_provenance import DOCUMENT, build_provenance
from . import inputs
from .builder_config import BuilderRegistries, docker_config_for, proxy_arguments
from .caches import UsableCaches
from .epoch import build_epoch
from .labels import OCI, base_annotations, image_labels, manifest_annotations
from .mounts import find_mounts
from .template_location import located, refuse_missing_stage, template_position

if TYPE_CHECKING:
    import dagger

    from pipeline.engine.buildkit import Caches
    from pipeline.state.records import Records

    from ..context import RunContext
    from ..image_cache import ImageCache

ATTESTED = "-attested"
"""Suffix of a key: the tag of the index of an image and BuildKit's attestations."""


class Builder:
    """Builds the targets of a run. `images` reads the bases; what they build is recorded in `records`, and an image
    that another machine recorded meanwhile takes its place. Caches that cannot be used are reported once."""

    def __init__(self, context: RunContext, images: ImageCache, records: Records | None = None) -> None:
        self._context, self._images, self._records = context, images, records

    async def build(
        self,
        target: Target,
        bases: Mapping[str, Digest],
        *,
        rank: int = 0,
        tag: str | None = None,
        reason: str = "",
    ) -> Record:
        """Build one target on these bases and tag it with `tag` (default: its key) in the repository of builds. Of the
        targets that wait for room, the one of the least `rank` is built first.

        Raises BuildError with the template's line, RegistryError, EnvironmentProblem.
        """
        context = self._context
        if target.key is None:
            raise BuildError(f"{target.id} has no key: its bases are not locked", hint="lockage lock")
        if target.entitlements and not context.entitled:
            raise BuildError(
                f"{target.id} is granted {', '.join(target.entitlements)}, which no pull request from a fork gets",
                hint="build it for a branch of the project, once somebody has reviewed the change",
            )
        async with context.limits.builds.room(rank):
            named = context.others.get(target.platform)
            engine = f"on {named.name}" if named else ""
            context.tell(target.id, ProgressState.BUILD, "; ".join(part for part in (engine, reason) if part))
            caches = self._caches.of_target(target, context.revision)
            started = int(time.time())
            prepare = self._records.store.signers.prepare if self._records else _nothing
            _, built = await both(prepare, partial(self._build, target, bases, caches))
            await self._keep_local_caches(target, caches, built)
        for warning in built.report.warnings:
            position = template_position(context.plan, target, warning.line) if warning.line else target.id
            context.tell(target.id, ProgressState.WARNING, f"{position}: {warning.message}")
        if not context.fresh and self._records and (other := await self._records.built_elsewhere(target.key)):
            return other
        image = await self._tag(target, built, tag or target.key)
        record = replace(
            Record.unexamined(target.key, image.manifest, context.revision.label),
            attestations=image.attestations,
            warnings=tuple(warning for warning in built.report.warnings if warning.rule != CACHE),
        )
        if self._records is None:
            return record
        provenance = await build_provenance(context, self._images, target, bases, started)
        return await self._records.write(record, {DOCUMENT: provenance})

    @cached_property
    def _caches(self) -> UsableCaches:
        caches = UsableCaches.of(self._context.plan.project.cache, self._context.caches)
        for kind, reason in caches.unusable.items():
            self._context.tell("cache", ProgressState.WARNING, f"the {kind} cache is not used: {reason}")
        return caches

    @cached_property
    def _registries(self) -> BuilderRegistries:
        return BuilderRegistries.of(self._context, self._caches)

    async def _build(self, target: Target, bases: Mapping[str, Digest], caches: Caches) -> Built:
        """The build; once more if the daemon died under it, whatever ended it."""
        context = self._context
        engine = context.engines.of(target.platform)
        client = await engine.client()
        refuse_missing_stage(context.plan, target, await engine.platform())
        daemon = engine.builder(client, self._registries.daemon)
        order = await self._order(target, bases, caches, client)
        credentials = await docker_config_for(context.registry.access, self._registries.hosts)

        def tell(step: str) -> None:
            context.tell(target.id, ProgressState.BUILD, step)

        try:
            address = daemon.address
            try:
                return await uncancelled(partial(build, daemon, order, credentials, tell))
            except EnvironmentProblem:
                if not await _failed(daemon, address):
                    raise
                tell("BuildKit ended; starting it again")
                await daemon.restart(address)
                return await build(daemon, order, credentials, tell)
        except BuildError as fault:
            raise located(context.plan, target, fault) from None

    async def _order(
        self, target: Target, digests: Mapping[str, Digest], caches: Caches, client: dagger.Client
    ) -> BuildOrder:
        context = self._context
        bases = inputs.BaseImages(digests, context.home, context.mirrors)
        mounts = await find_mounts(target, context.plan.project, context.secrets, client)
        for missing in mounts.missing:
            context.tell(target.id, ProgressState.WARNING, f"{missing}; built without it")
        engine = context.engines.of(target.platform)
        folder = await inputs.write_context(target, context.contexts, context.plan.source)
        named = await inputs.write_named_contexts(target, context.contexts, context.plan.source)
        variables = self._caches.client_variables
        created = self._created()
        return BuildOrder(
            target=target.id,
            dockerfile=target.dockerfile_on(inputs.base_references(target, bases)),
            context=await engine.folder(folder, exclude=[RECORD]),
            platform=target.platform,
            destination=context.builds,
            epoch=await build_epoch(self._images, target, bases, context.source_date_epoch),
            labels=image_labels(target, created),
            annotations=manifest_annotations(target, created, base_annotations(context.plan, target, bases)),
            build_arguments={**proxy_arguments(context.registry.access), **target.arguments},
            syntax=target.syntax,
            contexts=inputs.named_contexts(target, bases),
            folders={name: await engine.folder(path) for name, path in named.items()},
            secrets=mounts.secrets,
            ssh_agents=mounts.agents,
            ssh_keys=mounts.keys,
            entitlements=target.entitlements,
            attestations=self._attestations(),
            cache_from=() if context.fresh else caches.imports,
            cache_to=caches.exports,
            cache_folders={
                f.path: localcache.load(client, self._caches.local_folder(f.source)) for f in caches.folders
            },
            cache_variables={n: client.set_secret(f"lockage-cache-{n}", v) for n, v in variables.items()},
            no_cache=context.fresh,
            hint=f"the Dockerfile comes from {target.template}; `lockage generate` writes it out",
        )

    def _created(self) -> dict[str, str]:
        """Labels of this build (OCI image-spec v1.1, annotations.md) that are not part of the key."""
        revision = self._context.revision
        labels = {f"{OCI}created": format_timestamp(revision.created)}
        if revision.sha:
            labels[f"{OCI}revision"] = revision.label
        return labels

    def _attestations(self) -> dict[str, str]:
        """The attestations to request of BuildKit (its docs/attestations)."""
        wanted = self._context.plan.project.attestations
        options = {"provenance": f"mode={wanted.provenance}"} if wanted.provenance != "none" else {}
        if wanted.sbom:
            options["sbom"] = f"generator={self._context.tools.image('sbom-generator')}"
        return options

    async def _keep_local_caches(self, target: Target, caches: Caches, built: Built) -> None:
        """Bring the local caches that a build wrote back to this machine; report those that cannot be kept."""
        for folder in caches.folders:
            if folder.written:
                try:
                    await localcache.keep(
                        built.cache_folders[folder.path], self._caches.local_folder(folder.source)
                    )
                except EnvironmentProblem as fault:
                    self._context.tell(target.id, ProgressState.WARNING, fault.message)

    async def _tag(self, target: Target, built: Built, tag: str) -> PlatformImage:
        """The image that was built, which the tag names from now on, whatever it named before.

        An index of an image and BuildKit's attestations gets a tag of its own, so that no registry collects them as
        garbage.
        """
        registry, builds = self._context.registry, self._context.builds
        pushed = builds.at(built.digest)
        image = await read_platform_image(self._images, pushed, target.platform)
        if image is None:
            raise BuildError(
                f"{pushed} does not exist after it was pushed", hint="run the same command again"
            )
        if image.attestations and (index := await self._images.get_manifest(pushed)):
            await registry.put_manifest(builds, index.raw, index.media_type, tag=f"{tag}{ATTESTED}")
        await registry.put_manifest(builds, image.manifest.raw, image.manifest.media_type, tag=tag)
        return image


async def _nothing() -> None:
    """Nothing is signed."""


async def _failed(daemon: Daemon, address: str) -> bool:
    """Whether a build failed because its daemon did; if the engine does not answer, the build's own error counts."""
    try:
        return await daemon.failed(address)
    except LockageError:
        return False
