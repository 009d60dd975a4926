"""GitHub's REST API for packages, version 2022-11-28: versions of a container package listed and deleted, and who may
pull it, which the API shows and cannot change.

ghcr.io refuses deletion by the distribution API. A version is a manifest with all of its tags; no tag goes alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import TypeVar
from urllib.parse import quote

from pipeline.model import Digest, Repository, valid_tag
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import parse_timestamp

from ..auth.access import Access
from ..http.faults import RequestFailed
from ..http.rest import Call, RestApi
from ..http.settings import ClientSettings

T = TypeVar("T")

GHCR = "ghcr.io"
API = "api.github.com"
_PAGE = 100
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


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
        access = access or Access()
        self._api = RestApi(access.origin(host), {"Authorization": f"Bearer {token}"}, access, settings)
        self._owners: dict[str, str] = {}

    async def __aenter__(self) -> GithubPackages:
        await self._api.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._api.__aexit__(kind, error, trace)

    async def versions(self, repository: Repository) -> list[PackageVersion]:
        """All versions of a repository's package, the newest first; none where there is no such package.

        Raises RegistryError.
        """

        async def listed(package: str) -> list[object]:
            path, operation = f"{package}/versions?state=active", "listing the versions of"
            call = Call("GET", path, operation, str(repository), headers=_HEADERS)
            return await self._api.pages(call, _PAGE)

        entries = await self._of_owner(repository, listed) or []
        return [version for entry in entries if (version := _version(entry)) is not None]

    async def visibility(self, repository: Repository) -> tuple[str, str] | None:
        """Who may pull a repository's package (`public`, `private` or `internal`), and its page; None where there is no
        such package, or the token does not see it. Raises RegistryError."""

        async def read(package: str) -> Mapping[str, object]:
            call = Call("GET", package, "reading the package of", str(repository), headers=_HEADERS)
            return await self._api.table(call)

        data = await self._of_owner(repository, read)
        return (str(data.get("visibility", "")), str(data.get("html_url", ""))) if data else None

    async def delete(self, repository: Repository, version: PackageVersion) -> bool:
        """Delete a version with its tags; False if it was not there. Raises RegistryError."""

        async def deleted(package: str) -> bool:
            path, operation = f"{package}/versions/{version.number}", "deleting a version of"
            call = Call("DELETE", path, operation, str(repository), frozenset({204}), headers=_HEADERS)
            await self._api.send(call)
            return True

        return bool(await self._of_owner(repository, deleted))

    async def _of_owner(self, repository: Repository, act: Callable[[str], Awaitable[T]]) -> T | None:
        """What `act` gives of an organization's package, else of a user's; None where neither has it."""
        owner, _, name = repository.path.partition("/")
        for kind in (self._owners[owner],) if owner in self._owners else ("orgs", "users"):
            try:
                done = await act(f"/{kind}/{quote(owner)}/packages/container/{quote(name, safe='')}")
            except RequestFailed as failed:
                if failed.fault.status == 404:
                    continue
                if failed.fault.status in (401, 403):
                    failed.hint = (
                        "the token needs read:packages; to delete also delete:packages, as an admin of it"
                    )
                raise
            self._owners[owner] = kind
            return done
        return None


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
