"""Who signs in these tests, what is signed, and both judges of a bundle."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.registry import Registry
from pipeline.trust import SIGNATURE, Statement
from pipeline.trust.attach import referrer_manifest
from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services
from pipeline.trust.keyless.services import TrustFile
from pipeline.util.json.canonical import compact
from tests.tools import warm
from tests.tools.programs import program
from tests.tools.signing.sigstore_services import (
    Sigstore,
)

DEVELOPER, EVE = "dev@example.com", "eve@example.com"
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


@dataclass(frozen=True)
class Bundles:
    """A true signature of an image by DEVELOPER, as bytes and as data, and another one of another image."""

    raw: bytes
    true: dict[str, Any]
    other: dict[str, Any]


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
