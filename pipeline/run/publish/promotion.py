"""Promotion: the same digest, with everything attached to it, under the tags of another environment.

`plan_promotion` reads and decides, `perform` writes exactly that, tags last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import RegistryError
from pipeline.model import Digest, Reference, Repository

if TYPE_CHECKING:
    from pipeline.registry import Registry


@dataclass(frozen=True, slots=True)
class TagMove:
    """One tag to move to a digest; `before` is what it names now, None when it does not exist."""

    reference: Reference
    before: Digest | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """What one promotion writes: `moves` is empty when every tag is up to date."""

    source: Repository
    digest: Digest
    destination: Repository
    moves: tuple[TagMove, ...]
    in_place: tuple[Reference, ...]

    def to_json(self) -> dict[str, Any]:
        """The promotion as data, for `--plan` and `--json`."""
        return {
            "source": str(self.source.at(self.digest)),
            "destination": str(self.destination),
            "moves": [
                {
                    "reference": str(m.reference),
                    "from": str(m.before) if m.before else None,
                    "to": str(self.digest),
                }
                for m in self.moves
            ],
            "in_place": [str(r) for r in self.in_place],
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
            moves.append(TagMove(reference, current.digest if current else None))
    return Promotion(source, digest, destination, tuple(moves), tuple(up_to_date))


async def perform(registry: Registry, promotion: Promotion) -> tuple[Reference, ...]:
    """Copy the image with its referrers, then move the tags; gives the references that were written.

    Raises RegistryError for a tag that somebody else moved since the plan was made. No registry tried here offers
    compare-and-set for tags; checking right before writing is the nearest to it.
    """
    if not promotion.moves:
        return ()
    image = promotion.destination.at(promotion.digest)
    if promotion.source != promotion.destination:
        await registry.copy(promotion.source, promotion.digest, promotion.destination)
    manifest = await registry.get_manifest(image)
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
    return tuple(move.reference for move in moves)
