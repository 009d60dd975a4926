"""Two servers on loopback that send what an input says: the registry, and a stranger that must not get credentials."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import SocketAttribute, SocketListener, SocketStream, TaskGroup

from pipeline.model.descriptor import OCI_INDEX, OCI_MANIFEST
from pipeline.trust.bundle import BUNDLE_TYPE
from tests.fuzz.documents import filled_text

_SECRETS = (b"CANARY", base64.b64encode(b"robot:CANARY-PASSWORD"), b"uthorization:")
_BODY = re.compile(rb"BODY\(([a-z0-9-]{1,40})\)")
_TYPES = {"index": OCI_INDEX, "manifest": OCI_MANIFEST, "referrer": OCI_MANIFEST}
_REFERRER = f'"mediaType": "{OCI_MANIFEST}", "digest": "DIGEST(referrer)", "artifactType": "{BUNDLE_TYPE}"'
_REFERRERS = '{"schemaVersion": 2, "manifests": [{' + _REFERRER + ', "size": SIZE(referrer)}]}'
_RIGHT = {
    "token": b'{"token": "t", "expires_in": 300}',
    "tags": b'{"name": "a", "tags": ["1.0.0"]}',
    "referrers": _REFERRERS.encode(),
}
_BEARER = b'WWW-Authenticate: Bearer realm="http://HOST/token",service="s",scope="repository:a:pull"'
_CHALLENGES = {
    guard: b"\r\n".join([b"HTTP/1.1 401 X", b"Content-Length: 0", header, b"Connection: close", b"", b""])
    for guard, header in (("bearer", _BEARER), ("basic", b'WWW-Authenticate: Basic realm="x"'))
}
GUARDS = frozenset(_CHALLENGES)
_MOST = 200  # requests of one input


def _listening() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(64)
    return server


_SOCKETS = (_listening(), _listening())
PORTS = frozenset(server.getsockname()[1] for server in _SOCKETS)
_REGISTRY, _STRANGER = (server.getsockname()[1] for server in _SOCKETS)


_KINDS = (
    ("token", re.compile(r"/token")),
    ("ping", re.compile(r"/v2/$")),
    ("tags", re.compile(r"/v2/.+/tags/list")),
    ("referrers", re.compile(r"/v2/.+/referrers/")),
    ("upload", re.compile(r"/v2/.+/blobs/uploads/")),
    ("blob", re.compile(r"/v2/.+/blobs/")),
    ("manifest", re.compile(r"/v2/.+/manifests/")),
)
KINDS = (*(kind for kind, _ in _KINDS), "other")
"""The kinds of requests; an input has responses for some of them."""


class Loopback:
    """A registry that holds the documents and answers as it should, but for the kinds of requests that have
    `responses`: those are sent in turn. `guard` is what it challenges for. `leaked` are requests with credentials
    that reached the stranger."""

    def __init__(
        self, documents: Mapping[str, bytes], responses: Mapping[str, Sequence[bytes]], guard: str = ""
    ) -> None:
        self.host, self.leaked = f"localhost:{_REGISTRY}", list[bytes]()
        self._documents, self._responses, self._guard, self._sent = documents, responses, guard, 0
        self._group: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        for server in _SOCKETS:
            self._group.start_soon(self._serve, server.dup())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._group is not None
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)

    async def _serve(self, server: socket.socket) -> None:
        listener = await SocketListener.from_socket(server)
        async with listener:
            await listener.serve(self._answer)

    async def _answer(self, stream: SocketStream) -> None:
        async with stream:
            try:
                request = await _request(stream)
                local = stream.extra(SocketAttribute.local_port)
                if local == _STRANGER and any(secret in request for secret in _SECRETS):
                    self.leaked.append(request)
                await stream.send(self._response(request))
            except (OSError, anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
                return

    def _response(self, request: bytes) -> bytes:
        if self._sent >= _MOST:
            raise ConnectionResetError
        method, target = (*request.decode("latin-1").split(" ", 2), "", "")[:2]
        kind = next((kind for kind, pattern in _KINDS if pattern.match(target)), "other")
        if responses := self._responses.get(kind):
            response = responses[self._sent % len(responses)]
        elif self._guard and kind != "token" and b"uthorization:" not in request:
            response = _CHALLENGES[self._guard]
        else:
            response = self._right(kind, method, target)
        self._sent += 1
        response = _BODY.sub(lambda name: self._documents.get(name[1].decode(), b""), response)
        response = filled_text(response, self._documents)
        response = response.replace(b"HOST", f"localhost:{_REGISTRY}".encode())
        response = response.replace(b"STRANGER", f"localhost:{_STRANGER}".encode())
        head, blank, body = response.partition(b"\r\n\r\n")
        head = head.replace(b"LENGTH", str(len(body)).encode())
        return head + blank + (b"" if method == "HEAD" else body)

    def _right(self, kind: str, method: str, target: str) -> bytes:
        """The response of a registry that works."""
        if kind == "upload":
            location = b"Location: /v2/a/blobs/uploads/1?state=x"
            return _whole(b"", location, status=b"202 Accepted" if method != "PUT" else b"201 Created")
        if method in ("PUT", "DELETE"):
            status = b"201 Created" if method == "PUT" else b"202 Accepted"
            return _whole(b"", b"OCI-Subject: DIGEST(index)", status=status)
        if kind in ("blob", "manifest"):
            name = self._named(target.rpartition("/")[2])
            if name is None:
                return _whole(b"{}", status=b"404 Not Found")
            media_type = f"Content-Type: {_TYPES.get(name, 'application/octet-stream')}"
            return _whole(
                f"BODY({name})".encode(),
                media_type.encode(),
                f"Docker-Content-Digest: DIGEST({name})".encode(),
            )
        return _whole(_RIGHT.get(kind, b"{}"))

    def _named(self, reference: str) -> str | None:
        """The name of the document at a tag or digest."""
        if reference == "1.0.0":
            return "index"
        digest = reference.removeprefix("sha256:")
        return next((n for n, c in self._documents.items() if hashlib.sha256(c).hexdigest() == digest), None)


def _whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join(
        [b"HTTP/1.1 " + status, b"Content-Length: LENGTH", *headers, b"Connection: close", b"", body]
    )


async def _request(stream: SocketStream) -> bytes:
    """A request with its body, which is short."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += await stream.receive()
    head, _, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += await stream.receive()
    return head + b"\r\n\r\n" + body
