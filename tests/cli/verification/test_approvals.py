"""Approvals of a saved plan: who counts, how often, and what is no approval of this plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.cli import main
from pipeline.cli.verification.approvals import approval_path, approvals_beside
from pipeline.config.environments.values import Environment
from pipeline.errors import Exit, UsageError
from pipeline.model import Digest, Reference
from pipeline.model.verification import AcceptedSigner, Approvals
from pipeline.release.saved import PlannedChange, SavedPlan
from pipeline.release.saved.approval import APPROVAL, approval_of, read_approvals, require_approvals
from pipeline.run.publish.approval import AppliedPlan, ApprovalMissing, refuse_unapproved
from pipeline.trust import PrivateKey, PublicKey, Statement, signed_bundle
from pipeline.trust.keypair import KeyPair
from tests.tools.signing.bundles import PASSWORD, pair

ADA, BEN, EVE = (pair(ec.derive_private_key(n, ec.SECP256R1()), f"keys/{n}.pub") for n in (11, 12, 13))
MOVE = PlannedChange(Reference.parse("localhost:5000/prod/app:1"), None, Digest.of(b"1"))
PLAN = SavedPlan("promote", "acme", ("--to=prod",), (MOVE,), {"prod": ""})
PROD = Environment(
    "prod",
    "prod/{image}",
    approvals=Approvals(2, (AcceptedSigner("keys/11.pub"), AcceptedSigner("keys/12.pub"))),
)
PROJECT = """\
version: 1
project: acme
environments:
- {name: dev, repository: "dev/{image}"}
- name: prod
  repository: "prod/{image}"
  approvals: {required: 2, from: [{key: keys/11.pub}, {key: keys/12.pub}]}
