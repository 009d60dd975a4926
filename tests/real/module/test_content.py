"""What functions of the Dagger module give to go on with, and what is done after a run, on the real engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import ROOT, Site
from tests.real.tools import crane
from tests.tools.git import commit, git

from .test_module import Dagger, call, dagger

__all__ = ["dagger"]
pytestmark = pytest.mark.real


def test_what_a_call_gives_can_be_gone_on_with(
    site: Site, dagger: Dagger, project: Callable[..., Path]
) -> None:
    root = project({**samples.system(), **samples.hello("other")})
    commit(root)
    done = dagger(
        *call("image", "--target=hello:1.2", "with-exec", "--args=cat,/etc/hello", "stdout"), cwd=root
    )
    assert done.out == "hello\n"

    index = dagger(*call("index", "--target=hello:1.2"), cwd=root).out.strip()
    assert index.rpartition("@")[2] == crane("digest", index)
    assert (
        site.run("push", "--json", "hello", cwd=root)
        .json["images"][0]["reference"]
        .endswith(index.rpartition("@")[2])
    )

    dagger(*call("reports", "--targets=hello", "export", "--path=out"), cwd=root)
    (reported,) = json.loads((root / "out" / "report.json").read_text())["targets"]
    assert reported["id"] == "hello/1.2.3/linux-amd64" and reported["digest"]
    assert (root / "out" / "index.html").read_text().startswith("<!doctype html>")
    listed = dagger(*call("sboms", "--targets=hello", "glob", "--pattern=**/*.json"), cwd=root).out.split()
    assert len(listed) == 3 and all(path.startswith("hello/1.2.3/linux-amd64/") for path in listed)

    refused = dagger(*call("image", "--target=*"), cwd=root, expect=1).err
    assert "one image is wanted, not 2" in refused and "Traceback" not in refused


def test_only_what_a_commit_changed_is_planned(dagger: Dagger, project: Callable[..., Path]) -> None:
    root = project({**samples.hello(), **samples.hello("other")})
    before = commit(root)
    (root / "images/other/Dockerfile.tmpl").write_text(samples.DEBIAN + "RUN echo other > /etc/hello\n")
    (root / "images/hello/rootfs/etc").mkdir(parents=True)
    commit(root)
    planned = dagger(*call(f"--affected={before}", "plan"), cwd=root).json["targets"]
    assert {target["image"] for target in planned} == {"other"}
    written = dagger(
        *call(f"--affected={before}", "dist", "glob", "--pattern=**/Dockerfile"), cwd=root
    ).out.split()
    assert written == ["other/1.2.3/Dockerfile"]
    refused = dagger(*call("--affected=0123456789", "plan"), cwd=root, expect=1).err
    assert "'0123456789' is no commit, branch or tag of the source" in refused


def test_a_release_a_scan_and_a_rollback(
    site: Site, dagger: Dagger, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    commit(root)
    digest = site.run("run", "--json", cwd=root).json["images"][0]["index"]
    (planned,) = dagger(*call("release", "--version=v2.0.0", "--dry-run"), cwd=root).json
    assert planned["moves"]
    site.run("release", "v2.0.0", "--data", "signed", "--plan-file", tmp_path / "release.json", cwd=root)
    them = "--author=me@there"
    (done,) = dagger(*call(them, "apply", f"--plan-file={tmp_path / 'release.json'}"), cwd=root).json
    assert done["moves"] == planned["moves"]
    entry, *_ = site.run("history", "--env", "prod", "--json", cwd=root).json["entries"]
    assert entry["author"] == "me@there"
    prod = site.run("current", "--env", "prod", "--json", cwd=root).json["tags"]
    assert {tag["digest"] for tag in prod if tag["tag"] == "v2.0.0"} == {digest}
    (scanned,) = dagger(*call("rescan", "--env=prod"), cwd=root).json
    assert scanned["verdicts"] and not scanned["opened"]
    (back,) = dagger(*call("rollback", "--env=prod", "--reason=a rehearsal", "--dry-run"), cwd=root).json
    assert any(tag["reference"].endswith(":v2.0.0") for tag in back["kept"])
    git(root, "tag", "v3.0.0")
    (root / "notes").write_text("later\n")
    commit(root)
    refused = dagger(*call("release", "--version=v3.0.0"), cwd=root, expect=1).err
    assert "the git tag v3.0.0 is at commit" in refused


def test_as_a_toolchain_it_works_on_the_project_that_it_is_installed_in(
    dagger: Dagger, project: Callable[..., Path]
) -> None:
    root = project(samples.hello())
    module = root / "tools" / "lockage"
    shutil.copytree(ROOT / "pipeline", module / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dagger.json", "pyproject.toml", ".env"):
        shutil.copyfile(ROOT / name, module / name)
    version = json.loads((ROOT / "dagger.json").read_text())["engineVersion"]
    installed = {"name": "lockage", "source": "tools/lockage"}
    (root / "dagger.json").write_text(
        json.dumps({"name": "theirs", "engineVersion": version, "toolchains": [installed]})
    )
    commit(root)
    planned = dagger("call", "lockage", "plan", cwd=root).json
    assert {target["id"] for target in planned["targets"]} == {"hello/1.2.3/linux-amd64"}
    dagger("check", cwd=root)
