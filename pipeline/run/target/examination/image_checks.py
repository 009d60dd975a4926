"""The checks of a target, run one after the other, as test cases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.engine.image_check import CheckOrder, CheckOutcome, ServiceOrder, run_check
from pipeline.plan import Target
from pipeline.plan.output.generate import check_files, write
from pipeline.policy import TestCase
from pipeline.policy.junit import junit_cases

if TYPE_CHECKING:
    import dagger

    from pipeline.catalogue.image_check import ImageCheck

    from ...context import RunContext


async def check_image(
    context: RunContext, client: dagger.Client, target: Target, image: dagger.Container
) -> list[TestCase]:
    """The cases of all checks of a target, its image running where they look at it."""
    cases: list[TestCase] = []
    for check in target.checks:
        tester = None
        if check.image is not None:
            located = context.mirrors.locate(check.image)
            tester = client.container().from_(str(located.by_digest))
        order = await _order(context, target, check)
        subject = f"{target.id} by {check.name}"
        cases += _cases(check, await run_check(client, image, order, tester=tester, subject=subject))
    return cases


async def _order(context: RunContext, target: Target, check: ImageCheck) -> CheckOrder:
    files, service = None, check.service
    if check.entries:
        folder = context.contexts / str(target.key) / "checks" / check.name
        listing = check_files(check.entries)
        await anyio.to_thread.run_sync(partial(write, listing, folder, context.plan.source))
        files = await context.engines.of(target.platform).folder(folder)
    return CheckOrder(
        check.command,
        check.environment,
        check.timeout,
        ServiceOrder(service.arguments, service.environment, service.ports) if service else None,
        files,
        check.junit,
    )


def _cases(check: ImageCheck, outcome: CheckOutcome) -> list[TestCase]:
    """The cases of a check; the first one that failed has the log of the service."""
    cases = _own_cases(check, outcome)
    failed = next((number for number, case in enumerate(cases) if not case.passed), None)
    if outcome.service_log and failed is not None:
        case = cases[failed]
        log = f"{case.detail}\n\nthe service printed:\n{outcome.service_log}".strip()
        cases[failed] = replace(case, detail=log)
    return cases


def _own_cases(check: ImageCheck, outcome: CheckOutcome) -> list[TestCase]:
    """The case of the command itself, and those of its report."""
    passed = outcome.exit_code == 0
    ended = "" if outcome.exit_code is None else f"exited with {outcome.exit_code}\n"
    whole = TestCase(check.name, passed, "" if passed else f"{ended}{outcome.output}".strip()[:4000])
    if check.junit is None or outcome.exit_code is None:
        return [whole]
    if outcome.report is None:
        return [TestCase(check.name, False, f"no report at /reports/{check.junit}\n{whole.detail}".strip())]
    try:
        reported = junit_cases(outcome.report)
    except ValueError as fault:
        return [TestCase(check.name, False, f"{check.junit} cannot be read: {fault}")]
    cases = [TestCase(f"{check.name}: {case.name}", case.passed, case.detail) for case in reported]
    # A runner ends with another code than 0 because of the cases that failed; alone, that is a failure of its own.
    return cases if passed or not all(case.passed for case in reported) else [*cases, whole]
