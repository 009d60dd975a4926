"""Lists that come in pages (distribution-spec v1.1, "Listing Tags" and "Listing Referrers")."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from pipeline.model import Repository, valid_tag
from pipeline.model.manifest import load_json

from .auth.challenge import pull
from .http.call import Request, Response
from .http.faults import Fault, RequestFailed
from .http.headers import next_link
from .http.transport import Transport

_TRIES = 3


async def pages(transport: Transport, call: Request) -> AsyncIterator[tuple[Response, Any]]:
    """Every page of a list with its parsed body, following `Link: <…>; rel="next"` on the same host."""
    origin, seen = transport.access.origin(call.host), set[str]()
    target = call.target
    for _ in range(transport.settings.max_pages):
        seen.add(target)
        answer, data = await _page(transport, replace(call, target=target))
        yield answer, data
        following = next_link(answer.headers.get("link"))
        if not following:
            return
        absolute = urlsplit(urljoin(origin + target, following))
        target = absolute.path + (f"?{absolute.query}" if absolute.query else "")
        if target in seen:
            raise RequestFailed(
                call, Fault("invalid", answer.status, message="the next page is one seen before")
            )
    raise RequestFailed(call, Fault("invalid", message=f"more than {transport.settings.max_pages} pages"))


async def _page(transport: Transport, call: Request) -> tuple[Response, Any]:
    """One page. A list has no digest: what does not parse may have been spoilt on its way, and is asked for again."""
    for left in reversed(range(_TRIES)):
        answer = await transport.call(call)
        try:
            return answer, load_json(answer.body)
        except ValueError as fault:
            if not left:
                raise RequestFailed(call, Fault("invalid", answer.status, message=str(fault))) from fault
            transport.meter.retries += 1
    raise AssertionError("unreachable")


async def tags(transport: Transport, repo: Repository, *, most_pages: int | None = None) -> list[str] | None:
    """All tags, sorted; none for a repository that does not exist. None if there are more than `most_pages`."""
    call = Request(
        "GET",
        repo.host,
        f"/v2/{repo.path}/tags/list?n={transport.settings.page_size}",
        "listing the tags of",
        str(repo),
        scopes=frozenset({pull(repo.path)}),
    )
    found: set[str] = set()
    count = 0
    try:
        async for answer, data in pages(transport, call):
            count += 1
            if most_pages is not None and count > most_pages:
                return None
            names = data.get("tags") if isinstance(data, dict) else False
            if names is not None and not isinstance(names, list):
                raise RequestFailed(call, Fault("invalid", answer.status, message="no list of tags"))
            found.update(name for name in names or [] if isinstance(name, str) and valid_tag(name))
    except RequestFailed as failed:
        if failed.fault.status != 404:
            raise
    return sorted(found)
