"""The Dagger module on the real engine: the digests that the command line gives, either of them first."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import ROOT, Done, Site
from tests.real.tools import crane, tags
from tests.tools.git import commit, git
from tests.tools.ports import free_port
from tests.tools.signing.bundles import new_pair

pytestmark = pytest.mark.real

Dagger = Callable[..., Done]
STAGES = {
    "plan",
    "lint",
    "build",
    "scan",
    "sbom",
    "test",
    "push",
    "sign",
    "run",
    "manifest",
    "promote",
    "verify",
}


@pytest.fixture
def dagger(site: Site) -> Dagger:
    """`dagger(arguments, cwd=…)` with what `lockage env` says and nothing else; other variables are taken away."""
    variables = site.run("env", "--json").json
    program = variables["_EXPERIMENTAL_DAGGER_CLI_BIN"]

    def run(
        *arguments: str, cwd: Path = ROOT, expect: int = 0, without: tuple[str, ...] = (), **more: str
    ) -> Done:
        environment = {k: v for k, v in {**site.env, **variables, **more}.items() if k not in without}
        done = subprocess.run(
            [program, "--progress=plain", *arguments],
            cwd=cwd,
            env={**environment, "NO_COLOR": "1"},
            capture_output=True,
            timeout=1800,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()  # carriage returns stay what they are
        assert done.returncode == expect, f"exit {done.returncode}, not {expect}\n{out}\n{err}"
        return Done(done.returncode, out, err)

    return run


@pytest.fixture
def pair(project: Callable[..., Path]) -> Path:
    """An image with every kind of file in its rootfs, and one based on it."""
    child = {
        "images/child/image.yml": samples.image("1.0.0"),
        "images/child/Dockerfile.tmpl": "FROM hello:1.2\nCOPY <<END /etc/child\n{{ tag }}\nEND\n",
    }
    root = project({**samples.hello(), **child, "images/hello/rootfs/opt/say": "#!/bin/sh\necho hello\n"})
    (root / "images/hello/rootfs/opt/say").chmod(0o755)
    (root / "images/hello/rootfs/opt/link").symlink_to("say")
    (root / "images/hello/rootfs/opt/dangling").symlink_to("/nowhere")
    commit(root)
    return root


def call(*arguments: str) -> tuple[str, ...]:
    """The module of this checkout, on the catalogue of the folder it is called in."""
    return ("-m", str(ROOT), "call", "--source=.", *arguments)


def digests(data: dict) -> dict[str, str]:
    """Target id -> digest of a run's JSON."""
    return {t["id"]: t["digest"] for t in data["targets"]}


def test_the_module_of_this_checkout_plans_the_same_bytes(site: Site, dagger: Dagger) -> None:
    listed = {line.split()[0] for line in dagger("functions").out.splitlines() if line.strip()}
    assert listed >= STAGES
    site.run("lock")
    assert dagger("call", "plan").out == site.run("plan", "--json").out
    dagger("check", "lint")


def test_what_the_command_line_built_is_recalled(site: Site, dagger: Dagger, pair: Path) -> None:
    first = site.run("build", "--json", cwd=pair).json
    again = dagger(*call("build", "--as-json"), cwd=pair).json
    assert digests(again) == digests(first)
    assert {t["status"] for t in again["targets"]} == {"reused"}
    known = dagger(*call("build"), cwd=pair)
    assert all(digest in known.out for digest in digests(first).values())
    assert "lockage CACHED" in known.err  # the constructor: no service is among its arguments
    service = call(f"--registry=tcp://{site.registry}", "build")
    assert all(digest in dagger(*service, cwd=pair).out for digest in digests(first).values())


def test_platforms_of_two_runners_are_merged(
    site: Site, dagger: Dagger, project: Callable[..., Path]
) -> None:
    files = {
        "images/data/image.yml": samples.image("1"),
        "images/data/Dockerfile.tmpl": "FROM scratch\n",
        "images/data/rootfs/etc/data": "data\n",
    }
    root = project(files, "platforms: [linux/amd64, linux/arm64]\n")
    site.run("push", "--platform", "arm64", cwd=root)
    refused = dagger(*call("manifest"), cwd=root, expect=1)
    assert "data:1 lacks linux/amd64" in refused.err
    pushed = dagger(*call("push", "--platforms", "linux/amd64", "--as-json"), cwd=root).json["images"][0]
    assert pushed["index"] is None
    (made,) = dagger(*call("manifest"), cwd=root).json
    assert list(made["children"]) == ["linux/amd64", "linux/arm64"]
    assert site.run("manifest", "--json", cwd=root).json == [made | {"written": []}]


def test_a_secret_of_the_callers_is_mounted_by_the_run_that_names_it(
    dagger: Dagger, project: Callable[..., Path]
) -> None:
    mount = 'RUN --mount=type=secret,id=token,required=true,env=T test "$T" = canary-of-the-module\n'
    files = {
        "images/data/image.yml": samples.image("1", extra="secrets: [token]\n"),
        "images/data/Dockerfile.tmpl": samples.DEBIAN + mount,
    }
    root = project(files, "secrets:\n  token: {env: NOT_HERE}\n")
    given = ("--secret-ids=token", "--secrets=env://CANARY")
    done = dagger(*call(*given, "build", "--as-json"), cwd=root, CANARY="canary-of-the-module")
    assert {t["status"] for t in done.json["targets"]} == {"built"}
    assert "canary-of-the-module" not in done.out


