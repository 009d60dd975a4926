"""retention: delete what the rules of lockage.yml no longer keep; a plan unless --apply, which may be saved."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option, repeated
from ...command import Command
from ...common_options import CommonOptions, RunOptions, at_least_one
from ...output import console
from ...promotion_options import PlanFlags

if TYPE_CHECKING:
    from pipeline.policy.retention import RetentionPlan
    from pipeline.release.retention.perform import Outcome
    from pipeline.release.retention.scope import RetentionScope

    from ...saved_plans import ExpectedPlan, PlanKeeper

_SHOWN = 12
_CLOCK_MARGIN = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionOptions:
    """What `retention` understands."""

    common: CommonOptions = group(CommonOptions)
    apply: bool = flag("--apply", help="delete; without it the plan is printed and nothing is written")
    environments: tuple[str, ...] = repeated(
        "--env", metavar="ENV", help="only this environment; may be repeated (default: all that have rules)"
    )
    limit: int | None = option(
        "--limit",
        type=at_least_one,
        metavar="N",
        help="tags and manifests that this run deletes at most (default: limit: of lockage.yml, 500)",
    )
    closed: str | None = option(
        "--closed-pull-requests",
        metavar="FILE",
        help="numbers of closed pull requests, one a line; - is stdin",
    )
    closed_from_forge: bool = flag(
        "--closed-from-forge", help="take them from GitHub or GitLab, by the job's token"
    )
    closed_too: tuple[str, ...] = repeated(
        "--closed", metavar="NUMBER", help="a closed pull request; may be repeated, beside the list"
    )
    as_of: str | None = option(
        "--as-of",
        metavar="TIME",
        help="count ages to this time, such as 2026-12-24T00:00:00Z (default: now); deletes for none to come",
    )
    allow_empty: bool = flag("--allow-empty", help="accept rules that keep no tag of a repository")
    planning: PlanFlags = group(PlanFlags)


def retention(options: RetentionOptions, saved: ExpectedPlan | None = None) -> int:
    """Print what goes and why, by repository; with `--apply`, or as it was `saved`, delete it, and check what stays."""
    from ... import signals
    from ...proposals import require_reviewed
    from ...saved_plans import PlanKeeper

    require_reviewed("retention")
    if options.apply and options.planning.only:
        raise UsageError(
            "--apply deletes, and --plan and --plan-file only say what would go",
            hint="lockage retention --plan-file FILE; then lockage apply FILE",
        )
    options = replace(options, apply=options.apply or saved is not None)
    keeper = PlanKeeper("retention", options.planning.file, saved, options.apply)
    plan, outcomes = signals.run(partial(_retention, options, keeper))
    code = Exit.REGISTRY if any(o.fault or o.broken for o in outcomes) else Exit.OK
    if options.common.json:
        done = {"outcomes": [outcome.to_json() for outcome in outcomes]} if options.apply else {}
        console.print_json({**plan.to_json(), **done})
    else:
        _print_plan(plan)
    _report(options, plan, outcomes)
    return int(code)


def _print_plan(plan: RetentionPlan) -> None:
    for one in plan.repositories:
        if not (one.actions or one.kept):
            continue
        tags = [action for action in one.actions if action.tag]
        manifests = len(one.actions) - len(tags)
        console.print_line(
            f"{one.repository}  {len(one.kept)} tags stay, {len(tags)} go, with {manifests} manifests"
        )
        width = max((len(action.tag) for action in tags), default=0)
        for action in tags:
            console.print_line(f"  {action.tag.ljust(width)}  {action.digest.short}  {action.reason}")
        roots = [
            action
            for action in one.actions
            if not action.tag and action.digest not in {t.digest for t in tags}
        ]
        for action in roots[:_SHOWN]:
            console.print_line(f"  {action.digest.short}  {action.reason}")
        if len(roots) > _SHOWN:
            console.print_line(f"  and {len(roots) - _SHOWN} more manifests")


def _report(options: RetentionOptions, plan: RetentionPlan, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        name = outcome.plan.repository
        for action in outcome.saved:
            console.message(f"{name}: {action.tag or action.digest} stays: something that is there needs it")
        for action, reason in outcome.refused:
            console.message(f"{name}: {action.tag or action.digest} stays: {reason}")
        for broken in outcome.broken:
            console.message(f"{name}:{broken}")
        if outcome.fault:
            console.print_error(outcome.fault, as_json=False)
    left = f"; {plan.left} more are left by the limit of {plan.limit}" if plan.left else ""
    if not options.apply:
        file = options.planning.file
        console.message(
            f"{plan.deletions} deletions{left}; {f'lockage apply {file}' if file else '--apply'} performs them"
        )
        return
    deleted = sum(len(outcome.deleted) for outcome in outcomes)
    checked, broken_tags = sum(o.checked for o in outcomes), sum(len(o.broken) for o in outcomes)
    whole = (
        f"{checked} tags that stay checked, {broken_tags or 'none'} broken" if checked else "nothing to check"
    )
    console.message(f"{deleted} tags and manifests deleted; {whole}{left}")


async def _retention(
    options: RetentionOptions, keeper: PlanKeeper
) -> tuple[RetentionPlan, Sequence[Outcome]]:
    from contextlib import AsyncExitStack

    from pipeline.registry.packages.github import GithubPackages
    from pipeline.release.retention.context import scope_of
    from pipeline.release.retention.perform import perform_retention
    from pipeline.release.retention.planning import plan_retention
    from pipeline.release.retention.scope import RetentionRequest
    from pipeline.release.saved import deletions_of

    from ...author import author
    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...registry_access import registry_access
    from ...run_context import RunRequest, open_run

    now, closed = int(time.time()), _closed(options)
    if options.closed_from_forge:
        closed = (closed or frozenset()) | await _closed_at_forge(options)
    as_of = _as_of(options, now)
    run = RunRequest(
        PlanRequest(options.common.root), RunOptions(), keys=True, environments=options.environments
    )
    with Progress() as report:
        async with open_run("retention", run, report) as context, AsyncExitStack() as stack:
            packages = None
            if token := os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"):
                packages = await stack.enter_async_context(GithubPackages(token, registry_access()))
            request = RetentionRequest(
                closed, options.limit, options.allow_empty, author(os.environ), context.revision.label, as_of
            )
            scope = await scope_of(context, request, now, options.environments, packages)
            context = await keeper.begin(context, _to_repeat(options, scope), scope.ledgers)
            exact = options.apply or options.planning.file is not None
            plan, surveys = await plan_retention(scope, fresh=exact)
            context.tell_distrusted(scope.store)
            keeper.agree_to(deletions_of(plan))
            if not options.apply:
                return plan, ()
            scope = replace(scope, request=replace(request, plan=context.promotion.plan))
            return plan, await perform_retention(scope, plan, surveys)


def _to_repeat(options: RetentionOptions, scope: RetentionScope) -> RetentionOptions:
    """The options that plan the same again: with the time that ages were counted to, and the numbers of the list."""
    from pipeline.util.timestamps import format_timestamp

    numbers = tuple(map(str, sorted(scope.request.closed or ())))
    as_of = format_timestamp(scope.as_of)
    return replace(
        options, apply=False, closed=None, closed_from_forge=False, closed_too=numbers, as_of=as_of
    )


def _as_of(options: RetentionOptions, now: int) -> int | None:
    """The time that ages are counted to. Raises UsageError for what is no time, and for one to come where something is
    deleted."""
    from pipeline.util.timestamps import parse_timestamp

    if options.as_of is None:
        return None
    try:
        as_of = parse_timestamp(options.as_of)
    except ValueError:
        raise UsageError(
            f"--as-of: {options.as_of[:40]!r} is not a time", hint="write it as 2026-12-24T00:00:00Z"
        ) from None
    if as_of > now + _CLOCK_MARGIN and (options.apply or options.planning.file):
        raise UsageError(
            f"--as-of: {options.as_of[:40]} is to come, and nothing is deleted for that",
            hint="leave out --apply or --plan-file to see what would go; check the clock",
        )
    return as_of


def _closed(options: RetentionOptions) -> frozenset[int] | None:
    """The numbers of closed pull requests, None where nobody listed them. Raises UsageError."""
    from ...planning.changed_names import read_list

    if options.closed is None and not options.closed_too:
        return None
    listed = options.closed is not None and read_list(
        options.common.root, options.closed, "--closed-pull-requests"
    )
    return _numbers("--closed-pull-requests", listed or b"") | _numbers(
        "--closed", "\n".join(options.closed_too).encode()
    )


async def _closed_at_forge(options: RetentionOptions) -> frozenset[int]:
    """As the provider lists them. Raises UsageError without a token, RegistryError."""
    from pipeline.forge.address import forge_address

    from ...git.origin import read_origin
    from ...registry_access import registry_access

    address = forge_address(os.environ, read_origin(options.common.root, os.environ).repository)
    async with address.api(registry_access()) as api:
        return await address.pull_requests(api).closed()


def _numbers(option: str, content: bytes) -> frozenset[int]:
    """Numbers of pull requests, one a line. Raises UsageError."""
    numbers = set()
    for line in filter(None, map(str.strip, content.decode("utf-8", "replace").splitlines())):
        if not re.fullmatch("#?[0-9]{1,9}", line, re.ASCII):
            raise UsageError(
                f"{option}: {line[:40]!r} is no number of a pull request",
                hint="--closed-from-forge takes them from GitHub or GitLab",
            )
        numbers.add(int(line.removeprefix("#")))
    return frozenset(numbers)


COMMANDS = {"retention": Command(RetentionOptions, retention)}
