"""Merges what several runs pushed for single platforms into one index per image tag, after judging each again; no
engine.

A platform comes from a file that its run wrote (`--refs`), else from the registry's `<commit tag>-linux-<arch>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.errors import GateClosed, RegistryError, UsageError
from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.oci.index import platform_tag
from pipeline.registry.platform_image import PlatformImage, read_platform_image
from pipeline.state.records import Records
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from ..gates.judge import TargetJudge
from ..gates.missing_examinations import unexamined
from ..image_cache import ImageCache
from ..platform_refs import PlatformRef
from .merge import merge
from .promotion import TagMove

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.registry import Registry
    from pipeline.registry.platform_image import ImageReader

    from ..context import RunContext


@dataclass(frozen=True, slots=True)
class Merged:
    """One index: its reference, its children by platform, the platforms that are missing, the moves of tags now."""

    image: str
    tag: str
    reference: Reference
    children: tuple[tuple[Platform, Digest], ...]
    missing: tuple[Platform, ...]
    moves: tuple[TagMove, ...]

    def to_json(self) -> dict[str, Any]:
        """The index as data."""
        return {
            "image": self.image,
            "tag": self.tag,
            "reference": str(self.reference),
            "children": {str(platform): str(digest) for platform, digest in self.children},
            "missing": [str(platform) for platform in self.missing],
            "written": [str(move.reference) for move in self.moves],
        }


@dataclass(frozen=True, slots=True)
class _Platform:
    """One target with its image's repository in the first environment, and the tags of its commit there."""

    target: Target
    repository: Repository
    commit_tags: tuple[str, ...]

    @classmethod
    def of(cls, context: RunContext, target: Target) -> _Platform:
        """A target as a run publishes it."""
        return cls(target, context.first_repository(target.image), context.commit_tags(target))

    @property
    def own_tag(self) -> Reference | None:
        """The tag that a run for this platform writes."""
        if not self.commit_tags:
            return None
        return self.repository.tagged(platform_tag(self.commit_tags[0], self.target.platform))


@dataclass(frozen=True, slots=True)
class _Pushed:
    """A platform, and its image as it was pushed; None when it was not."""

    platform: _Platform
    image: PlatformImage | None


async def manifest(
    context: RunContext, refs: Mapping[str, PlatformRef] | None = None, *, allow_missing: bool = False
) -> list[Merged]:
    """Merge every image tag of the plan; with `refs` (by target id) those, and only the image tags they name.

    Nothing is written before every platform of every image tag was found, is of its platform and passed its gates.
    Raises RegistryError for a platform that is missing (unless `allow_missing`) or of another kind, GateClosed, and
    UsageError for refs that the plan does not have.
    """
    store = context.store()
    tags = _image_tags(context, refs)
    targets = [target for group in tags for target in group]
    records = Records(store, targets, upstream=context.upstream)
    reader = ImageCache(context.registry)

    judge = TargetJudge(context)

    async def find(platform: _Platform) -> _Pushed:
        image = await _pushed_image(reader, platform, refs)
        if image:
            await _judge(judge, records, platform.target, image)
        return _Pushed(platform, image)

    async def find_group(group: Sequence[Target]) -> list[_Pushed]:
        return await each(find, [_Platform.of(context, target) for target in group])

    try:
        groups = await each(find_group, tags)
    finally:
        context.tell_distrusted(store)
    if not allow_missing or not all(any(pushed.image for pushed in group) for group in groups):
        _refuse_missing([pushed.platform for group in groups for pushed in group if not pushed.image])
    merged = []
    for group in groups:
        first = group[0].platform
        missing = tuple(pushed.platform.target.platform for pushed in group if not pushed.image)
        if missing:
            platforms = ", ".join(map(str, missing))
            context.tell(first.target.name, ProgressState.MISSING, f"{platforms}: merged without")
        images = [pushed.image for pushed in group if pushed.image]
        merged.append(await _merge(context.registry, first, images, missing))
    return merged


