"""An image's labels and its manifest's annotations: ours, image.yml's and the Dockerfile's own (OCI image-spec v1.1,
annotations.md; conversion.md says which labels are annotations as well)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.config import EMBEDDED, EMBEDDED_HOST
from pipeline.model import Repository

if TYPE_CHECKING:
    from pipeline.plan import Plan, Target

    from .inputs import BaseImages

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


def base_annotations(plan: Plan, target: Target, bases: BaseImages) -> dict[str, str]:
    """The base of the last stage: its fully qualified name, and the digest that this name resolves to (annotations.md,
    base.*), as `regctl image check-base` and `crane rebase` read them.

    An image of the catalogue is named where it is when its dependents are built, under its key in the repository of
    builds: its index does not exist yet. The embedded registry is named as if it had its usual port: the digests of
    images do not depend on the port that was free.
    """
    base = target.final_base
    if base is None:
        return {}
    if base.target_id:
        built = bases.internal(base.target_id)
        home = built.repository
        if plan.project.registry == EMBEDDED:
            home = Repository(EMBEDDED_HOST, home.path)
        name, digest = home.tagged(str(plan.by_id[base.target_id].key)), built.digest
    elif base.reference:
        name, digest = base.reference.named, base.reference.digest
    else:
        return {}
    annotations = {f"{OCI}base.name": str(name)}
    return annotations | {f"{OCI}base.digest": str(digest)} if digest else annotations
