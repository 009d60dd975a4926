"""The values that each level of the cascade sets for a tag, with their locations, in the order of the cascade.

A plan holds only the effective values. To explain one, the levels of its image are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from pipeline.catalogue.cascade import resolve
from pipeline.catalogue.definition import Definition, Position
from pipeline.catalogue.discover import FileSource, ImageFolder, discover
from pipeline.catalogue.source import Source
from pipeline.config import ImageFile, Level, Positions
from pipeline.util.dataclass import dataclass

from ..changes.reverted import part
from ..plan import Target

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Location:
    """A file, with line and column (from 1) where they are known."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path

    def to_json(self) -> dict[str, object]:
        """As data; without a line where that is not known."""
        out: dict[str, object] = {"path": self.path}
        return out | ({"line": self.line, "column": self.column} if self.line else {})


@dataclass(frozen=True, slots=True)
class LevelValue:
    """A value that a level sets, with its location."""

    value: object
    location: Location


@dataclass(frozen=True, slots=True)
class FileValue(Generic[T]):
    """A value of an image.yml as a whole, with the position of its key."""

    value: T
    position: Position


@dataclass(frozen=True, slots=True)
class _PlacedLevel:
    level: Level
    position: Position


class Levels:
    """The levels of one tag, least specific first: image, version, tag, variant."""

    def __init__(self, image: ImageFolder, definition: Definition) -> None:
        self.image, self.definition = image, definition
        path = definition.position.document.path
        files = [file for file in (image.image, *image.versions) if file]
        self.own = next(file for file in files if file.document.path == path)
        top = [image.image] if image.image and image.image is not self.own else []
        self.files: tuple[FileSource, ...] = (*top, self.own)
        self._positions: dict[str, Positions] = {}

    def location(self, position: Position) -> Location:
        """The location of a position."""
        document = position.document
        if document.path not in self._positions:
            self._positions[document.path] = document.positions()
        return Location(document.path, *self._positions[document.path].of(position.path))

    def single(self, key: str) -> tuple[LevelValue, ...]:
        """The values of a key at every level that sets it, the effective one last."""
        return tuple(self._values(self._levels(), key))

    def of_image(self, key: str) -> tuple[LevelValue, ...]:
        """The same for keys that only images and versions have."""
        return tuple(self._values(self._file_levels(), key))

    def merged(self, key: str) -> Mapping[str, tuple[LevelValue, ...]]:
        """The same for each name of a mapping."""
        values: dict[str, tuple[LevelValue, ...]] = {}
        for placed in self._levels():
            for name, value in getattr(placed.level, key).items():
                location = self.location(placed.position.below(key, name))
                values[name] = (*values.get(name, ()), LevelValue(value, location))
        return values

    def of_files(self, key: str, get: Callable[[ImageFile], T | None]) -> Iterator[FileValue[T]]:
        """The value of a key in each image.yml that has it."""
        for file in self.files:
            value = get(file.file)
            if value is not None:
                yield FileValue(value, Position(file.document, (key,)))

    def variants(self) -> tuple[LevelValue, ...]:
        """The location of the tag's variant."""
        name = self.definition.variant
        return tuple(LevelValue(name, self.location(v.position)) for v in self._variant_levels())

    def _values(self, levels: Iterator[_PlacedLevel], key: str) -> Iterator[LevelValue]:
        for placed in levels:
            value: object = getattr(placed.level, key, None)
            if value is not None:
                yield LevelValue(value, self.location(placed.position.below(key)))

    def _levels(self) -> Iterator[_PlacedLevel]:
        yield from self._file_levels()
        position = self.definition.position
        yield _PlacedLevel(self.own.file.tags[int(position.path[1])], position)
        yield from self._variant_levels()

    def _file_levels(self) -> Iterator[_PlacedLevel]:
        for file in self.files:
            yield _PlacedLevel(file.file, Position(file.document, ()))

    def _variant_levels(self) -> Iterator[_PlacedLevel]:
        name = self.definition.variant
        for file in self.files:
            for number, entry in enumerate(file.file.variants):
                if entry.name == name:
                    yield _PlacedLevel(entry, Position(file.document, ("variants", number)))
        for variant in self.own.variants:
            if variant.name == name:
                yield _PlacedLevel(variant.file, Position(variant.document, ()))


def levels_of(source: Source, target: Target) -> tuple[Levels, tuple[Definition, ...]]:
    """The levels of a target's tag, and every definition of its image."""
    for searched in (part(source, (target.image,)), source):  # most images have the name of their folder
        for image in discover(searched).images:
            definitions = resolve(source, (image,), [])
            for definition in definitions:
                if (definition.image, definition.tag) == (target.image, target.tag):
                    return Levels(image, definition), definitions
    raise LookupError(f"{target.name} is not in the source of its plan")
