"""Targets of bake files (docs.docker.com/build/bake/reference): JSON, and HCL of constants and of variables with
defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.catalogue.source import Source
from pipeline.util.closure import reachable
from pipeline.util.dataclass import dataclass

from .build import Declared, DeclaredBuild, DeclaredEntry, NotRead, declared_build
from .hcl import Block, HclError, read_hcl

NAMES = ("docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl")
_TAKEN = ("context", "dockerfile", "target", "args", "platforms", "tags", "inherits")
_OF_THE_BUILDER = (
    "attest",
    "cache-from",
    "cache-to",
    "call",
    "description",
    "no-cache",
    "no-cache-filter",
    "output",
    "pull",
)
_HINTS = {
    "secret": "define them in lockage.yml and list them in image.yml",
    "ssh": "define it in lockage.yml and list it in image.yml",
    "contexts": "write contexts: in image.yml",
    "labels": "write labels: in image.yml",
}
_EXPRESSION = re.compile(r"(\$?)\$\{\s*([^}]*?)\s*\}")
_VARIABLE = re.compile(r"[A-Za-z_][\w-]*")
_MOST_EXPANDED = 10_000
_MOST_EXPRESSIONS = 100


@dataclass
class _Files:
    """What the files of a folder say together: variables' defaults, the targets of groups, and targets with the place
    of their first lines."""

    variables: dict[str, Any]
    grouped: set[str]
    targets: dict[str, dict[str, Any]]
    places: dict[str, str]


def targets_in(source: Source, folder: str) -> Declared:
    """The builds of the bake files of a folder; later ones override."""
    files, left = _Files({}, set(), {}, {}), []
    for name in NAMES:
        path = f"{folder}/{name}".lstrip("/")
        entry = source.get(path)
        if entry is None:
            continue
        if entry.kind != "file" or entry.content is None:
            left.append((path, "is a bake file that cannot be read (a link, or too large)"))
            continue
        try:
            text = entry.content.decode("utf-8-sig")
            (_take_json if name.endswith(".json") else _take_hcl)(files, text, path)
        except HclError as error:
            left.append((f"{path}:{error.line}", f"{error}, in a bake file"))
        except (ValueError, RecursionError):
            left.append((path, "is a bake file that is not JSON or not UTF-8"))
    builds = []
    for name in _built(files):
        try:
            builds.append(_build(source, folder, files, name))
        except NotRead as error:
            left.append((files.places[name], f"target {name[:80]}: {error}"))
    return Declared(tuple(builds), tuple(left))


def _take_json(files: _Files, text: str, path: str) -> None:
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("no object")
    for name, variable in _objects(data, "variable"):
        files.variables[name] = variable.get("default")
    for _, group in _objects(data, "group"):
        files.grouped |= set(_texts(group.get("targets")))
    for name, target in _objects(data, "target"):
        match = re.search(rf"{re.escape(json.dumps(name))}\s*:\s*\{{", text)
        line = text.count("\n", 0, match.start()) + 1 if match else 1
        _take_target(files, name, target, f"{path}:{line}")


def _objects(data: Mapping[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    section = data.get(key)
    if isinstance(section, dict):
        yield from ((name, value) for name, value in section.items() if isinstance(value, dict))


def _take_hcl(files: _Files, text: str, path: str) -> None:
    file = read_hcl(text)
    files.variables.update(file.attributes)
    for block in file.blocks:
        if len(block.labels) == 1:
            _take_block(files, block, block.labels[0], path)


def _take_block(files: _Files, block: Block, name: str, path: str) -> None:
    if block.type == "variable":
        files.variables[name] = block.attributes.get("default")
    elif block.type == "group":
        files.grouped |= set(_texts(block.attributes.get("targets")))
    elif block.type == "target":
        inner = {inner.type: True for inner in block.blocks}
        _take_target(files, name, {**block.attributes, **inner}, f"{path}:{block.line}")


def _take_target(files: _Files, name: str, target: Mapping[str, Any], place: str) -> None:
    files.targets[name] = _over(files.targets.get(name, {}), target)
    files.places.setdefault(name, place)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A target's keys over others: arguments are merged, everything else is replaced."""
    merged = {**below, **above}
    if isinstance(below.get("args"), dict) and isinstance(above.get("args"), dict):
        merged["args"] = {**below["args"], **above["args"]}
    return merged


def _built(files: _Files) -> list[str]:
    """The targets that are built: those of groups, and those that no other inherits."""
    inherited = {name for target in files.targets.values() for name in _texts(target.get("inherits"))}
    return [name for name in files.targets if name in files.grouped or name not in inherited]


