"""Grype beside trivy and in its place: findings joined before they are judged, its data fetched, aged and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.tools.git import commit
from tests.tools.scanning.grype_server import GrypeServer, serving_grype

pytestmark = pytest.mark.real

BUILT = "2026-11-20T06:00:00Z"
# CVE-2099-0001 is HIGH in trivy's sample data; CVE-2099-0010 is in grype's alone, CVE-2099-0003 in trivy's.
FLAW = "  - {{id: {}, ecosystem: debian 12, package: {}, severity: {}, {}published: 2026-10-05, title: made up}}\n"
ADVISORIES = (
    "format: 1\nupdated: 2026-11-20T00:00:00Z\nadvisories:\n"
    + FLAW.format("CVE-2099-0001", "curl", "CRITICAL", "fixed_version: '9', ")
    + FLAW.format("CVE-2099-0010", "perl", "HIGH", "fixed_version: '99', ")
)
NEWER = ADVISORIES + FLAW.format("CVE-2099-0011", "base-files", "CRITICAL", "")
SECRET = "RUN echo token=ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8 > /etc/token\n"
LOOSE = "gates: {vulnerabilities: {scanner: grype}}\n"
IMAGES = {
    "images/weak/image.yml": samples.image("1.0.0"),
    "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL + SECRET,
    "images/alone/image.yml": samples.image("1.0.0", extra=LOOSE),
    "images/alone/Dockerfile.tmpl": "FROM weak:1.0.0\nRUN echo alone > /etc/alone\n",
}
POLICY = """grype_db: {listing}
policy:
  secrets: warn
  loosen: [scanner]
  vulnerabilities:
    scanner: both
    max_age: 3650d
    ignore:
      - {{id: CVE-2099-0001, owner: team, reason: test, expires: 2999-12-31}}
{ignore}"""
ALSO = "      - {id: CVE-2099-0010, owner: team, reason: test, expires: 2999-12-31}\n"


@pytest.fixture(scope="module")
def server() -> Iterator[GrypeServer]:
    with serving_grype() as made:
        yield made


def found(site: Site, root: Path) -> dict[str, dict[str, Any]]:
    """The findings of each image by their id."""
    targets = site.run("findings", "--json", cwd=root).json["targets"]
    return {t["image"]: {f["id"]: f for f in t["findings"] or ()} for t in targets}


def tools(site: Site, root: Path, image: str) -> dict[str, tuple[str, str | None]]:
    """What examined an image, with the day of its data."""
    targets = site.run("findings", "--json", cwd=root).json["targets"]
    (used,) = (t["tools"] for t in targets if t["image"] == image)
    days = {stage: (tool["name"], (tool["data_date"] or "")[:10] or None) for stage, tool in used.items()}
    return {stage: tool for stage, tool in days.items() if stage not in ("sbom", "tests", "java")}


def write(root: Path, text: str) -> None:
    """Another policy, committed."""
    settings = root / "lockage.yml"
    settings.write_text(settings.read_text().partition("grype_db:")[0] + text)
    commit(root)


def test_both_scanners_judge_together_and_with_todays_data(
    site: Site, project: Callable[..., Path], server: GrypeServer, tmp_path: Path
) -> None:
    server.publish(tmp_path / "old", ADVISORIES, BUILT)
    policy = partial(POLICY.format, listing=server.listing)
    root = project(IMAGES, policy(ignore=""))
    closed = site.run("run", "--reports", tmp_path / "reports", cwd=root, expect=7)
    assert (
        "CVE-2099-0010 HIGH in perl-base" in closed.err and "(fixed in 99), reported by grype;" in closed.err
    )
    assert [path.rpartition(".")[2] for path in server.requests] == ["json", "gz"], "once each for a run"
    weak = found(site, root)["weak"]
    assert {id: (f["severity"], f["scanners"]) for id, f in weak.items()} == {
        "CVE-2099-0001": ("CRITICAL", ["grype", "trivy"]),
        "CVE-2099-0002": ("MEDIUM", ["trivy"]),
        "CVE-2099-0003": ("LOW", ["trivy"]),
        "CVE-2099-0010": ("HIGH", ["grype"]),
    }
    assert weak["CVE-2099-0010"]["layer"]["diff_id"] == weak["CVE-2099-0002"]["layer"]["diff_id"]
    both = {"scan": ("trivy", "2026-11-01"), "scan-by-grype": ("grype", BUILT[:10])}
    assert tools(site, root, "weak") == both
    files = {path.name: path.read_text() for path in (tmp_path / "reports").iterdir() if path.is_file()}
    assert sorted(name for name, text in files.items() if "grype" not in text) == []

    # Nothing to do again but what nobody has done: judged by another policy, then the image that waited for it.
    write(root, policy(ignore=ALSO))
    server.requests.clear()
    done = site.run("run", "--json", cwd=root).json
    assert {t["image"]: t["status"] for t in done["targets"]} == {"weak": "reused", "alone": "built"}
    assert server.requests == ["/v6/latest.json"], "the archive is in the cache"
    assert tools(site, root, "weak") == both
    assert tools(site, root, "alone") == {"scan": ("grype", BUILT[:10]), "secrets": ("trivy", None)}
    alone = found(site, root)["alone"]
    assert {id: f["scanners"] for id, f in alone.items()} == {
        "CVE-2099-0001": ["grype"],
        "CVE-2099-0010": ["grype"],
    }
    images = [image["reference"] for image in done["images"]]
    table = site.run("findings", *(f"--image={image}" for image in images), cwd=root)
    assert "grype, trivy" in table.out and f"by grype 0.121.3, data of {BUILT[:10]}" in table.err

    # Newer data closes what passed; without a request there is none.
    server.publish(tmp_path / "new", NEWER, "2026-11-25T06:00:00Z")
    server.requests.clear()
    offline = site.run("rescan", "--env", "prod", "--offline", "--json", cwd=root).json
    assert server.requests == [] and {image["source"] for image in offline["images"]} == {None}
    today = site.run("rescan", "--env", "prod", "--json", cwd=root, expect=7).json
    assert {image["source"] for image in today["images"]} == {"image"}
    assert all("CVE-2099-0011" in str(image["opened"]) for image in today["images"])
    assert {str(image.get("beside"))[:18] for image in today["images"]} == {"None", "[{'name': 'grype',"}
    again = site.run("rescan", "--env", "prod", "--json", cwd=root, expect=7).json
    assert {image["source"] for image in again["images"]} == {None}, "the new findings are signed"


def test_the_lab_has_data_for_it(site: Site, project: Callable[..., Path]) -> None:
    files = {name: text for name, text in IMAGES.items() if "weak" in name}
    root = project(files, "policy: {secrets: warn, vulnerabilities: {scanner: both, fail_on: [CRITICAL]}}\n")
    site.run("scan", cwd=root)
    ids = {f"CVE-2099-000{number}" for number in (1, 2, 3)}
    weak = found(site, root)["weak"]
    assert {id: f["scanners"] for id, f in weak.items()} == {id: ["grype", "trivy"] for id in ids}
    assert tools(site, root, "weak")["scan-by-grype"] == ("grype", "2026-11-01")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "/v6/latest.json"),
        ({"/v6/latest.json": b"<html>"}, "is not a listing of grype's data"),
    ],
)
def test_without_grype_s_data_nothing_passes(
    site: Site, project: Callable[..., Path], server: GrypeServer, files: dict[str, bytes], problem: str
) -> None:
    server.files = files
    root = project(samples.hello(), POLICY.format(listing=server.listing, ignore=""))
    done = site.run("run", cwd=root, expect=None)
    assert done.code not in (0, 7) and problem in done.err, done.err
    assert site.run("current", "--env", "dev", cwd=root, expect=None).out.count("hello") == 0
