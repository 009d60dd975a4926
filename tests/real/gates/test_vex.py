"""Grace, lists of exploited vulnerabilities and VEX on an image that trivy scanned: in the catalogue, and attested."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.trust.keypair import generate
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import binary, crane
from tests.tools import logins
from tests.tools.git import commit

pytestmark = pytest.mark.real

FILES = {
    "images/weak/image.yml": samples.image("1.0.0"),
    "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL,
}
STRICT = "policy: {vulnerabilities: {fail_on: [HIGH, MEDIUM, LOW]}}\n"
LENIENT = """\
policy:
  vulnerabilities:
    fail_on: [HIGH, MEDIUM, LOW]
    grace: {HIGH: 3650d}
    vex: [images/_policy/perl.openvex.json, images/_policy/base.cdx.json]
"""


def openvex(id: str, *products: str, status: str = "not_affected") -> str:
    statement = {
        "vulnerability": {"name": id},
        "status": status,
        **({"products": [{"@id": product} for product in products]} if products else {}),
        **({"justification": "vulnerable_code_not_present"} if status == "not_affected" else {}),
    }
    return json.dumps(
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": f"https://example.org/{id}/{status}",
            "author": "team",
            "timestamp": "2026-11-01T00:00:00Z",
            "version": 1,
            "statements": [statement],
        }
    )


CYCLONEDX = json.dumps(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "vulnerabilities": [
            {
                "id": "CVE-2099-0003",
                "analysis": {"state": "not_affected", "justification": "code_not_reachable"},
                "affects": [{"ref": "pkg:deb/debian/base-files"}],
            }
        ],
    }
)


def test_what_the_catalogue_says_of_findings(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(
        FILES
        | {
            "images/_policy/perl.openvex.json": openvex(
                "CVE-2099-0002", "pkg:deb/debian/perl-base?arch=amd64"
            ),
            "images/_policy/base.cdx.json": CYCLONEDX,
            "images/_policy/kev.json": json.dumps({"vulnerabilities": [{"cveID": "CVE-2099-0001"}]}),
        }
    )
    settings = root / "lockage.yml"
    plain = settings.read_text()
    settings.write_text(plain + STRICT)
    commit(root)
    closed = site.run("scan", cwd=root, expect=7)
    assert "curl 7.88.1-99+lab1, an ignore or a VEX statement opens it" in closed.err
    assert "CVE-2099-0002 MEDIUM" in closed.err and "CVE-2099-0003 LOW" in closed.err

    settings.write_text(plain + LENIENT)
    commit(root)
    opened = site.run("scan", "--json", cwd=root)
    assert opened.json["engine_used"] is False, "the same evidence, judged by another policy"
    table = site.run("findings", cwd=root).out
    assert "has grace until" in table and "ignored by VEX of images/_policy/base.cdx.json" in table
    found = {f["id"]: f for f in site.run("findings", "--json", cwd=root).json["targets"][0]["findings"]}
    assert found["CVE-2099-0002"]["effect"] == "ignored by VEX"
    assert found["CVE-2099-0002"]["taken_out"].endswith("perl.openvex.json: vulnerable_code_not_present")
    assert found["CVE-2099-0001"]["taken_out"].endswith("published on 2026-10-05")

    policy = tmp_path / "policy.yml"
    for text, reason in (
        ("known_exploited: {file: images/_policy/kev.json}, grace: 3650d", "is known to be exploited"),
        ("grace: {HIGH: 1d}", "its grace ended on 2026-10-06"),
    ):
        policy.write_text(f"policy: {{vulnerabilities: {{{text}}}}}\n")
        assert reason in site.run("policy", "try", policy, cwd=root, expect=7).out


def test_vex_that_is_attested_counts_when_it_is_promoted(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    pair = generate()
    (tmp_path / "k.key").write_bytes(pair.private)
    keys = {
        "COSIGN_PRIVATE_KEY": pair.private.decode(),
        "COSIGN_PUBLIC_KEY": pair.public.decode(),
        "COSIGN_PASSWORD": pair.password,
    }
    root = project(FILES, "policy: {vulnerabilities: {grace: {HIGH: 3650d}}}\n")
    signed = site.run("sign", "--json", cwd=root, **keys).json
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    index = signed["images"][0]["reference"]
    child = json.loads(crane("manifest", index))["manifests"][0]["digest"]
    image = f"{index.partition('@')[0].rpartition(':')[0]}@{child}"
    settings = root / "lockage.yml"
    settings.write_text(settings.read_text().replace("grace: {HIGH: 3650d}", "unfixed: fail"))
    commit(root)
    policy = tmp_path / "policy.yml"
    policy.write_text("policy: {vulnerabilities: {fail_on: [HIGH]}}\n")
    promote = ("promote", "--to", "prod", "--revision", revision)
    assert "CVE-2099-0001 HIGH in curl" in site.run(*promote, cwd=root, expect=7, **keys).err
    site.run("policy", "try", policy, cwd=root, expect=7, **keys)

    site.run("scan", cwd=root, expect=7, **keys)
    _attest(image, openvex("CVE-2099-0001"), pair.password, tmp_path)
    site.run("policy", "try", policy, cwd=root, **keys)
    assert site.run("scan", "--json", cwd=root, **keys).json["engine_used"] is False
    [target] = site.run("findings", "--json", cwd=root, **keys).json["targets"]
    taken = {f["id"]: f["taken_out"] for f in target["findings"]}
    assert taken["CVE-2099-0001"] == f"ignored by VEX of {image}: vulnerable_code_not_present"

    site.run(*promote, "--plan", cwd=root, **keys)

    index = index.partition("@")[0].rpartition(":")[0] + "@" + index.partition("@")[2]
    _attest(index, openvex("CVE-2099-0001", status="under_investigation"), pair.password, tmp_path)
    closed = site.run(*promote, cwd=root, expect=7, **keys)
    assert f"VEX of {index}: under_investigation" in closed.err
    assert f"VEX of {index}: under_investigation" in site.run("scan", cwd=root, expect=7, **keys).err


def _attest(image: str, document: str, password: str, folder: Path) -> None:
    """As a site does: cosign with the site's key."""
    files = {name: folder / name for name in ("vex.json", "signing.json", "root.json")}
    files["vex.json"].write_text(document)
    files["signing.json"].write_text(
        '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
    )
    files["root.json"].write_text('{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
    options = ["--key", str(folder / "k.key"), "--signing-config", str(files["signing.json"]), "--yes"]
    options += ["--trusted-root", str(files["root.json"]), "--allow-http-registry"]
    done = subprocess.run(
        [
            binary("cosign"),
            "attest",
            *options,
            "--type",
            "openvex",
            "--predicate",
            str(files["vex.json"]),
            image,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={
            **logins.variable(),
            "COSIGN_PASSWORD": password,
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
        },
    )
    assert done.returncode == 0, done.stderr
