"""An image in its normal form: what a build added depends on what went in, and not on when or where.

The base's layers stay as they are, byte for byte, so that they go on being shared. Every other layer is rewritten
(`layer.normal`), as BuildKit's exporter does with `rewrite-timestamp`, which the engine's API does not offer; the
times of config and history become the epoch. What comes out is marked, so that nothing is done twice.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from pipeline.errors import EnvironmentProblem
from pipeline.model import Descriptor, Digest, Repository, compact
from pipeline.model.descriptor import OCI_CONFIG, OCI_MANIFEST
from pipeline.registry.manifest import load_json
from pipeline.registry.together import each
from pipeline.registry.verify import uncorrupted

from .layer import LayerFault, NormalLayer, normal_layer

if TYPE_CHECKING:
    from pipeline.registry import Manifest, Registry

NORMAL = "org.lockage.normal-form"
"""The annotation of a manifest in normal form; its value is the version of that form."""
VERSION = "1"


_LIMITER: RunVar[anyio.CapacityLimiter] = RunVar("processors")


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
    keep: Collection[Digest],
    scratch: Path,
    tag: str | None = None,
) -> Normal:
    """Write the normal form of an image beside it, by digest or under `tag`.

    `epoch` is in seconds since 1970; the layers in `keep` (the bases') stay as they are. `scratch` is a folder
    for temporary files. As many layers are rewritten at once as there are processors. An image that is in normal
    form already is only tagged. Raises LayerFault, RegistryError, EnvironmentProblem.
    """
    if manifest.annotations.get(NORMAL) == VERSION:
        if tag:
            await registry.put_manifest(repo, manifest.raw, manifest.media_type, tag=tag)
        return Normal(manifest)
    config_of = manifest.config
    if config_of is None:
        raise LayerFault(f"{repo.at(manifest.digest)} is an index, not an image of one platform")
    config = _config(await registry.blob(repo, config_of), repo.at(manifest.digest))
    diff_ids: list[str] = config["rootfs"]["diff_ids"]
    if len(diff_ids) != len(manifest.layers):
        raise LayerFault(
            f"{repo.at(manifest.digest)} has {len(manifest.layers)} layers and {len(diff_ids)} diff_ids"
        )

    await anyio.Path(scratch).mkdir(parents=True, exist_ok=True)
    with _space(scratch), tempfile.TemporaryDirectory(dir=scratch, prefix="layers-") as folder:

        async def rewritten(number: int) -> NormalLayer | None:
            layer = manifest.layers[number]
            if layer.digest in keep:
                return None
            packed, out = Path(folder, f"{number}.in"), Path(folder, f"{number}.out")
            await uncorrupted(lambda: _fetch(registry, repo, layer, packed))
            found = await anyio.to_thread.run_sync(normal_layer, packed, out, epoch, limiter=_processors())
            if str(found.was) != diff_ids[number]:
                raise LayerFault(
                    f"layer {number} of {repo.at(manifest.digest)} is not the one its config names: "
                    f"{found.was} instead of {diff_ids[number]}"
                )
            await registry.put_blob(repo, out, found.descriptor)
            for file in (packed, out):  # not all layers at once on the disk
                await anyio.Path(file).unlink()
            return found

        done = await each(rewritten, range(len(manifest.layers)))
    layers = [new.descriptor if new else old for new, old in zip(done, manifest.layers, strict=True)]
    ids = [str(new.diff_id) if new else old for new, old in zip(done, diff_ids, strict=True)]
    raw = compact(normal_config(config, epoch) | {"rootfs": {"type": "layers", "diff_ids": ids}})
    described = await registry.put_blob(repo, raw, Descriptor.of(raw, OCI_CONFIG))
    whole = compact(_manifest(manifest.data, described, layers))
    stored = await registry.put_manifest(repo, whole, OCI_MANIFEST, tag=tag)
    found = [new for new in done if new]
    return Normal(type(manifest).parse(whole, stored.media_type), len(found), sum(new.plain for new in found))


def normal_config(config: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """A config whose own time is the epoch, and whose history knows no later one (image-spec v1.1, config.md)."""
    moment = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = dict(config) | {"created": moment}
    if isinstance(config.get("history"), list):
        out["history"] = [_clamped(entry, epoch, moment) for entry in config["history"]]
    return out


def _clamped(entry: Any, epoch: int, moment: str) -> Any:
    if not isinstance(entry, dict):
        return entry
    try:
        known = datetime.fromisoformat(str(entry["created"]).replace("Z", "+00:00"))
        early = known.astimezone(UTC) <= datetime.fromtimestamp(epoch, UTC)
    except (KeyError, ValueError, OverflowError):
        early = False
    return entry if early else entry | {"created": moment}


def _processors() -> anyio.CapacityLimiter:
    """One limiter for a whole run, however many images are rewritten in it."""
    try:
        return _LIMITER.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        _LIMITER.set(limiter)
        return limiter


def _config(raw: bytes, where: object) -> dict[str, Any]:
    try:
        config = load_json(raw)
        diff_ids = config["rootfs"]["diff_ids"]
        if not isinstance(diff_ids, list) or not all(isinstance(d, str) for d in diff_ids):
            raise ValueError("rootfs.diff_ids")
    except (ValueError, KeyError, TypeError) as fault:
        raise LayerFault(f"the config of {where} cannot be read: {fault}") from None
    return config


@contextmanager
def _space(scratch: Path) -> Iterator[None]:
    """What the disk refuses, in one sentence."""
    try:
        yield
    except OSError as fault:
        raise EnvironmentProblem(
            f"layers cannot be rewritten in {scratch}: {fault.strerror or fault}",
            hint="make room there: a layer needs its uncompressed size while it is rewritten",
        ) from fault


async def _fetch(registry: Registry, repo: Repository, layer: Descriptor, target: Path) -> None:
    async with await anyio.open_file(target, "wb") as file:
        async for part in registry.stream_blob(repo, layer):
            await file.write(part)


def _manifest(data: Mapping[str, Any], config: Descriptor, layers: list[Descriptor]) -> dict[str, Any]:
    notes = dict(data.get("annotations") or {}) | {NORMAL: VERSION}
    return dict(data) | {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.to_oci(),
        "layers": [layer.to_oci() for layer in layers],
        "annotations": dict(sorted(notes.items())),
    }
