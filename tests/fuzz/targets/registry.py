"""Answers of a registry: status, headers and bodies as the input says, from a server on loopback to the real client.

An input is the name of an operation, the documents that the registry holds, and raw HTTP responses for some kinds of
requests, which are sent in turn. In them, `HOST` is the registry, `STRANGER` another server, `BODY(name)`,
`DIGEST(name)` and `SIZE(name)` a document's, and `LENGTH` the length of the body.
"""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from pipeline.registry import Access, ClientSettings, Credentials, HostAccess, Registry
from tests.fuzz.answers import ANY_BODIES, BODIES, HEADERS, STATUSES
from tests.fuzz.documents import filled, joined, split
from tests.fuzz.hostile import hostile_texts, to_bytes
from tests.fuzz.images import DOCUMENTS, changed_documents
from tests.fuzz.loopback import GUARDS, KINDS, PORTS, Loopback
from tests.fuzz.operations import OPERATIONS
from tests.fuzz.target import Target

_SETTINGS = ClientSettings(
    attempts=2, connect_attempts=1, backoff=0, max_retry_after=0, max_pages=8, read_timeout=5
)
_CREDENTIALS = Credentials("robot", "CANARY-PASSWORD", "CANARY-IDENTITY")


@st.composite
def _inputs(draw: DrawFn) -> bytes:
    documents = draw(changed_documents())
    names = [name for name, _ in documents]
    parts = [
        ("operation", draw(st.sampled_from(sorted(OPERATIONS))).encode()),
        ("guard", draw(st.sampled_from([b"", b"", b"bearer", b"basic"]))),
    ]
    for kind in draw(st.sets(st.sampled_from(KINDS), max_size=2)):
        responses = draw(st.lists(_responses(kind, names), min_size=1, max_size=3))
        parts += [(f"response {kind}", response) for response in responses]
    return joined([*parts, *documents])


@st.composite
def _responses(draw: DrawFn, kind: str, names: list[str]) -> bytes:
    """A response: most are right for some request, with a few headers of any kind."""
    status = draw(st.sampled_from(STATUSES))
    lines = [
        draw(
            st.sampled_from(
                [f"HTTP/1.1 {status} X"] * 12 + ["HTTP/1.0 200", "HTTP/1.1 99999 X", "x", "HTTP/1.1 200 \x00"]
            )
        )
    ]
    name = draw(st.sampled_from(names))
    own = BODIES.get(kind, [f"BODY({name})".encode() for name in names])
    body = draw(
        st.sampled_from(own)
        | st.sampled_from(own)
        | st.sampled_from(ANY_BODIES)
        | st.just(f"BODY({name})".encode())
    )
    headers = {}
    if draw(st.integers(0, 3)):
        headers["Content-Type"] = DOCUMENTS.get(name, {}).get("mediaType", "application/octet-stream")
        headers["Content-Length"] = "LENGTH"
    for header in draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=4)):
        headers[header] = draw(st.sampled_from(HEADERS[header]) | hostile_texts)
    if status == 401 and draw(st.booleans()):
        headers["WWW-Authenticate"] = HEADERS["WWW-Authenticate"][0]
    lines += [f"{header}: {value}" for header, value in headers.items()]
    return to_bytes("\r\n".join([*lines, "Connection: close", "", ""])) + body


def read_answers(content: bytes, folder: Path) -> None:
    """One operation of the client."""
    parts = split(content)
    known = dict(parts)
    responses: dict[str, list[bytes]] = {}
    for name, text in parts:
        if name.startswith("response "):
            responses.setdefault(name.removeprefix("response "), []).append(text)
    documents = filled({name: text for name, text in parts if name in (*DOCUMENTS, "layer")})
    operation, guard = (known.get(name, b"").decode("utf-8", "replace") for name in ("operation", "guard"))
    if operation in OPERATIONS:
        loop().run(
            _read(
                operation, Loopback(documents, responses, guard if guard in GUARDS else ""), documents, folder
            )
        )


@cache
def loop() -> asyncio.Runner:
    """One event loop for all inputs of a process."""
    return asyncio.Runner()


async def _read(operation: str, loopback: Loopback, documents: dict[str, bytes], folder: Path) -> None:
    async with loopback as server:
        access = Access({server.host: HostAccess(credentials=_CREDENTIALS)})
        try:
            async with Registry(access, _SETTINGS) as registry:
                await OPERATIONS[operation](registry, server.host, documents, folder)
        finally:
            assert not server.leaked, f"credentials went to a stranger: {server.leaked[0]!r:.500}"


TARGETS = (Target("registry", _inputs(), read_answers, ports=lambda: PORTS, examples=150),)
