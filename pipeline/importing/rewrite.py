"""Rewrite a Dockerfile as a template: the same bytes, except for the sources of COPY and the user's own images in
FROM."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from itertools import dropwhile
from types import MappingProxyType

from pipeline.dockerfile.arguments import global_variables
from pipeline.dockerfile.base_uses import BaseUse
from pipeline.dockerfile.bases import find_bases
from pipeline.dockerfile.instructions import Dockerfile, Instruction, scanned
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

PREFIX = "rootfs/"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_REMOTE = ("http://", "https://", "git@", "git://", "ssh://")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SPECIAL = re.compile(r"\{[{%#]")
_RUN = re.compile(r"[{\r]+[%#]?")
_VALUE = re.compile(r"^\s*(?:ARG|ENV)\s+([A-Za-z_][A-Za-z0-9_]*)[= ]([^\s]*)", re.MULTILINE | re.IGNORECASE)
_GIVEN = re.compile(r"SOURCE_DATE_EPOCH|BUILDKIT_.*|(?i:(?:https?|ftp|all|no)_proxy)")  # by the build itself
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


@dataclass
class Taken:
    """What a Dockerfile uses from its context, and what the user must check (line, text)."""

    sources: list[str] = field(default_factory=list)  # cleaned: no leading / or ./; `.` is the whole context
    places: list[tuple[int, str, str]] = field(
        default_factory=list
    )  # line, as written, cleaned; plain paths only
    by_hand: list[tuple[int, str]] = field(default_factory=list)
    edits: list[tuple[int, int, str]] = field(default_factory=list)


def rewrite(
    text: str,
    platform: Platform,
    choose: Callable[[BaseUse], str | None],
    arguments: Mapping[str, str] = _NOTHING,
) -> tuple[str, Taken]:
    """The text with every source from the context moved below rootfs/, and images replaced by the result of
    `choose`. `arguments` are those of the build."""
    taken = Taken()
    file = scanned(text)
    _without_value(file, global_variables(text, platform, arguments).keys() | arguments.keys(), taken)
    for instruction in file.instructions:
        if instruction.keyword in ("COPY", "ADD") and instruction.flag("from") is None:
            _copy(file, instruction, taken)
        elif instruction.keyword == "RUN":
            _mounts(instruction, taken)
        elif instruction.keyword == "ONBUILD" and _onbuild_takes(instruction):
            taken.by_hand.append(
                (
                    instruction.line,
                    "ONBUILD takes files of the images based on this one: write rootfs/ before them",
                )
            )
    edits = [*taken.edits]
    for use in find_bases(text, platform, arguments).bases:
        new = choose(use)
        if new is not None:
            edits.append((use.start, use.end, new))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text, taken


def as_template(text: str) -> str:
    """A template that renders to exactly this text: lines with template syntax are put in raw blocks."""
    if "\r" not in text and not _SPECIAL.search(text):
        return text
    return "".join(_line(line) for line in text.split("\n") for line in (line, "\n"))[:-1]


def _line(line: str) -> str:
    if "\r" not in line and not _SPECIAL.search(line):
        return line
    if "\r" not in line and "endraw" not in line:
        return "{% raw %}" + line + "{% endraw %}"
    return _RUN.sub(lambda run: run[0] if run[0] == "{" else f"{{{{ {json.dumps(run[0])} }}}}", line)


def _copy(file: Dockerfile, instruction: Instruction, taken: Taken) -> None:
    words = instruction.words
    keep = (
        "./"
        if any(f.text.startswith("--parents") and f.text != "--parents=false" for f in instruction.flags)
        else ""
    )
    if any(f.text.startswith("--exclude") for f in instruction.flags):
        taken.by_hand.append(
            (instruction.line, "--exclude is kept as it is: see that it still leaves out what it should")
        )
    if words and words[0].text.startswith("["):
        start, end = words[0].start, words[-1].end
        strings = list(_STRING.finditer(file.text, start, end))
        if not strings or not file.text[start:end].endswith("]"):
            taken.by_hand.append(
                (instruction.line, "a list that is not JSON: write rootfs/ before its sources")
            )
            return
        for match in strings[:-1]:
            try:
                source = str(json.loads(match[0]))
            except (ValueError, RecursionError):
                source = match[0].strip('"')
            _source(file, instruction, source, match.start() + 1, keep, taken)
        return
    for word in words[:-1]:
        if "<<" not in word.text:
            quoted = word.text[:1] in ("'", '"')
            _source(file, instruction, word.text[quoted:], word.start + quoted, keep, taken)


def _source(
    file: Dockerfile, instruction: Instruction, source: str, at: int, keep: str, taken: Taken
) -> None:
    bare = source.strip("\"'")
    if bare.startswith(_REMOTE):
        return
    if instruction.keyword == "ADD" and bare.startswith("$"):
        match = _VARIABLE.match(bare)
        value = dict(_VALUE.findall(file.text)).get(match[1], "") if match else ""
        if value.strip("\"'").startswith(_REMOTE):
            return
        if not value:
            message = f"ADD {source}: where that leads is not known; write rootfs/ before it if it is a file"
            taken.by_hand.append((instruction.line, message))
            return
    taken.sources.append("." if "$" in bare else clean(bare))
    if "$" not in bare:
        taken.places.append((instruction.line, f"{instruction.keyword} {bare}", clean(bare)))
    if ".." in bare.split("/"):  # a build cannot leave its context: ../a is a
        if "$" in bare or file.text[at : at + len(source)] != source:
            message = f"{instruction.keyword} {source}: write rootfs/ before it, and no .."
            taken.by_hand.append((instruction.line, message))
        else:
            taken.edits.append((at, at + len(source), PREFIX + clean(bare)))
        return
    if "/./" in bare:
        keep = ""
    taken.edits.append((at, at, PREFIX + keep))


def _mounts(instruction: Instruction, taken: Taken) -> None:
    for mount in instruction.flag_values("mount"):
        parts, at = {}, mount.start
        for part in mount.text.split(","):
            name, _, value = part.partition("=")
            parts[name.strip("\"'").lower()] = (value, at + len(name) + 1)
            at += len(part) + 1
        if parts.get("type", ("bind", 0))[0] != "bind" or "from" in parts:
            continue
        if "rw" in parts or "readwrite" in parts:
            message = "a bind mount that is written to (rw) stops the engine: copy the files instead"
            taken.by_hand.append((instruction.line, message))
        if not mount.plain:
            message = "--mount in quotes: write rootfs/ before its source"
            taken.by_hand.append((instruction.line, message))
            taken.sources.append(".")
            continue
        value, start = parts.get("source") or parts.get("src") or ("", 0)
        taken.sources.append("." if "$" in value or not value else clean(value))
        if value and "$" not in value:
            taken.places.append((instruction.line, f"RUN --mount={mount.text}", clean(value)))
        taken.edits.append((start, start, PREFIX) if value else (mount.end, mount.end, f",source={PREFIX}"))


def _without_value(file: Dockerfile, known: Collection[str], taken: Taken) -> None:
    """Report arguments of stages that have a value in no line: builds may have used --build-arg."""
    valued = set(known)
    stages = dropwhile(lambda i: i.keyword != "FROM", file.instructions)
    arguments = [(i.line, w.text) for i in stages if i.keyword == "ARG" for w in i.words]
    valued |= {text.partition("=")[0] for _, text in arguments if "=" in text}
    reported: set[str] = set()
    for line, name in arguments:
        if "=" in name or name in valued | reported or _GIVEN.fullmatch(name):
            continue
        reported.add(name)
        message = (
            f"ARG {name} has no value: if builds use --build-arg {name}=…, import with it, or write it to args: of"
            " image.yml"
        )
        taken.by_hand.append((line, message))


def triggers(text: str) -> bool:
    """Whether a Dockerfile has ONBUILD instructions that take files from the context of other builds."""
    return any(i.keyword == "ONBUILD" and _onbuild_takes(i) for i in scanned(text).instructions)


def _onbuild_takes(instruction: Instruction) -> bool:
    words = [w.text for w in instruction.words]
    if instruction.later and instruction.later.keyword == "RUN":
        mounts = [dict(_fields(mount.text)) for mount in instruction.later.flag_values("mount")]
        return any(m.get("type", "bind") == "bind" and "from" not in m for m in mounts)
    return (
        bool(words)
        and words[0].upper() in ("COPY", "ADD")
        and not any(w.startswith(("--from=", "<<", *_REMOTE)) for w in words)
    )


def _fields(mount: str) -> Iterator[tuple[str, str]]:
    for part in mount.split(","):
        name, _, value = part.partition("=")
        yield name.strip("\"'").lower(), value.strip("\"'")


def clean(source: str) -> str:
    """A source as a path below the context: `./a/`, `/a` and `a` are the same; the context itself is `.`."""
    parts: list[str] = []
    for part in source.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."
