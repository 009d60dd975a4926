"""Images that ONBUILD names: they are pulled by builds that are based on this image.

BuildKit resolves such a name in the build of the dependent, as written, without this catalogue's
lock. So the image must be listed in `bases:`, and only a digest in the Dockerfile pins it.
"""

from __future__ import annotations

from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.dockerfile.image_names import named_images
from pipeline.dockerfile.instructions import scanned
from pipeline.errors import Problem
from pipeline.model import Reference

from ..graph import Names, UnknownBase


def check_onbuild(source: Source, item: Rendered, names: Names, problems: list[Problem]) -> tuple[str, ...]:
    """Append a problem for each image in ONBUILD that no dependent could use; return warnings for the others."""
    warnings: list[str] = []
    instructions = scanned(item.dockerfile).instructions
    last = next((n for n in reversed(range(len(instructions))) if instructions[n].keyword == "FROM"), 0)
    for instruction in instructions[last:]:
        trigger = instruction.later
        if trigger is None or trigger.keyword not in ("COPY", "ADD", "RUN"):
            continue
        line = instruction.line
        try:
            images = [word.text for word in named_images(trigger, item.dockerfile)]
        except ValueError as error:
            problems.append(item.problem(source, line, "ONBUILD", str(error)))
            continue
        for name in images:
            if name == "scratch" or name.isdecimal():
                continue
            try:
                doubt = _doubt(name, names)
            except UnknownBase as error:
                problems.append(item.problem(source, line, "ONBUILD", error.message, error.suggestion))
                continue
            if doubt:
                warnings.append(item.warning(source, line, "ONBUILD", *doubt))
    return tuple(warnings)


def _doubt(name: str, names: Names) -> tuple[str, str] | None:
    """Why a name may resolve to another image later, and the remedy; None if it cannot. Raises `UnknownBase`."""
    if names.is_internal(name):
        raise UnknownBase(
            name,
            f"{name} is made here, and a build that is based on this image would look for it on Docker Hub",
            "write out where it is published",
        )
    if not any(character in name for character in ":/@"):
        return (
            f"{name} must be a stage of every image that is based on this one",
            "an image is written with its tag",
        )
    names.external(name)
    if Reference.parse(name).digest is not None:
        return None
    return f"no lock pins {name} in builds that are based on this image", f"write {name}@sha256:…"
