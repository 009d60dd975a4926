"""Which examinations an image lacks before its gates can be open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..results import Stage

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.policy import Evidence


def unexamined(target: Target, evidence: Evidence) -> list[Stage]:
    """The stages that have found nothing out about the image yet; those that its gates do not need are left out."""
    done = {
        Stage.SCAN: evidence.scan is not None,
        Stage.SBOM: evidence.inventory is not None,
        Stage.TEST: evidence.tests is not None or not target.is_tested,
        Stage.LINT: evidence.lint is not None or target.gates.lint.fail_on is None or bool(target.external),
    }
    return [stage for stage, examined in done.items() if not examined]
