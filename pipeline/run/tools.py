"""The images of the tools that build, examine and sign."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.errors import ConfigError, Problem
from pipeline.model import Mirrors, Reference
from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ToolImages:
    """The tools of a plan by their key in lockage.yml, pinned where the lock has them."""

    references: Mapping[str, Reference]
    mirrors: Mirrors

    def image(self, name: str) -> Reference:
        """A tool's image by digest, where this site has it. Raises ConfigError when the lock lacks it."""
        reference = self.references[name]
        if reference.digest is None:
            problem = Problem("lockage.lock", 0, 0, f"tools.{name}", f"{reference} is not locked")
            raise ConfigError([problem], hint="lockage lock")
        return self.mirrors.locate(reference).by_digest

    def version(self, name: str) -> str:
        """A tool's version as its tag names it, without a leading v."""
        return (self.references[name].tag or "").removeprefix("v")
