"""A planted image as syft lists it, and trivy's data about it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from pipeline.lab.seed import java_database, vulnerability_database
from pipeline.lab.settings import LabSettings, quiet
from tests.tools.scanning import planted

ADVISORIES = Path(__file__).parents[2] / "data" / "advisories" / "sbom.yml"
KINDS = {"debian": planted.debian, "alpine": planted.alpine, "scratch": planted.scratch}


@dataclass(frozen=True)
class Listed:
    """A planted image with its documents, parsed and as files of a folder."""

    image: planted.Planted
    folder: Path
    raw: Mapping[str, bytes]

    @property
    def cyclonedx(self) -> Any:
        return json.loads(self.raw["cyclonedx-json"])

    @property
    def spdx(self) -> Any:
        return json.loads(self.raw["spdx-json"])

    @property
    def syft(self) -> Any:
        return json.loads(self.raw["syft-json"])


def write_data(folder: Path, advisories: Path) -> None:
    """Write trivy's databases into its cache."""
    for name in ("db", "java-db"):
        (folder / name).mkdir()
    anyio.run(
        vulnerability_database.write, folder / "db", LabSettings.from_env(os.environ), quiet, advisories
    )
    java_database.write(folder / "java-db")


def list_packages(folder: Path, files: Mapping[str, bytes | str]) -> Listed:
    image = planted.plant(folder, files)
    return Listed(image, folder / "sbom", planted.completed(image, folder / "sbom"))
