"""The provenance of a build that has just ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.provenance import Build, build_predicate
from pipeline.state.signers import program_version
from pipeline.util.json.canonical import compact

from ..target.epoch import build_epoch
from ..target.inputs import BaseImages

if TYPE_CHECKING:
    from pipeline.model import Digest, Reference
    from pipeline.plan import Plan, Target
    from pipeline.registry.platform_image import ImageReader

    from ..context import RunContext

DOCUMENT = "slsa-provenance"
"""Its name among the documents of a record."""


async def build_provenance(
    context: RunContext, images: ImageReader, target: Target, bases: Mapping[str, Digest], started: int
) -> bytes:
    """The predicate of a build on these bases as canonical JSON. It began at `started`, in seconds since 1970."""
    base_images = BaseImages(bases, context.home, context.mirrors)
    build = Build(
        target,
        {id: base_images.internal(id) for id in target.internal_bases},
        _inherited(context.plan, target),
        context.plan.tools,
        context.revision,
        context.origin(),
        {
            "lockage": program_version(),
            "dagger": await context.engines.of(target.platform).version(),
            "buildkit": context.plan.builder,
        },
        await build_epoch(images, target, base_images, context.source_date_epoch),
        started,
        int(time.time()),
        context.fresh,
        context.plan.project.attestations.sbom,
        context.plan.snapshot_id,
    )
    return compact(build_predicate(build))


def _inherited(plan: Plan, target: Target) -> tuple[Reference, ...]:
    """The external images that internal bases are based on, and theirs, in build order."""
    below, waiting = set[str](), [*target.internal_bases]
    while waiting:
        if (base_id := waiting.pop()) not in below:
            below.add(base_id)
            waiting += plan.by_id[base_id].internal_bases
    bases = (base for base in plan.targets if base.id in below) if below else ()
    references = (reference for base in bases for reference in base.external_bases)
    return tuple(dict.fromkeys(reference for reference in references if reference.digest))
