"""Signatures by identity: cosign accepts what we sign, and both refuse the same forgeries."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.model import Repository
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.registry import Registry
from pipeline.trust import Statement, examine
from pipeline.trust.keyless import IdentitySignatory, read_services
from pipeline.trust.keyless.services import TrustFile
from tests.tools.signing.ct_log import CtLog
from tests.tools.signing.forged_signatures import HOUR, Certificate, forged
from tests.tools.signing.sigstore_services import (
    Sigstore,
)
from tests.trust.keyless.signing import (
    DEVELOPER,
    EVE,
    STATEMENT,
    SUBJECT,
    Bundles,
    cosign,
    lockage,
    signatory,
    write,
)

pytestmark = pytest.mark.real
REPOSITORY = "https://github.com/acme/images"


Edit = Callable[[dict[str, Any], Bundles], object]


def material(data: dict[str, Any]) -> dict[str, Any]:
    return data["verificationMaterial"]  # type: ignore[no-any-return]


def entry(data: dict[str, Any]) -> dict[str, Any]:
    return material(data)["tlogEntries"][0]  # type: ignore[no-any-return]


def times(data: dict[str, Any]) -> dict[str, Any]:
    return material(data)["timestampVerificationData"]  # type: ignore[no-any-return]


EDITS: dict[str, Edit] = {
    "no timestamp": lambda d, b: material(d).pop("timestampVerificationData"),
    "an empty list of timestamps": lambda d, b: times(d).update(rfc3161Timestamps=[]),
    "the timestamp of another signature": lambda d, b: material(d).update(
        timestampVerificationData=times(b.other)
    ),
    "no log entry": lambda d, b: material(d).pop("tlogEntries"),
    "an empty list of log entries": lambda d, b: material(d).update(tlogEntries=[]),
    "the log entry of another bundle": lambda d, b: material(d).update(tlogEntries=[entry(b.other)]),
    "no inclusion proof": lambda d, b: entry(d).pop("inclusionProof"),
    "another root of the log": lambda d, b: entry(d)["inclusionProof"].update(
        rootHash=entry(b.other)["logId"]["keyId"]
    ),
    "the body of another entry": lambda d, b: entry(d).update(
        canonicalizedBody=entry(b.other)["canonicalizedBody"]
    ),
    "an index of another entry": lambda d, b: entry(d)["inclusionProof"].update(
        logIndex=str(int(entry(d)["inclusionProof"].get("logIndex", 0)) + 1)
    ),
    "no certificate": lambda d, b: material(d).pop("certificate"),
    "a certificate in a chain": lambda d, b: material(d).update(
        x509CertificateChain={"certificates": [material(d).pop("certificate")]}
    ),
    "a key instead of the certificate": lambda d, b: [
        material(d).pop("certificate"),
        material(d).update(publicKey={"hint": ""}),
    ],
    "the statement of another": lambda d, b: d["dsseEnvelope"].update(
        payload=b.other["dsseEnvelope"]["payload"]
    ),
    "the signature of another": lambda d, b: d["dsseEnvelope"].update(
        signatures=b.other["dsseEnvelope"]["signatures"]
    ),
    "no signatures": lambda d, b: d["dsseEnvelope"].update(signatures=[]),
    "two signatures": lambda d, b: d["dsseEnvelope"].update(
        signatures=[*d["dsseEnvelope"]["signatures"], *b.other["dsseEnvelope"]["signatures"]]
    ),
    "another payload type": lambda d, b: d["dsseEnvelope"].update(payloadType="text/plain"),
    "another whole bundle": lambda d, b: [d.clear(), d.update(copy.deepcopy(b.other))],
    "an unknown field": lambda d, b: d.update(more=1),
    "a bundle of version 0.1": lambda d, b: d.update(
        mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"
    ),
}
STRICTER = {
    "two subjects",
    "another root of the log",
    "the body of another entry",
    "an index of another entry",
}
"""What cosign accepts and we do not; docs/trust.md says why."""


def _certificates(services: Sigstore, stranger: CtLog) -> dict[str, Certificate]:
    mail, log, issuer = (x509.RFC822Name(DEVELOPER),), services.ct_log, services.people
    own_key = ec.generate_private_key(ec.SECP256R1())
    imposter = (services.authority[0], own_key)
    return {
        "as true": Certificate(mail, issuer, ct_log=log),
        "an expired certificate": Certificate(mail, issuer, timedelta(hours=-2), ct_log=log),
        "a certificate of tomorrow": Certificate(mail, issuer, 24 * HOUR, ct_log=log),
        "somebody else": Certificate((x509.RFC822Name(EVE),), issuer, ct_log=log),
        "an address instead of an e-mail address": Certificate(
            (x509.UniformResourceIdentifier(f"https://{DEVELOPER}"),), issuer, ct_log=log
        ),
        "an issuer of another": Certificate(mail, "https://issuer.example", ct_log=log),
        "no issuer": Certificate(mail, None, ct_log=log),
        "no subject": Certificate((), issuer, ct_log=log),
        "two subjects": Certificate((*mail, x509.RFC822Name(EVE)), issuer, ct_log=log),
        "not for signing code": Certificate(mail, issuer, usage=ExtendedKeyUsageOID.SERVER_AUTH, ct_log=log),
        "not in the log of certificates": Certificate(mail, issuer),
        "in another log of certificates": Certificate(mail, issuer, ct_log=stranger),
        "of another authority": Certificate(mail, issuer, ct_log=log, authority=imposter),
    }


async def ours(services: Sigstore, raw: bytes) -> str:
    """Why we refuse a bundle; empty if we accept it."""
    found = signatory(services).statement(raw, SUBJECT)
    return found if isinstance(found, str) else ""


def test_both_refuse_every_forgery(services: Sigstore, bundles: Bundles, olareg: str) -> None:
    planted = {"true": bundles.raw}
    for name, edit in EDITS.items():
        data = copy.deepcopy(bundles.true)
        edit(data, bundles)
        planted[name] = json.dumps(data).encode()
    twice = copy.deepcopy(bundles.true)
    material(twice)["tlogEntries"] *= 2
    planted["an entry twice"] = json.dumps(twice).encode()
    planted["a repeated field"] = bundles.raw.replace(b'{"mediaType":', b'{"mediaType":"","mediaType":', 1)
    assert planted["a repeated field"] != bundles.raw
    with CtLog.running() as stranger, ThreadPoolExecutor(4) as pool:
        made = {
            name: pool.submit(forged, services, certificate, STATEMENT)
            for name, certificate in _certificates(services, stranger).items()
        }
    forgeries = {name: future.result() for name, future in made.items()}
    expired = copy.deepcopy(forgeries["an expired certificate"])
    times(expired)["rfc3161Timestamps"] = []
    forgeries["an expired certificate without a timestamp"] = expired
    planted |= {name: json.dumps(data).encode() for name, data in forgeries.items()}

    async def places() -> list[str]:
        return [await write(olareg, f"v{number}", raw) for number, raw in enumerate(planted.values())]

    identity = ("--certificate-identity", DEVELOPER, "--certificate-oidc-issuer", services.people)
    with ThreadPoolExecutor(4) as pool:
        theirs = list(pool.map(lambda image: cosign(services, image, *identity), anyio.run(places)))
    answers = {}
    for (name, raw), their in zip(planted.items(), theirs, strict=True):
        answers[name] = (anyio.run(ours, services, raw), their)
    accepted = {name for name, (our, _) in answers.items() if not our}
    assert accepted == {"true", "as true"}, answers
    assert {name for name, (_, their) in answers.items() if not their} == accepted | STRICTER, answers
    assert answers["somebody else"][0] == f"its certificate is for {EVE}, which is not {DEVELOPER}"
    assert answers["an issuer of another"][0].startswith("its identity was issued by https://issuer.example")


def test_the_command_agrees_with_cosign_on_identities(
    services: Sigstore, bundles: Bundles, olareg: str, tmp_path: Path
) -> None:
    """By options of the same names; where we are stricter, the error says what to write instead."""
    image = anyio.run(write, olareg, "options", bundles.raw)
    root = ("--trusted-root", str(services.trusted_root))
    issuer = ("--certificate-oidc-issuer", services.people)

    def subject(text: str, *, regexp: bool = False) -> tuple[str, ...]:
        return (f"--certificate-identity{'-regexp' if regexp else ''}", text)

    anyone = ("--certificate-oidc-issuer-regexp", r"^http://127\.0\.0\.1:\d+/email$")
    cases: dict[tuple[str, ...], tuple[int, bool]] = {
        (*subject(DEVELOPER), *issuer, "--json"): (0, True),
        (*subject(r"^[a-z]+@example\.com$", regexp=True), *anyone): (0, True),
        (*subject(EVE), *issuer): (7, False),
        (*subject("example", regexp=True), *issuer): (2, True),
        (*subject(r"^dev@example|nobody$", regexp=True), *issuer): (7, True),
        subject(DEVELOPER): (2, False),
    }
    found = [(lockage(tmp_path, image, *case, *root), cosign(services, image, *case[:4])) for case in cases]
    for (case, (code, good)), (our, their) in zip(cases.items(), found, strict=True):
        assert (our.code, not their) == (code, good), (case, our.err, their)
    json_of, _, refused, unanchored, _, incomplete = (our for our, _ in found)
    assert f"is not signed by {EVE} (issuer {services.people})" in refused.err
    assert f"its certificate is for {DEVELOPER}, which is not {EVE}" in refused.err
    assert "--certificate-identity" in refused.err.partition("next:")[2]
    assert "not anchored" in unanchored.err and "--certificate-oidc-issuer is missing" in incomplete.err
    (data,) = json.loads(json_of.out)
    assert data["identity"] == f"{DEVELOPER} (issuer {services.people})" and data["signed"]


def test_both_refuse_what_a_withdrawn_authority_signed(
    services: Sigstore, bundles: Bundles, olareg: str, tmp_path: Path
) -> None:
    """A trusted root says until when each counts; of Rekor v2, whose entries have no time, both ask no more."""
    image = anyio.run(write, olareg, "withdrawn", bundles.raw)
    identity = ("--certificate-identity", DEVELOPER, "--certificate-oidc-issuer", services.people)
    accepted = set()
    for part in ("certificateAuthorities", "ctlogs", "timestampAuthorities", "tlogs"):
        data = json.loads(services.trusted_root.read_text())
        listed = data[part][0]
        listed.get("publicKey", listed)["validFor"]["end"] = "2026-02-01T00:00:00Z"
        (tmp_path / part).write_text(json.dumps(data))
        file = TrustFile((tmp_path / part).read_bytes(), part)
        own = IdentitySignatory(Identity(Pattern(DEVELOPER), Pattern(services.people)), read_services(file))
        ours = isinstance(own.statement(bundles.raw, SUBJECT), Statement)
        assert ours == (not cosign(services, image, *identity, root=tmp_path / part)), part
        accepted |= {part} if ours else set()
    assert accepted == {"tlogs"}


def test_verification_connects_to_nothing_but_the_registry(
    services: Sigstore, bundles: Bundles, olareg: str
) -> None:
    image = anyio.run(write, olareg, "offline", bundles.raw)
    reached: set[object] = set()
    watching = [True]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "socket.connect":
            reached.add(arguments[1][1])

    async def look() -> bool:
        async with Registry() as registry:
            repository = Repository(olareg, image.partition("/")[2].partition("@")[0])
            return (await examine(registry, repository, SUBJECT, signatory(services))).signed

    sys.addaudithook(watch)
    try:
        assert anyio.run(look)
    finally:
        watching.clear()
    assert reached == {int(olareg.partition(":")[2])}
