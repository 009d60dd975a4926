"""Rules for images that are used, on images that went through the chain: their provenance, verdict and tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.real.tools import tags
from tests.tools.git import commit
from tests.tools.signing.bundles import new_pair

pytestmark = pytest.mark.real

ALL = """\
      attestations: [sbom, findings, tests, verdict]
      provenance:
        build_types: ["https://lockage.org/build/**"]
        branches: [main, master]
        bases: [docker.io/library/debian]
        max_age: 1d
      verdict: {verifiers: ["https://lockage.org/**"], max_age: 1d}
"""


def test_an_environment_takes_what_meets_its_rules_and_nothing_else(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    settings, plain = root / "lockage.yml", (root / "lockage.yml").read_text()
    (root / "keys").mkdir()
    (root / "keys" / "other.pub").write_bytes(new_pair().public)

    def with_rules(rules: str) -> None:
        lines = [
            line.replace('}/prod/{image}"}', '}/prod/{image}"}') for line in plain.splitlines(keepends=True)
        ]
        at = next(n for n, line in enumerate(lines) if "name: prod" in line)
        repository = lines[at].partition('repository: "')[2].partition('"')[0]
        lines[at] = f'  - name: prod\n    repository: "{repository}"\n    verify:\n{rules}'
        settings.write_text("".join(lines))
        commit(root)

    with_rules("      signers: [{key: keys/other.pub}]\n")
    refused = site.run("run", "--to", "prod", cwd=root, expect=7)
    assert "does not meet verify: of prod" in refused.err and "signers" in refused.err
    repository = f"{site.registry}/{plain.partition('builds: ')[2].partition('/')[0]}/prod/hello"
    assert not tags(repository)

    with_rules(ALL.replace("[docker.io/library/debian]", "[docker.io/library/alpine]"))
    refused = site.run("run", "--to", "prod", cwd=root, expect=7)
    assert "provenance.bases" in refused.err

    with_rules(ALL)
    site.run("run", "--to", "prod", cwd=root)
    assert "1.2.3" in tags(repository)
    (checked,) = site.run("verify", "--env", "prod", "--json", cwd=root).json
    assert checked["met"]
    rules = {check["rule"] for subject in checked["subjects"] for check in subject["checks"]}
    assert {"attestations.tests", "provenance.branches", "provenance.bases", "verdict.max_age"} <= rules
    output = site.run("verify", "--env", "prod", f"{repository}:1.2.3", cwd=root).out
    assert "provenance.branches: refs/heads/" in output

    with_rules(ALL.replace("[main, master]", "[release/*]"))
    assert "provenance.branches" in site.run("verify", "--env", "prod", cwd=root, expect=7).err
