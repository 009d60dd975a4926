"""Secondary registries: what environments hold is kept level there, side by side, after the environment itself.

An environment at a secondary registry (`prod@docker.io/acme`) has a ledger of its own, which says where Lockage left
each tag there. Its tags follow those of the environment: no other rule decides, and a tag that somebody else moved is
left alone. A registry that is down is a result and stops nothing; a later run writes what its ledger lacks of the
environment's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.errors import LockageError
from pipeline.state.ledger import load_ledger
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from ..publish.environment_tags import Candidate, PlannedTags, perform_recorded, plan_tags, refuse
from ..publish.promotion import TagMove
from ..publish.publication import Destination

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Digest, Reference, Repository
    from pipeline.state.ledger import Ledger
    from pipeline.state.store import Store

    from ..context import RunContext

_Copy = tuple["Repository", "Digest", "Repository"]
_FOLLOWS = "as in the environment"


@dataclass(frozen=True, slots=True)
class SecondaryPlan:
    """What is planned for an environment at one secondary registry, and the fault for which something is not."""

    environment: Environment
    planned: tuple[PlannedTags, ...] = ()
    fault: LockageError | None = None

    @property
    def moves(self) -> tuple[TagMove, ...]:
        """The tags that move there; others are recorded alone."""
        moves = (move for plan in self.planned for move in plan.promotion.moves)
        return tuple(move for move in moves if move.before != move.after)


@dataclass(frozen=True, slots=True)
class SecondaryResult:
    """What was written (or of a plan would be) of an environment at one secondary registry, and what ended it."""

    environment: str
    moves: tuple[TagMove, ...] = ()
    fault: LockageError | None = None

    @classmethod
    def of(cls, plan: SecondaryPlan) -> SecondaryResult:
        """What a plan would write."""
        return cls(plan.environment.name, plan.moves, plan.fault)

    def to_json(self) -> dict[str, Any]:
        """The result as data."""
        return {
            "secondary": self.environment,
            "moves": [move.to_json() for move in self.moves],
            **({"error": self.fault.to_json()} if self.fault else {}),
        }


async def plan_secondaries(
    context: RunContext, environment: Environment, promoted: Sequence[PlannedTags]
) -> list[SecondaryPlan]:
    """What each secondary registry of an environment gets once these promotions there are performed. One that cannot
    be reached is in its plan.

    Raises TagsRefused for a tag there that somebody else moved.
    """
    candidates = [following(plan) for plan in promoted if plan.promotion.named]
    plans = await each(
        lambda secondary: plan_secondary(context, secondary, lambda _: candidates),
        context.plan.project.secondaries_of(environment),
    )
    refuse(plan for one in plans for plan in one.planned)
    return plans


def following(plan: PlannedTags) -> Candidate:
    """The image of a promotion with all tags that name it once it is performed."""
    tags = tuple(reference.tag or "" for reference in plan.named)
    return replace(plan.candidate, destination=replace(plan.candidate.destination, tags=tags), release=False)


async def plan_secondary(
    context: RunContext, secondary: Environment, candidates: Callable[[Ledger], Iterable[Candidate]]
) -> SecondaryPlan:
    """What these candidates write at a secondary registry; they are chosen by its ledger."""
    backwards = context.promotion.backwards or _FOLLOWS
    context = replace(context, promotion=replace(context.promotion, backwards=backwards))
    try:
        ledger = await load_ledger(context.store(), secondary.name)

        async def one(candidate: Candidate) -> PlannedTags:
            repository = context.repository(secondary, candidate.image)
            destination = Destination(secondary, repository, candidate.destination.tags)
            planned = await plan_tags(context, ledger, replace(candidate, destination=destination))
            return _with_unrecorded(ledger, planned)

        return SecondaryPlan(secondary, tuple(await each(one, candidates(ledger))))
    except LockageError as fault:
        return SecondaryPlan(secondary, fault=fault)


def _with_unrecorded(ledger: Ledger, plan: PlannedTags) -> PlannedTags:
    """With tags that are up to date, but not in the ledger, among those that move, from the digest to itself: somebody
    else copied them, or a run was killed before it recorded them. What is attached comes, too."""
    promotion, image = plan.promotion, plan.candidate.image

    def is_recorded(reference: Reference) -> bool:
        left = ledger.left(image, reference.tag or "")
        return left is not None and not left.pending and left.digest == promotion.digest

    unrecorded = [reference for reference in promotion.in_place if not is_recorded(reference)]
    if not unrecorded:
        return plan
    moves = (TagMove(reference, promotion.digest, promotion.digest) for reference in unrecorded)
    in_place = tuple(reference for reference in promotion.in_place if reference not in unrecorded)
    return replace(plan, promotion=replace(promotion, moves=(*promotion.moves, *moves), in_place=in_place))


async def copy_to_secondaries(context: RunContext, plans: Sequence[SecondaryPlan]) -> list[SecondaryPlan]:
    """Copy the image of each promotion that moves a tag to every secondary registry, before any tag moves. A registry
    where one fails keeps its fault, and gets no tag."""

    async def one(plan: SecondaryPlan) -> SecondaryPlan:
        faults = await copy_each(context, [tags for tags in plan.planned if tags.promotion.moves])
        return SecondaryPlan(plan.environment, fault=next(iter(faults.values()))) if faults else plan

    return await each(one, plans)


async def copy_each(context: RunContext, planned: Iterable[PlannedTags]) -> dict[_Copy, LockageError]:
    """Copy these images, each once; gives the faults."""

    async def one(copy: _Copy) -> LockageError | None:
        try:
            await context.registry.copy(*copy)
        except LockageError as fault:
            return fault
        return None

    copies = sorted(set(map(copied_of, planned)))
    results = zip(copies, await each(one, copies), strict=True)
    return {copy: fault for copy, fault in results if fault}


def copied_of(plan: PlannedTags) -> _Copy:
    """What is copied for a promotion: from where, which digest, and to where."""
    return plan.promotion.source, plan.promotion.digest, plan.promotion.destination


async def move_in_secondaries(
    context: RunContext, store: Store, plans: Sequence[SecondaryPlan], command: str
) -> tuple[SecondaryResult, ...]:
    """Record and move the tags of images that were copied, in all registries side by side."""

    async def one(plan: SecondaryPlan) -> SecondaryResult:
        moving = [tags for tags in plan.planned if tags.promotion.moves]
        if not moving:
            return SecondaryResult.of(plan)
        name = plan.environment.name
        try:
            ledger = await load_ledger(store, name)  # judging may have taken minutes
            results = await perform_recorded(context, store, ledger, moving, command)
        except LockageError as fault:
            return SecondaryResult(name, fault=fault)
        moves = tuple(move for moved in results if not isinstance(moved, LockageError) for move in moved)
        faults = [plan.fault, *(moved for moved in results if isinstance(moved, LockageError))]
        return SecondaryResult(name, moves, next((fault for fault in faults if fault), None))

    return tuple(await each(one, plans))
