"""Rules in a file of a consumer's own, who has no catalogue."""

from __future__ import annotations

from pipeline.model import Repository
from pipeline.model.path_pattern import PathPattern, wildcard_pattern
from pipeline.model.verification import Admission, AdmissionRules, VerificationRules
from pipeline.util.dataclass import dataclass

from ..validation import read_document
from .rules import VerificationFile


@dataclass(frozen=True, slots=True)
class RulesOfImages:
    """The rules of a file, in its order, each with the repositories that it is for."""

    entries: tuple[tuple[tuple[PathPattern, ...], VerificationRules], ...]

    def of(self, repository: Repository) -> VerificationRules | None:
        """The first rules for a repository, None if the file has none."""
        name = str(repository)
        for patterns, rules in self.entries:
            if any(pattern.fullmatch(name) for pattern in patterns):
                return rules
        return None

    @property
    def all(self) -> tuple[VerificationRules, ...]:
        """All rules."""
        return tuple(rules for _, rules in self.entries)


def read_rules(content: bytes, path: str) -> RulesOfImages:
    """The rules of a file's content. Raises ConfigError with every problem."""
    file = _read(content, path)
    return RulesOfImages(
        tuple((tuple(map(wildcard_pattern, entry.images)), entry.value()) for entry in file.verify)
    )


def read_admission(content: bytes, path: str) -> Admission:
    """The rules of a file's content and its exemptions, with patterns as text. Raises ConfigError."""
    file = _read(content, path)
    return Admission(
        tuple(AdmissionRules(entry.images, entry.value()) for entry in file.verify),
        tuple(entry.value() for entry in file.exemptions),
    )


def _read(content: bytes, path: str) -> VerificationFile:
    return read_document(VerificationFile, content, path, "docs/verification.md has an example")
