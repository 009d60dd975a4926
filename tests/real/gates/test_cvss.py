"""Gates by CVSS score, on scores that trivy itself reads from its database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from tests.real import samples
from tests.real.scan.test_rescan import DATABASE, made_database
from tests.real.site import Site

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[2] / "data" / "advisories" / "cvss.yml"
POLICY = "policy: {vulnerabilities: {fail_on: [CRITICAL], cvss: 7.0}}\n"


def test_scores_close_whatever_the_severity(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    repository = f"{site.registry}/mirror/ghcr.io/aquasecurity/trivy-db"
    anyio.run(made_database, repository, "cvss", DATA, tmp_path)
    image = samples.DEBIAN + samples.VULNERABLE_CURL
    files = {"images/weak/image.yml": samples.image("1.0.0"), "images/weak/Dockerfile.tmpl": image}
    root = project(files, DATABASE.format(tag="cvss") + POLICY)
    done = site.run("scan", "--json", cwd=root, expect=7)
    [target] = done.json["targets"]
    [verdict] = [verdict for verdict in target["verdicts"] if verdict["gate"] == "vulnerabilities"]
    closes = [reason.partition("; an ")[0] for reason in verdict["reasons"]]
    assert [text.partition(", an ignore")[0] for text in closes] == [
        "CVE-2099-8001 MEDIUM in curl 7.88.1-10 (fixed in 7.88.1-99); its CVSS score is 9.8; curl 7.88.1-99",
        "CVE-2099-8002 LOW in curl 7.88.1-10 (fixed in 7.88.1-99); its CVSS score is 7.0; curl 7.88.1-99",
    ]
    assert verdict["notes"] == [
        "1 finding without a CVSS score: CVE-2099-8004; only fail_on can close on them"
    ]
    [known] = site.run("findings", "--json", cwd=root).json["targets"]
    scores = {finding["id"]: finding["cvss"] for finding in known["findings"]}
    assert {id[-4:]: score for id, score in scores.items()} == {
        "8001": 9.8,
        "8002": 7.0,
        "8003": 6.9,
        "8004": None,
    }
