"""Reading, writing and deleting of manifests (distribution-spec v1.1, "Pulling manifests", "Pushing Manifests")."""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.model.descriptor import MANIFEST_TYPES
from pipeline.model.limits import MEDIA_TYPE_CHARACTERS
from pipeline.model.manifest import Manifest, digest_of, load_json
from pipeline.oci.verify import uncorrupted, verify_content
from pipeline.util.dataclass import dataclass

from .auth.challenge import Scopes, delete, pull, push, union
from .http.faults import Fault, RequestFailed
from .http.messages import Request, Response
from .http.retry_write import Write, retry_write
from .http.transport import Transport

_SIZE = re.compile("[0-9]{1,18}")
_MEDIA_TYPE = re.compile(rf"[!-~]{{0,{MEDIA_TYPE_CHARACTERS}}}")  # printable ASCII; some registries send none
_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


def _request(method: str, ref: Reference, operation: str, scopes: Scopes = frozenset()) -> Request:
    repo, name = ref.repository, ref.digest or ref.tag
    if name is None:
        raise RegistryError(
            f"{ref} names neither a tag nor a digest", hint=f"add one: {ref}:TAG or {ref}@sha256:…"
        )
    return Request(
        method,
        repo.host,
        f"/v2/{repo.path}/manifests/{name}",
        operation,
        str(ref),
        scopes=union({pull(repo.path)}, scopes),
        headers=_ACCEPT if method in ("GET", "HEAD") else {},
    )


async def head(transport: Transport, ref: Reference) -> Descriptor | None:
    """The descriptor of the manifest, or None; one request where the registry sends the digest. It is read where the
    registry refuses HEAD, which a few do not know."""
    request = _request("HEAD", ref, "looking for the manifest")
    try:
        response = await _send_unless_missing(transport, request)
    except RequestFailed as failed:
        if not failed.fault.unsupported and failed.fault.status != 500:  # 404 is no error here
            raise
        manifest = await get(transport, ref)
        return manifest.descriptor if manifest else None
    if response is None:
        return None
    digest, size = _digest_header(transport, request, response), response.headers.get("content-length", "")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip()
    # then the length may be that of compressed content
    encoded = response.headers.get("content-encoding", "identity").lower() != "identity"
    if digest is None or encoded or not _SIZE.fullmatch(size) or not _MEDIA_TYPE.fullmatch(media_type):
        manifest = await get(transport, ref)
        return manifest.descriptor if manifest else None
    if ref.digest and ref.digest.algorithm == digest.algorithm and ref.digest != digest:
        raise _invalid(transport, request, f"{ref.digest} was requested, it returned {digest}")
    return Descriptor(media_type, ref.digest or digest, int(size))


async def get(transport: Transport, ref: Reference, scopes: Scopes = frozenset()) -> Manifest | None:
    """The manifest, or None. Its digest is computed from its bytes."""
    request = _request("GET", ref, "reading the manifest", scopes)
    return await uncorrupted(lambda: _get(transport, ref, request))


async def get_object(transport: Transport, ref: Reference) -> tuple[Digest, object] | None:
    """The JSON of a manifest whose parts the caller checks one by one, and its digest; None if there is none."""
    request = _request("GET", ref, "reading the manifest")
    verified = await uncorrupted(lambda: _verified(transport, ref, request))
    if verified is None:
        return None
    response, algorithm = verified
    try:
        return digest_of(response.body, algorithm), load_json(response.body, half_pairs=True)
    except ValueError as fault:
        raise _invalid(transport, request, str(fault)) from fault


async def _get(transport: Transport, ref: Reference, request: Request) -> Manifest | None:
    verified = await _verified(transport, ref, request)
    if verified is None:
        return None
    response, algorithm = verified
    try:
        return Manifest.parse(response.body, response.headers.get("content-type", ""), algorithm=algorithm)
    except ValueError as fault:
        raise _invalid(transport, request, str(fault)) from fault


async def _verified(transport: Transport, ref: Reference, request: Request) -> tuple[Response, str] | None:
    """The response with a manifest that has its digest, and the algorithm of that; None if there is none."""
    response = await _send_unless_missing(transport, request)
    if response is None:
        return None
    header = _digest_header(transport, request, response)
    for expected in (ref.digest, header):
        if expected:
            verify_content(response.body, expected, f"the manifest {ref.repository.at(expected)}")
    trusted = ref.digest or header
    return response, trusted.algorithm if trusted else "sha256"


@dataclass(frozen=True, slots=True)
class WrittenManifest:
    """A written manifest; with `listed`, the registry lists it among the referrers of its subject, if it has one."""

    descriptor: Descriptor
    listed: bool


async def put(
    transport: Transport, repo: Repository, manifest: Manifest, tag: str | None = None
) -> WrittenManifest:
    """Write a manifest by tag, or by its digest."""
    ref = repo.tagged(tag) if tag else repo.at(manifest.digest)
    request = Request(
        "PUT",
        repo.host,
        f"/v2/{repo.path}/manifests/{tag or manifest.digest}",
        "writing the manifest",
        str(ref),
        scopes=frozenset({push(repo.path)}),
        accept=frozenset({200, 201, 202, 204}),
        headers={"Content-Type": manifest.media_type},
        body=manifest.raw,
    )

    def result(response: Response) -> WrittenManifest:
        stored = _digest_header(transport, request, response)
        if stored and stored.algorithm == manifest.digest.algorithm and stored != manifest.digest:
            raise _invalid(transport, request, f"it was stored as {stored}, expected {manifest.digest}")
        subject = manifest.subject
        listed = subject is None or response.headers.get("oci-subject", "") == str(subject.digest)
        return WrittenManifest(manifest.descriptor, listed)

    async def check(fault: Fault) -> WrittenManifest | None:
        """A tag that was written must not be written again: somebody else may have moved it since."""
        current = await head(transport, ref) if fault.ambiguous else None
        if current is None or current.digest != manifest.digest:
            return None
        return WrittenManifest(manifest.descriptor, manifest.subject is None)

    if tag is None:
        return result(await transport.send(request))
    return await retry_write(transport, Write(lambda: request, result, check))


async def remove(transport: Transport, ref: Reference) -> bool:
    """Delete a manifest by digest, or a tag; False if it was not there."""
    request = replace(
        _request("DELETE", ref, "deleting", frozenset({delete(ref.repository.path)})),
        accept=frozenset({200, 202, 204, 404}),
    )

    async def check(fault: Fault) -> bool | None:
        gone = fault.ambiguous and await head(transport, ref) is None
        return True if gone else None

    return await retry_write(
        transport, Write(lambda: request, lambda response: response.status != 404, check)
    )


async def _send_unless_missing(transport: Transport, request: Request) -> Response | None:
    try:
        return await transport.send(request)
    except RequestFailed as failed:
        if failed.fault.status == 404:
            return None
        raise


def _digest_header(transport: Transport, request: Request, response: Response) -> Digest | None:
    header = response.headers.get("docker-content-digest")
    if not header:
        return None
    try:
        return Digest(header)
    except ValueError:
        problem = f"Docker-Content-Digest is not a digest: {transport.redactor(header)[:100]!r}"
        raise _invalid(transport, request, problem) from None


def _invalid(transport: Transport, request: Request, problem: str) -> RequestFailed:
    return RequestFailed(request, Fault("invalid", message=transport.redactor(problem)))
