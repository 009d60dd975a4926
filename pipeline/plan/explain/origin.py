"""A value with the location that decides it and the values that it overrides; lockage.yml with its locations."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.catalogue.source import PROJECT_NAME, Source
from pipeline.config import ProjectFile, load, validate_document
from pipeline.config.yaml import KeyPath
from pipeline.util.dataclass import dataclass

from .levels import LevelValue, Location

DEFAULT = "default"
COMPUTED = "computed"


@dataclass(frozen=True, slots=True)
class Explained:
    """One value of a target. `location` is where it is set, `default`, or `computed` from other values; `why` is a
    rule in words; `overrides` are the values of other levels, nearest first."""

    key: str
    value: object
    location: Location | str
    why: str | None = None
    overrides: tuple[LevelValue, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As data."""
        location = self.location if isinstance(self.location, str) else self.location.to_json()
        out: dict[str, object] = {"key": self.key, "value": self.value, "place": location}
        if self.why:
            out["why"] = self.why
        overrides = [{"value": o.value, "place": o.location.to_json()} for o in self.overrides]
        return out | {"overrides": overrides}


def last(key: str, values: Iterable[LevelValue], default: object, why: str | None = None) -> Explained:
    """The last value, which overrides all others; the default if there is none."""
    every = tuple(values)
    if not every:
        return Explained(key, default, DEFAULT, why)
    return Explained(key, every[-1].value, every[-1].location, None, every[-2::-1])


class LocatedProject:
    """lockage.yml of a valid source, with locations."""

    def __init__(self, source: Source) -> None:
        content = source.files[PROJECT_NAME].content
        assert content is not None, "the plan was made of it"
        document = load(content, PROJECT_NAME)
        model, _ = validate_document(ProjectFile, document)
        assert model is not None, "the plan was made of it"
        self.model: ProjectFile = model
        self._positions = document.positions()

    def located(self, value: object, *path: str | int) -> tuple[LevelValue, ...]:
        """A value with its location, if the file has the key."""
        key: KeyPath = path
        if key not in self._positions.values:
            return ()
        return (LevelValue(value, Location(PROJECT_NAME, *self._positions.values[key])),)
