"""What a cluster admits: rules for images in order, and the images that are exempt for a while."""

from __future__ import annotations

from datetime import date

from pipeline.util.dataclass import dataclass

from .rules import VerificationRules


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """The rules for the repositories that match one of `images`: patterns as those of provenance."""

    images: tuple[str, ...]
    rules: VerificationRules


@dataclass(frozen=True, slots=True)
class Exemption:
    """Repositories that are admitted without their rules up to and including `expires`."""

    images: tuple[str, ...]
    owner: str
    reason: str
    expires: date


@dataclass(frozen=True, slots=True)
class Admission:
    """The first rules whose images match a repository are those for it; one that matches none is not restricted."""

    rules: tuple[AdmissionRules, ...]
    exemptions: tuple[Exemption, ...] = ()