"""


def signed(statement: Statement, by: KeyPair) -> bytes:
    return signed_bundle(statement, PrivateKey(by), by.public_key)


def names(bundles: dict[str, bytes], *accepted: PublicKey, plan: SavedPlan = PLAN) -> list[str]:
    """Who approved, as keys/11.pub and keys/12.pub may."""
    signers = accepted or (ADA.public_key, BEN.public_key)
    return [one.name for one in read_approvals(plan.digest, bundles, signers).approvers]


def test_each_of_two_signers_counts() -> None:
    bundles = {"a": signed(approval_of(PLAN), ADA), "b": signed(approval_of(PLAN), BEN)}
    assert names(bundles) == ["keys/11.pub", "keys/12.pub"]
    assert require_approvals(PROD, read_approvals(PLAN.digest, bundles, [ADA.public_key, BEN.public_key]))


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (signed(approval_of(PLAN), ADA), ""),
        (signed(approval_of(PLAN), EVE), "not signed by keys/11.pub"),
        (signed(approval_of(replace(PLAN, moves=())), BEN), "its subject is"),
        (
            signed(replace(approval_of(PLAN), predicate_type="https://slsa.dev/provenance/v1"), BEN),
            "is no approval",
        ),
        (signed(approval_of(PLAN), BEN)[:-9], ""),
        (b"", ""),
    ],
    ids=["the same again", "a stranger", "another plan", "another statement", "cut off", "empty"],
)
def test_what_is_no_second_approval(second: bytes, reason: str) -> None:
    bundles = {"a": signed(approval_of(PLAN), ADA), "b": second}
    approved = read_approvals(PLAN.digest, bundles, [ADA.public_key, BEN.public_key])
    with pytest.raises(ApprovalMissing, match="prod wants 2 approvals of this plan, and has 1") as refused:
        require_approvals(PROD, approved)
    assert refused.value.exit_code == Exit.GATE
    assert reason in str(refused.value.detail) and "approved by keys/11.pub" in str(refused.value.detail)


def test_one_key_in_two_files_is_one_signer() -> None:
    """The fingerprint is of the key, however its PEM is written."""
    again = PublicKey(b"a comment\n" + ADA.public, "keys/again.pub")
    bundles = {"a": signed(approval_of(PLAN), ADA), "b": signed(approval_of(PLAN), ADA)}
    assert names(bundles, ADA.public_key, again) == ["keys/11.pub"]


@pytest.mark.parametrize(
    "plan", [None, AppliedPlan(PLAN.digest), AppliedPlan(PLAN.digest, {"live": ("a", "b")})]
)
def test_no_change_without_them(plan: AppliedPlan | None) -> None:
    with pytest.raises(ApprovalMissing, match="prod takes changes by approved plans alone"):
        refuse_unapproved(PROD, plan)
    refuse_unapproved(replace(PROD, approvals=None), plan)
    refuse_unapproved(PROD, AppliedPlan(PLAN.digest, {"prod": ("a", "b")}))


def test_approve_writes_beside_the_plan_what_apply_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, file = tmp_path / "checkout", tmp_path / "prod.json"
    (root / "keys").mkdir(parents=True)
    (root / "images/app").mkdir(parents=True)
    (root / "images/app/image.yml").write_text("tags: [1.2.3]\n")
    (root / "images/app/Dockerfile.tmpl").write_text("FROM scratch\n")
    (root / "lockage.yml").write_text(PROJECT)
    for key in (ADA, BEN, EVE):
        (root / key.origin).write_bytes(key.public)
        (tmp_path / Path(key.origin).stem).write_bytes(key.sealed)
    file.write_bytes(PLAN.to_bytes())
    monkeypatch.setenv("COSIGN_PASSWORD", PASSWORD)

    def approve(key: str, *more: str) -> tuple[int, str, str]:
        code = main(["-C", str(root), "approve", str(file), "--key", key, *more])
        return code, *capsys.readouterr()

    code, out, err = approve(str(tmp_path / "11"))
    assert code == 0, err
    written = approval_path(file, Digest.of(f"key {ADA.public_key.fingerprint}".encode()))
    assert out.strip() == str(written)
    assert "prod/app:1  nothing → " in err and "prod: 1 of 2 approvals\n" in err
    assert approve(str(tmp_path / "11"))[0] == 0 and len(approvals_beside(file)) == 1, "the same file again"
    code, _, err = approve(str(tmp_path / "13"))
    assert code == 2 and "nobody who may approve prod" in err and len(approvals_beside(file)) == 1
    monkeypatch.setenv("BEN", BEN.sealed.decode())
    code, out, _ = approve("env://BEN", "--json")
    assert code == 0 and json.loads(out)["plan"] == str(PLAN.digest)
    assert sorted(names(dict(approvals_beside(file)))) == ["keys/11.pub", "keys/12.pub"]
    monkeypatch.setenv("COSIGN_PASSWORD", "wrong")
    code, _, err = approve("env://BEN")
    assert code == 2 and "cannot be decrypted" in err
    code, _, err = approve(str(tmp_path / "none"))
    assert code == 2 and "cannot read the key" in err

    (root / BEN.origin).unlink()
    code, _, err = approve(str(tmp_path / "11"))
    place = "lockage.yml:7:61: environments[1].approvals.from[1].key"
    assert code == 3 and f"{place}: keys/12.pub cannot be read: No such file" in err

    file.write_bytes(file.read_bytes().replace(b"app:1", b"app:2"))
    code, _, err = approve("env://BEN")
    assert code == 2 and "edited after it was written" in err
    (root / "lockage.yml").write_text(PROJECT.partition("  approvals")[0])
    file.write_bytes(PLAN.to_bytes())
    code, _, err = approve("env://BEN")
    assert code == 2 and "nobody has to approve" in err


def test_an_edit_with_its_checksum_loses_the_approvals() -> None:
    """Whoever edits a plan can write its checksum, and nobody has signed that."""
    edited = replace(PLAN, moves=(replace(MOVE, after=Digest.of(b"2")),))
    assert SavedPlan.from_bytes(edited.to_bytes(), "plan.json") == edited
    assert names({"a": signed(approval_of(PLAN), ADA)}, plan=edited) == []


def test_a_plan_that_is_written_otherwise_is_another_file() -> None:
    raw = json.dumps(json.loads(PLAN.to_bytes())).encode()
    with pytest.raises(UsageError, match="edited after it was written"):
        SavedPlan.from_bytes(raw, "plan.json")


def test_the_predicate_type_is_documented() -> None:
    pages = Path(__file__).parents[3] / "docs"
    assert APPROVAL in (pages / "releasing.md").read_text()
