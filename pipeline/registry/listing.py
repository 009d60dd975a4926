"""Paged lists (distribution-spec v1.1, "Listing Tags" and "Listing Referrers")."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pipeline.model import Repository, valid_tag
from pipeline.model.manifest import load_json
from pipeline.util.sizes import size_text

from .auth.challenge import TokenScope, pull
from .http.addresses import is_plain, origin_of, resolve
from .http.faults import Fault, RequestFailed
from .http.headers import next_link
from .http.messages import Request, Response
from .http.transport import Transport
from .limits import REPOSITORIES, TAGS

_ATTEMPTS = 3
_SMALL_PAGE = 100
_PAGE_REFUSED = frozenset({400, 413, 416, 422})
_CATALOG = TokenScope("registry", "catalog", frozenset({"*"}))


class NotAList(RequestFailed):
    """A page for people in place of a list: the registry does not know the address."""

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__(request, Fault("invalid", response.status, message="an HTML page"))


async def pages(transport: Transport, request: Request) -> AsyncIterator[tuple[Response, Any]]:
    """Each page of a list with its parsed body, following `Link: <…>; rel="next"` on the registry's own origin.

    Raises RequestFailed for a link that leads to another one or to a page already read, and for a list beyond the
    limits of the settings.
    """
    origin, visited = transport.origin_of(request), set[str]()
    target, size = request.target, 0
    for _ in range(transport.settings.max_pages):
        visited.add(target)
        response, data = await _page(transport, replace(request, target=target))
        size += len(response.body)
        if size > transport.settings.list_bytes:
            allowed = size_text(transport.settings.list_bytes)
            raise RequestFailed(request, Fault("invalid", message=f"the list is larger than {allowed}"))
        yield response, data
        link = next_link(response.headers.get("link"))
        if not link:
            return
        absolute = urlsplit(_next_page(request, response, link, origin))
        target = (absolute.path or "/") + (f"?{absolute.query}" if absolute.query else "")
        if target in visited:
            raise RequestFailed(
                request, Fault("invalid", response.status, message="the next page is one already read")
            )
    raise RequestFailed(request, Fault("invalid", message=f"more than {transport.settings.max_pages} pages"))


async def _sized_pages(transport: Transport, request: Request) -> AsyncIterator[tuple[Response, Any]]:
    """As `pages`, with as many entries in a page as the registry takes; Quay and distribution may be set up to refuse
    a thousand (413, 400)."""
    for query in (f"?n={transport.settings.page_size}", f"?n={_SMALL_PAGE}", ""):
        started = False
        try:
            async for page in pages(transport, replace(request, target=request.target + query)):
                started = True
                yield page
            return
        except RequestFailed as failed:
            if started or not query or failed.fault.status not in _PAGE_REFUSED:
                raise


def _next_page(request: Request, response: Response, link: str, own: str) -> str:
    """The address of the page after the one in `response`, on the registry's `own` origin. Raises RequestFailed.

    Registries behind a proxy that ends TLS write `http://` and their own host. Only the path of the address is used.
    """
    try:
        address = resolve(response.url, link)
        other = origin_of(address)
    except ValueError as fault:
        problem = f"the link to the next page is invalid: {fault}"
    else:
        if other == own or _ends_tls_before(other, own):
            return address
        problem = f"the next page is on {other}, not on {own}"
    raise RequestFailed(request, Fault("invalid", response.status, message=problem[:300]))


def _ends_tls_before(other: str, own: str) -> bool:
    """Whether `other` is the registry as it sees itself, behind a proxy that ends TLS."""
    same_host = urlsplit(other).hostname == urlsplit(own).hostname
    return same_host and is_plain(other) and not is_plain(own)


async def _page(transport: Transport, request: Request) -> tuple[Response, Any]:
    """One page. A list has no digest: one that cannot be parsed may have been damaged in transit and is read again."""
    for left in reversed(range(_ATTEMPTS)):
        response = await transport.send(request)
        try:
            return response, load_json(response.body, half_pairs=True)
        except ValueError as fault:
            if response.headers.get("content-type", "").strip().lower().startswith("text/html"):
                raise NotAList(request, response) from None
            if not left:
                raise RequestFailed(request, Fault("invalid", response.status, message=str(fault))) from fault
            transport.meter.retries += 1
    raise AssertionError("unreachable")


async def tags(transport: Transport, repo: Repository, *, max_pages: int | None = None) -> list[str] | None:
    """All tags, sorted; none for a repository that does not exist. None if there are more than `max_pages` pages."""
    request = Request(
        "GET",
        repo.host,
        f"/v2/{repo.path}/tags/list",
        "listing the tags of",
        str(repo),
        scopes=frozenset({pull(repo.path)}),
    )
    tags: set[str] = set()
    count = 0
    try:
        async for response, data in _sized_pages(transport, request):
            count += 1
            if max_pages is not None and count > max_pages:
                return None
            names = data.get("tags") if isinstance(data, dict) else False
            if names is not None and not isinstance(names, list):
                raise RequestFailed(request, Fault("invalid", response.status, message="no list of tags"))
            tags.update(name for name in names or [] if isinstance(name, str) and valid_tag(name))
            if len(tags) > TAGS:
                raise RequestFailed(request, Fault("invalid", message=f"more than {TAGS} tags"))
    except RequestFailed as failed:
        if failed.fault.status != 404:
            raise
    return sorted(tags)


async def repositories(transport: Transport, host: str) -> list[Repository]:
    """All repositories of a registry, sorted (the extension `_catalog` of distribution). Names that are no repository
    are left out. Raises RequestFailed, also where the registry does not list them."""
    request = Request(
        "GET",
        host,
        "/v2/_catalog",
        "listing the repositories of",
        host,
        scopes=frozenset({_CATALOG}),
    )
    listed: set[Repository] = set()
    async for response, data in _sized_pages(transport, request):
        names = data.get("repositories") if isinstance(data, dict) else False
        if names is not None and not isinstance(names, list):
            raise RequestFailed(request, Fault("invalid", response.status, message="no list of repositories"))
        for name in names or []:
            with suppress(ValueError, TypeError):
                listed.add(Repository(host, name))
        if len(listed) > REPOSITORIES:
            raise RequestFailed(request, Fault("invalid", message=f"more than {REPOSITORIES} repositories"))
    return sorted(listed)
