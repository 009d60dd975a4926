"""Signatures and attestations of an image tag: whatever is missing is signed, newer findings beside older ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.model import Descriptor, Digest, Manifest
from pipeline.model.descriptor import OCI_INDEX
from pipeline.sbom import Subject
from pipeline.state.record import Record
from pipeline.trust import SIGNATURE, Statement, Verification, attach, examine
from pipeline.util.timestamps import parse_timestamp

from .publication import Publication
from .push import ImageIndex, build_index
from .statements import document_kinds, index_statements, kind_of, statement

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.registry.platform_image import ImageReader
    from pipeline.state.records import Records
    from pipeline.trust import Signatory

    from .signer import Sign


@dataclass(frozen=True, slots=True)
class Signing:
    """What signing needs: the registry, the records with the documents to attest, who signs, and the project's name.

    `created` is the creation time of what is attached, in seconds since 1970.
    """

    registry: Registry
    records: Records
    signatory: Signatory
    sign: Sign
    created: int
    project: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The records of an image tag as attested, and the referrer with the signature of its index.

    `unclaimed` is true if an earlier signature did not say what it was for.
    """

    records: tuple[Record, ...]
    signature: Digest
    unclaimed: bool = False


async def ensure_signed(signing: Signing, publication: Publication, index: ImageIndex) -> Signed:
    """Sign and attest what the index and its platforms lack by this signatory.

    What is attached to each digest is read once, whatever its record says of it. A signature counts if it is for this
    image tag. The index's own signature is attached last, so that its presence means that everything else was there.
    Raises UsageError for a key that cannot sign, BuildError, RegistryError.
    """
    records, claims = publication.records, publication.claims
    digest = index.descriptor.digest
    seen = await examine(signing.registry, publication.repository, digest, signing.signatory)
    signature = seen.signature_for(claims.index)
    about_index = _about_index(signing, publication, index, seen)
    missing = [*await _missing(signing, publication, index, signs=True), *about_index]
    if signature is None:
        missing.append((index.descriptor, Statement(digest, SIGNATURE, {}, claims.index.annotations())))
    attached = await _attach(signing, publication, missing)
    return Signed(
        await _attested(signing.records, records),
        signature or attached[-1],
        unclaimed=seen.signed and not seen.claims,
    )


async def attest_closed(signing: Signing, reader: ImageReader, publication: Publication) -> None:
    """Attest new findings on an image whose gate they closed after it was published, so that whoever requests the
    digest can see them. Nothing is signed, no tag moves; an image that was never published is left alone."""
    registry, repository, records = signing.registry, publication.repository, publication.records
    index = await build_index(reader, signing.records.repository, publication.platforms)
    digest = index.descriptor.digest
    if all(record.attested == record.findings for record in records):
        return
    if await registry.head(repository.at(digest)) is None:
        return
    seen = await examine(registry, repository, digest, signing.signatory)
    missing = await _missing(signing, publication, index, signs=False)
    missing += _about_index(signing, publication, index, seen)
    await _attach(signing, publication, missing)
    await _attested(signing.records, records)
    for destination in publication.destinations:
        if await registry.head(destination.repository.at(digest)) is not None:
            await registry.copy(repository, digest, destination.repository)


async def _missing(
    signing: Signing, publication: Publication, index: ImageIndex, *, signs: bool
) -> list[tuple[Descriptor, Statement]]:
    """The statements that the platforms lack by this signatory; with `signs` also their signatures."""
    missing: list[tuple[Descriptor, Statement]] = []
    for target, child, record in zip(publication.targets, index.children, publication.records, strict=True):
        claims = publication.claims.platforms[target.platform]
        seen = await examine(signing.registry, publication.repository, child.digest, signing.signatory)
        present = set(map(kind_of, seen.statements))
        for kind in document_kinds(record):
            if kind not in present:
                found = await statement(signing.registry, signing.records.repository, record, kind[0])
                missing.append((child, found))
        if signs and seen.signature_for(claims) is None:
            missing.append((child, Statement(child.digest, SIGNATURE, {}, claims.annotations())))
    return missing


def _about_index(
    signing: Signing, publication: Publication, index: ImageIndex, seen: Verification
) -> list[tuple[Descriptor, Statement]]:
    """The bills of materials that the index lacks by this key."""
    try:
        annotations = Manifest.parse(index.raw, OCI_INDEX).annotations
        created = parse_timestamp(annotations["org.opencontainers.image.created"])
    except (KeyError, ValueError, OverflowError):
        created = 0
    descriptor, tag = index.descriptor, publication.targets[0].tag
    subject = Subject(signing.project, publication.repository, tag, descriptor.digest, None, created)
    pairs = zip(publication.targets, publication.records, strict=True)
    present = set(map(kind_of, seen.statements))
    wanted = index_statements(subject, [(target.platform, record) for target, record in pairs])
    return [(descriptor, about) for about in wanted if kind_of(about) not in present]


async def _attach(
    signing: Signing, publication: Publication, missing: Sequence[tuple[Descriptor, Statement]]
) -> list[Digest]:
    """Sign and attach statements in their order; gives the referrers."""
    if not missing:
        return []
    bundles = await signing.sign(publication.name, [about for _, about in missing])
    repository, created = publication.repository, signing.created
    return [
        (await attach(signing.registry, repository, subject, bundle, created=created)).digest
        for (subject, _), bundle in zip(missing, bundles, strict=True)
    ]


async def _attested(records: Records, known: Sequence[Record]) -> tuple[Record, ...]:
    """The records with the findings that are attested now."""
    return tuple(
        [
            record
            if record.attested == record.findings
            else await records.write(replace(record, attested=record.findings), {})
            for record in known
        ]
    )
