"""init: a first catalogue in a folder."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pipeline.errors import EnvironmentProblem, Exit, UsageError
from pipeline.importing.scaffold import check_name, first_catalogue, gitignore, project_name

from .. import output
from ..new_files import refuse_collisions, replace_text, write_new
from .schema import schema_of

_EDITOR = ("image", "variant", "project")


def init(options: argparse.Namespace) -> int:
    """Write a first catalogue that builds as it stands; nothing that is there is touched but .gitignore, which
    gets a line."""
    root: Path = options.root / options.folder
    project = check_name(options.project or project_name(root.resolve().name))
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is not a folder", hint="lockage init FOLDER")
    files = first_catalogue(project, editor_schemas())
    elsewhere = "lockage init OTHER makes one in another folder; `lockage plan` shows the one that is here"
    new = refuse_collisions(root, files, None, elsewhere)
    write_new(root, files, None, new)
    ignored = ignore_dist(root)
    if options.json:
        output.data({"folder": str(root), "project": project, "written": [*new, *ignored]})
    else:
        for path in (*new, *ignored):
            output.out(f"{path}\n")
    at = "" if root.resolve() == Path().resolve() else f" -C {root}"
    output.say(f"{len(new) + len(ignored)} files written; `lockage{at} plan` shows what there is to build")
    output.say(f"next: lockage{at} run")
    return Exit.OK


def editor_schemas() -> dict[str, str]:
    """The schemas that editors check what people write with, by kind."""
    return {kind: json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n" for kind in _EDITOR}


def ignore_dist(root: Path) -> list[str]:
    """Make .gitignore name dist/; gives the path if it had to be written."""
    place = root / ".gitignore"
    if place.is_symlink() or (place.exists() and not place.is_file()):
        return []
    try:
        before = place.read_text(encoding="utf-8") if place.exists() else ""
    except (OSError, UnicodeDecodeError) as fault:
        raise EnvironmentProblem(f"cannot read {place}: {fault}") from None
    after = gitignore(before)
    if after == before:
        return []
    replace_text(place, after)
    return [".gitignore"]
