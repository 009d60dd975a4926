"""`lock --propose`: what the branch's commit lacks; and where it must not, before anything is started."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from pipeline.cli.commands.catalogue.lock_proposal import BRANCH, LockProposal
from pipeline.config import Lock
from pipeline.errors import UsageError
from pipeline.model import Digest, Reference
from tests.forge.github_pulls import Commit, GithubPulls
from tests.forge.server import running
from tests.tools import warm
from tests.tools.git import commit, git


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        ((), {"JENKINS_URL": "https://ci.example/", "CHANGE_ID": "7"}, "`lockage lock --propose` writes"),
        (("--check",), {}, "--check writes nothing"),
    ],
)
def test_refused(arguments: tuple[str, ...], environ: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "lockage.yml").write_text("version: 1\nproject: demo\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environ}
    ended = warm.run(["lock", "--propose", *arguments], cwd=tmp_path, env=env)
    assert ended.code == 2 and message in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["lockage.yml"]


def lock(path: Path, **digests: str) -> bytes:
    """Write a lock; gives its content."""
    images = {
        Reference.parse(f"docker.io/library/{name}:1"): Digest.of(d.encode()) for name, d in digests.items()
    }
    path.write_bytes(Lock.of(images).to_bytes())
    return path.read_bytes()


def test_the_lock_of_the_branch_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue below the repository's top. Nothing is proposed where the commit has just this lock; what a run
    before this one wrote, and could not propose, is."""
    root = tmp_path / "images"
    root.mkdir()
    path = root / "lockage.lock"
    old = lock(path, debian="old", busybox="same")
    head = commit(tmp_path)
    api = GithubPulls(refs={"heads/main": head}, commits={head: Commit("a", {"images/lockage.lock": old})})
    event = {"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_REPOSITORY": "acme/images"}
    for name, value in {**event, "GITHUB_EVENT_NAME": "schedule", "LOCKAGE_IMAGES": "upstream"}.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_EVENT_PATH", "GITHUB_REF", "GITHUB_HEAD_REF"):
        monkeypatch.delenv(name, raising=False)
    with running(api):
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        with pytest.raises(UsageError, match="GITHUB_TOKEN is not set"):
            LockProposal.of(root)
        monkeypatch.setenv("GITHUB_TOKEN", api.token)
        assert anyio.run(LockProposal.of(root).propose, path) is None and not api.writes
        new = lock(path, debian="new", busybox="same", alpine="first")
        proposal = anyio.run(LockProposal.of(root).propose, path)
        assert proposal is not None and proposal.state == "opened"
        assert api.tip(BRANCH).files == {"images/lockage.lock": new} and api.tip(BRANCH).parents == (head,)
        path.write_bytes(old)
        withdrawn = anyio.run(LockProposal.of(root).propose, path)
        assert withdrawn is not None and withdrawn.state == "withdrawn" and f"heads/{BRANCH}" not in api.refs
    (request,) = api.pulls
    assert request["title"] == "Update lockage.lock" and "busybox" not in request["body"]
    assert "library/alpine:1 | new |" in request["body"] and "library/debian:1 | `" in request["body"]
    git(tmp_path, "checkout", "--quiet", "--detach")
    monkeypatch.delenv("GITHUB_ACTIONS")
    with pytest.raises(UsageError, match="no commit of a branch"):
        LockProposal.of(root)
