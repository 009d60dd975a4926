"""Where the identity token of a keyless run is looked for, and what is reported where there is none."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from pipeline.cli.instance.keyless import identity_token, keyless_signer
from pipeline.config.builder import SecretSource
from pipeline.config.signing.values import Keyless
from pipeline.errors import ConfigError, LockageError
from pipeline.model.verification.identity import Identity, Pattern

TOKEN = "eyJhbGciOi.s3cret.signature"


def look(source: SecretSource | None, root: Path, **environ: str) -> str:
    return anyio.run(identity_token, source, root, environ)


def test_it_is_where_lockage_yml_says(tmp_path: Path) -> None:
    """A line end is not part of it; Kubernetes has the file behind links."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "token").symlink_to("data/token")
    others = {"SIGSTORE_ID_TOKEN": "another"}
    assert look(SecretSource("file", "token"), tmp_path, **others) == TOKEN
    assert look(SecretSource("file", str(tmp_path / "token")), Path("/"), **others) == TOKEN
    assert look(SecretSource("env", "OIDC_TOKEN"), tmp_path, OIDC_TOKEN=f"{TOKEN}\n", **others) == TOKEN


def test_gitlab_has_it_in_a_variable(tmp_path: Path) -> None:
    assert look(None, tmp_path, SIGSTORE_ID_TOKEN=TOKEN) == TOKEN


@pytest.mark.parametrize(
    ("source", "environ", "message", "hint"),
    [
        (None, {}, "no identity token", "id_tokens"),
        (None, {"GITHUB_ACTIONS": "true"}, "may not request an identity token", "id-token: write"),
        (SecretSource("env", "OIDC_TOKEN"), {}, "no identity token in OIDC_TOKEN", "token:"),
        (SecretSource("file", "missing"), {}, "missing cannot be read: No such file", ""),
        (SecretSource("file", "empty"), {}, "no identity token in empty", "token:"),
        (SecretSource("file", "binary"), {}, "binary is not text", ""),
    ],
)
def test_where_there_is_none_the_error_says_what_to_set(
    source: SecretSource | None, environ: dict[str, str], message: str, hint: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(LockageError) as refused:
        look(source, tmp_path, **environ)
    assert message in refused.value.message and hint in (refused.value.hint or "")


def test_files_of_a_sigstore_are_read_before_anything_is_built(tmp_path: Path) -> None:
    identity = Identity(Pattern("a"), Pattern("b"))
    with pytest.raises(ConfigError) as refused:
        keyless_signer(Keyless(identity, None, "sc.json", "tr.json"), tmp_path, {})
    assert "sign.keyless.trusted_root: tr.json cannot be read: No such file" in str(refused.value.detail)
    assert keyless_signer(None, tmp_path, {}) is None
    assert keyless_signer(Keyless(identity), tmp_path, {}) is not None
