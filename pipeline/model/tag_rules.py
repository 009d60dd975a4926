"""The rules for the tags of an environment: which never move, and what a rebuilt version does."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

from pipeline.util.dataclass import dataclass

Rebuilt = Literal["move", "refuse", "revision"]
"""What a version does that was built again with another digest: its tag moves, it is refused, or it gets a tag of its
own, such as `3.11.2-r2`."""


@dataclass(frozen=True, slots=True)
class TagRules:
    """`immutable` are patterns of tags (`*` stands for any characters) that are written once and never moved."""

    immutable: tuple[str, ...] = ()
    rebuilt: Rebuilt = "move"

    def is_immutable(self, tag: str) -> bool:
        """Whether a pattern matches the tag."""
        return any(fnmatchcase(tag, pattern) for pattern in self.immutable)
