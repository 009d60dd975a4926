"""import: a folder of plain Dockerfiles becomes a catalogue; said first, then written, nothing overwritten."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, Exit, Problem, UsageError
from pipeline.importing import ASIDE, Imported, import_folder
from pipeline.importing.discover import is_dockerfile
from pipeline.importing.scaffold import check_name, project_name, schema_files
from pipeline.model import Reference
from pipeline.plan.output.disk import Generated

from .. import output
from ..folder import read_folder
from ..new_files import refuse_collisions, write_new
from .init import editor_schemas, ignore_dist

if TYPE_CHECKING:
    pass

_PROJECT = "lockage.yml"


def run(options: argparse.Namespace) -> int:
    """Read, plan, report, and unless `--plan` write. Exit code 3 where an image was set aside."""
    folder: Path = options.root / options.folder
    root: Path = options.root / options.output
    name = folder.resolve().name
    project = check_name(options.project or project_name(name))
    source = read_folder(folder, lambda n: is_dockerfile(n) or n.endswith(".dockerignore"))
    found = import_folder(source, name, project=project, prefixes=_prefixes(options.prefix))
    if not found.images:
        raise ConfigError(
            [Problem(str(folder), 0, 0, "", "holds no Dockerfile")],
            hint="<name>/Dockerfile, <name>/<tag>/Dockerfile and <name>.Dockerfile are looked for",
        )
    files, add = _files(found, root)
    hint = "--output DIR writes it elsewhere"
    new = refuse_collisions(root, files, folder, hint) if found.files else []
    if new and not options.plan:
        write_new(root, files, folder, new)
        new += ignore_dist(root)
    _report(options, found, root, new, add)
    return Exit.CONFIG if any(i.status == ASIDE for i in found.images) else Exit.OK


def _prefixes(texts: list[str]) -> tuple[str, ...]:
    """What images may be called in front. Raises UsageError."""
    prefixes = tuple(text.rstrip("/") for text in texts)
    for prefix in prefixes:
        try:
            Reference.parse(f"{prefix}/image")
        except ValueError:
            hint = "--prefix takes what stands before the image's name in FROM, such as ghcr.io/acme"
            raise UsageError(f"--prefix {prefix[:80]!r} is not host[/path]", hint=hint) from None
    return prefixes


def _files(found: Imported, root: Path) -> tuple[dict[str, Generated], list[str]]:
    """What is to be written, lockage.yml last; and the bases to be added by hand to one that is there."""
    texts = {p: t for p, t in schema_files(editor_schemas()).items() if not (root / p).exists()}
    schemas = {path: Generated("file", content=text.encode()) for path, text in texts.items()}
    files: dict[str, Generated] = {**schemas, **found.files}
    project = files.pop(_PROJECT, None)
    there = root / _PROJECT
    if project is not None and not there.exists():
        return {**files, _PROJECT: project}, []
    text = there.read_text(encoding="utf-8", errors="replace") if there.is_file() else ""
    return files, [str(base) for base in found.bases if str(base) not in text and base.familiar not in text]


def _report(options: argparse.Namespace, found: Imported, root: Path, new: list[str], add: list[str]) -> None:
    made = sum(i.status != ASIDE for i in found.images)
    if options.json:
        output.data(
            {
                "folder": str(root),
                "images": [i.to_json() for i in found.images],
                "bases": [str(b) for b in found.bases],
                "bases_to_add": add,
                "not_read": [{"path": path, "reason": reason} for path, reason in found.left],
                "files": new,
                "written": bool(new) and not options.plan,
            }
        )
    else:
        for image in found.images:
            output.out(f"{image.name}  {image.status}, from {image.dockerfile}\n")
            for line in image.done:
                output.out(f"    {line}\n")
            for line in image.by_hand:
                output.out(f"    by hand: {line}\n")
        for path, reason in found.left:
            output.out(f"{path}  not read: {reason}\n")
        for base in add:
            output.out(f"by hand: add {base} to bases: in {root / _PROJECT}\n")
    verb = "would be written" if options.plan else "written"
    output.say(f"{made} of {len(found.images)} images imported, {len(new)} files {verb} in {root}")
    at = "" if root.resolve() == Path().resolve() else f" -C {root}"
    if made and not options.plan:
        output.say(f"next: lockage{at} plan")
