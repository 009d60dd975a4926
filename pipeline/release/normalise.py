"""An image in its normal form: what a build added depends on what went in, and not on when or where.

The base's layers are the base's, byte for byte, so that they go on being shared. Every other layer is rewritten
(`layer.normal`), which goes further than BuildKit's `rewrite-timestamp`, and the engine's API does not offer that
either; the times of config and history become the epoch. What comes out is marked, so that nothing is done twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from pipeline.model import Descriptor, Repository, compact
from pipeline.model.descriptor import OCI_CONFIG, OCI_MANIFEST
from pipeline.registry.together import each
from pipeline.registry.verify import uncorrupted

from .imageconfig import begun, normal_config, read_config
from .layer import NEVER, LayerFault, NormalLayer, Times, normal_layer
from .scratch import processors, room

if TYPE_CHECKING:
    from pipeline.registry import Manifest, Registry

NORMAL = "org.lockage.normal-form"
"""The annotation of a manifest in normal form; its value is the version of that form."""
VERSION = "1"


@dataclass(frozen=True, slots=True)
class Base:
    """The image that a build stands on, and where it lies."""

    repository: Repository
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Normal:
    """An image in normal form: the manifest, and how many layers and plain bytes were rewritten for it."""

    manifest: Manifest
    layers: int = 0
    plain: int = 0


async def normalise(
    registry: Registry,
    repo: Repository,
    manifest: Manifest,
    *,
    epoch: int,
    base: Base | None,
    scratch: Path,
    tag: str | None = None,
) -> Normal:
    """Write the normal form of an image beside it, by digest or under `tag`.

    `epoch` is in seconds since 1970; the layers of `base` stay as they are. `scratch` is a folder for temporary
    files. As many layers are rewritten at once as there are processors. An image that is in normal form already
    is only tagged. Raises LayerFault, RegistryError, EnvironmentProblem.
    """
    if manifest.annotations.get(NORMAL) == VERSION:
        if tag:
            await registry.put_manifest(repo, manifest.raw, manifest.media_type, tag=tag)
        return Normal(manifest)
    if manifest.config is None:
        raise LayerFault(f"{repo.at(manifest.digest)} is an index, not an image of one platform")
    config = read_config(
        await registry.blob(repo, manifest.config), len(manifest.layers), repo.at(manifest.digest)
    )
    with room(scratch, "layers-") as folder:
        job = _Job(registry, repo, manifest, config, folder)
        below = await job.below(base) if base else {}
        parts = await job.parts(Times(epoch, begun(config, len(manifest.layers), below.keys())), below)
    named = {n: str(part.layer.digest) for n, part in enumerate(parts) if part.swapped}
    raw = compact(normal_config(config, epoch, [part.diff_id for part in parts], named))
    described = await registry.put_blob(repo, raw, Descriptor.of(raw, OCI_CONFIG))
    whole = compact(_manifest(manifest.data, described, [part.layer for part in parts]))
    stored = await registry.put_manifest(repo, whole, OCI_MANIFEST, tag=tag)
    sizes = [part.plain for part in parts if part.plain]
    return Normal(type(manifest).parse(whole, stored.media_type), len(sizes), sum(sizes))


@dataclass(frozen=True, slots=True)
class _Part:
    """One layer of the result. `plain` bytes were rewritten for it; or it was `swapped` for the base's own."""

    layer: Descriptor
    diff_id: str
    plain: int = 0
    swapped: bool = False


