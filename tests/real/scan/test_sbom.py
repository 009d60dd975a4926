"""Bills of materials of real builds: the gate, attestations on images and their index, files, a forged one."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real import samples
from tests.real.conftest import checkout
from tests.real.site import Site
from tests.real.tools import binary, cosign, crane
from tests.tools.logins import environment
from tests.tools.signing.bundles import new_pair

pytestmark = pytest.mark.real

STATIC = (
    "FROM debian:bookworm-slim AS made\nRUN echo static > /program\n"
    'FROM scratch\nCOPY --from=made /program /program\nCMD ["/program"]\n'
)


@dataclass(frozen=True)
class Published:
    """Three images: of Debian, from scratch, and one whose package database was removed."""

    root: Path
    result: Any

    def target(self, image: str) -> Any:
        return next(t for t in self.result["targets"] if t["image"] == image)

    def reference(self, image: str) -> str:
        """The index by digest."""
        reference = next(i["reference"] for i in self.result["images"] if i["image"] == image)
        repository, digest = reference.split("@")
        return f"{repository.rpartition(':')[0]}@{digest}"

    def child(self, image: str) -> str:
        return f"{self.reference(image).partition('@')[0]}@{self.target(image)['digest']}"


@pytest.fixture(scope="module")
def published(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Published:
    files = samples.system()
    for name, text in {"static": STATIC, "hidden": samples.DEBIAN + "RUN rm -r /var/lib/dpkg\n"}.items():
        files |= {f"images/{name}/image.yml": samples.image("1.0.0"), f"images/{name}/Dockerfile.tmpl": text}
    root = checkout(tmp_path_factory.mktemp("sbom") / "project", __name__, files)
    return Published(root, site.run("sign", "--json", cwd=root, expect=7).json)


def attested(site: Site, reference: str, kind: str, scratch: Path) -> list[Any]:
    """The predicates that cosign verifies on a digest."""
    key = str(site.data / "keys" / "cosign.pub")
    found = cosign("verify-attestation", "--type", kind, "--key", key, reference, root=scratch)
    assert found.returncode == 0, found.stderr
    payloads = (base64.b64decode(json.loads(line)["payload"]) for line in found.stdout.splitlines())
    return [json.loads(payload)["predicate"] for payload in payloads]


def test_no_package_is_right_without_a_distribution_and_wrong_with_one(published: Published) -> None:
    static, hidden = published.target("static"), published.target("hidden")
    assert static["status"] == "built" and static["packages"] == 0
    (verdict,) = (v for v in static["verdicts"] if v["gate"] == "sbom")
    assert verdict["passed"] and verdict["notes"] == ["no package was found"]
    assert hidden["status"] == "closed"
    (verdict,) = (v for v in hidden["verdicts"] if v["gate"] == "sbom")
    assert not verdict["passed"] and "no package of debian was found" in verdict["reasons"][0]


@pytest.mark.parametrize("image", ["hello", "static"])
def test_cosign_finds_bills_of_materials_on_the_index_and_on_the_image(
    site: Site, published: Published, image: str, tmp_path: Path
) -> None:
    index, child = published.reference(image), published.child(image)
    (whole,) = attested(site, index, "cyclonedx", tmp_path)
    (part,) = attested(site, child, "cyclonedx", tmp_path)
    assert index.rpartition("@")[2] in whole["metadata"]["component"]["purl"]
    assert child.rpartition("@")[2] in part["metadata"]["component"]["purl"]
    component, *packages = whole["components"]
    assert {p["bom-ref"]: p for p in part["components"] if p["type"] != "file"} == {
        p["bom-ref"]: p for p in packages
    }
    assert component["purl"] == part["metadata"]["component"]["purl"]
    link = component["externalReferences"][0]["url"]
    assert link == f"urn:cdx:{part['serialNumber'].removeprefix('urn:uuid:')}/1"
    (whole,), (part,) = (attested(site, ref, "spdxjson", tmp_path) for ref in (index, child))
    assert whole["externalDocumentRefs"][0]["spdxDocument"] == part["documentNamespace"]


def test_whoever_has_the_tag_alone_finds_what_is_wrong_with_the_image(
    site: Site, published: Published, tmp_path: Path
) -> None:
    """Trivy and cosign take the index's own referrers, and follow no links to those of the platforms."""
    index, child = published.reference("hello"), published.child("hello")
    database = f"{site.registry}/mirror/ghcr.io/aquasecurity/trivy-db:2"

    def found(*options: str) -> set[tuple[str, str]]:
        command = [binary("trivy"), "image", "--insecure", "--cache-dir", str(tmp_path), "--scanners", "vuln"]
        command += ["--db-repository", database, "--skip-java-db-update", "--format", "json", *options, index]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["ArtifactType"] == ("cyclonedx" if options else "container_image"), done.stderr
        return _found(report)

    of_image = found()
    assert of_image and found("--sbom-sources", "oci") == of_image
    (whole,), (part,) = (attested(site, ref, "vuln", tmp_path) for ref in (index, child))
    assert _found(whole["scanner"]["result"]) == _found(part["scanner"]["result"]) == of_image
    assert whole["scanner"]["result"]["ArtifactName"] == index
    assert all(r["Target"].startswith("linux/amd64: ") for r in whole["scanner"]["result"]["Results"])


