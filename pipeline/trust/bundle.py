"""Sigstore bundles v0.3 with a DSSE envelope, signed by a key or with a certificate, read as cosign 3 reads them.

Cosign 3 stores a bundle as an OCI referrer of the image (cosign's BUNDLE_SPEC).
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import size_text

from .limits import BUNDLE_BYTES, BUNDLE_LOG_ENTRIES, BUNDLE_SIGNATURES
from .protojson import Field, Reader, int64, message, octets, parse, repeated, string
from .statement import PAYLOAD_TYPE, Statement, Statements

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
BUNDLE_PREFIX = "application/vnd.dev.sigstore.bundle"
"""The beginning of the media type of a bundle of any version."""

_REKOR_V1 = "0.0.1"
"""The version of all kinds of entries of Rekor v1; those of v2 have 0.0.2."""
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRERELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SUFFIX = rf"(?P<pre>-{_PRERELEASE}(?:\.{_PRERELEASE})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_VERSION = re.compile(rf"v0(?:\.(?P<minor>{_NUMBER})(?:\.(?P<patch>{_NUMBER}){_SUFFIX})?)?")


def _other_kind(value: Any) -> NoReturn:
    raise ValueError("not what a signature of an image by a key has")


def _other_signature(value: Any) -> NoReturn:
    raise ValueError("not what a signature of an image by an identity has")


_SIGNATURE = message(Field("sig", octets), Field("keyid", string))
_ENVELOPE = message(
    Field("payload", octets), Field("payloadType", string), Field("signatures", repeated(_SIGNATURE))
)
_INCLUSION_PROOF = message(
    Field("logIndex", int64, "log_index"),
    Field("rootHash", octets, "root_hash"),
    Field("treeSize", int64, "tree_size"),
    Field("hashes", repeated(octets)),
    Field("checkpoint", message(Field("envelope", string))),
)
_LOG_ENTRY = message(
    Field("logIndex", int64, "log_index"),
    Field("logId", message(Field("keyId", octets, "key_id")), "log_id"),
    Field("kindVersion", message(Field("kind", string), Field("version", string)), "kind_version"),
    Field("integratedTime", int64, "integrated_time"),
    Field(
        "inclusionPromise",
        message(Field("signedEntryTimestamp", octets, "signed_entry_timestamp")),
        "inclusion_promise",
    ),
    Field("inclusionProof", _INCLUSION_PROOF, "inclusion_proof"),
    Field("canonicalizedBody", octets, "canonicalized_body"),
)
_TIMESTAMPS = message(
    Field(
        "rfc3161Timestamps",
        repeated(message(Field("signedTimestamp", octets, "signed_timestamp"))),
        "rfc3161_timestamps",
    )
)
_CERTIFICATE = message(Field("rawBytes", octets, "raw_bytes"))


def _bundle(key: Reader, chain: Reader, certificate: Reader) -> Reader:
    material = message(
        Field("publicKey", key, "public_key", oneof="content"),
        Field("x509CertificateChain", chain, "x509_certificate_chain", oneof="content"),
        Field("certificate", certificate, oneof="content"),
        Field("tlogEntries", repeated(_LOG_ENTRY), "tlog_entries"),
        Field("timestampVerificationData", _TIMESTAMPS, "timestamp_verification_data"),
    )
    return message(
        Field("mediaType", string, "media_type"),
        Field("verificationMaterial", material, "verification_material"),
        Field("messageSignature", _other_kind, "message_signature", oneof="content"),
        Field("dsseEnvelope", _ENVELOPE, "dsse_envelope", oneof="content"),
    )


_BY_KEY = _bundle(message(Field("hint", string)), _other_kind, _other_kind)
_BY_CERTIFICATE = _bundle(_other_signature, _other_signature, _CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A signed statement: the statement, the bytes that were signed, and their signature.

    `key_id` is what the signature says of its key; empty for nothing. `logged` is when logs say that they took it, in
    seconds since 1970.
    """

    statements: Statements
    payload: bytes
    signature: bytes
    key_id: str = ""
    logged: tuple[int, ...] = ()

    @classmethod
    def parse(cls, raw: bytes) -> Bundle:
        """Read a bundle of an in-toto statement, signed by a key; raises ValueError for anything else."""
        return cls._read(raw, _BY_KEY, "publicKey", "public key")

    @classmethod
    def parse_certified(cls, raw: bytes) -> Bundle:
        """Read a bundle of an in-toto statement, signed with a certificate; raises ValueError for anything else."""
        return cls._read(raw, _BY_CERTIFICATE, "certificate", "certificate")

    @classmethod
    def parse_any(cls, raw: bytes) -> Bundle:
        """Read a bundle of either kind; raises ValueError for anything else."""
        try:
            return cls.parse_certified(raw)
        except ValueError:
            return cls.parse(raw)

    @classmethod
    def _read(cls, raw: bytes, read: Reader, material: str, name: str) -> Bundle:
        if len(raw) > BUNDLE_BYTES:
            raise ValueError(f"a bundle of {len(raw)} bytes is larger than {size_text(BUNDLE_BYTES)}")
        data = read(parse(raw))
        _check_version(data.get("mediaType", ""))
        _check_material(data.get("verificationMaterial", {}), material, name)
        envelope = data.get("dsseEnvelope")
        if envelope is None:
            raise ValueError("a bundle without a DSSE envelope")
        if envelope.get("payloadType") != PAYLOAD_TYPE:
            raise ValueError(f"payload type {envelope.get('payloadType')!r} is not in-toto")
        signatures = envelope.get("signatures", [])
        if len(signatures) != BUNDLE_SIGNATURES:
            raise ValueError(f"{len(signatures)} signatures in one envelope, where there is to be one")
        payload = envelope.get("payload", b"")
        signature = signatures[0]
        entries = data.get("verificationMaterial", {}).get("tlogEntries", [])
        logged = tuple(time for entry in entries if (time := entry.get("integratedTime", 0)))
        statements = Statements.parse(payload)
        return cls(statements, payload, signature.get("sig", b""), signature.get("keyid", ""), logged)

    def about(self, digest: Digest) -> Statement:
        """Its statement about a digest; raises ValueError if it makes none."""
        return self.statements.about(digest)


