"""What a Dockerfile stands on, and the two edits made to it: COPY rootfs/ put in, bases replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from pipeline.model import Platform

from .expand import Unresolved, expand
from .mounts import fields
from .scan import Dockerfile, Instruction, scan
from .words import Word

_BUILD_PLATFORM = ("BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BaseUse:
    """One place where a Dockerfile names an image: the name, its line, and where the text stands."""

    name: str  # with variables replaced
    line: int
    start: int
    end: int
    instruction: str  # FROM, COPY, ADD or RUN
    platform: Platform | None = None  # FROM --platform=…, when it is not the target's own
    on_build_platform: bool = False  # FROM --platform=$BUILDPLATFORM, which depends on the engine


@dataclass(frozen=True, slots=True)
class Uses:
    """Every image that a Dockerfile names, the number of its stages, and what could not be understood."""

    bases: tuple[BaseUse, ...]
    stages: int
    problems: tuple[tuple[int, str], ...]


_KEPT = 16_384  # texts: more than the targets of a large catalogue


@lru_cache(maxsize=_KEPT)
def scanned(text: str) -> Dockerfile:
    """As `scan`, once for each text."""
    return scan(text)


def find_bases(text: str, platform: Platform, arguments: Mapping[str, str] = _NOTHING) -> Uses:
    """The images in FROM, COPY --from and RUN --mount=from, for one platform; stages and `scratch` left out.

    Variables in FROM are the `TARGET…` ones and those of ARG before the first FROM: the build argument of that
    name, else the default, else nothing.
    """
    return _find_bases(text, platform, tuple(sorted(arguments.items())))


@lru_cache(maxsize=_KEPT)
def _find_bases(text: str, platform: Platform, arguments: tuple[tuple[str, str], ...]) -> Uses:
    found = scanned(text)
    every = [_alias(i) for i in found.instructions if i.keyword == "FROM"]
    stage = every[-1] if every and every[-1] != "\0" else "default"
    variables = _Variables(
        {**target_variables(platform), "TARGETSTAGE": stage}, dict(arguments), found.escape
    )
    stages: list[str] = []
    bases: list[BaseUse] = []
    problems: list[tuple[int, str]] = []
    for instruction in found.instructions:
        if instruction.keyword == "ARG" and not stages:
            variables.take(instruction)
        elif instruction.keyword == "FROM":
            try:
                use = _from(instruction, variables, platform)
            except ValueError as error:
                problems.append((instruction.line, str(error)))
                stages.append(_alias(instruction))
                continue
            if use.name != "scratch" and use.name not in stages:
                bases.append(use)
            stages.append(_alias(instruction))
        elif instruction.keyword in ("COPY", "ADD", "RUN"):
            try:
                words = _froms(instruction, text)
            except ValueError as error:
                problems.append((instruction.line, str(error)))
                continue
            for word in words:
                if not _is_stage(word.text, every, by_number=instruction.keyword == "COPY"):
                    bases.append(
                        BaseUse(word.text, instruction.line, word.start, word.end, instruction.keyword)
                    )
    if not stages:
        problems.append((1, "there is no FROM"))
    return Uses(tuple(bases), len(stages), tuple(problems))


def final_base(text: str, platform: Platform, arguments: Mapping[str, str] = _NOTHING) -> BaseUse | None:
    """The image that the last stage stands on, through stages it is built from; None for `scratch`."""
    froms = [i for i in scanned(text).instructions if i.keyword == "FROM" and i.words]
    bases = find_bases(text, platform, arguments).bases
    by_line = {use.line: use for use in bases if use.instruction == "FROM"}
    number = len(froms) - 1
    while number >= 0:
        if froms[number].line in by_line:
            return by_line[froms[number].line]
        name = froms[number].words[0].text  # as it stands: stages are called in lower case
        number = next((n for n in reversed(range(number)) if _alias(froms[n]) == name), -1)
    return None


def rewrite_uses(
    text: str,
    platform: Platform,
    choose: Callable[[BaseUse], str | None],
    arguments: Mapping[str, str] = _NOTHING,
) -> str:
    """The same text with what `choose` gives in place of each image; None leaves it. Not a byte else changes."""
    edits = [(use.start, use.end, choose(use)) for use in find_bases(text, platform, arguments).bases]
    for start, end, new in sorted(edits, reverse=True):
        if new is not None:
            text = text[:start] + new + text[end:]
    return text


def rewrite_bases(
    text: str, platform: Platform, names: Mapping[str, str], arguments: Mapping[str, str] = _NOTHING
) -> str:
    """The same text with images replaced by name (as `BaseUse.name` has it)."""
    return rewrite_uses(text, platform, lambda use: names.get(use.name), arguments)


def declared_arguments(text: str) -> frozenset[str]:
    """The names of every ARG, in whatever stage."""
    return frozenset(
        word.text.partition("=")[0]
        for instruction in scanned(text).instructions
        if instruction.keyword == "ARG"
        for word in (*instruction.flags, *instruction.words)
    )


def copies_rootfs(text: str) -> bool:
    """Whether the Dockerfile copies rootfs/ from its context by itself."""
    for instruction in scanned(text).instructions:
        if instruction.keyword in ("COPY", "ADD") and instruction.flag("from") is None:
            sources = instruction.words[:-1]
            if any(_is_rootfs(word.text.strip("[\"',")) for word in sources):
                return True
    return False


def inject_rootfs(text: str, user: str) -> str:
    """Put `COPY --chown=<user> rootfs/ /` behind the first FROM, unless rootfs/ is copied already."""
    if copies_rootfs(text):
        return text
    first = next((i for i in scanned(text).instructions if i.keyword == "FROM"), None)
    if first is None:
        return text
    head, tail = text[: first.end], text[first.end :]
    newline = "" if head.endswith("\n") else "\n"
    return f"{head}{newline}COPY --chown={user} rootfs/ /\n{tail}"


def injected_line(text: str) -> int:
    """The line (from 1) behind the first FROM: where `inject_rootfs` puts its COPY. 0 without a FROM."""
    first = next((i for i in scanned(text).instructions if i.keyword == "FROM"), None)
    return text.count("\n", 0, first.end) + 1 if first else 0


def _is_rootfs(source: str) -> bool:
    source = source.removeprefix("./").lstrip("/")
    return source == "rootfs" or source.startswith("rootfs/")


def target_variables(platform: Platform) -> dict[str, str]:
    """What every build has from the platform that it is for."""
    return {
        "TARGETPLATFORM": str(platform),
        "TARGETOS": platform.os,
        "TARGETOSVERSION": "",
        "TARGETARCH": platform.architecture,
        "TARGETVARIANT": platform.variant or "",
    }


class _Variables:
    """What FROM may say: the platform's variables, and the ARGs above the first FROM."""

    def __init__(self, given: Mapping[str, str], arguments: Mapping[str, str], escape: str) -> None:
        self._arguments, self._escape = arguments, escape
        self._values: dict[str, str | None] = {**dict.fromkeys(_BUILD_PLATFORM), **given}
        self._declared: set[str] = set()

    def take(self, instruction: Instruction) -> None:
        """Add those of an ARG."""
        for word in (*instruction.flags, *instruction.words):
            name, equals, default = word.text.partition("=")
            self._declared.add(name)
            if name in self._arguments:
                self._values[name] = self._arguments[name]
            elif equals:
                try:
                    self._values[name] = self.expand(default)
                except ValueError:  # told where it is used
                    self._values[name] = None

    def expand(self, text: str) -> str:
        """A word with its variables replaced. Raises ValueError."""
        return expand(text, self._values, self._escape, self._declared)


