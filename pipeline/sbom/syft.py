"""A document in syft's own format: syft's, about the image as it is published rather than the archive that was read."""

from __future__ import annotations

import base64
from typing import Any

from pipeline.model import Manifest
from pipeline.util.json.canonical import compact

from .facts import ImageFacts, empty_hashes, is_empty
from .subject import SbomSubject
from .volatile_labels import volatile_labels


def complete_syft(
    made: Any, subject: SbomSubject, facts: ImageFacts, manifest: Manifest, config: bytes
) -> dict[str, Any]:
    """Syft's document, completed; `manifest` and `config` are the image's own."""
    source, metadata = made["source"], made["source"]["metadata"]
    platform = subject.platform
    published = metadata | {
        "userInput": str(subject.reference),
        "imageID": str(manifest.config.digest) if manifest.config else "",
        "manifestDigest": str(subject.digest),
        "mediaType": manifest.media_type,
        "tags": [],
        "repoDigests": [str(subject.reference)],
        "manifest": base64.b64encode(manifest.raw).decode(),
        "config": base64.b64encode(config).decode(),
        "architecture": platform.architecture if platform else "",
        "os": platform.os if platform else "",
        "layers": _layers(metadata.get("layers") or (), manifest),
    }
    if labels := volatile_labels(config):
        published["labels"] = (metadata.get("labels") or {}) | labels
    ids = {**facts.files, source["id"]: subject.digest.hex}
    relationships = [
        each | {key: ids.get(each[key], each[key]) for key in ("parent", "child")}
        for each in made.get("artifactRelationships") or ()
    ]
    whole: dict[str, Any] = made | {
        "source": source
        | {"id": subject.digest.hex, "name": subject.name, "version": subject.tag, "metadata": published},
        "artifactRelationships": sorted(relationships, key=compact),
    }
    if "files" in made:
        files = [_file(each) | {"id": ids[each["id"]]} for each in made["files"]]
        whole["files"] = sorted(files, key=lambda each: compact(each["location"]))
    return whole


def _layers(layers: Any, manifest: Manifest) -> list[Any]:
    """The layers by their ids, as packages name them, with the media types that the manifest has."""
    if len(layers) != len(manifest.layers):
        return list(layers)
    return [
        each | {"mediaType": layer.media_type} for each, layer in zip(layers, manifest.layers, strict=True)
    ]


def _file(each: Any) -> Any:
    if not is_empty(each) or each.get("digests"):
        return each
    hashes = empty_hashes("sha1", "sha256")
    return each | {"digests": [{"algorithm": name, "value": value} for name, value in hashes.items()]}
