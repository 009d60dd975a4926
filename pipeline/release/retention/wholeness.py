"""Whether what tags name is whole: every manifest, through indexes, is there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pipeline.model import Digest
from pipeline.registry import Registry
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from .reader import RepositoryReader


@dataclass(frozen=True, slots=True)
class Broken:
    """A tag, and what is missing of what it names."""

    tag: str
    missing: Digest

    def __str__(self) -> str:
        return f"{self.tag}: {self.missing} is missing"

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {"tag": self.tag, "missing": str(self.missing)}


async def broken_tags(registry: Registry, reader: RepositoryReader) -> tuple[int, tuple[Broken, ...]]:
    """How many tags were checked, and those that are not whole; tags and their manifests as `reader` has read them.

    One request for each child of an index. Raises RegistryError.
    """
    needed = {tag: _below(reader, digest) for tag, digest in reader.tags.items()}
    children = sorted({child for below in needed.values() for child in below})
    present = dict(zip(children, await each(partial(_is_there, registry, reader), children), strict=True))
    return len(needed), tuple(_broken(needed, present))


def _below(reader: RepositoryReader, digest: Digest) -> list[Digest]:
    """The manifests of an index, and of the indexes in it."""
    children: list[Digest] = []
    todo = [digest]
    while todo:
        node = reader.nodes.get(todo.pop())
        for child in node.children if node else ():
            if child not in children:
                children.append(child)
                todo.append(child)
    return children


async def _is_there(registry: Registry, reader: RepositoryReader, digest: Digest) -> bool:
    return await registry.head(reader.repository.at(digest)) is not None


def _broken(needed: Mapping[str, list[Digest]], present: Mapping[Digest, bool]) -> list[Broken]:
    return [
        Broken(tag, child) for tag, below in sorted(needed.items()) for child in below if not present[child]
    ]
