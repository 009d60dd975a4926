"""Grype's vulnerability database as an artifact: the files that its publisher serves, as a mirror has them.

The layers are named as the files are: `latest.json`, which lists the archive, and the archive.
"""

from __future__ import annotations

import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from pipeline.model import Digest
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import TITLE
from pipeline.util.json.canonical import compact
from pipeline.util.timestamps import format_timestamp

from ..layout.builder import LayoutBuilder
from ..settings import LabSettings, StepCallback
from . import advisories
from .database_writer import DatabaseWriter
from .layout_cache import SeedContext
from .official_images import GRYPE_DATABASE

RECIPE = 1  # raise when the result changes without its inputs; part of the key
NAME = "grype-database"
LISTING = "latest.json"
SCHEMA = "v6.1.10"
_ARTIFACT = "application/vnd.lockage.grype-db.v6"
_WRITER = DatabaseWriter("grype", "grypedb", NAME)
_FILE = "vulnerability.db"
_ARCHIVE = "vulnerability-db_v6.tar.gz"


def inputs(path: Path = advisories.SAMPLE) -> dict[str, object]:
    """Everything that determines the artifact; the key is a hash over it."""
    return _WRITER.inputs(RECIPE, path)


async def build(context: SeedContext, layout: LayoutBuilder, path: Path = advisories.SAMPLE) -> None:
    """Build the artifact in `layout`. Raises `ConfigError` for faults in the advisories and `EnvironmentProblem` if the
    writer fails."""
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".grype-db-") as name:
        folder = Path(name)
        await write(folder, context.settings, context.report, path)
        files = {file: (folder / file).read_bytes() for file in (LISTING, _ARCHIVE)}
    layers = [
        replace(layout.put(content, "application/octet-stream"), annotations={TITLE: file})
        for file, content in files.items()
    ]
    layout.finish(layout.manifest(layout.put(EMPTY_JSON, _ARTIFACT), layers), GRYPE_DATABASE.tag)


async def write(
    folder: Path, settings: LabSettings, report: StepCallback, path: Path = advisories.SAMPLE
) -> None:
    """Write the listing and the archive into a folder."""
    known = await _WRITER.write(folder, path, settings, report)
    await anyio.to_thread.run_sync(_pack, folder)
    listing = {
        "status": "active",
        "schemaVersion": SCHEMA,
        "built": format_timestamp(int(known.updated.timestamp())),
        "path": _ARCHIVE,
        "checksum": str(Digest.of((folder / _ARCHIVE).read_bytes())),
    }
    (folder / LISTING).write_bytes(compact(listing))


def _pack(folder: Path) -> None:
    with tarfile.open(folder / _ARCHIVE, "w:gz") as archive:
        archive.add(folder / _FILE, _FILE)
