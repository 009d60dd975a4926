"""Images signed by an identity: one image through the whole chain, on a Sigstore of the tests' own."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.model import Reference
from pipeline.model.verification import AcceptedSigner, Admission, AdmissionRules, VerificationRules
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.policy.admission import policies_yaml
from pipeline.policy.admission.kyverno import image_validating_policies
from pipeline.provenance import VERIFIER
from pipeline.registry import Registry
from pipeline.trust import SUMMARY
from pipeline.trust.verify import bundles
from tests.real import samples
from tests.real.builds.test_inputs import traces
from tests.real.site import Site
from tests.real.tools import binary, crane, tags
from tests.tools import peers
from tests.tools.admission import refusal
from tests.tools.git import commit
from tests.tools.logins import access, environment
from tests.tools.signing.bundles import new_pair
from tests.tools.signing.sigstore_services import Sigstore, sigstore
from tests.tools.signing.tuf_repository import tuf_repository

pytestmark = pytest.mark.real

CI, EVE = "ci@example.com", "eve@example.com"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A running Sigstore."""
    with sigstore(tmp_path_factory.mktemp("sigstore")) as running:
        yield running


def keyless(services: Sigstore) -> str:
    """`sign:` of lockage.yml."""
    return f"""\
sign:
  keyless:
    identity: {CI}
    issuer: {services.people}
    signing_config: sigstore/signing-config.json
    trusted_root: sigstore/trusted-root.json
"""


