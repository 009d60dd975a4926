"""The whole chain on the real engine: build, scan, SBOM, test, push, sign, promote, and nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real import samples
from tests.real.conftest import checkout
from tests.real.site import Site
from tests.real.tools import cosign, crane, regctl, tags
from tests.tools.git import commit, git

pytestmark = pytest.mark.real


PAIR = {
    **samples.system(),
    "images/child/image.yml": samples.image("1.0.0", "1.1.0", "2.0.0-rc.1"),
    "images/child/Dockerfile.tmpl": 'FROM hello:1.2\nRUN echo {{ tag }} > /etc/child\nCMD ["sleep", "1"]\n',
    "images/child/test.yml.tpl": samples.HELLO_TEST,
}


@dataclass(frozen=True)
class Done:
    """A checkout after its first run: the result, the commit, and the tags that hello had then."""

    root: Path
    first: dict[str, Any]
    commit: str
    tags: set[str]


@pytest.fixture
def pair(project: Callable[..., Path]) -> Path:
    """An image, and one based on it."""
    return project(PAIR)


@pytest.fixture(scope="module")
def done(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The same, taken through the whole chain once."""
    root = checkout(tmp_path_factory.mktemp("done") / "project", __name__, PAIR)
    first = site.run("run", "--json", cwd=root).json
    return Done(root, first, git(root, "rev-parse", "HEAD"), tags(repository_of(first)))


def repository_of(found: dict[str, Any]) -> str:
    """The first image's repository in the first environment."""
    return found["images"][0]["reference"].partition("@")[0].rpartition(":")[0]


def test_everything_from_nothing_to_a_promoted_signed_index(site: Site, done: Done, tmp_path: Path) -> None:
    first = done.first
    assert [t["status"] for t in first["targets"]] == ["built"] * 4
    assert all(v["passed"] for t in first["targets"] for v in t["verdicts"])
    assert {v["gate"] for v in first["targets"][0]["verdicts"]} == {
        "vulnerabilities",
        "secrets",
        "sbom",
        "tests",
    }
    assert all(t["packages"] > 50 and t["tests"] == {"passed": 2, "total": 2} for t in first["targets"])
    assert all(i["signed"] for i in first["images"])

    sha = done.commit
    production = repository_of(first).replace("/dev/", "/prod/").replace("/hello", "/child")
    assert done.tags == {f"ci-{sha}-1.2.3"}
    assert tags(production) == {"1", "1.0", "1.0.0", "1.1", "1.1.0", "2.0.0-rc.1"}
    assert crane("digest", f"{production}:1") == crane("digest", f"{production}:1.1.0")
    for tag in ("1", "1.0", "2.0.0-rc.1"):
        crane("validate", "--remote", f"{production}:{tag}")

    image = next(i for i in first["images"] if i["tag"] == "1.1.0")
    target = next(t for t in first["targets"] if t["id"] == "child/1.1.0/linux-amd64")
    index = json.loads(crane("manifest", f"{production}:1.1.0"))
    assert [m["digest"] for m in index["manifests"]] == [target["digest"]]
    assert index["annotations"]["org.opencontainers.image.revision"] == sha
    base = next(t for t in first["targets"] if t["id"] == "hello/1.2.3/linux-amd64")
    manifest = json.loads(crane("manifest", f"{production}@{target['digest']}"))
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == base["digest"]
    name = manifest["annotations"]["org.opencontainers.image.base.name"]
    assert name.startswith("localhost:5000/")  # whatever port was free
    named = name.replace("localhost:5000", site.registry)
    assert crane("digest", named) == base["digest"]
    checked = f"{production}@{target['digest']}"
    regctl(site.registry, "image", "check-base", "--base", named, "--digest", base["digest"], checked)

    key = str(site.data / "keys" / "cosign.pub")
    for digest in (image["index"], target["digest"]):
        assert cosign("verify", "--key", key, f"{production}@{digest}", root=tmp_path).returncode == 0
    for kind in ("cyclonedx", "spdxjson", "vuln"):
        found = cosign(
            "verify-attestation",
            "--type",
            kind,
            "--key",
            key,
            f"{production}@{target['digest']}",
            root=tmp_path,
        )
        assert found.returncode == 0, found.stderr


def test_a_second_run_builds_nothing_writes_nothing_and_leaves_the_engine_asleep(
    site: Site, done: Done
) -> None:
    first = done.first
    second = site.run("run", "--json", cwd=done.root)
    assert [t["status"] for t in second.json["targets"]] == ["reused"] * 4
    assert [t["digest"] for t in second.json["targets"]] == [t["digest"] for t in first["targets"]]
    assert not any(i["written"] for i in second.json["images"])
    assert second.json["engine_used"] is False
    assert "Nothing to do" in second.err


