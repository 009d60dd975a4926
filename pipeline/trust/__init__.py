"""Signed statements about images, in cosign's formats: signed, attached and verified in this process."""

from .attach import attach
from .bundle import BUNDLE_TYPE, Bundle
from .claims import Claims
from .private_key import PrivateKey
from .public_key import PublicKey
from .sign import signed_bundle
from .signatory import Signatory
from .statement import (
    CYCLONEDX,
    PROVENANCE,
    SIGNATURE,
    SPDX,
    SUMMARY,
    TEST_RESULT,
    VULNERABILITIES,
    Statement,
)
from .verify import SignatureRefused, Verification, examine, verify, verify_claims

__all__ = [
    "BUNDLE_TYPE",
    "CYCLONEDX",
    "PROVENANCE",
    "SIGNATURE",
    "SPDX",
    "SUMMARY",
    "TEST_RESULT",
    "VULNERABILITIES",
    "Bundle",
    "Claims",
    "PrivateKey",
    "PublicKey",
    "Signatory",
    "SignatureRefused",
    "Statement",
    "Verification",
    "attach",
    "examine",
    "signed_bundle",
    "verify",
    "verify_claims",
]
