"""The caches of lockage.yml in a run: which of them it reads and writes, and what they need of where it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.buildkit import BuildOrder, Built, Caches, Event, caches, localcache
from pipeline.engine.buildkit.cache import CLIENT_VARIABLES, DAEMON_VARIABLES, usable
from pipeline.errors import EnvironmentProblem

if TYPE_CHECKING:
    import dagger

    from pipeline.config import CacheEntry
    from pipeline.plan import Target

    from ..context import RunContext


@dataclass(frozen=True, slots=True)
class CacheSite:
    """What caches depend on beside lockage.yml.

    Local caches are relative to `root`; where it is None, folders of the caller's machine are out of reach. `main` is
    the main line's branch where it is known. `variables` are those of `cache.VARIABLES` that are set.
    """

    root: Path | None = None
    main: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    reported: set[str] = field(default_factory=set, repr=False)  # types that cannot be used, reported once


def entries(context: RunContext) -> list[CacheEntry]:
    """The caches that this run can use; the others are reported, once."""
    out, site = [], context.caches
    for entry, why in usable(context.plan.project.cache, site.variables):
        if entry.type == "local" and site.root is None:
            why = "a Dagger function does not see the folders of its caller's machine"
        if not why:
            out.append(entry)
        elif entry.type not in site.reported:
            site.reported.add(entry.type)
            context.report("cache", "warning", f"the {entry.type} cache is not used: {why}")
    return out


def daemon_secrets(context: RunContext) -> dict[str, str]:
    """Variables that the daemon needs for the caches of this run."""
    return _chosen(context, DAEMON_VARIABLES)


def with_caches(context: RunContext, target: Target, order: BuildOrder, client: dagger.Client) -> BuildOrder:
    """The same build, with the caches that are the target's. A fresh one writes them without reading any."""
    found = _of(context, target)
    variables = _chosen(context, CLIENT_VARIABLES)
    return replace(
        order,
        cache_from=() if context.fresh else found.imports,
        cache_to=found.exports,
        cache_folders={f.path: localcache.load(client, _place(context, f.source)) for f in found.folders},
        cache_variables={n: client.set_secret(f"lockage-cache-{n}", v) for n, v in variables.items()},
    )


async def keep(context: RunContext, target: Target, built: Built) -> None:
    """Bring the local caches that a build wrote back to this machine. One that cannot be kept is reported."""
    for folder in _of(context, target).folders:
        if folder.written:
            try:
                await localcache.keep(built.cache_folders[folder.path], _place(context, folder.source))
            except EnvironmentProblem as fault:
                context.report(target.id, "warning", fault.message)


def _of(context: RunContext, target: Target) -> Caches:
    commit = context.revision
    event = Event(
        branch=commit.branch,
        pull_request=bool(commit.pull_request),
        main=context.caches.main,
        exact=bool(commit.sha) and not commit.dirty,
    )
    return caches(entries(context), event, target.image, target.tag, target.platform)


def _chosen(context: RunContext, by_type: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    names = [name for entry in entries(context) for name in by_type.get(entry.type, ())]
    return {name: context.caches.variables[name] for name in names if name in context.caches.variables}


def _place(context: RunContext, folder: str) -> Path:
    assert context.caches.root is not None  # `entries` has left out local caches otherwise
    return context.caches.root / folder
