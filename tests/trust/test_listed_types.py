"""Signatures in a list of referrers that names their artifact type otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from pipeline.model import Descriptor, Digest, Manifest, Reference, Repository
from pipeline.oci.source import ReferrerList
from pipeline.trust import SIGNATURE, PrivateKey, PublicKey, Statement, examine, signed_bundle
from pipeline.trust.attach import referrer_manifest
from tests.tools.signing.bundles import pair

pytestmark = pytest.mark.anyio

SUBJECT = Descriptor.of(b"image", "application/vnd.oci.image.manifest.v1+json")
REPOSITORY = Repository("registry.example", "a")


@dataclass
class Listing:
    """One referrer of the subject, listed with this artifact type."""

    manifest: Manifest
    bundle: bytes
    artifact_type: str | None

    async def head(self, ref: Reference) -> Descriptor | None:
        raise NotImplementedError

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        return self.manifest if ref.digest == self.manifest.digest else None

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        return self.bundle

    async def list_referrers(self, repo: Repository, digest: Digest) -> ReferrerList:
        return ReferrerList((replace(self.manifest.as_referrer(), artifact_type=self.artifact_type),))


@pytest.mark.parametrize(
    ("artifact_type", "found"),
    [
        ("application/vnd.dev.sigstore.bundle.v0.3+json", True),
        (None, True),
        ("", True),
        ("application/vnd.oci.empty.v1+json", True),
        ("application/vnd.oci.image.config.v1+json", True),
        ("application/vnd.cncf.notary.signature", False),
    ],
)
async def test_a_signature_is_found_under_its_type_or_none(artifact_type: str | None, found: bool) -> None:
    key = pair()
    bundle = signed_bundle(
        Statement(SUBJECT.digest, SIGNATURE, {}, {}), PrivateKey(key), PublicKey(key.public, "k")
    )
    listing = Listing(referrer_manifest(SUBJECT, bundle, SIGNATURE, 0), bundle, artifact_type)
    seen = await examine(listing, REPOSITORY, SUBJECT.digest, PublicKey(key.public, "k"))
    assert bool(seen.statements) is found
