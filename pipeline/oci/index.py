"""Fan-in: one index over the platforms of an image tag (OCI image-spec v1.1, image-index.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.model import Descriptor, Platform, fitting_tag
from pipeline.model.descriptor import OCI_INDEX
from pipeline.util.canonical_json import compact


def platform_tag(tag: str, platform: Platform) -> str:
    """Where one platform of an index tag waits for the others: `<tag>-linux-arm64`."""
    return fitting_tag(tag, f"-{platform.slug}")


def make_index(
    children: Sequence[tuple[Platform, Descriptor, Mapping[str, str]]],
    attestations: Sequence[Descriptor] = (),
) -> bytes:
    """The index over manifests that were pushed: same children, same bytes.

    `children` are platform, descriptor and the manifest's own annotations; the index bears those annotations
    on which all children agree, so that it changes only when a child does. `attestations` are BuildKit's, which
    stand behind the images as they were described. Raises ValueError when empty or when a platform comes twice.
    """
    platforms = [platform for platform, _, _ in children]
    if not children or len(set(platforms)) != len(platforms):
        raise ValueError(f"an index needs every platform once, not {[str(p) for p in platforms]}")
    ordered = sorted(children, key=lambda child: child[0])
    entries = [Descriptor(d.media_type, d.digest, d.size, platform).to_oci() for platform, d, _ in ordered]
    for attestation in sorted(attestations, key=lambda d: d.digest):
        entries.append(attestation.to_oci() | {"platform": {"architecture": "unknown", "os": "unknown"}})
    first = ordered[0][2]
    shared = {k: v for k, v in sorted(first.items()) if all(notes.get(k) == v for _, _, notes in ordered)}
    index: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    if shared:
        index["annotations"] = shared
    return compact(index)
