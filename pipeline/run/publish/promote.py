"""The end of a run: everything that it promotes to an environment, with one entry in the ledger; tags last for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import GateClosed, LockageError
from pipeline.state.ledger import load_ledger
from pipeline.util.concurrency import each
from pipeline.util.progress import ProgressState

from ..results import Status
from .channels import describe_environments
from .environment_tags import (
    Candidate,
    Moved,
    PlannedTags,
    adjusted,
    copy_images,
    perform_recorded,
    plan_tags,
    refuse,
)
from .publication import Published

if TYPE_CHECKING:
    from pipeline.state.ledger import Ledger

    from .image import PublishSteps
    from .promotion import TagMove
    from .publication import Destination


async def promote_all(steps: PublishSteps, published: Sequence[Published]) -> Sequence[Published]:
    """All image tags once they are promoted, one environment after the other.

    An image tag whose tags must not be moved fails, and the others are promoted.
    """
    before = _moves(published)
    for environment in steps.context.plan.project.environments:
        if any(_destination(one, environment.name) for one in published):
            published = await _promote(steps, published, environment.name)
    if _moves(published) > before:
        await describe_environments(steps.context, steps.records.store)
    return published


def _moves(published: Sequence[Published]) -> int:
    return sum(len(one.result.moves) for one in published)


async def _promote(
    steps: PublishSteps, published: Sequence[Published], environment: str
) -> Sequence[Published]:
    try:
        ledger = await load_ledger(steps.records.store, environment)
    except LockageError as fault:
        return [_failed(steps, one, fault) if _destination(one, environment) else one for one in published]

    async def plan(one: Published) -> PlannedTags | LockageError | None:
        destination = _destination(one, environment)
        try:
            return await _plan(steps, ledger, one, destination) if destination else None
        except LockageError as fault:
            return fault

    planned = await each(plan, published)
    moves = await _perform(steps, ledger, [one for one in planned if isinstance(one, PlannedTags)])
    results = []
    for one, plan_ in zip(published, planned, strict=True):
        outcome = moves[plan_.candidate.name] if isinstance(plan_, PlannedTags) else plan_
        if isinstance(outcome, LockageError):
            one = _failed(steps, one, outcome)
        elif isinstance(plan_, PlannedTags) and outcome is not None:
            one = _promoted(steps, one, plan_, outcome)
        results.append(one)
    return results


async def _plan(steps: PublishSteps, ledger: Ledger, one: Published, destination: Destination) -> PlannedTags:
    """What promoting one image tag moves. Raises GateClosed, TagsRefused, RegistryError."""
    publication, context = one.publication, steps.context
    assert publication and one.result.index, "it was published"
    if publication.is_dirty:
        raise GateClosed(
            f"{publication.name} is not promoted: it was built from a work tree with changes",
            hint="commit them, then lockage run",
        )
    source, index, target = publication.repository, one.result.index, publication.targets[0]
    candidate = Candidate(target.image, target.tag, source, index, destination)
    planned = await plan_tags(context, ledger, candidate)
    refuse([planned])
    if not planned.promotion.moves:  # what was attached since the last promotion is still to be copied
        await context.registry.copy(source, index, destination.repository)
    else:
        tags = ", ".join(move.reference.tag or "" for move in planned.promotion.moves)
        context.tell(publication.name, ProgressState.PROMOTE, f"{destination.environment.name}: {tags}")
    return planned


async def _perform(steps: PublishSteps, ledger: Ledger, planned: Sequence[PlannedTags]) -> dict[str, Moved]:
    """By image tag: the moves, or the fault that ended them."""
    copied = await copy_images(steps.context, planned)
    by_name = {plan.candidate.name: result for plan, result in zip(planned, copied, strict=True)}
    checked = [plan for plan in planned if not isinstance(by_name[plan.candidate.name], LockageError)]
    moved: Sequence[Moved]
    try:
        moved = await perform_recorded(steps.context, steps.records.store, ledger, checked, "run")
    except LockageError as fault:
        moved = [fault] * len(checked)
    return by_name | {plan.candidate.name: result for plan, result in zip(checked, moved, strict=True)}


def _promoted(
    steps: PublishSteps, one: Published, planned: PlannedTags, moves: tuple[TagMove, ...]
) -> Published:
    """Promoted; which of its tags are not as the plan says is kept for later runs."""
    result, promotion = one.result, planned.promotion
    result = replace(
        result,
        moves=result.moves + moves,
        promoted=result.promoted + planned.named,
        kept=result.kept + promotion.kept,
    )
    if one.state is None or one.publication is None:
        return replace(one, result=result)
    prefix = f"{promotion.destination}:"
    others = {ref: tag for ref, tag in one.state.adjusted.items() if not ref.startswith(prefix)}
    state = replace(one.state, adjusted={**others, **adjusted(planned)})
    steps.state.keep_published(one.publication.state_name, state)
    return replace(one, result=result, state=state)


def _failed(steps: PublishSteps, one: Published, fault: LockageError) -> Published:
    """Not promoted, here and to the environments that follow."""
    steps.context.tell(f"{one.result.image}:{one.result.tag}", ProgressState.FAILED)
    return Published(replace(one.result, status=Status.FAILED, reason=fault.message, fault=fault))


def _destination(one: Published, environment: str) -> Destination | None:
    destinations = one.publication.destinations if one.publication else ()
    return next((d for d in destinations if d.environment.name == environment), None)
