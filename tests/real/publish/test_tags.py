"""Which tags a run writes: those of a commit by the project's templates, those of a snapshot and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.git import commit

pytestmark = pytest.mark.real

_TEMPLATES = """\
commit_tags:
  - ci-{sha}
  - ci-{branch}-{sha}
  - ci-passed-{sha}
  - "{branch}-{short}"
  - pr-{pr}
"""


def repository(found: dict) -> str:
    """Where the first image was pushed to."""
    return found["images"][0]["reference"].partition("@")[0].rpartition(":")[0]


def own_pull_request(folder: Path) -> dict[str, str]:
    """What GitHub sets for pull request 12, from a branch of the repository itself."""
    event = folder / "event.json"
    event.write_text(
        json.dumps({"pull_request": {"number": 12, "head": {"repo": {"full_name": "acme/images"}}}})
    )
    return {
        "GITHUB_REF": "refs/pull/12/merge",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/images",
    }


def test_the_templates_of_a_project(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    root = project(samples.hello(), more=_TEMPLATES)
    sha = commit(root)
    github = {"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "release/v0.1", "GITHUB_REF_TYPE": "branch"}
    first = site.run("run", "--json", cwd=root, **github, GITHUB_REF="refs/heads/release/v0.1").json
    expected = {f"ci-{sha}", f"ci-v0.1-{sha}", f"ci-passed-{sha}", f"v0.1-{sha[:7]}"}
    assert tags(repository(first)) == expected
    event = tmp_path / "event.json"
    event.write_text(
        json.dumps({"pull_request": {"number": 12, "head": {"repo": {"full_name": "acme/images"}}}})
    )
    own = {
        "GITHUB_REF": "refs/pull/12/merge",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/images",
    }
    pull = site.run("run", "--json", cwd=root, **github | own).json
    assert repository(pull) == f"{repository(first)}-pr"
    assert "pr-12" in tags(repository(pull)) and tags(repository(first)) == expected
    for where, tag in ((repository(first), f"ci-{sha}"), (repository(pull), "pr-12")):
        assert crane("digest", f"{where}:{tag}") == first["images"][0]["index"]
    assert "up to date" in site.run("promote", "hello", "--to", "prod", "--plan", cwd=root).out


def test_a_snapshot_has_its_own_tags_and_goes_nowhere(site: Site, project: Callable[..., Path]) -> None:
    child = {
        "images/child/image.yml": samples.image("1.0.0"),
        "images/child/Dockerfile.tmpl": "FROM hello:1.2\nCOPY <<END /etc/child\nchild\nEND\n",
    }
    root = project({**samples.hello(), **child})
    snapshot = site.run("run", "--snapshot-id", "mr-7", "--json", cwd=root).json
    assert [t["status"] for t in snapshot["targets"]] == ["built", "built"]
    assert {image["image"]: tags(repository({"images": [image]})) for image in snapshot["images"]} == {
        "hello": {"1.2.3-mr-7"},
        "child": {"1.0.0-mr-7"},
    }
    assert not any(image["promoted"] for image in snapshot["images"])
    production = repository(snapshot).replace("/dev/", "/prod/")
    assert tags(production) == set()

    refused = site.run("run", "--snapshot-id", "mr-7", "--to", "prod", cwd=root, expect=2)
    assert "a snapshot is not promoted" in refused.err

    release = site.run("run", "--json", cwd=root).json
    assert [t["status"] for t in release["targets"]] == ["reused", "reused"], "a snapshot builds nothing anew"
    assert [t["digest"] for t in release["targets"]] == [t["digest"] for t in snapshot["targets"]]
    assert all(image["promoted"] for image in release["images"])


def test_a_tag_that_moves_on_is_looked_at_every_time(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    """A work tree with changes, and a pull request, come back to what they were built from before."""
    root = project(samples.system(), more='commit_tags: ["ci-{sha}-{tag}", "pr-{pr}"]\n')
    template, plain = root / "images/hello/Dockerfile.tmpl", samples.system()["images/hello/Dockerfile.tmpl"]
    pull = {"GITHUB_ACTIONS": "true", **own_pull_request(tmp_path)}
    indexes = []
    for text in (plain + "RUN true\n", plain + "RUN : other\n", plain + "RUN true\n"):
        template.write_text(text)
        found = site.run("push", "--json", cwd=root, **pull).json
        indexes.append(found["images"][0]["index"])
        tagged = {tag: crane("digest", f"{repository(found)}:{tag}") for tag in tags(repository(found))}
        assert len(tagged) == 2 and set(tagged.values()) == {indexes[-1]}
    assert indexes[0] == indexes[2] != indexes[1]
