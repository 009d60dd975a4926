"""What may be promoted: the index that a run publishes, each part signed for exactly that, with findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import GateClosed, RegistryError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.oci.index import index_problems
from pipeline.policy.tags import DIRTY
from pipeline.run.context import RunContext
from pipeline.run.publish.image_claims import ImageClaims
from pipeline.sbom.current_document import is_bill
from pipeline.trust import CYCLONEDX, PROVENANCE, SPDX, Verification, verify_claims
from pipeline.trust.claims import ATTESTED
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from .attested_image import AttestedImage
from .environments import find_image

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.plan import Target

REVISION = "org.opencontainers.image.revision"
_DOCUMENTS = {"CycloneDX": CYCLONEDX, "SPDX": SPDX}


@dataclass(frozen=True, slots=True)
class FoundImage:
    """What is to be promoted of one image tag: its index in the repository of origin."""

    targets: Sequence[Target]
    source: Repository
    index: Descriptor

    @property
    def name(self) -> str:
        """`image:tag`."""
        return self.targets[0].name


@dataclass(frozen=True, slots=True)
class PromotableImage:
    """What may be promoted of one image tag: checked, and each platform with its target."""

    image: FoundImage
    platforms: tuple[tuple[Target, AttestedImage], ...]


async def find_promotable(
    context: RunContext, origin: Environment, group: Sequence[Target], *, restore: bool
) -> FoundImage:
    """An image tag in the environment of origin: in the first one by this commit's tags.

    What the project's registry has lost is found in its fallbacks. With `restore`, it is checked and copied back by
    digest, because more is attached to it before it is promoted. Raises RegistryError where no registry has it, and
    with `restore` what `check_promotable` raises.
    """
    target, of_commit = group[0], origin == context.plan.project.environments[0]
    home = context.repository(origin, target.image)
    try:
        return FoundImage(group, home, await find_image(context, home, target, of_commit=of_commit))
    except RegistryError:
        for place in context.fallbacks.of(Reference(home)):
            try:
                index = await find_image(context, place.repository, target, of_commit=of_commit)
            except RegistryError:
                continue
            image = FoundImage(group, place.repository, index)
            context.tell(
                target.name, ProgressState.WARNING, f"{home} does not give it; it is read from {place}"
            )
            if not restore:
                return image
            await check_promotable(context, image, of_commit=of_commit)
            await context.registry.copy(image.source, index.digest, home, check=True)
            return replace(image, source=home)
        raise


async def check_promotable(context: RunContext, image: FoundImage, *, of_commit: bool) -> PromotableImage:
    """The platforms of what a tag of an image tag names, each with its target; no engine runs and no image is pulled.

    It has to be an index of exactly the plan's platforms. The index and each platform have to be signed for this image
    tag (`of_commit`: and this revision's commit) and to bear their signed bills of materials (and provenance, where a
    signature says so), and each platform to have signed findings.
    Raises GateClosed, SignatureRefused, RegistryError.
    """
    repository, targets, key = image.source, image.targets, context.signatory
    claims = ImageClaims.of(context, targets)
    if not of_commit:
        claims = claims.of_any_commit()
    reference = repository.at(image.index.digest)
    manifest = await context.registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(f"{reference} does not exist", hint="lockage run")
    problems = index_problems(manifest, claims.platforms)
    if problems:
        raise GateClosed(
            f"{reference} is not the index that a run publishes of {image.name}",
            hint="find out who moved the tag; lockage run writes it again",
            detail="\n".join(problems),
        )
    if manifest.annotations.get(REVISION, "").endswith(DIRTY):
        raise GateClosed(
            f"{reference} is not promoted: it was built from a work tree with changes",
            hint="commit them, then lockage run builds it with the commit's label",
        )
    of_index = await verify_claims(context.registry, repository, image.index.digest, key, claims.index)
    children: list[tuple[Target, AttestedImage]] = []
    of_platforms = {target.platform: target for target in targets}
    for child in manifest.children:
        if child.platform is not None:
            wanted = claims.platforms[child.platform]
            seen = await verify_claims(context.registry, repository, child.digest, key, wanted)
            target = of_platforms.get(child.platform, targets[0])
            name = f"{target.name} ({child.platform})"
            attested = AttestedImage(name, repository, child, seen.statements, of_index)
            children.append((target, _attested(attested, seen)))
            _refuse_incomplete(repository, seen)
    _refuse_incomplete(repository, of_index)
    return PromotableImage(image, tuple(children))


def _refuse_incomplete(repository: Repository, seen: Verification) -> None:
    """Whoever may delete referrers must not have an image promoted without its bill of materials, nor without the
    provenance that its signature says is attested."""
    if any(claims.provenance == ATTESTED for claims in seen.claims) and not seen.has(PROVENANCE):
        raise GateClosed(
            f"{repository.at(seen.subject)} has no signed provenance, and its signature says that it was attested",
            hint="lockage sign attaches it again; then promote again",
            detail="\n".join(seen.refused) or None,
        )
    bills = {s.predicate_type for s in seen.statements if is_bill(s.predicate)}
    lacking = [name for name, kind in _DOCUMENTS.items() if kind not in bills]
    if lacking:
        raise GateClosed(
            f"{repository.at(seen.subject)} has no signed bill of materials ({', '.join(lacking)})",
            hint="lockage sign attaches it again; then promote again",
            detail="\n".join(seen.refused) or None,
        )


def _attested(image: AttestedImage, seen: Verification) -> AttestedImage:
    """The image, if its newest signed findings can be read."""
    try:
        scan = image.scan
    except ValueError as fault:
        raise RegistryError(
            f"the signed findings of {image.reference} ({image.platform}) cannot be read: {fault}",
            hint="lockage sign attests them again, with newer vulnerability data",
        ) from None
    if scan is None:
        raise GateClosed(
            f"{image.reference} has no signed findings",
            hint="lockage sign; then promote again",
            detail="\n".join(seen.refused) or None,
        )
    return image
