"""Signatures and attestations of an image tag: whatever is missing is signed, newer findings beside older ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.model import Descriptor, Digest, Manifest, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.sbom import Subject
from pipeline.state.record import Record
from pipeline.trust import Statement, attach, examine
from pipeline.util.timestamps import parse_timestamp

from .publication import Publication
from .push import ImageIndex, build_index
from .statements import Kind, index_statements, kind_of, kinds_of, statement

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.registry.platform_image import ImageReader
    from pipeline.state.records import Records
    from pipeline.trust import PublicKey

    from .signer import Sign


@dataclass(frozen=True, slots=True)
class Signing:
    """What signing needs: the registry, the records with the documents to attest, the key, and the project's name.

    `created` is the creation time of what is attached, in seconds since 1970.
    """

    registry: Registry
    records: Records
    public_key: PublicKey
    sign: Sign
    created: int
    project: str


async def ensure_signed(
    signing: Signing,
    name: str,
    repository: Repository,
    index: ImageIndex,
    records: Sequence[Record],
) -> tuple[Record, ...]:
    """Sign and attest what the index and its platforms lack by this key; gives the records as attested.

    What is attached to a digest is read once. The index's own signature is attached last, so that its presence means
    that everything else is there. Raises UsageError for a key that cannot sign, BuildError, RegistryError.
    """
    unattested = [record for record in records if record.attested != record.findings]
    attached = await _present(signing, repository, index.descriptor.digest)
    lacking = [
        about
        for about in _about_index(signing, name, repository, index, records)
        if kind_of(about) not in attached
    ]
    if not lacking and not unattested:
        return tuple(records)
    missing: list[tuple[Descriptor, Statement]] = []
    for child, record in zip(index.children, records, strict=True):
        present = await _present(signing, repository, child.digest)
        for kind in kinds_of(record):
            if kind not in present:
                missing.append(
                    (child, await statement(signing.registry, signing.records.repository, record, kind))
                )
    missing += [(index.descriptor, about) for about in lacking]
    if missing:
        bundles = await signing.sign(name, [about for _, about in missing])
        for (subject, _), bundle in zip(missing, bundles, strict=True):
            await attach(signing.registry, repository, subject, bundle, created=signing.created)
    return tuple([await _attested(signing.records, record) for record in records])


async def attest_closed(signing: Signing, reader: ImageReader, publication: Publication) -> None:
    """Attest new findings on an image whose gate they closed after it was published, so that whoever requests the
    digest can see them. No tag moves; an image that was never published is left alone."""
    registry, repository, records = signing.registry, publication.repository, publication.records
    index = await build_index(reader, signing.records.repository, publication.platforms)
    digest = index.descriptor.digest
    if all(record.attested == record.findings for record in records):
        return
    if await registry.head(repository.at(digest)) is None:
        return
    await ensure_signed(signing, publication.name, repository, index, records)
    destination = publication.destination
    if destination and await registry.head(destination.repository.at(digest)) is not None:
        await registry.copy(repository, digest, destination.repository)


def _about_index(
    signing: Signing, name: str, repository: Repository, index: ImageIndex, records: Sequence[Record]
) -> tuple[Statement, ...]:
    """The statements that an index is to bear, its signature last."""
    manifest = Manifest.parse(index.raw, OCI_INDEX)
    platforms = {child.digest: child.platform for child in manifest.children if child.platform}
    try:
        created = parse_timestamp(manifest.annotations["org.opencontainers.image.created"])
    except (KeyError, ValueError, OverflowError):
        created = 0
    tag = name.rpartition(":")[2]
    subject = Subject(signing.project, repository, tag, index.descriptor.digest, None, created)
    return index_statements(subject, [(platforms[record.digest], record) for record in records])


async def _present(signing: Signing, repository: Repository, digest: Digest) -> frozenset[Kind]:
    """The kinds of statements about a digest that the key signed."""
    verification = await examine(signing.registry, repository, digest, signing.public_key)
    return frozenset(map(kind_of, verification.statements))


async def _attested(records: Records, record: Record) -> Record:
    if record.attested == record.findings:
        return record
    return await records.write(replace(record, attested=record.findings), {})
