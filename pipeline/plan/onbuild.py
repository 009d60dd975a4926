"""What an image puts off with ONBUILD: images that are named here and taken by builds that are based on it.

BuildKit resolves such a name in the build of the dependent, as it is written, and knows nothing of this catalogue's
lock. So an image must be listed, and is pinned only by a digest that is written.
"""

from __future__ import annotations

from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.dockerfile.bases import named_images
from pipeline.dockerfile.instructions import scanned
from pipeline.errors import Problem
from pipeline.model import Reference

from .graph import Names, UnknownBase


def check_onbuild(source: Source, item: Rendered, names: Names, problems: list[Problem]) -> tuple[str, ...]:
    """Append a problem for each image in an ONBUILD of a tag that no build could have; gives warnings for the rest."""
    warnings: list[str] = []
    every = scanned(item.dockerfile).instructions
    last = next((n for n in reversed(range(len(every))) if every[n].keyword == "FROM"), 0)
    for instruction in every[last:]:
        later = instruction.later
        if later is None or later.keyword not in ("COPY", "ADD", "RUN"):
            continue
        where = item.definition.name
        try:
            found = [word.text for word in named_images(later, item.dockerfile)]
        except ValueError as error:
            path, line = item.place(source, instruction.line)
            problems.append(Problem(path, line, 1, "ONBUILD", f"{error} ({where})"))
            continue
        for name in found:
            if name == "scratch" or name.isdecimal():
                continue
            path, line = item.place(source, instruction.line)
            try:
                warning = _judge(name, names)
            except UnknownBase as error:
                problems.append(
                    Problem(path, line, 1, "ONBUILD", f"{error.message} ({where})", error.suggestion)
                )
                continue
            if warning:
                message, hint = warning
                warnings.append(str(Problem(path, line, 1, "ONBUILD", message, hint)))
    return tuple(warnings)


def _judge(name: str, names: Names) -> tuple[str, str] | None:
    """Why a name may lead somewhere else tomorrow; None if it cannot. Raises `UnknownBase`."""
    if names.is_internal(name):
        raise UnknownBase(
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
