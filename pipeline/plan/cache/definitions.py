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
    from pipeline.config import Strategy
    from pipeline.config.yaml import KeyPath, Positions

_PositionRow = tuple[str, "KeyPath"]
# image, tag, base_tag, suffix, versions, variables, owner of rootfs/, whether it is copied, folders, whether aliases
# are automatic, strategy, position, fields that few definitions have
_Row = tuple[
    *tuple[str, str, str, str, Mapping[str, str], Mapping[str, object], str, bool],
    *tuple[tuple[str, ...], bool, "Strategy", _PositionRow, dict[str, Any]],
]
_TEMPLATES = ("template", "inherited_template", "test_template", "inherited_test_template")
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


def _row(d: Definition) -> _Row:
    return (
        *(d.image, d.tag, d.base_tag, d.suffix, d.versions, d.variables, d.rootfs_user, d.rootfs_copy),
        *(d.folders, d.automatic, d.strategy, _position_row(d.position), _rare(d)),
    )


def _rare(d: Definition) -> dict[str, object]:
    """The fields that few definitions have, by name."""
    rare: dict[str, object] = {}
    if d.variant is not None:
        rare["variant"] = d.variant
    if d.labels:
        rare["labels"] = d.labels
    if d.aliases:
        rare["aliases"] = d.aliases
    if d.title is not None:
        rare["title"] = d.title
    if d.description is not None:
        rare["description"] = d.description
    if d.platforms is not None:
        rare["platforms"] = [str(platform) for platform in d.platforms]
    if d.external is not None:
        rare["external"] = str(d.external)
    if d.template or d.inherited_template or d.test_template or d.inherited_test_template:
        for key in _TEMPLATES:
            if explicit := getattr(d, key):
                rare[key] = explicit.name, _position_row(explicit.position)
    if d.secrets or d.ssh:
        for key in ("secrets", "ssh"):
            rare[key] = [(mention.name, _position_row(mention.position)) for mention in getattr(d, key)]
    if d.arguments or d.contexts:
        for key in ("arguments", "contexts"):
            placed = getattr(d, key)
            rare[key] = [(name, one.value, _position_row(one.position)) for name, one in placed.items()]
    return rare


def _definition(row: _Row, source: Source) -> Definition:
    image, tag, base_tag, suffix, versions, variables, rootfs_user, rootfs_copy, *_ = row
    folders, automatic, strategy, own_position, rare = row[8:]
    texts: dict[str, PlacedText] = {}

    def position(written: _PositionRow) -> Position:
        path, keys = written
        return Position(texts.setdefault(path, _Text(path, source)), tuple(keys))

    def explicit(key: str) -> Explicit | None:
        written = rare.get(key)
        return Explicit(written[0], position(written[1])) if written else None

    def placed(key: str) -> dict[str, Placed]:
        return {name: Placed(value, position(at)) for name, value, at in rare.get(key, ())}

    def mentions(key: str) -> tuple[Mention, ...]:
        return tuple(Mention(name, position(at)) for name, at in rare.get(key, ()))

    platforms = rare.get("platforms")
    return Definition(
        image=image,
        tag=tag,
        base_tag=base_tag,
        variant=rare.get("variant"),
        suffix=suffix,
        versions=versions,
        variables=variables,
        labels=rare.get("labels", {}),
        rootfs_user=rootfs_user,
        rootfs_copy=rootfs_copy,
        template=explicit("template"),
        inherited_template=explicit("inherited_template"),
        test_template=explicit("test_template"),
        inherited_test_template=explicit("inherited_test_template"),
        folders=tuple(folders),
        aliases=tuple(rare.get("aliases", ())),
        automatic=automatic,
        strategy=strategy,
        platforms=None if platforms is None else tuple(map(Platform.parse_any, platforms)),
        gates=None,
        title=rare.get("title"),
        description=rare.get("description"),
        position=position(own_position),
        external=Reference.parse(rare["external"]) if "external" in rare else None,
        arguments=placed("arguments"),
        contexts=placed("contexts"),
        secrets=mentions("secrets"),
        ssh=mentions("ssh"),
    )


def _position_row(position: Position) -> _PositionRow:
    return position.document.path, position.path
