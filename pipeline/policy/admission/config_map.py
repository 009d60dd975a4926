"""A ConfigMap with the images and who signs them, for admission controllers of a site's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pipeline.model.verification import AcceptedSigner, Admission, AdmissionRules

from ..verification.judge import PREDICATES
from .exemptions import in_force
from .manifests import Policies, Policy, dump
from .signers import identity_fields

_FULCIO = "https://fulcio.sigstore.dev"
_NOTE = "no controller reads this: it is data for one of your own (Kyverno and policy-controller have theirs)"


def config_map(admission: Admission, keys: Mapping[str, str], today: date, name: str) -> Policies:
    """One ConfigMap with all entries of the rules."""
    exempt = [
        {
            "patterns": list(exemption.images),
            "owner": exemption.owner,
            "reason": exemption.reason,
            "expires": exemption.expires.isoformat(),
        }
        for exemption in in_force(admission.exemptions, today)
    ]
    images = [_image(entry, pattern, keys) for entry in admission.rules for pattern in entry.images]
    policy = {"apiVersion": "v1", "images": images, **({"exemptions": exempt} if exempt else {})}
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "lockage"}},
        "data": {"policy": dump(policy)},
    }
    return Policies((Policy(document, _left_out(admission)),), (), (_NOTE,))


def _image(entry: AdmissionRules, pattern: str, keys: Mapping[str, str]) -> dict[str, Any]:
    types = [PREDICATES[kind] for kind in entry.rules.required]
    attestations = {"attestations": [{"predicateTypes": list(each)} for each in types]} if types else {}
    authorities = [_authority(signer, keys) for signer in entry.rules.signers]
    return {"pattern": f"{pattern}:*", "digest": True, "authorities": authorities, **attestations}


def _authority(signer: AcceptedSigner, keys: Mapping[str, str]) -> dict[str, Any]:
    if signer.identity is not None:
        return {"keyless": {"url": _FULCIO, "identities": [identity_fields(signer.identity)]}}
    return {"key": {"data": keys[signer.key or ""]}}


def _left_out(admission: Admission) -> tuple[str, ...]:
    left_out = []
    for number, entry in enumerate(admission.rules, 1):
        if not entry.rules.provenance.none:
            left_out.append(f"verify[{number}].provenance: only that it is there")
        if "verdict" in entry.rules.required:
            left_out.append(f"verify[{number}].verdict: only that it is there, not that it passed")
        if "tests" in entry.rules.attestations:
            left_out.append(
                f"verify[{number}].attestations.tests: only that they are there, not that they passed"
            )
    return tuple(left_out)
