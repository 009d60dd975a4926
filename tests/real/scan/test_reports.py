"""Reports of a real scan: where a package is, what a CI is given, and what never leaves the image."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.tools.git import commit

pytestmark = pytest.mark.real

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
DOCKERFILE = samples.DEBIAN + "ENV A=b\n" + samples.VULNERABLE_CURL + f"RUN echo token={TOKEN} > /etc/token\n"
IGNORE = """\
policy:
  vulnerabilities:
    ignore:
      - {id: CVE-2099-0001, owner: platform-team, reason: only for this test, expires: 2999-12-31}
"""


def test_a_finding_is_reported_where_it_comes_from(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(
        {"images/weak/image.yml": samples.image("1.0.0"), "images/weak/Dockerfile.tmpl": DOCKERFILE}
    )
    out, step = tmp_path / "reports", tmp_path / "step.md"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(step), "GITHUB_WORKSPACE": str(root)}
    done = site.run("scan", "--reports", out, cwd=root, expect=7, **github)
    assert "findings pass unnoticed" in done.err and "lockage findings" in done.err
    assert "gate secrets closed" in step.read_text()

    (run,) = json.loads((out / "lockage.sarif").read_text())["runs"]
    lines = {
        result["ruleId"]: result["locations"][0]["physicalLocation"]["region"]["startLine"]
        for result in run["results"]
    }
    assert lines["CVE-2099-0001"] == 3, "the RUN that adds the package"
    assert lines["CVE-2099-0003"] == 1, "a package of the base, at FROM"
    (secret,) = [name for name in lines if name.startswith("secret-")]
    assert secret == "secret-github-pat"

    (root / "lockage.yml").write_text((root / "lockage.yml").read_text() + IGNORE)
    commit(root)
    found = site.run("findings", "--severity", "high", "--json", cwd=root).json["targets"][0]
    (finding,) = found["findings"]
    assert (finding["id"], finding["effect"]) == ("CVE-2099-0001", "ignored")
    assert finding["ignore"]["owner"] == "platform-team" and finding["published"]
    assert finding["location"] == {"path": "images/weak/Dockerfile.tmpl", "line": 3}
    table = site.run("findings", "--fixable", cwd=root)
    assert "images/weak/Dockerfile.tmpl:3" in table.out and "CVE-2099-0002" not in table.out

    again = tmp_path / "again"
    site.run("report", "--reports", again, cwd=root)
    for path in (*out.rglob("*.*"), *again.rglob("*.*"), step):
        assert TOKEN not in path.read_text(), f"{path.name} has the secret"
