"""A scanner's report says which image was scanned, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.model import Descriptor, Digest, Manifest, Repository
from pipeline.model.descriptor import OCI_CONFIG, OCI_LAYER_GZIP
from pipeline.run.target.examination.findings import STARTED, about, with_layers, with_own_config
from pipeline.util.json.canonical import compact

REFERENCE = Repository("registry.example", "dev/app").at(Digest.of(b"manifest"))
CONFIG = Digest.of(b"config")
END = datetime(2026, 11, 26, 8, 0, 30, 123456, tzinfo=UTC)


def report(**others: Any) -> dict[str, Any]:
    finding = {"VulnerabilityID": "CVE-2099-0001", "PkgID": "curl@1", "Fingerprint": "sha256:of-the-archive"}
    return {
        "SchemaVersion": 2,
        "CreatedAt": "2026-11-26T08:00:30.123456789Z",
        "ArtifactID": "sha256:of-the-archive",
        "ArtifactName": "/in/image.tar",
        "Metadata": {"ImageID": "sha256:of-the-archive", "OS": {"Family": "debian"}},
        "Results": [
            {"Target": "/in/image.tar (debian 12.5)", "Vulnerabilities": [finding]},
            {"Target": "Java", "Vulnerabilities": [dict(finding)]},
            {"Target": "/etc/token", "Secrets": [{}]},
        ],
        **others,
    }


def edited(made: Any, started: datetime = END - timedelta(seconds=9)) -> Any:
    finished = started + timedelta(seconds=20)
    return json.loads(about(json.dumps(made).encode(), REFERENCE, CONFIG, started, finished))


def test_the_reference_by_digest_and_the_configuration_s_digest() -> None:
    made = edited(report())
    assert (made["ArtifactName"], made["ArtifactID"]) == (str(REFERENCE), str(CONFIG))
    assert made["Metadata"] == {
        "ImageID": str(CONFIG),
        "RepoDigests": [str(REFERENCE)],
        "OS": {"Family": "debian"},
    }
    assert [r["Target"] for r in made["Results"]] == [f"{REFERENCE} (debian 12.5)", "Java", "/etc/token"]
    assert "/in/image.tar" not in json.dumps(made) and "of-the-archive" not in json.dumps(made)


def test_the_same_finding_has_the_same_fingerprint_and_others_have_others() -> None:
    results = edited(report())["Results"]
    first, second = (r["Vulnerabilities"][0]["Fingerprint"] for r in results[:2])
    text = f"{CONFIG}:{REFERENCE} (debian 12.5):curl@1:CVE-2099-0001"
    assert first == str(Digest.of(text.encode())) != second


def test_it_is_of_the_time_of_this_scan_whenever_the_engine_has_it_from() -> None:
    made = edited(report())
    assert (made[STARTED], made["CreatedAt"]) == ("2026-11-26T08:00:21.123456Z", report()["CreatedAt"])
    known = edited(report(), END + timedelta(hours=1))
    assert (known[STARTED], known["CreatedAt"]) == (
        "2026-11-26T09:00:30.123456Z",
        "2026-11-26T09:00:50.123456Z",
    )


@pytest.mark.parametrize("own", [{"architecture": "s390x"}, {}])
def test_the_architecture_is_the_image_s(own: Any) -> None:
    scanned = {"architecture": "amd64", "os": "linux"}
    raw = compact(report(Metadata={"ImageConfig": scanned}))
    made = json.loads(with_own_config(raw, compact(own)))
    assert made["Metadata"] == {"ImageConfig": scanned | own}
    assert made == {**json.loads(raw), "Metadata": made["Metadata"]}


@pytest.mark.parametrize(
    "settings", [{}, {"config": None}, {"config": {"Env": ["A=b"], "Labels": {"a": "b"}}}]
)
def test_the_labels_of_its_build_are_the_image_s(settings: Any) -> None:
    own = {"org.opencontainers.image.revision": "0" * 40}
    raw = compact(report(Metadata={"ImageConfig": {"os": "linux", **settings}}))
    made = json.loads(with_own_config(raw, compact({"config": {"Labels": {"a": "other", **own}}})))
    scanned = settings.get("config") or {}
    labels = scanned.get("Labels", {}) | own
    assert made["Metadata"]["ImageConfig"] == {"os": "linux", "config": scanned | {"Labels": labels}}


def test_layers_are_those_of_the_image_whatever_the_archive_calls_them() -> None:
    digests, ids, archived = ([f"sha256:{c}{n}" + "0" * 62 for n in range(2)] for c in "abc")
    manifest = {
        "schemaVersion": 2,
        "config": Descriptor(OCI_CONFIG, CONFIG, 1).to_oci(),
        "layers": [Descriptor(OCI_LAYER_GZIP, Digest(digest), 1).to_oci() for digest in digests],
    }
    config = compact({"rootfs": {"type": "layers", "diff_ids": ids}})
    metadata = {
        "DiffIDs": [ids[0], archived[1]],
        "Layers": [{"Digest": digests[0], "DiffID": ids[0]}, {"Digest": "sha256:x", "DiffID": archived[1]}],
    }
    finding = {"Layer": {"Digest": "sha256:x", "DiffID": archived[1]}}
    raw = compact(report(Metadata=metadata, Results=[{"Target": "x", "Vulnerabilities": [finding]}]))
    made = json.loads(with_layers(raw, Manifest.parse(compact(manifest)), config))
    assert made["Metadata"]["DiffIDs"] == ids
    assert made["Results"][0]["Vulnerabilities"][0]["Layer"] == {"Digest": digests[1], "DiffID": ids[1]}
    fewer = compact({"rootfs": {"diff_ids": ids[:1]}})
    assert (
        json.loads(with_layers(raw, Manifest.parse(compact(manifest)), fewer))["Metadata"]["DiffIDs"][1]
        == archived[1]
    )
    assert with_layers(raw, Manifest.parse(compact({**manifest, "layers": []})), b"no JSON") == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps(report(Results=[1])).encode(),
        b'{"CreatedAt": "now"}',
        b'{"CreatedAt": "2026-11-26T08:00:00"}',
        b'{"Metadata": [1]}',
    ],
)
def test_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        about(raw, REFERENCE, CONFIG, END, END)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"[" * 100_000, b'{"Metadata": [1]}', b'{"Metadata": {"Layers": [1]}}']
)
def test_layers_of_what_is_no_report(raw: bytes) -> None:
    manifest = Manifest.parse(
        compact({"schemaVersion": 2, "config": Descriptor(OCI_CONFIG, CONFIG, 1).to_oci(), "layers": []})
    )
    with pytest.raises(ValueError):
        with_layers(raw, manifest, b"{}")