def test_an_edit_builds_that_image_and_what_stands_on_it(site: Site, pair: Path) -> None:
    before = site.run("build", "--json", cwd=pair).json["targets"]
    (pair / "images/child/Dockerfile.tmpl").write_text("FROM hello:1.2\nRUN echo other > /etc/child\n")
    commit(pair)
    explained = site.run("plan", "--explain", "child:1.1.0", "--since-build", cwd=pair).out
    assert "-RUN echo 1.1.0 > /etc/child\n" in explained and "+RUN echo other > /etc/child\n" in explained
    assert site.run("plan", "--since-build", cwd=pair, expect=2).err.count("--explain") >= 1
    after = site.run("build", "--json", cwd=pair).json["targets"]
    status = {t["id"]: t["status"] for t in after}
    assert status.pop("hello/1.2.3/linux-amd64") == "reused"
    assert set(status.values()) == {"built"}
    assert before[0]["digest"] == after[0]["digest"]
    assert {t["reason"] for t in before} == {"it was never built before"}
    assert {t["reason"] for t in after[1:]} == {"the Dockerfile differs"}

    (pair / "images/hello/Dockerfile.tmpl").write_text(samples.DEBIAN + "RUN echo hello > /etc/hello\n")
    commit(pair)
    again = site.run("build", "--json", cwd=pair).json["targets"]
    assert again[0]["reason"] == "the Dockerfile differs"
    assert all(t["reason"].startswith("its base hello:1.2 changed (key ") for t in again[1:])


def test_a_new_commit_without_a_change_only_gets_its_own_tag(site: Site, done: Done) -> None:
    sha = commit(done.root, "nothing")
    again = site.run("run", "--json", cwd=done.root).json
    written = [r for i in again["images"] for r in i["written"]]
    assert len(written) == 4 and all(f":ci-{sha}-" in r for r in written)
    assert again["engine_used"] is False


def test_each_stage_by_itself_does_what_comes_before_it(site: Site, pair: Path) -> None:
    built = site.run("build", "hello", "--json", cwd=pair).json
    assert [t["verdicts"] for t in built["targets"]] == [[]] and built["images"] == []
    scanned = site.run("scan", "hello", "--json", cwd=pair).json["targets"][0]
    assert scanned["status"] == "reused" and scanned["findings"] and scanned["packages"] is None
    listed = site.run("sbom", "hello", "--json", cwd=pair).json["targets"][0]
    assert listed["packages"] > 50
    tested = site.run("test", "hello", "--json", cwd=pair).json["targets"][0]
    assert tested["tests"] == {"passed": 2, "total": 2}
    pushed = site.run("push", "hello", "--json", cwd=pair).json["images"][0]
    assert pushed["signed"] is False and pushed["reference"]
    signed = site.run("sign", "hello", "--json", cwd=pair).json["images"][0]
    assert signed["signed"] is True and signed["index"] == pushed["index"]


def test_only_and_targets_choose_with_what_they_stand_on(site: Site, pair: Path) -> None:
    some = site.run("build", "--only", "child/1.1.0/linux-amd64", "--json", cwd=pair).json["targets"]
    assert [t["id"] for t in some] == ["hello/1.2.3/linux-amd64", "child/1.1.0/linux-amd64"]
    wrong = site.run("build", "chlid", cwd=pair, expect=2)
    assert "child" in wrong.err


def test_fresh_builds_again_although_everything_is_known(site: Site, project: Callable[..., Path]) -> None:
    files = {
        **samples.hello(),
        "images/hello/Dockerfile.tmpl": samples.DEBIAN + "RUN date +%N > /etc/hello\n",
    }
    del files["images/hello/test.yml.tpl"]
    root = project(files)
    first = site.run("build", "--json", cwd=root).json["targets"][0]
    fresh = site.run("build", "--fresh", "--json", cwd=root).json["targets"][0]
    assert (fresh["status"], fresh["reason"]) == ("built", "rebuild requested")
    assert fresh["digest"] != first["digest"]
    assert site.run("build", "--json", cwd=root).json["targets"][0]["digest"] == fresh["digest"]


def test_promotion_is_looked_at_first_and_then_done_once(site: Site, pair: Path) -> None:
    run = site.run("sign", "hello", "--json", cwd=pair).json["images"][0]
    planned = site.run("promote", "hello", "--to", "prod", "--plan", "--json", cwd=pair).json[0]
    assert [m["from"] for m in planned["moves"]] == [None] * 3
    repository = planned["destination"]
    assert tags(repository) == set()
    site.run("promote", "hello", "--to", "prod", cwd=pair)
    assert tags(repository) == {"1", "1.2", "1.2.3"}
    assert crane("digest", f"{repository}:1") == run["index"]
    again = site.run("promote", "hello", "--to", "prod", "--json", cwd=pair).json[0]
    assert again["moves"] == [] and len(again["in_place"]) == 3
    done = site.run("promote", "hello", "--to", "prod", cwd=pair)
    assert f"{repository}:1  up to date" in done.out and "everything is up to date; 0 tags" in done.err
    wrong = site.run("promote", "hello", "--to", "production", cwd=pair, expect=2)
    assert "lockage.yml has: dev, prod" in wrong.err
    absent = site.run("promote", "hello", "--to", "prod", "--revision", "0" * 40, cwd=pair, expect=5)
    assert "No CI image found for commit 0000" in absent.err
