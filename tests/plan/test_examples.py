"""Catalogues as people have them: this repository's own, and the examples of the description."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from pipeline.catalogue import read_source
from pipeline.plan import generated_files, make_plan
from tests.catalogue.sample import SourceFile, folder, image, plan

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def own():
    return make_plan(read_source(ROOT))


def test_our_own_catalogue(own):
    tags = {t.name: t.tags for t in own.targets}
    assert tags == {
        "base:2026.11": ("2026.11", "2026"),
        "curl:7.88.1": ("7.88.1", "7", "7.88"),
        "nginx:1.22.1": ("1.22.1", "1", "1.22"),
        "python:3.11.2": ("3.11.2", "3", "3.11"),
        "python:3.9.16": ("3.9.16", "3.9"),
        "python:3.11.2-dev": ("3.11.2-dev", "3-dev", "3.11-dev"),
        "python:3.9.16-dev": ("3.9.16-dev", "3.9-dev"),
    }
    assert not any(t.warnings for t in own.targets)
    assert [str(r) for r in own.by_id["base/2026.11/linux-amd64"].external_bases] == [
        "docker.io/library/debian:bookworm-slim"
    ]


def test_every_target_of_ours_has_a_test_with_commands(own):
    for target in own.targets:
        found = yaml.safe_load(target.test)
        assert str(found["schemaVersion"]) == "2.0.0"
        assert found["commandTests"]
        assert found["metadataTest"]


def test_the_later_level_wins_in_ours(own):
    links = {
        t.tag: next(e.target for e in t.rootfs if e.kind == "link")
        for t in own.targets
        if t.image == "python"
    }
    assert links == {
        "3.11.2": "/usr/bin/python3",
        "3.11.2-dev": "/usr/bin/python3",
        "3.9.16": "/usr/bin/pypy3",
        "3.9.16-dev": "/usr/bin/pypy3",
    }


def test_the_ignore_of_ours_says_who_and_why(own):
    [ignore] = own.project.policy.vulnerabilities.ignore
    assert ignore.id == "CVE-2099-0001"
    assert ignore.expires > date(2026, 12, 31)
    assert ignore.owner
    assert ignore.reason


PYTHON = """
versions: {base: 2025.09}
rootfs_user: "0:0"
tags:
  - name: 3.13.7
  - name: 3.13.6
    rootfs_user: "1000:1000"
variants:
  - name: semantic-release
    rootfs_user: "node:node"
    versions: {semantic_release: 24.2.0}
  - name: browser
    suffix: -browser
"""

DESCRIPTION = (
    folder("base", image("[2025.09]"))
    | folder("dotnet/9", image("[9.0.100, 9.0.200, 9.1.50]", "variants: [semantic]\n", "FROM base:2025.09\n"))
    | {
        "python/rootfs/etc/python-info": "level=image\n",
        "python/rootfs/etc/image-level-only": "",
        "python/3/image.yml": PYTHON,
        "python/3/Dockerfile.tmpl": "FROM base:{{ versions.base }}\nUSER 0\n",
        "python/3/Dockerfile.semantic-release.tmpl": (
            "FROM {{ image }}:{{ base_tag }}\nRUN npm i semantic-release@{{ versions.semantic_release }}\n"
        ),
        "python/3/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n",
        "python/3/rootfs/etc/python-info": "level=version\n",
        "python/3/rootfs/etc/version-only": "",
        "python/3/rootfs/etc/link": SourceFile("link", target="python-info"),
        "python/3/semantic-release/rootfs/etc/variant-only": "",
    }
)


def test_the_description_s_own_examples():
    files = generated_files(plan(DESCRIPTION))
    texts = {path: f.content.decode() for path, f in files.items() if path.endswith("/Dockerfile")}
    assert texts == {
        "base/2025.09/Dockerfile": "FROM debian:12\n",
        **{
            f"dotnet/{tag}/Dockerfile": "FROM base:2025.09\n"
            for version in ("9.0.100", "9.0.200", "9.1.50")
            for tag in (version, f"{version}-semantic")
        },
        "python/3.13.7/Dockerfile": "FROM base:2025.09\nCOPY --chown=0:0 rootfs/ /\nUSER 0\n",
        "python/3.13.6/Dockerfile": "FROM base:2025.09\nCOPY --chown=1000:1000 rootfs/ /\nUSER 0\n",
        "python/3.13.7-browser/Dockerfile": "FROM base:2025.09\nCOPY --chown=0:0 rootfs/ /\nUSER 0\n",
        "python/3.13.6-browser/Dockerfile": "FROM base:2025.09\nCOPY --chown=1000:1000 rootfs/ /\nUSER 0\n",
        "python/3.13.7-semantic-release/Dockerfile": (
            "FROM python:3.13.7\nCOPY --chown=node:node rootfs/ /\nRUN npm i semantic-release@24.2.0\n"
        ),
        "python/3.13.6-semantic-release/Dockerfile": (
            "FROM python:3.13.6\nCOPY --chown=node:node rootfs/ /\nRUN npm i semantic-release@24.2.0\n"
        ),
    }
    rootfs = {
        p.removeprefix("python/3.13.7/rootfs/"): f
        for p, f in files.items()
        if p.startswith("python/3.13.7/root")
    }
    assert rootfs["etc/python-info"].origin == "images/python/3/rootfs/etc/python-info"
    assert rootfs["etc/link"].target == "python-info"
    assert "python/3.13.7-semantic-release/rootfs/etc/variant-only" in files
    assert "python/3.13.7-browser/rootfs/etc/variant-only" not in files