def cosign(services: Sigstore, command: str, image: str, *options: str) -> str:
    """What cosign prints of an image that the CI has signed; only the registry may be plain HTTP."""
    argv = [binary("cosign"), command, "--trusted-root", services.trusted_root, "--allow-http-registry"]
    argv += ["--certificate-identity", CI, "--certificate-oidc-issuer", services.people, *options, image]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_image_is_signed_verified_and_promoted_without_a_key(
    site: Site, services: Sigstore, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    before = site.run("sign", "--json", cwd=root).json["images"][0]
    reference = Reference.parse(before["reference"])

    # From the key to the identity: nothing is built again, everything is signed once more.
    (root / "sigstore").mkdir()
    for file in (services.signing_config, services.trusted_root):
        shutil.copy(file, root / "sigstore")
    settings = root / "lockage.yml"
    settings.write_text(settings.read_text() + keyless(services))
    commit(root)
    without = site.run("sign", cwd=root, expect=None)
    assert without.code and "no identity token to sign with" in without.out + without.err
    stranger = site.run("sign", cwd=root, expect=None, SIGSTORE_ID_TOKEN=services.token(EVE))
    assert stranger.code and f"its certificate is for {EVE}, which is not {CI}" in stranger.out + stranger.err

    since = time.time()
    token = services.token(CI)
    certificates = (services.folder / "fulcio.log").read_text().count("finished unary call with code OK")
    done = site.run("-v", "sign", "--json", cwd=root, SIGSTORE_ID_TOKEN=token)
    image = done.json["images"][0]
    now = (services.folder / "fulcio.log").read_text().count("finished unary call with code OK")
    assert now == certificates + 1
    assert Reference.parse(image["reference"]).digest == reference.digest
    secrets = token.split(".")[1:]
    assert not any(secret in done.out + done.err for secret in secrets)
    assert traces(site.data, *secrets, since=since) + traces(root, *secrets, since=since) == []

    index = str(Reference.parse(image["reference"]).by_digest)
    child = json.loads(crane("manifest", index))["manifests"][0]["digest"]
    platform = f"{index.partition('@')[0]}@{child}"
    for subject in (index, platform):
        assert json.loads(cosign(services, "verify", subject, "-a", "tag=1.2.3"))
        for kind in ("spdxjson", "cyclonedx"):
            cosign(services, "verify-attestation", subject, "--type", kind)
    cosign(services, "verify-attestation", platform, "--type", "vuln")

    # Later commands need no token: they verify.
    assert site.run("verify", "--json", cwd=root).json[0]["identity"].startswith(CI)
    site.run("sign", cwd=root)
    site.run("promote", "--to", "prod", cwd=root)
    again = site.run("run", "--json", cwd=root)
    assert not again.json["engine_used"] and "records are signed by" in again.err
    prod = f"{site.registry}/{reference.repository.path.replace('/dev/', '/prod/')}"
    assert "1.2.3" in tags(prod)
    cosign(services, "verify", f"{prod}:1.2.3")
    options = ["--certificate-identity", CI, "--certificate-oidc-issuer", services.people]
    options += ["--trusted-root", str(services.trusted_root)]
    assert f"signed by {CI}" in site.run("verify", f"{prod}:1.2.3", *options, cwd=tmp_path).out
    for command in (["findings", "--image"], ["sbom"], ["sbom", "check"], ["diff", f"{prod}:1.2.3"]):
        by_identity = site.run(*command, f"{prod}:1.2.3", *options, "--json", cwd=root)
        assert by_identity.json, command
        if command[0] == "diff":
            assert by_identity.json[0]["before"]["unverified"] == []
        other = [EVE if word == CI else word for word in options]
        refused = site.run(*command, f"{prod}:1.2.3", *other, "--json", cwd=root, expect=None)
        unverified = command[0] == "diff" and refused.json[0]["before"]["unverified"]
        assert refused.code == 7 or unverified or "not signed by" in refused.err, (command, refused)
    by_key = site.run("verify", f"{prod}:1.2.3", "--key", site.data / "keys/cosign.pub", cwd=tmp_path)
    assert "signed with" in by_key.out  # that of before lives beside it

    promoted = index.replace("/dev/", "/prod/")
    kyverno_agrees(services, promoted, tmp_path)
    slsa_verifier_agrees(services, promoted, tmp_path)


def kyverno_agrees(services: Sigstore, image: str, folder: Path) -> None:
    """By the policy that Lockage writes, with the Sigstore of the tests in it, and not for another identity."""
    root = Path(tempfile.mkdtemp(dir=folder))
    with tuf_repository(root, services.trusted_root) as tuf:
        own = {"mirror": tuf.mirror, "root": {"data": tuf.root_data}}
        for subject, good in ((CI, True), (EVE, False)):
            signer = AcceptedSigner(None, Identity(Pattern(subject), Pattern(services.people)))
            rules = VerificationRules((signer,), ("sbom", "provenance", "verdict"))
            admission = Admission((AdmissionRules(("**",), rules),))
            policies = image_validating_policies(admission, {}, date(2026, 1, 1), "lockage")
            for attestor in policies.documents[0].document["spec"]["attestors"]:
                attestor["cosign"]["tuf"] = own
            (folder / "policies.yaml").write_text(policies_yaml(policies, "lockage", "rules.yml"))
            message = refusal(folder, image)
            assert (not message) == good and (good or "signers" in message), message


def slsa_verifier_agrees(services: Sigstore, image: str, folder: Path) -> None:
    """On the verdict: it knows no identities, so it gets the key of the certificate that cosign has verified."""
    reference = Reference.parse(image)
    envelope, key = anyio.run(_verdict, reference)
    verified = cosign(services, "verify-attestation", image, "--type", SUMMARY)
    assert json.loads(verified.splitlines()[0])["payload"] == envelope["payload"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    (folder / "verdict.json").write_text(json.dumps(envelope))
    for name, raw in {"signer": key, "stranger": new_pair().public}.items():
        (folder / f"{name}.pem").write_bytes(raw)
        argv = [peers.slsa_verifier(), "verify-vsa", "--attestation-path", folder / "verdict.json"]
        argv += ["--public-key-path", folder / f"{name}.pem", "--verifier-id", VERIFIER]
        argv += ["--resource-uri", statement["predicate"]["resourceUri"]]
        argv += ["--verified-level", "SLSA_BUILD_LEVEL_1", "--subject-digest", str(reference.digest)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (name == "signer"), done.stderr


async def _verdict(image: Reference) -> tuple[dict[str, Any], bytes]:
    """The envelope of the verdict, and the public key of its certificate."""
    assert image.digest
    async with Registry(access()) as registry:
        found = [raw async for _, raw in bundles(registry, image.repository, image.digest, SUMMARY)]
    (bundle,) = [json.loads(raw) for raw in found if b'"certificate"' in bytes(raw)]
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    )
    pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return bundle["dsseEnvelope"], pem
