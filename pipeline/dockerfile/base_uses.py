"""Where a Dockerfile names images, and the stages that are based on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from pipeline.model import Platform
from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class BaseUse:
    """One place where a Dockerfile names an image: the name, its line, and its offsets in the text."""

    name: str  # with variables replaced
    line: int
    start: int
    end: int
    instruction: str  # FROM, COPY, ADD or RUN
    platform: Platform | None = None  # FROM --platform=…, if not the target's own
    on_build_platform: bool = False  # FROM --platform=$BUILDPLATFORM, which depends on the engine

    @property
    def image(self) -> tuple[object, ...]:
        """The image, whatever the line."""
        return self.name, self.platform, self.on_build_platform


Below = BaseUse | int | Mapping[Platform, int] | None


@dataclass(frozen=True, slots=True)
class Uses:
    """Every image that a Dockerfile names; the base of each stage (a use, the number of an earlier stage, the stages by
    platform of the engine that `FROM stage-$BUILDARCH` may name, None for `scratch` or an invalid FROM); and the
    problems."""

    bases: tuple[BaseUse, ...]
    froms: tuple[Below, ...]
    problems: tuple[tuple[int, str], ...]
    replaced: tuple[BaseUse, ...] = ()  # replaced by named contexts
    skipped: frozenset[int] = frozenset()  # stages that named contexts replace
    contexts: frozenset[str] = frozenset()  # names of contexts that replace something
    missing: Mapping[Platform, int] = field(
        default_factory=dict
    )  # engines without FROM's stage, and its line
    faulty: str = ""  # the instruction that BuildKit refuses, which is the only problem

    @property
    def stages(self) -> int:
        """The number of stages."""
        return len(self.froms)

    @property
    def chain(self) -> tuple[int, ...]:
        """The stages that the last one is built from whatever the engine's platform is, lowest first, then the last
        one itself."""
        out: list[int] = []
        at: Below = len(self.froms) - 1 if self.froms else None
        while isinstance(at, int):
            out.append(at)
            at = self.froms[at]
        return tuple(reversed(out))

    @property
    def root(self) -> BaseUse | None:
        """The image that the last stage is based on, through other stages; None for `scratch`, and where it depends on
        the engine's platform."""
        lowest = [self.froms[number] for number in self._lowest]
        first = next((use for use in lowest if isinstance(use, BaseUse)), None)
        same = first and all(isinstance(use, BaseUse) and use.image == first.image for use in lowest)
        return first if same else None

    @property
    def from_nothing(self) -> bool:
        """Whether the last stage is based on `scratch`, through other stages."""
        lowest = self._lowest
        return bool(lowest) and all(
            self.froms[number] is None and number not in self.skipped for number in lowest
        )

    @property
    def _lowest(self) -> frozenset[int]:
        """The stages that the last one goes back to: several where that depends on the engine's platform."""
        waiting, seen, lowest = [len(self.froms) - 1] if self.froms else [], set[int](), set[int]()
        while waiting:
            number = waiting.pop()
            below = self.froms[number]
            if number in seen:
                continue
            seen.add(number)
            if isinstance(below, int):
                waiting.append(below)
            elif isinstance(below, Mapping):
                waiting += below.values()
            else:
                lowest.add(number)
        return frozenset(lowest)
