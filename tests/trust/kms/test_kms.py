"""Signing with a key of Vault or AWS KMS by the real cosign, and what is reported when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
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
from tests.tools.programs import program
from tests.tools.signing.aws_kms import REFERENCE as AWS_REFERENCE
from tests.tools.signing.aws_kms import aws_kms
from tests.tools.signing.bundles import OTHER_KEY, public
from tests.tools.signing.transit import Transit, transit

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
    output = project_signs(tmp_path, f"{olareg}/kms/artifact:1", REFERENCE, vault.public, environ(vault))
    assert vault.signed == 2 and vault.token not in output


def test_a_project_signs_with_a_key_of_aws(olareg: str, tmp_path: Path) -> None:
    """By the API of AWS KMS, answered by a service that keeps the key."""
    with aws_kms(tmp_path) as kms:
        path = f"{program('cosign').parent}{os.pathsep}{os.environ['PATH']}"
        given = {"PATH": path, "HOME": str(tmp_path), **kms.environ}
        output = project_signs(tmp_path, f"{olareg}/kms/aws:1", AWS_REFERENCE, kms.public, given)
        assert kms.environ["AWS_SECRET_ACCESS_KEY"] not in output
        written = [program("cosign"), "public-key", "--key", AWS_REFERENCE]
        done = subprocess.run(written, env=given, capture_output=True, check=False)
        assert done.stdout == kms.public, done.stderr


def project_signs(
    folder: Path, reference: str, key: str, public_key: bytes, environ: Mapping[str, str]
) -> str:
    """By lockage.yml, through the command, and verified by cosign with the file and with the service; what the command
    printed."""
    (folder / "keys").mkdir()
    (folder / "keys" / "release.pub").write_bytes(public_key)
    sign = {"key": key, "public_key": "keys/release.pub"}
    (folder / "lockage.yml").write_text(json.dumps({"version": 1, "project": "x", "sign": sign}))
    (folder / "images" / "app").mkdir(parents=True)
    (folder / "images" / "app" / "image.yml").write_text("tags:\n  - name: 1.2.3\n")
    (folder / "images" / "app" / "Dockerfile.tmpl").write_text("FROM scratch\n")
    home = {"LOCKAGE_HOME": str(folder / "h"), "LOCKAGE_CACHE": str(folder / "c")}
    push = ["artifact", "push", reference, "lockage.yml:application/yaml", "--sign"]
    pushed = warm.run(push, cwd=folder, env={**environ, **home})
    assert pushed.code == 0, pushed
    found = warm.run(["verify", reference, "--key", "keys/release.pub"], cwd=folder, env=home)
    assert found.code == 0, found
    for by in ("keys/release.pub", key):
        argv = [program("cosign"), "verify", "--key", by, "--insecure-ignore-tlog", "--allow-http-registry"]
        judged = subprocess.run(
            [*argv, reference], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
        assert judged.returncode == 0, judged.stderr
    return pushed.out + pushed.err
