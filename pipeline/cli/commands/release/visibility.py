"""visibility: compare who may pull from the repositories of environments with lockage.yml, and change it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, RegistryError, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.config import Environment, Project
    from pipeline.release.visibility import PackageVisibility, VisibilityChange
    from pipeline.run.context import RunContext


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityOptions:
    """What `visibility` understands."""

    common: CommonOptions = group(CommonOptions)
    environment: str | None = option(
        "--env", metavar="ENV", help="only this environment (default: all that have visibility:)"
    )
    apply: bool = flag("--apply", help="change what differs, where the registry has an API for it")


def visibility(options: VisibilityOptions) -> int:
    """Print each repository; exit code 7 where something differs in the end."""
    from ... import signals

    repositories, changes = signals.run(partial(_visibility, options))
    changed = {change.of for change in changes if change.fault is None}
    left = [one for one in repositories if one.differs and one not in changed]
    code = Exit.GATE if left else Exit.OK
    if options.common.json:
        entries = [{**one.to_json(), "changed": one in changed} for one in repositories]
        console.print_json({"repositories": entries, "exit_code": int(code)})
    else:
        for one in repositories:
            console.print_line(f"{one}{': changed' if one in changed else ''}")
            if one in left and not options.apply:
                console.print_line(f"    {one.change}")
    for change in changes:
        if change.fault:
            console.print_error(change.fault, as_json=False)
    console.message(f"{len(repositories)} repositories: {len(left)} differ, {len(changed)} changed")
    return int(code)


async def _visibility(
    options: VisibilityOptions,
) -> tuple[Sequence[PackageVisibility], Sequence[VisibilityChange]]:
    from pipeline.registry.packages.quay import QUAY
    from pipeline.release.environments import environment
    from pipeline.release.visibility import set_visibility

    from ...planning.reader import PlanReader, PlanRequest
    from ...registry_access import registry_access

    plan = PlanReader(PlanRequest(options.common.root)).read_known()
    environments = plan.project.environments
    if options.environment is not None:
        environments = (environment(environments, options.environment),)
    if not any(each.visibility for each in environments):
        raise UsageError(
            "no environment says who may pull from it",
            hint="visibility: public, or private, in an entry of environments: in lockage.yml",
        )
    images = sorted({target.image for target in plan.targets})
    repositories = await look(plan.project, environments, images)
    differing = [one for one in repositories if one.differs]
    if not options.apply or not differing:
        return repositories, ()
    host = os.environ.get("QUAY_HOST") or QUAY
    token = os.environ.get("QUAY_TOKEN", "")
    return repositories, await set_visibility(differing, registry_access(), token, host)


async def look(
    project: Project, environments: Sequence[Environment], images: Sequence[str]
) -> list[PackageVisibility]:
    """Who may pull from the repositories of environments that say so, but for the embedded registry's; by GitHub's API
    where there is a token. Raises RegistryError."""
    from pipeline.config.values import EMBEDDED
    from pipeline.registry.packages.github import GithubPackages
    from pipeline.release.visibility import places_of, read_visibility

    from ...registry_access import registry_access

    away = [one for one in environments if (one.registry or project.registry) != EMBEDDED]
    places, access = places_of(project, away, images), registry_access()
    if not places:
        return []
    async with AsyncExitStack() as stack:
        packages = None
        if token := os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"):
            packages = await stack.enter_async_context(GithubPackages(token, access))
        return await read_visibility(places, access, packages)


async def warn_of_visibility(context: RunContext, environments: Sequence[Environment]) -> None:
    """Warn where others may pull what was promoted than those who should; nobody has to have asked for it."""
    try:
        repositories = await look(
            context.plan.project, environments, sorted({t.image for t in context.plan.targets})
        )
    except RegistryError as fault:
        console.message(f"warning: who may pull is not known: {fault.message}")
        return
    for one in repositories:
        if one.differs:
            console.message(f"warning: {one} ({one.change})")


COMMANDS = {"visibility": Command(VisibilityOptions, visibility)}
