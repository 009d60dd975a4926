"""Indexes, above all the one over the platforms of an image tag (OCI image-spec v1.1, image-index.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.model import Descriptor, Manifest, Platform, fitting_tag
from pipeline.model.descriptor import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX
from pipeline.util.json.canonical import compact

REFERENCE_TYPE, REFERENCE_DIGEST = "vnd.docker.reference.type", "vnd.docker.reference.digest"


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


def index_problems(manifest: Manifest, platforms: Iterable[Platform]) -> list[str]:
    """What keeps a manifest from being an index of exactly these platforms, each an image of its own, with nothing
    beside them but attestations of these images by BuildKit."""
    if not manifest.is_index:
        return [f"it is a single manifest ({manifest.media_type}), not an index"]
    wanted = sorted(set(platforms))
    images = [child for child in manifest.children if not is_attestation(child)]
    problems = [f"it lists no image for {p}" for p in wanted if all(c.platform != p for c in images)]
    seen = set[Platform | None]()
    for child in images:
        if child.platform not in wanted:
            problems.append(f"{child.digest} is for {child.platform or 'no known platform'}, not in the plan")
        elif child.platform in seen:
            problems.append(f"{child.digest} is a second image for {child.platform}")
        if child.media_type in INDEX_TYPES or child.media_type not in MANIFEST_TYPES:
            problems.append(f"{child.digest} is not an image ({child.media_type})")
        seen.add(child.platform)
    digests = {str(child.digest) for child in images}
    for child in manifest.children:
        if is_attestation(child) and (
            child.platform or child.annotations.get(REFERENCE_DIGEST) not in digests
        ):
            problems.append(f"{child.digest} is an attestation of something else")
    return problems


def is_attestation(child: Descriptor) -> bool:
    """Whether an entry of an index is an attestation by BuildKit (docs/attestations/attestation-storage.md)."""
    return child.annotations.get(REFERENCE_TYPE) == "attestation-manifest"


def encode_index(entries: Iterable[Descriptor]) -> bytes:
    """An index with these entries, in their order."""
    return _encode([entry.to_oci() for entry in entries], {})


def _encode(entries: Sequence[Mapping[str, object]], annotations: Mapping[str, str]) -> bytes:
    index: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    if annotations:
        index["annotations"] = dict(annotations)
    return compact(index)
