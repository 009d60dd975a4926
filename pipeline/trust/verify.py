"""Verification of the signed statements about a digest, by a public key or an identity, in process."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pipeline.errors import Exit, LockageError, RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import OCI_CONFIG, OCI_EMPTY
from pipeline.oci.layer.decompress import COMPRESSED, decompressed
from pipeline.oci.layer.entry import LayerFault, LayerLimits
from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import size_text

from .attach import PREDICATE_ANNOTATION
from .bundle import BUNDLE_PREFIX
from .claims import Claims
from .limits import BUNDLE_BYTES
from .statement import SIGNATURE, Statement

if TYPE_CHECKING:
    from pipeline.oci.source import ImageSource

    from .signatory import Signatory


_NO_TYPE = frozenset({"", OCI_EMPTY, OCI_CONFIG})
"""What a list of referrers has where it names no artifact type: some registries put that of the config in its place."""


class SignatureRefused(LockageError):
    """A digest has no signature by the given key, or none for what is wanted."""

    exit_code = Exit.GATE


@dataclass(frozen=True, slots=True)
class Verification:
    """The statements about a digest that a key or an identity signed, and why others were refused or cannot be read.

    `signature` is the referrer with the image's own signature, the first if there are several.
    """

    subject: Digest
    statements: tuple[Statement, ...]
    refused: tuple[str, ...]
    sources: tuple[Digest, ...] = ()

    @property
    def signatures(self) -> tuple[Statement, ...]:
        """The signatures of the image itself (cosign's `sign/v1` predicate)."""
        return tuple(s for s in self.statements if s.predicate_type == SIGNATURE)

    @property
    def signed(self) -> bool:
        """Whether the image itself is signed."""
        return bool(self.signatures)

    @property
    def claims(self) -> tuple[Claims, ...]:
        """What the signatures say they are for; nothing for those that do not say it."""
        return tuple(claims for s in self.signatures if (claims := Claims.of(s.annotations)))

    def unmet(self, wanted: Claims) -> tuple[str, ...]:
        """What no signature claims of what is wanted, by the one that claims most; nothing if one claims it all."""
        problems = [claims.unmet(wanted) for claims in self.claims]
        return min(problems, key=len) if problems else ("nothing: neither image nor tag, platform or commit",)

    def signature_for(self, wanted: Claims) -> Digest | None:
        """The referrer with a signature that claims what is wanted."""
        for statement, source in zip(self.statements, self.sources, strict=True):
            claims = Claims.of(statement.annotations) if statement.predicate_type == SIGNATURE else None
            if claims and not claims.unmet(wanted):
                return source
        return None

    def has(self, predicate_type: str) -> bool:
        """Whether a verified statement of this predicate type is attached."""
        return any(s.predicate_type == predicate_type for s in self.statements)

    def to_json(self) -> dict[str, object]:
        """As plain data, without predicates, which can be megabytes."""
        return {
            "subject": str(self.subject),
            "signed": self.signed,
            "statements": sorted({s.predicate_type for s in self.statements}),
            "claims": [claims.annotations() for claims in self.claims],
            "refused": list(self.refused),
        }


async def examine(
    registry: ImageSource, repository: Repository, digest: Digest, key: Signatory
) -> Verification:
    """Read every sigstore bundle that refers to a digest, and verify it with the key.

    A referrer that cannot be used is refused, and the others count. Raises RegistryError when the registry fails.
    """
    verified: list[tuple[Statement, Digest]] = []
    refused: list[str] = []
    async for referrer, content in bundles(registry, repository, digest):
        statement = content if isinstance(content, str) else key.statement(content, digest)
        if isinstance(statement, str):
            refused.append(f"{referrer}: {statement}")
        else:
            verified.append((statement, referrer))
    statements, sources = zip(*verified, strict=True) if verified else ((), ())
    return Verification(digest, statements, tuple(refused), sources)


async def examine_one(
    registry: ImageSource, repository: Repository, digest: Digest, referrer: Digest, key: Signatory
) -> Verification:
    """As `examine`, but of one referrer that is known: two requests."""
    verified: list[Statement] = []
    refused: list[str] = []
    async for content in _read(registry, repository, referrer, digest):
        statement = content if isinstance(content, str) else key.statement(content, digest)
        if isinstance(statement, str):
            refused.append(f"{referrer}: {statement}")
        else:
            verified.append(statement)
    return Verification(digest, tuple(verified), tuple(refused), (referrer,) * len(verified))


async def verify(
    registry: ImageSource, repository: Repository, digest: Digest, key: Signatory
) -> Verification:
    """As `examine`, but raises `SignatureRefused` unless the digest is signed by the key."""
    verification = await examine(registry, repository, digest, key)
    if not verification.signed:
        reasons = "; ".join(verification.refused) or "it has no signature"
        raise SignatureRefused(
            f"{repository.at(digest)} is not signed by {key.origin}: {reasons}",
            hint=key.remedy,
        )
    return verification


async def verify_claims(
    registry: ImageSource, repository: Repository, digest: Digest, key: Signatory, wanted: Claims
) -> Verification:
    """As `verify`, but raises `SignatureRefused` also unless one signature is for what is wanted."""
    verification = await verify(registry, repository, digest, key)
    unmet = verification.unmet(wanted)
    if unmet:
        raise SignatureRefused(
            f"{repository.at(digest)} is signed by {key.origin} for {'; '.join(unmet)}",
            hint="find out who moved the tag; lockage sign signs again what this commit builds",
        )
    return verification


async def bundles(
    registry: ImageSource, repository: Repository, digest: Digest, predicate_type: str | None = None
) -> AsyncIterator[tuple[Digest, bytes | str]]:
    """Each bundle that refers to a digest, or what is wrong with it; those that are listed with another predicate type
    than the one that is named are not read. Nothing is verified. Raises RegistryError when the registry fails."""
    referrer_list = await registry.list_referrers(repository, digest)
    for problem in referrer_list.unusable:
        yield digest, problem
    for referrer in referrer_list.entries:
        listed = referrer.annotations.get(PREDICATE_ANNOTATION, predicate_type)
        if predicate_type is not None and listed != predicate_type:
            continue
        kind = referrer.artifact_type or ""
        if kind in _NO_TYPE or kind.startswith(BUNDLE_PREFIX):
            async for bundle in _read(registry, repository, referrer.digest, digest):
                yield referrer.digest, bundle


async def _read(
    registry: ImageSource, repository: Repository, referrer: Digest, subject: Digest
) -> AsyncIterator[bytes | str]:
    """The bundle of a referrer, or what is wrong with it; nothing if it is of another kind."""
    from pipeline.registry.content_faults import describe, is_content_fault

    try:
        manifest = await registry.get_manifest(repository.at(referrer))
        if manifest is None:
            yield "it is listed and does not exist"
            return
        if manifest.subject is not None and manifest.subject.digest != subject:
            yield f"it refers to {manifest.subject.digest}"
            return
        layer = _bundle_layer(manifest.layers)
        if isinstance(layer, str):
            yield layer
        elif layer is not None:
            yield _unpacked(await registry.blob(repository, layer))
    except RegistryError as fault:
        if not is_content_fault(fault):
            raise
        yield describe(fault)


def _bundle_layer(layers: tuple[Descriptor, ...]) -> Descriptor | str | None:
    """Its one layer; what is wrong if it is not one bundle, and None if it is something else."""
    if not any(layer.media_type.startswith(BUNDLE_PREFIX) for layer in layers):
        return "no layer is a sigstore bundle" if layers else None
    if len(layers) != 1:
        return f"{len(layers)} layers, where one bundle is expected"
    if layers[0].size > BUNDLE_BYTES:
        return f"a bundle of {layers[0].size} bytes is larger than {size_text(BUNDLE_BYTES)}"
    return layers[0]


def _unpacked(raw: bytes) -> bytes | str:
    """A bundle that may be compressed, as any layer, or why it cannot be read."""
    if not raw.startswith(COMPRESSED):
        return raw
    try:
        return decompressed(io.BytesIO(raw), LayerLimits(decompressed=BUNDLE_BYTES)).read(BUNDLE_BYTES + 1)
    except LayerFault as fault:
        return str(fault)
