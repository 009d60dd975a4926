"""An image's labels and its manifest's annotations: ours, image.yml's and the Dockerfile's own (OCI image-spec v1.1,
annotations.md; conversion.md says which labels are annotations as well)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.plan import Target

OCI = "org.opencontainers.image."
_OF_THIS_BUILD = frozenset(f"{OCI}{name}" for name in ("created", "revision", "base.name", "base.digest"))


def image_labels(target: Target, created: Mapping[str, str]) -> dict[str, str]:
    """The labels to give a build: those that the Dockerfile does not set itself, which they would replace."""
    own = target.dockerfile_labels
    return {key: value for key, value in {**target.labels, **created}.items() if key not in own}


def manifest_annotations(
    target: Target, created: Mapping[str, str], base: Mapping[str, str]
) -> dict[str, str]:
    """The annotations of the manifest: the labels, but for those that the specification defines for this very manifest
    (its creation, revision and base). A label whose value only the build knows is left out."""
    annotations = {**target.labels, **created}
    for key, value in target.dockerfile_labels.items():
        if key.startswith(OCI) and key not in _OF_THIS_BUILD:
            annotations.pop(key, None)
            annotations |= {} if value is None else {key: value}
    return {**annotations, **base}
