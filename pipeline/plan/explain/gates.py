"""The origin of each gate of a target: the default, lockage.yml, or the image's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipeline.config import GatePolicy
from pipeline.model import Gates, Growth
from pipeline.model.gates import days_of

from ..plan import Target
from .levels import Levels, LevelValue
from .origin import Explained, LocatedProject, last
from .waivers import explain_waivers

if TYPE_CHECKING:
    from pipeline.config.gates.vulnerabilities import VulnerabilityPolicy

_Path = tuple[str, ...]
_SECRETS = ("secrets",)

_WRITTEN: dict[_Path, Callable[[GatePolicy], object]] = {
    ("vulnerabilities", "fail_on"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.fail_on,
    ("vulnerabilities", "unfixed"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.unfixed,
    ("vulnerabilities", "max_age"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.max_age,
    ("vulnerabilities", "stale"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.stale,
    ("vulnerabilities", "unexamined"): (
        lambda policy: policy.vulnerabilities and policy.vulnerabilities.unexamined
    ),
    ("vulnerabilities", "grace"): lambda policy: (
        (policy.vulnerabilities and policy.vulnerabilities.grace) and days_of(policy.vulnerabilities.grace)
    ),
    ("vulnerabilities", "cvss"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.cvss,
    ("vulnerabilities", "scanner"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.scanner,
    _SECRETS: lambda policy: policy.secrets and policy.secrets.written,
    ("size", "target"): lambda policy: policy.size and policy.size.target,
    ("size", "max"): lambda policy: policy.size and policy.size.max,
    ("size", "growth"): lambda policy: policy.size and policy.size.growth,
    ("lint", "fail_on"): lambda policy: policy.lint and policy.lint.fail_on,
    ("licenses", "allow"): lambda policy: policy.licenses and policy.licenses.allow,
    ("licenses", "deny"): lambda policy: policy.licenses and policy.licenses.deny,
    ("licenses", "unknown"): lambda policy: policy.licenses and policy.licenses.unknown,
    ("tests",): lambda policy: policy.tests,
}
_EFFECTIVE: dict[_Path, Callable[[Gates], object]] = {
    ("vulnerabilities", "fail_on"): lambda gates: gates.vulnerabilities.fail_on,
    ("vulnerabilities", "unfixed"): lambda gates: gates.vulnerabilities.unfixed,
    ("vulnerabilities", "max_age"): lambda gates: gates.vulnerabilities.max_age,
    ("vulnerabilities", "stale"): lambda gates: gates.vulnerabilities.stale,
    ("vulnerabilities", "unexamined"): lambda gates: gates.vulnerabilities.unexamined,
    ("vulnerabilities", "grace"): lambda gates: days_of(gates.vulnerabilities.grace),
    ("vulnerabilities", "cvss"): lambda gates: gates.vulnerabilities.cvss,
    ("vulnerabilities", "scanner"): lambda gates: gates.vulnerabilities.scanner,
    _SECRETS: lambda gates: gates.secrets.severities,
    ("size", "target"): lambda gates: gates.size.target,
    ("size", "max"): lambda gates: gates.size.max,
    ("size", "growth"): lambda gates: gates.size.growth,
    ("lint", "fail_on"): lambda gates: gates.lint.fail_on,
    ("licenses", "allow"): lambda gates: gates.licenses.allow,
    ("licenses", "deny"): lambda gates: gates.licenses.deny,
    ("licenses", "unknown"): lambda gates: gates.licenses.unknown,
    ("tests",): lambda gates: gates.tests,
}


def explain_gates(target: Target, levels: Levels, project: LocatedProject) -> Iterator[Explained]:
    """The gates of a target; an image's `gates` replace those of a level above it, ignores are added."""
    for path, effective in _EFFECTIVE.items():
        values = [*_of_project(project, path), *_of_image(levels, path)]
        origin = last(f"gates.{'.'.join(path)}", values, None)
        value = _plain(effective(target.gates))
        yield Explained(origin.key, value, origin.location, origin.why, origin.overrides)
    for loosen in project.located(list(project.model.policy.loosen) or None, "policy", "loosen"):
        yield Explained("gates.loosen", loosen.value, loosen.location)
    written = [*_project_ignores(project), *_image_ignores(levels)]
    for level_value, ignore in zip(written, target.gates.vulnerabilities.ignore, strict=True):
        key = f"gates.vulnerabilities.ignore.{ignore.id}"
        yield Explained(key, ignore.to_json(), level_value.location)
    documents = {d.file: d.to_json() for d in target.gates.vulnerabilities.known_exploited}
    documents |= {d.origin: d.to_json() for d in target.gates.vulnerabilities.vex}
    for name, level_value in (*_project_files(project), *_image_files(levels)):
        file = str(level_value.value)
        yield Explained(f"gates.vulnerabilities.{name}.{file}", documents[file], level_value.location)
    yield from explain_waivers(target, levels, project)


def _of_project(project: LocatedProject, path: _Path) -> tuple[LevelValue, ...]:
    value = _plain(_WRITTEN[path](project.model.policy))
    if path == _SECRETS:  # `secrets: warn`, or a mapping
        return () if value is None else _located_secrets(project, value)
    return project.located(value, "policy", *path)


def _located_secrets(project: LocatedProject, value: object) -> tuple[LevelValue, ...]:
    whole = project.located(value, "policy", *_SECRETS)
    return project.located(value, "policy", *_SECRETS, "fail_on") or whole


def _of_image(levels: Levels, path: _Path) -> Iterator[LevelValue]:
    for file in levels.of_files("gates", lambda image: image.gates):
        value = _WRITTEN[path](file.value)
        if value is not None:
            yield LevelValue(_plain(value), levels.location(file.position.below(*path)))


def _project_ignores(project: LocatedProject) -> Iterator[LevelValue]:
    vulnerabilities = project.model.policy.vulnerabilities
    for number, ignore in enumerate(vulnerabilities.ignore if vulnerabilities else ()):
        for value in ignore.values():
            yield from project.located(value.id, "policy", "vulnerabilities", "ignore", number)


def _image_ignores(levels: Levels) -> Iterator[LevelValue]:
    for file in list(levels.of_files("gates", lambda image: image.gates))[-1:]:
        vulnerabilities = file.value.vulnerabilities
        for number, ignore in enumerate(vulnerabilities.ignore if vulnerabilities else ()):
            position = file.position.below("vulnerabilities", "ignore", number)
            yield from (LevelValue(value.id, levels.location(position)) for value in ignore.values())


def _project_files(project: LocatedProject) -> Iterator[tuple[str, LevelValue]]:
    own = project.model.policy.vulnerabilities
    for path, file in _files(own) if own else ():
        for value in project.located(file, "policy", "vulnerabilities", *path):
            yield str(path[0]), value


def _image_files(levels: Levels) -> Iterator[tuple[str, LevelValue]]:
    for level in list(levels.of_files("gates", lambda image: image.gates))[-1:]:
        own = level.value.vulnerabilities
        for path, file in _files(own) if own else ():
            position = level.position.below("vulnerabilities", *path)
            yield str(path[0]), LevelValue(file, levels.location(position))


def _files(own: VulnerabilityPolicy) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The files that a policy names, by their keys."""
    if own.known_exploited:
        yield ("known_exploited", "file"), own.known_exploited.file
    for number, file in enumerate(own.vex):
        yield ("vex", number), file


def _plain(value: object) -> object:
    if isinstance(value, Growth):
        return value.to_json()
    return [str(element) for element in value] if isinstance(value, tuple) else value
