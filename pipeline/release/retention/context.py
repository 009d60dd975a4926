"""The scope of a run of retention, from the project's plan and ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.errors import UsageError
from pipeline.model import Repository
from pipeline.model.retention import Retention
from pipeline.plan import Plan
from pipeline.registry.packages.github import GHCR, GithubPackages
from pipeline.run.context import RunContext
from pipeline.state import build_inputs, run_state
from pipeline.state.ledger import load_ledger
from pipeline.state.proposal import aside
from pipeline.state.store import Store
from pipeline.util.concurrency import each

from ..environments import environment
from ..history import read_history
from .deletion import Deletion
from .ghcr import GhcrDeletion
from .scope import EnvironmentRecord, PlannedKeys, RetainedRepository, RetentionRequest, RetentionScope

_BUILDS = "builds"


async def scope_of(
    context: RunContext,
    request: RetentionRequest,
    now: int,
    only: Iterable[str] = (),
    packages: GithubPackages | None = None,
) -> RetentionScope:
    """What `retention:` of lockage.yml is about, in the environments with the names in `only`; everything without. The
    rules of an environment are those of its secondary registries, too.

    Raises UsageError for a project without `retention:`, for names that it does not have, and for targets without keys;
    RegistryError.
    """
    retention = context.plan.project.retention
    if retention is None or not (retention.environments or retention.builds):
        raise UsageError("lockage.yml has no rules for retention", hint="see docs/retention.md for examples")
    names = _names(context, retention, tuple(only))
    store = context.store()
    records = dict(zip(names, await each(lambda name: _record(context, store, name), names), strict=True))
    places = [place for name in names for place in _places(context, name, records[name])]
    if retention.builds and not only:
        suffix = context.plan.project.pull_request_suffix
        places += [
            RetainedRepository(context.builds, None, _BUILDS),
            RetainedRepository(aside(context.builds, suffix), None, f"{_BUILDS}{suffix}", may_be_empty=True),
        ]
    return RetentionScope(
        context.registry,
        store,
        retention,
        tuple(places),
        now,
        request,
        records,
        _planned(context.plan, store) if retention.builds and not only else PlannedKeys(frozenset()),
        _deletions(places, packages),
    )


def _names(context: RunContext, retention: Retention, only: tuple[str, ...]) -> tuple[str, ...]:
    for name in only:
        environment(context.plan.project.environments, name)
        if name not in retention.environments:
            raise UsageError(
                f"retention: of lockage.yml has no rules for {name}", hint="add them, or leave out --env"
            )
    project = context.plan.project
    chosen = [project.environment(name) for name in only or retention.environments]
    kept = {secondary.registry for secondary in project.secondaries if not secondary.retention}
    return tuple(
        place.name
        for one in chosen
        for place in (one, *project.secondaries_of(one))
        if place == one or place.registry not in kept
    )


async def _record(context: RunContext, store: Store, name: str) -> EnvironmentRecord:
    ledger = await load_ledger(store, name)
    history = await read_history(context, environment(context.plan.project.places, name))
    return EnvironmentRecord(ledger, history.entries)


def _places(context: RunContext, name: str, record: EnvironmentRecord) -> list[RetainedRepository]:
    """The repositories of all images that are in the catalogue, or were promoted; in the first environment also those
    that pull requests push to."""
    project = context.plan.project
    of = environment(project.places, name)
    images = {target.image for target in context.plan.targets}
    images |= {tag.rpartition(":")[0] for tag in record.ledger.tags}
    places = [RetainedRepository(context.repository(of, image), name, image) for image in sorted(images)]
    if of == project.environments[0]:
        suffix = project.pull_request_suffix
        places += [
            RetainedRepository(
                aside(place.repository, suffix), name, f"{place.image}{suffix}", may_be_empty=True
            )
            for place in places
        ]
    return places


def _planned(plan: Plan, store: Store) -> PlannedKeys:
    missing = [target.id for target in plan.targets if target.key is None]
    if missing:
        raise UsageError(
            f"{missing[0]} has no key, so that nobody knows what the repository of builds still needs",
            hint="lockage lock",
        )
    spaces = [store.signers.space(key) for key in store.signers.trusted]
    last = {build_inputs.tag_in(space, target.id) for target in plan.targets for space in spaces}
    keys = {target.key for target in plan.targets if target.key}
    return PlannedKeys(frozenset(keys), frozenset(last), frozenset(map(run_state.tag_in, spaces)))


def _deletions(
    places: Iterable[RetainedRepository], packages: GithubPackages | None
) -> Mapping[Repository, Deletion]:
    if packages is None:
        return {}
    return {
        place.repository: GhcrDeletion(packages, place.repository)
        for place in places
        if place.repository.host == GHCR
    }
