"""Map lines of a target's Dockerfile to template lines, for build errors and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.catalogue.templating import lines

if TYPE_CHECKING:
    from .plan import Plan


def template_line(plan: Plan, target_id: str, line: int) -> lines.Line | None:
    """The template's file and line for a line (from 1) of a target's Dockerfile.

    The line that copies rootfs/ maps to FROM. None if it is unknown, or there is no such line.
    """
    from pipeline.catalogue.cascade import resolve
    from pipeline.catalogue.discover import discover
    from pipeline.catalogue.templating.rendering import plain_dockerfile

    target = plan.by_id[target_id]
    source = plan.source
    if source is None or target.template is None:
        return None
    definitions = resolve(source, discover(source).images, [])
    definition = next((d for d in definitions if (d.image, d.tag) == (target.image, target.tag)), None)
    if definition is None:
        return None
    plain = plain_dockerfile(source, target.template, definition)
    return lines.template_line(source, target.template, definition, plain, target.dockerfile, line)