def _from(instruction: Instruction, variables: _Variables, own: Platform) -> BaseUse:
    if not instruction.words:
        raise ValueError("FROM names no image")
    word = instruction.words[0]
    name = variables.expand(word.text)
    if not name or (name != word.text and name[-1] in ":@/"):
        raise ValueError(
            f"FROM {word.text} is {name or 'empty'}: give its ARG a default, or a value in args:"
        )
    flag = instruction.flag("platform")
    if flag is None:
        return BaseUse(name, instruction.line, word.start, word.end, "FROM")
    try:
        platform = Platform.parse(variables.expand(flag.text))
    except Unresolved:
        if not any(variable in flag.text for variable in _BUILD_PLATFORM):
            raise
        return BaseUse(name, instruction.line, word.start, word.end, "FROM", on_build_platform=True)
    return BaseUse(
        name, instruction.line, word.start, word.end, "FROM", None if platform == own else platform
    )


def _alias(instruction: Instruction) -> str:
    words = instruction.words
    return words[2].text.lower() if len(words) >= 3 and words[1].text.upper() == "AS" else "\0"


def _froms(instruction: Instruction, text: str) -> list[Word]:
    """The values of --from and --mount=from=. Raises ValueError for one that could not be replaced."""
    if instruction.keyword != "RUN":
        word = instruction.flag("from")
        return [_replaceable(word, word.text, text)] if word is not None and word.text else []
    found = ((mount, fields(mount.text)) for mount in instruction.flag_values("mount"))
    return [
        _replaceable(mount, name, text, "from=")
        for mount, keys in found
        if (name := keys.get("from")) is not None
    ]


def _replaceable(flag: Word, name: str, text: str, key: str = "") -> Word:
    """Where a name stands in a flag's value, inside its quotes if there are any."""
    quotes = "[\"']*"
    if flag.plain and not key:
        return flag
    pattern = re.compile(f"[,=](?i:{quotes}{key}){quotes}({re.escape(name)})(?={quotes}(?:,|$))")
    places = list(pattern.finditer(text, flag.start - 1, flag.end))
    if len(places) != 1:
        raise ValueError(f"{flag.text[:80]}: write the image's name without quotes and escapes")
    return Word(name, places[0].start(1), places[0].end(1))


def _is_stage(name: str, stages: list[str], *, by_number: bool) -> bool:
    """Whether COPY or RUN names a stage, above it or below, and not an image."""
    if name == "scratch" or name.lower() in stages:
        return True
    return by_number and name.isascii() and name.isdecimal() and int(name[:9]) < len(stages)
