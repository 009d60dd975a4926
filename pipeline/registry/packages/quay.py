"""Quay's API v1: who may pull a repository ("changeRepoVisibility")."""

from __future__ import annotations

from urllib.parse import quote

from pipeline.errors import RegistryError
from pipeline.model import Repository

from ..auth.access import Access
from ..http.faults import RequestFailed
from ..http.rest import Call, RestApi
from ..http.settings import ClientSettings

QUAY = "quay.io"
_HINT = "QUAY_TOKEN has to be a token of an OAuth application with Administer Repositories"


async def set_quay_visibility(
    repository: Repository,
    visibility: str,
    token: str,
    access: Access,
    settings: ClientSettings | None = None,
) -> None:
    """Make a repository public or private, by an OAuth token with the scope `repo:admin`. Raises RegistryError."""
    if not token:
        raise RegistryError(f"{repository.host} changes visibility by a token of its API alone", hint=_HINT)
    call = Call(
        "POST",
        f"/repository/{quote(repository.path)}/changevisibility",
        "changing the visibility of",
        str(repository),
        frozenset({200, 201}),
        {"visibility": visibility},
    )
    url, secrets = f"{access.origin(repository.host)}/api/v1", {"Authorization": f"Bearer {token}"}
    try:
        async with RestApi(url, secrets, access, settings) as api:
            await api.send(call)
    except RequestFailed as failed:
        if failed.fault.status in (401, 403, 404):
            failed.hint = _HINT
        raise
