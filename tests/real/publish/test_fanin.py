"""Fan-out and fan-in: platforms pushed by several runs, merged by digest, tagged last, and nothing before its gates."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.model import Descriptor, Platform, Reference
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from pipeline.registry import Registry
from pipeline.util.json.canonical import compact
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.git import commit
from tests.tools.logins import access

pytestmark = pytest.mark.real

BOTH = "platforms: [linux/amd64, linux/arm64]\n"


def copies(name: str = "data", base: str = "FROM scratch\n") -> dict[str, str]:
    """An image for any platform without a RUN, so that no emulator is needed."""
    return {
        f"images/{name}/image.yml": samples.image("1"),
        f"images/{name}/Dockerfile.tmpl": base,
        f"images/{name}/rootfs/etc/{name}": f"{name}\n",
    }


PAIR = {
    **copies(),
    **copies("one", "FROM data:1\n"),
    "images/one/image.yml": samples.image("1", extra="platforms: [linux/amd64]\n"),
}
"""An image of one platform on a base of two."""


@pytest.fixture
def project(project: Callable[..., Path]) -> Callable[..., Path]:
    """Projects with one repository of builds: what these tests merge is built by the first that needs it."""
    return partial(project, builds="fanin/builds")


def dev(site: Site, root: Path, image: str = "data") -> str:
    """The repository of an image in the first environment."""
    lines = (root / "lockage.yml").read_text().splitlines()
    (name,) = [line.split()[1] for line in lines if line.startswith("project:")]
    return f"{site.registry}/{name}/dev/{image}"


def children(reference: str) -> dict[str, str]:
    """Architecture -> digest in an index."""
    entries = json.loads(crane("manifest", reference))["manifests"]
    return {entry["platform"]["architecture"]: entry["digest"] for entry in entries}


def test_two_runners_one_index(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    root = project(copies(), BOTH)
    repository, sha = dev(site, root), commit(root)
    ci = f"ci-{sha}-1"
    files = []
    for platform in ("amd64", "arm64"):
        files.append(tmp_path / f"{platform}.json")
        done = site.run("-C", root, "push", "--platform", platform, "--refs", files[-1], "--json")
        assert "left to another run; then `lockage manifest data:1`" in done.json["images"][0]["reason"]
        assert tags(repository) == {f"{ci}-linux-{a}" for a in ("amd64", "arm64")[: len(files)]}
        if platform == "amd64":
            alone = site.run("-C", root, "manifest", expect=5)
            wanted = f"data:1 lacks linux/arm64: {repository}:{ci}-linux-arm64 does not exist"
            assert alone.err.count("error: ") == 1 and wanted in alone.err
            assert "lockage push data:1 --platform linux/arm64" in alone.err
            assert ci not in tags(repository)

    refs = [ref for file in files for ref in json.loads(file.read_text())["refs"]]
    (made,) = site.run("-C", root, "manifest", "--from", *files, "--json").json
    assert made["children"] == {ref["platform"]: ref["reference"].partition("@")[2] for ref in refs}
    assert children(f"{repository}:{ci}") == {
        ref["platform"].removeprefix("linux/"): ref["reference"].partition("@")[2] for ref in refs
    }
    crane("validate", "--remote", made["reference"])
    annotations = json.loads(crane("manifest", made["reference"]))["annotations"]
    assert annotations["org.opencontainers.image.revision"] == sha

    (again,) = site.run("-C", root, "manifest", "--json").json  # now from the registry's tags
    assert again == made | {"written": []}
    done = site.run("-C", root, "run", "--json")
    assert {t["status"] for t in done.json["targets"]} == {"reused"}
    assert done.json["images"][0]["index"] == made["reference"].partition("@")[2]
    assert done.json["images"][0]["signed"]


def test_without_what_is_missing_only_when_told_so(site: Site, project: Callable[..., Path]) -> None:
    root = project(PAIR, BOTH)
    nothing = site.run("-C", root, "manifest", "--allow-missing", expect=5)
    assert "3 platforms are missing" in nothing.err
    site.run("-C", root, "push", "--platform", "amd64")
    assert "data:1 lacks linux/arm64" in site.run("-C", root, "manifest", expect=5).err
    done = site.run("-C", root, "manifest", "--allow-missing", "--json")
    assert {m["image"]: m["missing"] for m in done.json} == {"data": ["linux/arm64"], "one": []}
    assert done.json[1]["written"] == []  # an image of one platform was whole when it was pushed
    assert "warning: data:1 was merged without linux/arm64" in done.err
    assert list(children(done.json[0]["reference"])) == ["amd64"]


def test_a_base_with_more_platforms_than_what_was_named_stays_whole(
    site: Site, project: Callable[..., Path]
) -> None:
    """Whatever is done for an image of one platform alone, the index of its base is not written without the others."""
    root = project(PAIR, BOTH)
    tag, index = f"ci-{commit(root)}-1", dev(site, root)
    site.run("-C", root, "push", "one")
    assert tag not in tags(index) and tag in tags(dev(site, root, "one"))
    assert "data:1 lacks linux/arm64" in site.run("-C", root, "manifest", "one", expect=5).err
    site.run("-C", root, "run")
    before = children(f"{index}:{tag}")
    assert set(before) == {"amd64", "arm64"}
    done = {i["image"]: i for i in site.run("-C", root, "run", "one", "--json").json["images"]}
    assert "linux/arm64 left to another run" in done["data"]["reason"] and done["one"]["signed"]
    merged = site.run("-C", root, "manifest", "one", "--json").json
    assert not any(one["written"] for one in merged)
    site.run("-C", root, "promote", "--to", "prod", "one")
    assert children(f"{index}:{tag}") == children(f"{index.replace('/dev/', '/prod/')}:1") == before


def test_what_did_not_pass_is_not_merged(site: Site, project: Callable[..., Path]) -> None:
    root = project(copies(), BOTH)
    repository, ci = dev(site, root), f"ci-{commit(root)}-1"
    for platform in ("amd64", "arm64"):
        site.run("-C", root, "push", "--platform", platform)
    with (root / "lockage.yml").open("a") as file:
        file.write("policy:\n  size: {max: 1B}\n")
    tagged = f"{ci}-linux-arm64"
    crane("tag", f"{repository}:{tagged}", f"ci-{(later := commit(root))}-1-linux-arm64")
    crane("tag", f"{repository}:{ci}-linux-amd64", f"ci-{later}-1-linux-amd64")
    closed = site.run("-C", root, "manifest", expect=7)
    assert "is not merged: its gates are closed (size)" in closed.err

    (root / "lockage.yml").write_text((root / "lockage.yml").read_text().replace("1B", "1GB"))
    last = f"ci-{commit(root)}-1"
    crane("tag", f"{repository}:{tagged}", f"{last}-linux-amd64")
    crane("tag", f"{repository}:{tagged}", f"{last}-linux-arm64")
    wrong = site.run("-C", root, "manifest", expect=5)
    assert f"{last}-linux-amd64 is an image for linux/arm64, not for linux/amd64" in wrong.err
    # Of the right platform, but nobody's whom the repository of builds knows.
    stranger = f"{site.registry}/mirror/docker.io/library/debian:bookworm-slim"
    crane("copy", "--platform", "linux/amd64", stranger, f"{repository}:{last}-linux-amd64")
    unknown = site.run("-C", root, "manifest", expect=7)
    assert "is not what the repository of builds has for data/1/linux-amd64" in unknown.err
    assert last not in tags(repository)


def test_attestations_of_buildkit_come_along(site: Site, project: Callable[..., Path]) -> None:
    root = project(copies(), BOTH)
    repository, ci = dev(site, root), f"ci-{commit(root)}-1"
    for platform in ("amd64", "arm64"):
        site.run("-C", root, "push", "--platform", platform)
    before = crane("digest", f"{repository}:{ci}-linux-amd64")
    attestation = anyio.run(attest, Reference.parse(f"{repository}:{ci}-linux-amd64"))
    (made,) = site.run("-C", root, "manifest", "--json").json
    assert made["children"]["linux/amd64"] == before
    entries = json.loads(crane("manifest", made["reference"]))["manifests"]
    assert [e["platform"]["architecture"] for e in entries] == ["amd64", "arm64", "unknown"]
    assert entries[2]["digest"] == attestation
    assert entries[2]["annotations"]["vnd.docker.reference.digest"] == before
    crane("validate", "--remote", made["reference"])


async def attest(reference: Reference) -> str:
    """Put an index as BuildKit makes one in an image's place; gives the attestation's digest."""
    async with Registry(access()) as registry:
        image = await registry.head(reference)
        assert image
        empty = Descriptor.of(EMPTY_JSON, OCI_EMPTY).to_oci()
        raw = compact({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, "layers": [empty]})
        await registry.put_blob(reference.repository, EMPTY_JSON)
        made = await registry.put_manifest(reference.repository, raw, OCI_MANIFEST)
        notes = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": str(image.digest),
        }
        entry: dict[str, Any] = Descriptor(
            made.media_type, made.digest, made.size, annotations=notes
        ).to_oci()
        entry["platform"] = {"architecture": "unknown", "os": "unknown"}
        platform = Platform.parse("amd64")
        child = Descriptor(image.media_type, image.digest, image.size, platform).to_oci()
        index = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child, entry]})
        await registry.put_manifest(reference.repository, index, OCI_INDEX, tag=reference.tag)
        return str(made.digest)


def test_bad_files_of_refs(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    root = project(copies(), BOTH)
    missing = site.run("-C", root, "manifest", "--from", tmp_path / "no.json", expect=2)
    assert "no.json cannot be read" in missing.err
    bad = tmp_path / "bad.json"
    bad.write_text('{"format_version": 1, "refs": [{"id": "x"}]}')
    assert "is not a file of refs" in site.run("-C", root, "manifest", "--from", bad, expect=2).err
    site.run("-C", root, "push", "--platform", "amd64", "--refs", bad)
    bad.write_text(bad.read_text().replace("data/1/linux-amd64", "data/2/linux-amd64"))
    stranger = site.run("-C", root, "manifest", "--from", bad, expect=2)
    assert "names data/2/linux-amd64, which is not in the plan" in stranger.err


def test_one_job_each_does_what_one_run_does(site: Site, project: Callable[..., Path]) -> None:
    """The same graph: jobs by `--only`, in any order, and shards end where `lockage build` ends."""
    files = copies("low") | copies("mid", "FROM low:1\n") | copies("side", "FROM low:1\n")
    root = project(files)
    plan = site.run("-C", root, "plan", "--json").json["targets"]
    jobs = [site.run("-C", root, "build", "--only", t["id"], "--json").json for t in reversed(plan)]
    by_job = {t["id"]: t["digest"] for job in jobs for t in job["targets"]}
    whole = site.run("-C", root, "build", "--json").json
    assert not whole["engine_used"]
    assert {t["id"]: t["digest"] for t in whole["targets"]} == by_job
    assert set(by_job) == {t["id"] for t in plan}
    shards = [site.run("-C", root, "build", "--shard", f"{n}/2", "--json").json for n in (1, 2)]
    assert not any(s["engine_used"] for s in shards)
    assert {t["id"]: t["digest"] for s in shards for t in s["targets"]} == by_job
    names = [{t["image"] for t in s["targets"]} for s in shards]
    assert names == [{"low", "mid"}, {"low", "side"}]  # low is the base of side
    assert site.run("-C", root, "build", "--shard", "3/2", expect=2)


def test_an_image_built_elsewhere(site: Site, project: Callable[..., Path]) -> None:
    root = project(copies(), BOTH)
    pushed = site.run("-C", root, "push", "--json").json["images"][0]
    there = f"{dev(site, root)}:elsewhere"
    crane("tag", pushed["reference"], "elsewhere")
    (root / "images/tool").mkdir()
    (root / "images/tool/image.yml").write_text(f"tags:\n  - {{name: 1.4.2, external: '{there}'}}\n")
    (root / "images/tool/test.yml.tpl").write_text(FILE_TEST)
    for name, text in copies("above", "FROM tool:1.4.2\n").items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    commit(root)
    done = site.run("-C", root, "push", "above", "--platform", "amd64", "--json").json
    found = {t["image"]: t for t in done["targets"]}
    assert found["tool"]["digest"] == children(there)["amd64"]
    assert found["tool"]["reason"].startswith(f"imported from {there}@sha256:")
    assert found["tool"]["tests"] == {"passed": 1, "total": 1}
    assert found["above"]["status"] == "built"
    again = site.run("-C", root, "push", "above", "--platform", "amd64", "--json").json
    assert not again["engine_used"]

    crane("mutate", "--tag", there, f"{dev(site, root)}@{children(there)['arm64']}", "--label", "a=b")
    site.run("-C", root, "lock")
    wrong = site.run("-C", root, "build", "tool", "--platform", "amd64", expect=6)
    assert "is not made for linux/amd64 (it is for linux/arm64)" in wrong.err
    assert "images/tool/image.yml" in wrong.err


FILE_TEST = """\
schemaVersion: 2.0.0
fileContentTests:
  - name: holds data
    path: /etc/data
    expectedContents: ["data"]
"""
