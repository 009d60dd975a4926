"""`lockage lint`: hadolint's findings at the lines of the templates, and the gate that they close."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site

pytestmark = pytest.mark.real

FILES = {
    "images/tool/image.yml": samples.image("1.0.0", "1.1.0"),
    "images/tool/Dockerfile.tmpl": (
        "{# a comment of the template takes a line #}\nFROM debian:bookworm-slim AS made\n"
        "RUN cd /tmp && echo {{ tag }} > /t\n# hadolint ignore=DL3003\nRUN cd /srv && echo fine > /f\n"
        "FROM scratch\nCOPY --from=made /t /f /\n"
    ),
}
POLICY = "policy: {lint: {fail_on: warning}, loosen: [lint]}\n"


def test_findings_are_at_template_lines_and_close_nothing_by_default(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(FILES)
    done = site.run("lint", "--json", cwd=root)
    [finding] = done.json["findings"]
    assert (finding["path"], finding["line"]) == ("images/tool/Dockerfile.tmpl", 3)
    assert (finding["rule"], finding["level"], finding["closes"]) == ("DL3003", "warning", [])
    assert finding["tags"] == ["tool:1.0.0", "tool:1.1.0"], "two Dockerfiles, one line of one template"
    assert "images/tool/Dockerfile.tmpl:3: DL3003 warning: Use WORKDIR" in site.run("lint", cwd=root).out


def test_a_fleet_is_linted_in_one_call(site: Site, project: Callable[..., Path]) -> None:
    files: dict[str, str] = {}
    for number in range(400):
        files[f"images/tool-{number}/image.yml"] = "tags: [1]\n"
        files[f"images/tool-{number}/Dockerfile.tmpl"] = f"FROM scratch\nLABEL number={number}\nWORKDIR app\n"
    done = site.run("lint", "--json", cwd=project(files))
    assert {finding["rule"] for finding in done.json["findings"]} == {"DL3000"}
    assert len(done.json["findings"]) == 400


def test_a_dockerfile_that_hadolint_fails_on_is_not_examined_and_the_others_are(
    site: Site, project: Callable[..., Path]
) -> None:
    """Hadolint 2.15.1 ends with an error at a WORKDIR of one character."""
    crashing = {
        "images/crash/image.yml": samples.image("1"),
        "images/crash/Dockerfile.tmpl": "FROM scratch\nWORKDIR x\n",
    }
    root = project(FILES | crashing, "policy: {lint: {fail_on: error}}\n")
    done = site.run("lint", "--json", cwd=root, expect=7)
    found = {(finding["path"], finding["rule"]) for finding in done.json["findings"]}
    assert found == {("images/crash/Dockerfile.tmpl", "hadolint"), ("images/tool/Dockerfile.tmpl", "DL3003")}
    assert done.json["closed"] == ["crash:1"]
    states = {
        target["image"]: {v["gate"]: v["state"] for v in target["verdicts"]}
        for target in site.run("push", "--json", cwd=root, expect=7).json["targets"]
    }
    assert (states["crash"]["lint"], states["tool"]["lint"]) == ("not examined", "passed")


def test_the_policy_closes_the_gate_and_an_image_may_ignore_a_rule(
    site: Site, project: Callable[..., Path]
) -> None:
    lenient = {
        "images/lenient/image.yml": samples.image("1", extra="gates: {lint: {ignore: [DL3003]}}\n"),
        "images/lenient/Dockerfile.tmpl": (
            "FROM debian:bookworm-slim AS made\nRUN cd /tmp && echo a > /t\nFROM scratch\nCOPY --from=made /t /\n"
        ),
    }
    root = project(FILES | lenient, POLICY)
    done = site.run("lint", "--json", cwd=root, expect=7, GITHUB_ACTIONS="true")
    assert done.json["closed"] == ["tool:1.0.0", "tool:1.1.0"]
    assert "::error file=images/tool/Dockerfile.tmpl,line=3,col=1,title=DL3003::" in done.err

    pushed = site.run("push", "--json", cwd=root, expect=7)
    status = {t["id"]: t["status"] for t in pushed.json["targets"]}
    assert status["lenient/1/linux-amd64"] == "built" and status["tool/1.0.0/linux-amd64"] == "closed"
    assert "line 3 of the Dockerfile: DL3003 warning" in pushed.err
    again = site.run("push", "--json", cwd=root, expect=7)
    assert again.json["engine_used"] is False, "what linters reported is in the records"
