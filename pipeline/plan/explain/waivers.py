"""The origin of what a policy lets pass until a day: allowed secrets and exceptions from licenses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..plan import Target
from .levels import Levels, Location
from .origin import Explained, LocatedProject

if TYPE_CHECKING:
    from pipeline.config import GatePolicy

_SECRETS = ("secrets", "allow")
_LICENSES = ("licenses", "exceptions")


def explain_waivers(target: Target, levels: Levels, project: LocatedProject) -> Iterator[Explained]:
    """Each entry with the file and line that has it; an image's are added to the project's."""
    secrets, licenses = target.gates.secrets.allow, target.gates.licenses.exceptions
    for allowed, location in zip(secrets, _locations(levels, project, _SECRETS), strict=True):
        yield Explained(f"gates.secrets.allow.{allowed.path}", allowed.to_json(), location)
    for entry, location in zip(licenses, _locations(levels, project, _LICENSES), strict=True):
        yield Explained(f"gates.licenses.exceptions.{entry.package}", entry.to_json(), location)


def _locations(levels: Levels, project: LocatedProject, path: tuple[str, str]) -> Iterator[Location]:
    for number, _ in enumerate(_entries(project.model.policy, path)):
        for value in project.located(None, "policy", *path, number):
            yield value.location
    for file in list(levels.of_files("gates", lambda image: image.gates))[-1:]:
        for number, _ in enumerate(_entries(file.value, path)):
            yield levels.location(file.position.below(*path, number))


def _entries(policy: GatePolicy, path: tuple[str, str]) -> Sequence[object]:
    if path == _SECRETS:
        return policy.secrets.allow if policy.secrets else ()
    return policy.licenses.exceptions if policy.licenses else ()
