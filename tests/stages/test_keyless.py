"""Signatures by identity, on a Sigstore of the tests' own: cosign accepts what we sign, and both refuse the same."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.registry import Registry
from pipeline.trust import SIGNATURE, Statement, attach, examine
from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services
from pipeline.trust.keyless.services import TrustFile
from pipeline.util.json.canonical import compact
from tests.registry.conftest import fresh
from tests.tools.programs import program
from tests.tools.sigstore_services import Sigstore, sigstore

pytestmark = [pytest.mark.real, pytest.mark.anyio]

DEVELOPER = "dev@example.com"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A running Sigstore."""
    with sigstore(tmp_path_factory.mktemp("sigstore")) as running:
        yield running


def signatory(services: Sigstore, subject: str = DEVELOPER) -> IdentitySignatory:
    """Who has to have signed."""
    root = TrustFile(services.trusted_root.read_bytes(), "trusted-root.json")
    return IdentitySignatory(Identity(Pattern(subject), Pattern(services.people)), read_services(root))


def signer(services: Sigstore, subject: str = DEVELOPER) -> KeylessSigner:
    """A signer that somebody's token is given to."""
    root, signing = (
        TrustFile(path.read_bytes(), path.name) for path in (services.trusted_root, services.signing_config)
    )

    async def token() -> str:
        return services.token(subject)

    return KeylessSigner(signatory(services, subject), read_services(root, signing), token)


async def image(registry: Registry, repository: Repository) -> Descriptor:
    """An image to sign."""
    config = Descriptor.of(EMPTY_JSON, OCI_EMPTY).to_oci()
    raw = compact({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []})
    await registry.put_blob(repository, EMPTY_JSON)
    return await registry.put_manifest(repository, raw, OCI_MANIFEST)


def cosign(services: Sigstore, reference: str, *identity: str) -> subprocess.CompletedProcess[str]:
    command = [program("cosign"), "verify", "--trusted-root", services.trusted_root, "--allow-http-registry"]
    return subprocess.run([*command, *identity, reference], capture_output=True, text=True, check=False)


async def test_what_is_signed_keyless_both_accept(
    services: Sigstore, registry: Registry, olareg: str
) -> None:
    repository = fresh(olareg)
    subject = await image(registry, repository)
    statement = Statement(subject.digest, SIGNATURE, {}, {"tag": "1.2.3"})
    (bundle,) = await signer(services).sign([statement])
    await attach(registry, repository, subject, bundle, created=0)
    seen = await examine(registry, repository, subject.digest, signatory(services))
    assert seen.signed and not seen.refused
    theirs = cosign(
        services,
        str(repository.at(subject.digest)),
        "--certificate-identity",
        DEVELOPER,
        "--certificate-oidc-issuer",
        services.people,
    )
    assert theirs.returncode == 0, theirs.stderr
    assert '"tag":"1.2.3"' in theirs.stdout.replace(" ", "")
    stranger = await examine(registry, repository, subject.digest, signatory(services, "eve@example.com"))
    assert not stranger.signed
    print(stranger.refused)
