"""Where verified images are read: from their registries, or from a layout on disk without any request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..instance.session import registry_session
from ..output.progress import Progress
from ..registry_access import registry_access

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.oci.source import ImageSource


@asynccontextmanager
async def image_source(
    root: Path, references: Collection[Reference], layout: Path | None
) -> AsyncIterator[ImageSource]:
    """The registries of references, with this instance's up if one is there; or the layout in a folder, whose content
    has been read and compared with its digests. Raises RegistryError, EnvironmentProblem, UsageError."""
    if layout is not None:
        yield await _checked(layout, references)
        return
    from pipeline.registry import Registry

    hosts = {reference.repository.host for reference in references}
    async with (
        registry_session(root, "verify", Progress(), hosts),
        Registry(registry_access()) as registry,
    ):
        yield registry


async def _checked(folder: Path, references: Collection[Reference]) -> ImageSource:
    from pipeline.oci.layout import Layout
    from pipeline.oci.layout_images import LayoutImages

    images = LayoutImages(Layout(folder))
    for reference in references:
        manifest = await images.get_manifest(reference)
        if manifest is not None:
            await images.check(manifest.digest)
    return images
