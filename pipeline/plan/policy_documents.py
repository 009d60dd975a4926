"""The files below images/ that policies name: the list of known exploited vulnerabilities, and VEX documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from pipeline.catalogue.source import PROJECT_NAME, Source
from pipeline.errors import EnvironmentProblem, Problem
from pipeline.model import Gates
from pipeline.model.gates import PolicyDocuments
from pipeline.model.json_document import MAX_DOCUMENT, DocumentFault
from pipeline.model.known_exploited import KnownExploited
from pipeline.model.vex import read_vex
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.catalogue.definition import Position
    from pipeline.catalogue.discover import Discovered, ImageFolder
    from pipeline.config import GatePolicy, ProjectFile

T = TypeVar("T")
_KNOWN, _VEX = "known_exploited", "vex"


@dataclass(frozen=True, slots=True)
class _Named:
    """A file that a policy names, and where."""

    file: str
    kind: str
    position: Position | None


def documents_of(source: Source, discovered: Discovered, problems: list[Problem]) -> PolicyDocuments:
    """The documents of the project's policy and of all images'; each that cannot be read is a problem."""
    named = [*_of_project(source, discovered.project), *_of_images(discovered.images)]
    return _read(source, named, problems)


def documents_of_policy(source: Source, policy: GatePolicy, problems: list[Problem]) -> PolicyDocuments:
    """The documents of one policy."""
    return _read(source, list(_of_policy(policy, None)), problems)


def files_named(
    source: Source, project: ProjectFile | None, images: Iterable[ImageFolder]
) -> tuple[str, ...]:
    """The paths of the documents that the project's policy and the images' name."""
    named = (*_of_project(source, project), *_of_images(images))
    return tuple(sorted({one.file for one in named}))


def names_of(gates: Iterable[Gates]) -> tuple[list[str], list[str]]:
    """The lists and the VEX documents that gates have, by file."""
    every = [gate.vulnerabilities for gate in gates]
    known = {document.file for gate in every for document in gate.known_exploited}
    return sorted(known), sorted({document.origin for gate in every for document in gate.vex})


def read_again(source: Source, known: Iterable[str], vex: Iterable[str]) -> PolicyDocuments:
    """The documents of a plan that was made of this source. Raises ValueError."""
    named = [*(_Named(file, _KNOWN, None) for file in known), *(_Named(file, _VEX, None) for file in vex)]
    problems: list[Problem] = []
    documents = _read(source, named, problems)
    if problems:
        raise ValueError(str(problems[0]))
    return documents


def _of_project(source: Source, project: ProjectFile | None) -> Iterator[_Named]:
    policy = project.policy if project else None
    if policy is None or not any(True for _ in _of_policy(policy, None)):
        return
    from pipeline.catalogue.definition import Position
    from pipeline.config import load

    content = source.files[PROJECT_NAME].content
    assert content is not None, "it was read"
    yield from _of_policy(policy, Position(load(content, PROJECT_NAME), ("policy",)))


def _of_images(images: Iterable[ImageFolder]) -> Iterator[_Named]:
    for file in (file for image in images for file in (image.image, *image.versions) if file):
        if file.file.gates:
            from pipeline.catalogue.definition import Position

            yield from _of_policy(file.file.gates, Position(file.document, ("gates",)))


def _of_policy(policy: GatePolicy, position: Position | None) -> Iterator[_Named]:
    own = policy.vulnerabilities
    if own is None:
        return
    at = position.below("vulnerabilities") if position else None
    if own.known_exploited:
        yield _Named(own.known_exploited.file, _KNOWN, at.below(_KNOWN, "file") if at else None)
    for number, file in enumerate(own.vex):
        yield _Named(file, _VEX, at.below(_VEX, number) if at else None)


def _read(source: Source, named: Iterable[_Named], problems: list[Problem]) -> PolicyDocuments:
    known: dict[str, KnownExploited] = {}
    vex = {}
    seen: set[tuple[str, str]] = set()
    for one in named:
        if (one.kind, one.file) in seen:
            continue
        seen.add((one.kind, one.file))
        if one.kind == _KNOWN and (listed := _parsed(source, one, KnownExploited.parse, problems)):
            known[one.file] = listed
        if one.kind == _VEX and (document := _parsed(source, one, read_vex, problems)):
            vex[one.file] = document
    return PolicyDocuments(known, vex)


def _parsed(
    source: Source, named: _Named, parse: Callable[[bytes, str], T], problems: list[Problem]
) -> T | None:
    entry = source.get(named.file)
    if entry is None or entry.kind != "file":
        message = "does not exist" if entry is None else "is not a file"
        hint = "name a file below images/ by its path from lockage.yml, such as images/_policy/vex.json"
        problems.append(
            named.position.problem(f"{named.file} {message}", hint)
            if named.position
            else Problem(named.file, 0, 0, "", message, hint)
        )
        return None
    if entry.size > MAX_DOCUMENT:
        problems.append(Problem(named.file, 0, 0, "", f"is larger than {MAX_DOCUMENT // 1024**2} MiB"))
        return None
    content = b""
    try:
        content = source.read(named.file)
        return parse(content, named.file)
    except EnvironmentProblem as fault:
        problems.append(Problem(named.file, 0, 0, "", fault.message))
    except DocumentFault as fault:
        problems.append(_problem(named.file, content, fault))
    return None


def _problem(file: str, content: bytes, fault: DocumentFault) -> Problem:
    """The fault with its line: JSON is YAML, whose loader keeps positions."""
    from pipeline.config import YamlProblem, load

    line, column = fault.line, fault.column
    if fault.place:
        with suppress(YamlProblem):  # too large, or indented by tabs: the keys say where it is
            line, column = load(content, file).positions().of(fault.place)
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.place)
    return Problem(file, line, column, key.lstrip("."), fault.message)
