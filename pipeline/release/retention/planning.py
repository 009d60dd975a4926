"""A plan of all repositories in scope, within one limit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipeline.policy.retention import RetentionPlan
from pipeline.util.concurrency import each
from pipeline.util.timestamps import format_timestamp

from .scope import RetentionScope, refuse_empty
from .survey import Survey


async def plan_retention(
    scope: RetentionScope, *, fresh: bool = False
) -> tuple[RetentionPlan, Sequence[Survey]]:
    """What goes from every repository, and what was read of each for it. Unless `fresh`, tags that an earlier run knows
    are requested only where they would go.

    Raises UsageError for rules that keep nothing, or a clock that is behind; RegistryError.
    """
    surveys = await each(partial(Survey.of, scope, fresh), scope.places)
    plans, limit = [], scope.limit
    for survey in surveys:
        plan = await survey.plan(limit)
        limit -= len(plan.actions)
        plans.append(plan)
    refuse_empty(scope, plans)
    project = scope.store.signers.project
    return RetentionPlan(project, format_timestamp(scope.as_of), scope.limit, tuple(plans)), surveys
