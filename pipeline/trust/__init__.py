"""Signed statements about images: signed by cosign, attached and verified here."""

from .attach import attach
from .bundle import BUNDLE_TYPE, Bundle, PublicKey
from .statement import CYCLONEDX, PROVENANCE, SIGNATURE, SPDX, VULNERABILITIES, Statement
from .verify import SignatureRefused, Verification, examine, verify

__all__ = [
    "BUNDLE_TYPE",
    "CYCLONEDX",
    "PROVENANCE",
    "SIGNATURE",
    "SPDX",
    "VULNERABILITIES",
    "Bundle",
    "PublicKey",
    "SignatureRefused",
    "Statement",
    "Verification",
    "attach",
    "examine",
    "verify",
]
