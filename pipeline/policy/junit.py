"""JUnit's XML reports as test cases. Reports are untrusted: entities are refused, sizes limited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import NoReturn
from xml.parsers import expat

from pipeline.util.dataclass import dataclass

from .evidence import TestCase

MAX_BYTES = 4 * 1024 * 1024
MAX_CASES = 10_000
_MAX_DETAIL = 4000
_BAD = ("failure", "error")


def junit_cases(raw: bytes) -> tuple[TestCase, ...]:
    """The cases of a report in its order; a skipped one has passed.

    Raises ValueError for anything but a report with at least one case.
    """
    if len(raw) > MAX_BYTES:
        raise ValueError(f"a report of {len(raw)} bytes is larger than {MAX_BYTES}")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, LookupError) as fault:  # LookupError: an encoding that Python does not have
        raise ValueError(f"not XML: {fault}") from None
    if not reader.cases:
        raise ValueError("a report without a case")
    return tuple(reader.cases)


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a document type is declared, which no JUnit report needs")


@dataclass(slots=True)
class _Reader:
    cases: list[TestCase] = field(default_factory=list)
    _root: str | None = None
    _name: str | None = None
    _failed: bool = False
    _detail: list[str] = field(default_factory=list)
    _inside: bool = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._root is None:
            self._root = tag
            if tag not in ("testsuites", "testsuite"):
                raise ValueError(f"the root is <{tag[:40]}>, not <testsuites> or <testsuite>")
        if tag == "testcase":
            names = (attributes.get("classname", ""), attributes.get("name", ""))
            self._name, self._failed, self._detail = ".".join(filter(None, names))[:500], False, []
        elif tag in _BAD and self._name is not None:
            self._failed, self._inside = True, True
            self._detail.append(attributes.get("message", ""))

    def end(self, tag: str) -> None:
        if tag in _BAD:
            self._inside = False
        if tag == "testcase" and self._name is not None:
            detail = "\n".join(part for part in self._detail if part.strip())[:_MAX_DETAIL]
            self.cases.append(TestCase(self._name or "unnamed", not self._failed, detail))
            self._name = None
            if len(self.cases) > MAX_CASES:
                raise ValueError(f"more than {MAX_CASES} cases")

    def text(self, text: str) -> None:
        if self._inside:
            self._detail.append(text)