def _check_version(media_type: str) -> None:
    """Raises ValueError unless a media type is that of v0.3, of a patch of it, or of a prerelease of v0.4."""
    if media_type == f"{BUNDLE_PREFIX}+json;version=0.3":
        return
    before, after = f"{BUNDLE_PREFIX}.", "+json"
    if media_type.startswith(f"{before}v") and media_type.endswith(after):
        version = _VERSION.fullmatch(media_type.removeprefix(before).removesuffix(after))
        if version is not None:
            minor, patch, pre = version["minor"], version["patch"], version["pre"]
            first = patch in (None, "0")
            if (minor == "3" and not (first and pre)) or (minor == "4" and first and pre):
                return
    raise ValueError(f"media type {media_type[:100]!r} is not that of a sigstore bundle v0.3")


def _check_material(material: Any, wanted: str, name: str) -> None:
    if wanted not in material:
        raise ValueError(f"no {name} as verification material")
    entries = material.get("tlogEntries", [])
    if len(entries) > BUNDLE_LOG_ENTRIES:
        raise ValueError(f"{len(entries)} entries of transparency logs, more than {BUNDLE_LOG_ENTRIES}")
    for entry in entries:
        body = _check_log_entry(entry)
        if wanted == "certificate" and body["apiVersion"] == _REKOR_V1:
            _check_promise(entry)
    if entries and not any("inclusionProof" in entry for entry in entries):
        raise ValueError("an entry of a transparency log without its inclusion proof")


def _check_promise(entry: Any) -> None:
    """Raises ValueError for an entry of Rekor v1 without its promise and time. The library verifies a promise if there
    is one, and cosign wants it."""
    if not entry.get("inclusionPromise", {}).get("signedEntryTimestamp") or not entry.get("integratedTime"):
        raise ValueError("an entry of Rekor v1 without its promise (SET) or its time")


def _check_log_entry(entry: Any) -> Any:
    """The body of an entry. Raises ValueError for an incomplete one. What the log says in it is not verified, as a key
    needs no log."""
    proof = entry.get("inclusionProof")
    known = "kindVersion" in entry and "keyId" in entry.get("logId", {}) and entry.get("logIndex", 0) >= 0
    try:
        body: Any = json.loads(entry.get("canonicalizedBody", b""))
        known = known and all(isinstance(body[name], str) for name in ("kind", "apiVersion"))
        known = known and isinstance(body["spec"], dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise ValueError("an incomplete entry of a transparency log")
    if proof is not None and not proof.get("checkpoint", {}).get("envelope"):
        raise ValueError("an inclusion proof without a checkpoint")
    return body
