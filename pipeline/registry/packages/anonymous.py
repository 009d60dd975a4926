"""Whether strangers may pull from a repository, by asking without credentials: any registry, no API of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipeline.errors import RegistryError
from pipeline.model import Repository
from pipeline.model.manifest import load_json
from pipeline.util.concurrency import each

from ..auth.access import Access
from ..auth.challenge import pull
from ..http.faults import Fault, RequestFailed
from ..http.messages import Request
from ..http.settings import ClientSettings
from ..http.transport import Transport

_REFUSED = frozenset({401, 403})


async def pullable_anonymously(
    access: Access, repositories: Sequence[Repository], settings: ClientSettings | None = None
) -> dict[Repository, bool | None]:
    """For each repository whether anybody may list its tags; None where it has none, or where the registry hides what
    it does not show (404). One or two requests each. Raises RegistryError where a registry does not answer."""
    transport = Transport(access.anonymous(), settings or ClientSettings(), "lockage")
    await transport.start()
    try:
        answers = await each(partial(_is_open, transport), repositories)
    finally:
        await transport.stop()
    return dict(zip(repositories, answers, strict=True))


async def _is_open(transport: Transport, repository: Repository) -> bool | None:
    request = Request(
        "GET",
        repository.host,
        f"/v2/{repository.path}/tags/list?n=1",
        "reading without credentials",
        str(repository),
        scopes=frozenset({pull(repository.path)}),
        accept=frozenset({200, 404}),
    )
    try:
        response = await transport.send(request)
    except RegistryError as refused:
        if refused.status in _REFUSED:
            return False
        raise
    if response.status == 404:
        return None
    try:
        return True if load_json(response.body).get("tags") else None
    except (ValueError, AttributeError) as fault:
        raise RequestFailed(request, Fault("invalid", response.status, message=str(fault))) from fault
