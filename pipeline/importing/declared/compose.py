"""Builds of compose files (compose-spec, build.md): context, dockerfile, target, args and platforms of `build:`, and
the service's image. Variables have their defaults; nothing is read from .env or the environment, which may hold
secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.catalogue.source import Source
from pipeline.config.yaml import YamlDocument, YamlProblem, load

from .build import Declared, DeclaredBuild, DeclaredEntry, NotRead, declared_build

_NAME = re.compile(r"(?:docker-)?compose(?:[.-].+)?\.ya?ml")
_MAIN = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:?[-+])([^${}]*))?\}|(\w+)|(\{[^}]*\}?))")
_TAKEN = ("context", "dockerfile", "target", "args", "platforms")
_OF_THE_BUILDER = ("cache_from", "cache_to", "pull", "no_cache", "provenance", "sbom")
_HINTS = {
    "secrets": "define them in lockage.yml and list them in image.yml",
    "ssh": "define it in lockage.yml and list it in image.yml",
    "additional_contexts": "write contexts: in image.yml",
    "labels": "write labels: in image.yml",
    "tags": "write them to tags: or aliases: in image.yml",
}
_MAX_MERGES = 1000


def is_compose(name: str) -> bool:
    """Whether a file has the name of a compose file."""
    return bool(_NAME.fullmatch(name))


def builds_in(source: Source, folder: str) -> Declared:
    """The builds of a folder's compose file. Other compose files there are not read, unless they add nothing."""
    names = [name for name in source.children(folder) if is_compose(name)]
    names.sort(key=lambda name: (_MAIN.index(name) if name in _MAIN else len(_MAIN), name))
    if not names:
        return Declared()
    first, *others = (_of_file(source, f"{folder}/{name}".lstrip("/")) for name in names)
    known = [_content(build) for build in first.builds]
    left = [
        (f"{folder}/{name}".lstrip("/"), f"is not read beside {names[0]}, and declares other builds")
        for name, other in zip(names[1:], others, strict=True)
        if other.left or any(_content(build) not in known for build in other.builds)
    ]
    return Declared(first.builds, (*first.left, *left))


def _content(build: DeclaredBuild) -> tuple[object, ...]:
    return build.context, build.dockerfile, dict(build.args), build.target, build.platforms


def _of_file(source: Source, path: str) -> Declared:
    entry = source.files[path]
    if entry.kind != "file" or entry.content is None:
        return Declared((), ((path, "is a compose file that cannot be read (a link, or too large)"),))
    try:
        document = load(entry.content, path, merge_keys=True)
        value = _merged(document.value, [_MAX_MERGES])
    except YamlProblem as error:
        problem = error.problem
        return Declared((), ((f"{path}:{problem.line}", f"{problem.message}, in a compose file"),))
    except RecursionError:
        return Declared((), ((path, "is a compose file that nests too deeply"),))
    except NotRead as error:
        return Declared((), ((path, str(error)),))
    if not isinstance(value, dict):
        return Declared()
    builds, left = [], []
    if "include" in value:
        left.append((path, "include: of a compose file is not followed"))
    services = value.get("services")
    services = services if isinstance(services, dict) else {}
    lines = _Lines(document)
    for name, service in services.items():
        if not isinstance(service, dict) or not _is_built(service, services):
            continue
        where = f"{path}:{lines.of(name)}"
        try:
            builds.append(_build(source, path.rpartition("/")[0], DeclaredEntry(name, where, []), service))
        except NotRead as error:
            left.append((where, f"service {name[:80]}: {error}"))
    return Declared(tuple(builds), tuple(left))


