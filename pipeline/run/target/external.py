"""Images built elsewhere: taken over by digest into the repository of builds, then treated like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import BuildError, RegistryError
from pipeline.policy import Evidence
from pipeline.registry.platform_image import WrongPlatform, read_platform_image
from pipeline.state.records import Record

from ..known_records import size_of
from ..results import Stage

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ..context import RunContext


async def import_external(context: RunContext, target: Target) -> Record:
    """Copy the image of a target's platform as it is, under the target's key. No engine is needed.

    Raises RegistryError when it is not there, BuildError when it is not made for the platform.
    """
    if target.external is None or target.external.digest is None or target.key is None:
        raise BuildError(f"{target.id} has no key: {target.external} is not locked", hint="lockage lock")
    context.report(target.id, Stage.BUILD, f"taken over from {target.external.familiar}")
    there = context.mirrors.locate(target.external).by_digest
    try:
        found = await read_platform_image(context.registry, there, target.platform)
    except WrongPlatform as fault:
        raise _not_for(target, ", ".join(map(str, fault.platforms)) or "no known platform") from None
    if found is None:
        raise RegistryError(
            f"{there} is not there",
            hint="check `external:` in image.yml; `lockage lock` pins what its tag is today",
        )
    manifest = found.manifest
    await context.registry.copy(
        there.repository, manifest.digest, context.builds, tag=target.key, referrers=False, check=True
    )
    evidence = Evidence(size_of(manifest))
    return Record(target.key, manifest.digest, evidence, revision=context.revision.label)


def _not_for(target: Target, names: str) -> BuildError:
    return BuildError(
        f"{target.id}: {target.external} is not made for {target.platform} (it is for {names})",
        hint=f"platforms: in images/{target.image}/image.yml says for which platforms it is taken over",
    )
