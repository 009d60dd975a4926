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
from pipeline.lab.seed.official_images import own_platform
from pipeline.lab.settings import LabSettings, quiet
from pipeline.model import Reference
from pipeline.registry import Registry, push_layout
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.git import commit, git
from tests.tools.logins import access

pytestmark = pytest.mark.real

OLDER = Path(__file__).parents[2] / "data" / "advisories" / "two.yml"
DATABASE = "vulnerability_db: ghcr.io/aquasecurity/trivy-db:{tag}\n"
IGNORE = """
policy:
  vulnerabilities:
    ignore: [{id: CVE-2099-0001, owner: team, reason: only for this test, expires: 2999-12-31}]
"""


async def made_database(repository: str, tag: str, advisories: Path, folder: Path) -> None:
    """A database of these advisories under a tag of the mirror."""
    layout = LayoutBuilder(folder / tag)
    layout.root.mkdir()
    context = SeedContext(own_platform(), LabSettings.from_env(os.environ), quiet)
    await vulnerability_database.build(context, layout, advisories)
    async with Registry(access()) as registry:
        await push_layout(registry, layout.root, Reference.parse(f"{repository}:{tag}").repository, tag)


@pytest.fixture
def older(site: Site, tmp_path: Path) -> str:
    """The tag of data of a month earlier that knows nothing of curl, in the mirror."""
    repository = f"{site.registry}/mirror/ghcr.io/aquasecurity/trivy-db"
    anyio.run(made_database, repository, "older", OLDER, tmp_path)
    return DATABASE.format(tag="older")


SECRET = "RUN echo token=ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8 > /etc/token\n"
WEAK = {
    "images/weak/image.yml": samples.image("1.0.0"),
    "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL + SECRET,
}


def test_a_promotion_is_judged_by_todays_data_before_any_tag_moves(
    site: Site, project: Callable[..., Path], older: str
) -> None:
    root = project(WEAK, older + "policy: {secrets: warn}\n")
    signed = site.run("sign", "--json", cwd=root).json["images"][0]["reference"]
    production = signed.partition("@")[0].rpartition(":")[0].replace("/dev/", "/prod/")
    sha = git(root, "rev-parse", "HEAD")
    promote = ("promote", "weak", "--to", "prod", "--revision", sha)
    [planned] = site.run(*promote, "--plan", "--json", cwd=root).json
    assert [scan["source"] for scan in planned["scans"]] == [None], "the data is the same"

    settings = root / "lockage.yml"
    plain = settings.read_text().replace(older, DATABASE.format(tag="2"))
    settings.write_text(plain)
    commit(root)
    [planned] = site.run(*promote, "--plan", "--json", cwd=root).json
    assert [(scan["source"], scan["data_date"][:10]) for scan in planned["scans"]] == [("sbom", "2026-10-01")]
    assert len(planned["moves"]) == 3
    [planned] = site.run(*promote, "--plan", "--data", "signed", "--json", cwd=root).json
    assert [scan["source"] for scan in planned["scans"]] == [None]

    for new in ("new since the findings of 2026-10-01: CVE-2099-0001 in curl", ""):
        refused = site.run(*promote, cwd=root, expect=7)
        assert "weak:1.0.0 is not promoted" in refused.err and "CVE-2099-0001 HIGH in curl" in refused.err
        assert new in refused.err
        assert _names(production) == set()
    assert "new since" not in refused.err, "the findings were attested by the first attempt"

    settings.write_text(plain.replace("policy: {secrets: warn}\n", IGNORE + "  secrets: warn\n"))
    commit(root)
    done = site.run(*promote, "--json", "--offline", cwd=root)
    [scan] = done.json[0]["scans"]
    assert scan["source"] is None and scan["data_date"].startswith("2026-11-01")
    assert _names(production) == {"1", "1.0", "1.0.0"}
    [rescanned] = site.run("rescan", "--env", "prod", "--json", cwd=root).json["images"]
    assert rescanned["scanned"] is False, "what was attested was copied"
    notes = {v["gate"]: v["notes"] for v in rescanned["verdicts"]}
    assert any("/etc/token" in note for note in notes["secrets"]), "no bill of materials lists secrets"


def test_newer_data_is_judged_and_attested_and_moves_nothing(
    site: Site, project: Callable[..., Path], older: str
) -> None:
    root = project(WEAK, older + "policy: {secrets: warn}\n")
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
    assert image["scanned"] and image["source"] == "sbom" and image["data_date"].startswith("2026-11-01")
    assert "CVE-2099-0001" in {finding["id"] for finding in image["opened"]}
    assert any("CVE-2099-0001 HIGH in curl" in r for v in image["verdicts"] for r in v["reasons"])
    assert {tag: crane("digest", f"{production}:{tag}") for tag in _names(production)} == before

    settings.write_text(
        settings.read_text().replace("policy: {secrets: warn}\n", IGNORE + "  secrets: warn\n")
    )
    commit(root)
    again = site.run("rescan", "--env", "prod", "--json", cwd=root)
    assert [i["scanned"] for i in again.json["images"]] == [False], "the findings are attested"
    assert "no tag moved" in again.err

    crane("copy", f"{site.registry}/mirror/docker.io/library/debian:bookworm-slim", f"{production}:foreign")
    done = site.run("rescan", "--env", "prod", cwd=root, expect=7)
    assert f"{production}:foreign  not examined" in done.out and "is not signed by" in done.out


def _names(repository: str) -> set[str]:
    return {tag for tag in tags(repository) if not tag.startswith("sha256-")}
