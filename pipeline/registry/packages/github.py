"""GitHub's REST API for packages, version 2022-11-28: versions of a container package listed and deleted, and who may
pull it, which the API shows and cannot change.

ghcr.io refuses deletion by the distribution API. A version is a manifest with all of its tags; no tag goes alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import quote

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Digest, Repository, valid_tag
from pipeline.model.manifest import load_json
from pipeline.util.timestamps import format_timestamp, parse_timestamp

from ..auth.access import Access
from ..http.faults import Fault, RequestFailed
from ..http.messages import Request, Response
from ..http.settings import ClientSettings
from ..http.transport import Transport
from ..limits import PAGES

GHCR = "ghcr.io"
API = "api.github.com"
_PAGE = 100
_WAITS = 20
_LIMITED = frozenset({403, 429})


@dataclass(frozen=True, slots=True)
class PackageVersion:
    """One version: a manifest, its tags, and when it was pushed, in seconds since 1970."""

    number: int
    digest: Digest
    tags: tuple[str, ...]
    pushed: int


class GithubPackages:
    """The client of one API, used as `async with`. `host` is `api.github.com`, or that of an Enterprise Server."""

    def __init__(
        self,
        token: str,
        access: Access | None = None,
        host: str = API,
        settings: ClientSettings | None = None,
    ) -> None:
        self._settings = settings or ClientSettings()
        self._transport = Transport(access or Access(), self._settings, "lockage")
        self._transport.redactor.add(token)
        self._host, self._token = host, token
        self._owners: dict[str, str] = {}

    async def __aenter__(self) -> GithubPackages:
        await self._transport.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.stop()

    async def versions(self, repository: Repository) -> list[PackageVersion]:
        """All versions of a repository's package, the newest first; none where there is no such package.

        Raises RegistryError.
        """
        found: list[PackageVersion] = []
        for page in range(1, PAGES + 1):
            query = f"?per_page={_PAGE}&page={page}&state=active"
            request, response = await self._send("GET", repository, f"/versions{query}")
            if response.status == 404:
                return []
            entries = _entries(request, response)
            found += [version for entry in entries if (version := _version(entry)) is not None]
            if len(entries) < _PAGE:
                return found
        raise RegistryError(
            f"{repository} has more than {PAGES * _PAGE:,} versions", hint="delete some by hand"
        )

    async def visibility(self, repository: Repository) -> tuple[str, str] | None:
        """Who may pull a repository's package (`public`, `private` or `internal`), and its page; None where there is no
        such package, or the token does not see it. Raises RegistryError."""
        request, response = await self._send("GET", repository, "")
        if response.status == 404:
            return None
        try:
            data = load_json(response.body)
            return str(data["visibility"]), str(data["html_url"])
        except (ValueError, KeyError, TypeError) as fault:
            raise RequestFailed(request, Fault("invalid", response.status, message=str(fault))) from fault

    async def delete(self, repository: Repository, version: PackageVersion) -> bool:
        """Delete a version with its tags; False if it was not there. Raises RegistryError."""
        request, response = await self._send("DELETE", repository, f"/versions/{version.number}")
        if response.status in (204, 404):
            return response.status == 204
        raise _failed(request, response)

    async def _send(self, method: str, repository: Repository, path: str) -> tuple[Request, Response]:
        """Of an organization's package, else of a user's. Waits where the API limits the rate of requests."""
        owner, _, name = repository.path.partition("/")
        kinds = (self._owners[owner],) if owner in self._owners else ("orgs", "users")
        for kind in kinds:
            target = f"/{kind}/{quote(owner)}/packages/container/{quote(name, safe='')}{path}"
            request = self._request(method, target, repository)
            response = await self._patiently(request)
            if response.status != 404:
                self._owners[owner] = kind
                break
        if response.status in (200, 204, 404) or (method == "DELETE" and response.status in (400, 422)):
            return request, response
        raise _failed(request, response)

    def _request(self, method: str, target: str, repository: Repository) -> Request:
        return Request(
            method,
            self._host,
            target,
            _operation(method, target),
            str(repository),
            accept=frozenset({200, 204, 400, 401, 403, 404, 422, 429}),
            headers={
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            secrets={"Authorization": f"Bearer {self._token}"},
        )

    async def _patiently(self, request: Request) -> Response:
        for _ in range(_WAITS):
            response = await self._transport.send(request)
            wait = _wait(response, time.time()) if response.status in _LIMITED else None
            if wait is None:
                return response
            if wait > self._settings.max_retry_after:
                until = format_timestamp(int(time.time() + wait))
                raise RegistryError(
                    f"{self._host} limits the rate of requests until {until}",
                    hint="run again then: what is left is deleted",
                    status=response.status,
                )
            await anyio.sleep(wait)
        return response


def _operation(method: str, target: str) -> str:
    if method == "DELETE":
        return "deleting a version of"
    return "listing the versions of" if "/versions?" in target else "reading the package of"


def _wait(response: Response, now: float) -> float | None:
    """Seconds to wait, by `Retry-After`, or until the hourly limit ends; None where no limit was reached."""
    headers = response.headers
    if headers.get("retry-after", "").isdecimal():
        return float(headers["retry-after"])
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(0.0, float(reset) - now)
    return None


def _entries(request: Request, response: Response) -> list[object]:
    try:
        data = load_json(response.body)
    except ValueError as fault:
        raise RequestFailed(request, Fault("invalid", response.status, message=str(fault))) from fault
    if not isinstance(data, list):
        raise RequestFailed(request, Fault("invalid", response.status, message="no list of versions"))
    return data


def _version(entry: object) -> PackageVersion | None:
    """One version; None for what is none of a container."""
    if not isinstance(entry, Mapping):
        return None
    try:
        tags = entry["metadata"]["container"]["tags"]
        return PackageVersion(
            int(entry["id"]),
            Digest(entry["name"]),
            tuple(tag for tag in tags if isinstance(tag, str) and valid_tag(tag)),
            parse_timestamp(entry["created_at"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _failed(request: Request, response: Response) -> RegistryError:
    try:
        message = str(json.loads(response.body)["message"])[:300]
    except (ValueError, KeyError, TypeError):
        message = ""
    failed = RequestFailed(request, Fault("refused", response.status, message=message))
    if response.status in (401, 403):
        failed.hint = "the token needs read:packages and delete:packages, and admin rights on the package"
    return failed
