"""Reading, writing and deleting of manifests (distribution-spec v1.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.model.descriptor import MANIFEST_TYPES
from pipeline.model.manifest import Manifest
from pipeline.oci.verify import Verifier, uncorrupted

from .auth.challenge import Scopes, delete, pull, push, union
from .http.call import Request, Response
from .http.faults import Fault, RequestFailed
from .http.retry import persevere
from .http.transport import Transport

_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


def _call(method: str, ref: Reference, doing: str, scopes: Scopes = frozenset()) -> Request:
    repo, name = ref.repository, ref.digest or ref.tag
    if name is None:
        raise RegistryError(
            f"{ref} names neither a tag nor a digest", hint=f"say which: {ref}:TAG or {ref}@sha256:…"
        )
    return Request(
        method,
        repo.host,
        f"/v2/{repo.path}/manifests/{name}",
        doing,
        str(ref),
        scopes=union({pull(repo.path)}, scopes),
        headers=_ACCEPT if method in ("GET", "HEAD") else {},
    )


async def head(transport: Transport, ref: Reference) -> Descriptor | None:
    """What a reference stands for, or None; one request where the registry says the digest."""
    call = _call("HEAD", ref, "looking for the manifest")
    answer = await _found(transport, call)
    if answer is None:
        return None
    digest, size = _said_digest(call, answer), answer.headers.get("content-length", "")
    if digest is None or not size.isdecimal():
        found = await get(transport, ref)
        return found.descriptor if found else None
    if ref.digest and ref.digest.algorithm == digest.algorithm and ref.digest != digest:
        raise _wrong(call, f"asked for {ref.digest}, it says {digest}")
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
    return Descriptor(media_type, ref.digest or digest, int(size))


async def get(transport: Transport, ref: Reference, scopes: Scopes = frozenset()) -> Manifest | None:
    """The manifest a reference stands for, or None. Its digest is computed, never believed."""
    call = _call("GET", ref, "reading the manifest", scopes)
    return await uncorrupted(lambda: _get(transport, ref, call))


async def _get(transport: Transport, ref: Reference, call: Request) -> Manifest | None:
    answer = await _found(transport, call)
    if answer is None:
        return None
    said = _said_digest(call, answer)
    leading = ref.digest or said
    algorithm = leading.algorithm if leading else "sha256"
    for expected in (ref.digest, said):
        if expected:
            check = Verifier(Descriptor("", expected, len(answer.body)), str(ref.repository))
            check.update(answer.body)
            check.finish()
    try:
        return Manifest.parse(answer.body, answer.headers.get("content-type", ""), algorithm=algorithm)
    except ValueError as fault:
        raise _wrong(call, str(fault)) from fault


@dataclass(frozen=True, slots=True)
class Stored:
    """A written manifest; `subject_noted` says that the registry lists it as a referrer by itself."""

    descriptor: Descriptor
    subject_noted: bool


async def put(transport: Transport, repo: Repository, manifest: Manifest, tag: str | None = None) -> Stored:
    """Write a manifest by tag, or by its digest."""
    ref = repo.tagged(tag) if tag else repo.at(manifest.digest)
    call = Request(
        "PUT",
        repo.host,
        f"/v2/{repo.path}/manifests/{tag or manifest.digest}",
        "writing the manifest",
        str(ref),
        scopes=frozenset({push(repo.path)}),
        accept=frozenset({200, 201, 202}),
        headers={"Content-Type": manifest.media_type},
        body=manifest.raw,
    )

    def done(answer: Response) -> Stored:
        said = _said_digest(call, answer)
        if said and said.algorithm == manifest.digest.algorithm and said != manifest.digest:
            raise _wrong(call, f"it was stored as {said}, expected {manifest.digest}")
        subject = manifest.subject
        noted = subject is None or answer.headers.get("oci-subject", "") == str(subject.digest)
        return Stored(manifest.descriptor, noted)

    async def look(fault: Fault) -> Stored | None:
        """A tag that was moved all the same must not be moved once more, over somebody else's."""
        there = await head(transport, ref) if fault.ambiguous else None
        return Stored(manifest.descriptor, manifest.subject is None) if _same(there, manifest) else None

    if tag is None:
        return done(await transport.call(call))
    return await persevere(transport, lambda: call, done, look)


async def remove(transport: Transport, ref: Reference) -> bool:
    """Delete a manifest by digest, or a tag; False if it was not there."""
    call = replace(
        _call("DELETE", ref, "deleting", frozenset({delete(ref.repository.path)})),
        accept=frozenset({200, 202, 204, 404}),
    )

    async def look(fault: Fault) -> bool | None:
        gone = fault.ambiguous and await head(transport, ref) is None
        return True if gone else None

    return await persevere(transport, lambda: call, lambda answer: answer.status != 404, look)


def _same(there: Descriptor | None, manifest: Manifest) -> bool:
    return there is not None and there.digest == manifest.digest


async def _found(transport: Transport, call: Request) -> Response | None:
    try:
        return await transport.call(call)
    except RequestFailed as failed:
        if failed.fault.status == 404:
            return None
        raise


def _said_digest(call: Request, answer: Response) -> Digest | None:
    said = answer.headers.get("docker-content-digest")
    if not said:
        return None
    try:
        return Digest(said)
    except ValueError as fault:
        raise _wrong(call, str(fault)) from fault


def _wrong(call: Request, why: str) -> RequestFailed:
    return RequestFailed(call, Fault("invalid", message=why))
