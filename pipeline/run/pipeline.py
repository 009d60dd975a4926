"""The run: every stage in order, as much at once as the plan and the limits allow.

A target waits for its bases, an image tag for its platforms; nothing waits for anything else. Results are in plan
order, and targets that could not run are among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from pipeline.config import Environment
from pipeline.errors import RegistryError, UsageError
from pipeline.plan import Target
from pipeline.state.records import Records
from pipeline.state.run_state import RunState, load_run_state
from pipeline.state.store import Store
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from .context import RunContext
from .image_cache import ImageCache
from .platforms import refuse_impossible
from .priority import most_dependents_first
from .publish.image import PublishSteps, publish, report_closed
from .publish.publication import Publication, Published
from .results import ImageResult, RunResult, Stage, Status, TargetResult
from .signing.signer import signer
from .target.process import TargetSteps, process

if TYPE_CHECKING:
    from .secondary.follow import SecondaryResult


async def run(context: RunContext, until: Stage, to: Sequence[Environment] = ()) -> RunResult:
    """Take every target of the plan through the stages up to and including `until`.

    `to` are the environments to promote to. What is wrong with a single target or image tag does not raise: it is in
    the result. Raises EnvironmentProblem, before anything is built, when no engine runs programs of a target's
    platform.
    """
    began, requests = time.monotonic(), context.registry.stats.total
    store = context.store()
    state = RunState(await load_run_state(store, context.today))
    publishes = until.publishes and (context.proposal is None or context.proposal.pushes)
    committed = not context.revision.dirty
    records = Records(store, context.plan.targets, state, context.upstream, committed=committed)
    images = ImageCache(context.registry, context.fallbacks)
    await refuse_impossible(context, until, records.find)

    stages = _Stages(
        context,
        until,
        to,
        TargetSteps.of(context, images, records),
        PublishSteps(context, images, records, state, signer(context)),
        _TargetResults(context.plan.targets),
    )
    targets, tags = most_dependents_first(context.plan.targets), context.plan.groups()
    tasks: list[Callable[[], Coroutine[Any, Any, TargetResult | Published]]] = []
    tasks += [partial(stages.target, target) for target in targets]
    tasks += [partial(stages.image_tag, group) for _, group in tags if publishes]
    results = await each(lambda task: task(), tasks)
    published: Sequence[Published] = [result for result in results if isinstance(result, Published)]
    if any(one.publication for one in published):
        from .publish.promote import promote_all

        published = await promote_all(stages.publish_steps, published)
    secondaries: tuple[SecondaryResult, ...] = ()
    if context.plan.project.secondaries and context.proposal is None:
        from .secondary.catch_up import level_all

        secondaries = await level_all(context, store, published, to, promotes=until is Stage.PROMOTE)

    await _save(context, state, store)
    context.tell_distrusted(store)
    if context.upstream:
        context.tell_distrusted(context.upstream)
    return RunResult(
        targets=tuple([await stages.results.of(target.id) for target in context.plan.targets]),
        images=tuple(one.result for one in published),
        secondaries=secondaries,
        engine_used=context.engines.awake,
        requests=context.registry.stats.total - requests,
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of a run, for one target and for one image tag."""

    context: RunContext
    until: Stage
    to: Sequence[Environment]
    target_steps: TargetSteps
    publish_steps: PublishSteps
    results: _TargetResults

    async def target(self, target: Target) -> TargetResult:
        """The result of a target, once its bases have theirs."""
        bases = [await self.results.of(base) for base in target.internal_bases]
        failed = [base for base in bases if not base.status.good]
        if failed:
            reason = _failures(failed)
            self.context.tell(target.id, ProgressState.ABORTED, reason)
            result = TargetResult.of(target, Status.ABORTED, f"its base {reason}")
        else:
            digests = {base.id: base.digest for base in bases if base.digest}
            result = await process(self.target_steps, target, digests, self.until)
        self.results.add(result)
        return result

    async def image_tag(self, group: Sequence[Target]) -> Published:
        """An image tag in the first environment, once its platforms have their results."""
        results = [await self.results.of(target.id) for target in group]
        records = [result.record for result in results if result.record]
        publication = Publication.of(self.context, group, records, self.until, self.to)
        if all(result.status.good for result in results):
            built = any(result.status is Status.BUILT for result in results)
            return await publish(self.publish_steps, publication, Status.BUILT if built else Status.REUSED)
        reason = "; ".join(f"{r.platform}: {r.status}" for r in results if not r.status.good)
        withheld = ImageResult(group[0].image, group[0].tag, Status.ABORTED, reason)
        if all(result.status in (Status.CLOSED, Status.REUSED) for result in results):
            closed = frozenset(result.id for result in results if result.status is Status.CLOSED)
            publication = replace(publication, closed=closed)
            withheld = await report_closed(self.publish_steps, publication, withheld)
        return Published(withheld)


class _TargetResults:
    """The results of targets, for whatever waits for them."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._ended = {target.id: anyio.Event() for target in targets}
        self._results: dict[str, TargetResult] = {}

    def add(self, result: TargetResult) -> None:
        """The result of a target that ended."""
        self._results[result.id] = result
        self._ended[result.id].set()

    async def of(self, target_id: str) -> TargetResult:
        """The result of a target, as soon as there is one."""
        await self._ended[target_id].wait()
        return self._results[target_id]


def _failures(targets: Sequence[TargetResult]) -> str:
    words = {Status.CLOSED: "did not pass its gates", Status.ABORTED: "was aborted"}
    return "; ".join(f"{target.id} {words.get(target.status, target.status)}" for target in targets)


async def _save(context: RunContext, state: RunState, store: Store) -> None:
    """Keep the run state for later runs. Without it, they only make more requests."""
    try:
        await state.save(store)
    except (RegistryError, UsageError) as fault:
        context.tell("", ProgressState.WARNING, f"the run state is not saved: {fault.message}")
