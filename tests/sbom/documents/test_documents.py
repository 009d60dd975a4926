"""Bills of materials by the real tools: complete, valid, the same each time."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from ntia_conformance_checker import NTIAChecker
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from pipeline.model import Digest, Platform
from pipeline.policy import Tool
from pipeline.policy.reports import cyclonedx_inventory
from pipeline.sbom import PlatformDocuments, index_documents
from pipeline.sbom.complete import complete
from tests.tools.scanning import planted
from tests.tools.scanning.sbom_features import features

from .listing import Listed, list_packages

pytestmark = pytest.mark.real


def test_valid_by_the_schemas_and_the_standards_own_validators(listed: Listed) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(listed.raw["cyclonedx-json"].decode()) is None
    document = parse_file(str(listed.folder / "sbom.spdx.json"))
    assert validate_full_spdx_document(document) == []


def test_ntia_minimum_elements(listed: Listed) -> None:
    checker = NTIAChecker(str(listed.folder / "sbom.spdx.json"))
    assert checker.compliant, checker.all_components_without_info
    components = [*listed.cyclonedx["components"], listed.cyclonedx["metadata"]["component"]]
    assert [c["name"] for c in components if not (c.get("supplier") and c.get("version"))] == []


OF_PACKAGES = {
    "checksum": "an installed package has none; a jar has",
    "SHA-256": "the same",
    "source code": "packages do not say where it is",
    "licence": "what the package declares",
    "valid licence": "the same; other words are kept as they are written",
    "purl": "a distribution has none",
    "cpe": "the same",
}
"""Features of sbomqs that depend on what packages say."""


def test_features_that_sbomqs_looks_at(listed: Listed) -> None:
    """By our reading of its specification: whatever a document can have without a guess, it has."""
    missing = {name for name, share in features(listed.cyclonedx).items() if share < 1}
    assert missing - OF_PACKAGES.keys() == {"signature"}  # an attestation signs the document from outside
    packages = [c for c in listed.cyclonedx["components"] if c["type"] != "operating-system"]
    assert [c["name"] for c in packages if not (c.get("purl") and c.get("cpe"))] == []


def test_the_same_bytes_each_time(listed: Listed, tmp_path: Path) -> None:
    again = planted.completed(listed.image, tmp_path / "again")
    assert again == listed.raw


def test_the_same_bytes_from_an_archive_with_layers_packed_anew(debian: Listed, tmp_path: Path) -> None:
    """As an engine does after a restart: the same files, in a tar of another form."""
    image = debian.image
    repacked = replace(image, archive=planted.repacked(image.archive, tmp_path / "repacked.tar"))
    assert image.archive.read_bytes() != repacked.archive.read_bytes()
    raw = {name: (debian.folder / name).read_bytes() for name in debian.raw}
    assert planted.listed(repacked, tmp_path / "raw")["syft-json"] != raw["syft-json"]
    assert planted.completed(repacked, tmp_path / "again") == debian.raw
    locations = {place["layerID"] for a in debian.syft["artifacts"] for place in a["locations"]}
    assert locations == set(json.loads(image.config)["rootfs"]["diff_ids"])


def test_the_same_bytes_from_what_images_share(listed: Listed, tmp_path: Path) -> None:
    """Images that differ in the architecture and volatile labels alone are listed once
    (run/target/examination/shared_results.py)."""
    image = listed.image
    packed = planted.repacked(
        image.archive, tmp_path / "other.tar", architecture="s390x", without=planted.VOLATILE_LABELS
    )
    other = replace(image, archive=packed)
    metadata = json.loads(planted.listed(other, tmp_path / "raw")["syft-json"])["source"]["metadata"]
    config = json.loads(base64.b64decode(metadata["config"]))
    assert config["architecture"] == "s390x"
    assert metadata["labels"] == config["config"]["Labels"] and len(metadata["labels"]) == 3
    assert planted.completed(other, tmp_path / "again") == listed.raw


def test_the_subject_is_what_was_pushed(listed: Listed) -> None:
    subject, digest = listed.image.subject, listed.image.manifest.digest
    root = listed.cyclonedx["metadata"]["component"]
    assert root["purl"] == root["bom-ref"] == subject.purl and str(digest) in subject.purl
    assert root["hashes"] == [{"alg": "SHA-256", "content": digest.hex}]
    described = [
        r["relatedSpdxElement"] for r in listed.spdx["relationships"] if r["relationshipType"] == "DESCRIBES"
    ]
    (package,) = (p for p in listed.spdx["packages"] if [p["SPDXID"]] == described)
    assert package["externalRefs"][0]["referenceLocator"] == subject.purl
    assert package["checksums"] == [{"algorithm": "SHA256", "checksumValue": digest.hex}]
    source = listed.syft["source"]
    assert listed.image.manifest.config
    assert source["metadata"]["manifestDigest"] == str(digest)
    assert source["metadata"]["imageID"] == str(listed.image.manifest.config.digest)
    assert source["metadata"]["repoDigests"] == [str(subject.reference)]
    for raw in listed.raw.values():
        assert b"image.tar" not in raw and str(listed.folder.parent).encode() not in raw


def test_everything_is_reached_from_the_image(listed: Listed) -> None:
    document = listed.cyclonedx
    edges = {d["ref"]: d.get("dependsOn", []) for d in document["dependencies"]}
    pending, reached = [document["metadata"]["component"]["bom-ref"]], set[str]()
    while pending:
        ref = pending.pop()
        if ref not in reached:
            reached.add(ref)
            pending += edges.get(ref, [])
    assert {c["bom-ref"] for c in document.get("components", [])} <= reached


def test_only_what_is_needed_by_nothing_is_needed_directly(debian: Listed) -> None:
    document = debian.cyclonedx
    names = {c["bom-ref"]: c["name"] for c in document["components"]}
    (root,) = (
        d for d in document["dependencies"] if d["ref"] == document["metadata"]["component"]["bom-ref"]
    )
    direct = {names[ref] for ref in root["dependsOn"]}
    assert {"mended", "debian"} <= direct and not {"flawed", "flawed-libs"} & direct


def test_suppliers_are_those_that_packages_name(debian: Listed) -> None:
    found = {p["name"]: p["supplier"] for p in debian.spdx["packages"]}
    assert found == {
        "flawed": "Person: Ann Other (ann@debian.org)",
        "flawed-libs": "Organization: Debian Flaw Team (flaw@debian.org)",
        "mended": "Person: Acme packages (apt@acme.example)",
        "ring": "Organization: Ring Maintainers (ring@debian.org)",
        "ring-end": "Organization: Ring Maintainers (ring@debian.org)",
        "flawed-wheel": "Person: Ann Other (ann@pypi.example)",
        "@flawed/node": "Organization: Node Foundation (n@x.example)",
        "jar": "Organization: Flawed Inc.",
        "debian": "Organization: Debian GNU/Linux",
        "planted": "Organization: acme",
    }
    suppliers = {c["name"]: c["supplier"]["name"] for c in debian.cyclonedx["components"]}
    assert suppliers["mended"] == "Acme packages" and suppliers["jar"] == "Flawed Inc."


def test_no_supplier_is_invented(tmp_path: Path) -> None:
    files = planted.debian() | {
        "srv/node_modules/@flawed/node/package.json": b'{"name": "@flawed/node", "version": "1.0.0"}'
    }
    made = list_packages(tmp_path, files)
    (package,) = (p for p in made.spdx["packages"] if p["name"] == "@flawed/node")
    assert package["supplier"] == "NOASSERTION"
    (component,) = (c for c in made.cyclonedx["components"] if c["name"] == "@flawed/node")
    assert "supplier" not in component


def test_licences_are_concluded_as_declared(debian: Listed) -> None:
    found = {p["name"]: (p["licenseDeclared"], p["licenseConcluded"]) for p in debian.spdx["packages"]}
    assert found["flawed-wheel"] == ("MIT", "MIT")
    assert found["mended"] == ("MIT AND LicenseRef-made-up-licence",) * 2
    assert found["flawed"] == ("NOASSERTION", "NOASSERTION")
    texts = [each["licenseId"] for each in debian.spdx["hasExtractedLicensingInfos"]]
    assert texts == ["LicenseRef-made-up-licence"]


def test_hashes_are_true_or_absent(debian: Listed) -> None:
    files = {each["fileName"]: each for each in debian.spdx["files"]}
    contents = {path: content for path, content in planted.debian().items() if isinstance(content, bytes)}
    assert "etc/empty" in files and "etc/full" in files
    for path, each in files.items():
        for checksum in each["checksums"]:
            expected = hashlib.new(checksum["algorithm"].lower(), contents[path]).hexdigest()
            assert checksum["checksumValue"] == expected, path
    ids = {each["SPDXID"] for each in [*debian.spdx["files"], *debian.spdx["packages"]]} | {
        "SPDXRef-DOCUMENT"
    }
    for each in debian.spdx["relationships"]:
        assert {each["spdxElementId"], each["relatedSpdxElement"]} <= ids
    (jar,) = (c for c in debian.cyclonedx["components"] if c["name"] == "jar")
    content = planted.debian()["srv/jar-1.0.jar"]
    assert isinstance(content, bytes)
    assert {"alg": "SHA-1", "content": hashlib.sha1(content).hexdigest()} in jar["hashes"]
    (empty,) = (f for f in debian.syft["files"] if f["location"]["path"] == "/etc/empty")
    assert {d["algorithm"] for d in empty["digests"]} == {"sha1", "sha256"}


def test_too_many_files_are_left_out_and_the_rest_is_valid(
    debian: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("pipeline.sbom.complete")  # the function has its name
    monkeypatch.setattr(module, "MAX_ATTESTED", len(debian.raw["spdx-json"]) - 1)
    image = debian.image
    raw = {name: (debian.folder / name).read_bytes() for name in debian.raw}
    made = complete(raw, image.subject, image.subject.serial(planted.SYFT), image.manifest, image.config)
    file = tmp_path / "less.spdx.json"
    file.write_bytes(made["spdx-json"])
    assert validate_full_spdx_document(parse_file(str(file))) == [] and NTIAChecker(str(file)).compliant
    document = json.loads(made["spdx-json"])
    assert "files" not in document and "SPDXRef-File" not in json.dumps(document)
    assert f"{len(debian.spdx['files'])} files are left out" in document["creationInfo"]["comment"]
    assert [p["SPDXID"] for p in document["packages"]] == [p["SPDXID"] for p in debian.spdx["packages"]]
    assert {name: made[name] for name in made if name != "spdx-json"} == {
        name: debian.raw[name] for name in debian.raw if name != "spdx-json"
    }


def test_the_verification_code_is_that_of_the_files(debian: Listed) -> None:
    sha1 = {
        f["SPDXID"]: next(c["checksumValue"] for c in f["checksums"] if c["algorithm"] == "SHA1")
        for f in debian.spdx["files"]
    }
    (package,) = (p for p in debian.spdx["packages"] if p["name"] == "mended")
    contained = [
        sha1[r["relatedSpdxElement"]]
        for r in debian.spdx["relationships"]
        if r["spdxElementId"] == package["SPDXID"]
        and r["relationshipType"] == "CONTAINS"
        and r["relatedSpdxElement"] in sha1
    ]
    assert len(contained) >= 2
    code = hashlib.sha1("".join(sorted(contained)).encode()).hexdigest()
    assert package["packageVerificationCode"]["packageVerificationCodeValue"] == code


def test_an_inventory_says_whether_there_is_a_distribution(listed: Listed) -> None:
    inventory = cyclonedx_inventory(listed.raw, Tool("syft", planted.SYFT))
    names = {"pkg:deb": "debian", "pkg:apk": "alpine"}
    purls = {c.get("purl", "")[:7] for c in listed.cyclonedx.get("components", [])}
    assert inventory.distribution == next((names[p] for p in sorted(purls) if p in names), "")
    assert inventory.serial == listed.image.subject.serial(planted.SYFT).urn
    assert (inventory.packages == 0) is (inventory.distribution == "")


def test_the_documents_of_an_index_are_valid(debian: Listed, tmp_path: Path) -> None:
    subject = debian.image.subject
    digests = {name: Digest.of(raw) for name, raw in debian.raw.items()}
    documents = {name: json.loads(raw) for name, raw in debian.raw.items()}
    platform = PlatformDocuments(subject, subject.serial(planted.SYFT), digests, documents)
    arm = Platform.parse("linux/arm64")
    other = replace(
        platform,
        subject=replace(subject, platform=arm, digest=Digest.of(b"arm")),
        serial=subject.serial("arm"),
    )
    made = index_documents(replace(subject, digest=Digest.of(b"index"), platform=None), [platform, other])
    whole = json.loads(made["cyclonedx-json"])
    packages = [c for c in documents["cyclonedx-json"]["components"] if c["type"] != "file"]
    assert len(whole["components"]) == 2 + len(packages), "each once"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made["cyclonedx-json"].decode()) is None
    file = tmp_path / "index.spdx.json"
    file.write_bytes(made["spdx-json"])
    assert validate_full_spdx_document(parse_file(str(file))) == []
    assert NTIAChecker(str(file)).compliant


@pytest.mark.parametrize(
    "breakage",
    [
        lambda made: made | {"cyclonedx-json": b"{}"},
        lambda made: made | {"spdx-json": made["spdx-json"][:-20]},
        lambda made: made | {"syft-json": b"[" * 100_000},
        lambda made: made | {"syft-json": b"[]"},
        lambda made: made | {"spdx-json": b'{"spdxVersion": "SPDX-2.3", "packages": []}'},
        lambda made: made | {"cyclonedx-json": _without_last_component(made["cyclonedx-json"])},
        lambda made: made | {"spdx-json": made["cyclonedx-json"]},
    ],
)
def test_broken_documents_are_refused(debian: Listed, breakage: Any) -> None:
    made = {name: (debian.folder / name).read_bytes() for name in debian.raw}
    image = debian.image
    assert complete(made, image.subject, image.subject.serial(planted.SYFT), image.manifest, image.config)
    serial = image.subject.serial(planted.SYFT)
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        complete(breakage(made), image.subject, serial, image.manifest, image.config)


def _without_last_component(raw: bytes) -> bytes:
    document = json.loads(raw)
    packages = [c for c in document["components"] if c["type"] == "library"]
    document["components"].remove(packages[-1])
    return json.dumps(document).encode()
