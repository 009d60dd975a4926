"""apply: do what a saved plan says, if that is what would be done now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional, read
from ...command import Command, Parser
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.release.saved import SavedPlan

    from ...saved_plans import ExpectedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What `apply` understands."""

    common: CommonOptions = group(CommonOptions)
    file: Path = positional(type=Path, metavar="FILE", help="what --plan-file wrote")


def apply(options: ApplyOptions) -> int:
    """Plan the same command again, and perform it if nothing else comes out. Raises UsageError for what is no plan,
    ApprovalMissing, PlanOutdated with every difference (both exit code 7)."""
    from pipeline.release.saved import SavedPlan

    from ...saved_plans import ExpectedPlan
    from ...verification.approvals import approvals_beside
    from .copy import CopyOptions, copy
    from .mirror import MirrorOptions, mirror
    from .promote import PromoteOptions, promote
    from .release import ReleaseOptions, release
    from .retention import RetentionOptions, retention
    from .rollback import RollbackOptions, rollback

    commands: Mapping[str, tuple[type[Any], Callable[[Any, ExpectedPlan], int]]] = {
        "copy": (CopyOptions, copy),
        "mirror": (MirrorOptions, mirror),
        "promote": (PromoteOptions, promote),
        "release": (ReleaseOptions, release),
        "retention": (RetentionOptions, retention),
        "rollback": (RollbackOptions, rollback),
    }
    plan = SavedPlan.from_bytes(plan_content(options.file), str(options.file))
    kind, command = commands[plan.command]
    wanted = _parsed(plan, kind, options)
    console.message(f"{plan.command}: {len(plan.moves)} changes, as planned in {options.file}")
    expected = ExpectedPlan(plan, approvals_beside(options.file))
    return command(replace(wanted, common=options.common), expected)


def plan_content(file: Path) -> bytes:
    """What the file of a plan holds. Raises UsageError if it cannot be read."""
    from pipeline.util.files import read_file

    try:
        return read_file(file)
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", hint="lockage promote … --plan-file FILE writes one"
        ) from None


def _parsed(plan: SavedPlan, kind: type[Any], options: ApplyOptions) -> Any:
    """The options that a plan was made with. Raises UsageError for what the command does not understand."""
    parser = Parser(prog=f"lockage {plan.command}", add_help=False)
    Command(kind, lambda _: 0).add_to(parser)
    parser.set_defaults(root=options.common.root, verbose=options.common.verbose)
    try:
        return read(kind, parser.parse_args(list(plan.request)))
    except SystemExit:
        raise UsageError(
            f"{options.file} is no plan to apply: its request is not one of lockage {plan.command}",
            hint=f"lockage {plan.command} … --plan-file {options.file} writes it again",
        ) from None


COMMANDS = {"apply": Command(ApplyOptions, apply)}
