"""The gates of images against the project's: an image may be stricter, and looser only where lockage.yml says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline.catalogue.definition import Position
from pipeline.config import Project
from pipeline.errors import Problem

if TYPE_CHECKING:
    from pipeline.catalogue.discover import ImageFolder


def check_loosened(project: Project, images: Iterable[ImageFolder], problems: list[Problem]) -> None:
    """Append a problem for every gate that an image.yml opens and the project's policy closes."""
    files = (file for image in images for file in (image.image, *image.versions) if file)
    for file in files:
        if file.file.gates is None:
            continue
        for name, path in file.file.gates.loosened(project.policy):
            if name not in project.loosen:
                position = Position(file.document, ("gates", *path))
                hint = f"policy: {{loosen: [{name}]}} in lockage.yml lets images do so"
                problems.append(position.problem("is looser than the project's policy", hint))
