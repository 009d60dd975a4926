"""What an image of ours was built with, taken from the image itself, so that a peer builds the same."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from pipeline.engine.buildkit import BuildOrder
from pipeline.model import Platform, Repository
from tests.bench.clock import Failed
from tests.tools import logins

BUILDS = "lockage/builds"  # the default of `builds` in lockage.yml
PEER = "peer/builds"
_BASE = "org.opencontainers.image.base."  # annotations that are no labels
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest in a repository of the registry, and its configuration."""

    manifest: Mapping[str, Any]
    config: Mapping[str, Any]

    @classmethod
    def fetch(cls, host: str, repository: str, digest: str) -> Image:
        """Raises Failed where the registry does not have it."""
        manifest = _json(f"http://{host}/v2/{repository}/manifests/{digest}")
        return cls(manifest, _json(f"http://{host}/v2/{repository}/blobs/{manifest['config']['digest']}"))

    @property
    def layers(self) -> list[str]:
        """The layers' digests."""
        return [layer["digest"] for layer in self.manifest["layers"]]


def order_like(image: Image, target: Mapping[str, Any], destination: str) -> BuildOrder:
    """The order that `image` was built by, but for its context, Dockerfile and `destination`.

    `target` is the plan's (`lockage plan --json`).
    """
    annotations = dict(image.manifest.get("annotations") or {})
    return BuildOrder(
        target=target["id"],
        dockerfile="",
        context=cast(Any, None),
        platform=Platform.parse(target["platform"]),
        destination=Repository.parse(destination),
        epoch=int(datetime.fromisoformat(image.config["created"]).timestamp()),
        labels={name: value for name, value in annotations.items() if not name.startswith(_BASE)},
        annotations=annotations,
        build_arguments=target["arguments"],
    )


def difference(host: str, ours: str, theirs: tuple[str, str]) -> str:
    """How an image of ours differs from a peer's (repository and digest); empty where the digests are equal."""
    repository, digest = theirs
    if ours == digest:
        return ""
    mine, other = Image.fetch(host, BUILDS, ours), Image.fetch(host, repository, digest)
    layers = [n for n, pair in enumerate(zip(mine.layers, other.layers, strict=False)) if len(set(pair)) > 1]
    if layers or len(mine.layers) != len(other.layers):
        return f"layers {', '.join(map(str, layers))} of {len(mine.layers)} and {len(other.layers)}"
    parts = {**mine.config, **mine.manifest}, {**other.config, **other.manifest}
    return "alike but for " + ", ".join(k for k in sorted(parts[0]) if parts[0][k] != parts[1].get(k))


def mirrored(reference: str, host: str) -> str:
    """A base from elsewhere, by digest, where the lab's registry has it."""
    name, _, digest = reference.partition("@")
    return f"{host}/mirror/{name.rpartition(':')[0]}@{digest}"


def replace_bases(dockerfile: Path, bases: Mapping[str, str]) -> None:
    """FROM by digest, at the registry of this round."""
    lines = dockerfile.read_text().splitlines()
    for number, line in enumerate(lines):
        word, _, name = line.partition(" ")
        if word == "FROM":
            lines[number] = f"FROM {bases[name]}"
    dockerfile.write_text("\n".join(lines) + "\n")


def _json(url: str) -> Any:
    host = url.split("/")[2]
    request = urllib.request.Request(url, headers={"Accept": _MANIFEST, **logins.header(host)})
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except OSError as fault:
        raise Failed(f"{url}: {fault}") from None
