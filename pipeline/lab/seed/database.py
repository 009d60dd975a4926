"""The vulnerability database as the OCI artifact that trivy downloads (schema 2)."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

from pipeline.model.descriptor import EMPTY_JSON
from pipeline.util.canonical_json import compact

from .. import process
from ..settings import LabSettings, Report
from ..tools import recipes, toolbox
from . import advisories
from .layers import SeedEntry, layer_of
from .layout import SeedLayout

REFERENCE = "ghcr.io/aquasecurity/trivy-db:2"
RECIPE = 1  # raise when what is made here changes; it is part of the cache key
NAME = "vulnerability-database"
STEP = f"seed {NAME}"
_CONFIG_TYPE = "application/vnd.aquasec.trivy.config.v1+json"
_LAYER_TYPE = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
_TITLE = {"org.opencontainers.image.title": "db.tar.gz"}
_WRITER = "trivydb"


def inputs(path: Path = advisories.SAMPLE) -> dict[str, object]:
    """Everything the artifact depends on; the cache key is made of it."""
    return {
        "recipe": RECIPE,
        "writer": recipes.key(recipes.tool(_WRITER)),
        "advisories": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


async def build(
    layout: SeedLayout, settings: LabSettings, report: Report, path: Path = advisories.SAMPLE
) -> None:
    """Make the artifact in `layout`: a manifest over one layer with `trivy.db` and `metadata.json`.

    Raises `ConfigError` for faults in the advisories and `EnvironmentProblem` if the writer fails.
    """
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".db-") as folder:
        files = await write(Path(folder), settings, report, path)
        layer = layer_of(
            [SeedEntry(file.name, 0o644, file) for file in files], layout.blobs, media_type=_LAYER_TYPE
        )
    config = layout.put(EMPTY_JSON, _CONFIG_TYPE)
    named = replace(layer.descriptor, annotations=_TITLE)
    layout.finish(layout.manifest(config, [named]), REFERENCE.rpartition(":")[2])


async def write(
    folder: Path, settings: LabSettings, report: Report, path: Path = advisories.SAMPLE
) -> tuple[Path, Path]:
    """Write `trivy.db` and `metadata.json` into a folder and give their paths."""
    listed = advisories.read(path)
    writer = await toolbox.ensure(_WRITER, settings, report) / _WRITER
    report(STEP, f"{len(listed.advisories)} advisories from {path.name}")
    given = folder / "advisories.json"
    given.write_bytes(compact(listed.to_writer()))
    await process.run(
        [str(writer), str(given), str(folder)], environ={}, what="writing the vulnerability database"
    )
    return folder / "trivy.db", folder / "metadata.json"
