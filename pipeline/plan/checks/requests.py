"""What RUN needs from lockage.yml and image.yml: secrets, ssh agents, entitlements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from pipeline.catalogue.definition import Mention
from pipeline.catalogue.source import PROJECT_NAME, Source
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.config import Entitlement, Project
from pipeline.dockerfile.instructions import Instruction
from pipeline.dockerfile.mounts import Credential, credentials
from pipeline.dockerfile.stages import used_instructions
from pipeline.errors import Problem
from pipeline.util.suggest import did_you_mean

_FLAGS: dict[tuple[str, str], Entitlement] = {
    ("network", "host"): "network.host",
    ("security", "insecure"): "security.insecure",
}
_NOUNS = {"secret": ("secret", "secrets"), "ssh": ("ssh entry", "ssh")}  # for people, and the key in YAML


def check_requests(
    source: Source, item: Rendered, project: Project, problems: list[Problem]
) -> tuple[str, ...]:
    """Append a problem for each request of a tag that is not granted; return warnings for optional ones.

    Stages that the build does not run request nothing.
    """
    definition = item.definition
    problems += _undefined(definition.secrets, project.secrets, "secret")
    problems += _undefined(definition.ssh, project.ssh, "ssh")
    granted = project.entitlements.get(definition.image, ())
    listed = {
        "secret": frozenset(mention.name for mention in definition.secrets),
        "ssh": frozenset(mention.name for mention in definition.ssh),
    }
    warnings: list[str] = []
    for instruction in used_instructions(item.dockerfile):
        if instruction.keyword != "RUN" or not instruction.flags:
            continue
        for credential in credentials(instruction):
            if credential.id not in listed[credential.kind]:
                problem = _not_listed(source, item, credential, listed[credential.kind])
                if credential.required:
                    problems.append(problem)
                else:
                    warnings.append(str(problem))
        for flag, entitlement in _entitlements(instruction):
            if entitlement not in granted:
                message = f"{flag} needs the entitlement {entitlement}"
                hint = f"entitlements: {{{definition.image}: [{entitlement}]}} in lockage.yml grants it"
                problems.append(item.problem(source, instruction.line, "RUN", message, hint))
    return tuple(warnings)


def check_entitlements(
    source: Source, project: Project, images: Collection[str], problems: list[Problem]
) -> None:
    """Append a problem for every image with an entitlement in lockage.yml that the catalogue (whose images are
    `images`) does not have."""
    entry = source.get(PROJECT_NAME)
    if not project.entitlements or entry is None or entry.content is None:
        return
    from pipeline.config import load  # PyYAML

    positions = load(entry.content, PROJECT_NAME).positions()
    for image in project.entitlements:
        if image not in images:
            line, column = positions.of(("entitlements", image), key=True)
            key, hint = f"entitlements.{image}", did_you_mean(image, images)
            problems.append(Problem(PROJECT_NAME, line, column, key, "is no image of this catalogue", hint))


def _undefined(mentions: Iterable[Mention], defined: Iterable[str], kind: str) -> Iterator[Problem]:
    noun, key = _NOUNS[kind]
    for mention in mentions:
        if mention.name not in defined:
            hint = did_you_mean(mention.name, defined) or f"define it in {key}: of lockage.yml"
            yield mention.position.problem(f"there is no {noun} {mention.name} in lockage.yml", hint)


def _not_listed(source: Source, item: Rendered, credential: Credential, listed: frozenset[str]) -> Problem:
    noun, key = _NOUNS[credential.kind]
    message = f"mounts the {noun} {credential.id}, which image.yml does not name"
    hint = did_you_mean(credential.id, listed) or f"write {key}: [{credential.id}] in image.yml"
    return item.problem(source, credential.line, "RUN", message, hint)


def _entitlements(instruction: Instruction) -> Iterator[tuple[str, Entitlement]]:
    for (name, value), entitlement in _FLAGS.items():
        flag = instruction.flag(name)
        if flag is not None and flag.text == value:
            yield f"--{name}={value}", entitlement
