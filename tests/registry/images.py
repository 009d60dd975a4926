"""Small images of known content."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import Descriptor, Manifest, Platform, Repository
from pipeline.model.descriptor import (
    EMPTY_JSON,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from pipeline.oci.layout import Layout
from pipeline.registry import Registry
from pipeline.util.json.canonical import compact


@dataclass(frozen=True)
class Image:
    """An index with its children and all blobs by digest."""

    index: Manifest
    children: tuple[Manifest, ...]
    blobs: dict[Descriptor, bytes]


def layer(name: str, content: bytes) -> tuple[bytes, str]:
    """A layer with one file, and the digest of its tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0), str(Descriptor.of(out.getvalue(), "").digest)


def image(
    seed: str, *, platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64"), layers: int = 3
) -> Image:
    """An index of some platforms; nothing is shared between different seeds."""
    blobs: dict[Descriptor, bytes] = {}
    children, entries = [], []
    for name in platforms:
        platform = Platform.parse(name)
        described, diffs = [], []
        for number in range(layers):
            content, diff = layer(f"file{number}", f"{seed} {name} {number}".encode() * 50)
            descriptor = Descriptor.of(content, OCI_LAYER_GZIP)
            blobs[descriptor] = content
            described.append(descriptor)
            diffs.append(diff)
        config = compact(
            platform.to_oci() | {"rootfs": {"type": "layers", "diff_ids": diffs}, "config": {}, "history": []}
        )
        blobs[of := Descriptor.of(config, OCI_CONFIG)] = config
        manifest = manifest_of(of, described)
        children.append(manifest)
        entries.append(Descriptor(OCI_MANIFEST, manifest.digest, len(manifest.raw), platform))
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [e.to_oci() for e in entries]}
    return Image(Manifest.parse(compact(index)), tuple(children), blobs)


def manifest_of(config: Descriptor, layers: list[Descriptor], **more: object) -> Manifest:
    """A manifest over some blobs."""
    data = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.to_oci()}
    return Manifest.parse(json.dumps(data | {"layers": [d.to_oci() for d in layers]} | more).encode())


def referrer(
    subject: Descriptor, text: str, kind: str = "application/vnd.example.note"
) -> tuple[Manifest, bytes]:
    """An artifact that refers to something, and the content of its only layer."""
    content = text.encode()
    bare = Descriptor(subject.media_type, subject.digest, subject.size)
    manifest = manifest_of(
        Descriptor.of(EMPTY_JSON, OCI_EMPTY),
        [Descriptor.of(content, "text/plain")],
        artifactType=kind,
        subject=bare.to_oci(),
        annotations={"text": text},
    )
    return manifest, content


async def push(registry: Registry, repo: Repository, image: Image, tag: str | None = None) -> None:
    """Write an image by the plain operations."""
    for descriptor, content in image.blobs.items():
        await registry.put_blob(repo, content, descriptor)
    for child in image.children:
        await registry.put_manifest(repo, child.raw, child.media_type)
    await registry.put_manifest(repo, image.index.raw, image.index.media_type, tag=tag)


async def attach(registry: Registry, repo: Repository, subject: Descriptor, text: str) -> Manifest:
    """Write a referrer by the plain operations."""
    manifest, content = referrer(subject, text)
    await registry.put_blob(repo, EMPTY_JSON, Descriptor.of(EMPTY_JSON, OCI_EMPTY))
    await registry.put_blob(repo, content, Descriptor.of(content, "text/plain"))
    await registry.put_manifest(repo, manifest.raw, manifest.media_type)
    return manifest


def layout(folder: Path, image: Image, tag: str = "latest") -> Layout:
    """The image as an OCI layout."""
    out = Layout.create(folder)
    for descriptor, content in image.blobs.items():
        out.put(content, descriptor.media_type)
    for manifest in (*image.children, image.index):
        out.put(manifest.raw, manifest.media_type)
    top = image.index.descriptor
    out.add(
        Descriptor(
            top.media_type, top.digest, top.size, annotations={"org.opencontainers.image.ref.name": tag}
        )
    )
    return out
