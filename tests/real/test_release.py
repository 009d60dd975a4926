"""A release by the commands that a job runs: a git tag, the images of its commit, and what verifies them then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.git import commit, git

from . import samples
from .site import Site
from .tools import cosign, crane, tags

pytestmark = pytest.mark.real

OF_TAG = {"GITHUB_ACTIONS": "true", "GITHUB_REF_TYPE": "tag"}


def test_the_git_tag_of_a_commit_releases_its_images(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    name = (root / "lockage.yml").read_text().partition("project: ")[2].split()[0]
    event = {**OF_TAG, "GITHUB_REF": "refs/tags/v2.3.0", "GITHUB_REF_NAME": "v2.3.0"}
    sha = commit(root)
    git(root, "tag", "v2.3.0")
    early = site.run("release", cwd=root, expect=5, **event)
    assert f"No CI image found for commit {sha}" in early.err and "lockage run" in early.err
    built = site.run("sign", "--json", cwd=root).json["images"][0]
    released = f"{site.registry}/{name}/prod/hello"
    assert tags(released) == set()

    planned = site.run("release", "--plan", cwd=root, **event)
    assert "4 tags would be written" in planned.err and tags(released) == set()
    done = site.run("release", cwd=root, **event)
    assert "4 tags written" in done.err and f"{released}:v2.3.0  nothing → " in done.out
    assert tags(released) == {"v2.3.0", "v2.3", "v2", "latest"}
    digest = built["reference"].partition("@")[2]
    assert {crane("digest", f"{released}:{tag}") for tag in tags(released)} == {digest}, "nothing was rebuilt"
    key = site.data / "keys" / "cosign.pub"
    for reference in (f"{released}:v2.3.0", f"{released}@{digest}"):
        seen = cosign("verify", "--key", str(key), "-a", "tag=v2.3.0", reference, root=tmp_path)
        assert seen.returncode == 0, seen.stderr
    assert "for hello:v2.3.0" in site.run("verify", f"{released}:v2.3.0", cwd=root).out
    assert "0 tags written" in site.run("release", "v2.3.0", cwd=root).err
    assert "release" in site.run("history", "--env", "prod", cwd=root).out

    commit(root, "later")
    refused = site.run("release", "v2.3.0", cwd=root, expect=2)
    assert f"the git tag v2.3.0 is at commit {sha[:12]}" in refused.err and f"--revision {sha}" in refused.err
    assert "is not a version" in site.run("release", "next", cwd=root, expect=2).err
    assert "no version is given" in site.run("release", cwd=root, expect=2).err
