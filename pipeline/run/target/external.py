"""Images built elsewhere: copied by digest to the repository of builds, then treated like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import BuildError, RegistryError
from pipeline.registry.platform_image import WrongPlatform, read_platform_image
from pipeline.state.record import Record
from pipeline.util.progress import ProgressState

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ..context import RunContext
    from ..image_cache import ImageCache


async def import_external(context: RunContext, images: ImageCache, target: Target) -> Record:
    """Copy the image of a target's platform unchanged, and tag it with the target's key. No engine is needed.

    Raises RegistryError when it does not exist, BuildError when it is not made for the platform.
    """
    if target.external is None or target.external.digest is None or target.key is None:
        raise BuildError(f"{target.id} has no key: {target.external} is not locked", hint="lockage lock")
    context.tell(target.id, ProgressState.BUILD, f"imported from {target.external.familiar}")
    source = context.mirrors.locate(target.external).by_digest
    try:
        image = await read_platform_image(images, source, target.platform)
    except WrongPlatform as fault:
        platforms = ", ".join(map(str, fault.platforms)) or "no known platform"
        raise _wrong_platform(target, platforms) from None
    if image is None:
        raise RegistryError(
            f"{source} does not exist",
            hint="check `external:` in image.yml; `lockage lock` pins the digest that its tag has today",
        )
    place = images.source(image.repository.at(image.manifest.digest))
    await context.registry.copy(
        place, image.manifest.digest, context.builds, tag=target.key, referrers=False, check=True
    )
    return Record.unexamined(target.key, image.manifest, context.revision.label)


def _wrong_platform(target: Target, platforms: str) -> BuildError:
    return BuildError(
        f"{target.id}: {target.external} is not made for {target.platform} (it is for {platforms})",
        hint=f"platforms: in images/{target.image}/image.yml says for which platforms it is imported",
    )
