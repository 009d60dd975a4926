"""Promotion: the same digest, with everything attached to it, under the tags of another environment.

`plan_promotion` reads and decides, `perform` writes exactly that, tags last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.errors import RegistryError
from pipeline.model import Digest, Reference, Repository
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.registry import Registry

    from .approval import AppliedPlan


@dataclass(frozen=True, slots=True)
class PromotionOptions:
    """What a caller allows, and who it is: `force` overwrites tags that others moved, `backwards` is the reason for
    which rolling tags may go back to an older version, `dirty` promotes from a work tree with changes what was built
    from commits, `unpin` promotes images that a rollback pinned. `author` is for the ledger, `plan` the saved plan that
    is applied."""

    force: bool = False
    backwards: str = ""
    dirty: bool = False
    author: str = ""
    unpin: bool = False
    plan: AppliedPlan | None = None

    @property
    def may_move_kept(self) -> bool:
        """Whether tags that rules or pins kept before may move now."""
        return bool(self.force or self.backwards or self.unpin)


@dataclass(frozen=True, slots=True)
class TagMove:
    """One tag to move to a digest; `before` is what it names now, None when it does not exist."""

    reference: Reference
    before: Digest | None
    after: Digest

    def __str__(self) -> str:
        before = self.before.short if self.before else "nothing"
        return f"{self.reference}  {before} → {self.after.short}"

    def to_json(self) -> dict[str, str | None]:
        """The move as data."""
        return {
            "reference": str(self.reference),
            "from": str(self.before) if self.before else None,
            "to": str(self.after),
        }


@dataclass(frozen=True, slots=True)
class KeptTag:
    """One tag that stays at its digest, None when it does not exist, and why."""

    reference: Reference
    digest: Digest | None
    reason: str

    def __str__(self) -> str:
        return f"{self.reference}  kept at {self.digest.short if self.digest else 'nothing'}: {self.reason}"

    def to_json(self) -> dict[str, str | None]:
        """The tag as data."""
        digest = str(self.digest) if self.digest else None
        return {"reference": str(self.reference), "digest": digest, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Promotion:
    """What one promotion writes: `moves` is empty when every tag is up to date."""

    source: Repository
    digest: Digest
    destination: Repository
    moves: tuple[TagMove, ...]
    in_place: tuple[Reference, ...]
    kept: tuple[KeptTag, ...] = ()

    @property
    def named(self) -> tuple[Reference, ...]:
        """The tags that name the digest once it is performed."""
        return (*self.in_place, *(move.reference for move in self.moves))

    def to_json(self) -> dict[str, Any]:
        """The promotion as data, for `--plan` and `--json`."""
        return {
            "source": str(self.source.at(self.digest)),
            "destination": str(self.destination),
            "moves": [move.to_json() for move in self.moves],
            "in_place": [str(r) for r in self.in_place],
            **({"kept": [tag.to_json() for tag in self.kept]} if self.kept else {}),
        }


async def plan_promotion(
    registry: Registry, source: Repository, digest: Digest, destination: Repository, tags: Sequence[str]
) -> Promotion:
    """What promoting a digest to these tags would write; one HEAD for each tag."""
    moves, up_to_date = [], []
    for tag in tags:
        reference = destination.tagged(tag)
        current = await registry.head(reference)
        if current is not None and current.digest == digest:
            up_to_date.append(reference)
        else:
            moves.append(TagMove(reference, current.digest if current else None, digest))
    return Promotion(source, digest, destination, tuple(moves), tuple(up_to_date))


def any_moves(moves: Sequence[TagMove]) -> None:
    """Lets every plan pass: for callers that were not given one to keep to."""


async def perform(registry: Registry, promotion: Promotion) -> tuple[TagMove, ...]:
    """Copy the image with its referrers, then move the tags; gives the moves that were made. Raises as `move_tags`."""
    await copy_image(registry, promotion)
    return await move_tags(registry, promotion)


async def copy_image(registry: Registry, promotion: Promotion) -> None:
    """Copy the image with its referrers, if a tag is to move; no tag moves yet."""
    if promotion.moves and promotion.source != promotion.destination:
        await registry.copy(promotion.source, promotion.digest, promotion.destination)


async def move_tags(registry: Registry, promotion: Promotion) -> tuple[TagMove, ...]:
    """Move the tags to an image that was copied; gives the moves that were made.

    Raises RegistryError for a tag that somebody else moved since the plan was made. No registry tried here offers
    compare-and-set for tags; checking right before writing is the nearest to it.
    """
    if not promotion.moves:
        return ()
    image = promotion.destination.at(promotion.digest)
    manifest = await registry.copied_manifest(image)
    if manifest is None:
        raise RegistryError(f"{image} does not exist after it was copied")
    moves = []
    for move in promotion.moves:
        current = await registry.head(move.reference)
        if current is not None and current.digest == promotion.digest:
            continue  # somebody else promoted the same
        if (current.digest if current else None) != move.before:
            raise RegistryError(
                f"{move.reference} moved to {current.digest if current else 'nothing'} while it was being promoted",
                hint="find out who else writes this channel, then run the promotion again",
            )
        moves.append(move)
    for move in moves:
        await registry.put_manifest(
            promotion.destination, manifest.raw, manifest.media_type, tag=move.reference.tag
        )
    return tuple(moves)