def test_what_the_module_did_leaves_nothing_to_do(site: Site, dagger: Dagger, pair: Path) -> None:
    git(pair, "gc", "--quiet")
    first = dagger(*call("run", "--as-json"), cwd=pair, LOCKAGE_AUTHOR="them@there").json
    assert {t["status"] for t in first["targets"]} == {"built"}
    again = site.run("run", "--json", cwd=pair).json
    assert digests(again) == digests(first)
    assert [i["reference"] for i in again["images"]] == [i["reference"] for i in first["images"]]
    assert all(i["signed"] and i["promoted"] and not i["written"] for i in again["images"])
    site.run("verify", cwd=pair)
    entries = site.run("history", "--env", "prod", "--json", cwd=pair).json["entries"]
    assert {entry["author"] for entry in entries} == {"them@there"}

    builds = first["images"][0]["reference"].partition("/dev/")[0] + "/builds"
    moment = git(pair, "log", "-1", "--format=%cI", env={**os.environ, "TZ": "UTC"})[:10]
    for digest in digests(first).values():
        notes = json.loads(crane("manifest", f"{builds}@{digest}"))["annotations"]
        assert notes["org.opencontainers.image.created"].startswith(moment)

    (look,) = [
        one
        for one in dagger(*call("promote", "--to=prod", "--dry-run"), cwd=pair).json
        if "child" in one["source"]
    ]
    assert not look["moves"]
    assert len(look["in_place"]) == 3
    verified = dagger(*call("verify"), cwd=pair).json
    assert {v["reference"].rpartition("@")[2] for v in verified} == {i["index"] for i in first["images"]}

    image = first["images"][0]["reference"]
    (pair / "rules").mkdir()
    (pair / "rules" / "release.pub").write_bytes((site.data / "keys" / "cosign.pub").read_bytes())
    (pair / "rules" / "image.yml").write_text(
        'verify: [{images: ["**"], signers: [{key: release.pub}], attestations: [sbom, findings]}]'
    )
    by_rules = call("verify", "--rules=rules/image.yml", f"--references={image}")
    (checked,) = dagger(*by_rules, cwd=pair).json
    assert checked["met"] and checked["subjects"][0]["subject"] == "index"
    (pair / "rules" / "release.pub").write_bytes(new_pair().public)
    refused = dagger(*by_rules, cwd=pair, expect=1).err
    assert "does not meet rules/image.yml: index: signers" in refused


def test_a_closed_gate_fails_the_call_and_moves_no_tag(dagger: Dagger, site: Site, project) -> None:
    root = project(
        {
            "images/weak/image.yml": samples.image("1.0.0"),
            "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL,
            **samples.hello("apart"),
        }
    )
    refused = dagger(*call("run"), cwd=root, expect=1)
    assert "weak/1.0.0/linux-amd64: gate vulnerabilities closed: CVE-2099-0001" in refused.err
    assert "Traceback" not in refused.err
    name = (root / "lockage.yml").read_text().partition("project: ")[2].split()[0]
    assert tags(f"{site.registry}/{name}/dev/weak") == set()
    assert tags(f"{site.registry}/{name}/prod/apart") == {"1", "1.2", "1.2.3"}


def test_mistakes_are_told_with_their_place(dagger: Dagger, project) -> None:
    root = project(
        {**samples.hello(), "images/hello/image.yml": samples.image("1.2.3", extra="varables: {}\n")}
    )
    stderr = dagger(*call("lint"), cwd=root, expect=1).err
    assert "images/hello/image.yml:3:1" in stderr
    assert "variables" in stderr


@pytest.mark.parametrize(
    ("function", "without", "hint"),
    [
        ("sign", ("LOCKAGE_PUBLIC_KEY",), "signing needs a key pair"),
        ("sign", ("LOCKAGE_PRIVATE_KEY",), "the secret --private-key cannot be read"),
    ],
)
def test_what_is_missing_is_named(dagger: Dagger, project, function: str, without, hint: str) -> None:
    stderr = dagger(*call(function), cwd=project(samples.hello()), expect=1, without=without).err
    assert hint in stderr
    assert "Traceback" not in stderr


def test_without_lockage_env_a_call_lints_and_says_what_it_lacks(
    dagger: Dagger, project: Callable[..., Path]
) -> None:
    root, names = project(samples.hello()), ("REGISTRY_FORWARD", "REGISTRY_CONFIG", "MIRRORS", "PUBLIC_KEY")
    unset = tuple(f"LOCKAGE_{name}" for name in (*names, "REGISTRY", "PRIVATE_KEY", "PASSWORD"))
    assert dagger(*call("lint"), cwd=root, without=unset).out == "1 targets\n"
    stderr = dagger(*call("build"), cwd=root, expect=1, without=unset).err
    assert "no registry was given" in stderr
    assert "Traceback" not in stderr


def test_a_registry_that_is_not_there_is_named(dagger: Dagger, project: Callable[..., Path]) -> None:
    address = f"localhost:{free_port()}"
    mirrors = ",".join(f"{host}={address}/{host}" for host in ("docker.io", "ghcr.io", "gcr.io"))
    given = call(f"--registry=tcp://{address}", "build")
    stderr = dagger(*given, cwd=project(samples.hello()), expect=1, LOCKAGE_MIRRORS=mirrors).err
    assert f"{address} closed the connection" in stderr  # the service does, in the name of the session
    assert "Traceback" not in stderr
