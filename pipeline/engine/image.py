"""An image of a registry as the engine's container, and as an archive for whoever reads one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Platform, Reference

if TYPE_CHECKING:
    import dagger


def existing(client: dagger.Client, reference: Reference, platform: Platform) -> dagger.Container:
    """An image that is in the registry, by digest."""
    import dagger

    return client.container(platform=dagger.Platform(str(platform))).from_(str(reference.by_digest))


def archive(container: dagger.Container) -> dagger.File:
    """The image as a docker archive: what scanners and metadata tests read. Stays in the engine."""
    import dagger

    return container.as_tarball(media_types=dagger.ImageMediaTypes.DockerMediaTypes)
