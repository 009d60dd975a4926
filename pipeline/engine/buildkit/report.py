"""What `buildctl --progress=rawjson` wrote: the steps, the warnings of build checks, and why a build failed.

Each line that is an object is a SolveStatus (BuildKit's client/graph.go); behind them stand, for a build that failed,
the lines of the Dockerfile that it failed at and the error itself.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MARKED = re.compile(r"^\s*(\d+) \| >>> ", re.MULTILINE)
_ON_LINE = re.compile(r"(?:parse error )?on line (\d+)")
_SOLVE = re.compile(r"^(?:error: )?(?:failed to solve: )*")
_LONG_PROCESS = re.compile(r'(process ".{120}).+(" did not complete)', re.DOTALL)
_LAST_LINES = 20
_CANCELLED = "context canceled"
_CACHES = (
    "importing cache manifest from ",
    "exporting cache to ",
)  # steps of BuildKit's own: llbsolver/bridge.go, …
_ABSENT = "not found"


@dataclass(frozen=True, slots=True)
class Warning:
    """What a build check or the solver warned of; `line` counts from 1 in the Dockerfile, 0 where it names none."""

    line: int
    message: str
    rule: str = ""
    url: str = ""

    def to_json(self) -> dict[str, object]:
        """The warning as data."""
        return {"line": self.line, "rule": self.rule, "message": self.message, "url": self.url}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a build failed: BuildKit's words, the lines of the Dockerfile (first and last, from 1) where it named them,
    the step, and the step's last lines of output."""

    message: str
    lines: tuple[int, int] | None = None
    step: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a build did: how many steps ran, how many came from the cache, and what was warned of.

    Reading and writing caches is no step; what went wrong with it is among the warnings, under the rule `Cache`.
    """

    ran: int = 0
    cached: int = 0
    warnings: tuple[Warning, ...] = ()
    failure: Failure | None = None


def read_report(text: str, *, failed: bool) -> Report:
    """The report in what the client wrote to its standard error; lines that are not understood count as words."""
    vertices: dict[str, dict[str, Any]] = {}
    logs: dict[str, list[bytes]] = {}
    warnings: dict[Warning, None] = {}
    words: list[str] = []
    for line in text.splitlines():
        status = _status(line)
        if status is None:
            words.append(line)
            continue
        for vertex in _list(status, "vertexes"):
            vertices.setdefault(str(vertex.get("digest")), {}).update(vertex)
        for log in _list(status, "logs"):
            logs.setdefault(str(log.get("vertex")), []).append(_bytes(log.get("data")))
        warnings |= dict.fromkeys(_warning(one) for one in _list(status, "warnings"))
    caches = {d: v for d, v in vertices.items() if str(v.get("name", "")).startswith(_CACHES)}
    steps = {d: v for d, v in vertices.items() if d not in caches}
    warnings |= dict.fromkeys(_untouched(one) for one in caches.values() if _matters(one))
    done = [v for v in steps.values() if v.get("completed") and not _internal(v)]
    return Report(
        ran=sum(not v.get("cached") for v in done),
        cached=sum(bool(v.get("cached")) for v in done),
        warnings=tuple(warnings),
        failure=_failure(words, steps, logs) if failed else None,
    )


def _failure(
    words: list[str], vertices: Mapping[str, Mapping[str, Any]], logs: Mapping[str, list[bytes]]
) -> Failure:
    text = "\n".join(words)
    error = next((i for i, line in reversed(list(enumerate(words))) if line.startswith("error: ")), None)
    message = _SOLVE.sub("", "\n".join(words[error:]).strip()) if error is not None else _tail(text)
    broken = [d for d, v in vertices.items() if v.get("error") and _CANCELLED not in str(v["error"])]
    step = str(vertices[broken[0]].get("name", "")) if broken else ""
    output = b"".join(logs.get(broken[0], [])).decode(errors="replace") if broken else ""
    numbers = [int(n[:9]) for n in _MARKED.findall(text)]
    if not numbers and (named := _ON_LINE.search(message)):
        numbers = [int(named[1][:9])]
    lines = (min(numbers), max(numbers)) if numbers else None
    return Failure(_LONG_PROCESS.sub(r"\1…\2", message), lines, step, _tail(output))


def _matters(vertex: Mapping[str, Any]) -> bool:
    """Whether a cache failed: one that nobody wrote yet did not."""
    error = str(vertex.get("error") or "")
    reads = str(vertex["name"]).startswith(_CACHES[0])
    return bool(error) and _CANCELLED not in error and not (reads and error.endswith(_ABSENT))


def _untouched(vertex: Mapping[str, Any]) -> Warning:
    """A cache that was not read or not written, which is no failure of the build."""
    return Warning(0, f"{vertex['name']}: {_tail(str(vertex['error']), 1)}", "Cache")


def _status(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _list(status: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    found = status.get(key)
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _warning(data: Mapping[str, Any]) -> Warning:
    short = _bytes(data.get("short")).decode(errors="replace")
    rule, colon, message = short.partition(": ")
    named = bool(colon) and rule.isidentifier()
    starts = [
        r.get("start", {}).get("line") for r in _list(data, "range") if isinstance(r.get("start"), dict)
    ]
    line = next((n for n in starts if isinstance(n, int) and n > 0), 0)
    return Warning(line, message if named else short, rule if named else "", str(data.get("url") or ""))


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (ValueError, binascii.Error):
        return b""


def _internal(vertex: Mapping[str, Any]) -> bool:
    return str(vertex.get("name", "")).startswith("[internal]")


def _tail(text: str, count: int = _LAST_LINES) -> str:
    lines: Iterable[str] = _ANSI.sub("", text).replace("\r\n", "\n").rstrip().splitlines()
    return "\n".join(list(lines)[-count:])
