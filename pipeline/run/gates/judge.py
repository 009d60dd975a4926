"""The verdicts of a target: its record's evidence, with what its gates need beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.policy import Evidence, Verdict, VexEvidence, judge
from pipeline.policy.gates.context import GateContext
from pipeline.policy.gates.size import is_exceeded

from .layers import sized_layers
from .published import published_image

if TYPE_CHECKING:
    from pipeline.model import Digest, Gates
    from pipeline.plan import Target

    from ..context import RunContext


@dataclass(frozen=True, slots=True)
class JudgedEvidence:
    """Evidence as gates consider it, and their verdicts."""

    evidence: Evidence
    verdicts: tuple[Verdict, ...]


def known_evidence(target: Target, evidence: Evidence) -> Evidence:
    """Evidence without that of tests which were removed from the catalogue: they no longer judge the image."""
    return evidence if target.is_tested else replace(evidence, tests=None)


async def judge_target(
    context: RunContext,
    target: Target,
    digest: Digest,
    evidence: Evidence,
    gates: Gates | None = None,
    vex: VexEvidence | None = None,
) -> JudgedEvidence:
    """Judge the image of a target by its own gates, or by others. The registry is asked only for the size gate: for
    what is published where growth is limited, and for layers where one is exceeded. Of VEX, the catalogue's documents
    count, and with `vex` those that are attested. Raises RegistryError."""
    gates, known = gates or target.gates, known_evidence(target, evidence)
    published = None if gates.size.growth is None else await published_image(context, target)
    exceeded = is_exceeded(known.size, gates.size, published)
    layers = await sized_layers(context, target, digest) if exceeded else ()
    vex = vex or VexEvidence(context.subject(target.image, digest))
    around = GateContext(not target.is_tested, layers, published, vex)
    return JudgedEvidence(known, judge(known, gates, context.today, around))
