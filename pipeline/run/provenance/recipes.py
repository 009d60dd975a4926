"""The signed provenance of an image's platforms, as recipes to build them again."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pipeline.errors import BuildError, GateClosed, RegistryError
from pipeline.model import Digest, Platform, Reference
from pipeline.oci.index import is_attestation
from pipeline.provenance import Recipe
from pipeline.trust import PROVENANCE, Statement, examine
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.trust import Signatory


@dataclass(frozen=True, slots=True)
class AttestedRecipe:
    """An image of one platform by digest, and how it was built."""

    image: Reference
    recipe: Recipe


async def attested_recipes(
    registry: Registry, reference: Reference, key: Signatory, platforms: Collection[Platform]
) -> list[AttestedRecipe]:
    """The recipe of each platform of an image (`platforms`, else all), by the newest provenance that the key signed.

    Raises RegistryError, GateClosed for a platform without provenance by the key, BuildError for one whose provenance
    is not enough to build it again.
    """
    manifest = await registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(f"{reference} does not exist", hint="check its repository, tag or digest")
    if not manifest.is_index:
        return [await _recipe(registry, reference.repository.at(manifest.digest), key)]
    children = [c for c in manifest.children if c.platform and not is_attestation(c)]
    chosen = [c.digest for c in children if not platforms or c.platform in platforms]
    if not chosen:
        known = ", ".join(str(c.platform) for c in children) or "none"
        raise RegistryError(f"{reference} has no such platform (it has: {known})")
    return [await _recipe(registry, reference.repository.at(digest), key) for digest in chosen]


async def _recipe(registry: Registry, image: Reference, key: Signatory) -> AttestedRecipe:
    assert isinstance(image.digest, Digest)
    seen = await examine(registry, image.repository, image.digest, key)
    provenance = [s for s in seen.statements if s.predicate_type == PROVENANCE]
    if not provenance:
        raise GateClosed(
            f"{image} has no provenance signed by {key.origin}",
            hint="lockage sign attaches it; or name the publisher's key: --key FILE",
            detail="\n".join(seen.refused) or None,
        )
    try:
        recipe = Recipe.of(max(provenance, key=_finished).predicate)
    except ValueError as fault:
        raise BuildError(
            f"the provenance of {image} cannot be built from: {fault}",
            hint="docs/provenance-build-type.md says what it must hold",
        ) from None
    _refuse_incomplete(image, recipe)
    return AttestedRecipe(image, recipe)


def _finished(statement: Statement) -> str:
    try:
        return str(statement.predicate["runDetails"]["metadata"]["finishedOn"])
    except (KeyError, TypeError):
        return ""


def _refuse_incomplete(image: Reference, recipe: Recipe) -> None:
    reason = ""
    if not recipe.commit:
        reason = "it names no commit"
    elif recipe.modified:
        reason = f"the work tree at {recipe.commit} had changes"
    elif not recipe.rebuildable:
        reason = "it used secrets, SSH or an address without a digest"
    if reason:
        raise BuildError(
            f"the provenance of {image} is not enough to build it again: {reason}",
            hint=f"lockage rebuild --only {recipe.target} compares from a checkout instead",
        )
