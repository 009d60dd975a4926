"""import: turn a folder of plain Dockerfiles into a catalogue; planned first, then written, nothing overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, EnvironmentProblem, Exit, Problem, UsageError
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file

from ...arguments import flag, group, option, positional, repeated
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.importing import Imported
    from pipeline.plan import Generated

_PROJECT = "lockage.yml"


def _prefixes(texts: tuple[str, ...]) -> tuple[str, ...]:
    from pipeline.model import Reference

    prefixes = tuple(text.rstrip("/") for text in texts)
    for prefix in prefixes:
        try:
            Reference.parse(f"{prefix}/image")
        except ValueError:
            hint = "--prefix takes what precedes the image's name in FROM, such as ghcr.io/acme"
            raise UsageError(f"--prefix {prefix[:80]!r} is not host[/path]", hint=hint) from None
    return prefixes


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What `import` understands."""

    common: CommonOptions = group(CommonOptions)
    folder: Path = positional(type=Path, metavar="DIR", help="folder that holds the Dockerfiles")
    output: Path = option(
        "--output", type=Path, default=Path(), metavar="ROOT", help="where the catalogue goes (default: here)"
    )
    prefixes: tuple[str, ...] = repeated(
        "--prefix",
        metavar="HOST/PATH",
        convert=_prefixes,
        help="the prefix of your own images' names in FROM, such as ghcr.io/acme; may be repeated",
    )
    project: str | None = option(
        "--project", metavar="NAME", help="the project's name (default: the folder's)"
    )
    plan: bool = flag("--plan", help="report what would be written; write nothing")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was imported to `root`: new files, and bases to add by hand to a lockage.yml that exists."""

    imported: Imported
    root: Path
    new: tuple[str, ...]
    bases_to_add: tuple[str, ...]


def import_dockerfiles(options: ImportOptions) -> int:
    """Read, plan, report, and unless `--plan` write. Exit code 3 where an image was set aside."""
    from pipeline.importing import ASIDE

    result = _import(options)
    if options.common.json:
        _print_json(result, options)
    else:
        _print_text(result)
    images = result.imported.images
    converted = sum(image.status != ASIDE for image in images)
    verb = "would be written" if options.plan else "written"
    console.message(
        f"{converted} of {len(images)} images imported, {len(result.new)} files {verb} in {result.root}"
    )
    if converted and not options.plan:
        from .scaffold import in_folder

        console.message(f"next: lockage{in_folder(result.root)} plan")
    return Exit.OK if converted == len(images) else Exit.CONFIG


def _import(options: ImportOptions) -> ImportResult:
    from pipeline.importing import import_folder
    from pipeline.importing.discover import is_dockerfile
    from pipeline.importing.scaffold import check_name, project_name

    from ...files.folder import read_folder
    from ...files.new_files import refuse_collisions, write_new
    from .scaffold import ignore_dist

    folder, root = options.common.root / options.folder, options.common.root / options.output
    name = folder.resolve().name
    project = check_name(options.project or project_name(name))
    source = read_folder(folder, lambda file: is_dockerfile(file) or file.endswith(".dockerignore"))
    imported = import_folder(source, name, project=project, prefixes=options.prefixes)
    if not imported.images:
        raise ConfigError(
            [Problem(str(folder), 0, 0, "", "holds no Dockerfile")],
            hint="expected are <name>/Dockerfile, <name>/<tag>/Dockerfile or <name>.Dockerfile",
        )
    files, bases_to_add = _files(imported, root)
    hint = "--output DIR writes it elsewhere"
    new = refuse_collisions(root, files, folder, hint) if imported.files else []
    if new and not options.plan:
        write_new(root, files, folder, new)
        new += ignore_dist(root)
    return ImportResult(imported, root, tuple(new), tuple(bases_to_add))


def _files(imported: Imported, root: Path) -> tuple[dict[str, Generated], list[str]]:
    """What is to be written, lockage.yml last; and the bases to add by hand to one that exists."""
    from pipeline.importing.scaffold import schema_files
    from pipeline.plan import Generated

    from .scaffold import editor_schemas

    texts = {
        path: text for path, text in schema_files(editor_schemas()).items() if not (root / path).exists()
    }
    schemas = {path: Generated("file", content=text.encode()) for path, text in texts.items()}
    files: dict[str, Generated] = {**schemas, **imported.files}
    project, existing = files.pop(_PROJECT, None), root / _PROJECT
    if project is not None and not existing.exists():
        return {**files, _PROJECT: project}, []
    try:
        text = read_file(existing).decode(errors="replace") if existing.is_file() else ""
    except OSError as error:
        raise EnvironmentProblem(f"cannot read {existing}: {error.strerror}") from None
    bases = [str(base) for base in imported.bases if base.familiar not in text and str(base) not in text]
    return files, bases


def _print_json(result: ImportResult, options: ImportOptions) -> None:
    imported = result.imported
    console.print_json(
        {
            "folder": str(result.root),
            "images": [image.to_json() for image in imported.images],
            "bases": [str(base) for base in imported.bases],
            "bases_to_add": list(result.bases_to_add),
            "not_read": [{"path": path, "reason": reason} for path, reason in imported.left],
            "files": list(result.new),
            "written": bool(result.new) and not options.plan,
        }
    )


def _print_text(result: ImportResult) -> None:
    for image in result.imported.images:
        console.print_line(f"{image.name}  {image.status}, from {image.dockerfile}")
        for line in image.done:
            console.print_line(f"    {line}")
        for line in image.by_hand:
            console.print_line(f"    by hand: {line}")
    for path, reason in result.imported.left:
        console.print_line(f"{path}  not read: {reason}")
    for base in result.bases_to_add:
        console.print_line(f"by hand: add {base} to bases: in {result.root / _PROJECT}")


COMMANDS = {"import": Command(ImportOptions, import_dockerfiles)}
