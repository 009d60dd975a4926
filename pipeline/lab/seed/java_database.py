"""Trivy's Java database as the OCI artifact that it downloads (schema 1): Maven's artifacts by checksum and by name.

The lab knows one artifact, made up like its advisories: a jar of that name is identified, every other one is looked up
in vain, as a jar is that was never published.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import TITLE
from pipeline.util.json.canonical import compact

from ..layout.builder import LayoutBuilder
from ..layout.layers import TarEntry, layer_of
from .official_images import JAVA_DATABASE

RECIPE = 1  # raise when the result changes without its inputs; part of the key
NAME = "java-database"
GROUP, ARTIFACT, VERSION = "example.lockage", "lockage-lab-sample", "1.0"
_CONFIG_TYPE = "application/vnd.aquasec.trivy.config.v1+json"
_LAYER_TYPE = "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip"
_TITLE = {TITLE: "javadb.tar.gz"}
_UPDATED = "2026-11-01T00:00:00Z"
_NEXT_UPDATE = "2099-01-01T00:00:00Z"  # with a date in the past the scanner would look for a newer one
_NEVER = "0001-01-01T00:00:00Z"
_SCHEMA = """
CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
CREATE TABLE indices(
    artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT,
    FOREIGN KEY (artifact_id) REFERENCES artifacts(id)
);
CREATE UNIQUE INDEX artifacts_idx ON artifacts(artifact_id, group_id);
CREATE INDEX indices_artifact_idx ON indices(artifact_id);
CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1);
"""


def inputs() -> dict[str, object]:
    """Everything that determines the artifact; the key is a hash over it."""
    return {"recipe": RECIPE, "artifact": f"{GROUP}:{ARTIFACT}:{VERSION}", "updated": _UPDATED}


async def build(layout: LayoutBuilder) -> None:
    """Build the artifact in `layout`: a manifest with one layer of `trivy-java.db` and `metadata.json`."""
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".java-db-") as folder:
        files = write(Path(folder))
        entries = [TarEntry(file.name, 0o644, file) for file in files]
        layer = layer_of(entries, layout.blobs, media_type=_LAYER_TYPE)
    config = layout.put(EMPTY_JSON, _CONFIG_TYPE)
    titled = replace(layer.descriptor, annotations=_TITLE)
    layout.finish(layout.manifest(config, [titled]), JAVA_DATABASE.tag)


def write(folder: Path) -> tuple[Path, Path]:
    """Write `trivy-java.db` and `metadata.json` into a folder; returns their paths."""
    database, metadata = folder / "trivy-java.db", folder / "metadata.json"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(_SCHEMA)
        connection.execute("INSERT INTO artifacts VALUES (1, ?, ?)", (GROUP, ARTIFACT))
        connection.execute("INSERT INTO indices VALUES (1, ?, ?, 'jar')", (VERSION, bytes(20)))
        connection.commit()
    dates = {"NextUpdate": _NEXT_UPDATE, "UpdatedAt": _UPDATED, "DownloadedAt": _NEVER}
    metadata.write_bytes(compact({"Version": 1, **dates}))
    return database, metadata
