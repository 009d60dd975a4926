"""Which keys a repository of builds knows: a request for each of a few tags, else for each page of all tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pipeline.errors import RegistryError
from pipeline.util.concurrency import each

from .records import tag_in
from .store import Store

_FEW = 32


async def known_keys(store: Store, keys: Iterable[str]) -> frozenset[str]:
    """Those of the keys that a trusted key has recorded, by the names of tags alone.

    It decides where work is done, not what is believed: a run verifies the record, and builds what nobody vouches for.
    Raises RegistryError.
    """
    spaces = [store.signers.space(signer) for signer in store.signers.trusted]
    wanted = {tag_in(space, key): key for key in keys for space in spaces}
    return frozenset(wanted[tag] for tag in await _existing(store, wanted))


async def _existing(store: Store, tags: Collection[str]) -> Collection[str]:
    async def existing(tag: str) -> str | None:
        return tag if await store.registry.head(store.repository.tagged(tag)) is not None else None

    if len(tags) > _FEW:
        try:
            return frozenset(tags).intersection(await store.registry.tags(store.repository))
        except RegistryError:
            pass  # a list beyond the client's limits, or none at all; if the registry fails, so do the others
    return [tag for tag in await each(existing, sorted(tags)) if tag is not None]
