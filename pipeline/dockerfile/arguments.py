"""ARG: the arguments that a Dockerfile declares, and the variables that FROM may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import takewhile

from pipeline.model.platform import SUPPORTED, Platform

from .expand import ExpansionSize, TooLong, expand
from .instructions import Dockerfile, Instruction, scanned

BUILD_PLATFORM = ("BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT")
BUILD_PLATFORMS = tuple(Platform.parse(name) for name in SUPPORTED)
"""The platforms that an engine may have."""

_NAMED = re.compile(r"\$\{?(\w+)")


def declared_arguments(text: str) -> frozenset[str]:
    """The names of every ARG, in all stages and of ONBUILD."""
    return frozenset(
        word.text.partition("=")[0]
        for written in scanned(text).instructions
        for instruction in (written, written.later)
        if instruction is not None and instruction.keyword == "ARG"
        for word in (*instruction.flags, *instruction.words)
    )


def target_variables(platform: Platform) -> dict[str, str]:
    """The predefined variables of a build for a platform."""
    return _platform_variables("TARGET", platform)


def _platform_variables(prefix: str, platform: Platform) -> dict[str, str]:
    return {
        f"{prefix}PLATFORM": str(platform),
        f"{prefix}OS": platform.os,
        f"{prefix}OSVERSION": "",
        f"{prefix}ARCH": platform.architecture,
        f"{prefix}VARIANT": platform.variant or "",
    }


class Variables:
    """The variables available to FROM: the platform's, and the ARGs before the first FROM."""

    def __init__(
        self,
        file: Dockerfile,
        platform: Platform,
        arguments: Mapping[str, str],
        build: Platform | None = None,
    ) -> None:
        self.platform = platform
        self._file, self._arguments, self._escape = file, arguments, file.escape
        last = next((i for i in reversed(file.instructions) if i.keyword == "FROM"), None)
        stage = stage_name(last) if last else ""
        self.values: dict[str, str | None] = {
            **(_platform_variables("BUILD", build) if build else dict.fromkeys(BUILD_PLATFORM)),
            **target_variables(platform),
            "TARGETSTAGE": stage or "default",
        }
        self._declared: set[str] = set()
        self._growth = ExpansionSize()
        self._of_build_platform = set(BUILD_PLATFORM)

    def built_on(self, platform: Platform) -> Variables:
        """The variables after the ARGs before the first FROM, in a build by an engine of this platform."""
        variables = Variables(self._file, self.platform, self._arguments, platform)
        for instruction in takewhile(lambda i: i.keyword != "FROM", self._file.instructions):
            if instruction.keyword == "ARG":
                variables.take(instruction)
        return variables

    def take(self, instruction: Instruction) -> None:
        """Add the variables of an ARG. Raises `TooLong`."""
        for word in (*instruction.flags, *instruction.words):
            name, equals, default = word.text.partition("=")
            self._declared.add(name)
            if name in self._arguments:
                self.values[name] = self._arguments[name]
            elif equals:
                try:
                    self.values[name] = self.expand(default)
                except TooLong:
                    self.values[name] = None
                    raise
                except ValueError:  # reported where it is used
                    self.values[name] = None
                    if self.of_build_platform(default):
                        self._of_build_platform.add(name)

    def of_build_platform(self, text: str) -> bool:
        """Whether a word depends on the platform that builds, which is the engine's."""
        return not self._of_build_platform.isdisjoint(_NAMED.findall(text))

    def expand(self, text: str) -> str:
        """A word with its variables replaced. Raises ValueError."""
        return expand(text, self.values, self._escape, self._declared, self._growth)


def global_variables(text: str, platform: Platform, arguments: Mapping[str, str]) -> Mapping[str, str | None]:
    """The variables that an ARG in a stage inherits: the platform's, and those before the first FROM."""
    file = scanned(text)
    variables = Variables(file, platform, arguments)
    for instruction in takewhile(lambda i: i.keyword != "FROM", file.instructions):
        if instruction.keyword == "ARG":
            with suppress(TooLong):  # reported with the bases
                variables.take(instruction)
    return variables.values


def stage_name(instruction: Instruction) -> str:
    """The name that FROM gives its stage; empty without one."""
    words = instruction.words
    return words[2].text.lower() if len(words) >= 3 and words[1].text.upper() == "AS" else ""
