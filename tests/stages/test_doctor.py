"""What doctor finds: registries by a dry push on real ones, clocks, keys, git, proxies; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from anyio import to_thread

from pipeline.cli.doctor import machine, signing
from pipeline.cli.doctor.finding import CheckResult, Health
from pipeline.cli.doctor.registries import registries
from pipeline.lab.settings import LabSettings
from pipeline.registry import Registry
from tests.registry.scripted_server import scripted
from tests.release.test_visibility import Hosted
from tests.tools import warm
from tests.tools.git import commit
from tests.tools.signing.bundles import new_pair

from .fleet import plan

pytestmark = [pytest.mark.real, pytest.mark.anyio]

TAGGED = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REF_TYPE": "tag",
    "GITHUB_REF_NAME": "v1.0.0",
    "GITHUB_TOKEN": "x",
}


def settings(folder: Path) -> LabSettings:
    return LabSettings.from_env({"LOCKAGE_HOME": str(folder)})


async def of(host: str) -> list[CheckResult]:
    """What is found of a project in one registry."""
    made = plan(
        "127.0.0.1:1",
        {"lockage.yml": f"version: 1\nproject: acme\nregistry: {host}/acme\nbases: [debian:12]\n"},
    )
    return await registries(made.project, ["app"])


async def test_a_registry_that_lets_us_push_has_nothing_afterwards(host: str, registry: Registry) -> None:
    found = await of(host)
    assert [(f.check, f.health) for f in found] == [(f"registry {host}", Health.OK), ("clock", Health.OK)]
    assert found[0].text == "lets us push to acme/lockage/builds"


async def test_a_registry_that_is_gone_or_refuses_is_a_problem_with_the_next_command() -> None:
    (gone,) = await of("127.0.0.1:1")
    assert gone.health is Health.PROBLEM and gone.next

    async with scripted(lambda _: web.json_response({"errors": [{"code": "DENIED"}]}, status=403)) as server:
        (refused,) = await of(server.host)
        assert refused.health is Health.PROBLEM and "acme/lockage/builds" in refused.text and refused.next
        assert {request.method for request in server.asked} <= {"GET", "POST"}


@pytest.mark.parametrize(
    ("date", "health"),
    [
        ("Thu, 26 Nov 2020 10:00:00 GMT", Health.PROBLEM),
        ("Fri, 26 Nov 2100 10:00:00 GMT", Health.PROBLEM),
        ("soon", None),
    ],
)
async def test_a_clock_that_is_wrong_is_noticed(date: str, health: Health | None) -> None:
    def answer(request: web.Request) -> web.Response:
        location = {"Location": f"/v2/acme/lockage/builds/blobs/uploads/{'1' * 8}", "Date": date}
        return web.Response(status=202 if request.method == "POST" else 204, headers=location)

    async with scripted(answer) as server:
        found = await of(server.host)
        assert [r.method for r in server.asked] == ["POST", "DELETE"], "what was opened is cancelled"
    assert [f.health for f in found if f.check == "clock"] == ([health] if health else [])


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, [("proxy", "ok"), ("certificates", "ok")]),
        (
            {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "x, localhost"},
            [("proxy", "ok"), ("certificates", "ok")],
        ),
        ({"https_proxy": "http://p:3128"}, [("proxy", "warning"), ("certificates", "ok")]),
        ({"SSL_CERT_FILE": "/nowhere"}, [("proxy", "ok"), ("certificates", "problem")]),
        ({"LOCKAGE_CERTIFICATES": "none"}, [("proxy", "ok"), ("certificates", "ok")]),
    ],
)
def test_proxies_and_authorities(environ: Mapping[str, str], expected: list[tuple[str, str]]) -> None:
    assert [(f.check, str(f.health)) for f in machine.network(environ)] == expected


def test_git_and_disk(tmp_path: Path) -> None:
    assert machine.git(tmp_path, {}).health is Health.WARNING
    (tmp_path / "a").write_text("a")
    sha = commit(tmp_path)
    assert machine.git(tmp_path, {"PATH": "/usr/bin:/bin"}).text == f"commit {sha[:12]}, without changes"
    (tmp_path / "a").write_text("b")
    assert "has changes" in machine.git(tmp_path, {"PATH": "/usr/bin:/bin"}).text
    assert machine.disk(settings(tmp_path / "not" / "yet")).check == "disk"


def test_who_signs(tmp_path: Path) -> None:
    project, pair = plan("127.0.0.1:1").project, new_pair()

    def key(environ: Mapping[str, str]) -> CheckResult:
        return next(iter(signing.signing(project, tmp_path, environ, settings(tmp_path))))

    given: dict[str, Any] = {
        "COSIGN_PRIVATE_KEY": pair.private.decode(),
        "COSIGN_PUBLIC_KEY": pair.public.decode(),
        "COSIGN_PASSWORD": pair.password,
    }
    assert key({}).health is Health.OK
    assert key(TAGGED).health is Health.WARNING, "each job would make its own"
    assert key(given).health is Health.OK
    assert key(given | {"COSIGN_PASSWORD": "wrong"}).health is Health.PROBLEM
    assert key(given | {"COSIGN_PUBLIC_KEY": new_pair().public.decode()}).health is Health.PROBLEM
    assert "belong together" in key({"COSIGN_PRIVATE_KEY": "x"}).text
    assert not (tmp_path / "default").exists(), "no key was made"
    assert signing.job(TAGGED).text == "tag v1.0.0; GITHUB_TOKEN for registries"


def test_the_command(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(root),
        "LOCKAGE_HOME": str(tmp_path / "h"),
    }
    (tmp_path / "lockage.yml").write_text("version: 1\nproject: demo\nregistry: 127.0.0.1:1\n")
    (tmp_path / "images/a").mkdir(parents=True)
    (tmp_path / "images/a/image.yml").write_text("tags: [1.0.0]\n")
    (tmp_path / "images/a/Dockerfile.tmpl").write_text("FROM scratch\n")
    code, out, err = warm.run(["doctor", "--json"], cwd=tmp_path, env=env)[:3]
    found = {one["check"]: one for one in json.loads(out)}
    assert (
        code == 4
        and found["registry 127.0.0.1:1"]["health"] == "problem"
        and found["catalogue"]["health"] == "ok"
    )
    assert "problems" in err
    (tmp_path / "lockage.yml").write_text("version: 1\nprojekt: demo\n")
    code, out, err = warm.run(["doctor"], cwd=tmp_path, env=env)[:3]
    assert code == 4 and "problem  catalogue:" in out and "lockage plan" in out
    assert not (tmp_path / "h").exists(), "nothing was written"


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """A project whose production is in a registry of its own."""

    def make(host: str, wanted: str = "public") -> Path:
        root = tmp_path / "project"
        (root / "images/app/rootfs").mkdir(parents=True)
        (root / "images/app/Dockerfile.tmpl").write_text("FROM scratch\nCOPY rootfs/ /\n")
        (root / "images/app/rootfs/app").write_text("1")
        (root / "images/app/image.yml").write_text("tags: [1.0.0]\n")
        environments: list[dict[str, Any]] = [
            {"name": "dev", "repository": "dev/{image}"},
            {"name": "prod", "repository": "{image}", "registry": f"{host}/acme", "visibility": wanted},
        ]
        settings = {"version": 1, "project": "acme", "environments": environments, "registry": "embedded"}
        (root / "lockage.yml").write_text(json.dumps(settings))
        return root

    return make


async def lockage(root: Path, *arguments: str, **environ: str) -> tuple[int, str, str]:
    """The program, while the registry of this process answers it."""
    home = {"LOCKAGE_HOME": str(root.parent / "home"), "HOME": str(root.parent), "PATH": "/usr/bin:/bin"}
    env = {**home, **environ}
    return await to_thread.run_sync(lambda: warm.run(list(arguments), cwd=root, env=env))


async def test_who_may_pull_is_compared_and_changed(project: Callable[[str], Path]) -> None:
    hosted = Hosted("quay")

    async with scripted(hosted.respond) as server:
        root = project(server.host)
        quay = {"QUAY_HOST": server.host, "QUAY_TOKEN": "quay-token"}
        code, out, err = await lockage(root, "visibility")
        assert code == 7 and f"{server.host}/acme/app  private, should be public" in out, err
        code, out, err = await lockage(root, "visibility", "--apply", **quay)
        assert code == 0 and hosted.public and "private, should be public: changed" in out, err
        code, out, err = await lockage(root, "visibility", "--env", "prod", "--json")
        assert code == 0 and json.loads(out)["repositories"][0]["found"] == "public"
        code, out, err = await lockage(root, "visibility", "--env", "dev")
        assert code == 2 and "no environment says" in err
        hosted.public = False
        code, out, err = await lockage(root, "doctor")
        assert f"warning  visibility: {server.host}/acme/app  private, should be public" in out
