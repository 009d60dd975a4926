"""Results of tools that are shared by the images of a run in which a tool reads the same.

The platforms of an image tag without programs have the same layers, and configurations that differ in architecture and
volatile labels alone. Whoever takes a result completes it with those, and with everything else of the image's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import anyio

from pipeline.model import Digest, Manifest
from pipeline.model.manifest import load_json
from pipeline.sbom.volatile_labels import volatile_labels
from pipeline.util.json.canonical import compact

KEPT = 32 * 1024 * 1024
"""Bytes of results that are kept for other images; the oldest go first."""
Result = TypeVar("Result")


class SharedResults(Generic[Result]):
    """Results of a tool by what it reads of an image; `size_of` counts their bytes."""

    def __init__(self, size_of: Callable[[Result], int], kept: int = KEPT) -> None:
        self._size_of, self._kept = size_of, kept
        self._known: dict[Digest, Result] = {}
        self._running: dict[Digest, anyio.Lock] = {}

    async def of(self, key: Digest, run: Callable[[], Awaitable[Result]]) -> Result:
        """The result, by `run` unless that of an image with this `content_read` is known."""
        async with self._running.setdefault(key, anyio.Lock()):
            if key not in self._known:
                self._known[key] = await run()
                self._forget()
            return self._known[key]

    def _forget(self) -> None:
        size = sum(map(self._size_of, self._known.values()))
        for key in list(self._known)[:-1]:
            if size <= self._kept:
                return
            size -= self._size_of(self._known.pop(key))


def content_read(asked: Sequence[str], manifest: Manifest, config: bytes) -> Digest:
    """A digest of all that a tool reads of an image: what it is `asked`, such as the name to give it, the layers, and
    the configuration but for the architecture and volatile labels. (A variant, as of `arm/v7`, is in syft's documents.)
    """
    content = {
        "asked": [*asked],
        "layers": [str(layer.digest) for layer in manifest.layers],
        "config": _shared(config),
    }
    return Digest.of(compact(content))


def _shared(config: bytes) -> object:
    try:
        described = load_json(config)
    except ValueError:
        return str(Digest.of(config))
    if not isinstance(described, dict):
        return described
    shared = {name: value for name, value in described.items() if name != "architecture"}
    if own := volatile_labels(config):
        settings = shared["config"]
        labels = {name: value for name, value in settings["Labels"].items() if name not in own}
        shared["config"] = settings | {"Labels": labels}
    return shared
