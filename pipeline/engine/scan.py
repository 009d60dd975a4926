"""Vulnerabilities and secrets of an image: trivy with a given database, without a network or credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Reference

from .faults import explained
from .offline import OfflineStep, run_offline

if TYPE_CHECKING:
    import dagger

BINARY = "/usr/local/bin/trivy"
ARCHIVE = "/in/image.tar"  # what a report calls its artifact
_QUIET = ["--no-progress", "--format", "json", "--output", "/out/report.json"]
_OFFLINE = ["--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--offline-scan"]


async def scan_image(
    client: dagger.Client, tool: Reference, archive: dagger.File, database: dagger.Directory, *, subject: str
) -> bytes:
    """Trivy's JSON report on packages and secrets; `database` holds `trivy.db` and `metadata.json`."""
    command = [BINARY, "image", "--input", ARCHIVE, "--scanners", "vuln,secret", *_OFFLINE, *_QUIET]
    inputs = client.directory().with_file("image.tar", archive)
    # Trivy writes beside its database, so it gets a copy: a layer that all scans with this database share.
    cache = client.directory().with_directory("cache/db", database)
    with explained(f"scanning {subject}"):
        step = OfflineStep(tool, [command], own=cache, environment={"TRIVY_CACHE_DIR": "/own/cache"})
        out = run_offline(client, step, inputs)
        return (await out.file("report.json").contents()).encode()
