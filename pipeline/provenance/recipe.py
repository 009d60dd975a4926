"""What a provenance says of how to build again, read as anything from outside is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.config import Lock
from pipeline.model import Digest, Platform, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import (
    as_flag,
    as_list,
    as_object,
    as_optional_text,
    as_text,
)
from pipeline.util.timestamps import LAST_SECOND, parse_timestamp

from .build import BUILD_TYPE
from .resource import REFERENCE, ROLE

_MOST_DEPENDENCIES = 4096
_MOST_CHARACTERS = 2048


@dataclass(frozen=True, slots=True)
class Recipe:
    """One build of a target, from the provenance of its image.

    `repository` is what git fetches, `path` the catalogue's folder in it; either may be empty. `lock` pins the bases
    and tools that it was built with, `bases` its internal bases by target id, `contents` the digests of what the commit
    renders, by role and name. `epoch` and `created` are in seconds since 1970.
    """

    target: str
    platform: Platform
    snapshot: str | None
    repository: str
    commit: str
    path: str
    modified: bool
    rebuildable: bool
    key: str
    key_format: str
    epoch: int
    created: int
    lock: Lock
    bases: Mapping[str, Digest]
    contents: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, predicate: Mapping[str, Any]) -> Recipe:
        """Read the predicate of a build of ours. Raises ValueError for anything else."""
        try:
            return cls._of(as_object(predicate["buildDefinition"]), as_object(predicate["runDetails"]))
        except KeyError as missing:
            raise ValueError(f"not the provenance of a build by lockage: {missing} is missing") from None

    @classmethod
    def _of(cls, definition: Mapping[str, object], run: Mapping[str, object]) -> Recipe:
        if definition["buildType"] != BUILD_TYPE:
            raise ValueError(f"its build type is {str(definition['buildType'])[:100]!r}, not {BUILD_TYPE}")
        external = as_object(definition["externalParameters"])
        internal = as_object(definition["internalParameters"])
        source = as_object(external.get("source", {}))
        dependencies = list(_dependencies(definition["resolvedDependencies"]))
        found_tools = list(_dependencies(as_object(run["builder"]).get("builderDependencies", [])))
        return cls(
            target=_text(external["target"]),
            platform=Platform.parse(_text(external["platform"])),
            snapshot=as_optional_text(external.get("snapshot")),
            repository=_text(source.get("repository", "")).removeprefix("git+"),
            commit=_text(source.get("commit", "")),
            path=_text(source.get("path", "")),
            modified=as_flag(source.get("modified", False)),
            rebuildable=as_flag(as_object(run["metadata"]).get("lockage_rebuildable", False)),
            key=_text(internal["key"]),
            key_format=_text(internal["keyFormat"]),
            epoch=_moment(internal["sourceDateEpoch"]),
            created=_moment(internal["created"]),
            lock=Lock.of(dict(_pins([*dependencies, *found_tools]))),
            bases={_text(d["name"]): _digest(d) for role, d in dependencies if role == "internal-base"},
            contents={
                (role, _text(d["name"])): _digest(d).hex for role, d in dependencies if _is_content(role, d)
            },
        )


def _dependencies(value: object) -> Iterator[tuple[str, dict[str, object]]]:
    """Each resource, with its role."""
    entries = as_list(value)
    if len(entries) > _MOST_DEPENDENCIES:
        raise ValueError(f"{len(entries)} dependencies, more than {_MOST_DEPENDENCIES}")
    for entry in map(as_object, entries):
        yield _text(as_object(entry.get("annotations", {})).get(ROLE, "")), entry


def _pins(dependencies: list[tuple[str, dict[str, object]]]) -> Iterator[tuple[Reference, Digest]]:
    """The references of a lock. Raises ValueError for one with two digests."""
    seen: dict[Reference, Digest] = {}
    for role, entry in dependencies:
        text = as_object(entry.get("annotations", {})).get(REFERENCE)
        if text is None or role == "internal-base":
            continue
        reference, digest = Reference.parse(_text(text)), _digest(entry)
        if reference.tag is None or reference.digest is not None:
            raise ValueError(f"{reference} is not a tag")
        if seen.setdefault(reference, digest) != digest:
            raise ValueError(f"{reference} has two digests")
        yield reference, digest


def _is_content(role: str, entry: Mapping[str, object]) -> bool:
    return role in ("dockerfile", "rootfs", "context") and "uri" not in entry


def _digest(entry: Mapping[str, object]) -> Digest:
    digests = as_object(entry["digest"])
    for algorithm in ("sha256", "sha512"):
        if algorithm in digests:
            return Digest(f"{algorithm}:{_text(digests[algorithm])}")
    raise ValueError(f"{str(entry.get('name'))[:80]!r} has no SHA-256")


def _text(value: object) -> str:
    text = as_text(value)
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"a text of {len(text)} characters, more than {_MOST_CHARACTERS}")
    return text


def _moment(value: object) -> int:
    moment = parse_timestamp(_text(value))
    if not 0 <= moment <= LAST_SECOND:
        raise ValueError(f"the time {value!r} is before 1970")
    return moment
