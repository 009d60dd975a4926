"""Caches that outlive BuildKit's state: what one machine built, another takes from a registry, from S3, from a folder.

BuildKit's state is removed between two builds, and the second one has another repository of builds: it finds nothing
of the first but what is in the cache. A step that ran would have written another random word.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from pipeline.engine.buildkit.cache import name_of
from pipeline.lab.seed import own_platform
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import binary, crane
from tests.registry import servers
from tests.registry.auth.test_tokens import ALICE, HASHED
from tests.tools import s3
from tests.tools.git import commit

pytestmark = pytest.mark.real

FILES = {
    "images/app/image.yml": samples.image("1.0.0"),
    "images/app/Dockerfile.tmpl": (
        "FROM debian:bookworm-slim AS made\n"
        "RUN head -c 16 /dev/urandom | od -An -tx1 > /word\n"
        "FROM debian:bookworm-slim\n"
        "COPY --from=made /word /first\n"
        "RUN head -c 16 /dev/urandom | od -An -tx1 > /second\n"
    ),
    ".gitignore": "/kept\n",
}
_builds = re.compile(r"^builds: (.+)$", re.MULTILINE)
LOCAL = "{type: local, path: kept}"
PULL_REQUEST = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_REPOSITORY": "acme/images",
}
FEATURE = {"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "feature/x", "GITHUB_REF_TYPE": "branch"}
MAIN = {"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"}

Project = Callable[..., Path]


@dataclass(frozen=True)
class Store:
    """Where a cache is kept: its entry in lockage.yml, the variables that it needs, and all that it holds."""

    entry: str
    held: Callable[[Path], list[str]]
    env: dict[str, str] = field(default_factory=dict)


@pytest.fixture(params=["olareg", "distribution", "password", "s3", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each kind of store, empty."""
    with ExitStack() as stack:
        if request.param == "local":
            yield Store(LOCAL, lambda root: _files(root / "kept"))
        elif request.param == "s3":
            yield _s3(stack.enter_context(s3.running(tmp_path / "s3")))
        else:
            extra, env = _password(tmp_path) if request.param == "password" else ("", {})
            server = (
                servers.olareg if request.param == "olareg" else partial(servers.distribution, extra=extra)
            )
            host = stack.enter_context(server(tmp_path / "registry"))
            if env:
                token = base64.b64encode(f"{ALICE.username}:{ALICE.password}".encode()).decode()
                (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": token}}}))
            entry = f"{{type: registry, ref: {host}/team/cache}}"
            yield Store(entry, lambda root: sorted(_tags(f"{host}/team/cache", env)), env)


def _password(folder: Path) -> tuple[str, dict[str, str]]:
    """What makes distribution ask for a password, and where clients find it."""
    (folder / "htpasswd").write_text(f"alice:{HASHED}\n")
    extra = f"auth:\n  htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}\n"
    return extra, {"DOCKER_CONFIG": str(folder)}


def _tags(repository: str, env: dict[str, str]) -> list[str]:
    argv = [binary("crane"), "ls", repository]
    done = subprocess.run(argv, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    return done.stdout.split()


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[s3.Store]:
    """An S3 service with an empty bucket."""
    with s3.running(tmp_path / "s3") as made:
        yield made


def _s3(made: s3.Store) -> Store:
    entry = (
        f"{{type: s3, bucket: {made.bucket}, region: {s3.REGION}, endpoint_url: '{made.endpoint}', "
        "use_path_style: true, prefix: team}"
    )
    return Store(entry, lambda root: made.objects(), made.variables)


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@dataclass(frozen=True)
class Outcome:
    """What a build made: its own layers by digest, without the base's; and what it warned of."""

    layers: list[str]
    warnings: list[str]


def build(site: Site, root: Path, **env: str) -> Outcome:
    """`lockage build`."""
    done = site.run("build", "--json", cwd=root, **env)
    [target] = done.json["targets"]
    assert target["status"] == "built"
    repository = _builds.search((root / "lockage.yml").read_text())
    assert repository
    aside = "-pr" if env.get("GITHUB_REF") == PULL_REQUEST["GITHUB_REF"] else ""
    manifest = crane("manifest", f"{site.registry}/{repository[1]}{aside}@{target['digest']}")
    digests = [layer["digest"] for layer in json.loads(manifest)["layers"]]
    return Outcome(digests[1:], [line for line in done.err.splitlines() if " warning " in line])


def elsewhere(site: Site, root: Path) -> None:
    """From now on nothing of earlier builds is known: BuildKit's state is gone, the repository of builds another."""
    for lock in site.data.glob("engine/worker/snapshots/snapshots/*/fs/*/lockage.lock"):
        with lock.open("rb") as file:
            _wait_for(file.fileno())
            shutil.rmtree(lock.parent)
    config = root / "lockage.yml"
    config.write_text(_builds.sub(r"builds: \1x", config.read_text()))
    commit(root)


def _wait_for(file: int) -> None:
    """Until the daemon that had a state has ended."""
    for _ in range(300):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
    raise AssertionError("BuildKit still runs 30 s after its run")


def with_cache(project: Project, *entries: str) -> Path:
    """A project that keeps its cache there."""
    return project(FILES, more=f"cache: [{', '.join(entries)}]\n")


def test_another_machine_runs_no_step_again(site: Site, project: Project, store: Store) -> None:
    root = with_cache(project, store.entry)
    first = build(site, root, **MAIN, **store.env)
    assert store.held(root) and not first.warnings
    elsewhere(site, root)
    assert build(site, root, **MAIN, **store.env) == first


@pytest.mark.parametrize(
    "store, head", [("olareg", "eve/images"), ("local", "acme/images")], indirect=["store"]
)
def test_a_pull_request_reads_and_writes_nothing(
    site: Site, project: Project, store: Store, head: str, tmp_path: Path
) -> None:
    """One from a fork, and one of the repository's own."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}))
    proposed = {**PULL_REQUEST, "GITHUB_EVENT_PATH": str(event), **store.env}
    root = with_cache(project, store.entry)
    build(site, root, **proposed)
    assert not store.held(root)
    elsewhere(site, root)
    main = build(site, root, **MAIN, **store.env)
    held = store.held(root)
    elsewhere(site, root)
    assert build(site, root, **proposed) == main
    assert store.held(root) == held


def test_the_main_line_reads_no_scope_but_its_own(site: Site, project: Project) -> None:
    """Neither a branch's, nor what somebody has put where a pull request's would be."""
    root = with_cache(project, LOCAL)
    branch = build(site, root, **FEATURE)
    [own] = (root / "kept").iterdir()
    for scope in ("pr-7", "7", "refs/pull/7/merge"):
        shutil.copytree(own, root / "kept" / name_of("app", "1.0.0", own_platform(), scope))
    elsewhere(site, root)
    main = build(site, root, **MAIN)
    assert not set(main.layers) & set(branch.layers)
    elsewhere(site, root)
    both = build(site, root, **FEATURE)  # a branch takes either
    assert set(both.layers) <= {*branch.layers, *main.layers}
    shutil.rmtree(own)
    elsewhere(site, root)
    assert build(site, root, **FEATURE) == main


def test_what_is_missing_from_a_cache_is_built_again(site: Site, project: Project, bucket: s3.Store) -> None:
    """As where a store's own rules remove old objects: the list of them stays."""
    store = _s3(bucket)
    root = with_cache(project, store.entry)
    build(site, root, **MAIN, **store.env)
    for key in bucket.objects():
        if "/blobs/" in key:
            (bucket.folder / bucket.bucket / key).unlink()
    elsewhere(site, root)
    again = build(site, root, **MAIN, **store.env)
    assert any("built without its caches" in warning for warning in again.warnings)
    elsewhere(site, root)
    assert build(site, root, **MAIN, **store.env) == replace(again, warnings=[])


def test_a_cache_that_cannot_be_used_is_a_warning(site: Site, project: Project, bucket: s3.Store) -> None:
    """And what it is not used with is nowhere in the logs."""
    store = _s3(bucket)
    other = {"AWS_ACCESS_KEY_ID": bucket.access_key, "AWS_SECRET_ACCESS_KEY": "0123456789abcdef0123"}
    nowhere = f"{{type: registry, ref: 'localhost:{servers.free_port()}/team/cache'}}"
    root = with_cache(project, store.entry, nowhere)
    found = build(site, root, **MAIN, **other).warnings
    for words in (
        "importing cache manifest from ",
        "exporting cache to Amazon S3",
        "exporting cache to registry",
    ):
        assert any(words in warning for warning in found), words
    assert not bucket.objects()
    logs = [*site.data.glob("logs/*"), *site.data.glob("*.log")]
    assert logs and not any(other["AWS_SECRET_ACCESS_KEY"] in log.read_text() for log in logs)


def test_the_cache_of_github_is_left_out_elsewhere(site: Site, project: Project) -> None:
    """(There is no service of GitHub's here; what it is given when there is one is in tests/engine.)"""
    root = with_cache(project, "{type: gha}")
    [warning] = build(site, root).warnings
    assert "the gha cache is not used: ACTIONS_RUNTIME_TOKEN" in warning
