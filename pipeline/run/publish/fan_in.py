"""Merges what several runs pushed for single platforms into one index per image tag, after judging each again; no
engine.

A platform comes from a file that its run wrote (`--refs`), else from the registry's `<commit tag>-linux-<arch>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import GateClosed, RegistryError, UsageError
from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.oci.index import platform_tag
from pipeline.policy import judge
from pipeline.registry.platform_image import PlatformImage, read_platform_image
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.util.concurrency import each
from pipeline.util.progress import ProgressState

from ..image_cache import ImageCache
from ..platform_refs import PlatformRef
from ..results import Stage
from .merge import merge

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ..context import RunContext


@dataclass(frozen=True, slots=True)
class Merged:
    """One index: its reference, its children by platform, the platforms that are missing, the tags written now."""

    image: str
    tag: str
    reference: Reference
    children: tuple[tuple[Platform, Digest], ...]
    missing: tuple[Platform, ...]
    written: tuple[Reference, ...]

    def to_json(self) -> dict[str, Any]:
        """The index as data."""
        return {
            "image": self.image,
            "tag": self.tag,
            "reference": str(self.reference),
            "children": {str(platform): str(digest) for platform, digest in self.children},
            "missing": [str(platform) for platform in self.missing],
            "written": [str(reference) for reference in self.written],
        }


@dataclass(frozen=True, slots=True)
class _Platform:
    """One target, and its image as it was pushed; None when it was not."""

    target: Target
    image: PlatformImage | None


async def manifest(
    context: RunContext, refs: Mapping[str, PlatformRef] | None = None, *, allow_missing: bool = False
) -> list[Merged]:
    """Merge every image tag of the plan; with `refs` (by target id) those, and only the image tags they name.

    Nothing is written before every platform of every image tag was found, is of its platform and passed its gates.
    Raises RegistryError for a platform that is missing (unless `allow_missing`) or of another kind, GateClosed, and
    UsageError for refs that the plan does not have.
    """
    records, reader = Records(context.registry, context.builds), ImageCache(context.registry)

    async def read(target: Target) -> _Platform:
        image = await _pushed_image(context, reader, target, refs)
        if image:
            await _judge(context, records, target, image)
        return _Platform(target, image)

    async def read_group(group: Sequence[Target]) -> list[_Platform]:
        return await each(read, group)

    groups = await each(read_group, _groups(context, refs))
    if not allow_missing or not all(any(platform.image for platform in group) for group in groups):
        _refuse_missing(context, [platform for group in groups for platform in group])
    merged = []
    for group in groups:
        missing = tuple(platform.target.platform for platform in group if not platform.image)
        if missing:
            platforms = ", ".join(map(str, missing))
            context.tell(group[0].target.name, ProgressState.MISSING, f"{platforms}: merged without")
        images = [platform.image for platform in group if platform.image]
        merged.append(await _merge(context, group[0].target, images, missing))
    return merged


def _groups(context: RunContext, refs: Mapping[str, PlatformRef] | None) -> list[tuple[Target, ...]]:
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


async def _pushed_image(
    context: RunContext, reader: ImageCache, target: Target, refs: Mapping[str, PlatformRef] | None
) -> PlatformImage | None:
    """The image of a platform: by its ref if there are refs, else by its own tag or in the commit's index."""
    if refs is not None:
        ref = refs.get(target.id)
        return await read_platform_image(reader, ref.reference, target.platform) if ref else None
    tag = _platform_tag(context, target)
    image = await read_platform_image(reader, tag, target.platform) if tag else None
    return image or await _in_index(context, reader, target)


def _platform_tag(context: RunContext, target: Target) -> Reference | None:
    """The tag that a run for one platform writes."""
    tags = context.commit_tags(target)
    return _repository(context, target).tagged(platform_tag(tags[0], target.platform)) if tags else None


async def _in_index(context: RunContext, reader: ImageCache, target: Target) -> PlatformImage | None:
    """A platform in the index of the commit's tag: an image of one platform needs no merging."""
    tags, repository = context.commit_tags(target), _repository(context, target)
    index = await reader.get_manifest(repository.tagged(tags[0])) if tags else None
    child = next((c for c in index.children if c.platform == target.platform), None) if index else None
    if child is None:
        return None
    return await read_platform_image(reader, repository.at(child.digest), target.platform)


def _repository(context: RunContext, target: Target) -> Repository:
    return context.repository(context.plan.project.environments[0], target.image)


async def _judge(context: RunContext, records: Records, target: Target, image: PlatformImage) -> None:
    """Judge a digest again by its record. Raises GateClosed, also for an image that was not examined."""
    record = await records.find(target.key) if target.key else None
    reference = image.repository.at(image.manifest.digest)
    if record is None or record.digest != image.manifest.digest:
        known = f"is {record.digest}" if record else "does not exist"
        raise GateClosed(
            f"{reference} is not what the repository of builds has for {target.id}",
            hint=f"{_push_command(target)}: what was not examined is not tagged",
            detail=f"{context.builds}:{target.key or '(no key)'} {known}",
        )
    unexamined = _unexamined(target, record)
    if unexamined:
        raise GateClosed(f"{target.id} has no {', '.join(unexamined)} result", hint=_push_command(target))
    verdicts = judge(record.evidence, target.gates, context.today)
    closed = [verdict for verdict in verdicts if not verdict.passed]
    if closed:
        raise GateClosed(
            f"{target.id} is not merged: its gates are closed ({', '.join(v.gate for v in closed)})",
            hint="fix the image or the policy, then push it again",
            detail="\n".join(reason for verdict in closed for reason in verdict.reasons),
        )


def _unexamined(target: Target, record: Record) -> list[Stage]:
    evidence = record.evidence
    done = {
        Stage.SCAN: evidence.scan is not None,
        Stage.SBOM: evidence.inventory is not None,
        Stage.TEST: evidence.tests is not None or not target.test,
    }
    return [stage for stage, examined in done.items() if not examined]


def _refuse_missing(context: RunContext, platforms: Sequence[_Platform]) -> None:
    missing = [platform.target for platform in platforms if platform.image is None]
    if not missing:
        return
    lines = [
        f"{t.name} lacks {t.platform}: {_platform_tag(context, t) or 'no ref'} does not exist"
        for t in missing
    ]
    raise RegistryError(
        lines[0] if len(lines) == 1 else f"{len(lines)} platforms are missing",
        hint=f"{_push_command(missing[0])} on a runner for {missing[0].platform}; or --allow-missing to merge without",
        detail="\n".join(lines) if len(lines) > 1 else None,
    )


def _push_command(target: Target) -> str:
    return f"lockage push {target.name} --platform {target.platform}"


async def _merge(
    context: RunContext, target: Target, images: Sequence[PlatformImage], missing: tuple[Platform, ...]
) -> Merged:
    repository, tags = _repository(context, target), context.commit_tags(target)
    index, written = await merge(context.registry, repository, images, tags)
    reference = repository.tagged(tags[0]) if tags else repository.at(index.digest)
    children = tuple((image.platform, image.manifest.digest) for image in images)
    return Merged(target.image, target.tag, reference.pinned(index.digest), children, missing, written)
