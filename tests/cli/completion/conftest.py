"""A catalogue whose names are completed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogue.sample import put

CATALOGUE = {
    "lockage.yml": """\
version: 1
project: demo
bases: [debian:12]
environments:
  - {name: dev, repository: "dev/{image}"}
  - {name: prod, repository: "prod/{image}"}
""",
    "images/app/image.yml": "title: An app\ntags: [1.2.3, 2.0.0]\nplatforms: [linux/amd64, linux/arm64]\n",
    "images/app/Dockerfile.tmpl": "FROM base:1\n",
    "images/apple/image.yml": "tags: [1.0.0]\n",
    "images/apple/Dockerfile.tmpl": "FROM debian:12\n",
    "images/base/image.yml": "tags: [1.0.0]\nplatforms: [linux/amd64, linux/arm64]\n",
    "images/base/Dockerfile.tmpl": "FROM debian:12\n",
}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue on the disk, and a home and a cache of the test's own."""
    put(tmp_path / "catalogue", CATALOGUE)
    monkeypatch.setenv("LOCKAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCKAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "catalogue")
    return tmp_path / "catalogue"
