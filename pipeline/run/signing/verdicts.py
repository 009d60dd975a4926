"""Verdicts of an image tag as statements: which gates were asked, and from which attestations they answered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.model import Platform
from pipeline.provenance import Judged, is_current, summary_predicate
from pipeline.sbom import SbomSubject
from pipeline.state.signers import program_version
from pipeline.trust import PROVENANCE, SUMMARY, Statement

from .statements import document_kinds, has_provenance, kind_of, test_results

if TYPE_CHECKING:
    from pipeline.model import Digest
    from pipeline.state.record import Record

    from ..publish.publication import Publication
    from .attached import Attached


def verdicts(
    publication: Publication, index: Attached, platforms: Sequence[Attached]
) -> list[tuple[Attached, Statement]]:
    """The verdicts that platforms and index lack. Without provenance, nothing is claimed of an image."""
    judged = list(zip(publication.targets, platforms, publication.records, strict=True))
    if not all(has_provenance(record) for record in publication.records):
        return []
    inputs: list[Digest] = []
    judged_platforms: list[tuple[Attached, Judged]] = []
    for target, attached, record in judged:
        evidence = attached.referrers(_evidence(record))
        inputs += evidence
        passed = target.id not in publication.closed
        subject = _subject(publication, attached, target.platform)
        judged_platforms.append((attached, Judged(subject, [target.gates], passed, evidence)))
    gates = [target.gates for target in publication.targets]
    passed = not publication.closed
    of_index = Judged(
        _subject(publication, index, None), gates, passed, [*index.first_of(PROVENANCE), *inputs]
    )
    return [
        (attached, Statement(attached.descriptor.digest, SUMMARY, _predicate(one)))
        for attached, one in [*judged_platforms, (index, of_index)]
        if not _is_attested(attached, one)
    ]


def _evidence(record: Record) -> list[tuple[str, Digest | None]]:
    tested = test_results(record)
    return [*document_kinds(record), *([kind_of(tested)] if tested else [])]


def _subject(publication: Publication, attached: Attached, platform: Platform | None) -> SbomSubject:
    tag = publication.targets[0].tag
    return SbomSubject("", publication.repository, tag, attached.descriptor.digest, platform)


def _predicate(judged: Judged) -> dict[str, object]:
    return summary_predicate(judged, program_version(), int(time.time()))


def _is_attested(attached: Attached, judged: Judged) -> bool:
    """Whether the newest verdict is this one."""
    known = [s.predicate for s in attached.seen.statements if s.predicate_type == SUMMARY]
    newest = max(known, key=lambda predicate: str(predicate.get("timeVerified")), default=None)
    return newest is not None and is_current(newest, judged)
