"""What a consumer demands of an image before it is used: by whom signed, with what attested, built from what."""

from __future__ import annotations

from .admission import Admission, Exemption, ImageRules
from .approvals import Approvals
from .rules import ATTESTATIONS, Attestation, ProvenanceRules, VerdictRules, VerificationRules
from .signer import AcceptedSigner

__all__ = [
    "ATTESTATIONS",
    "AcceptedSigner",
    "Admission",
    "Approvals",
    "Attestation",
    "Exemption",
    "ImageRules",
    "ProvenanceRules",
    "VerdictRules",
    "VerificationRules",
]
