"""A kept bundle of a Sigstore that is no more: verified from its bytes and a trusted root, without clock or network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.model import Digest
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.trust import SIGNATURE, Statement
from pipeline.trust.keyless import IdentitySignatory, read_services
from pipeline.trust.keyless.services import TrustFile

DATA = Path(__file__).parents[2] / "data" / "keyless"
BUNDLE = (DATA / "bundle.json").read_bytes()
ROOT = (DATA / "trusted-root.json").read_bytes()
SUBJECT = Digest("sha256:" + "0" * 64)
DEVELOPER = Pattern("dev@example.com")
ANYBODY = Pattern("^.*$", regexp=True)


def answer(subject: Pattern = DEVELOPER, issuer: Pattern = ANYBODY, root: bytes = ROOT) -> Statement | str:
    services = read_services(TrustFile(root, "root.json"))
    return IdentitySignatory(Identity(subject, issuer), services).statement(BUNDLE, SUBJECT)


def test_it_is_valid_for_good() -> None:
    found = answer()
    assert isinstance(found, Statement) and found.predicate_type == SIGNATURE
    assert found.annotations["tag"] == "1.0.0"


def test_only_for_its_subject_digest_and_issuer() -> None:
    assert answer(Pattern("eve@example.com")) == (
        "its certificate is for dev@example.com, which is not eve@example.com"
    )
    assert str(answer(issuer=Pattern("https://x"))).startswith("its identity was issued by http://127.0.0.1:")
    services = read_services(TrustFile(ROOT, "root.json"))
    other = Digest("sha256:" + "1" * 64)
    found = IdentitySignatory(Identity(DEVELOPER, ANYBODY), services).statement(BUNDLE, other)
    assert isinstance(found, str) and found.startswith("its subject is sha256:0000")


@pytest.mark.parametrize("part", ["certificateAuthorities", "tlogs", "ctlogs", "timestampAuthorities"])
def test_a_root_that_lacks_a_part_verifies_nothing(part: str) -> None:
    data: dict[str, Any] = json.loads(ROOT)
    assert isinstance(answer(root=json.dumps(data | {part: []}).encode()), str)


@pytest.mark.parametrize("part", ["certificateAuthorities", "timestampAuthorities"])
def test_an_authority_that_was_withdrawn_before_verifies_nothing(part: str) -> None:
    data: dict[str, Any] = json.loads(ROOT)
    data[part][0]["validFor"]["end"] = "2026-02-01T00:00:00Z"
    assert isinstance(answer(root=json.dumps(data).encode()), str)


def test_identities_and_roots_have_fingerprints_of_their_own() -> None:
    """The run state keeps them, so that a change of either has images verified again."""
    identities = (Identity(DEVELOPER, ANYBODY), Identity(DEVELOPER, Pattern("x")), Identity(ANYBODY, ANYBODY))
    roots = (ROOT, ROOT + b"\n")
    found = {
        IdentitySignatory(i, read_services(TrustFile(r, ""))).fingerprint for i in identities for r in roots
    }
    assert len(found) == 6
