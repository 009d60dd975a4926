"""`lockage rescan`: what an environment holds, judged by today's data; findings are attested, no tag moves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.lab.layout.builder import LayoutBuilder
from pipeline.lab.seed import vulnerability_database
from pipeline.lab.seed.layout_cache import SeedContext
from pipeline.lab.seed.seeding import own_platform
from pipeline.lab.settings import LabSettings, quiet
from pipeline.model import Reference
from pipeline.registry import Registry, push_layout
from tests.tools.git import commit
from tests.tools.logins import access

from . import samples
from .site import Site
from .tools import crane, tags

pytestmark = pytest.mark.real

OLDER = Path(__file__).parents[1] / "data" / "advisories" / "two.yml"
DATABASE = "vulnerability_db: ghcr.io/aquasecurity/trivy-db:{tag}\n"
IGNORE = """
policy:
  vulnerabilities:
    ignore: [{id: CVE-2099-0001, owner: team, reason: only for this test, expires: 2999-12-31}]
"""


async def older_database(repository: str, folder: Path) -> None:
    """Data of a month earlier that knows nothing of curl, under the tag `older`."""
    layout = LayoutBuilder(folder)
    context = SeedContext(own_platform(), LabSettings.from_env(os.environ), quiet)
    await vulnerability_database.build(context, layout, OLDER)
    async with Registry(access()) as registry:
        await push_layout(registry, folder, Reference.parse(f"{repository}:older").repository, "older")


def test_newer_data_is_judged_and_attested_and_moves_nothing(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "older"
    folder.mkdir()
    anyio.run(older_database, f"{site.registry}/mirror/ghcr.io/aquasecurity/trivy-db", folder)
    files = {
        "images/weak/image.yml": samples.image("1.0.0"),
        "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL,
    }
    root = project(files, DATABASE.format(tag="older"))
    promoted = site.run("run", "--json", cwd=root).json["images"][0]["promoted"]
    production = promoted[0].rpartition(":")[0]
    before = {tag: crane("digest", f"{production}:{tag}") for tag in _names(production)}
    assert site.run("rescan", "--env", "prod", "--json", cwd=root).json["images"][0]["scanned"] is False

    settings = root / "lockage.yml"
    plain = settings.read_text()
    settings.write_text(plain.replace(DATABASE.format(tag="older"), DATABASE.format(tag="2")))
    commit(root)
    done = site.run("rescan", "--env", "prod", "--json", cwd=root, expect=7)
    [image] = done.json["images"]
    assert image["scanned"] and "CVE-2099-0001" in {finding["id"] for finding in image["opened"]}
    assert any("CVE-2099-0001 HIGH in curl" in r for v in image["verdicts"] for r in v["reasons"])
    assert {tag: crane("digest", f"{production}:{tag}") for tag in _names(production)} == before

    settings.write_text(settings.read_text() + IGNORE)
    commit(root)
    again = site.run("rescan", "--env", "prod", "--json", cwd=root)
    assert [i["scanned"] for i in again.json["images"]] == [False], "the findings are attested"
    assert "no tag moved" in again.err

    crane("copy", f"{site.registry}/mirror/docker.io/library/debian:bookworm-slim", f"{production}:foreign")
    done = site.run("rescan", "--env", "prod", cwd=root, expect=7)
    assert f"{production}:foreign  not examined" in done.out and "is not signed by" in done.out


def _names(repository: str) -> set[str]:
    return {tag for tag in tags(repository) if not tag.startswith("sha256-")}
