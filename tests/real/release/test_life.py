"""The whole life of an image, one command for each step: a commit's image, a release, the next one, a hotfix of the
older line, a rollback, retention. At its end crane, regctl and cosign look at what is left."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.run.publish.promotion_attestation import PROMOTION
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import cosign, crane, tags
from tests.tools.git import commit, git
from tests.tools.logins import environment
from tests.tools.peers import regctl

pytestmark = pytest.mark.real

_RULES = """\
commit_tags: ["ci-{sha}"]
retention:
  environments:
    dev:
      rules:
        - {tags: ["pr-{pr}"], until_closed: true}
    prod:
      rules:
        - {tags: ["*"], versions: release, last_of_line: 1}
"""


def test_the_whole_life_of_an_image(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    root = project(samples.hello())
    settings, template = root / "lockage.yml", root / "images/hello/Dockerfile.tmpl"
    name = settings.read_text().partition("project: ")[2].split()[0]
    settings.write_text(settings.read_text().replace("promote: automatic", "attest: true") + _RULES)
    dev, prod = f"{site.registry}/{name}/dev/hello", f"{site.registry}/{name}/prod/hello"

    def ci_image(message: str) -> str:
        """The digest of a commit's image, by what its job runs."""
        sha = commit(root, message)
        (image,) = site.run("run", "--json", cwd=root).json["images"]
        found: str = image["reference"].partition("@")[2]
        assert crane("digest", f"{dev}:ci-{sha}") == found
        return found

    def changed(line: str) -> None:
        template.write_text(template.read_text().replace("CMD", f"ENV {line.upper()}=yes\nCMD"))

    first = ci_image("feat: hello")
    git(root, "tag", "v1.0.0")
    site.run("release", "v1.0.0", cwd=root)
    changed("two")
    second = ci_image("feat!: another hello")
    git(root, "tag", "v2.0.0")
    site.run("release", "v2.0.0", cwd=root)
    git(root, "checkout", "--quiet", "-b", "v1", "v1.0.0")
    changed("fixed")
    hotfix = ci_image("fix: hello again")
    git(root, "tag", "v1.0.1")
    kept = site.run("release", "v1.0.1", cwd=root)
    assert f"{prod}:latest  kept at {second[7:19]}: v2.0.0 is newer than v1.0.1" in kept.out
    assert len({first, second, hotfix}) == 3
    assert crane("digest", f"{prod}:v1") == crane("digest", f"{prod}:v1.0") == hotfix

    back = site.run("rollback", "prod", "--reason", "1.0.1 breaks logins", cwd=root)
    assert f"{prod}:v1  {hotfix[7:19]} → {first[7:19]}" in back.out

    crane("tag", f"{dev}@{first}", "pr-7")
    child = json.loads(crane("manifest", f"{dev}@{first}"))["manifests"][0]["digest"]
    crane("mutate", f"{dev}@{child}", "--annotation", "of=pr-8", "--tag", f"{dev}:pr-8")
    closed, plan = crane("digest", f"{dev}:pr-8"), tmp_path / "retention.json"
    site.run("retention", "--closed", "7", "--closed", "8", "--plan-file", plan, cwd=root)
    moves = json.loads(plan.read_text())["moves"]
    assert {m["reference"] for m in moves} == {
        *(f"{dev}:pr-{number}" for number in (7, 8)),
        f"{dev}@{closed}",
    }, "a rollback may still go back to v1.0.0"
    assert "3 tags and manifests deleted" in site.run("apply", plan, cwd=root).err

    expected = {"v1": first, "v1.0": first, "v1.0.0": first, "v1.0.1": hotfix}
    expected |= dict.fromkeys(("v2.0.0", "v2.0", "v2", "latest"), second)
    assert {tag: crane("digest", f"{prod}:{tag}") for tag in tags(prod)} == expected
    assert {crane("digest", f"{dev}:{tag}") for tag in tags(dev)} == {first, second, hotfix}
    crane("manifest", f"{dev}@{closed}", expect=1)
    for repository in (dev, prod):
        for tag in tags(repository):
            crane("validate", "--remote", f"{repository}:{tag}")
    host = ("--host", f"reg={site.registry},tls=disabled")
    for tag, digest in expected.items():
        argv = [regctl(), *host, "manifest", "head", f"{prod}:{tag}"]
        seen = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
        assert seen.stdout.strip() == digest, seen.stderr

    key = ("--key", str(site.data / "keys/cosign.pub"))
    for version, digest in (("v1.0.0", first), ("v1.0.1", hotfix), ("v2.0.0", second)):
        verified = cosign("verify", *key, "-a", f"tag={version}", f"{prod}@{digest}", root=tmp_path)
        assert verified.returncode == 0, verified.stderr
    attested = cosign("verify-attestation", *key, "--type", PROMOTION, f"{prod}:v1", root=tmp_path)
    assert attested.returncode == 0, attested.stderr
    lines = [json.loads(line) for line in attested.stdout.splitlines()]
    statements = [json.loads(base64.b64decode(line["payload"])) for line in lines]
    done = {statement["predicate"]["command"]: statement["predicate"] for statement in statements}
    assert set(done) == {"release", "rollback"}
    assert done["rollback"]["tags"] == {"v1": hotfix, "v1.0": hotfix}
    assert done["rollback"]["reason"] == "1.0.1 breaks logins" and done["rollback"]["environment"] == "prod"

    history = site.run("history", "--env", "prod", "--check", "--json", cwd=root).json
    commands = [entry["command"] for entry in history["entries"]]
    assert commands == ["rollback", "release", "release", "release"] and not history["problems"]
    git(root, "checkout", "--quiet", "v2.0.0")
    assert "0 tags written" in site.run("release", "v2.0.0", cwd=root).err
