"""`lockage policy`: the gates in force with the lines that set them, and another policy tried on what is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.real.tools import tags

pytestmark = pytest.mark.real

FILES = {
    "images/weak/image.yml": samples.image("1.0.0", extra="gates: {size: {max: 900MB}}\n"),
    "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL,
    **samples.system("apart"),
}


def test_another_policy_is_tried_on_records_and_changes_nothing(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(FILES)
    site.run("scan", cwd=root, expect=7)
    before = tags(f"{site.registry}/{_builds(root)}")
    policy = tmp_path / "policy.yml"

    policy.write_text("policy: {vulnerabilities: {fail_on: [CRITICAL]}}\n")
    done = site.run("policy", "try", policy, "--json", cwd=root)
    assert {t["id"]: (t["now"], t["then"]) for t in done.json["targets"]} == {
        "apart/1.2.3/linux-amd64": ("passed", "passed"),
        "weak/1.0.0/linux-amd64": ("closed", "passed"),
    }

    policy.write_text("policy: {vulnerabilities: {fail_on: [LOW, MEDIUM]}}\n")
    done = site.run("policy", "try", policy, "apart", cwd=root, expect=7)
    assert "apart/1.2.3/linux-amd64  passed -> closed" in done.out
    assert "CVE-2099-0003 LOW in base-files" in done.out and "nothing was changed" in done.err
    assert tags(f"{site.registry}/{_builds(root)}") == before


def test_the_gates_of_a_target_name_the_lines_that_set_them(site: Site, project: Callable[..., Path]) -> None:
    root = project(FILES, "policy: {vulnerabilities: {max_age: 30d}}\n")
    values = {v["key"]: v for v in site.run("policy", "explain", "weak:1.0.0", "--json", cwd=root).json}
    assert values["gates.size.max"]["value"] == 900_000_000
    assert values["gates.size.max"]["place"]["path"] == "images/weak/image.yml"
    assert values["gates.vulnerabilities.max_age"]["value"] == 30
    assert values["gates.vulnerabilities.max_age"]["place"]["path"] == "lockage.yml"
    assert all(key.startswith("gates.") for key in values)


def _builds(root: Path) -> str:
    lines = (root / "lockage.yml").read_text().splitlines()
    return next(line.split()[1].strip('"') for line in lines if line.startswith("builds:"))
