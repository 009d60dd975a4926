"""The platforms whose programs the RUN instructions of a Dockerfile execute."""

from __future__ import annotations

from pipeline.model import Platform

from .instructions import scan


def run_platforms(dockerfile: str, platform: Platform) -> frozenset[Platform]:
    """The platforms of RUN instructions in a build for a platform, without those on the build platform."""
    by_stage: dict[str, Platform | None] = {}
    current: Platform | None = platform
    platforms = set()
    for instruction in scan(dockerfile).instructions:
        words = [word.text for word in instruction.words]
        if instruction.keyword == "FROM" and words:
            flags = [f.text.partition("=")[2] for f in instruction.flags if f.text.startswith("--platform=")]
            current = (
                _stage_platform(flags[0], platform) if flags else by_stage.get(words[0].lower(), platform)
            )
            if len(words) == 3:
                by_stage[words[2].lower()] = current
        elif instruction.keyword == "RUN" and current:
            platforms.add(current)
    return frozenset(platforms)


def _stage_platform(text: str, platform: Platform) -> Platform | None:
    """The platform that a stage's `--platform` names; None for the build platform."""
    if "BUILDPLATFORM" in text:
        return None
    try:
        return Platform.parse(text.strip("\"'"))
    except ValueError:
        return platform