def _image_tags(context: RunContext, refs: Mapping[str, PlatformRef] | None) -> list[tuple[Target, ...]]:
    """The image tags of the plan, each with all its platforms: an index is never written for some of them."""
    groups = [context.whole.get(name, targets) for name, targets in context.plan.groups()]
    if refs is None:
        return groups
    known = {target.id for targets in groups for target in targets}
    unknown = [id for id in refs if id not in known]
    if unknown:
        raise UsageError(
            f"a file of refs names {unknown[0]}, which is not in the plan",
            hint="merge at the commit that was pushed, and name no other TARGET",
        )
    return [targets for targets in groups if any(t.id in refs for t in targets)]


async def _pushed_image(
    reader: ImageReader, platform: _Platform, refs: Mapping[str, PlatformRef] | None
) -> PlatformImage | None:
    """The image of a platform: by its ref if there are refs, else by its own tag or in the commit's index."""
    target = platform.target
    if refs is not None:
        ref = refs.get(target.id)
        return await read_platform_image(reader, ref.reference, target.platform) if ref else None
    tag = platform.own_tag
    image = await read_platform_image(reader, tag, target.platform) if tag else None
    return image or await _in_index(reader, platform)


async def _in_index(reader: ImageReader, platform: _Platform) -> PlatformImage | None:
    """A platform in the index of the commit's tag: an image of one platform needs no merging."""
    tags, repository, wanted = platform.commit_tags, platform.repository, platform.target.platform
    index = await reader.get_manifest(repository.tagged(tags[0])) if tags else None
    child = next((c for c in index.children if c.platform == wanted), None) if index else None
    return await read_platform_image(reader, repository.at(child.digest), wanted) if child else None


async def _judge(judge: TargetJudge, records: Records, target: Target, image: PlatformImage) -> None:
    """Judge a digest again by its record. Raises GateClosed, also for an image that was not examined."""
    record = await records.find(target.key) if target.key else None
    reference = image.repository.at(image.manifest.digest)
    if record is None or record.digest != image.manifest.digest:
        known = f"is {record.digest}" if record else "has no record that a trusted key signed"
        raise GateClosed(
            f"{reference} is not what the repository of builds has for {target.id}",
            hint=f"{_push_command(target)}: what was not examined is not tagged",
            detail=f"{records.repository}:{target.key or '(no key)'} {known}",
        )
    lacking = unexamined(target, record.evidence)
    if lacking:
        raise GateClosed(f"{target.id} has no {', '.join(lacking)} result", hint=_push_command(target))
    verdicts = (await judge.judge(target, record.digest, record.evidence)).verdicts
    closed = [verdict for verdict in verdicts if not verdict.passed]
    if closed:
        raise GateClosed(
            f"{target.id} is not merged: its gates are closed ({', '.join(v.gate for v in closed)})",
            hint="fix the image or the policy, then push it again",
            detail="\n".join(reason for verdict in closed for reason in verdict.reasons),
        )


def _refuse_missing(platforms: Sequence[_Platform]) -> None:
    if not platforms:
        return
    lines = [
        f"{p.target.name} lacks {p.target.platform}: {p.own_tag or 'no ref'} does not exist"
        for p in platforms
    ]
    first = platforms[0].target
    raise RegistryError(
        lines[0] if len(lines) == 1 else f"{len(lines)} platforms are missing",
        hint=f"{_push_command(first)} on a runner for {first.platform}; or --allow-missing to merge without",
        detail="\n".join(lines) if len(lines) > 1 else None,
    )


def _push_command(target: Target) -> str:
    return f"lockage push {target.name} --platform {target.platform}"


async def _merge(
    registry: Registry, platform: _Platform, images: Sequence[PlatformImage], missing: tuple[Platform, ...]
) -> Merged:
    target, repository, tags = platform.target, platform.repository, platform.commit_tags
    index, moves = await merge(registry, repository, images, tags)
    reference = repository.tagged(tags[0]) if tags else repository.at(index.digest)
    children = tuple((image.platform, image.manifest.digest) for image in images)
    return Merged(target.image, target.tag, reference.pinned(index.digest), children, missing, moves)
