"""Reads what `buildctl --progress=rawjson` wrote: steps, warnings of build checks, and why a build failed.

Each line that is an object is a SolveStatus (BuildKit's client/graph.go). For a build that failed, they are followed by
the lines of the Dockerfile where it failed, and the error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.model.build_warning import BuildWarning
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import parse_json

CACHE = "Cache"
"""The rule of warnings about a cache rather than the Dockerfile."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MARKED_LINE = re.compile(r"^ *([0-9]{1,9}) \| >>> ", re.MULTILINE)
_ON_LINE = re.compile(r"\bon line ([0-9]{1,9})\b")
_PREFIXES = re.compile(r"^(?:error: )?(?:failed to solve: )*")
_LINT_LINE = re.compile(r" \(line \d+\)\Z")  # of the generated Dockerfile, which `range` has as well
_PROCESS, _INCOMPLETE = 'process "', '" did not complete'
_MOST_LINES = 20
_LONGEST_LINE = 2000
_LONGEST_COMMAND = 120
_LONGEST_STEP = 160
_CANCELLED = "context canceled"
_CACHE_STEPS = (
    "importing cache manifest from ",
    "exporting cache to ",
)  # steps of BuildKit's own: llbsolver/bridge.go, …
_NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a build failed: BuildKit's message, the lines of the Dockerfile (first and last, from 1) if it named them,
    the step, and the last lines of the step's output."""

    message: str
    lines: tuple[int, int] | None = None
    step: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How many steps of a build ran, how many came from the cache, and its warnings.

    Reading and writing caches are not steps; their failures are warnings of the rule `Cache`.
    """

    ran: int = 0
    cached: int = 0
    warnings: tuple[BuildWarning, ...] = ()
    failure: Failure | None = None


def read_result(text: str) -> tuple[int, Mapping[str, Any], str]:
    """What a client left: its exit code, the metadata of what it built, and its standard error.

    Raises ValueError for anything else.
    """
    code, _, rest = text.partition("\n")
    metadata, end = json.JSONDecoder().raw_decode(rest)
    return int(code), metadata, rest[end:].lstrip("\n")


def read_report(text: str, *, failed: bool) -> BuildReport:
    """The report from the client's standard error; lines that are not a status are part of the message."""
    vertices: dict[str, dict[str, object]] = {}
    logs: dict[str, list[bytes]] = {}
    warnings: dict[BuildWarning, None] = {}
    other_lines: list[str] = []
    for line in text.split("\n"):  # names contain other line ends, which JSON does not escape
        status = _status(line)
        if status is None:
            other_lines.append(line)
            continue
        for vertex in _list(status, "vertexes"):
            vertices.setdefault(str(vertex.get("digest")), {}).update(vertex)
        for log in _list(status, "logs"):
            logs.setdefault(str(log.get("vertex")), []).append(_bytes(log.get("data")))
        warnings |= dict.fromkeys(_warning(data) for data in _list(status, "warnings"))
    caches = {d: v for d, v in vertices.items() if str(v.get("name", "")).startswith(_CACHE_STEPS)}
    steps = {d: v for d, v in vertices.items() if d not in caches}
    warnings |= dict.fromkeys(_cache_warning(step) for step in caches.values() if _cache_failed(step))
    completed = [v for v in steps.values() if v.get("completed") and not _internal(v)]
    return BuildReport(
        ran=sum(not v.get("cached") for v in completed),
        cached=sum(bool(v.get("cached")) for v in completed),
        warnings=tuple(warnings),
        failure=_failure(other_lines, steps, logs) if failed else None,
    )


def current(tail: str) -> str:
    """What a build is doing, from its last events (the first line may be cut): a step's name, or the last line that a
    step wrote; empty if there is neither."""
    for line in reversed(tail.split("\n")):
        status = _status(line)
        if status is None:
            continue
        written = b"".join(_bytes(log.get("data")) for log in _list(status, "logs"))
        output = _tail(written.decode(errors="replace"), 1).strip()
        started = [str(v.get("name", "")) for v in _list(status, "vertexes") if v.get("started")]
        names = (name for name in reversed(started) if not name.startswith("[internal]"))
        if step := output or next(names, ""):
            return step[:_LONGEST_STEP]
    return ""


