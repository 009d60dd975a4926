"""Images, artifacts and saved plans signed by an identity: a developer's, or a CI job's with its own token."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.cli.instance.keyless import identity_token
from pipeline.cli.verification.approvals import identity_signer
from pipeline.config.signing.values import Keyless
from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.model import Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_MANIFEST
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.registry import Registry, pull_layout
from pipeline.release.saved import SavedPlan
from pipeline.release.saved.approval import approval_of, read_approvals
from pipeline.trust import attach
from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services
from pipeline.trust.keyless.services import TrustFile
from tests.tools import warm
from tests.tools.ci.job_claims import gitlab_claims, jenkins_claims
from tests.tools.signing.sigstore_services import (
    BUILD_ISSUER,
    PIPELINE_ISSUER,
    WORKFLOW_ISSUER,
    Sigstore,
)
from tests.trust.keyless.signing import (
    DEVELOPER,
    EVE,
    IMAGE,
    STATEMENT,
    SUBJECT,
    Bundles,
    cosign,
    lockage,
    signatory,
    trusted,
    write,
)

pytestmark = pytest.mark.real
REF = "refs/heads/main"
JENKINS_JOB = "http://127.0.0.1/job/images/job/main/"  # on the issuer's host, as with Jenkins' own issuer
WORKFLOW = f"acme/images/.github/workflows/images.yml@{REF}"
JOB = dict.fromkeys(("repository_id", "repository_owner_id", "run_id", "run_attempt"), "1") | {
    "job_workflow_ref": WORKFLOW,
    "workflow_ref": WORKFLOW,
    "sha": "5" * 40,
    "job_workflow_sha": "5" * 40,
    "workflow_sha": "5" * 40,
    "event_name": "push",
    "repository": "acme/images",
    "repository_owner": "acme",
    "repository_visibility": "public",
    "workflow": "images",
    "ref": REF,
    "runner_environment": "github-hosted",
    "sub": f"repo:acme/images:ref:{REF}",
}


def project(services: Sigstore, root: Path) -> Path:
    """A folder whose lockage.yml names DEVELOPER as who signs."""
    (root / "sigstore").mkdir(parents=True)
    for file in (services.trusted_root, services.signing_config):
        (root / "sigstore" / file.name).write_bytes(file.read_bytes())
    keyless = {"identity": DEVELOPER, "issuer": services.people}
    keyless |= {
        key: f"sigstore/{file.name}"
        for key, file in {
            "trusted_root": services.trusted_root,
            "signing_config": services.signing_config,
        }.items()
    }
    (root / "lockage.yml").write_text(
        json.dumps({"version": 1, "project": "x", "sign": {"keyless": keyless}})
    )
    (root / "images" / "app").mkdir(parents=True)
    (root / "images" / "app" / "image.yml").write_text("tags:\n  - name: 1.2.3\n")
    (root / "images" / "app" / "Dockerfile.tmpl").write_text("FROM scratch\n")
    return root


def test_an_image_and_its_root_are_carried_to_where_there_is_no_network(
    services: Sigstore, bundles: Bundles, olareg: str, tmp_path: Path
) -> None:
    """`trust root` writes the project's root; a layout is verified with it alone, by options and by rules."""
    root = project(services, tmp_path / "project")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LOCKAGE_HOME": str(tmp_path / "lockage")}
    written = warm.run(["trust", "root", "-o", str(tmp_path / "root.json")], cwd=root, env=environ)
    assert written.code == 0 and "days ago" in written.err, written
    assert (tmp_path / "root.json").read_bytes() == services.trusted_root.read_bytes()

    image = anyio.run(write, olareg, "carried", bundles.raw)
    name, layout = image.partition("/")[2].partition("@")[0], tmp_path / "layout"

    async def carry() -> None:
        async with Registry() as registry:
            await pull_layout(registry, Repository(olareg, name), SUBJECT, layout, name="1.2.3")

    anyio.run(carry)
    away = ("--layout", str(layout), "--trusted-root", str(tmp_path / "root.json"))
    issuer = ("--certificate-oidc-issuer", services.people)
    for who, code in ((DEVELOPER, 0), (EVE, 7)):
        reference = f"registry.invalid/{name}:1.2.3"
        found = lockage(tmp_path, reference, *away, "--certificate-identity", who, *issuer)
        assert found.code == code, found
        signer = {"identity": who, "issuer": services.people, "trusted_root": "root.json"}
        (tmp_path / "rules.yml").write_text(
            json.dumps({"verify": [{"images": ["registry.invalid/**"], "signers": [signer]}]})
        )
        found = lockage(tmp_path, reference, *away[:2], "--rules", "rules.yml")
        assert found.code == code, found


def test_an_artifact_is_signed_by_the_projects_identity(
    services: Sigstore, olareg: str, tmp_path: Path
) -> None:
    root, reference = project(services, tmp_path / "project"), f"{olareg}/keyless/artifact:1"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LOCKAGE_HOME": str(tmp_path / "lockage")}
    environ |= {"SIGSTORE_ID_TOKEN": services.token(DEVELOPER)}
    push = ["artifact", "push", reference, "lockage.yml:application/yaml", "--sign"]
    done = warm.run(push, cwd=root, env=environ)
    assert done.code == 0 and "signed" in done.err, done
    issuer = ("--certificate-oidc-issuer", services.people)
    for who, code in ((DEVELOPER, 0), (EVE, 7)):
        identity = ("--certificate-identity", who, *issuer)
        found = lockage(tmp_path, reference, *identity, "--trusted-root", str(services.trusted_root))
        assert found.code == code, found
        assert (not cosign(services, reference, *identity)) == (code == 0)
    stranger = environ | {"SIGSTORE_ID_TOKEN": services.token(EVE)}
    refused = warm.run([*push[:2], f"{olareg}/keyless/another:1", *push[3:]], cwd=root, env=stranger)
    assert refused.code == 2 and f"its certificate is for {EVE}" in refused.err, refused


