"""What this client has read or written itself, so that nothing is requested or sent twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import anyio

from pipeline.model import Digest, Repository
from pipeline.model.manifest import Manifest

from .limits import CACHED_BYTES, CACHED_MANIFESTS


class ContentCache:
    """The last few hundred manifests by digest, and the content that this client wrote, by repository."""

    def __init__(self) -> None:
        self._manifests: OrderedDict[Digest, Manifest] = OrderedDict()
        self._bytes = 0
        self._written: set[tuple[Repository, Digest]] = set()
        self._locks: dict[tuple[Repository, Digest], anyio.Lock] = {}

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest with this digest, if it is cached."""
        return self._manifests.get(digest)

    def store(self, manifest: Manifest) -> None:
        """Cache a manifest."""
        if manifest.digest not in self._manifests:
            self._bytes += len(manifest.raw)
        self._manifests[manifest.digest] = manifest
        while len(self._manifests) > CACHED_MANIFESTS or self._bytes > CACHED_BYTES:
            _, oldest = self._manifests.popitem(last=False)
            self._bytes -= len(oldest.raw)

    def has(self, repo: Repository, digest: Digest) -> bool:
        """Whether this client wrote the content there."""
        return (repo, digest) in self._written

    def add(self, repo: Repository, digest: Digest) -> None:
        """This client wrote the content there."""
        self._written.add((repo, digest))

    def forget(self, repo: Repository) -> None:
        """Something was deleted in this repository: what was written there may be gone."""
        self._written = {pair for pair in self._written if pair[0] != repo}

    async def once(self, repo: Repository, digest: Digest, write: Callable[[], Awaitable[object]]) -> None:
        """Run `write` unless the content was written there; a second caller waits for the first."""
        key = (repo, digest)
        if key in self._written:
            return
        async with self._locks.setdefault(key, anyio.Lock()):
            if key not in self._written:
                await write()
                self._written.add(key)
        self._locks.pop(key, None)
