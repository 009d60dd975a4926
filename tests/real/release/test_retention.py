"""`lockage retention` as a user runs it: a plan, the deletion, the ledger, and the errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.real import samples
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.git import commit

pytestmark = pytest.mark.real

_RULES = """\
retention:
  builds: {unplanned: 30d}
  environments:
    dev:
      rules:
        - {tags: ["v*"], versions: release, last: 1}
        - {tags: ["pr-{pr}"], until_closed: true}
    prod: {rules: [{tags: ["*"], forever: true}]}
"""


def test_old_versions_and_closed_pull_requests_go_and_the_rest_is_whole(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(samples.hello())
    settings = root / "lockage.yml"
    name = settings.read_text().partition("project: ")[2].split()[0]
    assert "no rules for retention" in site.run("retention", cwd=root, expect=2).err
    settings.write_text(settings.read_text() + _RULES)
    commit(root)
    site.run("run", cwd=root)
    dev, prod = f"{site.registry}/{name}/dev/hello", f"{site.registry}/{name}/prod/hello"
    (own,) = tags(dev)
    source = crane("digest", f"{prod}:1.2.3")
    child = json.loads(crane("manifest", f"{prod}@{source}"))["manifests"][0]["digest"]
    for tag in ("v1.0.0", "v2.0.0", "pr-7", "pr-8"):
        crane("mutate", f"{dev}@{child}", "--annotation", f"tag={tag}", "--tag", f"{dev}:{tag}")
    digests = {tag: crane("digest", f"{dev}:{tag}") for tag in ("v1.0.0", "v2.0.0", "pr-7", "pr-8")}

    numbers = root.parent / "closed"
    numbers.write_text("#7\n\n")
    plan = site.run("retention", "--json", "--closed-pull-requests", numbers, cwd=root).json
    Draft202012Validator(site.run("schema", "retention").json).validate(plan)
    going = {a["tag"] for one in plan["repositories"] for a in one["delete"] if a["kind"] == "tag"}
    assert going == {"v1.0.0", "pr-7"}
    assert tags(dev) == {own, *digests}, "a plan deletes nothing"
    shown = site.run("retention", "--env", "dev", cwd=root)
    assert "v1.0.0" in shown.out and "not of the last 1" in shown.out and "pr-7" not in shown.out
    assert "--apply performs them" in shown.err

    saved = root.parent / "retention.json"
    site.run("retention", "--closed-pull-requests", numbers, "--plan-file", saved, cwd=root)
    Draft202012Validator(site.run("schema", "saved-plan").json).validate(json.loads(saved.read_text()))
    edited = root.parent / "edited.json"
    edited.write_text(saved.read_text().replace("v1.0.0", "v2.0.0"))
    assert "edited after it was written" in site.run("apply", edited, cwd=root, expect=2).err
    crane("tag", f"{dev}@{digests['v2.0.0']}", "v1.0.0")
    moved = site.run("apply", saved, cwd=root, expect=7)
    assert f"{dev}:v1.0.0  planned: {digests['v1.0.0'][7:19]} → nothing; now: " in moved.err
    assert tags(dev) == {own, *digests}, "nothing was deleted"
    crane("tag", f"{dev}@{digests['v1.0.0']}", "v1.0.0")
    numbers.unlink()
    done = site.run("apply", saved, cwd=root)
    assert "4 tags and manifests deleted" in done.err and "none broken" in done.err
    assert "the ledger of dev has other entries since" in site.run("apply", saved, cwd=root, expect=7).err
    assert tags(dev) == {own, "v2.0.0", "pr-8"}
    assert crane("ls", prod).split() and crane("validate", "--remote", f"{prod}:1.2.3")
    for tag in ("v1.0.0", "pr-7"):
        crane("manifest", f"{dev}@{digests[tag]}", expect=1)
    for tag in (own, "v2.0.0", "pr-8"):
        crane("validate", "--remote", f"{dev}:{tag}")
    site.run("verify", f"{prod}:1.2.3", cwd=root)
    history = site.run("history", "--env", "dev", cwd=root)
    assert "retention" in history.out and f"hello:v1.0.0  {digests['v1.0.0'][7:19]} → nothing" in history.out
    site.run("history", "--env", "prod", "--check", cwd=root)
    again = site.run("run", "--json", cwd=root)
    assert not any(image["written"] for image in again.json["images"]), "it left nothing to do"

    assert "0 tags and manifests deleted" in site.run("retention", "--apply", "--closed", "7", cwd=root).err
    assert "is to come" in site.run("retention", "--apply", "--as-of", "9999-01-01", cwd=root, expect=2).err
    assert "is not a time" in site.run("retention", "--as-of", "soon", cwd=root, expect=2).err
    numbers.write_text("seven\n")
    bad = site.run("retention", "--closed-pull-requests", numbers, cwd=root, expect=2)
    assert "'seven' is no number of a pull request" in bad.err
    assert "no environment is called" in site.run("retention", "--env", "nope", cwd=root, expect=2).err
    settings.write_text(settings.read_text().replace(", last: 1", ""))
    refused = site.run("retention", cwd=root, expect=3)
    assert "the rule keeps nothing" in refused.err and "lockage.yml:" in refused.err
