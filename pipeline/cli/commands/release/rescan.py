"""rescan: scan what an environment holds again with today's data, and attest what it finds; no tag moves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, option
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, RunOptions, locked_flag, offline_flag
from ...output import console

if TYPE_CHECKING:
    from pipeline.release.rescan import Rescanned


@dataclass(frozen=True, slots=True, kw_only=True)
class RescanOptions:
    """What `rescan` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    offline: bool = offline_flag()
    environment: str = option("--env", metavar="ENV", required=True, help="environment whose images to scan")


def rescan(options: RescanOptions) -> int:
    """Scan, attest and judge; exit code 7 when a gate would close, or an image could not be examined."""
    from ... import signals
    from ...proposals import require_reviewed

    require_reviewed("rescan")
    results = signals.run(partial(_rescan, options))
    failing = [result for result in results if not result.passes]
    code = Exit.GATE if failing else Exit.OK
    if options.common.json:
        console.print_json({"images": [result.to_json() for result in results], "exit_code": int(code)})
    else:
        for result in results:
            _print(result)
    scanned = sum(result.source is not None for result in results)
    console.message(
        f"{len(results)} images, {scanned} scanned with newer data, {len(failing)} would not pass; no tag moved"
    )
    return int(code)


async def _rescan(options: RescanOptions) -> list[Rescanned]:
    from pipeline.release.environments import environment
    from pipeline.release.rescan import rescan as rescan_environment

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    with Progress() as report:
        request = RunRequest(plan, RunOptions(offline=options.offline), environments=(options.environment,))
        async with open_run("rescan", request, report) as context:
            named = environment(context.plan.project.environments, options.environment)
            return await rescan_environment(context, named)


def _days(result: Rescanned) -> str:
    """The day of each scanner's data; who it is of where there are several."""
    tools = [tool for tool in (result.tool, *result.beside) if tool]
    days = [tool.data_date[:10] if tool.data_date else "an unknown day" for tool in tools]
    if len(tools) < 2:
        return "".join(days)
    return ", ".join(f"{day} ({tool.name})" for tool, day in zip(tools, days, strict=True))


def _print(result: Rescanned) -> None:
    state = "not examined" if result.problem else "passed" if result.passes else "closed"
    console.print_line(f"{result.name}  {state}")
    if result.problem:
        console.print_line(f"    {result.problem}")
    if result.source:
        console.print_line(f"    scanned by data of {_days(result)}, source: {result.source}")
    for finding in result.opened:
        fixed = f"fixed in {finding.fixed}" if finding.fixed else "no fix yet"
        console.print_line(
            f"    new    {finding.id} {finding.severity} in {finding.package} {finding.version} ({fixed})"
        )
    for text in result.gone:
        console.print_line(f"    gone   {text}")
    for verdict in result.verdicts:
        for reason in () if verdict.passed else verdict.reasons:
            console.print_line(f"    {verdict.gate} {verdict.state}: {reason}")


COMMANDS = {"rescan": Command(RescanOptions, rescan)}
