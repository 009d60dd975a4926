"""Comparison of two images: manifests first, and layers only where the manifests differ."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest
from pipeline.model.manifest import load_json
from pipeline.util.concurrency import each
from pipeline.util.scratch import processors, temporary_folder

from ..verify import uncorrupted
from .difference import TREE, Comparison, Difference, json_differences
from .listing import Listing, listing_differences, read_listing
from .tree import flatten

if TYPE_CHECKING:
    from pipeline.model import Manifest

    from ..source import ContentSource

_CONFIG_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Image:
    """One side: its source, its manifest or index, and its name in the report."""

    source: ContentSource
    digest: Digest
    name: str


async def compare(before: Image, after: Image, scratch: Path) -> Comparison:
    """All differences of two images, or of two indexes platform by platform.

    What both have in common is not read. `scratch` is a folder for temporary files, one compressed layer for each
    processor. Raises RegistryError, LayerFault, EnvironmentProblem.
    """
    if before.digest == after.digest:
        return Comparison(before.name, after.name)
    with temporary_folder(scratch, "compare-") as folder:
        comparer = _Comparer(before.source, after.source, folder)
        differences = await comparer.manifests(before.digest, after.digest, "")
    return Comparison(before.name, after.name, tuple(differences))


class _Comparer:
    """Two sources, and the listings of layers by digest. Sides are in the order before, after."""

    def __init__(self, before: ContentSource, after: ContentSource, folder: Path) -> None:
        self._sources, self._folder = (before, after), folder
        self._listings: dict[Digest, Listing] = {}
        self._file_names = itertools.count()

    async def manifests(self, before: Digest, after: Digest, prefix: str) -> list[Difference]:
        """The differences of two manifests or two indexes."""
        old = await self._sources[0].manifest(before)
        new = await self._sources[1].manifest(after)
        differences = list(json_differences(f"{prefix}manifest", _metadata(old), _metadata(new)))
        if old.is_index and new.is_index:
            return differences + await self._indexes(old, new, prefix)
        if old.is_index or new.is_index:
            return differences
        old_config = await _config(self._sources[0], old)
        new_config = await _config(self._sources[1], new)
        differences += json_differences(f"{prefix}config", _options(old_config), _options(new_config))
        differences += _histories(f"{prefix}history", old_config.get("history"), new_config.get("history"))
        differences += await self._layers(_layers_of(old, old_config), _layers_of(new, new_config), prefix)
        return differences or [_other_bytes(old, new, prefix)]

    async def _indexes(self, old: Manifest, new: Manifest, prefix: str) -> list[Difference]:
        differences: list[Difference] = []
        old_children, new_children = _children(old), _children(new)
        for name in sorted({*old_children, *new_children}):
            before, after = old_children.get(name), new_children.get(name)
            if before is None or after is None:
                digests = (None if digest is None else str(digest) for digest in (before, after))
                differences.append(Difference(f"{prefix}manifest", name, "platform", *digests))
            elif before != after:
                differences += await self.manifests(before, after, f"{prefix}{name} ")
        return differences or [_other_bytes(old, new, prefix)]

    async def _layers(self, old: _Layers, new: _Layers, prefix: str) -> list[Difference]:
        differences: list[Difference] = []
        numbers = len(old.descriptors), len(new.descriptors)
        if numbers[0] != numbers[1]:
            differences.append(Difference(f"{prefix}manifest", "layers", "number", *map(str, numbers)))
        same_files = numbers[0] == numbers[1]
        for number, (before, after) in enumerate(zip(old.descriptors, new.descriptors, strict=False)):
            if before.digest == after.digest:
                continue
            where = f"{prefix}layer {number}"
            if old.diff_id(number) == new.diff_id(number) is not None:
                differences.append(Difference(where, "", "compression", _packed(before), _packed(after)))
                continue
            same_files = False
            listings = await each(self._listing, [(0, before), (1, after)])
            inside = list(listing_differences(where, *listings))
            differences += inside or [
                Difference(where, "", "form of the archive", _packed(before), _packed(after))
            ]
        if not same_files:
            trees = await self._tree(0, old), await self._tree(1, new)
            in_tree = listing_differences(f"{prefix}{TREE}", *trees)
            differences += (d for d in in_tree if d.what != "order of entries")
        return differences

    async def _tree(self, side: int, layers: _Layers) -> Listing:
        return flatten(await each(self._listing, [(side, layer) for layer in layers.descriptors]))

    async def _listing(self, layer: tuple[int, Descriptor]) -> Listing:
        side, descriptor = layer
        if descriptor.digest not in self._listings:
            source, file = self._sources[side], self._folder / str(next(self._file_names))

            async def fetch() -> None:
                async with await anyio.open_file(file, "wb") as out:
                    async for chunk in source.stream(descriptor):
                        await out.write(chunk)

            async with processors():
                await uncorrupted(fetch)
                self._listings[descriptor.digest] = await anyio.to_thread.run_sync(read_listing, file)
                await anyio.Path(file).unlink()
        return self._listings[descriptor.digest]


@dataclass(frozen=True, slots=True)
class _Layers:
    """The layers of an image, and their digests without compression as far as its config has them."""

    descriptors: tuple[Descriptor, ...]
    diff_ids: tuple[str | None, ...]

    def diff_id(self, number: int) -> str | None:
        return self.diff_ids[number] if number < len(self.diff_ids) else None


def _other_bytes(old: Manifest, new: Manifest, prefix: str) -> Difference:
    return Difference(f"{prefix}manifest", "", "bytes", str(old.digest), str(new.digest))


def _metadata(manifest: Manifest) -> dict[str, object]:
    """The fields of a manifest beside its content."""
    fields = _without(manifest.data, "layers", "manifests", "config", "annotations")
    fields["annotations"] = dict(manifest.annotations)
    if manifest.config:
        fields["config.mediaType"] = manifest.config.media_type
    return fields


def _options(config: dict[str, object]) -> dict[str, object]:
    """The fields of a config beside layers and history."""
    return _without(config, "rootfs", "history")


def _without(data: Mapping[str, object], *keys: str) -> dict[str, object]:
    return {key: value for key, value in data.items() if key not in keys}


def _children(index: Manifest) -> dict[str, Digest]:
    """Children by platform; those without one, such as attestations, by their number."""
    children: dict[str, Digest] = {}
    for child in index.children:
        name, number = str(child.platform) if child.platform else "no platform", 2
        key = name
        while key in children:
            key, number = f"{name} ({number})", number + 1
        children[key] = child.digest
    return children


async def _config(source: ContentSource, manifest: Manifest) -> dict[str, object]:
    descriptor = manifest.config
    if descriptor is None or descriptor.size > _CONFIG_BYTES:
        raise RegistryError(f"the config of {manifest.digest} is larger than {_CONFIG_BYTES} bytes")

    async def whole() -> bytes:
        return b"".join([part async for part in source.stream(descriptor)])

    try:
        config = load_json(await uncorrupted(whole))
    except ValueError:
        return {}
    return config if isinstance(config, dict) else {}


def _layers_of(manifest: Manifest, config: dict[str, object]) -> _Layers:
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list):
        diff_ids = []
    return _Layers(manifest.layers, tuple(d if isinstance(d, str) else None for d in diff_ids))


def _histories(where: str, before: object, after: object) -> Iterator[Difference]:
    old, new = (dict(enumerate(side)) if isinstance(side, list) else {} for side in (before, after))
    for number in sorted({*old, *new}):
        for step in json_differences(where, old.get(number, {}), new.get(number, {})):
            yield Difference(where, f"{number}.{step.path}", step.what, step.before, step.after)


def _packed(layer: Descriptor) -> str:
    return f"{layer.media_type.rpartition('.')[2]}, {layer.size} bytes, {layer.digest}"
