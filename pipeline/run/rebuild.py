"""Building once more what the registry has, and saying whether the same comes out."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.errors import BuildError, Exit, LockageError, RegistryError
from pipeline.model import Digest
from pipeline.oci.compare import Comparison, Image, compare
from pipeline.policy import Revision
from pipeline.util.concurrency import each
from pipeline.util.timestamps import parse_timestamp

from .known_records import known
from .target.build import ATTESTED, build_target
from .target.epoch import Epochs, image_created

if TYPE_CHECKING:
    from pipeline.model import Manifest
    from pipeline.plan import Target

    from .context import RunContext

REBUILT = "-rebuilt"
"""Behind a key: the tag under which a result that differs can be looked at."""
_LABEL = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})(-dirty)?\Z")


class Agreement(StrEnum):
    """How a rebuilt target ended."""

    EQUAL = "equal"
    DIFFERENT = "different"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One target built again: the digest known under its key, the new one, and in what they differ."""

    id: str
    status: Agreement
    known: Digest | None = None
    rebuilt: Digest | None = None
    comparison: Comparison | None = None
    fault: LockageError | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain data for `--json`."""
        return {
            "id": self.id,
            "status": str(self.status),
            "known": str(self.known) if self.known else None,
            "rebuilt": str(self.rebuilt) if self.rebuilt else None,
            "seconds": round(self.seconds, 3),
            **({"comparison": self.comparison.to_json()} if self.comparison else {}),
            **({"error": self.fault.to_json()} if self.fault else {}),
        }


def exit_code(results: list[Rebuilt]) -> Exit:
    """The gravest fault; else GATE when anything differs."""
    faults = [r.fault.exit_code for r in results if r.fault]
    if faults:
        return min(faults)
    return Exit.GATE if any(r.status is Agreement.DIFFERENT for r in results) else Exit.OK


async def rebuild(context: RunContext, *, detail: bool) -> list[Rebuilt]:
    """Build every target of the plan afresh, on the bases it was built on, for the commit it was built for.

    Nothing that is known is replaced: a result that differs is left under the key's `-rebuilt` tag, the tag of one
    that agrees goes away. With `detail` the differences are looked for. Results are in plan order.
    """

    async def one(target: Target) -> Rebuilt:
        began = time.monotonic()
        try:
            found = await _rebuild(context, target, detail)
        except LockageError as fault:
            found = Rebuilt(target.id, Agreement.FAILED, fault=fault)
        context.report(target.id, str(found.status), "")
        return replace(found, seconds=time.monotonic() - began)

    return await each(one, [t for t in context.plan.targets if not t.external])


async def _rebuild(context: RunContext, target: Target, detail: bool) -> Rebuilt:
    before = await _manifest(context, target)
    bases = await _bases(context, target)
    epochs = Epochs(await image_created(context.registry, context.builds.at(before.digest), target.platform))
    afresh = replace(context, fresh=True, revision=_revision(before), epochs=epochs)
    tag = f"{target.key}{REBUILT}"
    record = await build_target(afresh, target, bases, tag, why="once more")
    if record.digest == before.digest:
        await _untag(context, tag)
        if record.attestations:
            await _untag(context, f"{tag}{ATTESTED}")
        return Rebuilt(target.id, Agreement.EQUAL, before.digest, record.digest)
    source, comparison = context.registry.source(context.builds), None
    if detail:
        comparison = await compare(
            Image(source, before.digest, str(context.builds.at(before.digest))),
            Image(source, record.digest, str(context.builds.at(record.digest))),
            context.cache / "layers",
        )
    return Rebuilt(target.id, Agreement.DIFFERENT, before.digest, record.digest, comparison)


async def _manifest(context: RunContext, target: Target) -> Manifest:
    if target.key is None:
        raise BuildError(f"{target.id} has no key: its bases are not locked", hint="lockage lock")
    record = await known(context, target.key)
    manifest = await context.registry.get_manifest(context.builds.at(record.digest)) if record else None
    if manifest is None:
        raise RegistryError(
            f"{target.id} was never built with these inputs: there is nothing to compare with",
            hint=f"lockage build --only {target.id}",
        )
    return manifest


async def _bases(context: RunContext, target: Target) -> Mapping[str, Digest]:
    """What the internal bases are known as; a base that is not known cannot be what the target was built on."""
    out = {}
    for base in (context.plan.by_id[i] for i in target.internal_bases):
        record = await known(context, base.key) if base.key else None
        if record is None:
            raise RegistryError(
                f"{base.id}, which {target.id} stands on, is not known under its key",
                hint=f"lockage build --only {base.id}",
            )
        out[base.id] = record.digest
    return out


def _revision(manifest: Manifest) -> Revision:
    """The commit that an image says it was built for (OCI image-spec v1.1, annotations.md); raises BuildError."""
    notes = manifest.annotations
    created = notes.get("org.opencontainers.image.created", "")
    try:
        seconds = parse_timestamp(created)
    except ValueError:
        raise BuildError(
            f"{manifest.digest} does not say when it was created: {created[:40]!r}",
            hint="build it anew: lockage build --fresh",
        ) from None
    found = _LABEL.match(notes.get("org.opencontainers.image.revision", ""))
    sha, dirty = (found[1], bool(found[2])) if found else ("", False)
    return Revision(sha, dirty, seconds)


async def _untag(context: RunContext, tag: str) -> None:
    """Take a scratch tag away; a registry that deletes no tags keeps it, and it names what is known anyway."""
    try:
        await context.registry.delete(context.builds.tagged(tag))
    except RegistryError:
        return
