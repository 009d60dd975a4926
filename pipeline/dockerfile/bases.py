"""The images that a Dockerfile is based on, and two edits: insert COPY rootfs/, replace bases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType

from pipeline.model import Platform, Reference

from .arguments import BUILD_PLATFORMS, Variables, stage_name
from .base_uses import BaseUse, Below, Uses
from .expand import TooLong, Unresolved
from .image_names import named_images, names_stage
from .instructions import Instruction, refused, scanned
from .words import unquoted

_NOTHING: Mapping[str, str] = MappingProxyType({})


_KEPT = 16_384  # texts: more than the targets of a large catalogue


def context_name(name: str) -> str | None:
    """The name that a named context needs to replace an image or a stage of this name."""
    try:
        return Reference.parse(name).familiar.removesuffix(":latest")
    except ValueError:
        return None


def find_bases(
    text: str,
    platform: Platform,
    arguments: Mapping[str, str] = _NOTHING,
    contexts: Collection[str] = (),
) -> Uses:
    """The images in FROM, COPY --from and RUN --mount=from, for one platform, without stages and `scratch`.

    Variables in FROM are the `TARGET…` ones and those of ARG before the first FROM: the build argument of that name,
    otherwise the default, otherwise empty. An image that one of the named `contexts` replaces is not a base.
    """
    return _find_bases(text, platform, tuple(sorted(arguments.items())), frozenset(contexts))


@lru_cache(maxsize=_KEPT)
def _find_bases(
    text: str, platform: Platform, arguments: tuple[tuple[str, str], ...], contexts: frozenset[str]
) -> Uses:
    file = scanned(text)
    if (wrong := refused(file)) is not None:
        return Uses((), (), ((wrong[0], wrong[2]),), faulty=wrong[1])
    names = [stage_name(i) for i in file.instructions if i.keyword == "FROM"]
    every = frozenset(names)
    variables = Variables(file, platform, dict(arguments))
    stages: list[str] = []
    numbers: dict[str, int] = {}  # of the last stage of each name
    froms: list[Below] = []
    uses: list[BaseUse] = []
    problems: list[tuple[int, str]] = []
    skipped: set[int] = set()
    missing: dict[Platform, int] = {}
    for instruction in file.instructions:
        if instruction.keyword == "ARG" and not stages:
            try:
                variables.take(instruction)
            except TooLong as error:
                problems.append((instruction.line, str(error)))
        elif instruction.keyword == "FROM":
            name = stage_name(instruction)
            try:
                froms.append(below := _below(instruction, variables, numbers))
                if isinstance(below, Mapping):
                    missing |= {p: instruction.line for p in BUILD_PLATFORMS if p not in below}
            except ValueError as error:
                problems.append((instruction.line, str(error)))
                froms.append(None)
            if contexts and name and context_name(name) in contexts:
                skipped.add(len(stages))
                froms[-1] = None
            elif isinstance(froms[-1], BaseUse):
                uses.append(froms[-1])
            numbers[name] = len(stages)
            stages.append(name)
            continue
        if instruction.later and len(stages) < len(names):
            instruction = instruction.later  # a later stage triggers it in this build
        if instruction.keyword in ("COPY", "ADD", "RUN"):
            try:
                words = named_images(instruction, text)
            except ValueError as error:
                problems.append((instruction.line, str(error)))
                continue
            for word in words:
                try:
                    stage = names_stage(instruction, word.text, every, len(names))
                except ValueError as error:
                    problems.append((instruction.line, str(error)))
                    continue
                if not stage:
                    uses.append(
                        BaseUse(word.text, instruction.line, word.start, word.end, instruction.keyword)
                    )
    if not stages:
        problems.append((1, "there is no FROM"))
    if not contexts:
        return Uses(tuple(uses), tuple(froms), tuple(problems), missing=missing)
    replaced = tuple(use for use in uses if context_name(use.name) in contexts)
    others = frozenset(replaced)
    used = {context_name(use.name) for use in replaced} | {context_name(stages[n]) for n in skipped}
    return Uses(
        tuple(use for use in uses if use not in others),
        tuple(froms),
        tuple(problems),
        replaced,
        frozenset(skipped),
        frozenset(name for name in used if name),
        missing,
    )


def _below(instruction: Instruction, variables: Variables, stages: Mapping[str, int]) -> Below:
    """The base of a stage: the last earlier stage of that name (stage names are lower case), or an image. Raises
    ValueError."""
    try:
        use = _from(instruction, variables)
    except Unresolved:
        by_platform = _stages_by_platform(instruction, variables, stages)
        if not by_platform:
            raise
        return by_platform
    if use.name in stages:
        return stages[use.name]
    return None if use.name == "scratch" else use


def _stages_by_platform(
    instruction: Instruction, variables: Variables, stages: Mapping[str, int]
) -> Mapping[Platform, int]:
    """The earlier stage that FROM names on an engine of each platform; none where that does not depend on it."""
    word = instruction.words[0].text
    if not variables.of_build_platform(word):
        return {}
    numbers = {}
    for platform in BUILD_PLATFORMS:
        with suppress(ValueError):
            number = stages.get(variables.built_on(platform).expand(word))
            if number is not None:
                numbers[platform] = number
    return MappingProxyType(numbers)


def final_base(
    text: str,
    platform: Platform,
    arguments: Mapping[str, str] = _NOTHING,
    contexts: Collection[str] = (),
) -> BaseUse | None:
    """The image that the last stage is based on, through other stages; None for `scratch`, and where it depends on the
    engine's platform."""
    return find_bases(text, platform, arguments, contexts).root


