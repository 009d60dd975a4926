"""What this client has seen or put there itself, so that it need not ask twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import anyio

from pipeline.model import Digest, Repository
from pipeline.model.manifest import Manifest

_MANIFESTS = 512


class SeenContent:
    """Manifests by digest (immutable, the last few hundred), and which repository holds what."""

    def __init__(self) -> None:
        self._manifests: OrderedDict[Digest, Manifest] = OrderedDict()
        self._there: set[tuple[Repository, Digest]] = set()
        self._under_way: dict[tuple[Repository, Digest], anyio.Lock] = {}

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest with this digest, if it was read lately."""
        return self._manifests.get(digest)

    def keep(self, manifest: Manifest) -> None:
        """Remember a manifest."""
        self._manifests[manifest.digest] = manifest
        while len(self._manifests) > _MANIFESTS:
            self._manifests.popitem(last=False)

    def has(self, repo: Repository, digest: Digest) -> bool:
        """Whether this client put it there."""
        return (repo, digest) in self._there

    def add(self, repo: Repository, digest: Digest) -> None:
        """This client put it there."""
        self._there.add((repo, digest))

    def forget(self, repo: Repository) -> None:
        """Something was deleted in this repository: nothing is certain there any more."""
        self._there = {pair for pair in self._there if pair[0] != repo}

    async def once(self, repo: Repository, digest: Digest, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of putting it there, unless it is there; whoever comes second waits for the first."""
        key = (repo, digest)
        if key in self._there:
            return
        async with self._under_way.setdefault(key, anyio.Lock()):
            if key not in self._there:
                await work()
                self._there.add(key)
        self._under_way.pop(key, None)
