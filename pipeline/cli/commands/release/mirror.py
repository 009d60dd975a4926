"""mirror: copy what is new or has moved of repositories by pattern to another registry; tags last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, positional, repeated
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from ...promotion_options import PlanFlags

if TYPE_CHECKING:
    from pipeline.registry.copy.mirror import MirrorResult, MirrorRule, MirrorTag

    from ...saved_plans import ExpectedPlan, PlanKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOptions:
    """What `mirror` understands."""

    common: CommonOptions = group(CommonOptions)
    sources: tuple[str, ...] = positional(
        nargs="+", metavar="FROM", help="HOST/NAME, or a pattern such as 'ghcr.io/acme/*'"
    )
    to: str = positional(metavar="TO", help="HOST[/NAMESPACE] to copy repositories below")
    tags: tuple[str, ...] = repeated(
        "--tags", metavar="PATTERN", help="tags to mirror, * for any characters (default: all)"
    )
    excluded: tuple[str, ...] = repeated("--exclude", metavar="PATTERN", help="tags to leave out")
    no_referrers: bool = flag("--no-referrers", help="leave signatures, SBOMs and other attestations behind")
    check: bool = flag(
        "--check", help="check unchanged tags as well: copy what was attached since, and what is missing"
    )
    planning: PlanFlags = group(PlanFlags)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """The tags that were compared, what was written of them, and how many requests it took."""

    tags: Sequence[MirrorTag]
    result: MirrorResult | None
    requests: int

    @property
    def moves(self) -> Sequence[MirrorTag]:
        """The tags that were written; of a plan, those that would be."""
        return [tag for tag in self.tags if tag.moves] if self.result is None else self.result.moves

    @property
    def exit_code(self) -> Exit:
        """The gravest code of a fault."""
        faults = self.result.failed.values() if self.result else ()
        return min((fault.exit_code for fault in faults), default=Exit.OK)

    def to_json(self) -> dict[str, object]:
        """For `--json`."""
        result = self.result
        return {
            "moves": [move.to_json() for move in self.moves],
            "unchanged": sum(not tag.moves for tag in self.tags),
            "failed": {name: fault.to_json() for name, fault in result.failed.items()} if result else {},
            "left_out": list(result.left_out) if result else [],
            "referrers": result.referrers if result else 0,
            "sent": result.sent if result else 0,
            "requests": self.requests,
            "exit_code": int(self.exit_code),
        }


def mirror(options: MirrorOptions, saved: ExpectedPlan | None = None) -> int:
    """Copy, and print each tag that was (or with `--plan` would be) written; exit code 5 if one could not be."""
    from ... import signals
    from ...proposals import require_reviewed
    from ...saved_plans import PlanKeeper

    require_reviewed("mirror")
    rules = _rules(options)
    keeper = PlanKeeper("mirror", options.planning.file, saved, not options.planning.only)
    done = signals.run(partial(_mirror, options, rules, keeper))
    if options.common.json:
        console.print_json(done.to_json())
        return done.exit_code
    for move in done.moves:
        console.print_line(str(move))
    unchanged = sum(not tag.moves for tag in done.tags)
    if done.result is None:
        console.message(
            f"{len(done.moves)} tags would be written, {unchanged} unchanged; {done.requests} requests"
        )
        return Exit.OK
    for reason in done.result.left_out:
        console.message(f"warning: left out {reason}")
    for name, fault in done.result.failed.items():
        console.message(f"failed: {name}: {fault.message}")
    console.message(
        f"{len(done.moves)} tags written, {unchanged} unchanged, {len(done.result.failed)} failed; "
        f"{done.result.referrers} referrers, {console.human_size(done.result.sent)} uploaded, {done.requests} requests"
    )
    return done.exit_code


def _rules(options: MirrorOptions) -> list[MirrorRule]:
    """What the options say. Raises UsageError."""
    from pipeline.model import Repository, valid_tag
    from pipeline.registry.copy.mirror import MirrorRule, RepositoryPattern

    for pattern in (*options.tags, *options.excluded):
        if not valid_tag(pattern.replace("*", "x")):
            raise UsageError(
                f"{pattern!r} is not a pattern of tags",
                hint="letters, digits, '_', '.', '-', and * for any of them",
            )
    try:
        sources = [RepositoryPattern.parse(text) for text in options.sources]
        host, _, namespace = options.to.partition("/")
        Repository(host, f"{namespace}/x" if namespace else "x")
    except ValueError as error:
        hint = "lockage mirror 'ghcr.io/acme/*' harbor.example/acme --tags 'v*'"
        raise UsageError(str(error), hint=hint) from None
    tags = options.tags or ("*",)
    return [MirrorRule(source, options.to, tags, options.excluded) for source in sources]


async def _mirror(options: MirrorOptions, rules: Sequence[MirrorRule], keeper: PlanKeeper) -> Mirrored:
    from pipeline.registry import Registry
    from pipeline.registry.copy.mirror import perform_mirror, plan_mirror
    from pipeline.release.saved import PlannedChange

    from ...registry_access import registry_access

    keeper.begin_alone(options)
    async with Registry(registry_access()) as registry:
        planned = await plan_mirror(registry, *rules)
        keeper.agree_to(
            PlannedChange(tag.destination, tag.before, tag.digest) for tag in planned if tag.moves
        )
        if options.planning.only:
            return Mirrored(planned, None, registry.stats.total)
        result = await perform_mirror(
            registry, planned, referrers=not options.no_referrers, check=options.check
        )
        return Mirrored(planned, result, registry.stats.total)


COMMANDS = {"mirror": Command(MirrorOptions, mirror)}