class _Job:
    """One image on its way."""

    def __init__(
        self,
        registry: Registry,
        repo: Repository,
        manifest: Manifest,
        config: Mapping[str, Any],
        folder: Path,
    ) -> None:
        self._registry, self._repo, self._folder = registry, repo, folder
        self._layers, self._diff_ids = manifest.layers, config["rootfs"]["diff_ids"]
        self._names = itertools.count()

    async def below(self, base: Base) -> dict[int, _Part]:
        """The base's own layers, by number, for those at the bottom of the image; none where those are not its.

        An engine that was started again packs layers anew: plain, they are the base's, and their diff_ids say so. An
        engine that has a step in its cache for a base with the same content takes it, with the layers of the base
        that it was run on; those differ in nothing but times, which is looked at here. What the engine's history
        says of a layer does not tell: of what it packed anew it no longer says where it is from.
        """
        theirs = base.manifest.layers
        if len(theirs) > len(self._layers):
            return {}
        differing = [n for n, layer in enumerate(theirs) if layer.digest != self._layers[n].digest]
        same = set(range(len(theirs))).difference(differing)
        out = {n: _Part(self._layers[n], self._diff_ids[n]) for n in same}
        if differing:
            plain = await self._plain(base)
            found = await each(lambda n: self._swapped(n, base, plain), differing)
            if all(found):
                out |= {n: part for n, part in zip(differing, found, strict=True) if part}
        return out

    async def parts(self, times: Times, below: Mapping[int, _Part]) -> list[_Part]:
        """Every layer: the base's, or rewritten."""

        async def part(number: int) -> _Part:
            if number in below:
                return below[number]
            found = await self._normal(self._repo, self._layers[number], times, upload=True)
            if str(found.was) != self._diff_ids[number]:
                raise LayerFault(
                    f"layer {number} of an image in {self._repo} is not the one its config names: "
                    f"{found.was} instead of {self._diff_ids[number]}"
                )
            return _Part(found.descriptor, str(found.diff_id), found.plain)

        return await each(part, range(len(self._layers)))

    async def _plain(self, base: Base) -> list[str]:
        """The diff_ids of a base's layers."""
        where = base.repository.at(base.manifest.digest)
        if base.manifest.config is None:
            raise LayerFault(f"{where} is an index, not an image of one platform")
        raw = await self._registry.blob(base.repository, base.manifest.config)
        return read_config(raw, len(base.manifest.layers), where)["rootfs"]["diff_ids"]

    async def _swapped(self, number: int, base: Base, plain: list[str]) -> _Part | None:
        layer, repo = base.manifest.layers[number], base.repository
        if plain[number] != self._diff_ids[number]:
            ours = await self._normal(self._repo, self._layers[number], NEVER)
            theirs = await self._normal(repo, layer, NEVER)
            if ours.diff_id != theirs.diff_id:
                return None
            if str(theirs.was) != plain[number]:
                raise LayerFault(
                    f"layer {number} of {repo.at(base.manifest.digest)} is not the one its config names: "
                    f"{theirs.was} instead of {plain[number]}"
                )
        source = repo if repo.host == self._repo.host else None
        await self._registry.put_blob(
            self._repo, lambda: self._registry.stream_blob(repo, layer), layer, source=source
        )
        return _Part(layer, plain[number], swapped=True)

    async def _normal(
        self, repo: Repository, layer: Descriptor, times: Times, *, upload: bool = False
    ) -> NormalLayer:
        name = str(next(self._names))
        packed, out = self._folder / f"{name}.in", self._folder / f"{name}.out"

        async def fetch() -> None:
            async with await anyio.open_file(packed, "wb") as file:
                async for part in self._registry.stream_blob(repo, layer):
                    await file.write(part)

        await uncorrupted(fetch)
        found = await anyio.to_thread.run_sync(normal_layer, packed, out, times, limiter=processors())
        if upload:
            await self._registry.put_blob(self._repo, out, found.descriptor)
        for file in (packed, out):  # not all layers at once on the disk
            await anyio.Path(file).unlink()
        return found


def _manifest(data: Mapping[str, Any], config: Descriptor, layers: list[Descriptor]) -> dict[str, Any]:
    notes = dict(data.get("annotations") or {}) | {NORMAL: VERSION}
    return dict(data) | {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.to_oci(),
        "layers": [layer.to_oci() for layer in layers],
        "annotations": dict(sorted(notes.items())),
    }
