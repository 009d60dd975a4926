"""What the bill of materials of a target's image is about, and the serial number that it has therefore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.sbom import SbomSubject

if TYPE_CHECKING:
    from pipeline.model import Digest
    from pipeline.plan import Target

    from ...context import RunContext


def subject_of(context: RunContext, target: Target, digest: Digest, created: int = 0) -> SbomSubject:
    """A target's image as the first environment has it."""
    repository = context.repository(context.plan.project.environments[0], target.image)
    supplier = context.plan.project.project
    return SbomSubject(supplier, repository, target.tag, digest, target.platform, created)


def serial_of(context: RunContext, target: Target, digest: Digest) -> str:
    """The serial number that the documents of a target's image have, if they were made as they would be today."""
    return subject_of(context, target, digest).serial(context.tools.version("syft")).urn
