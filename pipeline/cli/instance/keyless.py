"""Keyless signing from lockage.yml and this machine: the files of a Sigstore, and where the identity token is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, EnvironmentProblem, Problem, UsageError
from pipeline.util.files import read_file
from pipeline.util.progress import ProgressState

if TYPE_CHECKING:
    from pipeline.config.builder import SecretSource
    from pipeline.config.signing.values import Keyless
    from pipeline.run import RunContext
    from pipeline.trust import PublicKey
    from pipeline.trust.keyless import KeylessSigner, Services
    from pipeline.trust.keyless.services import TrustFile

_FILE_BYTES = 4 * 1024 * 1024
_TOKEN_BYTES = 64 * 1024


def signing_services(keyless: Keyless | None, root: Path) -> Services:
    """The services of a project's Sigstore, the public ones without. Raises ConfigError for files that cannot be
    read."""
    from pipeline.trust.keyless import read_services

    if keyless is None:
        return read_services(None, None, signs=True)
    signing = _file(root, keyless.signing_config, "sign.keyless.signing_config")
    return read_services(trusted_root(keyless, root), signing, signs=True)


def keyless_signer(keyless: Keyless | None, root: Path, environ: Mapping[str, str]) -> KeylessSigner | None:
    """The signer of a project, None where the key pair signs. Raises ConfigError for files that cannot be read."""
    if keyless is None:
        return None
    from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services

    signatory = IdentitySignatory(keyless.identity, read_services(trusted_root(keyless, root)))

    async def token() -> str:
        return await identity_token(keyless.token, root, environ)

    return KeylessSigner(signatory, signing_services(keyless, root), token)


def trusted_root(keyless: Keyless, root: Path) -> TrustFile | None:
    """The trusted root that a project names, None for the public one. Raises ConfigError if it cannot be read."""
    return _file(root, keyless.trusted_root, "sign.keyless.trusted_root")


def warn_of_records(context: RunContext, environ: Mapping[str, str]) -> None:
    """Report that a keyless run signs what it remembers with a key that other machines do not have."""
    if context.image_signer and not environ.get("COSIGN_PRIVATE_KEY"):
        context.tell(
            "",
            ProgressState.WARNING,
            f"records are signed by this instance's key, {context.signing.origin}: machines without it build again; "
            "COSIGN_PRIVATE_KEY gives all of them one (docs/trust.md)",
        )


async def identity_token(source: SecretSource | None, root: Path, environ: Mapping[str, str]) -> str:
    """The identity token: from a variable or a file, of a GitHub job, or in SIGSTORE_ID_TOKEN.

    Raises UsageError when there is none, EnvironmentProblem when GitHub gives none.
    """
    if source is not None:
        return _named(source, root, environ)
    url, bearer = (environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}") for name in ("URL", "TOKEN"))
    if url and bearer:
        from pipeline.trust.keyless.github import job_token

        return await job_token(url, bearer)
    if token := environ.get("SIGSTORE_ID_TOKEN", "").strip():
        return token
    if environ.get("GITHUB_ACTIONS"):
        raise EnvironmentProblem(
            "this job may not request an identity token",
            hint="permissions: id-token: write in the workflow; jobs of pull requests from forks get none",
        )
    raise UsageError(
        "no identity token to sign with",
        hint="GitLab: id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore; elsewhere sign: keyless: token: names a "
        "variable or a file (docs/trust.md)",
    )


def public_key(name: str, root: Path) -> PublicKey:
    """The public key of `sign: key:`. Raises ConfigError if it cannot be read."""
    from pipeline.trust import PublicKey

    file = _file(root, name, "sign.public_key")
    assert file is not None
    return PublicKey(file.raw, file.origin)


def _named(source: SecretSource, root: Path, environ: Mapping[str, str]) -> str:
    name = str(source.value)
    if source.kind == "env":
        token = environ.get(name, "")
    else:
        try:
            with (root / name).open("rb") as file:  # Kubernetes has it behind links
                token = file.read(_TOKEN_BYTES).decode()
        except OSError as fault:
            raise UsageError(f"the identity token in {name} cannot be read: {fault.strerror}") from None
        except UnicodeDecodeError:
            raise UsageError(f"the identity token in {name} is not text") from None
    if not token.strip():
        raise UsageError(
            f"no identity token in {name}", hint="sign: keyless: token: in lockage.yml says where it is"
        )
    return token.strip()


def _file(root: Path, name: str | None, key: str) -> TrustFile | None:
    from pipeline.trust.keyless.services import TrustFile

    if name is None:
        return None
    try:
        return TrustFile(read_file(root / name, _FILE_BYTES, root=root), name)
    except OSError as fault:
        problem = f"{name} cannot be read: {fault.strerror or fault}"
        raise ConfigError([Problem("lockage.yml", 0, 0, key, problem)]) from None
