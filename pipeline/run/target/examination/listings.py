"""What syft lists of the images of a run: images in which it reads the same are listed once.

The platforms of an image tag without programs have the same layers, and configurations that differ in their
architecture alone. The documents are completed with the architecture and everything else of the image's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import anyio

from pipeline.model import Digest, Manifest
from pipeline.model.manifest import load_json
from pipeline.util.json.canonical import compact

if TYPE_CHECKING:
    from pipeline.plan import Target

KEPT = 64 * 1024 * 1024
"""Bytes of documents that are kept for other images; the oldest go first."""


class Listings:
    """Syft's documents by what it reads of an image."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: dict[Digest, Mapping[str, bytes]] = {}
        self._listing: dict[Digest, anyio.Lock] = {}

    async def documents(
        self, key: Digest, list_packages: Callable[[], Awaitable[Mapping[str, bytes]]]
    ) -> Mapping[str, bytes]:
        """The documents by format, by `list_packages` unless those of an image with this `listed_content` are known."""
        async with self._listing.setdefault(key, anyio.Lock()):
            if key not in self._known:
                self._known[key] = await list_packages()
                self._forget()
            return self._known[key]

    def _forget(self) -> None:
        size = sum(len(document) for documents in self._known.values() for document in documents.values())
        for key in list(self._known)[:-1]:
            if size <= self._kept:
                return
            size -= sum(map(len, self._known.pop(key).values()))


def listed_content(target: Target, manifest: Manifest, config: bytes) -> Digest:
    """A digest of all that syft reads of an image: the name it is given, the layers, and the configuration but for the
    architecture. (A variant, as of `arm/v7`, is in its documents.)"""
    content = {
        "name": [target.image, target.tag],
        "layers": [str(layer.digest) for layer in manifest.layers],
        "config": _without_architecture(config),
    }
    return Digest.of(compact(content))


def _without_architecture(config: bytes) -> object:
    try:
        described = load_json(config)
    except ValueError:
        return str(Digest.of(config))
    return (
        {k: v for k, v in described.items() if k != "architecture"}
        if isinstance(described, dict)
        else described
    )
