"""init: write a first catalogue to a folder."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, option, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """What `init` understands."""

    common: CommonOptions = group(CommonOptions)
    folder: Path = positional(
        nargs="?", default=Path(), type=Path, metavar="DIR", help="where (default: here)"
    )
    project: str | None = option(
        "--project", metavar="NAME", help="the project's name (default: the folder's)"
    )


def init(options: InitOptions) -> int:
    """Write a first catalogue that builds as it is. No existing file is changed but .gitignore, which gets a line."""
    from pipeline.importing.scaffold import check_name, first_catalogue, project_name

    from ...files.new_files import refuse_collisions, write_new
    from .scaffold import editor_schemas, ignore_dist, in_folder

    root = options.common.root / options.folder
    project = check_name(options.project or project_name(root.resolve().name))
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is not a folder", hint="lockage init FOLDER")
    files = first_catalogue(project, editor_schemas())
    hint = "`lockage init OTHER` writes one to another folder; `lockage plan` shows the existing one"
    new = refuse_collisions(root, files, None, hint)
    write_new(root, files, None, new)
    written = [*new, *ignore_dist(root)]
    if options.common.json:
        console.print_json({"folder": str(root), "project": project, "written": written})
    else:
        for path in written:
            console.print_line(str(path))
    at = in_folder(root)
    console.message(f"{len(written)} files written; `lockage{at} plan` shows what there is to build")
    console.message(f"next: lockage{at} run")
    return Exit.OK


COMMANDS = {"init": Command(InitOptions, init)}
