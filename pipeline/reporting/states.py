"""Images as they are compared: layers and configuration from the registry, packages and findings as attested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model.manifest import load_json
from pipeline.policy.packages import Package, cyclonedx_packages
from pipeline.policy.scan_details import ImageLayer, ScanDetails, with_history
from pipeline.report.difference import ComparedLayer, ImageState, configuration_of
from pipeline.state.attested import attested, attested_scans
from pipeline.trust import CYCLONEDX, Signatory
from pipeline.util.json.values import as_list, as_object

from .images import platform_images

if TYPE_CHECKING:
    from pipeline.model import Digest, Manifest, Reference, Repository
    from pipeline.registry import Registry


async def read_states(registry: Registry, reference: Reference, key: Signatory) -> dict[str, ImageState]:
    """The images behind a reference by platform. Raises RegistryError."""
    manifest = await registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(
            f"{reference} does not exist", hint="name another reference, environment or commit"
        )
    states = {}
    for digest, platform in await platform_images(registry, reference, manifest):
        states[platform] = await _state(registry, reference.repository, digest, platform, key)
    return states


async def _state(
    registry: Registry, repository: Repository, digest: Digest, platform: str, key: Signatory
) -> ImageState:
    reference = repository.at(digest)
    manifest = await registry.get_manifest(reference)
    if manifest is None or manifest.config is None:
        raise RegistryError(f"{reference} is no image", hint="push the image again")
    raw = await registry.blob(repository, manifest.config)
    try:
        configuration, layers = configuration_of(raw), _layers(manifest, raw)
    except ValueError as fault:
        raise RegistryError(f"{reference}: its configuration cannot be read: {fault}") from None
    scans = await attested_scans(registry, repository, digest, key)
    packages, signed = await _packages(registry, repository, digest, key)
    unverified = [] if signed else ["packages"]
    unverified += ["findings"] if scans and not scans[0].verified else []
    return ImageState(
        str(reference),
        platform,
        layers,
        configuration,
        packages,
        scans[0].scan.findings if scans else None,
        tuple(unverified),
    )


def _layers(manifest: Manifest, config: bytes) -> tuple[ComparedLayer, ...]:
    """The layers with what made them, where the history says so."""
    rootfs = as_object(as_object(load_json(config)).get("rootfs") or {})
    ids = [ImageLayer(str(diff_id)) for diff_id in as_list(rootfs.get("diff_ids") or [])]
    made = with_history(ScanDetails(layers=tuple(ids)), config).layers
    names = (
        [layer.created_by for layer in made]
        if len(made) == len(manifest.layers)
        else [""] * len(manifest.layers)
    )
    return tuple(
        ComparedLayer(str(layer.digest), layer.size, name)
        for layer, name in zip(manifest.layers, names, strict=True)
    )


async def _packages(
    registry: Registry, repository: Repository, digest: Digest, key: Signatory
) -> tuple[tuple[Package, ...] | None, bool]:
    """The packages of an attested bill of materials, one that the key signed if there is any, and whether it is; None
    where none is attested."""
    listed: tuple[Package, ...] | None = None
    async for predicate, verified in attested(registry, repository, digest, CYCLONEDX, key):
        try:
            packages = cyclonedx_packages(predicate)
        except ValueError:
            continue
        if verified:
            return packages, True
        listed = packages
    return listed, listed is None
