"""A plan under another policy of its project: the same targets with other gates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.catalogue.cascade import resolve
from pipeline.catalogue.discover import discover
from pipeline.catalogue.source import Source
from pipeline.errors import ConfigError, Problem
from pipeline.model import Gates

from .plan import Plan
from .policy_documents import documents_of, documents_of_policy

if TYPE_CHECKING:
    from pipeline.config.policy import ProjectPolicy


def with_policy(plan: Plan, policy: ProjectPolicy) -> Plan:
    """The plan with the gates that its targets would have under a policy; what images loosen is not checked.

    The files that the policy names are those of the catalogue. Raises ConfigError where one cannot be read.
    """
    source = plan.source or Source({})
    problems: list[Problem] = []
    of_project = policy.over(Gates(), documents_of_policy(source, policy, problems))
    if problems:
        raise ConfigError(problems)
    gates: dict[tuple[str, str], Gates] = {}
    if plan.source is not None:
        discovered = discover(plan.source)
        documents = documents_of(plan.source, discovered, [])
        for definition in resolve(plan.source, discovered.images, []):
            own = definition.gates
            gates[definition.image, definition.tag] = own.over(of_project, documents) if own else of_project
    targets = tuple(replace(t, gates=gates.get((t.image, t.tag), of_project)) for t in plan.targets)
    return replace(plan, targets=targets)