def rewrite_uses(
    text: str,
    platform: Platform,
    choose: Callable[[BaseUse], str | None],
    arguments: Mapping[str, str] = _NOTHING,
    contexts: Collection[str] = (),
) -> str:
    """The text with each image replaced by the result of `choose`; None keeps it. All other bytes stay the same."""
    edits = [
        (use.start, use.end, choose(use)) for use in find_bases(text, platform, arguments, contexts).bases
    ]
    for start, end, new in sorted(edits, reverse=True):
        if new is not None:
            text = text[:start] + new + text[end:]
    return text


def rewrite_bases(
    text: str,
    platform: Platform,
    names: Mapping[str, str],
    arguments: Mapping[str, str] = _NOTHING,
    contexts: Collection[str] = (),
) -> str:
    """The text with images replaced by name (as in `BaseUse.name`)."""
    return rewrite_uses(text, platform, lambda use: names.get(use.name), arguments, contexts)


def copies_rootfs(text: str) -> bool:
    """Whether the Dockerfile itself copies rootfs/ from its context."""
    return any(
        instruction.keyword in ("COPY", "ADD")
        and instruction.flag("from") is None
        and any(_is_rootfs(unquoted(word.text.strip("[,"))) for word in instruction.words[:-1])
        for instruction in scanned(text).instructions
    )


def inject_rootfs(text: str, user: str) -> str:
    """Insert `COPY --chown=<user> rootfs/ /` after the first FROM, unless rootfs/ is copied already."""
    if copies_rootfs(text):
        return text
    first = next((i for i in scanned(text).instructions if i.keyword == "FROM"), None)
    if first is None:
        return text
    head, tail = text[: first.end], text[first.end :]
    newline = "" if head.endswith("\n") else "\n"
    return f"{head}{newline}COPY --chown={user} rootfs/ /\n{tail}"


def injected_line(text: str) -> int:
    """The line (from 1) after the first FROM, where `inject_rootfs` inserts its COPY. 0 without a FROM."""
    first = next((i for i in scanned(text).instructions if i.keyword == "FROM"), None)
    return text.count("\n", 0, first.end) + 1 if first else 0


def _is_rootfs(source: str) -> bool:
    source = source.removeprefix("./").lstrip("/")
    return source == "rootfs" or source.startswith("rootfs/")


def _from(instruction: Instruction, variables: Variables) -> BaseUse:
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
        platform = Platform.parse_any(variables.expand(flag.text))
    except Unresolved:
        if not variables.of_build_platform(flag.text):
            raise
        return BaseUse(name, instruction.line, word.start, word.end, "FROM", on_build_platform=True)
    return BaseUse(
        name,
        instruction.line,
        word.start,
        word.end,
        "FROM",
        None if platform == variables.platform else platform,
    )
