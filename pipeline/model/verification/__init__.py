"""What a consumer demands of an image before it is used: by whom signed, with what attested, built from what."""

from __future__ import annotations

from .admission import Admission, AdmissionRules, Exemption
from .approvals import Approvals
from .rules import ATTESTATIONS, Attestation, ProvenanceRules, VerdictRules, VerificationRules
from .signer import AcceptedSigner

__all__ = [
    "ATTESTATIONS",
    "AcceptedSigner",
    "Admission",
    "AdmissionRules",
    "Approvals",
    "Attestation",
    "Exemption",
    "ProvenanceRules",
    "VerdictRules",
    "VerificationRules",
]
