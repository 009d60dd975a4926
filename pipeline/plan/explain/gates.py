"""Where each gate of a target comes from: the program, lockage.yml, or the image's own file."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.config import GatePolicy

from ..plan import Target
from .levels import Levels, Said
from .origin import Explained, ProjectSays, last

_GATES = (("vulnerabilities", "fail_on"), ("vulnerabilities", "unfixed"), ("secrets",), ("size", "max"))


def explain_gates(target: Target, levels: Levels, project: ProjectSays) -> Iterator[Explained]:
    """The gates of a target; an image's `gates` stand for those of a level above it, ignores are added."""
    data = target.gates.to_json()
    for path in _GATES:
        said = [*_project(project, path), *_image(levels, path)]
        found = last(f"gates.{'.'.join(path)}", said, None)
        yield Explained(found.key, _at(data, path), found.place, found.why, found.overrides)
    ignores = [*_ignores(project), *_own_ignores(levels)]
    for ignore, entry in zip(ignores, data["vulnerabilities"]["ignore"], strict=True):
        yield Explained(f"gates.vulnerabilities.ignore.{entry['id']}", entry, ignore.spot)


def _project(project: ProjectSays, path: tuple[str, ...]) -> tuple[Said, ...]:
    return project.said(_plain(_attribute(project.model.policy, path)), "policy", *path)


def _image(levels: Levels, path: tuple[str, ...]) -> Iterator[Said]:
    for policy, spot_of in levels.mappings("gates"):
        value = _attribute(policy, path)
        if value is not None:
            yield Said(_plain(value), spot_of(path))


def _ignores(project: ProjectSays) -> Iterator[Said]:
    found = project.model.policy.vulnerabilities
    for number, ignore in enumerate(found.ignore if found else ()):
        yield from project.said(ignore.id, "policy", "vulnerabilities", "ignore", number)


def _own_ignores(levels: Levels) -> Iterator[Said]:
    for policy, spot_of in list(levels.mappings("gates"))[-1:]:
        found = policy.vulnerabilities
        for number, ignore in enumerate(found.ignore if found else ()):
            yield Said(ignore.id, spot_of(("vulnerabilities", "ignore", number)))


def _attribute(policy: GatePolicy, path: tuple[str, ...]) -> object:
    value: object = policy
    for step in path:
        value = None if value is None else getattr(value, step)
    return value


def _at(data: object, path: tuple[str, ...]) -> object:
    for step in path:
        data = data[step]
    return data


def _plain(value: object) -> object:
    return [str(v) for v in value] if isinstance(value, tuple) else value
