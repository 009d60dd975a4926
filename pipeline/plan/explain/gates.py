"""The origin of each gate of a target: the default, lockage.yml, or the image's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.config import GatePolicy
from pipeline.model import Gates

from ..plan import Target
from .levels import Levels, LevelValue
from .origin import Explained, LocatedProject, last

_Path = tuple[str, ...]

_WRITTEN: dict[_Path, Callable[[GatePolicy], object]] = {
    ("vulnerabilities", "fail_on"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.fail_on,
    ("vulnerabilities", "unfixed"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.unfixed,
    ("vulnerabilities", "max_age"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.max_age,
    ("vulnerabilities", "stale"): lambda policy: policy.vulnerabilities and policy.vulnerabilities.stale,
    ("vulnerabilities", "unexamined"): (
        lambda policy: policy.vulnerabilities and policy.vulnerabilities.unexamined
    ),
    ("secrets",): lambda policy: policy.secrets,
    ("size", "max"): lambda policy: policy.size and policy.size.max,
    ("lint", "fail_on"): lambda policy: policy.lint and policy.lint.fail_on,
}
_EFFECTIVE: dict[_Path, Callable[[Gates], object]] = {
    ("vulnerabilities", "fail_on"): lambda gates: gates.vulnerabilities.fail_on,
    ("vulnerabilities", "unfixed"): lambda gates: gates.vulnerabilities.unfixed,
    ("vulnerabilities", "max_age"): lambda gates: gates.vulnerabilities.max_age,
    ("vulnerabilities", "stale"): lambda gates: gates.vulnerabilities.stale,
    ("vulnerabilities", "unexamined"): lambda gates: gates.vulnerabilities.unexamined,
    ("secrets",): lambda gates: gates.secrets,
    ("size", "max"): lambda gates: gates.size.max,
    ("lint", "fail_on"): lambda gates: gates.lint.fail_on,
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


def _of_project(project: LocatedProject, path: _Path) -> tuple[LevelValue, ...]:
    return project.located(_plain(_WRITTEN[path](project.model.policy)), "policy", *path)


def _of_image(levels: Levels, path: _Path) -> Iterator[LevelValue]:
    for file in levels.of_files("gates", lambda image: image.gates):
        value = _WRITTEN[path](file.value)
        if value is not None:
            yield LevelValue(_plain(value), levels.location(file.position.below(*path)))


def _project_ignores(project: LocatedProject) -> Iterator[LevelValue]:
    vulnerabilities = project.model.policy.vulnerabilities
    for number, ignore in enumerate(vulnerabilities.ignore if vulnerabilities else ()):
        yield from project.located(ignore.id, "policy", "vulnerabilities", "ignore", number)


def _image_ignores(levels: Levels) -> Iterator[LevelValue]:
    for file in list(levels.of_files("gates", lambda image: image.gates))[-1:]:
        vulnerabilities = file.value.vulnerabilities
        for number, ignore in enumerate(vulnerabilities.ignore if vulnerabilities else ()):
            position = file.position.below("vulnerabilities", "ignore", number)
            yield LevelValue(ignore.id, levels.location(position))


def _plain(value: object) -> object:
    return [str(element) for element in value] if isinstance(value, tuple) else value