def _found(report: Any) -> set[tuple[str, str]]:
    """The findings of a report by trivy."""
    return {
        (finding["VulnerabilityID"], finding["PkgName"])
        for result in report.get("Results") or ()
        for finding in result.get("Vulnerabilities") or ()
    }


def test_findings_name_the_image_and_say_when(site: Site, published: Published, tmp_path: Path) -> None:
    child = published.child("hello")
    (vulnerabilities,) = attested(site, child, "vuln", tmp_path)
    report = vulnerabilities["scanner"]["result"]
    assert report["ArtifactName"] == child and report["Metadata"]["RepoDigests"] == [child]
    assert report["Metadata"]["ImageID"] == json.loads(crane("manifest", child))["config"]["digest"]
    assert "/in/image.tar" not in json.dumps(report)
    times = vulnerabilities["metadata"]
    assert times["scanStartedOn"] < times["scanFinishedOn"] == report["CreatedAt"]


def test_documents_are_written_from_the_registry_alone(
    site: Site, published: Published, tmp_path: Path
) -> None:
    of_target, of_reference = tmp_path / "target", tmp_path / "reference"
    done = site.run("sbom", "hello", "-o", f"{of_target}/", cwd=published.root)
    folder = of_target / "hello/1.2.3/linux-amd64"
    names = {"sbom.cyclonedx.json", "sbom.spdx.json", "sbom.syft.json"}
    assert set(map(Path, done.out.split())) == {folder / name for name in names}
    site.run("sbom", published.reference("hello"), "-o", of_reference, cwd=tmp_path)
    for name in names - {"sbom.syft.json"}:
        assert (of_reference / "linux-amd64" / name).read_bytes() == (folder / name).read_bytes()
        assert published.reference("hello").rpartition("@")[2] in (of_reference / name).read_text()
    printed = site.run("sbom", published.child("hello"), "--format", "spdx", cwd=tmp_path).json
    assert printed == json.loads((folder / "sbom.spdx.json").read_text())
    file = tmp_path / "one.json"
    site.run("sbom", "hello", "--format", "syft", "-o", file, cwd=published.root)
    assert file.read_bytes() == (folder / "sbom.syft.json").read_bytes()


def test_what_cannot_be_written_is_an_error_that_says_what_to_do(
    site: Site, published: Published, tmp_path: Path
) -> None:
    several = site.run("sbom", "--format", "spdx", "hello", "static", cwd=published.root, expect=2)
    assert "2 documents for one place" in several.err and "-o DIR" in several.err
    reference = published.reference("hello")
    syft = site.run("sbom", reference, "--format", "syft", cwd=tmp_path, expect=2)
    assert "lockage sbom TARGET --format syft" in syft.err
    stranger = tmp_path / "stranger.pub"
    stranger.write_bytes(new_pair().public)
    refused = site.run("sbom", reference, "--key", stranger, cwd=tmp_path, expect=7)
    assert f"has no cyclonedx document signed by {stranger}" in refused.err
    gone = site.run("sbom", reference.partition("@")[0] + ":gone", cwd=tmp_path, expect=5)
    assert "does not exist" in gone.err


def test_a_forged_document_is_found_by_listing_the_image_again(
    site: Site, published: Published, tmp_path: Path
) -> None:
    index, child = published.reference("hello"), published.child("hello")
    equal = site.run("sbom", "check", index, "--json", cwd=published.root).json
    (platform,) = equal["platforms"]
    assert platform["equal"] and platform["packages"] > 50 and platform["subject"] == child

    (document,) = attested(site, child, "cyclonedx", tmp_path)
    tools = document["metadata"]["tools"]["components"]
    next(t for t in tools if t["name"] == "lockage-sbom")["version"] = "999"
    bash = next(c for c in document["components"] if c["name"] == "bash")
    document["components"].remove(bash)
    next(c for c in document["components"] if c["name"] == "tar")["version"] = "0"
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(document))
    _attest(site, child, forged, tmp_path)

    done = site.run("sbom", "check", index, cwd=published.root, expect=7)
    assert f"different  {child}" in done.out
    assert f"+ pkg:deb/debian/bash {bash['version']}" in done.out
    assert "~ pkg:deb/debian/tar 0 -> " in done.out


def _attest(site: Site, reference: str, predicate: Path, scratch: Path) -> None:
    """Attach a document with cosign and the site's own key."""
    keys = site.data / "keys"
    (scratch / "signing.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
    )
    (scratch / "root.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
    )
    options = ["--key", str(keys / "cosign.key"), "--signing-config", str(scratch / "signing.json"), "--yes"]
    options += ["--trusted-root", str(scratch / "root.json"), "--allow-http-registry"]
    subprocess.run(
        [binary("cosign"), "attest", *options, "--type", "cyclonedx", "--predicate", predicate, reference],
        check=True,
        capture_output=True,
        env={**environment(), "COSIGN_PASSWORD": (keys / "password").read_text()},
    )
