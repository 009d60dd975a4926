"""JSON documents that people keep in the catalogue or attest: read strictly, with the place of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from pipeline.util.json.values import as_object, parse_json

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""
MAX_DOCUMENT = 16 * 1024 * 1024
"""The largest document that is read, in bytes."""


class DocumentFault(ValueError):
    """What is wrong with a document, and where: the keys that lead there, or line and column of a syntax error."""

    def __init__(self, message: str, place: Place = (), *, line: int = 0, column: int = 0) -> None:
        self.message, self.place, self.line, self.column = message, place, line, column
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
        at = where or (f"line {line}" if line else "")
        super().__init__(f"{at}: {message}" if at else message)


class JsonNode:
    """An object of a document with its place; what is missing or of another type is a DocumentFault there."""

    def __init__(self, data: object, place: Place = ()) -> None:
        self.place = place
        try:
            self._data: Mapping[str, object] = as_object(data)
        except ValueError as fault:
            raise DocumentFault(str(fault), place) from None

    @classmethod
    def read(cls, raw: bytes) -> JsonNode:
        """A whole document. Raises DocumentFault, also for repeated keys and more than `MAX_DOCUMENT` bytes."""
        if len(raw) > MAX_DOCUMENT:
            raise DocumentFault(f"is larger than {MAX_DOCUMENT // 1024**2} MiB")
        try:
            return cls(parse_json(raw, strict=True))
        except json.JSONDecodeError as fault:
            raise DocumentFault(f"is not JSON: {fault.msg}", line=fault.lineno, column=fault.colno) from None
        except UnicodeDecodeError:
            raise DocumentFault("is not JSON: it is not UTF-8") from None
        except DocumentFault:
            raise
        except ValueError as fault:
            raise DocumentFault(f"is not JSON: {fault}") from None

    def __contains__(self, key: str) -> bool:
        return self._data.get(key) is not None

    def fault(self, message: str, *steps: str | int) -> DocumentFault:
        """A fault at a place below this one."""
        return DocumentFault(message, (*self.place, *steps))

    def only(self, known: Collection[str]) -> None:
        """Raises DocumentFault for a key that is not one of these."""
        for key in self._data:
            if key not in known:
                raise self.fault(f"{key[:40]!r} is not a key here (known: {', '.join(sorted(known))})", key)

    def text(self, key: str) -> str:
        """A text; empty where it is missing."""
        value = self._data.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.fault("a text is expected", key)
        return value

    def required(self, key: str) -> str:
        """A text that is there and not empty."""
        value = self.text(key)
        if not value.strip():
            raise self.fault(f"{key} is missing", *((key,) if key in self._data else ()))
        return value

    def child(self, key: str) -> JsonNode:
        """The object of a key; an empty one where it is missing."""
        value = self._data.get(key)
        return JsonNode({} if value is None else value, (*self.place, key))

    def items(self, key: str) -> list[object]:
        """A list; empty where it is missing."""
        value = self._data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fault("a list is expected", key)
        return value

    def children(self, key: str, most: int) -> list[JsonNode]:
        """The objects of a list of at most so many."""
        items = self.items(key)
        if len(items) > most:
            raise self.fault(f"has {len(items)} entries, more than {most}", key)
        return [JsonNode(item, (*self.place, key, number)) for number, item in enumerate(items)]

    def texts(self, key: str) -> list[str]:
        """A list of texts; empty where it is missing."""
        for number, item in enumerate(self.items(key)):
            if not isinstance(item, str):
                raise self.fault("a text is expected", key, number)
        return [str(item) for item in self.items(key)]

    def mapping(self, key: str) -> dict[str, str]:
        """An object of texts; empty where it is missing."""
        child = self.child(key)
        return {name: child.text(name) for name in child._data}
