"""Builds an image again from its provenance alone, and compares the result by digest."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import BuildError, LockageError
from pipeline.plan.keys import rootfs_input
from pipeline.policy import Revision
from pipeline.util.json.canonical import compact
from pipeline.util.progress import ProgressState

from ..image_cache import ImageCache
from ..platforms import refuse_rebuilding
from ..rebuild import REBUILT, Agreement, Rebuilt, agreement
from ..target.build import Builder

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.provenance import Recipe

    from ..context import RunContext
    from .recipes import AttestedRecipe


async def rebuild_recipe(context: RunContext, attested: AttestedRecipe, *, detail: bool) -> Rebuilt:
    """The target of a recipe built again; the plan of `context` is of the recipe's commit and lock.

    Faults become results.
    """
    began, recipe = time.monotonic(), attested.recipe
    try:
        result = await _rebuild(context, attested, detail)
    except LockageError as fault:
        result = Rebuilt(recipe.target, Agreement.FAILED, attested.image.digest, fault=fault)
    context.tell(recipe.target, ProgressState(result.status.value))
    return replace(result, seconds=time.monotonic() - began)


async def _rebuild(context: RunContext, attested: AttestedRecipe, detail: bool) -> Rebuilt:
    recipe = attested.recipe
    target = context.plan.by_id.get(recipe.target)
    if target is None or target.external or target.platform != recipe.platform:
        raise BuildError(
            f"commit {recipe.commit} builds no {recipe.target}, which the provenance of {attested.image} is of",
            hint="look for the catalogue's folder: it may be another one in that commit",
        )
    _refuse_other_inputs(target, recipe)
    if target.key != recipe.key:
        reason = f"its key is {str(target.key)[:12]}, not {recipe.key[:12]}: another version of lockage"
        context.tell(target.id, ProgressState.WARNING, reason)
    await refuse_rebuilding(context, [target])
    rebuilding = replace(
        context,
        fresh=True,
        revision=Revision(recipe.commit, False, recipe.created),
        source_date_epoch=recipe.epoch,
    )
    builder, tag = Builder(rebuilding, ImageCache(context.registry)), f"{target.key}{REBUILT}"
    record = await builder.build(target, recipe.bases, tag=tag, reason=f"from {attested.image}")
    return await agreement(context, target, attested.image, record, detail=detail)


def _refuse_other_inputs(target: Target, recipe: Recipe) -> None:
    """What the commit renders has to be what was built. Raises BuildError."""
    rendered = {
        "dockerfile": target.dockerfile.encode(),
        "rootfs": compact(rootfs_input(target.rootfs)),
    }
    wanted = {role: digest for (role, _), digest in recipe.contents.items()}
    other = [
        role for role, content in rendered.items() if wanted.get(role) != hashlib.sha256(content).hexdigest()
    ]
    unnamed = set(target.internal_bases) - recipe.bases.keys()
    if other or unnamed:
        differs = ", ".join([*other, *(f"the base {id}" for id in sorted(unnamed))])
        raise BuildError(
            f"commit {recipe.commit} renders another {target.id} than was built: {differs}",
            hint="the commit or the provenance is not what it says; `lockage verify` says who signed it",
        )
