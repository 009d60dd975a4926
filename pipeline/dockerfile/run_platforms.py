"""The platforms whose programs the RUN instructions of a Dockerfile execute."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.model import Platform

from .base_uses import BaseUse
from .bases import find_bases
from .instructions import scanned
from .stages import used_stages

_NOTHING: Mapping[str, str] = MappingProxyType({})


def run_platforms(
    dockerfile: str, platform: Platform, arguments: Mapping[str, str] = _NOTHING
) -> frozenset[Platform]:
    """The platforms of RUN instructions in a build for a platform, without those on the build platform and those of
    stages that the build does not run. None of a Dockerfile that BuildKit refuses."""
    of_stages: list[frozenset[Platform]] = []
    uses = find_bases(dockerfile, platform, arguments)
    if uses.faulty:
        return frozenset()
    for base in uses.froms:
        if isinstance(base, int):
            of_stages.append(of_stages[base])
        elif isinstance(base, Mapping):
            of_stages.append(frozenset[Platform]().union(*(of_stages[n] for n in base.values())))
        elif isinstance(base, BaseUse) and base.on_build_platform:
            of_stages.append(frozenset())
        else:
            of_stages.append(frozenset([(base and base.platform) or platform]))
    used = used_stages(dockerfile)
    platforms = set[Platform]()
    stage = -1
    for instruction in scanned(dockerfile).instructions:
        stage += instruction.keyword == "FROM"
        if instruction.keyword == "RUN" and stage in used:
            platforms |= of_stages[stage]
    return frozenset(platforms)
