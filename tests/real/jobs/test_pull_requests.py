"""Runs of pull requests build, examine, judge and report everything, and write nothing that a release reads.

The pull request is hostile where it can be: its own template, lockage.yml with the repository of builds of another
project, secrets and commands, and variables that claim a push.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.builds.test_inputs import traces
from tests.real.conftest import checkout, commit
from tests.real.contents import Image
from tests.real.site import Site

pytestmark = pytest.mark.real

CANARY = f"canary-{uuid.uuid4().hex}"  # in no file, for other tests have the engine read this checkout
_STEAL = "".join(
    f"RUN --mount=type=secret,id={id} cat /run/secrets/{id} >> /stolen 2>/dev/null || touch /stolen\n"
    for id in ("token", "command")
)


def published(site: Site) -> dict[str, set[str]]:
    """What each repository of the registry holds, tags and digests, but for those of pull requests: its indexes are
    OCI layouts."""
    found = {}
    for index in site.data.rglob("index.json"):
        entries = json.loads(index.read_text()).get("manifests") or ()
        if not index.parent.name.endswith("-pr"):
            found[str(index.parent)] = {json.dumps(entry, sort_keys=True) for entry in entries}
    assert len(found) > 3
    return found


def github(folder: Path, head: str, **more: str) -> dict[str, str]:
    """What GitHub sets for `pull_request_target`, by the code of a branch of `head`."""
    event = folder / "event.json"
    request = {"number": 7, "head": {"repo": {"full_name": head}}, "base": {"ref": "main"}}
    event.write_text(json.dumps({"pull_request": request}))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request_target",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/images",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **more,
    }


def test_a_hostile_pull_request_from_a_fork(site: Site, tmp_path: Path) -> None:
    files = samples.system("base") | samples.system("app", "FROM base:1.2.3\n")
    root = checkout(tmp_path / "project", f"{__name__}-fork", files)
    site.run("run", cwd=root)
    other = checkout(tmp_path / "other", f"{__name__}-other", samples.hello("other"))
    site.run("build", cwd=other)
    before = published(site)

    (root / "images/app/Dockerfile.tmpl").write_text(f"FROM base:1.2.3\nUSER 0\nRUN echo hello > /etc/hello\n{_STEAL}"
                                                     'CMD ["sleep", "1"]\n')  # fmt: skip
    (root / "images/app/image.yml").write_text(samples.image("1.2.3", extra="secrets: [token, command]\n"))
    builds = next(line for line in (other / "lockage.yml").read_text().splitlines() if "builds:" in line)
    text = (root / "lockage.yml").read_text().splitlines()
    text = [builds if line.startswith("builds:") else line for line in text]
    secrets = [
        "secrets:",
        "  token: {env: TOKEN}",
        "  command: {command: [sh, -c, 'touch ran; echo $TOKEN']}",
    ]
    caches = ["cache:", f"- {{type: registry, ref: {site.registry}/stolen/cache, export: always}}"]
    (root / "lockage.yml").write_text("\n".join([*text, *secrets, *caches, ""]))
    commit(root)
    since = time.time()
    variables = github(tmp_path, "eve/images", TOKEN=CANARY, COSIGN_PASSWORD=CANARY)
    done = site.run("run", "--json", "--reports", tmp_path / "reports", "--refs", tmp_path / "refs.json",
                    cwd=root, **variables)  # fmt: skip

    assert "pull request 7 comes from a fork: nothing is pushed, signed or promoted" in done.err
    app = next(target for target in done.json["targets"] if target["image"] == "app")
    assert app["verdicts"] and all(verdict["passed"] for verdict in app["verdicts"])
    assert done.json["images"] == []
    assert published(site) == before
    repository = builds.partition(" ")[2]
    image = Image(f"{site.registry}/{repository}-pr@{app['digest']}")
    assert image.files["/stolen"].content == b""
    assert not (root / "ran").exists()
    assert CANARY not in done.out + done.err
    assert not traces(site.home, CANARY, since=since)
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert {t["image"]: t["status"] for t in report["targets"]}["app"] == "built"
    assert "app" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / "refs.json").read_text())["refs"] == []
    publish = ("notes", "v1.0.0", "--publish")
    for command in (("promote", "--to", "prod"), ("rescan", "--env", "prod"), ("rebuild", "app"), publish):
        refused = site.run(*command, cwd=root, expect=2, **variables)
        assert "writes to what releases trust" in refused.err
    assert published(site) == before


def test_a_pull_request_with_write_access_has_a_place_of_its_own(site: Site, tmp_path: Path) -> None:
    root = checkout(
        tmp_path / "project",
        f"{__name__}-own",
        samples.hello("base") | samples.hello("app", "base:1.2.3"),
    )
    site.run("build", "base", cwd=root)
    before = published(site)
    variables = github(
        tmp_path, "acme/images", GITHUB_EVENT_NAME="pull_request", GITHUB_REF="refs/pull/7/merge"
    )
    done = site.run("run", "--json", cwd=root, **variables)
    statuses = {target["image"]: target["status"] for target in done.json["targets"]}
    assert statuses == {"base": "reused", "app": "built"}
    assert published(site) == before
    references = [image["reference"] for image in done.json["images"]]
    assert len(references) == 2 and all("-pr" in reference for reference in references)
    assert not any(image["signed"] for image in done.json["images"])
    assert {t["status"] for t in site.run("run", "--json", cwd=root, **variables).json["targets"]} == {
        "reused"
    }
    again = site.run("build", "app", "--json", cwd=root).json["targets"]  # of a branch: the project's own run
    assert {target["image"]: target["status"] for target in again} == {"base": "reused", "app": "built"}
