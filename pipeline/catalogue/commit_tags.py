"""Tags from a commit must be unique for each tag of an image, because they are in one repository."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.config import Project
from pipeline.errors import Problem

from .definition import Definition
from .source import PROJECT_NAME, Source


def check_commit_tags(
    source: Source, project: Project, definitions: Iterable[Definition], problems: list[Problem]
) -> None:
    """Append a problem for every template of `commit_tags` without `{tag}` if an image has several tags."""
    loose = [n for n, template in enumerate(project.commit_tags) if "tag" not in template.fields]
    if not loose:
        return
    tags: dict[str, list[str]] = {}
    for definition in definitions:
        tags.setdefault(definition.image, []).append(definition.tag)
    several = next((image for image in sorted(tags) if len(tags[image]) > 1), None)
    entry = source.get(PROJECT_NAME)
    if several is None or entry is None or entry.content is None:
        return
    from pipeline.config import load  # PyYAML

    positions = load(entry.content, PROJECT_NAME).positions()
    first, second, *_ = tags[several]
    for number in loose:
        line, column = positions.of(("commit_tags", number))
        problems.append(
            Problem(
                PROJECT_NAME,
                line,
                column,
                f"commit_tags[{number}]",
                f"{several}:{first} and {several}:{second} would get the same tag",
                f"write {project.commit_tags[number]}-{{tag}}",
            )
        )
