"""Fan-in: what runners pushed for single platforms, judged again and merged into one index; no engine.

A ref comes from a file that its runner wrote (`--refs`), else from the registry's `<commit tag>-linux-<arch>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import GateClosed, RegistryError, UsageError
from pipeline.model import Digest, Platform, Reference
from pipeline.oci.index import platform_tag
from pipeline.policy import judge
from pipeline.registry.platform_image import PlatformImage, read_platform_image
from pipeline.util.concurrency import each

from ..known_records import known
from ..results import Stage
from .merge import merge
from .refs import PlatformRef

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ..context import RunContext


@dataclass(frozen=True, slots=True)
class Merged:
    """One index: where it is, its children by platform, the platforms that are missing, the tags written now."""

    image: str
    tag: str
    reference: Reference
    children: tuple[tuple[Platform, Digest], ...]
    missing: tuple[Platform, ...]
    written: tuple[Reference, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "image": self.image,
            "tag": self.tag,
            "reference": str(self.reference),
            "children": {str(platform): str(digest) for platform, digest in self.children},
            "missing": [str(platform) for platform in self.missing],
            "written": [str(reference) for reference in self.written],
        }


async def manifest(
    context: RunContext, refs: Mapping[str, PlatformRef] | None = None, *, allow_missing: bool = False
) -> list[Merged]:
    """Merge every image tag of the plan; with `refs` (by target id) those, and only the image tags they name.

    Nothing is written before every platform of every image tag was found, is of its platform and passed its gates.
    Raises RegistryError for what is missing (unless `allow_missing`) or of another platform, GateClosed, and
    UsageError for refs that the plan does not know.
    """
    groups = _groups(context, refs)
    looked = await each(lambda group: _look(context, group, refs), groups)
    if not allow_missing or not all(any(child for _, child in found) for found in looked):
        _refuse_missing(context, [pair for found in looked for pair in found])
    out = []
    for found in looked:
        target = found[0][0]
        children = [child for _, child in found if child]
        missing = tuple(t.platform for t, child in found if not child)
        if missing:
            context.report(target.name, "missing", f"{', '.join(map(str, missing))}: merged without")
        out.append(await _merge(context, target, children, missing))
    return out


def _groups(context: RunContext, refs: Mapping[str, PlatformRef] | None) -> list[Sequence[Target]]:
    groups = [targets for _, targets in context.plan.groups()]
    if refs is None:
        return groups
    unknown = [id for id in refs if id not in context.plan.by_id]
    if unknown:
        raise UsageError(
            f"a file of refs names {unknown[0]}, which is not in the plan",
            hint="merge at the commit that was pushed, and name no other TARGET",
        )
    return [targets for targets in groups if any(t.id in refs for t in targets)]


async def _look(
    context: RunContext, targets: Sequence[Target], refs: Mapping[str, PlatformRef] | None
) -> list[tuple[Target, PlatformImage | None]]:
    async def one(target: Target) -> tuple[Target, PlatformImage | None]:
        if refs is None:
            where = _where(context, target)
            child = await read_platform_image(context.registry, where, target.platform) if where else None
            child = child or await _in_index(context, target)
        else:
            ref = refs.get(target.id)
            child = (
                await read_platform_image(context.registry, ref.reference, target.platform) if ref else None
            )
        if child:
            await _judge(context, target, child)
        return target, child

    return await each(one, targets)


def _where(context: RunContext, target: Target) -> Reference | None:
    """The tag that a run for one platform writes."""
    tags = context.commit_tags(target)
    repository = context.repository(context.plan.project.environments[0], target.image)
    return repository.tagged(platform_tag(tags[0], target.platform)) if tags else None


async def _in_index(context: RunContext, target: Target) -> PlatformImage | None:
    """A platform that the commit's index has already: an image of one platform needs no merging."""
    tags = context.commit_tags(target)
    repository = context.repository(context.plan.project.environments[0], target.image)
    index = await context.registry.get_manifest(repository.tagged(tags[0])) if tags else None
    found = next((c for c in index.children if c.platform == target.platform), None) if index else None
    return (
        await read_platform_image(context.registry, repository.at(found.digest), target.platform)
        if found
        else None
    )


async def _judge(context: RunContext, target: Target, child: PlatformImage) -> None:
    """Ask the gates of a digest again, from what is remembered of it; what nobody examined has not passed."""
    record = await known(context, target.key) if target.key else None
    reference = child.repository.at(child.manifest.digest)
    if record is None or record.digest != child.manifest.digest:
        raise GateClosed(
            f"{reference} is not what the repository of builds has for {target.id}",
            hint=_push(target) + ": what was not examined is not tagged",
            detail=f"{context.builds}:{target.key or '(no key)'} is {record.digest if record else 'not there'}",
        )
    evidence = record.evidence
    unknown = [
        name
        for name, there in (
            (Stage.SCAN, evidence.scan),
            (Stage.SBOM, evidence.inventory),
            (Stage.TEST, evidence.tests or not target.test),
        )
        if not there
    ]
    if unknown:
        raise GateClosed(f"{target.id}: nothing is known of its {', '.join(unknown)}", hint=_push(target))
    closed = [v for v in judge(evidence, target.gates, context.today) if not v.passed]
    if closed:
        raise GateClosed(
            f"{target.id} is not merged: its gates are closed ({', '.join(v.gate for v in closed)})",
            hint="mend the image, or the policy, and push it again",
            detail="\n".join(reason for verdict in closed for reason in verdict.reasons),
        )


def _refuse_missing(context: RunContext, found: Sequence[tuple[Target, PlatformImage | None]]) -> None:
    absent = [target for target, child in found if child is None]
    if not absent:
        return
    lines = [f"{t.name} lacks {t.platform}: {_where(context, t) or 'no ref'} does not exist" for t in absent]
    raise RegistryError(
        lines[0] if len(lines) == 1 else f"{len(lines)} platforms are missing",
        hint=f"{_push(absent[0])} on a runner for {absent[0].platform}; or --allow-missing to merge without",
        detail="\n".join(lines) if len(lines) > 1 else None,
    )


def _push(target: Target) -> str:
    return f"lockage push {target.name} --platform {target.platform}"


async def _merge(
    context: RunContext, target: Target, children: Sequence[PlatformImage], missing: tuple[Platform, ...]
) -> Merged:
    repository = context.repository(context.plan.project.environments[0], target.image)
    tags = context.commit_tags(target)
    index, written = await merge(context.registry, repository, children, tags)
    there = repository.tagged(tags[0]) if tags else repository.at(index.digest)
    pairs = tuple((child.platform, child.manifest.digest) for child in children)
    return Merged(target.image, target.tag, there.pinned(index.digest), pairs, missing, written)
