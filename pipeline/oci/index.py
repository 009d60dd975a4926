"""Indexes, above all the one over the platforms of an image tag (OCI image-spec v1.1, image-index.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.model import Descriptor, Platform, fitting_tag
from pipeline.model.descriptor import OCI_INDEX
from pipeline.util.canonical_json import compact


def platform_tag(tag: str, platform: Platform) -> str:
    """The tag of one platform until all of an index tag are pushed: `<tag>-linux-arm64`."""
    return fitting_tag(tag, f"-{platform.slug}")


def make_index(
    children: Sequence[tuple[Platform, Descriptor, Mapping[str, str]]],
    attestations: Sequence[Descriptor] = (),
) -> bytes:
    """The index over pushed manifests: equal children, equal bytes.

    `children` are platform, descriptor and the manifest's own annotations. The index has the annotations that all
    children agree on, so that it changes only when a child does. `attestations` are BuildKit's, listed last.
    Raises ValueError without children, or if a platform is repeated.
    """
    platforms = [platform for platform, _, _ in children]
    if not children or len(set(platforms)) != len(platforms):
        raise ValueError(f"an index lists each platform once, not {[str(p) for p in platforms]}")
    ordered = sorted(children, key=lambda child: child[0])
    entries = [Descriptor(d.media_type, d.digest, d.size, platform).to_oci() for platform, d, _ in ordered]
    for attestation in sorted(attestations, key=lambda d: d.digest):
        entries.append(attestation.to_oci() | {"platform": {"architecture": "unknown", "os": "unknown"}})
    first, *others = (annotations for _, _, annotations in ordered)
    shared = {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
    return _encode(entries, shared)


def encode_index(entries: Iterable[Descriptor]) -> bytes:
    """An index with these entries, in their order."""
    return _encode([entry.to_oci() for entry in entries], {})


def _encode(entries: Sequence[Mapping[str, object]], annotations: Mapping[str, str]) -> bytes:
    index: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    if annotations:
        index["annotations"] = dict(annotations)
    return compact(index)
