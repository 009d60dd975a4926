"""Signing with a key of Vault's transit engine by the real cosign, and what is reported when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.model import Digest
from pipeline.trust import SIGNATURE, PublicKey, Statement
from pipeline.trust.kms import KmsSigner
from pipeline.trust.kms.sign import attest_argv
from pipeline.util.child_environment import child_environment
from tests.tools import warm
from tests.tools.bundles import OTHER_KEY, public
from tests.tools.programs import program
from tests.tools.transit import Transit, transit

pytestmark = pytest.mark.real

REFERENCE = "hashivault://release"
STATEMENTS = [Statement(Digest.of(text), SIGNATURE, {}, {"tag": "1.2.3"}) for text in (b"one", b"two")]


@pytest.fixture
def vault() -> Iterator[Transit]:
    """A running engine."""
    with transit() as engine:
        yield engine


def environ(vault: Transit, **more: str) -> dict[str, str]:
    path = f"{program('cosign').parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": os.environ["HOME"], **vault.environ, **more}


def signer(vault: Transit, key: bytes | None = None, **more: str) -> KmsSigner:
    given = child_environment("cosign", environ(vault, **more))
    return KmsSigner(REFERENCE, PublicKey(key or vault.public, "keys/release.pub"), given)


def test_statements_are_signed_as_they_are(vault: Transit) -> None:
    made = signer(vault)
    for raw, statement in zip(anyio.run(made.sign, STATEMENTS), STATEMENTS, strict=True):
        assert made.signatory.statement(raw, statement.subject) == statement
    assert vault.signed == len(STATEMENTS)


def test_a_key_that_is_another_signs_nothing(vault: Transit) -> None:
    with pytest.raises(UsageError, match=r"does not belong to keys/release\.pub") as refused:
        anyio.run(signer(vault, public(OTHER_KEY)).sign, STATEMENTS[:1])
    assert REFERENCE in str(refused.value.hint)


def test_what_the_service_refuses_is_reported_without_the_token(vault: Transit) -> None:
    with pytest.raises(EnvironmentProblem, match="nothing was signed with hashivault://release") as refused:
        anyio.run(signer(vault, VAULT_TOKEN="hvs.s3cret").sign, STATEMENTS[:1])
    assert "403" in refused.value.message or "permission denied" in refused.value.message
    assert "s3cret" not in json.dumps(refused.value.to_json())
    with pytest.raises(EnvironmentProblem, match="there is no cosign"):
        anyio.run(signer(vault, PATH="/nowhere").sign, STATEMENTS[:1])


def test_no_secret_is_on_the_command_line(vault: Transit) -> None:
    """And cosign gets what reaches the service, and no key of ours."""
    given = child_environment(
        "cosign", environ(vault, COSIGN_PRIVATE_KEY="a", GITHUB_TOKEN="b", AWS_REGION="c")
    )
    assert {"VAULT_TOKEN", "AWS_REGION"} <= given.keys()
    assert not {"COSIGN_PRIVATE_KEY", "GITHUB_TOKEN"} & given.keys()
    line = attest_argv("awskms:///alias/release", Path("/scratch"))
    assert line[:5] == ["cosign", "attest-blob", "--yes", "--key", "awskms:///alias/release"]
    assert vault.token not in " ".join(attest_argv(REFERENCE, Path("/scratch")))


def test_a_project_signs_with_it(vault: Transit, olareg: str, tmp_path: Path) -> None:
    """By lockage.yml, through the command, and verified by cosign with the file and with the service."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "release.pub").write_bytes(vault.public)
    sign = {"key": REFERENCE, "public_key": "keys/release.pub"}
    (tmp_path / "lockage.yml").write_text(json.dumps({"version": 1, "project": "x", "sign": sign}))
    (tmp_path / "images" / "app").mkdir(parents=True)
    (tmp_path / "images" / "app" / "image.yml").write_text("tags:\n  - name: 1.2.3\n")
    (tmp_path / "images" / "app" / "Dockerfile.tmpl").write_text("FROM scratch\n")
    reference = f"{olareg}/kms/artifact:1"
    home = {"LOCKAGE_HOME": str(tmp_path / "h"), "LOCKAGE_CACHE": str(tmp_path / "c")}
    push = ["artifact", "push", reference, "lockage.yml:application/yaml", "--sign"]
    done = warm.run(push, cwd=tmp_path, env=environ(vault, **home))
    assert done.code == 0 and vault.signed == 2, done
    assert vault.token not in done.out + done.err
    found = warm.run(["verify", reference, "--key", "keys/release.pub"], cwd=tmp_path, env=home)
    assert found.code == 0, found
    for key in ("keys/release.pub", REFERENCE):
        argv = [program("cosign"), "verify", "--key", key, "--insecure-ignore-tlog", "--allow-http-registry"]
        judged = subprocess.run(
            [*argv, reference], cwd=tmp_path, env=environ(vault), capture_output=True, text=True, check=False
        )
        assert judged.returncode == 0, judged.stderr