class _Lines:
    """Where services are; the file is read again only if somebody asks."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self._places: Mapping[Any, tuple[int, int]] | None = None

    def of(self, service: str) -> int:
        if self._places is None:
            self._places = self._document.positions().keys
        return self._places.get(("services", service), (1, 1))[0]


def _merged(value: Any, budget: list[int]) -> Any:
    """A value with its merge keys (<<) resolved: keys of its own win, and earlier ones of several."""
    if isinstance(value, list):
        return [_merged(item, budget) for item in value]
    if not isinstance(value, dict):
        return value
    budget[0] -= "<<" in value
    if budget[0] < 0:
        raise NotRead(f"is a compose file with more than {_MAX_MERGES} merge keys")
    merged: dict[str, Any] = {}
    sources = value.get("<<")
    for other in reversed(sources if isinstance(sources, list) else [sources]):
        if isinstance(other, dict):
            merged |= _merged(other, budget)
    return merged | {key: _merged(item, budget) for key, item in value.items() if key != "<<"}


def _is_built(service: Mapping[str, Any], services: Mapping[str, Any]) -> bool:
    if service.get("build") is not None:
        return True
    extended = service.get("extends")
    if isinstance(extended, dict) and extended.get("file") is None:
        extended = extended.get("service")
    other = services.get(extended) if isinstance(extended, str) else None
    return isinstance(extended, dict) or (isinstance(other, dict) and "build" in other)


def _build(source: Source, folder: str, entry: DeclaredEntry, service: Mapping[str, Any]) -> DeclaredBuild:
    if "extends" in service:
        raise NotRead("extends is not followed")
    build = service["build"]
    if isinstance(build, str):
        build = {"context": build}
    if not isinstance(build, dict):
        raise NotRead("its build is neither a folder nor a mapping")
    if "dockerfile_inline" in build:
        raise NotRead("dockerfile_inline is not read")
    entry.context = _known(build.get("context"), "context") or "."
    entry.dockerfile = _known(build.get("dockerfile"), "dockerfile") or "Dockerfile"
    entry.target = _known(build.get("target"), "target")
    entry.image = _image(entry, service.get("image"))
    for key in build:
        if key not in (*_TAKEN, *_OF_THE_BUILDER):
            entry.note(f"{key[:80]} is not taken" + (f": {_HINTS[key]}" if key in _HINTS else ""))
    platforms = build.get("platforms")
    given = (
        platforms if isinstance(platforms, list) else [service["platform"]] if "platform" in service else []
    )
    names = tuple(_known(platform, "platforms") for platform in given)
    return declared_build(source, folder, entry, _arguments(entry, build.get("args")), names)


def _image(entry: DeclaredEntry, written: Any) -> str:
    if not isinstance(written, str):
        return ""
    text, unknown = _interpolated(written)
    if not unknown:
        return text
    name, colon, tag = written.rpartition(":")
    if not colon or "/" in tag or _interpolated(name)[1]:
        entry.note(f"image: {written[:200]} has no value for {', '.join(unknown)}")
        return ""
    entry.note(f"the tag of image: {written[:200]} has no value")
    return _interpolated(name)[0]


def _arguments(entry: DeclaredEntry, given: Any) -> dict[str, str]:
    pairs: dict[str, Any] = {}
    if isinstance(given, dict):
        pairs = given
    elif isinstance(given, list):
        for text in filter(lambda item: isinstance(item, str), given):
            name, equals, value = text.partition("=")
            pairs[name] = value if equals else None
    out: dict[str, str] = {}
    for name, value in pairs.items():
        text, unknown = _interpolated(value) if isinstance(value, str) else ("", [name])
        if unknown:
            entry.note(
                f"args: {name[:80]} gets its value from outside of the file: --build-arg {name[:80]}=VALUE"
            )
        else:
            out[name] = text
    return out


def _known(value: Any, key: str) -> str:
    """A text without variables that have no value. Raises NotRead."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NotRead(f"its {key} is no text")
    text, unknown = _interpolated(value)
    if unknown:
        raise NotRead(f"its {key} {value[:200]} has no value for {', '.join(unknown)}")
    return text


def _interpolated(text: str) -> tuple[str, list[str]]:
    """A text with the defaults of its variables, and the variables without one."""
    unknown: list[str] = []

    def value(match: re.Match[str]) -> str:
        dollar, name, operator, word, bare, other = match.groups()
        if dollar:
            return "$"
        if operator in ("-", ":-"):
            return word or ""
        if operator in ("+", ":+"):
            return ""
        unknown.append(str(name or bare or f"${other}")[:80])
        return ""

    return _VARIABLE.sub(value, text), unknown
