"""Images of a distribution past its end of life, and of one that trivy does not know: reported as not examined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site

pytestmark = pytest.mark.real

OLD = "RUN echo 8.11 > /etc/debian_version && printf 'ID=debian\\nVERSION_ID=\"8\"\\n' > /etc/os-release\n"
STATUS = """\
Package: curl
Status: install ok installed
Maintainer: nobody <nobody@example.org>
Architecture: amd64
Version: 7.88.1-10
Description: for a test

"""
FILES = {
    "images/old/image.yml": samples.image("1.0.0"),
    "images/old/Dockerfile.tmpl": samples.DEBIAN + OLD,
    "images/unknown/image.yml": samples.image("1.0.0"),
    "images/unknown/Dockerfile.tmpl": "FROM scratch\n",
    "images/unknown/rootfs/etc/os-release": 'ID=void\nVERSION_ID="1"\n',
    "images/unknown/rootfs/var/lib/dpkg/status": STATUS,
}


def test_what_trivy_has_no_data_for_closes_the_gate_unless_the_policy_lets_it_pass(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(FILES)
    done = site.run("push", "--json", cwd=root, expect=7)
    closed = {t["image"]: [v for v in t["verdicts"] if not v["passed"]] for t in done.json["targets"]}
    assert {(v["gate"], v["state"]) for found in closed.values() for v in found} == {
        ("vulnerabilities", "not examined")
    }
    [old], [unknown] = (closed[name][0]["reasons"] for name in ("old", "unknown"))
    assert old.startswith("debian 8.11 has reached its end of life")
    assert unknown == "1 package of void: the scanner has no data for it"

    assert site.run("push", "--json", cwd=root, expect=7).json["engine_used"] is False, "a fact, and no fault"
    policy = tmp_path / "policy.yml"
    policy.write_text("policy: {vulnerabilities: {unexamined: warn}}\n")
    site.run("policy", "try", policy, cwd=root)
