"""What a Dockerfile stands on, and the two edits made to it: COPY rootfs/ put in, bases replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pipeline.model import Platform

from .expand import expand
from .scan import Dockerfile, Instruction, Word, scan

_NAMES_IMAGE = re.compile(r"--from=|--mount=(?:.*,)?from=", re.IGNORECASE)
_BUILD_PLATFORM = frozenset(("BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT"))


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


@lru_cache(maxsize=_KEPT)
def find_bases(text: str, platform: Platform) -> Uses:
    """The images in FROM, COPY --from and RUN --mount=from, for one platform; stages and `scratch` left out.

    Variables in FROM are those of ARG before the first FROM (their defaults) and the `TARGET…` ones.
    """
    defaults: dict[str, str | None] = _target_variables(platform)
    found = scanned(text)
    every = [_alias(i) for i in found.instructions if i.keyword == "FROM"]
    stages: list[str] = []
    bases: list[BaseUse] = []
    problems: list[tuple[int, str]] = []
    for instruction in found.instructions:
        if instruction.keyword == "ARG" and not stages:
            _take_arguments(instruction, defaults, found.escape)
        elif instruction.keyword == "FROM":
            try:
                use = _from(instruction, defaults, platform, found.escape)
            except ValueError as error:
                problems.append((instruction.line, str(error)))
                stages.append(_alias(instruction))
                continue
            if use.name != "scratch" and use.name not in stages:
                bases.append(use)
            stages.append(_alias(instruction))
        elif instruction.keyword in ("COPY", "ADD", "RUN"):
            try:
                words = _froms(instruction, found.escape)
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


def final_base(text: str, platform: Platform) -> BaseUse | None:
    """The image that the last stage stands on, through stages it is built from; None for `scratch`."""
    froms = [i for i in scanned(text).instructions if i.keyword == "FROM" and i.words]
    by_line = {use.line: use for use in find_bases(text, platform).bases if use.instruction == "FROM"}
    number = len(froms) - 1
    while number >= 0:
        if froms[number].line in by_line:
            return by_line[froms[number].line]
        name = froms[number].words[0].text  # as it stands: stages are called in lower case
        number = next((n for n in reversed(range(number)) if _alias(froms[n]) == name), -1)
    return None


def rewrite_uses(text: str, platform: Platform, choose: Callable[[BaseUse], str | None]) -> str:
    """The same text with what `choose` gives in place of each image; None leaves it. Not a byte else changes."""
    edits = [(use.start, use.end, choose(use)) for use in find_bases(text, platform).bases]
    for start, end, new in sorted(edits, reverse=True):
        if new is not None:
            text = text[:start] + new + text[end:]
    return text


def rewrite_bases(text: str, platform: Platform, names: Mapping[str, str]) -> str:
    """The same text with images replaced by name (as `BaseUse.name` has it)."""
    return rewrite_uses(text, platform, lambda use: names.get(use.name))


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


def _target_variables(platform: Platform) -> dict[str, str | None]:
    return {
        "TARGETPLATFORM": str(platform),
        "TARGETOS": platform.os,
        "TARGETARCH": platform.architecture,
        "TARGETVARIANT": platform.variant or "",
    }


def _take_arguments(instruction: Instruction, values: dict[str, str | None], escape: str) -> None:
    for word in (*instruction.flags, *instruction.words):
        name, equals, default = word.text.partition("=")
        if equals:
            try:
                values[name] = expand(default, values, escape)
            except ValueError:  # told where it is used
                values[name] = None


def _from(instruction: Instruction, values: Mapping[str, str | None], own: Platform, escape: str) -> BaseUse:
    if not instruction.words:
        raise ValueError("FROM names no image")
    word = instruction.words[0]
    name = expand(word.text, values, escape)
    if not name:
        raise ValueError(f"FROM {word.text}: the name is empty; give the ARG a default")
    flag = instruction.flag("platform")
    if flag is None:
        return BaseUse(name, instruction.line, word.start, word.end, "FROM")
    if any(variable in flag.text for variable in _BUILD_PLATFORM):
        return BaseUse(name, instruction.line, word.start, word.end, "FROM", on_build_platform=True)
    platform = Platform.parse(expand(flag.text, values, escape))
    return BaseUse(
        name, instruction.line, word.start, word.end, "FROM", None if platform == own else platform
    )


def _alias(instruction: Instruction) -> str:
    words = instruction.words
    return words[2].text.lower() if len(words) >= 3 and words[1].text.upper() == "AS" else "\0"


def _froms(instruction: Instruction, escape: str) -> list[Word]:
    """The values of --from and --mount=from=. Raises ValueError for one in quotes, which could not be replaced."""
    out = []
    for flag in instruction.flags:
        plain = flag.text.translate(dict.fromkeys(map(ord, f"\"'{escape}")))
        split = flag.text.count('"') % 2 or flag.text.count("'") % 2  # a quoted space
        if split or (plain != flag.text and _NAMES_IMAGE.match(plain)):
            raise ValueError(f"{flag.text[:80]}: write --from and --mount without quotes and escapes")
    if instruction.keyword != "RUN":
        word = instruction.flag("from")
        return [word] if word is not None and word.text else []
    for mount in instruction.flag_values("mount"):
        at = mount.start
        for part in mount.text.split(","):
            if part[:5].lower() == "from=":
                out.append(Word(part[5:], at + 5, at + len(part)))
            at += len(part) + 1
    return out


def _is_stage(name: str, stages: list[str], *, by_number: bool) -> bool:
    """Whether COPY or RUN names a stage, above it or below, and not an image."""
    if name == "scratch" or name.lower() in stages:
        return True
    return by_number and name.isascii() and name.isdecimal() and int(name[:9]) < len(stages)
