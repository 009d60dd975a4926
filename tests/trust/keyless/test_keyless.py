"""Signatures by identity, on a Sigstore of the tests' own: cosign accepts what we sign, and both refuse the same."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.cli.instance.keyless import identity_token
from pipeline.cli.verification.approvals import identity_signer
from pipeline.config.signing.values import Keyless
from pipeline.errors import ConfigError, EnvironmentProblem, UsageError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.registry import Registry, pull_layout
from pipeline.release.saved import SavedPlan
from pipeline.release.saved.approval import approval_of, read_approvals
from pipeline.trust import SIGNATURE, Statement, attach, examine
from pipeline.trust.attach import referrer_manifest
from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services
from pipeline.trust.keyless.services import TrustFile
from pipeline.util.json.canonical import compact
from tests.tools import warm
from tests.tools.ci.job_claims import gitlab_claims, jenkins_claims
from tests.tools.programs import program
from tests.tools.signing.ct_log import CtLog
from tests.tools.signing.forged_signatures import HOUR, Certificate, forged
from tests.tools.signing.sigstore_services import (
    BUILD_ISSUER,
    PIPELINE_ISSUER,
    WORKFLOW_ISSUER,
    Sigstore,
    sigstore,
)

pytestmark = pytest.mark.real

DEVELOPER, EVE = "dev@example.com", "eve@example.com"
REPOSITORY = "https://github.com/acme/images"
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
IMAGE = compact(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor.of(EMPTY_JSON, OCI_EMPTY).to_oci(),
        "layers": [],
    }
)
SUBJECT = Digest.of(IMAGE)
STATEMENT = Statement(SUBJECT, SIGNATURE, {}, {"tag": "1.2.3"})


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A running Sigstore."""
    with sigstore(tmp_path_factory.mktemp("sigstore")) as running:
        yield running


@dataclass(frozen=True)
class Bundles:
    """A true signature of an image by DEVELOPER, as bytes and as data, and another one of another image."""

    raw: bytes
    true: dict[str, Any]
    other: dict[str, Any]


@pytest.fixture(scope="module")
def bundles(services: Sigstore) -> Bundles:
    """Both are made with one certificate."""
    other = Statement(Digest.of(b"other"), SIGNATURE, {})
    first, second = anyio.run(signer(services).sign, [STATEMENT, other])
    found = Bundles(first, json.loads(first), json.loads(second))
    used = [json.loads(raw)["verificationMaterial"]["certificate"] for raw in (first, second)]
    assert used[0] == used[1]
    return found


def trusted(services: Sigstore) -> TrustFile:
    return TrustFile(services.trusted_root.read_bytes(), "trusted-root.json")


def signatory(services: Sigstore, subject: str = DEVELOPER, issuer: str = "") -> IdentitySignatory:
    """Who has to have signed."""
    identity = Identity(Pattern(subject), Pattern(issuer or services.people))
    return IdentitySignatory(identity, read_services(trusted(services)))


def signer(services: Sigstore, token: Callable[[], str] | None = None) -> KeylessSigner:
    """A signer for DEVELOPER."""

    async def given() -> str:
        return token() if token else services.token(DEVELOPER)

    signing = TrustFile(services.signing_config.read_bytes(), "signing-config.json")
    return KeylessSigner(signatory(services), read_services(trusted(services), signing), given)


async def write(host: str, name: str, bundle: bytes) -> str:
    """An image with one bundle, by digest."""
    repository = Repository(host, f"keyless/{name}")
    async with Registry() as registry:
        for blob in (EMPTY_JSON, bundle):
            await registry.put_blob(repository, blob)
        image = await registry.put_manifest(repository, IMAGE, OCI_MANIFEST)
        manifest = referrer_manifest(image, bundle, SIGNATURE, 0)
        await registry.put_manifest(repository, manifest.raw, manifest.media_type)
    return str(repository.at(SUBJECT))


def cosign(services: Sigstore, image: str, *identity: str, root: Path | None = None) -> str:
    """Why cosign refuses an image; empty if it accepts it."""
    command = [program("cosign"), "verify", "--trusted-root", root or services.trusted_root]
    command += ["--allow-http-registry"]
    done = subprocess.run([*command, *identity, image], capture_output=True, text=True, check=False)
    return done.stderr.strip() or "refused" if done.returncode else ""


