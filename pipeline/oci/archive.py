"""An image as one tar of an OCI image layout (image-spec v1.1, image-layout.md), the same bytes for the same image.

An archive consists of segments: known bytes, and blobs that are still to be fetched. So it is written, or compared with
an existing file, in constant memory.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import replace

from pipeline.model import Descriptor, Manifest, Reference
from pipeline.util.json.canonical import compact

from .index import encode_index
from .layout import FULL_NAME, REF_NAME

Segment = bytes | Descriptor
"""Bytes of the archive, or a blob by its descriptor."""
_BLOCK = 512
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


def segments(top: Manifest, children: Sequence[Manifest], name: str, tag: str) -> tuple[Segment, ...]:
    """The archive of an image: `top` is its manifest, or an index with these children.

    `tag` becomes the reference name in `index.json`, and `name:tag` the full name beside it, as Docker writes it out.
    A single manifest is also listed in `manifest.json`, as `name:tag`, for programs that read only Docker's archives.
    """
    manifests = {m.digest: m for m in (top, *children)}
    blobs = {blob.digest: blob for m in manifests.values() for blob in m.blobs}
    full_name = str(Reference.parse(f"{name}:{tag}"))
    top_entry = replace(top.descriptor, annotations={FULL_NAME: full_name, REF_NAME: tag})
    parts: list[Segment] = [_folder("blobs"), _folder("blobs/sha256")]
    for digest in sorted({*manifests, *blobs}):
        path = f"blobs/{digest.algorithm}/{digest.hex}"
        parts += _file(path, manifests[digest].raw if digest in manifests else blobs[digest])
    parts += _file("index.json", encode_index([top_entry]))
    if not top.is_index:
        parts += _file("manifest.json", _docker_manifest(top, name, tag))
    parts += _file("oci-layout", _LAYOUT)
    parts.append(bytes(2 * _BLOCK))
    return _merged(parts)


def segment_size(segment: Segment) -> int:
    """The size of a segment in bytes."""
    return len(segment) if isinstance(segment, bytes) else segment.size


def _docker_manifest(manifest: Manifest, name: str, tag: str) -> bytes:
    config = manifest.config
    assert config is not None
    paths = [f"blobs/{d.digest.algorithm}/{d.digest.hex}" for d in (config, *manifest.layers)]
    return compact([{"Config": paths[0], "RepoTags": [f"{name}:{tag}"], "Layers": paths[1:]}])


def _file(path: str, content: Segment) -> list[Segment]:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = segment_size(content), 0o644
    return [_header(entry), content, bytes(-entry.size % _BLOCK)]


def _folder(path: str) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return _header(entry)


def _header(entry: tarfile.TarInfo) -> bytes:
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _merged(parts: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments with neighbouring bytes merged."""
    merged: list[Segment] = []
    for part in parts:
        if isinstance(part, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += part
        elif segment_size(part) or isinstance(part, Descriptor):
            merged.append(part)
    return tuple(merged)
