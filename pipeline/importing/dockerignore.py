"""Match paths by pattern: .dockerignore like moby's patternmatcher, and the wildcards of COPY (Go's path.Match)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from pipeline.model.path_pattern import PathPattern, compile_pattern, ending_pattern
from pipeline.util.dataclass import dataclass

_WILD = frozenset("*?[\\")


@dataclass(frozen=True, slots=True)
class DockerIgnore:
    """The patterns of a .dockerignore in order: the last one that matches a path, or a folder above it, wins."""

    patterns: tuple[tuple[bool, PathPattern], ...] = ()

    @classmethod
    def parse(cls, text: str) -> DockerIgnore:
        """Parse a .dockerignore. Raises ValueError for an invalid pattern."""
        out = []
        for line in text.removeprefix("\ufeff").splitlines():
            pattern = line.strip()
            if not pattern or line.startswith("#"):
                continue
            keep = pattern.startswith("!")
            if keep:
                pattern = pattern[1:].strip()
            pattern = posixpath.normpath(pattern)
            pattern = pattern.lstrip("/") if len(pattern) > 1 else pattern
            if pattern and pattern != ".":
                out.append((keep, _compiled(pattern)))
        return cls(tuple(out))

    def ignores(self, path: str) -> bool:
        """Whether a path below the context is excluded."""
        ignored = False
        for keep, pattern in self.patterns:
            if keep == ignored and any(pattern.fullmatch(p) for p in (path, *above(path))):
                ignored = not keep
        return ignored


def _compiled(pattern: str) -> PathPattern:
    """Moby compares endings where `**` begins a pattern without further wildcards: `**.env` matches `a/prod.env`."""
    ending = pattern.removeprefix("**")
    if ending != pattern and ending and not ending.startswith("/") and not is_wild(ending):
        return ending_pattern(ending)
    return compile_pattern(pattern, deep=True)


def above(path: str) -> Iterator[str]:
    """The parent folders of a path, nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def is_wild(pattern: str) -> bool:
    """Whether a pattern contains wildcards."""
    return bool(_WILD.intersection(pattern))


def matched(paths: Iterable[str], patterns: Iterable[str]) -> set[str]:
    """The paths that sources of COPY select, directly or by a parent folder. `.` selects all of them."""
    compiled = [compile_pattern(p, deep=False) for p in patterns if p != "."]
    everything = any(p == "." for p in patterns)
    return {p for p in paths if everything or any(c.fullmatch(q) for c in compiled for q in (p, *above(p)))}
