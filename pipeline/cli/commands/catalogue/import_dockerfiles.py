"""import: turn a folder of plain Dockerfiles into a catalogue; planned first, then written, nothing overwritten."""

from __future__ import annotations

from collections.abc import Mapping
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
    from pipeline.importing.layout import Layout
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


def _names(texts: tuple[str, ...]) -> Mapping[str, str]:
    names = {}
    for text in texts:
        folder, _, image = text.partition("=")
        if not (folder := folder.removeprefix("./").rstrip("/")):
            raise UsageError(f"--name {text[:80]!r} names no folder", hint="--name takes FOLDER=IMAGE")
        names[folder] = _image(image, f"--name {text[:80]!r}")
    return names


def _arguments(texts: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not name or not equals:
            hint = "--build-arg NAME=VALUE; NAME= gives an empty value"
            raise UsageError(f"--build-arg {name[:80]!r} has no value", hint=hint)
    return {name: value for name, _, value in pairs}


def _image(text: str, given: str = "--image") -> str:
    from pipeline.importing.names import valid_name

    if not valid_name(text):
        hint = "lower case letters, digits, '.', '_' and '-'; --name takes FOLDER=IMAGE"
        raise UsageError(f"{given}: {text[:80]!r} is not the name of an image", hint=hint)
    return text


def _layouts(texts: tuple[str, ...]) -> tuple[Layout, ...]:
    from pipeline.importing.layout import Layout

    layouts = []
    for text in texts:
        try:
            layouts.append(Layout.parse(text))
        except ValueError as error:
            hint = (
                "a path of folders, such as '<name>/<version>/<os>': <name> is the image, the others its tag"
            )
            raise UsageError(f"--layout {text[:80]!r}: {error}", hint=hint) from None
    return tuple(layouts)


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
    image: str | None = option(
        "--image",
        metavar="NAME",
        convert=_image,
        help="the only image: folders are its tags, as in 3.13/slim",
    )
    names: Mapping[str, str] = repeated(
        "--name", metavar="FOLDER=IMAGE", convert=_names, help="the image of a folder; may be repeated"
    )
    layouts: tuple[Layout, ...] = repeated(
        "--layout",
        metavar="PATTERN",
        convert=_layouts,
        help="where Dockerfiles are, such as '<name>/<version>/<os>'; may be repeated",
    )
    context: str | None = option(
        "--context",
        metavar="DIR",
        help="the build context of every Dockerfile, below the folder that is read; . is that one itself",
    )
    args: Mapping[str, str] = repeated(
        "--build-arg",
        metavar="NAME=VALUE",
        convert=_arguments,
        help="a build argument, kept as args: of image.yml where an ARG has this name; may be repeated",
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
    unread = len(result.imported.unread)
    verb = "would be written" if options.plan else "written"
    console.message(
        f"{converted} of {len(images) + unread} images imported, {len(result.new)} files {verb} in {result.root}"
    )
    if unread:
        hint = _layout_hint(result.imported)
        console.message(f"{unread} of them {'was' if unread == 1 else 'were'} not read{hint}")
    if converted and not options.plan:
        from .scaffold import in_folder

        console.message(f"next: lockage{in_folder(result.root)} plan")
    return Exit.OK if converted == len(images) and not unread else Exit.CONFIG


def _import(options: ImportOptions) -> ImportResult:
    from pipeline.importing import import_folder
    from pipeline.importing.discover import declared_dockerfiles, is_read
    from pipeline.importing.layout import Naming
    from pipeline.importing.options import Given
    from pipeline.importing.scaffold import check_name, project_name

    from ...files.folder import read_folder
    from ...files.new_files import refuse_collisions, write_new
    from .scaffold import ignore_dist

    folder, root = options.common.root / options.folder, options.common.root / options.output
    name = folder.resolve().name
    project = check_name(options.project or project_name(name))
    source = read_folder(folder, is_read)
    if more := declared_dockerfiles(source):
        source = read_folder(folder, lambda file: is_read(file) or file in more)
    naming = Naming(options.image, options.names, options.layouts)
    if options.layouts and not options.image and not all(layout.names_image for layout in options.layouts):
        raise UsageError("--layout without <name> needs --image", hint="--image NAME is the only image")
    given = Given(options.args, options.context)
    imported = import_folder(
        source, name, project=project, prefixes=options.prefixes, naming=naming, given=given
    )
    if not imported.images:
        unread = [Problem(str(folder / path), 0, 0, "", reason) for path, reason in imported.left]
        raise ConfigError(
            unread or [Problem(str(folder), 0, 0, "", "holds no Dockerfile")],
            hint="expected are <name>/Dockerfile, <name>/<tag>/Dockerfile or <name>.Dockerfile"
            + _layout_hint(imported),
        )
    files, bases_to_add = _files(imported, root)
    hint = "--output DIR writes it elsewhere"
    new = refuse_collisions(root, files, folder, hint) if imported.files else []
    if new and not options.plan:
        write_new(root, files, folder, new)
        new += ignore_dist(root)
    return ImportResult(imported, root, tuple(new), tuple(bases_to_add))


def _layout_hint(imported: Imported) -> str:
    from pipeline.importing.discover import DEEPER

    deeper = any(reason == DEEPER for _, reason in imported.left)
    return (
        "; --layout '<name>/<version>/<os>' takes them, with another --layout for each other depth"
        if deeper
        else ""
    )


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
