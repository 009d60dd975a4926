"""The verdicts of a target: its record's evidence, with what its gates need beside it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.policy import Effect, Evidence, Verdict, VexEvidence, judge, judge_findings
from pipeline.policy.gates.context import GateContext
from pipeline.policy.gates.size import SizedLayer, is_exceeded
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.model import Digest, Gates
    from pipeline.plan import Target

    from ..context import RunContext
    from .vex import AttestedVex


@dataclass(frozen=True, slots=True)
class JudgedEvidence:
    """Evidence as gates consider it, with what VEX says of it, and their verdicts."""

    evidence: Evidence
    verdicts: tuple[Verdict, ...]
    vex: VexEvidence


def known_evidence(target: Target, evidence: Evidence) -> Evidence:
    """Evidence without that of tests which were removed from the catalogue: they no longer judge the image."""
    return evidence if target.is_tested else replace(evidence, tests=None)


class TargetJudge:
    """Judges the images of a plan's targets by their gates, or by others."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    @cached_property
    def _attested(self) -> AttestedVex:
        from .vex import AttestedVex

        return AttestedVex(self._context)

    async def judge(
        self,
        target: Target,
        digest: Digest,
        evidence: Evidence,
        gates: Gates | None = None,
        vex: VexEvidence | None = None,
    ) -> JudgedEvidence:
        """Judge the image of a target. The registry is asked only where the answer matters: for attested VEX (unless it
        is given) where a finding closes the gate or VEX takes it out, for what is published where growth is limited,
        and for layers where a size is exceeded. Raises RegistryError."""
        context, gates, known = self._context, gates or target.gates, known_evidence(target, evidence)
        published, layers = None, tuple[SizedLayer, ...]()
        if gates.size.growth is not None:
            from .published import published_image

            published = await published_image(context, target)
        if is_exceeded(known.size, gates.size, published):
            from .layers import sized_layers

            layers = await sized_layers(context, target, digest)
        vex = vex or await self._vex(target, digest, known, gates)
        around = GateContext(not target.is_tested, layers, published, vex)
        return JudgedEvidence(known, judge(known, gates, context.today, around), vex)

    async def attested_vex(self, target: Target, digest: Digest) -> VexEvidence:
        """What VEX is matched with, and all that is attested on the image and its index. Raises RegistryError."""
        return await self._attested.of(target, digest)

    async def _vex(self, target: Target, digest: Digest, evidence: Evidence, gates: Gates) -> VexEvidence:
        plain = VexEvidence(self._context.subject(target.image, digest))
        findings = evidence.scan.findings if evidence.scan else ()
        judged = judge_findings(findings, gates.vulnerabilities, self._context.today, plain)
        matters = any(one.effect in (Effect.CLOSES, Effect.VEX) for one in judged)
        return await self.attested_vex(target, digest) if matters else plain