def lockage(home: Path, image: str, *options: str) -> warm.Ended:
    """`lockage verify`, on a machine with nothing on it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LOCKAGE_HOME": str(home / "lockage")}
    environ |= {"PYTHONPATH": str(Path(__file__).parents[3]), "LOCKAGE_CACHE": str(home / "cache")}
    return warm.run(["verify", image, *options], cwd=home, env=environ)


Edit = Callable[[dict[str, Any], Bundles], object]


def material(data: dict[str, Any]) -> dict[str, Any]:
    return data["verificationMaterial"]  # type: ignore[no-any-return]


def entry(data: dict[str, Any]) -> dict[str, Any]:
    return material(data)["tlogEntries"][0]  # type: ignore[no-any-return]


def times(data: dict[str, Any]) -> dict[str, Any]:
    return material(data)["timestampVerificationData"]  # type: ignore[no-any-return]


EDITS: dict[str, Edit] = {
    "no timestamp": lambda d, b: material(d).pop("timestampVerificationData"),
    "an empty list of timestamps": lambda d, b: times(d).update(rfc3161Timestamps=[]),
    "the timestamp of another signature": lambda d, b: material(d).update(
        timestampVerificationData=times(b.other)
    ),
    "no log entry": lambda d, b: material(d).pop("tlogEntries"),
    "an empty list of log entries": lambda d, b: material(d).update(tlogEntries=[]),
    "the log entry of another bundle": lambda d, b: material(d).update(tlogEntries=[entry(b.other)]),
    "no inclusion proof": lambda d, b: entry(d).pop("inclusionProof"),
    "another root of the log": lambda d, b: entry(d)["inclusionProof"].update(
        rootHash=entry(b.other)["logId"]["keyId"]
    ),
    "the body of another entry": lambda d, b: entry(d).update(
        canonicalizedBody=entry(b.other)["canonicalizedBody"]
    ),
    "an index of another entry": lambda d, b: entry(d)["inclusionProof"].update(
        logIndex=str(int(entry(d)["inclusionProof"].get("logIndex", 0)) + 1)
    ),
    "no certificate": lambda d, b: material(d).pop("certificate"),
    "a certificate in a chain": lambda d, b: material(d).update(
        x509CertificateChain={"certificates": [material(d).pop("certificate")]}
    ),
    "a key instead of the certificate": lambda d, b: [
        material(d).pop("certificate"),
        material(d).update(publicKey={"hint": ""}),
    ],
    "the statement of another": lambda d, b: d["dsseEnvelope"].update(
        payload=b.other["dsseEnvelope"]["payload"]
    ),
    "the signature of another": lambda d, b: d["dsseEnvelope"].update(
        signatures=b.other["dsseEnvelope"]["signatures"]
    ),
    "no signatures": lambda d, b: d["dsseEnvelope"].update(signatures=[]),
    "two signatures": lambda d, b: d["dsseEnvelope"].update(
        signatures=[*d["dsseEnvelope"]["signatures"], *b.other["dsseEnvelope"]["signatures"]]
    ),
    "another payload type": lambda d, b: d["dsseEnvelope"].update(payloadType="text/plain"),
    "another whole bundle": lambda d, b: [d.clear(), d.update(copy.deepcopy(b.other))],
    "an unknown field": lambda d, b: d.update(more=1),
    "a bundle of version 0.1": lambda d, b: d.update(
        mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"
    ),
}
STRICTER = {
    "two subjects",
    "another root of the log",
    "the body of another entry",
    "an index of another entry",
}
"""What cosign accepts and we do not; docs/trust.md says why."""


def _certificates(services: Sigstore, stranger: CtLog) -> dict[str, Certificate]:
    mail, log, issuer = (x509.RFC822Name(DEVELOPER),), services.ct_log, services.people
    own_key = ec.generate_private_key(ec.SECP256R1())
    imposter = (services.authority[0], own_key)
    return {
        "as true": Certificate(mail, issuer, ct_log=log),
        "an expired certificate": Certificate(mail, issuer, timedelta(hours=-2), ct_log=log),
        "a certificate of tomorrow": Certificate(mail, issuer, 24 * HOUR, ct_log=log),
        "somebody else": Certificate((x509.RFC822Name(EVE),), issuer, ct_log=log),
        "an address instead of an e-mail address": Certificate(
            (x509.UniformResourceIdentifier(f"https://{DEVELOPER}"),), issuer, ct_log=log
        ),
        "an issuer of another": Certificate(mail, "https://issuer.example", ct_log=log),
        "no issuer": Certificate(mail, None, ct_log=log),
        "no subject": Certificate((), issuer, ct_log=log),
        "two subjects": Certificate((*mail, x509.RFC822Name(EVE)), issuer, ct_log=log),
        "not for signing code": Certificate(mail, issuer, usage=ExtendedKeyUsageOID.SERVER_AUTH, ct_log=log),
        "not in the log of certificates": Certificate(mail, issuer),
        "in another log of certificates": Certificate(mail, issuer, ct_log=stranger),
        "of another authority": Certificate(mail, issuer, ct_log=log, authority=imposter),
    }


async def ours(services: Sigstore, raw: bytes) -> str:
    """Why we refuse a bundle; empty if we accept it."""
    found = signatory(services).statement(raw, SUBJECT)
    return found if isinstance(found, str) else ""


def test_both_refuse_every_forgery(services: Sigstore, bundles: Bundles, olareg: str) -> None:
    planted = {"true": bundles.raw}
    for name, edit in EDITS.items():
        data = copy.deepcopy(bundles.true)
        edit(data, bundles)
        planted[name] = json.dumps(data).encode()
    twice = copy.deepcopy(bundles.true)
    material(twice)["tlogEntries"] *= 2
    planted["an entry twice"] = json.dumps(twice).encode()
    planted["a repeated field"] = bundles.raw.replace(b'{"mediaType":', b'{"mediaType":"","mediaType":', 1)
    assert planted["a repeated field"] != bundles.raw
    with CtLog.running() as stranger, ThreadPoolExecutor(4) as pool:
        made = {
            name: pool.submit(forged, services, certificate, STATEMENT)
            for name, certificate in _certificates(services, stranger).items()
        }
    forgeries = {name: future.result() for name, future in made.items()}
    expired = copy.deepcopy(forgeries["an expired certificate"])
    times(expired)["rfc3161Timestamps"] = []
    forgeries["an expired certificate without a timestamp"] = expired
    planted |= {name: json.dumps(data).encode() for name, data in forgeries.items()}

    async def places() -> list[str]:
        return [await write(olareg, f"v{number}", raw) for number, raw in enumerate(planted.values())]

    identity = ("--certificate-identity", DEVELOPER, "--certificate-oidc-issuer", services.people)
    with ThreadPoolExecutor(4) as pool:
        theirs = list(pool.map(lambda image: cosign(services, image, *identity), anyio.run(places)))
    answers = {}
    for (name, raw), their in zip(planted.items(), theirs, strict=True):
        answers[name] = (anyio.run(ours, services, raw), their)
    accepted = {name for name, (our, _) in answers.items() if not our}
    assert accepted == {"true", "as true"}, answers
    assert {name for name, (_, their) in answers.items() if not their} == accepted | STRICTER, answers
    assert answers["somebody else"][0] == f"its certificate is for {EVE}, which is not {DEVELOPER}"
    assert answers["an issuer of another"][0].startswith("its identity was issued by https://issuer.example")


def test_the_command_agrees_with_cosign_on_identities(
    services: Sigstore, bundles: Bundles, olareg: str, tmp_path: Path
) -> None:
    """By options of the same names; where we are stricter, the error says what to write instead."""
    image = anyio.run(write, olareg, "options", bundles.raw)
    root = ("--trusted-root", str(services.trusted_root))
    issuer = ("--certificate-oidc-issuer", services.people)

    def subject(text: str, *, regexp: bool = False) -> tuple[str, ...]:
        return (f"--certificate-identity{'-regexp' if regexp else ''}", text)

    anyone = ("--certificate-oidc-issuer-regexp", r"^http://127\.0\.0\.1:\d+/email$")
    cases: dict[tuple[str, ...], tuple[int, bool]] = {
        (*subject(DEVELOPER), *issuer, "--json"): (0, True),
        (*subject(r"^[a-z]+@example\.com$", regexp=True), *anyone): (0, True),
        (*subject(EVE), *issuer): (7, False),
        (*subject("example", regexp=True), *issuer): (2, True),
        (*subject(r"^dev@example|nobody$", regexp=True), *issuer): (7, True),
        subject(DEVELOPER): (2, False),
    }
    found = [(lockage(tmp_path, image, *case, *root), cosign(services, image, *case[:4])) for case in cases]
    for (case, (code, good)), (our, their) in zip(cases.items(), found, strict=True):
        assert (our.code, not their) == (code, good), (case, our.err, their)
    json_of, _, refused, unanchored, _, incomplete = (our for our, _ in found)
    assert f"is not signed by {EVE} (issuer {services.people})" in refused.err
    assert f"its certificate is for {DEVELOPER}, which is not {EVE}" in refused.err
    assert "--certificate-identity" in refused.err.partition("next:")[2]
    assert "not anchored" in unanchored.err and "--certificate-oidc-issuer is missing" in incomplete.err
    (data,) = json.loads(json_of.out)
    assert data["identity"] == f"{DEVELOPER} (issuer {services.people})" and data["signed"]


def test_both_refuse_what_a_withdrawn_authority_signed(
    services: Sigstore, bundles: Bundles, olareg: str, tmp_path: Path
) -> None:
    """A trusted root says until when each counts; of Rekor v2, whose entries have no time, both ask no more."""
    image = anyio.run(write, olareg, "withdrawn", bundles.raw)
    identity = ("--certificate-identity", DEVELOPER, "--certificate-oidc-issuer", services.people)
    accepted = set()
    for part in ("certificateAuthorities", "ctlogs", "timestampAuthorities", "tlogs"):
        data = json.loads(services.trusted_root.read_text())
        listed = data[part][0]
        listed.get("publicKey", listed)["validFor"]["end"] = "2026-02-01T00:00:00Z"
        (tmp_path / part).write_text(json.dumps(data))
        file = TrustFile((tmp_path / part).read_bytes(), part)
        own = IdentitySignatory(Identity(Pattern(DEVELOPER), Pattern(services.people)), read_services(file))
        ours = isinstance(own.statement(bundles.raw, SUBJECT), Statement)
        assert ours == (not cosign(services, image, *identity, root=tmp_path / part)), part
        accepted |= {part} if ours else set()
    assert accepted == {"tlogs"}


def test_verification_connects_to_nothing_but_the_registry(
    services: Sigstore, bundles: Bundles, olareg: str
) -> None:
    image = anyio.run(write, olareg, "offline", bundles.raw)
    reached: set[object] = set()
    watching = [True]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "socket.connect":
            reached.add(arguments[1][1])

    async def look() -> bool:
        async with Registry() as registry:
            repository = Repository(olareg, image.partition("/")[2].partition("@")[0])
            return (await examine(registry, repository, SUBJECT, signatory(services))).signed

    sys.addaudithook(watch)
    try:
        assert anyio.run(look)
    finally:
        watching.clear()
    assert reached == {int(olareg.partition(":")[2])}


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


def test_what_is_signed_as_somebody_else_is_never_returned(services: Sigstore) -> None:
    with pytest.raises(UsageError, match=f"for {EVE}, which is not {DEVELOPER}"):
        anyio.run(signer(services, lambda: services.token(EVE)).sign, [STATEMENT])


def test_tokens_that_cannot_be_used_are_reported_without_them(services: Sigstore) -> None:
    mint = services.issuer.mint
    unknown = mint("nobody", {"email": DEVELOPER})
    tokens = {
        "malformed": "x.y.z",
        "expired": mint("email", {"email": DEVELOPER, "email_verified": True}, lifetime=-60),
        "another audience": mint("email", {"email": DEVELOPER, "aud": "aws"}),
        "an unknown issuer": unknown,
        "not verified": mint("email", {"email": DEVELOPER, "email_verified": False}),
    }
    for name, token in tokens.items():
        with pytest.raises((UsageError, EnvironmentProblem)) as refused:
            anyio.run(signer(services, lambda token=token: token).sign, [STATEMENT])
        shown = json.dumps(refused.value.to_json()) + repr(refused.value.__cause__)
        assert not any(part in shown for part in token.split(".") if len(part) > 8), (name, shown)
    with pytest.raises(EnvironmentProblem, match=f"token of {services.issuer.url('nobody')}: HTTP 400"):
        anyio.run(signer(services, lambda: unknown).sign, [STATEMENT])


def test_without_a_timestamp_nothing_is_returned(services: Sigstore, tmp_path: Path) -> None:
    """The library goes on without an authority that fails; the log alone proves no time."""
    config = json.loads(services.signing_config.read_text())
    config["tsaUrls"][0]["url"] = "http://127.0.0.1:9/none"
    files = trusted(services), TrustFile(json.dumps(config).encode(), "signing-config.json")

    async def token() -> str:
        return services.token(DEVELOPER)

    broken = KeylessSigner(signatory(services), read_services(*files), token)
    with pytest.raises(EnvironmentProblem, match="timestamp"):
        anyio.run(broken.sign, [STATEMENT])


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"mediaType": "x"}', b"[]"])
def test_a_trusted_root_that_is_none_is_reported_with_its_name(bundles: Bundles, raw: bytes) -> None:
    identity = Identity(Pattern("a"), Pattern("b"))
    with pytest.raises(ConfigError) as refused:
        IdentitySignatory(identity, read_services(TrustFile(raw, "my-root.json"))).statement(
            bundles.raw, SUBJECT
        )
    assert "my-root.json" in str(refused.value.detail)


def test_the_public_root_knows_none_of_ours(bundles: Bundles) -> None:
    """Without files it is the public Sigstore, offline."""
    found = IdentitySignatory(Identity(Pattern(DEVELOPER), Pattern("b")), read_services(None)).statement(
        bundles.raw, SUBJECT
    )
    assert isinstance(found, str) and "its certificate is for" not in found


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
