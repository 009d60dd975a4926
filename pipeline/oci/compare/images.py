"""Comparing two images: manifests first, and layers only where those say that there is a difference."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest
from pipeline.model.manifest import load_json
from pipeline.util.concurrency import each
from pipeline.util.scratch import processors, room

from ..verify import uncorrupted
from .difference import TREE, Comparison, Difference, json_differences
from .listing import Listing, listing_differences, read_listing
from .tree import flatten

if TYPE_CHECKING:
    from pipeline.model import Manifest

    from ..source import ContentSource

_CONFIG = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Image:
    """One side: where it is read from, its manifest or index, and how it is called in the report."""

    source: ContentSource
    digest: Digest
    name: str


async def compare(before: Image, after: Image, scratch: Path) -> Comparison:
    """Everything in which two images, or two indexes platform by platform, differ.

    What both have in common is not read. `scratch` is a folder for temporary files: one compressed layer each, as
    many at once as there are processors. Raises RegistryError, LayerFault, EnvironmentProblem.
    """
    if before.digest == after.digest:
        return Comparison(before.name, after.name)
    with room(scratch, "compare-") as folder:
        found = await _Both(before.source, after.source, folder).images(before.digest, after.digest, "")
    return Comparison(before.name, after.name, tuple(found))


class _Both:
    """Two sources, and the layers that were listed already, by digest."""

    def __init__(self, before: ContentSource, after: ContentSource, folder: Path) -> None:
        self._sources, self._folder = (before, after), folder
        self._listed: dict[Digest, Listing] = {}
        self._names = itertools.count()

    async def images(self, before: Digest, after: Digest, prefix: str) -> list[Difference]:
        """Two manifests or two indexes."""
        sides = [await s.manifest(d) for s, d in zip(self._sources, (before, after), strict=True)]
        found = list(json_differences(f"{prefix}manifest", *(_shell(m) for m in sides)))
        if sides[0].is_index and sides[1].is_index:
            return found + await self._indexes(sides, prefix)
        if sides[0].is_index or sides[1].is_index:
            return found
        configs = [await _config(s, m) for s, m in zip(self._sources, sides, strict=True)]
        found += json_differences(f"{prefix}config", *(_without(c, "rootfs", "history") for c in configs))
        found += _histories(f"{prefix}history", *(c.get("history") or [] for c in configs))
        found += await self._layers(sides, [_diff_ids(c) for c in configs], prefix)
        return found or [Difference(f"{prefix}manifest", "", "bytes", str(before), str(after))]

    async def _indexes(self, sides: list[Manifest], prefix: str) -> list[Difference]:
        found: list[Difference] = []
        names = [_children(side) for side in sides]
        for name in sorted({*names[0], *names[1]}):
            was, now = (side.get(name) for side in names)
            if was is None or now is None:
                found.append(
                    Difference(f"{prefix}manifest", name, "platform", was and str(was), now and str(now))
                )
            elif was != now:
                found += await self.images(was, now, f"{prefix}{name} ")
        return found or [Difference(f"{prefix}manifest", "", "bytes", *(str(s.digest) for s in sides))]

    async def _layers(
        self, sides: list[Manifest], diff_ids: list[list[str]], prefix: str
    ) -> list[Difference]:
        before, after = (side.layers for side in sides)
        found: list[Difference] = []
        if len(before) != len(after):
            found.append(
                Difference(f"{prefix}manifest", "layers", "number", str(len(before)), str(len(after)))
            )
        other = False
        for number, (old, new) in enumerate(zip(before, after, strict=False)):
            if old.digest == new.digest:
                continue
            where = f"{prefix}layer {number}"
            if _at(diff_ids[0], number) == _at(diff_ids[1], number) is not None:
                found.append(Difference(where, "", "compression", _packed(old), _packed(new)))
                continue
            other = True
            lists = await each(self._listing, [(0, old), (1, new)])
            inside = list(listing_differences(where, *lists))
            found += inside or [Difference(where, "", "form of the archive", _packed(old), _packed(new))]
        if other or len(before) != len(after):
            trees = []
            for number, layers in enumerate((before, after)):
                trees.append(flatten(await each(self._listing, [(number, layer) for layer in layers])))
            found += (
                d for d in listing_differences(f"{prefix}{TREE}", *trees) if d.what != "order of entries"
            )
        return found

    async def _listing(self, layer: tuple[int, Descriptor]) -> Listing:
        side, descriptor = layer
        if descriptor.digest not in self._listed:
            source, file = self._sources[side], self._folder / str(next(self._names))

            async def fetch() -> None:
                async with await anyio.open_file(file, "wb") as out:
                    async for part in source.stream(descriptor):
                        await out.write(part)

            async with processors():
                await uncorrupted(fetch)
                self._listed[descriptor.digest] = await anyio.to_thread.run_sync(read_listing, file)
                await anyio.Path(file).unlink()
        return self._listed[descriptor.digest]


def _shell(manifest: Manifest) -> dict[str, Any]:
    """What a manifest says beside its content."""
    out = _without(manifest.data, "layers", "manifests", "config", "annotations")
    out["annotations"] = dict(manifest.annotations)
    if manifest.config:
        out["config.mediaType"] = manifest.config.media_type
    return out


def _without(data: Any, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in dict(data).items() if key not in keys}


def _children(index: Manifest) -> dict[str, Digest]:
    """Children by platform; what has none, as attestations, by its place among those."""
    out: dict[str, Digest] = {}
    for child in index.children:
        name, number = str(child.platform) if child.platform else "no platform", 2
        key = name
        while key in out:
            key, number = f"{name} ({number})", number + 1
        out[key] = child.digest
    return out


async def _config(source: ContentSource, manifest: Manifest) -> dict[str, Any]:
    descriptor = manifest.config
    if descriptor is None or descriptor.size > _CONFIG:
        raise RegistryError(f"the config of {manifest.digest} is larger than {_CONFIG} bytes")

    async def whole() -> bytes:
        return b"".join([part async for part in source.stream(descriptor)])

    try:
        found = load_json(await uncorrupted(whole))
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _diff_ids(config: dict[str, Any]) -> list[Any]:
    rootfs = config.get("rootfs")
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    return found if isinstance(found, list) else []


def _at(values: list[Any], number: int) -> Any:
    return values[number] if number < len(values) else None


def _histories(where: str, before: Any, after: Any) -> Iterator[Difference]:
    was, now = (dict(enumerate(side)) if isinstance(side, list) else {} for side in (before, after))
    for number in sorted({*was, *now}):
        for one in json_differences(where, was.get(number, {}), now.get(number, {})):
            yield Difference(where, f"{number}.{one.path}", one.what, one.before, one.after)


def _packed(layer: Descriptor) -> str:
    return f"{layer.media_type.rpartition('.')[2]}, {layer.size} bytes, {layer.digest}"
