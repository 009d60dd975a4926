"""Planted images with their documents, and scanners' data about them: made once for this folder, which is one group."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.scanning import planted

from .listing import ADVISORIES, KINDS, Listed, list_packages, write_data


@pytest.fixture(scope="package", params=KINDS)
def listed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Listed:
    return list_packages(tmp_path_factory.mktemp(request.param), KINDS[request.param]())


@pytest.fixture(scope="package")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Listed:
    return list_packages(tmp_path_factory.mktemp("debian"), planted.debian())


@pytest.fixture(scope="package")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trivy's cache with the advisories about planted packages."""
    folder = tmp_path_factory.mktemp("trivy")
    write_data(folder, ADVISORIES)
    return folder


@pytest.fixture(scope="package")
def grype_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grype's data of the same advisories."""
    folder = tmp_path_factory.mktemp("grype")
    planted.grype_data(folder, ADVISORIES)
    return folder
