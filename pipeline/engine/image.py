"""An image of a registry as a container of the engine, and as an archive."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pipeline.model import Platform, Reference

if TYPE_CHECKING:
    import dagger


def existing(client: dagger.Client, reference: Reference, platform: Platform) -> dagger.Container:
    """The image with a reference's digest."""
    import dagger

    return client.container(platform=dagger.Platform(str(platform))).from_(str(reference.by_digest))


def archive(container: dagger.Container, without: Collection[str] = ()) -> dagger.File:
    """The image as a Docker archive `without` these labels, for scanners; it stays in the engine.

    All layers are in gzip: trivy takes them for compressed as the first one is, and a base may have plain ones.
    """
    import dagger

    for label in without:
        container = container.without_label(label)
    return container.as_tarball(
        media_types=dagger.ImageMediaTypes.DockerMediaTypes,
        forced_compression=dagger.ImageLayerCompression.Gzip,
    )
