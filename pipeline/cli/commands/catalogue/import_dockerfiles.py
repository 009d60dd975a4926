"""import: turn a folder of plain Dockerfiles into a catalogue; planned first, then written, nothing overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, EnvironmentProblem, Exit, Problem, UsageError
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file

from ...command import Command
from ...output import console
from .import_options import ImportOptions

if TYPE_CHECKING:
    from pipeline.importing import Imported
    from pipeline.importing.import_record import Earlier
    from pipeline.plan import Generated

    from ...files.reimport import ImportChanges

_PROJECT = "lockage.yml"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was imported to `root`: the difference to what is there, and bases to add by hand to a lockage.yml that
    exists. `shown` are lines that show what changes in files, `staying` the folders of images that an earlier import
    made, and this one does not, though their Dockerfiles are there."""

    imported: Imported
    root: Path
    changes: ImportChanges
    bases_to_add: tuple[str, ...]
    shown: Mapping[str, tuple[str, ...]]
    staying: tuple[str, ...]


def import_dockerfiles(options: ImportOptions) -> int:
    """Read, plan, report, and unless `--plan` write. Exit code 3 where an image was set aside, or a file that would
    change was edited."""
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
        f"{converted} of {len(images) + unread} images imported, {_count(result.changes, verb)} in {result.root}"
    )
    kept = len(result.changes.kept)
    if kept:
        files = "1 file" if kept == 1 else f"{kept} files"
        console.message(
            f"{files} edited here since the last import: see what changed with --plan, and merge by hand"
        )
    if unread:
        hint = _layout_hint(result.imported)
        console.message(f"{unread} of them {'was' if unread == 1 else 'were'} not read{hint}")
    if converted and not options.plan:
        from .scaffold import in_folder

        console.message(f"next: lockage{in_folder(result.root)} plan")
    return Exit.OK if converted == len(images) and not unread and not kept else Exit.CONFIG


def _count(changes: ImportChanges, verb: str) -> str:
    text = f"{len(changes.new)} files {verb}"
    for name, paths in (("changed", changes.changed), ("removed", changes.removed)):
        text += f", {len(paths)} {name}" if paths else ""
    return text


def _import(options: ImportOptions) -> ImportResult:
    from pipeline.importing import ASIDE, import_folder
    from pipeline.importing.discover import declared_dockerfiles, is_read
    from pipeline.importing.import_record import NOTHING_EARLIER, Earlier
    from pipeline.importing.layout import Naming
    from pipeline.importing.options import BuildDefaults
    from pipeline.importing.scaffold import check_name, project_name

    from ...files.folder import read_folder
    from ...files.reimport import difference, shown, take
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
    given = BuildDefaults(options.args, options.context)
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
    records = _records(root)
    key = relpath(folder.resolve(), root.resolve())
    aside = {f"images/{image.name.partition(':')[0]}" for image in imported.images if image.status == ASIDE}
    earlier = records.get(key, NOTHING_EARLIER) if imported.files else NOTHING_EARLIER
    others = {  # made under other names or by other options: their Dockerfiles are still there
        place: dockerfile
        for place, dockerfile in earlier.dockerfiles.items()
        if place not in imported.dockerfiles and source.get(dockerfile) is not None
    }
    hint = "--output DIR writes it elsewhere"
    wanted = files if imported.files else {}
    changes = difference(root, wanted, folder, earlier.files, aside | others.keys(), hint)
    lines = {
        path: tuple(shown(root, files, folder, path))
        for path in (*changes.changed, *changes.kept)
        if options.plan
    }
    if not options.plan and imported.files:
        take(root, files, folder, changes)
        _write_records(root, {**records, key: Earlier(changes.digests, {**others, **imported.dockerfiles})})
        if changes.new:
            changes = replace(changes, new=(*changes.new, *ignore_dist(root)))
    staying = tuple(place for place in sorted(others) if place not in aside)
    return ImportResult(imported, root, changes, tuple(bases_to_add), lines, staying)


def _records(root: Path) -> dict[str, Earlier]:
    """What earlier imports wrote, by the folder that they read."""
    from pipeline.importing.import_record import RECORD, read_record

    try:
        return read_record(read_file(Path(RECORD), root=root))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise EnvironmentProblem(f"cannot read {root / RECORD}: {error.strerror}") from None


def _write_records(root: Path, imports: Mapping[str, Earlier]) -> None:
    from pipeline.importing.import_record import RECORD, record_text

    try:
        replace_file(Path(RECORD), record_text(imports), root=root)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {root / RECORD}: {error.strerror}") from None


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
            "files": list(result.changes.new),
            "changed": list(result.changes.changed),
            "removed": list(result.changes.removed),
            "edited": list(result.changes.edited),
            "kept": list(result.changes.kept),
            "staying": list(result.staying),
            "written": bool(result.changes) and not options.plan,
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
    changes = result.changes
    verbs = (("changed", changes.changed), ("removed", changes.removed), ("edited here", changes.edited))
    for verb, paths in (*verbs, ("edited here, and kept", changes.kept)):
        for path in paths:
            console.print_line(f"{path}  {verb}")
            for line in result.shown.get(path, ()):
                console.print_line(line)
    for path in result.staying:
        console.print_line(f"{path}  of an earlier import, and kept: its Dockerfile is still there")
    for base in result.bases_to_add:
        console.print_line(f"by hand: add {base} to bases: in {result.root / _PROJECT}")


COMMANDS = {"import": Command(ImportOptions, import_dockerfiles)}