def _build(source: Source, folder: str, files: _Files, name: str) -> DeclaredBuild:
    target = _with_inherited(files, name)
    if "matrix" in target:
        raise NotRead("matrix is not read")
    if "dockerfile-inline" in target:
        raise NotRead("dockerfile-inline is not read")
    entry = DeclaredEntry(name, files.places[name], [])
    entry.context = _known(files, target.get("context"), "context") or "."
    entry.dockerfile = _known(files, target.get("dockerfile"), "dockerfile") or "Dockerfile"
    entry.target = _known(files, target.get("target"), "target")
    entry.image = _image(files, entry, target.get("tags"))
    for key in target:
        if key not in (*_TAKEN, *_OF_THE_BUILDER):
            entry.note(f"{key[:80]} is not taken" + (f": {_HINTS[key]}" if key in _HINTS else ""))
    given = target.get("platforms") or []
    if not isinstance(given, list):
        raise NotRead("its platforms are not read")
    platforms = tuple(_known(files, platform, "platforms") for platform in given)
    args = _arguments(files, entry, target.get("args"))
    try:
        return declared_build(source, folder, entry, args, platforms)
    except NotRead:
        if not folder:
            raise
    # paths are those of the folder where buildx runs, which may be the folder read
    return declared_build(source, "", entry, args, platforms)


def _with_inherited(files: _Files, name: str) -> dict[str, Any]:
    """A target with what it inherits; later ones win, and its own keys. Raises NotRead."""

    def parents(child: str) -> list[str]:
        return [parent for parent in _texts(files.targets[child].get("inherits")) if parent in files.targets]

    above = list(reachable(parents(name), parents))
    if name in above:
        raise NotRead("it inherits itself")
    done: dict[str, dict[str, Any]] = {}
    pending = [name]
    while pending:  # parents first
        waiting = [parent for parent in parents(pending[-1]) if parent not in done]
        if len(pending) > len(above) + 1:
            raise NotRead("what it inherits inherits itself")
        if waiting:
            pending.append(waiting[0])
            continue
        child = pending.pop()
        merged: dict[str, Any] = {}
        for parent in parents(child):
            merged = _over(merged, done[parent])
        done[child] = _over(merged, files.targets[child])
    return done[name]


def _image(files: _Files, entry: DeclaredEntry, tags: Any) -> str:
    known: list[str] = []
    for tag in _texts(tags):
        text, unknown = _evaluated(files, tag)
        if unknown or not text:
            entry.note(f"the tag {tag[:200]} has no value")
        else:
            known.append(text)
    if known[1:]:
        entry.note(f"{', '.join(known[1:])[:500]}: write them to tags: or aliases: in image.yml")
    return known[0] if known else ""


def _arguments(files: _Files, entry: DeclaredEntry, given: Any) -> dict[str, str]:
    out: dict[str, str] = {}
    if given is not None and not isinstance(given, dict):
        entry.note("args are not read: --build-arg NAME=VALUE")
        return out
    for name, value in (given or {}).items():
        if value is None:
            continue  # the Dockerfile's own default
        text, unknown = _evaluated(files, _text(value))
        if unknown:
            entry.note(
                f"args: {name[:80]} is {unknown[0]}, which has no value here: --build-arg {name[:80]}=VALUE"
            )
        else:
            out[name] = text
    return out


def _known(files: _Files, value: Any, key: str) -> str:
    if value is None:
        return ""
    text, unknown = _evaluated(files, _text(value))
    if unknown:
        raise NotRead(f"its {key} is {unknown[0]}, which has no value here")
    return text


def _evaluated(files: _Files, text: str) -> tuple[str, list[str]]:
    """A text with the defaults of variables, which may name others; and the expressions without a value."""
    unknown: list[str] = []
    left = _MOST_EXPRESSIONS

    def value(match: re.Match[str], seen: frozenset[str] = frozenset()) -> str:
        nonlocal left
        left -= 1
        escaped, name = match.groups()
        if escaped:
            return match[0][1:]
        default = files.variables.get(name) if _VARIABLE.fullmatch(name) else None
        if default is not None and not isinstance(default, (dict, list)) and name not in seen and left >= 0:
            expanded = _EXPRESSION.sub(lambda inner: value(inner, seen | {name}), _text(default))
            if len(expanded) <= _MOST_EXPANDED:
                return expanded
        unknown.append(name[:80])
        return ""

    return _EXPRESSION.sub(value, text), unknown


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)
