"""What RUN asks of its build that only lockage.yml and image.yml can give: secrets, ssh agents, entitlements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.catalogue.definition import Definition, Mention
from pipeline.catalogue.source import PROJECT_NAME, Source
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.config import Project, load
from pipeline.dockerfile.instructions import Instruction, scanned
from pipeline.dockerfile.mounts import Credential, credentials
from pipeline.errors import Problem
from pipeline.util.suggest import did_you_mean

_FLAGS = {("network", "host"): "network.host", ("security", "insecure"): "security.insecure"}


def check_requests(
    source: Source, item: Rendered, project: Project, problems: list[Problem]
) -> tuple[str, ...]:
    """Append a problem for each request of a tag that nothing grants; gives warnings for those that can go without."""
    definition = item.definition
    problems += _undefined(definition.secrets, project.secrets, "secret", "secrets")
    problems += _undefined(definition.ssh, project.ssh, "ssh entry", "ssh")
    granted = project.entitlements.get(definition.image, ())
    named = {
        "secret": frozenset(mention.name for mention in definition.secrets),
        "ssh": frozenset(mention.name for mention in definition.ssh),
    }
    warnings: list[str] = []
    for instruction in scanned(item.dockerfile).instructions:
        if instruction.keyword != "RUN" or not instruction.flags:
            continue
        for wanted in credentials(instruction):
            if wanted.id not in named[wanted.kind]:
                problem = _not_named(source, item, wanted, named[wanted.kind])
                if wanted.required:
                    problems.append(problem)
                else:
                    warnings.append(str(problem))
        for flag, entitlement in _entitlements(instruction):
            if entitlement not in granted:
                where, line = item.place(source, instruction.line)
                message = f"{flag} needs the entitlement {entitlement} ({definition.name})"
                hint = f"entitlements: {{{definition.image}: [{entitlement}]}} in lockage.yml grants it"
                problems.append(Problem(where, line, 1, "RUN", message, hint))
    return tuple(warnings)


def check_entitlements(
    source: Source, project: Project, definitions: Iterable[Definition], problems: list[Problem]
) -> None:
    """Append a problem for every image that lockage.yml grants something and that there is not."""
    entry = source.get(PROJECT_NAME)
    if not project.entitlements or entry is None or entry.content is None:
        return
    known = {definition.image for definition in definitions}
    positions = load(entry.content, PROJECT_NAME).positions()
    for image in project.entitlements:
        if image not in known:
            line, column = positions.of(("entitlements", image), key=True)
            key, near = f"entitlements.{image}", did_you_mean(image, known)
            problems.append(Problem(PROJECT_NAME, line, column, key, "is no image of this catalogue", near))


def _undefined(mentions: Iterable[Mention], defined: Iterable[str], what: str, key: str) -> Iterator[Problem]:
    for mention in mentions:
        if mention.name not in defined:
            near = did_you_mean(mention.name, defined) or f"define it in {key}: of lockage.yml"
            yield mention.place.problem(f"there is no {what} {mention.name} in lockage.yml", near)


def _not_named(source: Source, item: Rendered, wanted: Credential, named: frozenset[str]) -> Problem:
    where, line = item.place(source, wanted.line)
    what, key = ("secret", "secrets") if wanted.kind == "secret" else ("ssh entry", "ssh")
    message = f"mounts the {what} {wanted.id}, which image.yml does not name ({item.definition.name})"
    hint = did_you_mean(wanted.id, named) or f"write {key}: [{wanted.id}] in image.yml"
    return Problem(where, line, 1, "RUN", message, hint)


def _entitlements(instruction: Instruction) -> Iterator[tuple[str, str]]:
    for (name, value), entitlement in _FLAGS.items():
        flag = instruction.flag(name)
        if flag is not None and flag.text == value:
            yield f"--{name}={value}", entitlement
