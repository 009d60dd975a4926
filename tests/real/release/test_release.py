"""A release by the commands that a job runs: a git tag, the images of its commit, and what verifies them then."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from pipeline.release.saved.approval import APPROVAL
from tests.forge.github_server import REPOSITORY, GithubServer
from tests.forge.server import running
from tests.real import samples
from tests.real.conftest import checkout
from tests.real.module.test_module import Dagger, call, dagger
from tests.real.site import Site
from tests.real.tools import binary, cosign, crane, tags
from tests.tools.git import commit, git
from tests.tools.logins import environment
from tests.tools.signing.bundles import new_pair

__all__ = ["dagger"]

pytestmark = pytest.mark.real

OF_TAG = {"GITHUB_ACTIONS": "true", "GITHUB_REF_TYPE": "tag"}


def test_the_git_tag_of_a_commit_releases_its_images(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.system())
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
    saved = tmp_path / "release.json"
    site.run("release", "--plan-file", saved, cwd=root, **event)
    assert tags(released) == set()
    done = site.run("apply", saved, cwd=root)
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

    template = root / "images/hello/Dockerfile.tmpl"
    template.write_text(template.read_text() + samples.VULNERABLE_CURL)
    later = commit(root, "feat(hello)!: brings curl <b>along</b>")
    refused = site.run("release", "v2.3.0", cwd=root, expect=2)
    assert f"the git tag v2.3.0 is at commit {sha[:12]}" in refused.err and f"--revision {sha}" in refused.err
    assert "is not a version" in site.run("release", "next", cwd=root, expect=2).err
    assert "no version is given" in site.run("release", cwd=root, expect=2).err

    (root / "lockage.yml").open("a").write("policy: {vulnerabilities: {fail_on: []}}\n")
    commit(root, "chore: let findings pass")
    site.run("sign", cwd=root)
    site.run("release", "v3.0.0", cwd=root)
    written = site.run("notes", "v3.0.0", "--output", tmp_path / "notes", cwd=root).out.split()
    notes = {Path(name).name: Path(name).read_text() for name in written}
    published_by_a_job(site, root, tmp_path / "notes")
    text = notes["RELEASE.md"]
    assert "## Changes since v2.3.0" in text and "### Breaking changes" in text
    assert f"hello: brings curl &#60;b&#62;along&#60;/b&#62; (`{later[:12]}`)" in text
    assert "curl" in text.partition("## Packages and findings since v2.3.0")[2] and "CVE-" in text
    assert json.loads(notes["release.json"])["before"] == "v2.3.0"
    assert "curl" in notes["hello-1.2.3-linux-amd64.sbom.spdx.json"]
    assert notes["cosign.pub"] == key.read_text()
    for line in text.splitlines():  # the commands of the page, as they are
        if line.startswith("cosign verify"):
            seen = cosign(*shlex.split(line, comments=True)[1:], root=tmp_path, cwd=tmp_path / "notes")
            assert seen.returncode == 0, (line, seen.stderr)

    pulled = tmp_path / "pulled"
    client = tmp_path / "client"
    client.write_text(f'#!/bin/sh\necho "$@" >>{pulled}\n')
    client.chmod(0o755)
    program = {"CONTAINER_CLI": str(client), "PATH": f"{Path(binary('cosign')).parent}:/usr/bin:/bin"}
    trusted = {"COSIGN_TRUSTED_ROOT": str(tmp_path / "trusted-root.json")}
    script = ["sh", str(tmp_path / "notes/install.sh")]
    done = subprocess.run(
        script, env=environment() | program | trusted, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    digest = crane("digest", f"{released}:v3.0.0")
    assert pulled.read_text().splitlines()[0] == f"pull {released}@{digest}"
    unknown = subprocess.run([*script, "other"], env=environment() | program, capture_output=True, text=True)
    assert unknown.returncode == 2 and "no image of this release is called other" in unknown.stderr
    wrong = (tmp_path / "notes/install.sh").read_text().replace(digest, "sha256:" + "0" * 64)
    (tmp_path / "notes/install.sh").write_text(wrong)
    pulled.unlink()
    assert subprocess.run(script, env=environment() | program | trusted, capture_output=True).returncode
    assert not pulled.exists()


def published_by_a_job(site: Site, root: Path, folder: Path) -> None:
    """The files of a folder as a release on GitHub, for the tag at HEAD, and the same again."""
    with running(GithubServer(tags={"v3.0.0": git(root, "rev-parse", "HEAD").strip()})) as github:
        job = {**OF_TAG, "GITHUB_REF": "refs/tags/v3.0.0", "GITHUB_REF_NAME": "v3.0.0"}
        job |= {"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": REPOSITORY}
        arguments = ("notes", "v3.0.0", "--publish", "--output", folder)
        assert "GITHUB_TOKEN is not set" in site.run(*arguments, cwd=root, expect=2, **job).err
        job["GITHUB_TOKEN"] = github.token
        done = site.run(*arguments, cwd=root, **job)
        assert github.files("v3.0.0") == {file.name: file.read_bytes() for file in folder.iterdir()}
        release = github.of("v3.0.0")
        assert (
            release and release["html_url"] in done.out and not release["draft"] and not release["prerelease"]
        )
        writes = len(github.writes)
        again = site.run(*arguments, "--json", cwd=root, **job)
        assert again.json["page"] == {
            "url": release["html_url"],
            "changed": False,
            "uploaded": [],
            "edited": False,
        }
        assert (
            len(github.writes) == writes and github.token not in done.out + done.err + again.out + again.err
        )


def test_a_saved_plan_is_done_exactly_or_not_at_all(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    commit(root)
    name = (root / "lockage.yml").read_text().partition("project: ")[2].split()[0]
    image = site.run("sign", "--json", cwd=root).json["images"][0]["reference"].partition("@")
    prod, first = f"{site.registry}/{name}/prod/hello", image[2]
    plan = tmp_path / "promote.json"
    site.run("promote", "hello", "--to", "prod", "--data", "signed", "--plan-file", plan, cwd=root)
    data = json.loads(plan.read_text())
    assert {move["reference"] for move in data["moves"]} == {f"{prod}:{tag}" for tag in ("1.2.3", "1.2", "1")}
    jsonschema.validate(data, site.run("schema", "saved-plan").json)
    assert data["ledgers"] == {"prod": ""}
    edited = tmp_path / "edited.json"
    edited.write_text(plan.read_text().replace(first, "sha256:" + "0" * 64))
    assert "it was edited after it was written" in site.run("apply", edited, cwd=root, expect=2).err
    other = checkout(tmp_path / "other", "somebody else", samples.hello())
    assert "the plan is one of the project" in site.run("apply", plan, cwd=other, expect=2).err
    assert tags(prod) == set()

    crane("copy", f"{image[0].rpartition(':')[0]}@{first}", f"{prod}:1.2")
    moved = site.run("apply", plan, cwd=root, expect=7)
    assert f"{prod}:1.2  planned: nothing → {first[7:19]}; now: no change" in moved.err
    assert tags(prod) == {"1.2"}, "nothing else was written"
    site.run("promote", "hello", "--to", "prod", "--data", "signed", "--plan-file", plan, cwd=root)
    assert "2 tags written" in site.run("apply", plan, cwd=root).err
    again = site.run("apply", plan, cwd=root, expect=7)
    assert "the ledger of prod has other entries since" in again.err

    template = root / "images/hello/Dockerfile.tmpl"
    template.write_text(template.read_text() + "ENV AGAIN=yes\n")
    commit(root, "again")
    site.run("run", "--to", "prod", cwd=root)
    back = tmp_path / "rollback.json"
    site.run("rollback", "prod", "--reason", "breaks logins", "--plan-file", back, cwd=root)
    assert crane("digest", f"{prod}:1.2.3") != first
    assert "2 tags of prod moved" in site.run("apply", back, cwd=root).err, "the ledger does not have 1.2"
    assert crane("digest", f"{prod}:1.2.3") == first


def test_prod_changes_by_plans_that_two_have_approved(
    site: Site, dagger: Dagger, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    settings, plan = root / "lockage.yml", tmp_path / "prod.json"
    name = settings.read_text().partition("project: ")[2].split()[0]
    (root / "keys").mkdir()
    people = {who: new_pair() for who in ("ada", "ben", "eve")}
    for who, pair in people.items():
        (root / f"keys/{who}.pub").write_bytes(pair.public)
        (tmp_path / f"{who}.key").write_bytes(pair.sealed)
    rule = "approvals: {required: 2, from: [{key: keys/ada.pub}, {key: keys/ben.pub}]}"
    kept = "{tags: ['pr-{pr}'], until_closed: true}, {tags: ['*'], forever: true}"
    rules = f"retention: {{environments: {{prod: {{rules: [{kept}]}}}}}}\n"
    settings.write_text(settings.read_text().replace("promote: automatic", rule) + rules)
    commit(root)
    early = site.run("run", "--to", "prod", cwd=root, expect=7)
    assert "prod takes changes by approved plans alone, and 2 have to approve them" in early.err
    prod = f"{site.registry}/{name}/prod/hello"
    site.run("sign", cwd=root)
    for direct in (
        ("promote", "--to", "prod"),
        ("release", "v1.0.0"),
        ("rollback", "prod", "--reason", "x"),
        ("retention", "--apply"),
    ):
        assert "lockage approve FILE" in site.run(*direct, cwd=root, expect=7).err
    site.run("promote", "--to", "prod", "--data", "signed", "--plan-file", plan, cwd=root)

    def approve(who: str, expect: int = 0, plan: Path = plan) -> str:
        password = {"COSIGN_PASSWORD": people[who].password}
        done = site.run(
            "approve", plan, "--key", tmp_path / f"{who}.key", cwd=root, expect=expect, **password
        )
        return done.err

    assert "nobody who may approve prod" in approve("eve", expect=2)
    assert "prod: 1 of 2 approvals" in approve("ada")
    few = site.run("apply", plan, cwd=root, expect=7)
    assert "prod wants 2 approvals of this plan, and has 1" in few.err and "keys/ada.pub" in few.err
    assert tags(prod) == set()
    assert "prod: 2 of 2 approvals; lockage apply" in approve("ben")
    (first, *_) = sorted(tmp_path.glob("prod.json.approval-*.sigstore.json"))
    options = ["--insecure-ignore-tlog", "--trusted-root", str(tmp_path / "empty.json")]
    (tmp_path / "empty.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
    )
    by_cosign = ["verify-blob-attestation", *options, "--type", APPROVAL, "--bundle", first]
    accepted = [
        subprocess.run([binary("cosign"), *by_cosign, "--key", root / f"keys/{who}.pub", plan]).returncode
        == 0
        for who in people
    ]
    assert accepted in ([True, False, False], [False, True, False]), "cosign agrees on who approved"
    by_module = call("apply", f"--plan-file={plan}")
    none = dagger(*by_module, cwd=root, expect=1)
    assert "prod wants 2 approvals of this plan, and has 0" in none.err and tags(prod) == set()
    approvals = ",".join(map(str, tmp_path.glob("prod.json.approval-*")))
    (done,) = dagger(*by_module, f"--approvals={approvals}", cwd=root).json
    assert len(done["moves"]) == 3 and tags(prod) == {"1.2.3", "1.2", "1"}
    history = site.run("history", "--env", "prod", cwd=root)
    assert "approved by keys/" in history.out and "keys/ben.pub" in history.out
    entry = site.run("history", "--env", "prod", "--json", cwd=root).json["entries"][0]
    assert entry["plan"] == f"sha256:{hashlib.sha256(plan.read_bytes()).hexdigest()}"
    again = site.run("apply", plan, cwd=root, expect=7)
    assert "the ledger of prod has other entries since" in again.err

    crane("tag", f"{prod}:1", "pr-7")
    cleaning = tmp_path / "retention.json"
    site.run("retention", "--closed", "7", "--plan-file", cleaning, cwd=root)
    few = site.run("apply", cleaning, cwd=root, expect=7)
    assert "prod wants 2 approvals of this plan, and has 0" in few.err and "pr-7" in tags(prod)
    assert "prod: 2 of 2 approvals" in approve("ada", plan=cleaning) + approve("ben", plan=cleaning)
    assert "1 tags and manifests deleted" in site.run("apply", cleaning, cwd=root).err
    assert tags(prod) == {"1.2.3", "1.2", "1"}
    entry = site.run("history", "--env", "prod", "--json", cwd=root).json["entries"][0]
    assert entry["command"] == "retention" and sorted(entry["approvers"]) == ["keys/ada.pub", "keys/ben.pub"]
