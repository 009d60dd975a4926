"""What is attested on a digest, signed by a key or not; and every scan among it, with since when findings are known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.model import Digest, Repository
from pipeline.policy import Scan
from pipeline.policy.reports import trivy_scan
from pipeline.policy.scan_details import ScanDetails, key_of, scan_details
from pipeline.policy.scanners.signed_scanners import signed_tools
from pipeline.trust import VULNERABILITIES, Signatory, Statement
from pipeline.trust.bundle import Bundle
from pipeline.trust.verify import bundles
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

if TYPE_CHECKING:
    from pipeline.policy.scan_details import FindingKey
    from pipeline.registry import Registry


@dataclass(frozen=True, slots=True)
class AttestedScan:
    """One attested scan of a digest. `verified` is whether the key signed it."""

    scan: Scan
    details: ScanDetails
    verified: bool

    @property
    def age(self) -> tuple[str, str]:
        """The day of the data, then the time of the scan; both are RFC 3339 in UTC, so their texts are in order."""
        return self.scan.tool.data_date or "", self.details.scanned


async def attested(
    registry: Registry, repository: Repository, digest: Digest, predicate_type: str, key: Signatory
) -> AsyncIterator[tuple[Mapping[str, Any], bool]]:
    """Every predicate of a type that is attested on a digest, and whether the key signed it.

    What cannot be read is left out: whoever may attach something must not hide what others attached.
    """
    async for _, raw in bundles(registry, repository, digest, predicate_type):
        if isinstance(raw, str):
            continue
        signed = key.statement(raw, digest)
        statement = _unverified(raw, digest) if isinstance(signed, str) else signed
        if statement is not None and statement.predicate_type == predicate_type:
            yield statement.predicate, statement is signed


def _unverified(raw: bytes, digest: Digest) -> Statement | None:
    """The statement in a bundle, whoever signed it."""
    try:
        return Bundle.parse_any(raw).about(digest)
    except ValueError:
        return None


async def attested_scans(
    registry: Registry, repository: Repository, digest: Digest, key: Signatory
) -> tuple[AttestedScan, ...]:
    """Every scan that is attested on a digest, those that the key signed first, the newest first."""
    scans = []
    async for predicate, verified in attested(registry, repository, digest, VULNERABILITIES, key):
        try:
            scans.append(_read(predicate, verified=verified))
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(sorted(scans, key=lambda scan: (scan.verified, scan.age), reverse=True))


def first_seen(scans: tuple[AttestedScan, ...]) -> dict[FindingKey, str]:
    """The day of the first scan that has a finding, of those that the key signed."""
    days: dict[FindingKey, str] = {}
    for scan in scans:
        day = scan.details.scanned[:10]
        for finding in scan.scan.findings if scan.verified and day else ():
            known = days.setdefault(key_of(finding), day)
            if day < known:
                days[key_of(finding)] = day
    return days


def _read(predicate: Mapping[str, Any], *, verified: bool) -> AttestedScan:
    """Findings as cosign's vulnerability predicate has them. Raises ValueError, KeyError, TypeError."""
    scanner = predicate["scanner"]
    raw = compact(scanner["result"])
    tool, *beside = signed_tools(scanner)
    scan = replace(trivy_scan(raw, tool), beside=tuple(beside))
    return AttestedScan(scan, scan_details(raw), verified)
