"""Signatures and attestations of an image tag: whatever is missing is signed, newer findings beside older ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from pipeline.model import Descriptor, Digest, Manifest, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.policy import Revision
from pipeline.provenance import Origin
from pipeline.sbom import SbomSubject
from pipeline.state.record import Record
from pipeline.trust import PROVENANCE, SIGNATURE, TEST_RESULT, Statement, attach, examine
from pipeline.trust.claims import ATTESTED, Claims
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import parse_timestamp

from ..publish.publication import Publication
from ..publish.push import ImageIndex, build_index
from .attached import Attached
from .index_evidence import PlatformEvidence, index_evidence, same_predicate
from .statements import (
    Kind,
    document_kinds,
    has_provenance,
    index_provenance,
    kind_of,
    statement,
    test_results,
)
from .verdicts import verdicts

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.registry import Registry
    from pipeline.registry.platform_image import ImageReader
    from pipeline.state.records import Records
    from pipeline.trust import Signatory

    from .signer import Sign
    from .tag_scheme import TagSigner


@dataclass(frozen=True, slots=True)
class Signing:
    """What signing needs: the registry, the records with the documents to attest, who signs, and the project's name.

    `created` is the creation time of what is attached, in seconds since 1970; `revision` and `origin` are what the
    provenance of an index says. `by_tag` signs an image, by its name, in the tag scheme too.
    """

    registry: Registry
    records: Records
    signatory: Signatory
    sign: Sign
    created: int
    project: str
    revision: Revision = field(default_factory=Revision)
    origin: Callable[[], Origin] = Origin
    by_tag: Callable[[str], TagSigner] | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """The records of an image tag as attested, and the referrer with the signature of its index.

    `unclaimed` is true if an earlier signature did not say what it was for; `added` counts what was missing.
    """

    records: tuple[Record, ...]
    signature: Digest
    unclaimed: bool = False
    added: int = 0


async def ensure_signed(signing: Signing, publication: Publication, index: ImageIndex) -> Signed:
    """Sign and attest what the index and its platforms lack by this signatory.

    What is attached to each digest is read once, whatever its record says of it. A signature counts if it is for this
    image tag. Verdicts name other attestations by digest, so they come after those; the index's own signature is
    attached last, so that its presence means that everything else was there.
    Raises UsageError for a key that cannot sign, BuildError, RegistryError.
    """
    of_index, platforms, added = await _attest(signing, publication, index)
    claims, lacks = publication.claims, verdicts(publication, of_index, platforms)
    for target, attached, record in zip(publication.targets, platforms, publication.records, strict=True):
        lacks += _signature(attached, _claims(claims.platforms[target.platform], record))
    wanted = _claims(claims.index, *publication.records)
    lacks += _signature(of_index, wanted)
    known = of_index.seen.signature_for(wanted)
    if signing.by_tag:
        digests = [one.descriptor.digest for one in (*platforms, of_index)]
        signer = signing.by_tag(publication.targets[0].image)
        await signer.ensure(signing.registry, publication.repository, digests)
    attached_now = await _attach(signing, publication, lacks)
    return Signed(
        await _attested(signing.records, publication.records),
        known or attached_now[-1],
        unclaimed=of_index.seen.signed and not of_index.seen.claims,
        added=added + len(lacks),
    )


async def attest_closed(signing: Signing, reader: ImageReader, publication: Publication) -> None:
    """Attest new findings on an image whose gate they closed after it was published, and the verdict, so that whoever
    requests the digest can see them. Nothing is signed, no tag moves; an image that was never published is left
    alone."""
    registry, repository, records = signing.registry, publication.repository, publication.records
    index = await build_index(reader, signing.records.repository, publication.platforms)
    digest = index.descriptor.digest
    if all(record.attested == record.findings for record in records):
        return
    if await registry.head(repository.at(digest)) is None:
        return
    of_index, platforms, _ = await _attest(signing, publication, index)
    await _attach(signing, publication, verdicts(publication, of_index, platforms))
    await _attested(signing.records, records)
    for destination in publication.destinations:
        if await registry.head(destination.repository.at(digest)) is not None:
            await registry.copy(repository, digest, destination.repository)


async def lacking_evidence(
    records: Records, repository: Repository, targets: Sequence[Target], signatory: Signatory
) -> list[str]:
    """The evidence that the records of published platforms name and that is no longer attached to them, as
    `linux/amd64: https://cyclonedx.org/bom`. What was not attested by a run is not missed."""
    registry, lacking = records.store.registry, []
    for target in targets:
        record = await records.find(target.key) if target.key else None
        if record is None or record.attested != record.findings:
            continue
        seen = await examine(registry, repository, record.digest, signatory)
        missing = _missing(tuple(map(kind_of, seen.statements)), record)
        lacking += [f"{target.platform}: {predicate}" for predicate, _ in missing]
    return lacking


def _missing(present: Sequence[Kind], record: Record) -> list[Kind]:
    """The kinds of evidence that a platform is to bear and does not."""
    tested = test_results(record)
    wanted = (*document_kinds(record), *((kind_of(tested),) if tested else ()))
    return [kind for kind in wanted if kind not in present]


async def _attest(
    signing: Signing, publication: Publication, index: ImageIndex
) -> tuple[Attached, list[Attached], int]:
    """The index and its platforms with all evidence attached, of which those that lack some get it now; and how much
    that is."""

    async def attached(descriptor: Descriptor) -> Attached:
        repository, key = publication.repository, signing.signatory
        return Attached.of(descriptor, await examine(signing.registry, repository, descriptor.digest, key))

    of_index = await attached(index.descriptor)
    platforms = [await attached(child) for child in index.children]
    lacks: list[tuple[Attached, Statement]] = []
    evidence: list[PlatformEvidence] = []
    for target, one, record in zip(publication.targets, platforms, publication.records, strict=True):
        lacking = await _lacking(signing, one, record)
        lacks += [(one, about) for about in lacking]
        evidence.append(PlatformEvidence(target.platform, record, (*one.seen.statements, *lacking)))
    lacks += [(of_index, about) for about in _lacking_index(signing, publication, index, of_index, evidence)]
    added = list(zip(lacks, await _attach(signing, publication, lacks), strict=True))

    def now(one: Attached) -> Attached:
        return one.plus((about, source) for (to, about), source in added if to is one)

    return now(of_index), [now(one) for one in platforms], len(lacks)


async def _lacking(signing: Signing, attached: Attached, record: Record) -> list[Statement]:
    """The evidence that a platform lacks by this key."""
    repository, lacking = signing.records.repository, []
    for kind, _ in _missing(attached.kinds, record):
        tested = test_results(record) if kind == TEST_RESULT else None
        lacking.append(tested or await statement(signing.registry, repository, record, kind))
    return lacking


def _lacking_index(
    signing: Signing,
    publication: Publication,
    index: ImageIndex,
    attached: Attached,
    evidence: Sequence[PlatformEvidence],
) -> list[Statement]:
    """The evidence that the index lacks by this key, and its provenance: one, whoever made it."""
    try:
        annotations = Manifest.parse(index.raw, OCI_INDEX).annotations
        created = parse_timestamp(annotations["org.opencontainers.image.created"])
    except (KeyError, ValueError, OverflowError):
        created = 0
    descriptor, tag = index.descriptor, publication.targets[0].tag
    subject = SbomSubject(signing.project, publication.repository, tag, descriptor.digest, None, created)
    wanted = index_evidence(subject, evidence)
    lacking = [about for about in wanted if not same_predicate(about, attached.seen.statements)]
    if not attached.seen.has(PROVENANCE) and all(map(has_provenance, publication.records)):
        lacking.append(index_provenance(publication, descriptor.digest, signing.revision, signing.origin()))
    return lacking


def _claims(claims: Claims, *records: Record) -> Claims:
    """The claims of a signature, with that of provenance where there is any."""
    return replace(claims, provenance=ATTESTED) if all(map(has_provenance, records)) else claims


def _signature(attached: Attached, claims: Claims) -> list[tuple[Attached, Statement]]:
    """The signature of a digest for what is claimed, unless there is one."""
    if attached.seen.signature_for(claims) is not None:
        return []
    return [(attached, Statement(attached.descriptor.digest, SIGNATURE, {}, claims.annotations()))]


async def _attach(
    signing: Signing, publication: Publication, lacks: Sequence[tuple[Attached, Statement]]
) -> list[Digest]:
    """Sign and attach statements in their order; gives the referrers."""
    if not lacks:
        return []
    bundles = await signing.sign(publication.name, [about for _, about in lacks])
    registry, repository, created = signing.registry, publication.repository, signing.created
    return [
        (await attach(registry, repository, to.descriptor, bundle, created=created)).digest
        for (to, _), bundle in zip(lacks, bundles, strict=True)
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
