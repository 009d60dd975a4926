"""What each level of the cascade says about a tag, and where it says it: the same levels, in the same order.

Making a plan keeps only what holds. To explain a value the levels of one image are looked at once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from pipeline.catalogue.cascade import resolve
from pipeline.catalogue.definition import Definition, Position
from pipeline.catalogue.discover import FileSource, ImageSource, discover
from pipeline.catalogue.source import Source
from pipeline.config.yaml import Document, KeyPath, Positions

from ..changes.reverted import part
from ..plan import Target


@dataclass(frozen=True, slots=True)
class Spot:
    """A file, and where it is known line and column (from 1)."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path

    def to_json(self) -> dict[str, object]:
        """As data; without a line where that is not known."""
        return {"path": self.path} | ({"line": self.line, "column": self.column} if self.line else {})


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a level says: a value and its place."""

    value: object
    spot: Spot


@dataclass(frozen=True, slots=True)
class _Level:
    model: object
    document: Document
    path: KeyPath


class Levels:
    """The levels of one tag, least specific first: image, version, tag, variant."""

    def __init__(self, image: ImageSource, definition: Definition) -> None:
        self.image, self.definition = image, definition
        own = definition.position.document.path
        files = [f for f in (image.image, *image.versions) if f]
        self.own = next(f for f in files if f.document.path == own)
        top = [image.image] if image.image and image.image is not self.own else []
        self.files: tuple[FileSource, ...] = (*top, self.own)
        self._places: dict[str, Positions] = {}

    def spot(self, place: Position) -> Spot:
        """Line and column of a place."""
        document = place.document
        if document.path not in self._places:
            self._places[document.path] = document.positions()
        return Spot(document.path, *self._places[document.path].of(place.path))

    def single(self, key: str) -> tuple[Said, ...]:
        """Every level that says something about a key, the one that holds last."""
        return tuple(self._said(self._all(), key))

    def of_image(self, key: str) -> tuple[Said, ...]:
        """The same for keys that only image and version know."""
        return tuple(self._said(self._of_files(), key))

    def merged(self, key: str) -> Mapping[str, tuple[Said, ...]]:
        """The same for each name of a mapping."""
        out: dict[str, tuple[Said, ...]] = {}
        for level in self._all():
            for name, value in getattr(level.model, key).items():
                said = Said(value, self.spot(Position(level.document, (*level.path, key, name))))
                out[name] = (*out.get(name, ()), said)
        return out

    def mappings(self, key: str) -> Iterator[tuple[object, Callable[[KeyPath], Spot]]]:
        """What each file says of such a key as a whole, with the place of anything inside it."""
        for level in self._of_files():
            value = getattr(level.model, key)
            if value is not None:
                yield value, partial(self._inside, level.document, key)

    def _inside(self, document: Document, key: str, path: KeyPath) -> Spot:
        return self.spot(Position(document, (key, *path)))

    def variants(self) -> tuple[Said, ...]:
        """Where the tag's variant is written."""
        return tuple(
            Said(self.definition.variant, self.spot(Position(v.document, v.path))) for v in self._variants()
        )

    def _said(self, levels: Iterator[_Level], key: str) -> Iterator[Said]:
        for level in levels:
            value = getattr(level.model, key, None)
            if value is not None:
                yield Said(value, self.spot(Position(level.document, (*level.path, key))))

    def _all(self) -> Iterator[_Level]:
        yield from self._of_files()
        path = self.definition.position.path
        yield _Level(self.own.file.tags[int(path[1])], self.own.document, path)
        yield from self._variants()

    def _of_files(self) -> Iterator[_Level]:
        for file in self.files:
            yield _Level(file.file, file.document, ())

    def _variants(self) -> Iterator[_Level]:
        name = self.definition.variant
        for file in self.files:
            for number, entry in enumerate(file.file.variants):
                if entry.name == name:
                    yield _Level(entry, file.document, ("variants", number))
        for variant in self.own.variants:
            if variant.name == name:
                yield _Level(variant.file, variant.document, ())


def levels_of(source: Source, target: Target) -> tuple[Levels, tuple[Definition, ...]]:
    """The levels of a target's tag, and every definition of its image."""
    for wanted in (part(source, (target.image,)), source):  # most images are named as their folder is
        for image in discover(wanted).images:
            definitions = resolve(source, (image,), [])
            for definition in definitions:
                if (definition.image, definition.tag) == (target.image, target.tag):
                    return Levels(image, definition), definitions
    raise LookupError(f"{target.name} is not in the source of its plan")
