"""A scanner's report, about the image as it is published rather than the archive that was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pipeline.engine.scan import ARCHIVE
from pipeline.model import Digest, Manifest, Reference
from pipeline.sbom.layers import diff_ids, renamed, renamings
from pipeline.util.canonical_json import compact

STARTED = "StartedAt"
"""When the scan began; beside trivy's `CreatedAt`, its end, in the document that is kept, not in what is attested."""


def with_layers(report: bytes, manifest: Manifest, config: bytes) -> bytes:
    """Trivy's report, with the layers' digests and ids that the image has in place of the archive's.

    Raises ValueError for anything but a report.
    """
    with _read_as_report():
        metadata = json.loads(report).get("Metadata") or {}
        layers = [str(layer.get("Digest")) for layer in metadata.get("Layers") or ()]
        ids = [str(id) for id in metadata.get("DiffIDs") or ()]
    digests = renamings(layers, [str(layer.digest) for layer in manifest.layers])
    return renamed(report, digests | renamings(ids, diff_ids(config)))


def about(report: bytes, reference: Reference, config: Digest, started: datetime) -> bytes:
    """Trivy's report, with the reference by digest and the configuration's digest in place of the archive's.

    A report that is older than the scan was `started` is the engine's answer to an earlier one, whose start nobody
    knows. Raises ValueError for anything but a report.
    """
    name, image = str(reference), str(config)
    with _read_as_report():
        data = json.loads(report)
        data |= {"ArtifactID": image, "ArtifactName": name}
        data["Metadata"] = (data.get("Metadata") or {}) | {"ImageID": image, "RepoDigests": [name]}
        for result in data.get("Results") or ():
            target = str(result.get("Target", ""))
            if target.startswith(ARCHIVE):
                result["Target"] = name + target.removeprefix(ARCHIVE)
            for finding in result.get("Vulnerabilities") or ():
                finding["Fingerprint"] = _fingerprint(image, result["Target"], finding)
        if datetime.fromisoformat(str(data["CreatedAt"])) >= started:
            data[STARTED] = started.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return compact(data)


@contextmanager
def _read_as_report() -> Iterator[None]:
    """What is no report of trivy's is one error."""
    try:
        yield
    except RecursionError:
        raise ValueError("trivy: report is nested too deeply") from None
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"trivy: not a report: {fault!r}") from None


def _fingerprint(image: str, target: str, finding: Any) -> str:
    """As trivy computes it (pkg/fingerprint)."""
    parts = (image, target, str(finding.get("PkgID", "")), str(finding.get("VulnerabilityID", "")))
    return str(Digest.of(":".join(parts).encode()))
