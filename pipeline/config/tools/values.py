"""The images of tools, and the addresses of their data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

GRYPE_DB = "https://grype.anchore.io/databases/v6/latest.json"
"""The listing of grype's data, as its publisher has it."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The images of the tools that build, scan, sign and test."""

    buildkit: Reference
    hadolint: Reference
    syft: Reference
    trivy: Reference
    cosign: Reference
    structure_test: Reference
    grype: Reference

    @property
    def builder(self) -> str:
        """The version of BuildKit, as its tag has it."""
        return self.buildkit.tag or ""

    def all(self) -> dict[str, Reference]:
        """Every tool by its key in lockage.yml."""
        return {
            "buildkit": self.buildkit,
            "hadolint": self.hadolint,
            "syft": self.syft,
            "trivy": self.trivy,
            "cosign": self.cosign,
            "structure-test": self.structure_test,
            "grype": self.grype,
        }

    @classmethod
    def from_json(cls, references: Mapping[str, str]) -> Self:
        """The tools from their references by key in lockage.yml."""
        return cls(**{key.replace("-", "_"): Reference.parse(text) for key, text in references.items()})