def test_a_github_job_signs_with_its_own_token(services: Sigstore, olareg: str) -> None:
    """Requested as GitHub's documentation says; the certificate names the workflow, and cosign accepts it."""
    services.issuer.workflow = JOB
    environ = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": services.issuer.request_url(WORKFLOW_ISSUER),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": services.issuer.request_token,
        "SIGSTORE_ID_TOKEN": "another CI's",
    }
    own = signatory(services, f"https://github.com/{WORKFLOW}", services.workflows)

    async def token() -> str:
        return await identity_token(None, Path(), environ)

    async def sign() -> bytes:
        signing = TrustFile(services.signing_config.read_bytes(), "signing-config.json")
        bundle = (
            await KeylessSigner(own, read_services(trusted(services), signing), token).sign([STATEMENT])
        )[0]
        async with Registry() as registry:
            repository = Repository(olareg, "keyless/github")
            await registry.put_blob(repository, EMPTY_JSON)
            image = await registry.put_manifest(repository, IMAGE, OCI_MANIFEST)
            await attach(registry, repository, image, bundle, created=0)
        return bundle

    anyio.run(sign)
    identity = ("--certificate-identity", f"https://github.com/{WORKFLOW}")
    identity += ("--certificate-oidc-issuer", services.workflows)
    assert not cosign(services, f"{olareg}/keyless/github@{SUBJECT}", *identity)

    environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "s3cret"
    with pytest.raises(EnvironmentProblem, match="HTTP 403") as refused:
        anyio.run(token)
    assert "id-token: write" in str(refused.value.hint) and "s3cret" not in repr(refused.value.to_json())


@pytest.mark.parametrize(
    ("path", "claims", "identity"),
    [
        (
            PIPELINE_ISSUER,
            gitlab_claims("acme/images", "tag", "v1.0.0"),
            "https://gitlab.com/acme/images//.gitlab-ci.yml@refs/tags/v1.0.0",
        ),
        (BUILD_ISSUER, jenkins_claims(JENKINS_JOB), JENKINS_JOB),
    ],
    ids=["gitlab", "jenkins"],
)
def test_jobs_of_gitlab_and_jenkins_sign_with_theirs(
    services: Sigstore, olareg: str, path: str, claims: dict[str, Any], identity: str
) -> None:
    """From the variable where both put them; the certificate names what docs/trust.md says, and cosign accepts it."""
    environ = {"SIGSTORE_ID_TOKEN": services.issuer.mint(path, claims)}
    own = signatory(services, identity, services.issuer.url(path))

    async def token() -> str:
        return await identity_token(None, Path(), environ)

    async def sign() -> str:
        signing = TrustFile(services.signing_config.read_bytes(), "signing-config.json")
        by = KeylessSigner(own, read_services(trusted(services), signing), token)
        return await write(olareg, path, (await by.sign([STATEMENT]))[0])

    reference = anyio.run(sign)
    issuer = ("--certificate-oidc-issuer", services.issuer.url(path))
    assert not cosign(services, reference, "--certificate-identity", identity, *issuer)
    assert cosign(services, reference, "--certificate-identity", f"{identity}x", *issuer)


def test_identities_approve_a_plan(services: Sigstore, tmp_path: Path) -> None:
    """Each once, whichever rules match it; and only if something says that its certificate was valid then."""
    plan = SavedPlan("promote", "acme", ("--to=prod",), (), {"prod": ""})
    everybody = Identity(Pattern(r"^[a-z]+@example\.com$", regexp=True), Pattern(services.people))
    accepted = (IdentitySignatory(everybody, read_services(trusted(services))), signatory(services))
    for source in (services.trusted_root, services.signing_config):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    keyless = Keyless(
        Identity(Pattern("ci@example.com"), Pattern(services.people)),
        signing_config=services.signing_config.name,
        trusted_root=services.trusted_root.name,
    )

    def approved(*people: str) -> list[bytes]:
        found = []
        for who in people:
            signs = identity_signer(keyless, accepted, tmp_path, {"SIGSTORE_ID_TOKEN": services.token(who)})
            found += anyio.run(signs.sign, [approval_of(plan)])
        return found

    def names(*raw: bytes) -> list[str]:
        files = {str(number): one for number, one in enumerate(raw)}
        return [one.name for one in read_approvals(plan.digest, files, accepted).approvers]

    first, again, other = approved(DEVELOPER, DEVELOPER, EVE)
    assert names(first, again) == [DEVELOPER], "two certificates of one identity"
    assert names(first, other) == [DEVELOPER, EVE]
    undated = json.loads(first)
    undated["verificationMaterial"]["timestampVerificationData"] = {}
    undated["verificationMaterial"]["tlogEntries"] = []
    assert names(json.dumps(undated).encode()) == []
    with pytest.raises(UsageError, match="nothing was signed as") as refused:
        signs = identity_signer(keyless, accepted[1:], tmp_path, {"SIGSTORE_ID_TOKEN": services.token(EVE)})
        anyio.run(signs.sign, [approval_of(plan)])
    assert "approvals: from:" in str(refused.value.hint)
