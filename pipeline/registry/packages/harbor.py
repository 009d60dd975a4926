"""Harbor's API v2.0: who may pull from a project. All repositories of a project are as public as it is."""

from __future__ import annotations

import base64
from urllib.parse import quote

from pipeline.errors import RegistryError
from pipeline.model import Repository

from ..auth.access import Access
from ..http.faults import RequestFailed
from ..http.rest import Call, RestApi
from ..http.settings import ClientSettings

_NAMED = {"X-Is-Resource-Name": "true"}
"""The project is named, also where its name is a number."""


async def is_harbor(host: str, access: Access, settings: ClientSettings | None = None) -> bool:
    """Whether a host has the API, asked without credentials ("Ping Harbor to check if it's alive")."""
    try:
        async with RestApi(f"{access.origin(host)}/api/v2.0", {}, access, settings) as api:
            response = await api.send(Call("GET", "/ping", "looking for Harbor's API of", host))
    except RegistryError:
        return False
    return response.body.strip().lower() == b"pong"


async def set_harbor_visibility(
    repository: Repository, visibility: str, access: Access, settings: ClientSettings | None = None
) -> None:
    """Make the project of a repository public or private ("Update properties for a selected project"), by the user and
    password, or robot account, that the registry is reached with. Raises RegistryError."""
    host, project = repository.host, repository.path.partition("/")[0]
    credentials = await access.credentials(host)
    if credentials is None or not credentials.password:
        raise RegistryError(f"no user and password for {host}", hint=f"docker login {host}")
    pair = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
    call = Call(
        "PUT",
        f"/projects/{quote(project, safe='')}",
        f"changing the visibility of the project {project} of",
        str(repository),
        data={"metadata": {"public": "true" if visibility == "public" else "false"}},
        headers=_NAMED,
    )
    url, secrets = f"{access.origin(host)}/api/v2.0", {"Authorization": f"Basic {pair}"}
    try:
        async with RestApi(url, secrets, access, settings) as api:
            await api.send(call)
    except RequestFailed as failed:
        if failed.fault.status in (401, 403, 404):
            failed.hint = "the login needs the right to change the project: its admin's, or such a robot's"
        raise
