"""What a build gets from the plan: the images that its Dockerfile names, its context and its named contexts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.model import Digest, Mirrors, Reference, Repository
from pipeline.plan.output.generate import context_files, named_context_files, write
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.catalogue import Source
    from pipeline.plan import Target


@dataclass(frozen=True, slots=True)
class BaseImages:
    """Where the images are that a target is based on: internal ones by the `digests` of their targets in the repository
    of builds that has them (`home`), external ones where this site has them."""

    digests: Mapping[str, Digest]
    home: Callable[[Digest], Repository]
    mirrors: Mirrors

    def internal(self, target_id: str) -> Reference:
        """The image of a target of the plan."""
        digest = self.digests[target_id]
        return self.home(digest).at(digest)

    def external(self, reference: Reference) -> Reference:
        """A locked image from elsewhere."""
        return self.mirrors.locate(reference).by_digest


def base_references(target: Target, bases: BaseImages) -> dict[str, str]:
    """The references for FROM: this run's digests for internal bases, the lock's for external ones.

    External bases keep their own names: BuildKit knows the site's mirrors.
    """
    references = {}
    for base in target.bases:
        if base.target_id:
            references[base.target_id] = str(bases.internal(base.target_id))
        elif base.reference:
            references[base.name] = str(base.reference.by_digest)
    return references


def named_contexts(target: Target, bases: BaseImages) -> dict[str, str]:
    """The named contexts that are images or addresses, in BuildKit's notation."""
    contexts = {named.name: named.url for named in target.contexts if named.url}
    for named in target.contexts:
        if named.target_id:
            contexts[named.name] = f"docker-image://{bases.internal(named.target_id)}"
        elif named.reference:
            contexts[named.name] = f"docker-image://{named.reference.by_digest}"
    return contexts


def context_images(target: Target, bases: BaseImages) -> list[Reference]:
    """The images that are named contexts, where this site has them."""
    images = []
    for named in target.contexts:
        if named.target_id:
            images.append(bases.internal(named.target_id))
        elif named.reference:
            images.append(bases.external(named.reference))
    return images


async def write_context(target: Target, folder: Path, source: Source | None) -> Path:
    """Write the build context below the target's key: the Dockerfile and the merged rootfs; gives its folder.

    The structure tests are left out: they are no input of the key.
    """
    files = {path: file for path, file in context_files(target).items() if path != "test.yml"}
    context = folder / str(target.key) / "context"
    await anyio.to_thread.run_sync(partial(write, files, context, source))
    return context


async def write_named_contexts(target: Target, folder: Path, source: Source | None) -> dict[str, Path]:
    """Write the named contexts that are folders below the target's key; gives their folders by name."""
    files = named_context_files(target)
    if not files:
        return {}
    contexts = folder / str(target.key) / "named"
    await anyio.to_thread.run_sync(partial(write, files, contexts, source))
    return {named.name: contexts / named.path for named in target.contexts if named.kind == "folder"}
