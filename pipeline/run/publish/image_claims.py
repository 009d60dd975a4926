"""What the signatures of an image tag say they are for: the index and each platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.model import Platform
from pipeline.trust.claims import Claims, joined_key, listed
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ..context import RunContext


@dataclass(frozen=True, slots=True)
class ImageClaims:
    """The claims for the index of an image tag, and for each of its platforms in order."""

    index: Claims
    platforms: Mapping[Platform, Claims]

    @classmethod
    def of(cls, context: RunContext, targets: Sequence[Target]) -> ImageClaims:
        """Those of one image tag at this revision, for all its platforms, also those that the plan leaves out."""
        target = targets[0]
        keys = {t.platform: t.key or "" for t in targets}
        platforms = sorted({t.platform for t in context.whole.get(target.name, ())} | keys.keys())
        plain = Claims(
            image=target.image,
            repository=context.repository(context.plan.project.environments[0], target.image).path,
            tag=target.tag,
            tags=(target.tag,) if context.plan.snapshot_id else target.tags,
            platform=listed(platforms),
            commit=context.revision.label,
        )
        of_platforms = {p: replace(plain, platform=str(p), key=keys.get(p, "")) for p in platforms}
        return cls(replace(plain, key=joined_key([keys.get(p, "") for p in platforms])), of_platforms)

    def of_any_commit(self) -> ImageClaims:
        """The same, whatever the commit."""
        platforms = {platform: replace(claims, commit="") for platform, claims in self.platforms.items()}
        return ImageClaims(replace(self.index, commit=""), platforms)
