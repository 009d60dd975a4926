"""The end of a run: what secondary registries lack of environments is written there, whoever left it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import LockageError
from pipeline.state.ledger import load_ledger
from pipeline.util.concurrency import each

from ..publish.environment_tags import Candidate, refuse
from ..publish.promotion import Promotion, move_tags, plan_promotion
from ..publish.publication import Destination
from .follow import SecondaryPlan, SecondaryResult, copied_of, copy_each, move_in_secondaries, plan_secondary

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Digest
    from pipeline.state.ledger import Ledger
    from pipeline.state.store import Store

    from ..context import RunContext
    from ..publish.publication import Published


async def level_all(
    context: RunContext,
    store: Store,
    published: Sequence[Published],
    to: Iterable[Environment],
    *,
    promotes: bool,
) -> tuple[SecondaryResult, ...]:
    """The end of a run: the secondary registries of the first environment, and if it `promotes` of every other, brought
    up to date. Of what was published and of environments to promote `to`, each tag is requested; of the rest, ledgers
    are compared."""
    indexed = [one for one in published if one.result.index]
    busy = frozenset(_name(one) for one in indexed if one.publication or one.result.fault)
    first, *others = context.plan.project.environments
    wanted = {environment.name for environment in to}

    async def of(environment: Environment) -> tuple[SecondaryResult, ...]:
        if environment == first:
            return await _level_first(context, indexed, busy)
        if not promotes:
            return ()
        images = [_name(one) for one in indexed] if environment.name in wanted else []
        return await level(context, store, environment, frozenset(images), busy)

    return tuple(result for part in await each(of, (first, *others)) for result in part)


def _name(one: Published) -> str:
    return f"{one.result.image}:{one.result.tag}"


async def _level_first(
    context: RunContext, published: Sequence[Published], busy: frozenset[str]
) -> tuple[SecondaryResult, ...]:
    """The tags of the commit, which no ledger has: those of the first environment at each secondary registry."""
    project, groups = context.plan.project, dict(context.plan.groups())

    async def copy(secondary: Environment, one: Published) -> Promotion:
        assert one.result.index
        source = context.first_repository(one.result.image)
        destination = context.repository(secondary, one.result.image)
        tags = context.commit_tags(groups[_name(one)][0])
        promotion = await plan_promotion(context.registry, source, one.result.index, destination, tags)
        if promotion.moves or _name(one) in busy:
            await context.registry.copy(source, one.result.index, destination)
        return promotion

    async def level_one(secondary: Environment) -> SecondaryResult:
        try:
            promotions = await each(partial(copy, secondary), published)
            moves = await each(partial(move_tags, context.registry), promotions)
        except LockageError as fault:
            return SecondaryResult(secondary.name, fault=fault)
        return SecondaryResult(secondary.name, tuple(move for part in moves for move in part))

    return tuple(await each(level_one, project.secondaries_of(project.environments[0])))


async def level(
    context: RunContext,
    store: Store,
    environment: Environment,
    checked: frozenset[str],
    attached: frozenset[str] = frozenset(),
) -> tuple[SecondaryResult, ...]:
    """Bring every secondary registry of an environment up to date with its ledger: whatever theirs lacks, and every tag
    of the `checked` image tags, which is requested; of `attached` ones everything is copied in any case."""
    secondaries = context.plan.project.secondaries_of(environment)
    if not secondaries:
        return ()
    try:
        ledger = await load_ledger(store, environment.name)
    except LockageError as fault:
        return tuple(SecondaryResult(secondary.name, fault=fault) for secondary in secondaries)
    choose = partial(_lacking, context, environment, ledger, checked)
    plans = await each(lambda secondary: plan_secondary(context, secondary, choose), secondaries)
    ready = await each(partial(_prepare, context, attached), plans)
    return await move_in_secondaries(context, store, ready, "run")


def _lacking(
    context: RunContext,
    environment: Environment,
    ledger: Ledger,
    checked: frozenset[str],
    secondary_ledger: Ledger,
) -> list[Candidate]:
    """The tags of an environment's ledger that the one of a secondary registry has not, and those of checked image
    tags, by image and digest. A move that was not completed is left to the next promotion."""
    groups: dict[tuple[str, str, Digest], list[str]] = {}
    for name, position in sorted(ledger.tags.items()):
        image, _, tag = name.rpartition(":")
        left = secondary_ledger.left(image, tag)
        level = left is not None and not left.pending and left.digest == position.digest
        version = position.version or tag
        if position.digest and not position.pending and (f"{image}:{version}" in checked or not level):
            groups.setdefault((image, version, position.digest), []).append(tag)
    candidates = []
    for (image, version, digest), tags in groups.items():
        repository = context.repository(environment, image)
        destination = Destination(environment, repository, tuple(tags))
        candidates.append(Candidate(image, version, repository, digest, destination))
    return candidates


async def _prepare(context: RunContext, attached: frozenset[str], plan: SecondaryPlan) -> SecondaryPlan:
    """The promotions whose images were copied, without those that are refused, whose first fault is kept: one image
    keeps no other from being brought up to date."""
    allowed = [tags for tags in plan.planned if not tags.refused]
    wanted = [tags for tags in allowed if tags.promotion.moves or tags.candidate.name in attached]
    faults = await copy_each(context, wanted)
    fault = plan.fault or next(iter(faults.values()), None)
    try:
        refuse(plan.planned)
    except LockageError as refusal:
        fault = fault or refusal
    copied = tuple(tags for tags in allowed if copied_of(tags) not in faults)
    return SecondaryPlan(plan.environment, copied, fault)
