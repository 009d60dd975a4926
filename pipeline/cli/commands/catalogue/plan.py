"""plan: what there is to build, as data or text; no engine, and without --matrix no registry and no network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option, repeated
from ...command import Command
from ...common_options import (
    CatalogueOptions,
    CommonOptions,
    at_least_one,
    locked_flag,
    snapshot_option,
)
from ...output import console

if TYPE_CHECKING:
    from pipeline.plan import Impact, Plan, Target

    from ...planning.reader import PlanRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What `plan` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    explain: str | None = option(
        "--explain", metavar="ID", exclusive="explain", help="where each value of this target comes from"
    )
    explain_path: str | None = option(
        "--explain-path",
        metavar="PATH",
        exclusive="explain",
        help="which level of rootfs/ this path comes from, and which others have it",
    )
    since_build: bool = flag(
        "--since-build", help="with --explain: also what has changed since the target was last built"
    )
    matrix: str | None = option(
        "--matrix",
        choices=("github", "gitlab", "jenkins", "json"),
        exclusive="explain",
        help="jobs for what the registry does not know yet, one for each chain of bases and platform",
    )
    runners: tuple[str, ...] = repeated(
        "--runner",
        metavar="PLATFORM=LABEL",
        help="with --matrix: the label of a platform's runners; may be repeated",
    )
    max_jobs: int | None = option(
        "--max-jobs",
        type=at_least_one,
        metavar="N",
        help="with --matrix: at most N jobs, as shards if need be",
    )
    locked: bool = locked_flag()
    snapshot_id: str | None = snapshot_option()


def plan(options: PlanOptions) -> int:
    """Targets with their tags, bases and keys; `--json` is the plan itself, the same bytes everywhere."""
    from ...planning.changes import with_affected
    from ...planning.reader import PlanReader, PlanRequest

    common, catalogue = options.common, options.catalogue
    if options.since_build and options.explain is None:
        raise UsageError(
            "--since-build belongs to --explain ID", hint="lockage plan --explain ID --since-build"
        )
    request = PlanRequest.of(common, catalogue, locked=options.locked, snapshot_id=options.snapshot_id)
    if options.matrix is not None:
        return _print_matrix(request, options)
    if options.runners or options.max_jobs:
        raise UsageError("--runner and --max-jobs belong to --matrix", hint="lockage plan --matrix github")
    reader = PlanReader(request)
    read = reader.read_known()
    if options.explain is not None or options.explain_path is not None:
        _explain(read, options)
    elif common.json:
        text = read.to_json()
        console.print_json_text(with_affected(text, reader.impact) if reader.impact else text)
    else:
        _print(read, reader.impact)
    return Exit.OK


def _print_matrix(request: PlanRequest, options: PlanOptions) -> int:
    from ... import signals
    from ...planning.matrix import MatrixRequest, matrix_of, runner_labels

    labels = runner_labels(options.runners)
    wanted = MatrixRequest(options.matrix or "json", labels, options.max_jobs)
    console.print_json_text(signals.run(partial(matrix_of, request, wanted)))
    return Exit.OK


def _explain(plan: Plan, options: PlanOptions) -> None:
    from ...planning import explain

    as_json = options.common.json
    if options.explain is not None:
        explain.print_target(
            plan,
            options.explain,
            options.common.root,
            since_build=options.since_build,
            as_json=as_json,
        )
    elif options.explain_path is not None:
        explain.print_path(plan, options.explain_path, options.catalogue.selection.patterns, as_json=as_json)


def _print(plan: Plan, impact: Impact | None) -> None:
    reasons = {target.id: target.reasons for target in impact.affected} if impact else None
    for target in plan.targets:
        console.print_text(_text(target))
        if reasons is not None:
            for reason in reasons.get(target.id, ("a base of affected targets",)):
                console.print_line(f"    why   {reason}")
        for warning in target.warnings:
            console.message(f"warning: {target.id}: {warning}")
    if plan.unlocked:
        console.message(
            f"{len(plan.unlocked)} references are not locked; the first run locks them, or `lockage lock`"
        )


def _text(target: Target) -> str:
    bases = ", ".join(base.name for base in target.bases) or "nothing"
    if target.external is not None:
        bases = f"none: it is {target.external.familiar}"
    key = target.key[:12] if target.key else "no key (not locked)"
    return f"{target.id}\n    tags  {', '.join(target.tags)}\n    bases {bases}\n    key   {key}\n"


COMMANDS = {"plan": Command(PlanOptions, plan)}
