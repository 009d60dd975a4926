"""Differences of two images, as data."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.util.dataclass import dataclass

TREE = "tree"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs. None means that the side does not have it.

    `where` is `manifest`, `config`, `history`, `layer N` (from 0) or `tree` (all layers applied), after the platform in
    an index; `path` is that of a file, or the name of an annotation, label or field; `what` is the property.
    """

    where: str
    path: str
    what: str
    before: str | None
    after: str | None

    def to_json(self) -> dict[str, object]:
        """As plain data for `--json`."""
        return {
            "where": self.where,
            "path": self.path,
            "what": self.what,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two images by name, and their differences; without any, every byte is equal."""

    before: str
    after: str
    differences: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the images are the same, byte for byte."""
        return not self.differences

    @property
    def same_files(self) -> bool:
        """Whether a container sees the same files, with the same modes, owners and times."""
        return not any(d.where.endswith(TREE) for d in self.differences)

    def to_json(self) -> dict[str, object]:
        """As plain data for `--json`."""
        return {
            "before": self.before,
            "after": self.after,
            "equal": self.equal,
            "same_files": self.same_files,
            "differences": [d.to_json() for d in self.differences],
        }


def json_differences(
    where: str, before: object, after: object, path: tuple[str, ...] = ()
) -> Iterator[Difference]:
    """The leaves in which two JSON values differ; their path is the keys of objects, joined by dots."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from json_differences(
                where, before.get(key, _ABSENT), after.get(key, _ABSENT), (*path, str(key))
            )
    elif before != after or type(before) is not type(after):
        head, *rest = path or ("value",)
        if head in _NAMED and rest:
            yield Difference(where, ".".join(rest), _NAMED[head], _text(before), _text(after))
        elif path[:2] == ("config", "Labels") and rest[1:]:
            yield Difference(where, ".".join(rest[1:]), "label", _text(before), _text(after))
        else:
            yield Difference(where, ".".join(path), "value", _text(before), _text(after))


_ABSENT = object()
_NAMED = {"annotations": "annotation"}


def _text(value: object) -> str | None:
    import json

    if value is _ABSENT:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
