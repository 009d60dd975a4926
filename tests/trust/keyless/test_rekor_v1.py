"""Signatures that a Rekor v1 log took, with and without a timestamp authority: cosign's answers beside ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.model import Digest
from pipeline.trust import SIGNATURE, Statement
from tests.tools.signing.rekor_v1 import rekor_v1
from tests.tools.signing.sigstore_services import Sigstore, sigstore
from tests.trust.keyless.sigstore.test_forgeries import Edit, entry, material, ours

from .signing import DEVELOPER, STATEMENT, Bundles, cosign, signatory, signer, write

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", params=["timestamped", "by the log alone"])
def services(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A Sigstore with a Rekor v1 log; in one of them nobody but the log says when something was signed."""
    folder = tmp_path_factory.mktemp("rekor-v1")
    (folder / "sigstore").mkdir()
    with (
        sigstore(folder / "sigstore") as whole,
        rekor_v1(whole, folder, timestamps=request.param == "timestamped") as running,
    ):
        yield running


@pytest.fixture(scope="module")
def bundles(services: Sigstore) -> Bundles:
    """A true signature, and another one of another image."""
    other = Statement(Digest.of(b"other"), SIGNATURE, {})
    first, second = anyio.run(signer(services).sign, [STATEMENT, other])
    return Bundles(first, json.loads(first), json.loads(second))


def proof(data: dict[str, Any]) -> dict[str, Any]:
    return entry(data)["inclusionProof"]  # type: ignore[no-any-return]


def promise(data: dict[str, Any]) -> dict[str, Any]:
    return entry(data)["inclusionPromise"]  # type: ignore[no-any-return]


def flipped(text: str) -> str:
    """The same base64 with another byte in it."""
    return text[:20] + ("A" if text[20] != "A" else "B") + text[21:]


EDITS: dict[str, Edit] = {
    "no log entry": lambda d, b: material(d).update(tlogEntries=[]),
    "the entry of another bundle": lambda d, b: material(d).update(tlogEntries=[entry(b.other)]),
    "no promise": lambda d, b: entry(d).pop("inclusionPromise"),
    "an empty promise": lambda d, b: promise(d).update(signedEntryTimestamp=""),
    "the promise of another entry": lambda d, b: entry(d).update(inclusionPromise=promise(b.other)),
    "a changed promise": lambda d, b: promise(d).update(
        signedEntryTimestamp=flipped(promise(d)["signedEntryTimestamp"])
    ),
    "an hour later": lambda d, b: entry(d).update(integratedTime=str(int(entry(d)["integratedTime"]) + 3600)),
    "a second earlier": lambda d, b: entry(d).update(integratedTime=str(int(entry(d)["integratedTime"]) - 1)),
    "no time": lambda d, b: entry(d).pop("integratedTime"),
    "another place in the log": lambda d, b: entry(d).update(logIndex="77"),
    "another log": lambda d, b: entry(d).update(logId={"keyId": flipped(entry(d)["logId"]["keyId"])}),
    "the body of another entry": lambda d, b: entry(d).update(
        canonicalizedBody=entry(b.other)["canonicalizedBody"]
    ),
    "another kind": lambda d, b: entry(d).update(kindVersion={"kind": "hashedrekord", "version": "0.0.1"}),
    "no proof": lambda d, b: entry(d).pop("inclusionProof"),
    "the proof of another entry": lambda d, b: entry(d).update(inclusionProof=proof(b.other)),
    "another root": lambda d, b: proof(d).update(rootHash=entry(d)["logId"]["keyId"]),
    "a hash more": lambda d, b: proof(d).update(hashes=[*proof(d).get("hashes", []), proof(d)["rootHash"]]),
    "another leaf": lambda d, b: proof(d).update(logIndex=str(1 - int(proof(d).get("logIndex", 0)))),
    "a larger tree": lambda d, b: proof(d).update(treeSize=str(int(proof(d)["treeSize"]) + 1)),
    "no checkpoint": lambda d, b: proof(d).pop("checkpoint"),
    "a changed checkpoint": lambda d, b: proof(d).update(
        checkpoint={"envelope": proof(d)["checkpoint"]["envelope"].replace("rekor.lab", "rekor.lap", 1)}
    ),
    "an entry twice": lambda d, b: material(d).update(tlogEntries=material(d)["tlogEntries"] * 2),
    "the signature of another": lambda d, b: d["dsseEnvelope"].update(
        signatures=b.other["dsseEnvelope"]["signatures"]
    ),
}
STRICTER = {"another kind"}
"""What cosign accepts and we do not: it takes the kind from the body."""


def test_both_refuse_every_forgery_of_an_entry(services: Sigstore, bundles: Bundles, olareg: str) -> None:
    assert entry(bundles.true)["kindVersion"] == {"kind": "dsse", "version": "0.0.1"}
    planted = {"true": bundles.true}
    for name, edit in EDITS.items():
        planted[name] = copy.deepcopy(bundles.true)
        edit(planted[name], bundles)
        assert planted[name] != bundles.true, name

    async def places() -> list[str]:
        written = []
        for number, data in enumerate(planted.values()):
            written.append(await write(olareg, f"rekor-v1-{number}", json.dumps(data).encode()))
        return written

    identity = ("--certificate-identity", DEVELOPER, "--certificate-oidc-issuer", services.people)
    with ThreadPoolExecutor(4) as pool:
        theirs = list(pool.map(lambda image: cosign(services, image, *identity), anyio.run(places)))
    answers = {}
    for (name, data), their in zip(planted.items(), theirs, strict=True):
        answers[name] = (anyio.run(ours, services, json.dumps(data).encode()), their)
    accepted = {name for name, (our, _) in answers.items() if not our}
    assert {name for name, (_, their) in answers.items() if not their} == accepted | STRICTER, answers
    assert accepted == {"true"}, answers


def test_a_log_that_is_not_trusted_proves_nothing(
    services: Sigstore, bundles: Bundles, olareg: str, tmp_path: Path
) -> None:
    """Under the root without this log, and under one in which it was withdrawn before."""
    image = anyio.run(write, olareg, "rekor-v1-log", bundles.raw)
    identity = ("--certificate-identity", DEVELOPER, "--certificate-oidc-issuer", services.people)
    assert not cosign(services, image, *identity)
    root = json.loads(services.trusted_root.read_text())
    log = root["tlogs"].pop()
    withdrawn = copy.deepcopy(log)
    withdrawn["publicKey"]["validFor"]["end"] = "2026-02-01T00:00:00Z"
    for name, logs in {"unknown": [], "withdrawn": [withdrawn]}.items():
        path = tmp_path / name
        path.write_text(json.dumps(root | {"tlogs": [*root["tlogs"], *logs]}))
        other = replace(services, trusted_root=path)
        assert isinstance(signatory(other).statement(bundles.raw, STATEMENT.subject), str), name
        assert cosign(other, image, *identity), name
