"""Commands that change tags: their plan as a file, and what they do when they are to keep to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.util.dataclass import dataclass

from .arguments import words
from .common_options import CatalogueOptions, CommonOptions, ReportOptions
from .files.replace import replace_file
from .promotion_options import PlanFlags

if TYPE_CHECKING:
    from typing import ClassVar, Protocol

    from pipeline.release.saved import PlannedChange, SavedPlan
    from pipeline.run.context import RunContext
    from pipeline.run.publish.promotion import TagMove

    class PlanningOptions(Protocol):
        """Options of a command that can plan alone."""

        __dataclass_fields__: ClassVar[dict[str, Any]]

        @property
        def common(self) -> CommonOptions: ...


@dataclass(frozen=True, slots=True)
class ExpectedPlan:
    """A saved plan that is to be applied, and the files beside it that may be approvals, by name."""

    plan: SavedPlan
    approvals: Mapping[str, bytes]


@dataclass(slots=True)
class PlanKeeper:
    """The plan of one command: written to `file`, or compared with the `expected` one before anything is changed.

    Unless the command `performs` it, nobody has to approve.
    """

    command: str
    file: Path | None = None
    expected: ExpectedPlan | None = None
    performs: bool = True
    _now: SavedPlan | None = field(default=None, init=False)

    async def begin(
        self, context: RunContext, options: PlanningOptions, environments: Iterable[str]
    ) -> RunContext:
        """Note what the command is asked and the ledgers that its plan rests on; before it plans.

        Gives the context, with the plan that is applied and who approved it.

        Raises UsageError for a plan of another project, ApprovalMissing, RegistryError.
        """
        from pipeline.release.saved import SavedPlan

        names = tuple(environments)
        if self.expected is not None:
            self.expected.plan.refuse_project(context.plan.project.project)
        if self.performs:
            context = self._approved(context, options.common.root, names)
        if self.file is not None or self.expected is not None:
            request = _request(options, context.revision.sha)
            self._now = await SavedPlan.of(context, self.command, request, names)
        return context

    def begin_alone(self, options: PlanningOptions) -> None:
        """As `begin`, for a command that needs no project: its plan rests on no ledger, and nobody approves it."""
        from pipeline.release.saved import SavedPlan

        if self.file is not None or self.expected is not None:
            self._now = SavedPlan(self.command, "", tuple(_request(options, "")), (), {})

    def _approved(self, context: RunContext, root: Path, names: Iterable[str]) -> RunContext:
        from pipeline.release.saved.approval import approvers_by_environment
        from pipeline.run.publish.approval import AppliedPlan, refuse_unapproved

        from .verification.approvals import approving

        concerned = [e for e in context.plan.project.environments if e.name in names and e.approvals]
        if self.expected is None:
            for environment in concerned:
                refuse_unapproved(environment, None)
            return context
        digest, signers = self.expected.plan.digest, [(one, approving(one, root)) for one in concerned]
        approvers = approvers_by_environment(digest, self.expected.approvals, signers)
        promotion = replace(context.promotion, plan=AppliedPlan(digest, approvers))
        return replace(context, promotion=promotion)

    @property
    def plans(self) -> bool:
        """Whether the command has to know its changes before it makes them: to show, save or compare them."""
        return not self.performs or self.expected is not None

    def agree(self, moves: Sequence[TagMove]) -> None:
        """Write these moves, or raise PlanOutdated if others were expected."""
        from pipeline.release.saved import PlannedChange

        self.agree_to([PlannedChange.of_move(move) for move in moves])

    def agree_to(self, changes: Iterable[PlannedChange]) -> None:
        """As `agree`, of changes that may be deletions."""
        if self._now is None:
            return
        now = self._now.with_moves(changes)
        if self.expected is not None:
            self.expected.plan.refuse_unless(now)
        if self.file is not None:
            replace_file(self.file, now.to_bytes(), root=Path())


def _request(options: PlanningOptions, commit: str) -> list[str]:
    """The arguments that a command was given, without those that make it plan alone, print JSON or write a report; with
    its commit."""
    changes: dict[str, object] = {"common": replace(options.common, json=False), "planning": PlanFlags()}
    names = {each.name for each in fields(options)}
    of_commit = "revision" in names
    if "catalogue" in names:
        catalogue: CatalogueOptions = getattr(options, "catalogue")  # noqa: B009 - of those that have it
        changes["catalogue"] = replace(catalogue, report=ReportOptions())
    if of_commit:
        changes["revision"] = None
    request = list(words(replace(options, **changes)))
    return [*request, f"--revision={commit}"] if of_commit and commit else request
