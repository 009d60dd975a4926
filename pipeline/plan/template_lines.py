"""Map lines of a target's Dockerfile to template lines, for build errors, explanations and reports."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.catalogue.templating import lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.catalogue.definition import Definition

    from .plan import Plan


def template_line(plan: Plan, target_id: str, line: int) -> lines.Line | None:
    """As `TemplateLines.of`, for one line."""
    return TemplateLines(plan).of(target_id, line)


class TemplateLines:
    """The lines of a plan's templates. The catalogue's cascade is read once, each template once for a target."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._plain: dict[str, str] = {}

    def of(self, target_id: str, line: int) -> lines.Line | None:
        """The template's file and line for a line (from 1) of a target's Dockerfile.

        The line that copies rootfs/ maps to FROM. None if it is unknown, or there is no such line.
        """
        from pipeline.catalogue.templating.rendering import plain_dockerfile

        target, source = self._plan.by_id[target_id], self._plan.source
        definition = self._definitions.get((target.image, target.tag))
        if source is None or target.template is None or definition is None:
            return None
        if target_id not in self._plain:
            self._plain[target_id] = plain_dockerfile(source, target.template, definition)
        plain = self._plain[target_id]
        return lines.template_line(source, target.template, definition, plain, target.dockerfile, line)

    def definition(self, target_id: str) -> tuple[str, int]:
        """The file and line (from 1; 0 where it is unknown) of the tag's own entry."""
        target = self._plan.by_id[target_id]
        definition = self._definitions.get((target.image, target.tag))
        if definition is None:
            return "lockage.yml", 0
        document, path = definition.position.document, definition.position.path
        return document.path, document.positions().of(path)[0]

    @cached_property
    def _definitions(self) -> Mapping[tuple[str, str], Definition]:
        from pipeline.catalogue.cascade import resolve
        from pipeline.catalogue.discover import discover

        source = self._plan.source
        if source is None:
            return {}
        return {(d.image, d.tag): d for d in resolve(source, discover(source).images, [])}
