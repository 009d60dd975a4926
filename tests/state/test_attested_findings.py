"""Findings that are attested on a digest, in a real registry: by whom, since when, and what cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.model import Descriptor, Digest, Manifest, Reference, Repository
from pipeline.oci.artifact import artifact_manifest
from pipeline.registry import Registry
from pipeline.state.attested import attested_scans, first_seen
from pipeline.trust import CYCLONEDX, VULNERABILITIES, PublicKey, Statement, attach
from tests.tools.signing.bundles import OTHER_KEY, public, signed

pytestmark = [pytest.mark.real, pytest.mark.anyio]

KEY = PublicKey(public(), "test")


def predicate(day: str, *ids: str) -> dict[str, Any]:
    """A scan of a day, by data of that day."""
    found = [
        {"VulnerabilityID": id, "PkgName": "curl", "InstalledVersion": "1", "Severity": "HIGH"} for id in ids
    ]
    result = {"SchemaVersion": 2, "CreatedAt": f"{day}T08:00:00Z", "Results": [{"Vulnerabilities": found}]}
    database = {"uri": "oci:sha256:" + "d" * 64, "version": f"{day}T00:00:00Z"}
    return {"scanner": {"version": "0.74.0", "db": database, "result": result}}


async def image(registry: Registry, repository: Repository) -> Descriptor:
    """Something to attach to."""
    blob = b"{}"
    await registry.put_blob(repository, blob)
    manifest: Manifest = artifact_manifest("application/x-test", [Descriptor.of(blob, "application/json")])
    return await registry.put_manifest(repository, manifest.raw, manifest.media_type)


async def put(
    registry: Registry, repository: Repository, subject: Descriptor, kind: str, value: Any, key: Any = None
) -> None:
    payload = Statement(subject.digest, kind, value).to_json()
    bundle = signed(payload, key) if key else signed(payload)
    await attach(registry, repository, subject, bundle, created=0)


async def test_a_finding_is_known_since_the_first_signed_scan_that_has_it(
    registry: Registry, olareg: str
) -> None:
    repository = Reference.parse(f"{olareg}/findings/since:x").repository
    subject = await image(registry, repository)
    for day, ids in (("2026-11-02", ("CVE-1",)), ("2026-11-20", ("CVE-1", "CVE-2"))):
        await put(registry, repository, subject, VULNERABILITIES, predicate(day, *ids))
    await put(registry, repository, subject, VULNERABILITIES, predicate("2026-01-01", "CVE-2"), OTHER_KEY)
    scans = await attested_scans(registry, repository, subject.digest, KEY)
    assert [scan.verified for scan in scans] == [True, True, False]
    assert [finding.id for finding in scans[0].scan.findings] == ["CVE-1", "CVE-2"]
    days = first_seen(scans)
    assert days == {("CVE-1", "curl", "1"): "2026-11-02", ("CVE-2", "curl", "1"): "2026-11-20"}


async def test_what_cannot_be_read_hides_nothing(registry: Registry, olareg: str) -> None:
    repository = Reference.parse(f"{olareg}/findings/broken:x").repository
    subject = await image(registry, repository)
    await put(registry, repository, subject, VULNERABILITIES, {"scanner": []})
    await put(registry, repository, subject, CYCLONEDX, {"bomFormat": "CycloneDX"})
    broken = json.dumps({"mediaType": "nothing"}).encode()
    await registry.put_blob(repository, broken)
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    manifest = artifact_manifest(kind, [Descriptor.of(broken, kind)], subject=subject)
    await registry.put_manifest(repository, manifest.raw, manifest.media_type)
    assert await attested_scans(registry, repository, subject.digest, KEY) == ()
    await put(registry, repository, subject, VULNERABILITIES, predicate("2026-11-02", "CVE-1"))
    (scan,) = await attested_scans(registry, repository, subject.digest, KEY)
    assert scan.verified and scan.scan.tool.data_digest == "sha256:" + "d" * 64


async def test_nothing_is_attested_on_what_does_not_exist(registry: Registry, olareg: str) -> None:
    repository = Reference.parse(f"{olareg}/findings/none:x").repository
    assert await attested_scans(registry, repository, Digest.of(b"nothing"), KEY) == ()
