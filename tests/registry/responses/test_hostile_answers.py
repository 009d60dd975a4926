"""Answers that no registry should give, to every operation: an error of ours with a next step, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from pipeline.errors import LockageError, RegistryError
from pipeline.model import Descriptor, Digest, Platform, Repository
from pipeline.model.descriptor import OCI_INDEX, OCI_MANIFEST
from pipeline.registry import ClientSettings, Registry
from pipeline.registry.artifacts.show import show_artifact
from pipeline.registry.limits import HEADER_BYTES
from pipeline.registry.limits import HEADERS as HEADERS_ALLOWED
from pipeline.registry.platform_image import read_platform_image
from pipeline.util.concurrency import each
from tests.registry import images
from tests.registry.conftest import fresh
from tests.registry.raw_server import canned, raw, response

pytestmark = [pytest.mark.anyio, pytest.mark.real]

QUICK = ClientSettings(
    backoff=0.001, backoff_max=0.002, attempts=2, connect_attempts=2, read_timeout=0.5, header_timeout=1.0
)
CONTENT = b"content of a blob"
BLOB = Descriptor.of(CONTENT, "application/octet-stream")
GOOD = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
INDEX = json.dumps(
    {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [GOOD.descriptor.to_oci()]}
).encode()
MANIFEST = f"Content-Type: {OCI_MANIFEST}"
BIG = "9" * 5000


def _manifest(size: str) -> bytes:
    """A manifest whose layer states this size."""
    return GOOD.raw.replace(b'"layers": []', b'"layers": [%s]' % _layer(size))


def _layer(size: str) -> bytes:
    return b'{"mediaType":"x","digest":"%s","size":%s}' % (str(BLOB.digest).encode(), size.encode())


HEADERS = {
    "length negative": response(GOOD.raw, MANIFEST, "Content-Length: -5", length=False),
    "length huge": response(GOOD.raw, MANIFEST, f"Content-Length: {BIG}", length=False),
    "length of 2^63": response(GOOD.raw, MANIFEST, "Content-Length: 9223372036854775808", length=False),
    "length of 2^64": response(GOOD.raw, MANIFEST, "Content-Length: 18446744073709551616", length=False),
    "length not a number": response(GOOD.raw, MANIFEST, "Content-Length: four", length=False),
    "length with a sign": response(GOOD.raw, MANIFEST, "Content-Length: +4", length=False),
    "length with digits of another script": response(GOOD.raw, MANIFEST, "Content-Length: ١٢", length=False),
    "length twice": response(GOOD.raw, MANIFEST, "Content-Length: 3"),
    "length empty": response(GOOD.raw, MANIFEST, "Content-Length:", length=False),
    "length and chunks": response(b"3\r\nabc\r\n0\r\n\r\n", MANIFEST, "Transfer-Encoding: chunked"),
    "chunks without end": response(b"3\r\nabc\r\n", "Transfer-Encoding: chunked", length=False),
    "chunks of nonsense": response(b"zz\r\nabc\r\n", "Transfer-Encoding: chunked", length=False),
    "chunk huge": response(b"f" * 40 + b"\r\nabc", "Transfer-Encoding: chunked", length=False),
    "chunk negative": response(b"-1\r\nabc\r\n", "Transfer-Encoding: chunked", length=False),
    "chunk extensions": response(
        b"3;" + b"x" * 100_000 + b"\r\nabc", "Transfer-Encoding: chunked", length=False
    ),
    "encoding unknown": response(b"abc", "Transfer-Encoding: rot13", length=False),
    "content gzip": response(b"\x1f\x8bxx", MANIFEST, "Content-Encoding: gzip"),
    "content odd": response(GOOD.raw, MANIFEST, b"Content-Encoding: \xff\xfe"),
    "type odd": response(GOOD.raw, b"Content-Type: \xff;\x01;==;;"),
    "type of a page": response(b"<html>" * 1000, "Content-Type: text/html"),
    "type long": response(GOOD.raw, "Content-Type: a/" + "b" * 8000),
    "digest lies": response(GOOD.raw, MANIFEST, f"Docker-Content-Digest: {Digest.of(b'other')}"),
    "digest of nonsense": response(GOOD.raw, MANIFEST, b"Docker-Content-Digest: sha256:\xff\xff"),
    "digest of sha512": response(GOOD.raw, MANIFEST, f"Docker-Content-Digest: sha512:{'0' * 128}"),
    "digest long": response(GOOD.raw, MANIFEST, "Docker-Content-Digest: " + "s" * 8000),
    "many headers": response(GOOD.raw, MANIFEST, *[f"X-{n}: {n}" for n in range(1000)]),
    "long header": response(GOOD.raw, MANIFEST, "X: " + "x" * 100_000),
    "header without colon": response(GOOD.raw, MANIFEST, "nonsense"),
    "header with NUL": response(GOOD.raw, MANIFEST, b"X: a\x00b"),
    "header folded": response(GOOD.raw, MANIFEST, "X: a\r\n  b"),
    "range lies": response(CONTENT, "Content-Range: bytes 5-9/3", status="206 Partial Content"),
    "link long": response(b'{"tags":["a"]}', "Link: " + "<" * 8000),
    "link of blanks": response(b'{"tags":["a"]}', "Link: <a>;x" + " " * 8000),
    "link to bytes": response(b'{"tags":["a"]}', b'Link: </v2/\xff\xfe?last=a>; rel="next"'),
    "link to itself": response(b'{"tags":["a"]}', 'Link: <>; rel="next"'),
    "link with user": response(b'{"tags":["a"]}', 'Link: <http://a:b@localhost/v2/>; rel="next"'),
    "link to a file": response(b'{"tags":["a"]}', 'Link: <file:///etc/passwd>; rel="next"'),
}
STATUSES = {
    f"status {status}": response(b"{}", MANIFEST, f"Location: {place}", status=status)
    for status in (
        "000 ?", "099 ?", "102 Processing", "199 ?", "201 Created", "202 Accepted", "203 ?", "204 No Content",
        "205 ?", "206 Partial Content", "226 ?", "300 ?", "304 Not Modified", "305 ?", "306 ?", "399 ?", "400 ?",
        "418 I'm a teapot", "451 ?", "499 ?", "501 ?", "505 ?", "511 ?", "599 ?", "600 ?", "700 ?", "999 ?",
    )
    for place in ("/v2/elsewhere",)
}  # fmt: skip
LOCATIONS = {
    f"location {name}": response(b"", b"Location: " + place, status=f"{status} ?")
    for status in (202, 301, 307, 308)
    for name, place in {
        f"{status} of bytes": b"/v2/\xff\xfe",
        f"{status} with blanks": b"/v2/a b c",
        f"{status} empty": b"",
        f"{status} of a port": b"http://localhost:99999999/",
        f"{status} of brackets": b"http://[::1/",
        f"{status} of digits": b"http://" + b"9" * 400 + b"/",
        f"{status} by IDNA": b"http://xn--" + b"a" * 100 + b".example/",
        f"{status} long": b"/v2/" + b"a" * 7000,
        f"{status} to itself": b"?",
        f"{status} percent": b"/v2/%zz%%%",
        f"{status} script": b"javascript:alert(1)",
        f"{status} in UTF-8": "/v2/ü".encode(),
    }.items()
}
REFUSALS = {
    "error of no JSON": response(b"\xff\xfe" * 50, status="400 ?"),
    "error deep": response(b"[" * 60_000, status="400 ?"),
    "error of numbers": response(
        b'{"errors":[{"code":%s,"message":1e999}]}' % BIG[:4000].encode(), status="403 ?"
    ),
    "error of surrogates": response(
        b'{"errors":[{"code":"\\ud800","message":"\\udfff\\ud800"}]}', status="403 ?"
    ),
    "error of other types": response(b'{"errors":{"0":[]}}', status="404 ?"),
    "error large": response(b"x" * 1_000_000, status="500 ?"),
    "error without end": response(b"abc", "Content-Length: 10000", status="400 ?", length=False),
    "retry after a million": response(b"", "Retry-After: 1000000", status="429 ?"),
    "retry after digits": response(b"", f"Retry-After: {BIG}", status="503 ?"),
    "retry after a date": response(b"", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", status="429 ?"),
    "retry after an impossible date": response(
        b"", "Retry-After: Fri, 99 Foo 99999 99:99:99 GMT", status="429 ?"
    ),
    "retry after the past": response(b"", "Retry-After: -1", status="429 ?"),
    "retry after nan": response(b"", "Retry-After: nan", status="429 ?"),
    "challenge of nonsense": response(b"", b"WWW-Authenticate: \xff\xfe=\x01,,,==", status="401 ?"),
    "challenge long": response(b"", "WWW-Authenticate: Bearer " + 'realm="' + "a" * 7000, status="401 ?"),
    "challenge without realm": response(b"", "WWW-Authenticate: Bearer", status="401 ?"),
    "challenge to bytes": response(b"", b'WWW-Authenticate: Bearer realm="http://\xff/"', status="401 ?"),
    "challenge to a port": response(b"", 'WWW-Authenticate: Bearer realm="http://a:99999/"', status="401 ?"),
    "challenge to a file": response(b"", 'WWW-Authenticate: Bearer realm="file:///x"', status="401 ?"),
    "challenge of scopes": response(
        b"", f'WWW-Authenticate: Bearer realm="x",scope="{"a:b:c " * 900}"', status="401 ?"
    ),
    "challenges": response(b"", *["WWW-Authenticate: Basic"] * 100, status="401 ?"),
}
BODIES = {
    f"body {name}": response(body, MANIFEST)
    for name, body in {
        "empty": b"",
        "deep": b"[" * 100_000,
        "of digits": BIG.encode(),
        "of a huge number": _manifest(BIG),
        "of a large number": _manifest(BIG[:4000]),
        "of a number with a point": _manifest("1.5"),
        "of a negative number": _manifest("-1"),
        "nan": b'{"manifests":[NaN],"tags":[NaN]}',
        "infinite": b'{"manifests":[1e999],"tags":[1e999],"annotations":{"a":1e999}}',
        "twice": b'{"tags":["a"],"tags":["b"],"manifests":[],"manifests":[]}',
        "surrogate": b'{"tags":["\\ud800"],"manifests":[],"annotations":{"a":"\\ud800"}}',
        "not UTF-8": b'{"tags":["\xff"]}',
        "BOM": b"\xef\xbb\xbf" + GOOD.raw,
        "UTF-16": GOOD.raw.decode().encode("utf-16"),
        "null": b"null",
        "list": b"[1,2,3]",
        "large": b" " * 5_000_000,
        "tags of other types": b'{"tags":{"a":1},"manifests":"a"}',
        "tags of objects": b'{"tags":[{},[],null,1],"manifests":[null,1,"a",[]]}',
    }.items()
}  # fmt: skip
RAW = {
    "nothing": b"",
    "half a status": b"HTTP/1.1 2",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + GOOD.raw,
    "HTTP/0.9": GOOD.raw,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"HTTP/9.9 200 OK\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "TLS": b"\x16\x03\x01\x02\x00" + bytes(512),
    "zeros": bytes(100_000),
    "status of words": b"HTTP/1.1 two hundred\r\n\r\n",
    "status long": b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "continue and end": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "continue and answer": b"HTTP/1.1 103 ?\r\n\r\n" * 50 + response(GOOD.raw, MANIFEST),
    "two answers": response(GOOD.raw, MANIFEST) * 2,
    "body of a HEAD": response(GOOD.raw, MANIFEST, f"Docker-Content-Digest: {GOOD.digest}"),
    "line feeds": response(GOOD.raw, MANIFEST).replace(b"\r\n", b"\n"),
}
ANSWERS = HEADERS | STATUSES | LOCATIONS | REFUSALS | BODIES | RAW

Operation = Callable[[Registry, Repository], Awaitable[object]]
OPERATIONS: dict[str, Operation] = {
    "ping": lambda registry, repo: registry.ping(repo.host),
    "head": lambda registry, repo: registry.head(repo.tagged("1")),
    "head by digest": lambda registry, repo: registry.head(repo.at(GOOD.digest)),
    "get": lambda registry, repo: registry.get_manifest(repo.tagged("1")),
    "get by digest": lambda registry, repo: registry.get_manifest(repo.at(GOOD.digest)),
    "put": lambda registry, repo: registry.put_manifest(repo, GOOD.raw, OCI_MANIFEST, tag="1"),
    "blob": lambda registry, repo: registry.blob(repo, BLOB),
    "has blob": lambda registry, repo: registry.has_blob(repo, BLOB.digest),
    "put blob": lambda registry, repo: registry.put_blob(repo, CONTENT),
    "mount": lambda registry, repo: registry.mount_blob(repo, BLOB, Repository(repo.host, "other")),
    "tags": lambda registry, repo: registry.tags(repo),
    "referrers": lambda registry, repo: registry.referrers(repo, GOOD.digest),
    "delete": lambda registry, repo: registry.delete(repo.tagged("1")),
    "copy": lambda registry, repo: registry.copy(repo, GOOD.digest, Repository(repo.host, "other"), tag="1"),
    "artifact": lambda registry, repo: show_artifact(registry, repo.tagged("1")),
    "platform": lambda registry, repo: read_platform_image(
        registry, repo.tagged("1"), Platform("linux", "amd64")
    ),
}


async def attempt(operation: Operation, host: str) -> None:
    """An operation by a client of its own; whatever it raises is an error of ours, complete and short."""
    async with Registry(settings=QUICK) as registry:
        try:
            await operation(registry, fresh(host))
        except LockageError as error:
            assert error.hint and len(error.message) < 1000 and len(error.detail or "") < 1000
            json.dumps(error.to_json()).encode()


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_operation_ends_in_a_result_or_one_error(name: str) -> None:
    async with raw(canned(ANSWERS[name])) as server:
        await each(lambda operation: attempt(operation, server.host), OPERATIONS.values())


@pytest.mark.parametrize("name", ANSWERS)
async def test_so_does_what_needs_a_token_an_upload_or_another_address(name: str) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        line = request.splitlines()[0]
        host = server.host
        if b"/token" in line or b"/away" in line or (b"/uploads/" in line and not line.startswith(b"POST")):
            writer.write(ANSWERS[name])
        elif b"guarded" in line:
            challenge = f'WWW-Authenticate: Bearer realm="http://{host}/token",service="x"'
            writer.write(response(b"", challenge, status="401 ?"))
        elif line.startswith(b"POST"):
            writer.write(response(b"", "Location: /v2/x/blobs/uploads/1", status="202 ?"))
        else:
            writer.write(response(b"", f"Location: http://{host}/away", status="307 ?"))

    large = b"large" * 100
    chunked = replace(QUICK, chunk_bytes=100)

    async def upload(registry: Registry, repo: Repository) -> None:
        async with Registry(settings=chunked) as other:
            await other.put_blob(repo, large)

    async with raw(answer) as server:
        guarded = Repository(server.host, "guarded")
        operations: list[Operation] = [
            lambda registry, repo: registry.get_manifest(guarded.tagged("1")),
            lambda registry, repo: registry.put_blob(guarded, CONTENT),
            OPERATIONS["get"],
            OPERATIONS["blob"],
            OPERATIONS["head"],
            OPERATIONS["put blob"],
            OPERATIONS["mount"],
            upload,
        ]
        await each(lambda operation: attempt(operation, server.host), operations)


async def test_headers_at_their_limits() -> None:
    """Number and length, those of the HTTP library: more is an invalid response."""
    fits = response(GOOD.raw, MANIFEST, *[f"X-{n}: {n}" for n in range(HEADERS_ALLOWED - 3)])
    beyond = response(GOOD.raw, MANIFEST, *[f"X-{n}: {n}" for n in range(HEADERS_ALLOWED - 2)])
    long = response(GOOD.raw, MANIFEST, "X: " + "x" * (HEADER_BYTES - 8))
    longer = response(GOOD.raw, MANIFEST, "X: " + "x" * (HEADER_BYTES + 8))
    for good, bad in ((fits, beyond), (long, longer)):
        async with raw(canned(good)) as server, Registry(settings=QUICK) as registry:
            assert await registry.get_manifest(fresh(server.host).tagged("1")) == GOOD
        async with raw(canned(bad)) as server, Registry(settings=QUICK) as registry:
            with pytest.raises(RegistryError, match="returned an invalid response"):
                await registry.get_manifest(fresh(server.host).tagged("1"))
