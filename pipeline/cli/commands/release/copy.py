"""copy: copy an image with its platforms and everything attached to it to another repository, by digest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, RegistryError

from ...arguments import flag, group, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from ...references import parse_destination, parse_reference

if TYPE_CHECKING:
    from pipeline.model import Digest, Reference
    from pipeline.registry import CopyResult


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
        reference = f"{self.reference.repository}:{self.reference.tag}"
        return f"{reference}  {self.before.short if self.before else 'nothing'} → {self.digest.short}"

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


def copy(options: CopyOptions) -> int:
    """Copy what the first reference points to now; stdout is where it is, by digest."""
    from ... import signals
    from ...proposals import require_reviewed

    require_reviewed("copy")
    copied = signals.run(partial(_copy, options))
    if options.common.json:
        console.print_json(copied.to_json())
        return Exit.OK
    result = copied.result
    console.print_line(str(copied.reference))
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


async def _copy(options: CopyOptions) -> Copied:
    from pipeline.registry import Registry

    from ...registry_access import registry_access

    source, destination = options.source, options.destination
    async with Registry(registry_access()) as registry:
        digest = source.digest
        if digest is None:
            descriptor = await registry.head(source)
            if descriptor is None:
                raise RegistryError(f"{source} does not exist", hint="check the name and the tag")
            digest = descriptor.digest
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
