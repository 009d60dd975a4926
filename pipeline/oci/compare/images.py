"""Comparison of two images: manifests first, and layers only where the manifests differ."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest
from pipeline.model.manifest import load_json
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.scratch import processors, temporary_folder
from pipeline.util.sizes import size_text

from ..layer import LayerFault, Usage
from ..limits import (
    COMPARED_DIFFERENCES,
    COMPARED_LAYERS,
    CONFIG_BYTES,
    LAYER_BYTES,
    TREE_DEPTH,
    TREE_MANIFEST_BYTES,
    TREE_MANIFESTS,
    TREE_WIDTH,
)
from ..verify import uncorrupted
from .difference import TREE, Comparison, Difference, json_differences
from .listing import Listing, listing_differences, read_listing
from .tree import flatten

if TYPE_CHECKING:
    from pipeline.model import Manifest

    from ..source import ContentSource


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
        self._usage = Usage()
        self._manifests_read: dict[tuple[int, Digest], Manifest] = {}
        self._manifest_bytes = 0
        self._pairs: dict[tuple[Digest, Digest], list[Difference]] = {}
        self._found = 0
        self._file_names = itertools.count()

    async def manifests(self, before: Digest, after: Digest, prefix: str, depth: int = 0) -> list[Difference]:
        """The differences of two manifests or two indexes; a pair that is listed in several places is read once."""
        if depth > TREE_DEPTH:
            raise RegistryError(
                f"{before} and {after} are nested more than {TREE_DEPTH} deep",
                hint="compare one of their entries",
            )
        known = self._pairs.get((before, after))
        if known is None:
            if len(self._pairs) >= TREE_MANIFESTS:
                raise RegistryError(f"the images have more than {TREE_MANIFESTS} manifests to compare")
            differences = self._pairs[before, after] = await self._manifests(before, after, depth)
            return [replace(d, where=prefix + d.where) for d in differences] if prefix else differences
        return self._counted(replace(d, where=prefix + d.where) for d in known)

    async def _manifests(self, before: Digest, after: Digest, depth: int) -> list[Difference]:
        old, new = await self._manifest(0, before), await self._manifest(1, after)
        differences = list(json_differences("manifest", _metadata(old), _metadata(new)))
        if old.is_index and new.is_index:
            return differences + await self._indexes(old, new, depth)
        if old.is_index or new.is_index:
            return differences
        old_config = await _config(self._sources[0], old)
        new_config = await _config(self._sources[1], new)
        differences += json_differences("config", _options(old_config), _options(new_config))
        differences += _histories("history", old_config.get("history"), new_config.get("history"))
        differences += await self._layers(_layers_of(old, old_config), _layers_of(new, new_config))
        return differences or [_other_bytes(old, new)]

    async def _manifest(self, side: int, digest: Digest) -> Manifest:
        manifest = self._manifests_read.get((side, digest))
        if manifest is None:
            manifest = self._manifests_read[side, digest] = await self._sources[side].manifest(digest)
            self._manifest_bytes += len(manifest.raw)
            if self._manifest_bytes > TREE_MANIFEST_BYTES:
                limit = size_text(TREE_MANIFEST_BYTES)
                raise RegistryError(f"the images have more than {limit} of manifests to compare")
        return manifest

    def _counted(self, differences: Iterable[Difference]) -> list[Difference]:
        counted = []
        for difference in differences:
            counted.append(difference)
            self._found += 1
            if self._found > COMPARED_DIFFERENCES:
                raise RegistryError(
                    f"the images have more than {COMPARED_DIFFERENCES} differences",
                    hint="compare one of their platforms, or images that have more in common",
                )
        return counted

    async def _indexes(self, old: Manifest, new: Manifest, depth: int) -> list[Difference]:
        differences: list[Difference] = []
        old_children, new_children = _children(old), _children(new)
        for name in sorted({*old_children, *new_children}):
            before, after = old_children.get(name), new_children.get(name)
            if before is None or after is None:
                digests = (None if digest is None else str(digest) for digest in (before, after))
                differences.append(Difference("manifest", name, "platform", *digests))
            elif before != after:
                differences += await self.manifests(before, after, f"{name} ", depth + 1)
        return differences or [_other_bytes(old, new)]

    async def _layers(self, old: _Layers, new: _Layers) -> list[Difference]:
        differences: list[Difference] = []
        numbers = len(old.descriptors), len(new.descriptors)
        if numbers[0] != numbers[1]:
            differences.append(Difference("manifest", "layers", "number", *map(str, numbers)))
        same_files = numbers[0] == numbers[1]
        for number, (before, after) in enumerate(zip(old.descriptors, new.descriptors, strict=False)):
            where = f"layer {number}"
            if before.digest == after.digest:
                differences += _described(where, before, after)
                if (ids := (old.diff_id(number), new.diff_id(number)))[0] != ids[1]:
                    differences.append(Difference("config", where, "diff_id", *ids))
                continue
            if old.diff_id(number) == new.diff_id(number) is not None:
                differences.append(Difference(where, "", "compression", _packed(before), _packed(after)))
                continue
            same_files = False
            listings = await each(self._listing, [(0, before), (1, after)])
            inside = self._counted(listing_differences(where, *listings))
            differences += inside or [
                Difference(where, "", "form of the archive", _packed(before), _packed(after))
            ]
        if not same_files:
            trees = await self._tree(0, old), await self._tree(1, new)
            in_tree = self._counted(listing_differences(TREE, *trees))
            differences += (d for d in in_tree if d.what != "order of entries")
        return differences

    async def _tree(self, side: int, layers: _Layers) -> Listing:
        return flatten(await each(self._listing, [(side, layer) for layer in layers.descriptors]))

    async def _listing(self, layer: tuple[int, Descriptor]) -> Listing:
        side, descriptor = layer
        if descriptor.size > LAYER_BYTES:
            raise LayerFault(f"a layer has {descriptor.size} bytes, more than {size_text(LAYER_BYTES)}")
        if descriptor.digest not in self._listings:
            source, file = self._sources[side], self._folder / str(next(self._file_names))

            async def fetch() -> None:
                async with await anyio.open_file(file, "wb") as out:
                    async for chunk in source.stream(descriptor):
                        await out.write(chunk)

            async with processors():
                if descriptor.digest not in self._listings:
                    await uncorrupted(fetch)
                    self._listings[descriptor.digest] = await anyio.to_thread.run_sync(
                        read_listing, file, None, self._usage
                    )
                    await anyio.Path(file).unlink()
        return self._listings[descriptor.digest]


@dataclass(frozen=True, slots=True)
class _Layers:
    """The layers of an image, and their digests without compression as far as its config has them."""

    descriptors: tuple[Descriptor, ...]
    diff_ids: tuple[str | None, ...]

    def diff_id(self, number: int) -> str | None:
        return self.diff_ids[number] if number < len(self.diff_ids) else None


def _described(where: str, before: Descriptor, after: Descriptor) -> Iterator[Difference]:
    """What the descriptors of one layer say of it otherwise."""
    sizes = str(before.size), str(after.size)
    for what, *sides in (("size", *sizes), ("mediaType", before.media_type, after.media_type)):
        if sides[0] != sides[1]:
            yield Difference("manifest", where, what, *sides)


def _other_bytes(old: Manifest, new: Manifest) -> Difference:
    return Difference("manifest", "", "bytes", str(old.digest), str(new.digest))


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
    if len(index.children) > TREE_WIDTH:
        raise RegistryError(f"the index {index.digest} has more than {TREE_WIDTH} entries")
    numbers: Counter[str] = Counter()
    for child in index.children:
        name = str(child.platform) if child.platform else "no platform"
        key = name
        while not numbers[name] or key in children:  # a platform may be called like the second of another
            numbers[name] += 1
            key = name if numbers[name] == 1 else f"{name} ({numbers[name]})"
        children[key] = child.digest
    return children


async def _config(source: ContentSource, manifest: Manifest) -> dict[str, object]:
    descriptor = manifest.config
    if descriptor is None or descriptor.size > CONFIG_BYTES:
        raise RegistryError(f"the config of {manifest.digest} is larger than {size_text(CONFIG_BYTES)}")

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
    if len(manifest.layers) > COMPARED_LAYERS:
        raise RegistryError(f"the image {manifest.digest} has more than {COMPARED_LAYERS} layers")
    return _Layers(manifest.layers, tuple(d if isinstance(d, str) else None for d in diff_ids))


def _histories(where: str, before: object, after: object) -> Iterator[Difference]:
    old, new = (dict(enumerate(side)) if isinstance(side, list) else {} for side in (before, after))
    for number in sorted({*old, *new}):
        for step in json_differences(where, old.get(number, {}), new.get(number, {})):
            yield Difference(where, f"{number}.{step.path}", step.what, step.before, step.after)


def _packed(layer: Descriptor) -> str:
    return f"{layer.media_type.rpartition('.')[2]}, {layer.size} bytes, {layer.digest}"
