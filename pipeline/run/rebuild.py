"""Rebuilds what the repository of builds has, and reports whether the result is the same."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.errors import BuildError, Exit, LockageError, RegistryError
from pipeline.model import Digest
from pipeline.oci.compare import Comparison, Image, compare
from pipeline.policy import Revision
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState
from pipeline.util.timestamps import parse_timestamp

from .image_cache import ImageCache
from .platforms import refuse_rebuilding
from .target.build import ATTESTED, Builder
from .target.epoch import image_created

if TYPE_CHECKING:
    from pipeline.model import Manifest, Reference
    from pipeline.plan import Plan, Target
    from pipeline.registry import Registry

    from .context import RunContext

REBUILT = "-rebuilt"
"""Suffix of a key: the tag of a result that differs."""
_REVISION = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})(-dirty)?\Z")


class Agreement(StrEnum):
    """How a rebuild ended."""

    EQUAL = "equal"
    DIFFERENT = "different"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One target rebuilt: the digest known under its key, the new one, and how they differ."""

    id: str
    status: Agreement
    known: Digest | None = None
    rebuilt: Digest | None = None
    comparison: Comparison | None = None
    fault: LockageError | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The rebuild as data for `--json`."""
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
    """The gravest code of a fault; without one, GATE when anything differs."""
    faults = [r.fault.exit_code for r in results if r.fault]
    if faults:
        return min(faults)
    return Exit.GATE if any(r.status is Agreement.DIFFERENT for r in results) else Exit.OK


async def rebuild(context: RunContext, *, detail: bool) -> list[Rebuilt]:
    """Rebuild every target of the plan on the bases and for the commit of its known build. Results are in plan order.

    Nothing that is known is replaced: a result that differs keeps the key's `-rebuilt` tag, that of an equal one is
    deleted. With `detail`, the differences are found. Raises EnvironmentProblem, before any build, for a platform
    whose programs no engine runs.
    """
    targets = [target for target in context.plan.targets if not target.external]
    await refuse_rebuilding(context, targets)
    store = context.store()
    records, images = Records(store, context.plan.targets), ImageCache(context.registry)

    async def rebuilt(target: Target) -> Rebuilt:
        began = time.monotonic()
        try:
            result = await _rebuild(context, records, images, target, detail)
        except LockageError as fault:
            result = Rebuilt(target.id, Agreement.FAILED, fault=fault)
        context.tell(target.id, ProgressState(result.status.value))
        return replace(result, seconds=time.monotonic() - began)

    results = await each(rebuilt, targets)
    context.tell_distrusted(store)
    return results


async def _rebuild(
    context: RunContext, records: Records, images: ImageCache, target: Target, detail: bool
) -> Rebuilt:
    known = await _known_manifest(records, images, target)
    bases = await _known_bases(context.plan, records, target)
    before, tag = context.builds.at(known.digest), f"{target.key}{REBUILT}"
    epoch = await image_created(images, before, target.platform)
    rebuilding = replace(context, fresh=True, revision=_revision(known), source_date_epoch=epoch)
    record = await Builder(rebuilding, images).build(target, bases, tag=tag, reason="once more")
    return await agreement(context, target, before, record, detail=detail)


async def agreement(
    context: RunContext, target: Target, before: Reference, record: Record, *, detail: bool
) -> Rebuilt:
    """Whether what was built again under the target's `-rebuilt` tag is the image of before; the tag stays if not."""
    assert before.digest
    tag = f"{target.key}{REBUILT}"
    if record.digest == before.digest:
        await _untag(context.registry, context.builds.tagged(tag))
        if record.attestations:
            await _untag(context.registry, context.builds.tagged(f"{tag}{ATTESTED}"))
        return Rebuilt(target.id, Agreement.EQUAL, before.digest, record.digest)
    comparison, after = None, context.builds.at(record.digest)
    if detail:
        comparison = await compare(
            Image(context.registry.source(before.repository), before.digest, str(before)),
            Image(context.registry.source(context.builds), record.digest, str(after)),
            context.cache / "layers",
        )
    return Rebuilt(target.id, Agreement.DIFFERENT, before.digest, record.digest, comparison)


async def _known_manifest(records: Records, images: ImageCache, target: Target) -> Manifest:
    if target.key is None:
        raise BuildError(f"{target.id} has no key: its bases are not locked", hint="lockage lock")
    record = await records.find(target.key)
    manifest = await images.get_manifest(records.repository.at(record.digest)) if record else None
    if manifest is None:
        raise RegistryError(
            f"{target.id} was never built with these inputs: there is nothing to compare with",
            hint=f"lockage build --only {target.id}",
        )
    return manifest


async def _known_bases(plan: Plan, records: Records, target: Target) -> Mapping[str, Digest]:
    """The digests of the internal bases. Raises RegistryError for one that is not known under its key: the target
    cannot have been built on it."""
    digests = {}
    for base in (plan.by_id[i] for i in target.internal_bases):
        record = await records.find(base.key) if base.key else None
        if record is None:
            raise RegistryError(
                f"{base.id}, on which {target.id} is based, is not known under its key",
                hint=f"lockage build --only {base.id}",
            )
        digests[base.id] = record.digest
    return digests


def _revision(manifest: Manifest) -> Revision:
    """The commit that an image's annotations name (OCI image-spec v1.1, annotations.md). Raises BuildError."""
    annotations = manifest.annotations
    created = annotations.get("org.opencontainers.image.created", "")
    try:
        seconds = parse_timestamp(created)
    except ValueError:
        raise BuildError(
            f"{manifest.digest} does not say when it was created: {created[:40]!r}",
            hint="rebuild it: lockage build --fresh",
        ) from None
    revision = _REVISION.match(annotations.get("org.opencontainers.image.revision", ""))
    sha, dirty = (revision[1], bool(revision[2])) if revision else ("", False)
    return Revision(sha, dirty, seconds)


async def _untag(registry: Registry, tag: Reference) -> None:
    """Delete a scratch tag. In a registry that deletes no tags it stays, and names a known digest."""
    try:
        await registry.delete(tag)
    except RegistryError:
        return
