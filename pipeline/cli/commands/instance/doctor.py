"""doctor: look at what a run needs, and say what is missing and the next command; nothing is started or written."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, Exit, LockageError
from pipeline.util.dataclass import dataclass

from ...arguments import group
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from ...doctor.finding import CheckResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """What `doctor` understands."""

    common: CommonOptions = group(CommonOptions)


def doctor(options: DoctorOptions) -> int:
    """Print every finding; exit code 4 where something keeps a run from working."""
    from ... import signals
    from ...doctor.finding import Health

    checks = signals.run(partial(_look, options))
    if options.common.json:
        console.print_json([finding.to_json() for finding in checks])
    else:
        for finding in checks:
            console.print_line(f"{finding.health:<8} {finding.check}: {finding.text}")
            if finding.next:
                console.print_line(f"         next: {finding.next}")
    bad = [finding for finding in checks if finding.health is Health.PROBLEM]
    warned = [finding for finding in checks if finding.health is Health.WARNING]
    console.message(f"{len(checks)} checks: {len(bad)} problems, {len(warned)} warnings")
    return Exit.ENVIRONMENT if bad else Exit.OK


async def _look(options: DoctorOptions) -> list[CheckResult]:
    from pipeline.lab.settings import LabSettings

    from ...doctor import machine, registries, signing, visibility
    from ...doctor.finding import CheckResult
    from ...planning.reader import PlanReader, PlanRequest

    root, environ, settings = options.common.root, os.environ, LabSettings.from_env(os.environ)
    checks = [machine.git(root, environ), machine.disk(settings)]
    checks += await machine.engine(settings)
    checks += [*machine.network(environ), signing.job(environ)]
    try:
        plan = PlanReader(PlanRequest(root)).read_known()
    except ConfigError as fault:
        count = len(fault.problems)
        return [
            *checks,
            CheckResult.of("catalogue", LockageError(f"{count} problems", hint="lockage plan lists them")),
        ]
    except LockageError as fault:
        return [*checks, CheckResult.of("catalogue", fault)]
    checks.append(CheckResult.ok("catalogue", f"{len(plan.targets)} targets"))
    checks += signing.signing(plan.project, root, environ, settings)
    images = sorted({target.image for target in plan.targets})
    checks += await registries.registries(plan.project, images)
    return [*checks, *await visibility.visibility(plan.project, images)]


COMMANDS = {"doctor": Command(DoctorOptions, doctor)}
