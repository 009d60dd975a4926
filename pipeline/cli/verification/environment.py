"""verify --env: images by the rules that lockage.yml has for an environment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from pipeline.errors import UsageError
from pipeline.model import Reference
from pipeline.release.environments import environment
from pipeline.run.gates.rules import CheckedImage, check_rules
from pipeline.util.concurrency import each

from .. import signals
from ..common_options import CommonOptions
from ..output.progress import Progress
from ..planning.reader import PlanRequest
from ..run_context import RunRequest, open_run
from .command import report


def verify_environment(
    common: CommonOptions, references: tuple[Reference, ...], name: str, *, locked: bool
) -> int:
    """As `verify_by_rules`; without references, all that the plan has in the environment. Raises UsageError,
    ConfigError, RegistryError, SignatureRefused."""
    request = RunRequest(PlanRequest(common.root, locked=locked), environments=(name,))
    return report(common, signals.run(partial(_check, request, references, name)))


async def _check(request: RunRequest, references: Sequence[Reference], name: str) -> list[CheckedImage]:
    async with open_run("verify", request, Progress()) as context:
        place = environment(context.plan.project.places, name)
        rules = context.rules.get(place.base)
        if rules is None:
            raise UsageError(
                f"{name} has no rules for verification", hint="add verify: to the environment in lockage.yml"
            )
        targets = [group[0] for _, group in context.plan.groups()]
        every = [context.repository(place, target.image).tagged(target.tags[0]) for target in targets]
        now = int(time.time())
        return await each(
            lambda reference: check_rules(context.registry, reference, rules, now), references or every
        )
