"""The definitions of an image as data, so that an edit of its templates needs neither YAML nor models.

They depend on every image.yml in the image's folder, and on which other entries are there: `state_of`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.catalogue.definition import Definition, Explicit, Mention, Placed, PlacedText, Position
from pipeline.catalogue.source import IMAGE_FILE, ROOTFS, Source
from pipeline.model import Platform, Reference
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config.yaml import KeyPath, Positions

_PositionRow = tuple[str, "KeyPath"]
_ENCODE = json.JSONEncoder(
    separators=(",", ":"), check_circular=False
).encode  # templates see the order of keys


@dataclass(frozen=True, slots=True)
class StoredDefinitions:
    """The definitions of one folder of images/, without problems, and the state of the folder that they are of."""

    state: str
    rows: str

    @classmethod
    def of(cls, source: Source, folder: str, definitions: Iterable[Definition]) -> StoredDefinitions | None:
        """The definitions of a folder, all of them; None if any has what only its models can hold."""
        known = tuple(definitions)
        if any(d.gates or d.checks for d in known):
            return None
        return cls(state_of(source, folder), _ENCODE([_row(d) for d in known]))

    def read(self, source: Source) -> tuple[Definition, ...]:
        """The definitions in a source whose folder has the same state."""
        return tuple(_definition(row, source) for row in json.loads(self.rows))


def state_of(source: Source, folder: str) -> str:
    """A digest of what definitions depend on: every image.yml, and the names and kinds of all entries, except those
    of rootfs/."""
    digest = hashlib.sha256()
    waiting = [folder]
    while waiting:
        above = waiting.pop()
        for name in source.children(above):
            path = f"{above}/{name}"
            entry = source.get(path)
            kind = entry.kind if entry else "dir"
            digest.update(f"{path}\0{kind}\0".encode())
            if kind == "dir" and name != ROOTFS:
                waiting.append(path)
            elif entry and name == IMAGE_FILE:
                digest.update(f"{entry.size}\0{entry.sha256}\0".encode() + (entry.content or b""))
    return digest.hexdigest()


@dataclass(frozen=True)
class _Text:
    """An image.yml that is parsed if one of its positions is needed."""

    path: str
    source: Source

    @cached_property
    def _positions(self) -> Positions:
        from pipeline.config import load

        return load(self.source.read(self.path), self.path).positions()

    def positions(self) -> Positions:
        """The places of its keys and values."""
        return self._positions


def _row(d: Definition) -> dict[str, object]:
    """A definition's fields; those that few definitions have only where they are set."""
    row: dict[str, object] = {
        "image": d.image,
        "tag": d.tag,
        "base_tag": d.base_tag,
        "suffix": d.suffix,
        "versions": d.versions,
        "variables": d.variables,
        "rootfs_user": d.rootfs_user,
        "rootfs_copy": d.rootfs_copy,
        "folders": d.folders,
        "automatic": d.automatic,
        "strategy": d.strategy,
        "position": _position_row(d.position),
    }
    for key in ("variant", "labels", "aliases", "title", "description"):
        if value := getattr(d, key):
            row[key] = value
    for key in ("template", "inherited_template", "test_template", "inherited_test_template"):
        if explicit := getattr(d, key):
            row[key] = explicit.name, _position_row(explicit.position)
    for key in ("secrets", "ssh"):
        if mentions := getattr(d, key):
            row[key] = [(mention.name, _position_row(mention.position)) for mention in mentions]
    for key in ("arguments", "contexts"):
        if placed := getattr(d, key):
            row[key] = [(name, one.value, _position_row(one.position)) for name, one in placed.items()]
    if d.platforms is not None:
        row["platforms"] = [str(platform) for platform in d.platforms]
    if d.external is not None:
        row["external"] = str(d.external)
    return row


def _definition(row: Mapping[str, Any], source: Source) -> Definition:
    texts: dict[str, PlacedText] = {}

    def position(written: _PositionRow) -> Position:
        path, keys = written
        return Position(texts.setdefault(path, _Text(path, source)), tuple(keys))

    def explicit(key: str) -> Explicit | None:
        written = row.get(key)
        return Explicit(written[0], position(written[1])) if written else None

    def placed(key: str) -> dict[str, Placed]:
        return {name: Placed(value, position(at)) for name, value, at in row.get(key, ())}

    def mentions(key: str) -> tuple[Mention, ...]:
        return tuple(Mention(name, position(at)) for name, at in row.get(key, ()))

    platforms = row.get("platforms")
    return Definition(
        image=row["image"],
        tag=row["tag"],
        base_tag=row["base_tag"],
        variant=row.get("variant"),
        suffix=row["suffix"],
        versions=row["versions"],
        variables=row["variables"],
        labels=row.get("labels", {}),
        rootfs_user=row["rootfs_user"],
        rootfs_copy=row["rootfs_copy"],
        template=explicit("template"),
        inherited_template=explicit("inherited_template"),
        test_template=explicit("test_template"),
        inherited_test_template=explicit("inherited_test_template"),
        folders=tuple(row["folders"]),
        aliases=tuple(row.get("aliases", ())),
        automatic=row["automatic"],
        strategy=row["strategy"],
        platforms=None if platforms is None else tuple(map(Platform.parse_any, platforms)),
        gates=None,
        title=row.get("title"),
        description=row.get("description"),
        position=position(row["position"]),
        external=Reference.parse(row["external"]) if "external" in row else None,
        arguments=placed("arguments"),
        contexts=placed("contexts"),
        secrets=mentions("secrets"),
        ssh=mentions("ssh"),
    )


def _position_row(position: Position) -> _PositionRow:
    return position.document.path, position.path
