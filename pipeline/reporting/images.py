"""Findings of images that are named by reference: what is attested on them, whoever built them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.policy import Evidence
from pipeline.policy.scan_details import key_of
from pipeline.registry.platform_image import platform_of
from pipeline.report.values import Report, TargetReport, reported
from pipeline.state.attested import attested_scans, first_seen
from pipeline.state.signers import program_version
from pipeline.util.concurrency import each

from .history import read_history

if TYPE_CHECKING:
    from pipeline.model import Digest, Manifest, Reference
    from pipeline.registry import Registry
    from pipeline.trust import Signatory

_ATTESTATION: Mapping[str, str] = {"vnd.docker.reference.type": "attestation-manifest"}


async def report_images(registry: Registry, references: Sequence[Reference], key: Signatory) -> Report:
    """The attested findings of each image, of every platform of an index. Raises RegistryError for an image that does
    not exist, or that no findings are attested on."""

    async def of_reference(reference: Reference) -> list[TargetReport]:
        manifest = await registry.get_manifest(reference)
        if manifest is None:
            raise RegistryError(
                f"{reference} does not exist", hint="name another reference: --image HOST/NAME:TAG"
            )
        images = await platform_images(registry, reference, manifest)
        if manifest.is_index:  # findings may be attested on it as a whole
            images = [(manifest.digest, "all"), *images]
        scanned = [
            await _of_digest(registry, reference, digest, platform, key) for digest, platform in images
        ]
        reports = [report for report in scanned if report]
        if manifest.is_index and all(scanned) and _known_of_platforms(reports):
            reports = reports[1:]
        if not reports:
            raise RegistryError(
                f"no findings are attested on {reference}",
                hint="lockage sign attests those of a run; for another image, attest a scan with cosign: --type vuln",
            )
        return reports

    now = datetime.now(UTC)
    targets = await each(of_reference, references)
    return Report(
        project="",
        command="findings",
        version=program_version(),
        made=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        day=now.date(),
        targets=tuple(target for of_image in targets for target in of_image),
    )


def _known_of_platforms(reports: Sequence[TargetReport]) -> bool:
    """Whether those of the platforms say what the first says, of the index as a whole, and are signed if that is."""
    of_index, *platforms = reports
    known = {
        (finding.finding.id, finding.finding.package) for report in platforms for finding in report.findings
    }
    same = {(finding.finding.id, finding.finding.package) for finding in of_index.findings} <= known
    return same and all(report.verified or not of_index.verified for report in platforms)


async def platform_images(
    registry: Registry, reference: Reference, manifest: Manifest
) -> list[tuple[Digest, str]]:
    """The images behind a reference with their platforms, attestation manifests of BuildKit left out."""
    if not manifest.is_index:
        platform = await platform_of(registry, reference.repository, manifest)
        return [(manifest.digest, str(platform or "unknown"))]
    children = (child for child in manifest.children if not _ATTESTATION.items() <= child.annotations.items())
    return [(child.digest, str(child.platform or "unknown")) for child in children]


async def _of_digest(
    registry: Registry, reference: Reference, digest: Digest, platform: str, key: Signatory
) -> TargetReport | None:
    scans = await attested_scans(registry, reference.repository, digest, key)
    if not scans:
        return None
    newest, days = scans[0], first_seen(scans)
    image, tag = reference.repository, reference.tag or ""
    details = await read_history(registry, image, digest, newest.details)
    return TargetReport(
        str(image.at(digest)),
        str(image),
        tag,
        platform,
        "attested",
        digest=str(digest),
        reference=str(image.at(digest)),
        evidence=Evidence(0, scan=newest.scan),
        scan=details,
        verified=newest.verified,
        findings=tuple(
            reported(finding, details, first_seen=days.get(key_of(finding), ""))
            for finding in newest.scan.findings
        ),
    )
