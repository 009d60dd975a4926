"""policy try: what the registry knows of each target, judged by the policy of a file beside that in force."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag
from ...output import console

if TYPE_CHECKING:
    from pipeline.config.policy import ProjectPolicy

    from ...reports.policy_trial import TriedTarget

_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOptions:
    """What `policy try` understands."""

    common: CommonOptions = group(CommonOptions)
    file: Path = positional(metavar="FILE", type=Path, help="YAML with policy:, as lockage.yml has it")
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()


def try_policy(options: TryOptions) -> int:
    """Print what each gate would decide; exit code 7 when one would close."""
    from ... import signals

    policy = _read(options.file)
    tried = signals.run(partial(_try, options, policy))
    closed = [target for target in tried if not target.passes]
    code = Exit.GATE if closed else Exit.OK
    if options.common.json:
        console.print_json({"targets": [target.to_json() for target in tried], "exit_code": int(code)})
    else:
        for target in tried:
            _print(target)
    unknown = sum(target.evidence is None for target in tried)
    console.message(
        f"{len(tried) - len(closed) - unknown} would pass, {len(closed)} would be closed"
        + (f", {unknown} were never examined (lockage run)" if unknown else "")
        + "; nothing was changed"
    )
    return int(code)


def _read(path: Path) -> ProjectPolicy:
    """The policy of a file. Raises UsageError if it cannot be read, ConfigError for its mistakes."""
    from pipeline.config.policy_file import read_policy
    from pipeline.util.files import read_file

    try:
        return read_policy(read_file(path, _MOST_BYTES + 1), str(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


async def _try(options: TryOptions, policy: ProjectPolicy) -> list[TriedTarget]:
    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...reports.policy_trial import try_on_records
    from ...run_context import RunRequest, open_run

    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    async with open_run("policy", RunRequest(plan, keys=True), Progress()) as context:
        return await try_on_records(context, policy)


def _print(target: TriedTarget) -> None:
    console.print_line(f"{target.id}  {target.now} -> {target.then}")
    for verdict in target.changed:
        for reason in verdict.reasons:
            console.print_line(f"    {verdict.gate} {verdict.state}: {reason}")
        if verdict.hint:
            console.print_line(f"    to open it: {verdict.hint}")
        if verdict.passed:
            console.print_line(f"    {verdict.gate} {verdict.state}")


COMMAND = Command(TryOptions, try_policy)
