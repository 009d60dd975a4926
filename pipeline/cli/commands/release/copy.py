"""copy: copy an image with its platforms and everything attached to it to another repository, by digest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, RegistryError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from ...promotion_options import PlanFlags
from ...references import parse_destination, parse_reference

if TYPE_CHECKING:
    from pipeline.model import Digest, Reference
    from pipeline.registry import CopyResult

    from ...saved_plans import ExpectedPlan, PlanKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """What `copy` understands."""

    common: CommonOptions = group(CommonOptions)
    source: Reference = positional(
        metavar="FROM", convert=parse_reference, help="HOST/NAME:TAG or HOST/NAME@sha256:…"
    )
    destination: Reference = positional(
        metavar="TO", convert=parse_destination, help="HOST/NAME:TAG, or HOST/NAME to write by digest"
    )
    no_referrers: bool = flag("--no-referrers", help="leave signatures, SBOMs and other attestations behind")
    check: bool = flag("--check", help="check every blob and manifest, and copy what is missing")
    planning: PlanFlags = group(PlanFlags)


@dataclass(frozen=True, slots=True)
class PlannedCopy:
    """What would be copied, and what the destination names now: its tag, or the digest itself."""

    reference: Reference
    digest: Digest
    before: Digest | None

    @property
    def move(self) -> str:
        """The write of the tag, or of the digest; empty where it is there."""
        return "" if self.before == self.digest else _move(self.reference, self.before, self.digest)

    def to_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "reference": str(self.reference),
            "digest": str(self.digest),
            "from": str(self.before) if self.before else None,
            "already": self.before == self.digest,
        }


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy, where it is, and how many requests it took."""

    reference: Reference
    digest: Digest
    result: CopyResult
    requests: int
    before: Digest | None

    @property
    def move(self) -> str:
        """The write of the tag; empty where it was not written."""
        if not self.result.tagged:
            return ""
        return _move(self.reference, self.before, self.digest)

    def to_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "reference": str(self.reference),
            "digest": str(self.digest),
            "already": self.result.already,
            "tagged": self.result.tagged,
            "from": str(self.before) if self.before and self.result.tagged else None,
            "manifests": self.result.manifests,
            "mounted": self.result.mounted,
            "uploaded": self.result.uploaded,
            "sent": self.result.sent,
            "referrers": [str(referrer.digest) for referrer in self.result.referrers],
            "dangling": [str(digest) for digest in self.result.dangling],
            "left_out": list(self.result.left_out),
            "requests": self.requests,
        }


def copy(options: CopyOptions, saved: ExpectedPlan | None = None) -> int:
    """Copy what the first reference points to now; stdout is where it is, by digest."""
    from ... import signals
    from ...proposals import require_reviewed
    from ...saved_plans import PlanKeeper

    require_reviewed("copy")
    keeper = PlanKeeper("copy", options.planning.file, saved, not options.planning.only)
    copied = signals.run(partial(_copy, options, keeper))
    if options.common.json:
        console.print_json(copied.to_json())
        return Exit.OK
    console.print_line(str(copied.reference))
    if isinstance(copied, PlannedCopy):
        console.message(f"would be copied: {copied.move}" if copied.move else "up to date")
        return Exit.OK
    result = copied.result
    console.message(
        f"{'up to date' if result.already else 'copied'}: {result.manifests} manifests written, "
        f"{result.mounted} blobs mounted, {result.uploaded} uploaded ({console.human_size(result.sent)}), "
        f"{len(result.referrers)} referrers; {copied.requests} requests"
    )
    if copied.move:
        console.message(copied.move)
    for digest in result.dangling:
        console.message(f"note: {digest} is listed as a referrer and does not exist")
    for reason in result.left_out:
        console.message(f"warning: left out {reason}")
    return Exit.OK


def _move(reference: Reference, before: Digest | None, after: Digest) -> str:
    name = f"{reference.repository}:{reference.tag}" if reference.tag else str(reference)
    return f"{name}  {before.short if before else 'nothing'} → {after.short}"


async def _copy(options: CopyOptions, keeper: PlanKeeper) -> PlannedCopy | Copied:
    from pipeline.registry import Registry
    from pipeline.release.saved import PlannedChange

    from ...registry_access import registry_access

    source, destination = options.source, options.destination
    keeper.begin_alone(options)
    async with Registry(registry_access()) as registry:
        digest = source.digest
        if digest is None:
            descriptor = await registry.head(source)
            if descriptor is None:
                raise RegistryError(f"{source} does not exist", hint="check the name and the tag")
            digest = descriptor.digest
        if keeper.plans:
            target = destination if destination.tag else destination.repository.at(digest)
            held = await registry.head(target)
            planned = PlannedCopy(destination.pinned(digest), digest, held.digest if held else None)
            keeper.agree_to([PlannedChange(target, planned.before, digest)] if planned.move else [])
            if options.planning.only:
                return planned
        within = source.repository == destination.repository and destination.tag
        held = await registry.head(destination) if within else None
        result = await registry.copy(
            source.repository,
            digest,
            destination.repository,
            tag=destination.tag,
            referrers=not options.no_referrers,
            check=options.check,
        )
        before = held.digest if held else result.before
        return Copied(destination.pinned(digest), digest, result, registry.stats.total, before)


COMMANDS = {"copy": Command(CopyOptions, copy)}
