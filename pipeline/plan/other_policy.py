"""A plan under another policy of its project: the same targets with other gates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.catalogue.cascade import resolve
from pipeline.catalogue.discover import discover
from pipeline.model import Gates

from .plan import Plan

if TYPE_CHECKING:
    from pipeline.config.policy import ProjectPolicy


def with_policy(plan: Plan, policy: ProjectPolicy) -> Plan:
    """The plan with the gates that its targets would have under a policy; what images loosen is not checked."""
    of_project = policy.over(Gates())
    gates: dict[tuple[str, str], Gates] = {}
    if plan.source is not None:
        for definition in resolve(plan.source, discover(plan.source).images, []):
            own = definition.gates
            gates[definition.image, definition.tag] = own.over(of_project) if own else of_project
    targets = tuple(replace(t, gates=gates.get((t.image, t.tag), of_project)) for t in plan.targets)
    return replace(plan, targets=targets)
