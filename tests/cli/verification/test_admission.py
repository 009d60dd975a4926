"""policy admission, from a file of rules to a file of policies, without a registry or an engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.trust import PublicKey
from tests.tools import warm
from tests.tools.signing.bundles import OTHER_KEY, public

RULES = """\
version: 1
verify:
  - images: [r.example/prod/*]
    signers: [{key: keys/release.pub}]
    provenance: {bases: [docker.io/library/debian]}
  - images: [r.example/**]
exemptions:
  - {images: [r.example/old], owner: ops, reason: is replaced, expires: 2999-01-01}
  - {images: [r.example/older], owner: ops, reason: was replaced, expires: 2020-01-01}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rules, the key that they name, and the site's."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/release.pub").write_bytes(b"# ours\n" + public())
    (tmp_path / "site.pub").write_bytes(public(OTHER_KEY))
    (tmp_path / "rules.yml").write_text(RULES)
    return tmp_path


def run(folder: Path, *words: str) -> Any:
    """The command in that folder."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("LOCKAGE_", "COSIGN_"))
    }
    environ["LOCKAGE_HOME"] = str(folder / "home")
    words = ("policy", "admission", *words, "--rules", "rules.yml", "--key", "site.pub")
    return warm.run(words, cwd=folder, env=environ, timeout=60)


def test_keys_are_written_in_and_what_is_left_out_is_a_warning(folder: Path) -> None:
    done = run(folder, "kyverno")
    assert done.code == 0, done.err
    first, second = yaml.safe_load_all(done.out)
    for policy, file in ((first, "keys/release.pub"), (second, "site.pub")):
        (signer,) = policy["spec"]["attestors"]
        assert signer["cosign"]["key"]["data"] == PublicKey((folder / file).read_bytes(), file).pem
    assert "warning: left out: ImageValidatingPolicy lockage-1: provenance.bases" in done.err
    assert "r.example/older (ops: was replaced) expired on 2020-01-01" in done.err
    assert "# LEFT OUT: provenance.bases" in done.out and "older" not in done.out


def test_a_policy_that_has_to_be_written_again_is_found(folder: Path) -> None:
    assert run(folder, "kyverno", "-o", "policy.yaml").out == ""
    assert run(folder, "kyverno", "--check", "policy.yaml").code == 0
    (folder / "rules.yml").write_text(RULES.replace("2999", "2021"))
    expired = run(folder, "kyverno", "--check", "policy.yaml")
    assert expired.code == 3 and "policy.yaml" in expired.err and "-o policy.yaml" in expired.err, expired.err
    assert run(folder, "kyverno", "-o", "policy.yaml").code == 0
    (folder / "keys/release.pub").write_bytes(public(OTHER_KEY))
    assert run(folder, "kyverno", "--check", "policy.yaml").code == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["openshift"], 2, "kyverno"),
        (["kyverno", "--name", "Not/One"], 2, "no name of a resource"),
        (["kyverno", "--check", "missing.yaml"], 2, "missing.yaml"),
    ],
)
def test_mistakes_are_one_error(folder: Path, words: list[str], code: int, message: str) -> None:
    done = run(folder, *words)
    assert done.code == code and message in done.err and "Traceback" not in done.err
