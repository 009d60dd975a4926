"""A value with the place that decides it, what it overrides, and what lockage.yml says with its places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.catalogue.source import PROJECT_NAME, Source
from pipeline.config import ProjectFile, load, validate_document
from pipeline.config.yaml import KeyPath, Positions

from .levels import Said, Spot

DEFAULT = "default"
COMPUTED = "computed"


@dataclass(frozen=True, slots=True)
class Explained:
    """One value of a target. `place` is where it is said, `default`, or `computed` from other values; `why` is a
    rule in words; `overrides` is what others say to the same, the nearest level first."""

    key: str
    value: object
    place: Spot | str
    why: str | None = None
    overrides: tuple[Said, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As data."""
        out: dict[str, object] = {"key": self.key, "value": self.value, "place": _place(self.place)}
        if self.why:
            out["why"] = self.why
        return out | {"overrides": [{"value": o.value, "place": o.spot.to_json()} for o in self.overrides]}


def last(key: str, said: Iterable[Said], default: object, why: str | None = None) -> Explained:
    """The value of the last that say something, over all others; the default where nobody does."""
    every = tuple(said)
    if not every:
        return Explained(key, default, DEFAULT, why)
    return Explained(key, every[-1].value, every[-1].spot, None, every[-2::-1])


class ProjectSays:
    """lockage.yml of a source whose plan could be made."""

    def __init__(self, source: Source) -> None:
        content = source.files[PROJECT_NAME].content
        assert content is not None, "the plan was made of it"
        document = load(content, PROJECT_NAME)
        model, _ = validate_document(ProjectFile, document)
        assert model is not None, "the plan was made of it"
        self.model: ProjectFile = model
        self._positions: Positions = document.positions()

    def said(self, value: object, *path: str | int) -> tuple[Said, ...]:
        """A value with its place, if the file says something there."""
        whole: KeyPath = path
        if whole not in self._positions.values:
            return ()
        return (Said(value, Spot(PROJECT_NAME, *self._positions.values[whole])),)


def _place(place: Spot | str) -> object:
    return place if isinstance(place, str) else place.to_json()
