"""What the records of a plan's targets would be judged like under another policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from pipeline.plan.other_policy import with_policy
from pipeline.policy import Evidence, Verdict
from pipeline.run.gates.judge import TargetJudge
from pipeline.state.records import Records
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config.policy import ProjectPolicy
    from pipeline.plan import Target
    from pipeline.run.context import RunContext

_CONCURRENT = 8


@dataclass(frozen=True, slots=True)
class TriedTarget:
    """A target's verdicts by the policy in force and by the other one; without evidence it was never examined."""

    id: str
    evidence: Evidence | None
    before: tuple[Verdict, ...] = ()
    after: tuple[Verdict, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the other policy lets it pass, or knows nothing of it."""
        return all(verdict.passed for verdict in self.after)

    @property
    def now(self) -> str:
        """Its state by the policy in force, in a word."""
        return self._state(self.before)

    @property
    def then(self) -> str:
        """Its state by the other policy, in a word."""
        return self._state(self.after)

    @property
    def changed(self) -> tuple[Verdict, ...]:
        """The other policy's verdicts that differ, or close."""
        known = {verdict.gate: verdict for verdict in self.before}
        return tuple(v for v in self.after if not v.passed or v.state != known.get(v.gate, v).state)

    def _state(self, verdicts: tuple[Verdict, ...]) -> str:
        if self.evidence is None:
            return "unknown"
        return "passed" if all(verdict.passed for verdict in verdicts) else "closed"

    def to_json(self) -> dict[str, object]:
        """The target as data."""
        return {
            "id": self.id,
            "now": self.now,
            "then": self.then,
            "verdicts": [verdict.to_json() for verdict in self.after],
        }


async def try_on_records(context: RunContext, policy: ProjectPolicy) -> list[TriedTarget]:
    """Judge the evidence of every target of the plan by both policies. No engine; nothing is written."""
    store, limit = context.store(), anyio.CapacityLimiter(_CONCURRENT)
    records = Records(store, context.plan.targets)
    other, judge = with_policy(context.plan, policy), TargetJudge(context)

    async def tried(target: Target) -> TriedTarget:
        async with limit:
            record = await records.find(target.key) if target.key else None
        if record is None:
            return TriedTarget(target.id, None)
        async with limit:
            before = await judge.judge(target, record.digest, record.evidence)
            gates = other.by_id[target.id].gates
            after = await judge.judge(target, record.digest, record.evidence, gates)
        return TriedTarget(target.id, before.evidence, before.verdicts, after.verdicts)

    results = await each(tried, context.plan.targets)
    context.tell_distrusted(store)
    return results
