"""Imports of folders that are written as mappings, and the catalogues that they give."""

from pathlib import Path

from pipeline.catalogue import Source, SourceFile
from pipeline.importing import import_folder
from pipeline.model import Platform
from pipeline.plan import make_plan

ROOT = Path(__file__).parent.parent.parent


PROJECT = "version: 1\nproject: demo\nbases: [debian:12]\n"


AMD64 = Platform("linux", "amd64")


DEBIAN = "FROM debian:12\n"


def imported(files, **options):
    options.setdefault("project", "demo")
    return import_folder(Source.of(files), options.pop("name", "demo"), **options)


def catalogue(found, files):
    """The source that is written, as it would be read again."""
    out = {}
    for path, file in found.files.items():
        if file.content is not None:
            out[path] = file.content
        elif file.kind == "file":
            given = files[file.origin]
            out[path] = given if not isinstance(given, str) else given.encode()
        else:
            out[path] = SourceFile(file.kind, file.mode, target=file.target)
    return Source.of(out)


def planned(files, **options):
    """The plan of what was imported: nothing is left out, nothing has a warning."""
    found = imported(files, **options)
    assert [i.status for i in found.images if i.status != "made"] == []
    return found, make_plan(catalogue(found, files))


def texts(plan):
    return {t.name: t.dockerfile for t in plan.targets}


def notes(found):
    return {i.name: [*i.done, *i.by_hand] for i in found.images}


# The command


def on_disk(root, files):
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return str(root)
