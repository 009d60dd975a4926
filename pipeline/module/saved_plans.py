"""apply inside a Dagger function: what a saved plan says, if the same would be done now. Approvers' keys are in its
source."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.engine.faults import explained
from pipeline.errors import UsageError
from pipeline.release.environments import environment, release_destinations
from pipeline.release.saved import PlannedChange, SavedPlan, deletions_of
from pipeline.release.saved.approval import approvers_by_environment
from pipeline.release.saved.request import SavedRequest
from pipeline.run.gates.rules import signatories_of
from pipeline.run.publish.approval import AppliedPlan
from pipeline.run.publish.promotion import PromotionOptions
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import parse_timestamp

from .argument_values import Selection
from .calls import deleted_text, report, with_secondaries
from .catalogue import read_catalogue
from .context import refuse_other_tag, run_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.config import Environment
    from pipeline.run.context import RunContext
    from pipeline.run.publish.promotion import TagMove
    from pipeline.trust import Signatory

    from .argument_values import ModuleArguments

_CLOCK_MARGIN = 3600


@dataclass(frozen=True)
class PlanApplication:
    """A saved plan that is applied, with the approvals that came with it: bundles by name."""

    given: ModuleArguments
    plan: SavedPlan
    approvals: Mapping[str, bytes]

    @cached_property
    def request(self) -> SavedRequest:
        """What its command was asked. Raises UsageError for an option that only the command line knows."""
        return SavedRequest.of(self.plan)

    async def perform(self) -> str:
        """What was written or deleted, as the text that a function gives.

        Raises UsageError for a plan of another project, ApprovalMissing, PlanOutdated, and what the command raises.
        """
        request, command = self.request, self.plan.command
        names = {"promote": request.arguments, "release": request.arguments[1:]}.get(command, ())
        given = replace(
            self.given,
            revision=request.value("--revision") or self.given.revision,
            locked=self.given.locked or request.has("--locked"),
        )
        selection = Selection.of(request.values("--only") or names, request.values("--platform"))
        commands = {
            "promote": self._promote,
            "release": self._release,
            "rollback": self._rollback,
            "retention": self._retention,
        }
        async with run_context(given, report, selection, signs=True) as context:
            self.plan.refuse_project(context.plan.project.project)
            return await commands[command](context)

    async def _promote(self, context: RunContext) -> str:
        from pipeline.release.promote import Promotions

        environments = context.plan.project.environments
        origin = environment(environments, self.request.value("--from") or environments[0].name)
        to = environment(environments, self.request.value("--to"))
        context, agree = await self._begin(context, [to])
        promotions = Promotions(context, origin, [to], signed=self._signed)
        return with_secondaries(await promotions.perform(agree=agree), promotions.secondaries)

    async def _release(self, context: RunContext) -> str:
        from pipeline.release.versions.release import ReleaseNames, Releases

        version = self.request.arguments[0]
        names = ReleaseNames.of((await read_catalogue(self.given)).everything(), version)
        await refuse_other_tag(self.given, version, context.revision.sha)
        to = release_destinations(context.plan.project, self.request.value("--to") or None)
        context, agree = await self._begin(context, to)
        releases = Releases(context, names, to, signed=self._signed)
        return with_secondaries(await releases.perform(agree=agree), releases.secondaries)

    async def _rollback(self, context: RunContext) -> str:
        from pipeline.release.rollback import RollbackRequest, Rollbacks

        (name, *images), request = self.request.arguments, self.request
        destination = environment(context.plan.project.environments, name)
        context, agree = await self._begin(context, [destination])
        wanted = RollbackRequest(
            destination,
            tuple(images),
            request.value("--to"),
            request.value("--reason"),
            request.value("--accept"),
        )
        rollbacks = Rollbacks(context, wanted)
        return with_secondaries(await rollbacks.perform(agree=agree), rollbacks.secondaries)

    async def _retention(self, context: RunContext) -> str:
        from pipeline.release.retention.context import scope_of
        from pipeline.release.retention.perform import perform_retention
        from pipeline.release.retention.planning import plan_retention
        from pipeline.release.retention.scope import RetentionRequest

        request, now = self.request, int(time.time())
        closed = frozenset(map(int, request.values("--closed"))) or None
        wanted = RetentionRequest(
            closed,
            int(request.value("--limit")) if request.has("--limit") else None,
            request.has("--allow-empty"),
            self.given.author,
            commit=context.revision.label,
            as_of=self._as_of(now),
        )
        scope = await scope_of(context, wanted, now, request.values("--env"))
        concerned = [e for e in context.plan.project.environments if e.name in scope.ledgers]
        context = await self._approved(context, concerned)
        current = await self._now(context, scope.ledgers)
        plan, surveys = await plan_retention(scope, fresh=True)
        self.plan.refuse_unless(current.with_moves(deletions_of(plan)))
        scope = replace(scope, request=replace(wanted, plan=context.promotion.plan))
        return deleted_text(plan, await perform_retention(scope, plan, surveys))

    def _as_of(self, now: int) -> int | None:
        """The time that ages are counted to. Raises UsageError for no time, or one to come."""
        if not self.request.has("--as-of"):
            return None
        text = self.request.value("--as-of")
        try:
            as_of = parse_timestamp(text)
        except ValueError:
            as_of = now + 2 * _CLOCK_MARGIN
        if as_of > now + _CLOCK_MARGIN:
            raise UsageError(
                f"the plan counts ages to {text}, which is not in the past",
                hint="lockage retention --plan-file FILE makes a plan of today",
            )
        return as_of

    @property
    def _signed(self) -> bool | None:
        data = self.request.value("--data")
        return data == "signed" if data else None

    async def _begin(
        self, context: RunContext, environments: Sequence[Environment]
    ) -> tuple[RunContext, Callable[[Sequence[TagMove]], None]]:
        """The context with what the plan allows and who approved it, and what refuses other moves than the plan's."""
        context = await self._approved(context, environments)
        now = await self._now(context, [one.name for one in environments])

        def agree(moves: Sequence[TagMove]) -> None:
            self.plan.refuse_unless(now.with_moves(map(PlannedChange.of_move, moves)))

        return context, agree

    async def _now(self, context: RunContext, ledgers: Iterable[str]) -> SavedPlan:
        return await SavedPlan.of(context, self.plan.command, self.plan.request, ledgers)

    async def _approved(self, context: RunContext, environments: Iterable[Environment]) -> RunContext:
        signers = [(one, await self._signers(one)) for one in environments if one.approvals]
        approvers = approvers_by_environment(self.plan.digest, self.approvals, signers)
        request = self.request
        promotion = PromotionOptions(
            request.has("--force"),
            request.value("--allow-backwards"),
            request.has("--allow-dirty"),
            self.given.author,
            unpin=request.has("--unpin"),
            plan=AppliedPlan(self.plan.digest, approvers),
        )
        return replace(context, promotion=promotion)

    async def _signers(self, environment: Environment) -> tuple[Signatory, ...]:
        """Those who may approve changes of an environment, by files of the source. Raises ConfigError."""
        assert environment.approvals
        files = {}
        for path in environment.approvals.files:
            with explained(f"reading {path}", hint="approvals: in lockage.yml names keys and trusted roots"):
                files[path] = (await self.given.source.file(path).contents()).encode()
        return signatories_of(environment.approvals.signers, files)
