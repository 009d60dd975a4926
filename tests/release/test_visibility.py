"""Who may pull: asked as a stranger on real registries, changed by the APIs of Quay and Harbor as documented."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.cli.commands.release.visibility import warn_of_visibility
from pipeline.config import Environment
from pipeline.errors import RegistryError
from pipeline.model import Repository
from pipeline.registry import Access, Credentials, HostAccess, Registry
from pipeline.registry.packages.github import GithubPackages
from pipeline.release import visibility
from pipeline.release.visibility import PackageVisibility, read_visibility, set_visibility
from tests.registry import images
from tests.registry.scripted_server import scripted
from tests.stages.fleet import make_fleet, plan

from .promotions import promoted

pytestmark = [pytest.mark.real, pytest.mark.anyio]

PUBLIC = Environment("prod", "{image}", visibility="public")
PRIVATE = Environment("prod", "{image}", visibility="private")


async def push(registry: Registry, repository: Repository) -> None:
    (image,) = images.image("visible", platforms=("linux/amd64",), layers=1).children
    for blob in images.image("visible", platforms=("linux/amd64",), layers=1).blobs.values():
        await registry.put_blob(repository, blob)
    await registry.put_manifest(repository, image.raw, image.media_type, tag="1")


async def test_a_real_registry_that_anybody_may_read(host: str, registry: Registry) -> None:
    there, missing = Repository(host, "acme/seen"), Repository(host, "acme/nothing-was-pushed")
    await push(registry, there)
    found = await read_visibility({there: PUBLIC, missing: PUBLIC}, Access())
    assert [(one.found, one.differs) for one in found] == [("public", False), ("", False)]
    (wrong,) = await read_visibility({there: PRIVATE}, Access())
    assert wrong.differs and str(wrong) == f"{there}  public, should be private"
    assert "lockage visibility --apply" in wrong.change


@dataclass
class Hosted:
    """A registry whose repositories are private, and the API that changes that: of `harbor` or `quay`."""

    kind: str
    token: str = "Bearer quay-token"
    public: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def respond(self, request: web.Request) -> web.Response:
        authorization = request.headers.get("Authorization", "")
        self.asked.append((request.method, request.path, authorization))
        if request.path.startswith("/v2/"):
            challenge = {"WWW-Authenticate": f'Bearer realm="http://{request.host}/token",service="it"'}
            if authorization == "Bearer anonymous" and self.public:
                return web.json_response({"name": "acme/app", "tags": ["1"]})
            return _error(401, challenge)
        if request.path == "/token":
            assert not authorization, "a stranger has no credentials"
            return web.json_response({"token": "anonymous"})
        if request.path == "/api/v2.0/ping":
            return web.Response(text="Pong") if self.kind == "harbor" else _error(404)
        if authorization != self.token:
            return _error(403)
        data = json.loads(request._read_bytes or b"")
        if (self.kind, request.method, request.path) == ("harbor", "PUT", "/api/v2.0/projects/acme"):
            assert request.headers["X-Is-Resource-Name"] == "true"
            self.public = data["metadata"]["public"] == "true"
            return web.Response(status=200)
        path = "/api/v1/repository/acme/app/changevisibility"
        assert (self.kind, request.method, request.path) == ("quay", "POST", path)
        self.public = data["visibility"] == "public"
        return web.json_response({"success": True}, status=201)


def _error(status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(
        {"errors": [{"code": "DENIED", "message": "no"}]}, status=status, headers=headers
    )


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("kind", ["harbor", "quay"])
async def test_a_private_repository_is_made_public_and_back(kind: str) -> None:
    hosted = Hosted(kind)
    if kind == "harbor":
        hosted.token = basic("robot$ci", "harbor-secret")
    async with scripted(hosted.respond) as server:
        credentials = HostAccess(credentials=Credentials("robot$ci", "harbor-secret"))
        access, quay = Access({server.host: credentials}), server.host if kind == "quay" else "quay.io"
        for environment, found in ((PUBLIC, "private"), (PRIVATE, "public")):
            (seen,) = await read_visibility({Repository(server.host, "acme/app"): environment}, access)
            assert (seen.found, seen.differs) == (found, True)
            (change,) = await set_visibility([seen], access, "quay-token", quay)
            assert change.fault is None
            (after,) = await read_visibility({seen.repository: environment}, access)
            assert not after.differs and after.found == environment.visibility
    pings = {authorization for _, path, authorization in hosted.asked if path.endswith("/ping")}
    assert pings <= {""}, "nobody gets credentials to find out what it is"


@pytest.mark.parametrize(
    ("kind", "token", "hint"),
    [("harbor", "", "its admin's"), ("quay", "", "QUAY_TOKEN"), ("quay", "wrong", "QUAY_TOKEN")],
)
async def test_without_rights_nothing_changes_and_one_error_says_so(kind: str, token: str, hint: str) -> None:
    hosted = Hosted(kind)
    async with scripted(hosted.respond) as server:
        access = Access({server.host: HostAccess(credentials=Credentials("me", "harbor-secret"))})
        found = PackageVisibility("prod", Repository(server.host, "acme/app"), "public", "private")
        (change,) = await set_visibility([found], access, token, server.host if kind == "quay" else "quay.io")
    assert not hosted.public and isinstance(change.fault, RegistryError)
    assert hint in (change.fault.hint or "") and "harbor-secret" not in str(change.fault.to_json())


async def test_a_registry_without_such_an_api_names_the_page(host: str) -> None:
    found = PackageVisibility("prod", Repository(host, "acme/app"), "public", "private")
    (change,) = await set_visibility([found], Access(), "quay-token")
    assert change.fault and "has no API that changes who may pull" in change.fault.message
    for name, page in (
        ("docker.io", "https://hub.docker.com/repository/docker/acme/app/settings"),
        ("ghcr.io", "the package app"),
        ("registry.gitlab.com", "https://gitlab.com/acme/app"),
    ):
        found = PackageVisibility("prod", Repository(name, "acme/app"), "public", "private")
        (change,) = await set_visibility([found], Access(), "")
        assert change.fault and page in found.change == change.fault.hint


@pytest.mark.parametrize("shown", ["public", "private", "internal"])
async def test_github_shows_it_with_the_page(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    def script(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        if request.raw_path != "/orgs/acme/packages/container/images%2Fapp":
            return web.json_response({"message": "Not Found"}, status=404)
        page = "https://github.com/orgs/acme/packages/container/package/images%2Fapp"
        return web.json_response({"name": "images/app", "visibility": shown, "html_url": page})

    async with scripted(script) as server, GithubPackages("secret", host=server.host) as packages:
        monkeypatch.setattr(visibility, "GHCR", server.host)
        there = Repository(server.host, "acme/images/app")
        (found,) = await read_visibility({there: PUBLIC}, Access(), packages)
        assert (found.found, found.differs) == (shown, shown != "public")
        assert found.change.startswith("https://github.com/orgs/acme/packages/")
        assert await packages.visibility(Repository(server.host, "acme/other")) is None


async def test_a_promotion_warns_of_what_others_may_pull(
    host: str, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = await make_fleet(registry, plan(host), tmp_path)
    assert not (await promoted(fleet)).fault
    prod = replace(fleet.context.plan.project.environments[1], registry=host)
    await warn_of_visibility(fleet.context, [prod, replace(prod, visibility="public")])
    assert capsys.readouterr().err == ""
    await warn_of_visibility(fleet.context, [replace(prod, visibility="private")])
    warning = capsys.readouterr().err
    assert f"warning: {fleet.context.repository(prod, 'app')}  public, should be private (" in warning
    await warn_of_visibility(fleet.context, [replace(prod, registry="127.0.0.1:1/x", visibility="private")])
    assert "warning: who may pull is not known: cannot reach 127.0.0.1:1" in capsys.readouterr().err
