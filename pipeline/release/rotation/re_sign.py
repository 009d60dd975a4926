"""All that is held, signed again; images are independent of each other, and one that is refused stops no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anyio

from pipeline.run.signing.re_sign import ReSigned, ReSigning, re_sign
from pipeline.run.signing.signer import signer
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from .images import Held

if TYPE_CHECKING:
    from pipeline.run.context import RunContext

_AT_ONCE = 4
"""Images at once: their bundles are kept meanwhile, so that a statement is signed once for all places."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became of what is held. What nobody has ever signed is left out, and no failure, unless it was named."""

    held: Held
    result: ReSigned

    @property
    def failed(self) -> bool:
        """Whether it will be refused once the earlier signer is no longer accepted."""
        return bool(self.result.problem) and (self.held.named or not self.result.unsigned)

    def to_json(self) -> dict[str, Any]:
        """The result as data."""
        counts = self.result.attached or (0,) * len(self.held.places)
        return {
            "digest": str(self.held.digest),
            "signed": self.result.signed,
            "places": [
                {"repository": str(place.repository), "tags": list(place.tags), "attached": count}
                for place, count in zip(self.held.places, counts, strict=True)
            ],
            "problem": self.result.problem or None,
            "failed": self.failed,
        }


async def re_sign_all(context: RunContext, held: Sequence[Held]) -> list[Rotated]:
    """Sign everything again that today's signer has not signed. Raises UsageError for a key or token that cannot sign,
    RegistryError."""
    signing = ReSigning(context.signatory, signer(context), context.revision.created)
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def one(image: Held) -> Rotated:
        async with limiter:
            return Rotated(image, await re_sign(context.registry, image.digest, image.places, signing))

    return await each(one, held)
