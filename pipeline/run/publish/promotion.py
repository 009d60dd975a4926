"""Promotion: the same digest, with everything attached to it, under the tags of another environment.

Look first, then act: `plan_promotion` reads and decides, `perform` writes exactly that, tags last.
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
    """One tag that shall point to a digest; `before` is what it points to now, None when it does not exist."""

    reference: Reference
    before: Digest | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """What one promotion will write: `moves` is empty when everything is in place already."""

    source: Repository
    digest: Digest
    destination: Repository
    moves: tuple[TagMove, ...]
    in_place: tuple[Reference, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data, for `--plan` and `--json`."""
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
    """Look at every tag of the destination; one HEAD each."""
    moves, in_place = [], []
    for tag in tags:
        reference = destination.tagged(tag)
        now = await registry.head(reference)
        if now is not None and now.digest == digest:
            in_place.append(reference)
        else:
            moves.append(TagMove(reference, now.digest if now else None))
    return Promotion(source, digest, destination, tuple(moves), tuple(in_place))


async def perform(registry: Registry, promotion: Promotion) -> tuple[Reference, ...]:
    """Copy the image with its referrers, then move the tags; gives the references that were written.

    A tag that somebody else moved since the plan was made stops the promotion (RegistryError): nothing tried
    here offers compare-and-set, so this is the nearest to it that a registry allows.
    """
    if not promotion.moves:
        return ()
    if promotion.source != promotion.destination:
        await registry.copy(promotion.source, promotion.digest, promotion.destination)
    manifest = await registry.get_manifest(promotion.destination.at(promotion.digest))
    if manifest is None:
        raise RegistryError(f"{promotion.destination.at(promotion.digest)} is not there after it was copied")
    todo = []
    for move in promotion.moves:
        now = await registry.head(move.reference)
        if now is not None and now.digest == promotion.digest:
            continue  # somebody else brought the same there
        if (now.digest if now else None) != move.before:
            raise RegistryError(
                f"{move.reference} moved to {now.digest if now else 'nothing'} while it was being promoted",
                hint="look at who else writes this channel, then run the promotion again",
            )
        todo.append(move)
    written = []
    for move in todo:
        tag = move.reference.tag
        await registry.put_manifest(promotion.destination, manifest.raw, manifest.media_type, tag=tag)
        written.append(move.reference)
    return tuple(written)
