"""Signed statements about images: signed by cosign, attached and verified here."""

from .attach import attach
from .bundle import BUNDLE_TYPE, Bundle
from .claims import Claims
from .public_key import PublicKey
from .statement import CYCLONEDX, PROVENANCE, SIGNATURE, SPDX, VULNERABILITIES, Statement
from .verify import SignatureRefused, Verification, examine, verify, verify_claims

__all__ = [
    "BUNDLE_TYPE",
    "CYCLONEDX",
    "PROVENANCE",
    "SIGNATURE",
    "SPDX",
    "VULNERABILITIES",
    "Bundle",
    "Claims",
    "PublicKey",
    "SignatureRefused",
    "Statement",
    "Verification",
    "attach",
    "examine",
    "verify",
    "verify_claims",
]
