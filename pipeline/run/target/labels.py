"""An image's labels and its manifest's annotations: ours, image.yml's and the Dockerfile's own (OCI image-spec v1.1,
annotations.md, and conversion.md for which labels are annotations as well)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.plan import Target

OCI = "org.opencontainers.image."
_OF_THIS_BUILD = frozenset(f"{OCI}{name}" for name in ("created", "revision", "base.name", "base.digest"))


def labels(target: Target, created: Mapping[str, str]) -> dict[str, str]:
    """The labels that a build is given: those that the Dockerfile does not set by itself, which would be replaced."""
    own = target.dockerfile_labels
    return {key: value for key, value in {**target.labels, **created}.items() if key not in own}


def annotations(target: Target, created: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
    """The annotations of the manifest: as the labels will be, but for what the specification means of this very
    manifest (when and from which commit it was made, on which base). A label whose value the build alone knows is
    none of them."""
    given = {**target.labels, **created}
    for key, value in target.dockerfile_labels.items():
        if key.startswith(OCI) and key not in _OF_THIS_BUILD:
            given.pop(key, None)
            given |= {} if value is None else {key: value}
    return {**given, **base}