def _failure(
    lines: list[str], vertices: Mapping[str, Mapping[str, object]], logs: Mapping[str, list[bytes]]
) -> Failure:
    text = "\n".join(lines)
    error = next((i for i, line in enumerate(lines) if line.startswith("error: ")), None)
    message = _PREFIXES.sub("", "\n".join(lines[error:]).strip()) if error is not None else _tail(text)
    broken = _broken(vertices, message)
    step = str(vertices[broken].get("name", "")) if broken is not None else ""
    output = b"".join(logs.get(broken, [])).decode(errors="replace") if broken is not None else ""
    numbers = [int(n) for n in _MARKED_LINE.findall(text)]
    if not numbers and (named := _ON_LINE.search(message)):
        numbers = [int(named[1])]
    position = (min(numbers), max(numbers)) if numbers else None
    return Failure(_shortened(message), position, step, _tail(output))


def _broken(vertices: Mapping[str, Mapping[str, object]], message: str) -> str | None:
    """The step whose error is in the message, else the first that was not cancelled."""
    errors = {d: str(v["error"]) for d, v in vertices.items() if v.get("error")}
    not_cancelled = [d for d, error in errors.items() if _CANCELLED not in error]
    return next(
        (d for d in not_cancelled if errors[d] in message), not_cancelled[0] if not_cancelled else None
    )


def _shortened(message: str) -> str:
    """The message with a long command cut; the line of the Dockerfile identifies its instruction."""
    start, end = message.find(_PROCESS), message.rfind(_INCOMPLETE)
    cut = start + len(_PROCESS) + _LONGEST_COMMAND
    whole = f"{message[:cut]}…{message[end:]}" if start >= 0 and end > cut else message
    return _cut(whole.splitlines()[:_MOST_LINES])


def _cut(lines: list[str]) -> str:
    """The lines, long ones cut."""
    return "\n".join(f"{line[:_LONGEST_LINE]}…" if len(line) > _LONGEST_LINE else line for line in lines)


def _cache_failed(vertex: Mapping[str, object]) -> bool:
    """Whether a cache failed; one that was never written did not."""
    error = str(vertex.get("error") or "")
    reads = str(vertex["name"]).startswith(_CACHE_STEPS[0])
    return bool(error) and _CANCELLED not in error and not (reads and error.endswith(_NOT_FOUND))


def _cache_warning(vertex: Mapping[str, object]) -> BuildWarning:
    """A cache that was not read or written, which fails no build."""
    return BuildWarning(0, f"{vertex['name']}: {_tail(str(vertex['error']), 1)}", CACHE)


def _status(line: str) -> Mapping[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        status = parse_json(line.encode())
    except ValueError:
        return None
    return status if isinstance(status, dict) else None


def _list(status: Mapping[str, object], key: str) -> Iterator[Mapping[str, object]]:
    entries = status.get(key)
    yield from (entry for entry in entries if isinstance(entry, dict)) if isinstance(entries, list) else ()


def _warning(data: Mapping[str, object]) -> BuildWarning:
    short = _bytes(data.get("short")).decode(errors="replace")
    rule, colon, message = short.partition(": ")
    named = bool(colon) and rule.isidentifier()
    line = next((number for r in _list(data, "range") if (number := _first_line(r)) > 0), 0)
    text = message if named else short
    text = _LINT_LINE.sub("", text) if line else text
    return BuildWarning(line, text, rule if named else "", str(data.get("url") or ""))


def _first_line(position: Mapping[str, object]) -> int:
    """The line (from 1) where a range of the Dockerfile starts; 0 where it does not say."""
    start = position.get("start")
    line = start.get("line") if isinstance(start, dict) else None
    return line if isinstance(line, int) and not isinstance(line, bool) else 0


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (ValueError, binascii.Error):
        return b""


def _internal(vertex: Mapping[str, object]) -> bool:
    return str(vertex.get("name", "")).startswith("[internal]")


def _tail(text: str, count: int = _MOST_LINES) -> str:
    return _cut(_ANSI.sub("", text).replace("\r\n", "\n").rstrip().splitlines()[-count:])
